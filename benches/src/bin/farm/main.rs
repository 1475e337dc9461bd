//! A farm on one machine: many publishers, one hub or real daemons, several logging hosts.
//!
//! ```text
//! publishers (this process) -> hub (a process, or daemons that run) -> spreadlogd, spreadlogd … -> files
//!      |  each line has the moment it was logged                                                    |
//!      +------------------------------ how late is it in the file? <-------------------------------+
//! ```
//!
//! Lines are logged at a steady rate, evenly by all publishers, each of which is what an rthttpd has: a ring, a store,
//! a session. Told are the lines a second from the first logged to the last written, how long a line takes into the
//! file, the CPU time of each part, and what the books of the logging hosts say. A line that is lost, or files that
//! differ, end the run with an error; being slow does not.
//!
//! - `publishers.rs`: who logs;
//! - `hosts.rs`: who writes, and what is read of it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]
#![expect(clippy::cast_precision_loss, reason = "figures far below 2^52")]

mod hosts;
mod publishers;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use benches::built::{BuildError, build, programs};
use benches::cpu::CpuTimes;
use benches::faults::{FaultError, run_hub};
use benches::figures::quantile;
use benches::machine::Machine;
use benches::program::{Program, ProgramError, free_port};
use clap::Parser;
use serde_json::{Value, json};
use spread_logger::diagnostics::Chain;

use crate::hosts::{Follower, Host};
use crate::publishers::{Load, Logged};

/// Measure a farm's log from many publishers to the files.
#[derive(Debug, Parser)]
#[command(name = "farm")]
struct Args {
    /// How many log, at most 500
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    publishers: u16,
    /// How many write, at most 16
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    hosts: u16,
    /// Lines a second, of all publishers together
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: u64,
    /// For how long lines are logged
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// A first look: 20 publishers, 2 seconds
    #[arg(long, conflicts_with_all = ["publishers", "seconds"])]
    quick: bool,
    /// Spread daemons that run, instead of a hub; publishers and logging hosts use them in turn
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',')]
    spread: Vec<String>,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure the programs that are there instead of building them first
    #[arg(long)]
    no_build: bool,
    /// Be the hub, at this port
    #[arg(long, value_name = "PORT", hide = true)]
    hub: Option<u16>,
}

/// Why a run gave no figures, or no good ones.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("cannot prepare the run")]
    System(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("the hub has failed")]
    Hub(#[from] FaultError),
    #[error("a publisher cannot be started: {0}")]
    Publisher(String),
    #[error("logging host {number} did not join within {} s; it said:\n{said}", JOIN_MAX.as_secs())]
    NotJoined { number: usize, said: String },
    #[error("{0}")]
    Lost(String),
}

/// Until a logging host is a member, or a publisher has a daemon.
const JOIN_MAX: Duration = Duration::from_secs(20);

/// After the last line is logged, until all are in the files.
const WRITE_MAX: Duration = Duration::from_secs(60);

const GROUP: &str = "access_log";

fn main() -> ExitCode {
    let args = Args::parse();
    let ran = match args.hub {
        Some(port) => run_hub(port).map_err(RunError::from),
        None => run(&args),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("farm: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    if !args.no_build {
        build(&["spreadlogd"])?;
    }
    let (publishers, seconds) = if args.quick {
        (20, 2)
    } else {
        (usize::from(args.publishers), args.seconds)
    };
    let scratch = tempfile::tempdir()?;
    let machine = Machine::look();
    println!("{machine}");
    let (hub, daemons) = daemons(args, scratch.path())?;
    let spreadlogd = programs()?.join("spreadlogd");
    let mut hosts = Vec::new();
    for (number, daemon) in (0..usize::from(args.hosts)).zip(daemons.iter().cycle()) {
        let folder = scratch.path().join(format!("host-{number}"));
        hosts.push(Host::start(&spreadlogd, number, daemon, &folder)?);
    }
    let load = Load::start(publishers, &daemons)?;
    eprintln!(
        "{publishers} publishers and {} logging hosts are there",
        hosts.len()
    );

    let cpu = |hosts: &[Host]| -> io::Result<Vec<CpuTimes>> {
        let hub = hub.iter().map(Program::id);
        hub.chain(hosts.iter().map(Host::id))
            .map(CpuTimes::read)
            .collect()
    };
    let before = cpu(&hosts)?;
    let began = Instant::now();
    let lines = args.rate * seconds;
    let deadline = began + Duration::from_secs(seconds) + WRITE_MAX;
    let follow = |host: &Host| host.follow(load.began(), lines, deadline);
    let followers: Vec<_> = hosts.iter().map(follow).collect();
    let logged = load.run(args.rate, seconds)?;
    let (delays, ends): (Vec<_>, Vec<_>) = followers.into_iter().map(Follower::finish).unzip();
    let ended = ends.into_iter().max().unwrap_or(began);
    let elapsed = ended.saturating_duration_since(began);
    let after = cpu(&hosts)?;
    let used: Vec<Duration> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after.since(before).total)
        .collect();
    let report = Report {
        publishers,
        rate: args.rate,
        logged,
        elapsed,
        used,
        has_hub: hub.is_some(),
        delays,
    };
    println!("\n{}", report.table());
    if let Some(path) = &args.json {
        fs::write(path, format!("{:#}\n", report.json(&machine)))?;
    }
    let texts = hosts
        .into_iter()
        .map(|host| host.finish(&spreadlogd))
        .collect::<Result<Vec<_>, _>>()?;
    drop(hub);
    judge(report.logged, &texts)
}

