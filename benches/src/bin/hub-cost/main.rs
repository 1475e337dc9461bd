//! The hub beside a real Spread daemon: what a message costs each, in turn, on the same core.
//!
//! ```text
//! for each shape:  connect to both -> send each a slice, in turn, many times -> medians
//! ```
//!
//! The figure is CPU time of the process for a message from a sender, from the kernel's own books. Both have one core,
//! in turn; those who send and receive have the other. Without a daemon (`SPREAD_DAEMON` names its program) the hub
//! is measured alone.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]
#![expect(clippy::cast_precision_loss, reason = "figures far below 2^52")]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use benches::cpu::CpuTimes;
use benches::daemon::{Daemon, DaemonError};
use benches::exchange::{Clients, ExchangeError, Shape};
use benches::faults::{FaultError, run_hub};
use benches::figures::median;
use benches::interrupt::{self, Interrupted};
use benches::machine::Machine;
use benches::program::{self, Program, ProgramError, free_port};
use clap::Parser;
use serde_json::{Value, json};
use spread::{Address, AddressError};
use spread_logger::diagnostics::Chain;
use tokio::runtime::Builder;

/// Measure what a message costs the hub, and a real daemon beside it.
#[derive(Debug, Parser)]
#[command(name = "hub-cost")]
struct Args {
    /// How often each is measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: u16,
    /// MB that go from each sender to each receiver in a round, in messages of at most 20,000
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=1000))]
    megabytes: u64,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Be the hub, at this port
    #[arg(long, value_name = "PORT", hide = true)]
    hub: Option<u16>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot prepare or look after the run")]
    System(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("the hub has failed")]
    Hub(#[from] FaultError),
    #[error("no address")]
    Address(#[from] AddressError),
    #[error("messages to the {name} do not go through")]
    Exchange {
        name: &'static str,
        source: ExchangeError,
    },
}

/// One of the two.
struct Carrier {
    name: &'static str,
    process: u32,
    address: Address,
}

/// CPU time for a message of each carrier, in microseconds, by round.
struct Row {
    shape: Shape,
    costs: Vec<Vec<f64>>,
}

/// Small messages for long enough are many.
const MESSAGES_MAX: u64 = 20_000;

/// 1 to 1 and 4 to 2; a line, and what a publisher packs; few on their way, and as many as wait under load.
fn shapes() -> impl Iterator<Item = Shape> {
    let clients = [(1, 1), (4, 2)].into_iter();
    clients.flat_map(|(senders, receivers)| {
        let sizes = [(200, 4), (200, 64), (32 * 1024, 4), (32 * 1024, 16)].into_iter();
        sizes.map(move |(body_len, window)| Shape {
            senders,
            receivers,
            body_len,
            window,
        })
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    let ran = match args.hub {
        Some(port) => run_hub(port).map_err(RunError::from),
        None => run(&args),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hub-cost: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    interrupt::watch()?;
    let scratch = tempfile::tempdir()?;
    let machine = Machine::look();
    println!("{machine}");
    let cores = program::two_cores()?;
    let core = cores.map(|(first, _)| first);
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--hub").arg(port.to_string());
    let mut hub = Program::start("hub", command, core, scratch.path())?;
    hub.wait_until_ready(([127, 0, 0, 1], port).into())?;
    let mut carriers = vec![Carrier::at("hub", hub.id(), port)?];
    let daemon = Daemon::named().map(|program| Daemon::start(&program, core, scratch.path()));
    let daemon = daemon.transpose()?;
    match &daemon {
        Some(daemon) => carriers.push(Carrier::at("daemon", daemon.id(), daemon.port())?),
        None => eprintln!("the hub alone: SPREAD_DAEMON names no daemon"),
    }
    if let Some((_, second)) = cores {
        program::stay_on(second)?;
    }
    let mut rows = Vec::new();
    for shape in shapes() {
        eprintln!("{}", name(&shape));
        rows.push(measure(shape, &carriers, args)?);
    }
    println!("\n{}", table(&rows));
    if let Some(path) = &args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        let report = json!({"machine": machine.to_string(), "rounds": args.rounds, "rows": rows});
        fs::write(path, format!("{report:#}\n"))?;
    }
    Ok(())
}

fn measure(shape: Shape, carriers: &[Carrier], args: &Args) -> Result<Row, RunError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let count = (args.megabytes * 1_000_000 / shape.body_len as u64).clamp(1, MESSAGES_MAX);
    let mut all = Vec::new();
    for carrier in carriers {
        let failed = |source| carrier.failed(source);
        let connecting = Clients::connect(&carrier.address, shape);
        let mut clients = runtime.block_on(connecting).map_err(failed)?;
        // What is done once is done before.
        let warming = clients.exchange(count / 10 + 1);
        runtime.block_on(warming).map_err(failed)?;
        all.push(clients);
    }
    let mut costs = vec![Vec::new(); carriers.len()];
    for _ in 0..args.rounds {
        for ((carrier, clients), costs) in carriers.iter().zip(&mut all).zip(&mut costs) {
            interrupt::check()?;
            let before = CpuTimes::read(carrier.process)?;
            let exchanged = runtime.block_on(clients.exchange(count));
            exchanged.map_err(|source| carrier.failed(source))?;
            let used = CpuTimes::read(carrier.process)?.since(&before).total;
            let messages = count * shape.senders as u64;
            costs.push(used.as_secs_f64() * 1e6 / messages as f64);
        }
    }
    Ok(Row { shape, costs })
}

impl Carrier {
    fn at(name: &'static str, process: u32, port: u16) -> Result<Self, RunError> {
        Ok(Self {
            name,
            process,
            address: format!("{port}@127.0.0.1").parse()?,
        })
    }

    fn failed(&self, source: ExchangeError) -> RunError {
        RunError::Exchange {
            name: self.name,
            source,
        }
    }
}

impl Row {
    fn hub(&self) -> f64 {
        median(self.costs.first().cloned().unwrap_or_default())
    }

    /// The daemon's, and the median of the hub's to it, paired by round.
    fn daemon(&self) -> Option<(f64, f64)> {
        let (hub, daemon) = (self.costs.first()?, self.costs.get(1)?);
        let ratios = hub.iter().zip(daemon).map(|(hub, daemon)| hub / daemon);
        Some((median(daemon.clone()), median(ratios.collect())))
    }

    fn json(&self) -> Value {
        json!({
            "senders": self.shape.senders,
            "receivers": self.shape.receivers,
            "body_len": self.shape.body_len,
            "window": self.shape.window,
            "hub_micros": self.hub(),
            "daemon_micros": self.daemon().map(|(daemon, _)| daemon),
            "hub_to_daemon": self.daemon().map(|(_, ratio)| ratio),
            "samples": self.costs,
        })
    }
}

fn name(shape: &Shape) -> String {
    let Shape {
        senders,
        receivers,
        body_len,
        window,
    } = shape;
    format!("{senders} to {receivers}, {body_len} bytes, {window} on their way")
}

/// As the documentation has it.
fn table(rows: &[Row]) -> String {
    let mut text = "CPU time of the process for a message of a sender, medians\n\n\
                    | messages | hub | daemon | hub to daemon |\n|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let (daemon, ratio) = row.daemon().map_or_else(Default::default, |(cost, ratio)| {
            (format!("{cost:.2} µs"), format!("{ratio:.3}"))
        });
        let (name, hub) = (name(&row.shape), row.hub());
        text.push_str(&format!("| {name} | {hub:.2} µs | {daemon} | {ratio} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The machine is three times as slow in the second round.
    #[test]
    fn ratios_are_paired_by_round() {
        let row = Row {
            shape: shapes().next().unwrap(),
            costs: vec![vec![1.0, 3.0, 1.1], vec![4.0, 12.0, 4.4]],
        };

        let (daemon, ratio) = row.daemon().unwrap();

        assert!((ratio - 0.25).abs() < 1e-9);
        assert!((daemon - 4.4).abs() < 1e-9);
        assert_eq!(
            table(&[row]).lines().last(),
            Some("| 1 to 1, 200 bytes, 4 on their way | 1.10 µs | 4.40 µs | 0.250 |")
        );
    }

    #[test]
    fn the_hub_alone_has_a_row_too() {
        let row = Row {
            shape: shapes().last().unwrap(),
            costs: vec![vec![6.0]],
        };

        assert_eq!(row.daemon(), None);
        assert_eq!(
            table(&[row]).lines().last(),
            Some("| 4 to 2, 32768 bytes, 16 on their way | 6.00 µs |  |  |")
        );
    }
}