/// The hub, if there is to be one, and where publishers and logging hosts find what they send to.
fn daemons(
    args: &Args,
    scratch: &std::path::Path,
) -> Result<(Option<Program>, Vec<String>), RunError> {
    if !args.spread.is_empty() {
        return Ok((None, args.spread.clone()));
    }
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--hub").arg(port.to_string());
    let mut hub = Program::start("hub", command, None, scratch)?;
    hub.wait_until_ready(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok((Some(hub), vec![format!("{port}@127.0.0.1")]))
}

/// Every line in every file, and the files the same.
fn judge(logged: Logged, texts: &[Vec<u8>]) -> Result<(), RunError> {
    let lost = |what: String| Err(RunError::Lost(what));
    if logged.lost > 0 {
        return lost(format!(
            "{} lines found no room in rings and stores",
            logged.lost
        ));
    }
    for (number, text) in texts.iter().enumerate() {
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        if lines != logged.lines {
            let logged = logged.lines;
            return lost(format!(
                "{logged} lines were logged, host {number} has {lines}"
            ));
        }
    }
    if texts.windows(2).any(|two| two.first() != two.last()) {
        return lost("the files of the logging hosts differ".to_owned());
    }
    println!(
        "{} lines in each file, 0 lost, the files are the same, the audits agree",
        logged.lines
    );
    Ok(())
}

/// What was measured.
struct Report {
    publishers: usize,
    rate: u64,
    logged: Logged,
    elapsed: Duration,
    /// Of the hub, if there is one, and of each logging host.
    used: Vec<Duration>,
    has_hub: bool,
    delays: Vec<Vec<Duration>>,
}

impl Report {
    fn parts(&self) -> impl Iterator<Item = (String, Duration)> {
        let hub = self.has_hub.then(|| "hub".to_owned());
        let hosts = (0..).map(|number| format!("logging host {number}"));
        let names = hub.into_iter().chain(hosts);
        let publishers = ("publishers".to_owned(), self.logged.cpu);
        [publishers]
            .into_iter()
            .chain(names.zip(self.used.iter().copied()))
    }

    fn per_line(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.logged.lines.max(1) as f64
    }

    fn lines_per_second(&self) -> f64 {
        self.logged.lines as f64 / self.elapsed.as_secs_f64()
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{} publishers, {} logging hosts, {} lines a second wanted: {} lines, {:.0} a second into the files\n\n",
            self.publishers,
            self.delays.len(),
            self.rate,
            self.logged.lines,
            self.lines_per_second()
        );
        for (name, used) in self.parts() {
            text.push_str(&format!(
                "{name:<20}{:>8.2} µs CPU/line\n",
                self.per_line(used)
            ));
        }
        for (number, delays) in self.delays.iter().enumerate() {
            let [half, p99] = [0.5, 0.99].map(|part| millis(delays, part));
            text.push_str(&format!(
                "from log to file, host {number}: p50 {half:.1} ms, p99 {p99:.1} ms\n"
            ));
        }
        text
    }

    fn json(&self, machine: &Machine) -> Value {
        let parts = self.parts();
        let parts: Vec<Value> = parts
            .map(|(name, used)| json!({"name": name, "cpu_micros_per_line": self.per_line(used)}))
            .collect();
        let delays = self.delays.iter();
        let delays: Vec<Value> = delays
            .map(|delays| json!({"p50_ms": millis(delays, 0.5), "p99_ms": millis(delays, 0.99)}))
            .collect();
        json!({
            "machine": machine.to_string(),
            "publishers": self.publishers,
            "lines": self.logged.lines,
            "lost": self.logged.lost,
            "rate": self.rate,
            "lines_per_second": self.lines_per_second(),
            "parts": parts,
            "hosts": delays,
        })
    }
}

fn millis(delays: &[Duration], part: f64) -> f64 {
    let delay = quantile(&mut delays.to_vec(), part);
    delay.map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
}
