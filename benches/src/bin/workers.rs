//! What a second worker costs: one server with two workers, beside two servers with one each.
//!
//! Two servers share nothing but the machine. Whatever two workers of one server share, be it a lock or a part of a
//! cache that both write to, shows as CPU time per request beyond theirs. That can be seen on two cores that the load
//! uses as well, where requests per second would tell of the load: if a request costs the same, two workers
//! on cores of their own do twice what one does.
//!
//! Both are asked in turn, in slices, from both cores, and each worker from both: a worker that hears from one core alone
//! moves there, and its sockets stay in that core's caches. Every request is logged, into a file.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{fs, io, thread};

use benches::built::{BuildError, build, programs};
use benches::cpu::CpuTimes;
use benches::figures::median;
use benches::load::{Expected, Load, LoadError, Question, Shape, Wanted};
use benches::machine::Machine;
use benches::program::{self, Program, ProgramError, free_port};
use clap::Parser;
use spread_logger::diagnostics::Chain;

/// Measure two workers of one server beside two servers.
#[derive(Debug, Parser)]
#[command(name = "workers")]
struct Args {
    /// How often the servers are started anew and measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Requests to either in a round
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1000..))]
    requests: u64,
    /// Measure the program that is there instead of building it first
    #[arg(long)]
    no_build: bool,
}

/// Why a run gave no figures.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("cannot prepare the run")]
    Prepare(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("it takes two cores, for the threads of the load to be as far apart as the workers")]
    OneCore,
    #[error("a thread of the load has panicked")]
    Panicked,
}

/// Slices of a round, as many for either.
const SLICES: u64 = 10;

/// Connections to either, a quarter of them from each core to each worker, as far as that can be chosen.
const CONNECTIONS: usize = 64;

/// A publisher empties the rings every 20 ms.
const SETTLING: Duration = Duration::from_millis(25);

/// Servers, and the load of each core.
struct Contestant {
    servers: Vec<Program>,
    loads: Vec<(usize, Load)>,
    requests: u64,
    used: Duration,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workers: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    if !args.no_build {
        build(&["rthttpd"])?;
    }
    println!("{}", Machine::look());
    let mut ratios = Vec::new();
    for round in 1..=args.rounds {
        let (one, two) = measure(args.requests)?;
        let ratio = one / two;
        println!(
            "round {round}: {one:.2} µs CPU/request with two workers, {two:.2} with two servers: {ratio:.3}"
        );
        ratios.push(ratio);
    }
    let ratio = median(ratios);
    println!(
        "median {ratio:.3}: two workers do {:.2} times what one does",
        2.0 / ratio
    );
    Ok(())
}

/// CPU time per request in microseconds: of one server with two workers, and of two with one.
fn measure(requests: u64) -> Result<(f64, f64), RunError> {
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("www");
    fs::create_dir(&root)?;
    fs::write(root.join("small.txt"), vec![b'x'; 1024])?;
    let mut one = Contestant::start(scratch.path(), &["one"], "2")?;
    let mut two = Contestant::start(scratch.path(), &["two-a", "two-b"], "1")?;
    for slice in 0..=SLICES {
        for contestant in [&mut one, &mut two] {
            contestant.ask(requests / SLICES)?;
            // The first is for caches and connections.
            if slice == 0 {
                (contestant.requests, contestant.used) = (0, Duration::ZERO);
            }
        }
    }
    Ok((one.finish()?, two.finish()?))
}

impl Contestant {
    fn start(scratch: &Path, names: &[&str], workers: &str) -> Result<Self, RunError> {
        let (first, second) = program::two_cores()?.ok_or(RunError::OneCore)?;
        let (mut servers, mut addresses) = (Vec::new(), Vec::new());
        for name in names {
            let port = free_port()?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut command = Command::new(programs()?.join("rthttpd"));
            let log = scratch.join(format!("{name}.log"));
            command
                .args(["-p", &port.to_string(), "--workers", workers, "-d"])
                .arg(scratch.join("www"))
                .arg("--log")
                .arg(format!("file={}", log.display()));
            let mut server = Program::start(name, command, None, scratch)?;
            server.wait_until_ready(address)?;
            servers.push(server);
            addresses.push(address);
        }
        let shape = Shape {
            connections: CONNECTIONS / 4,
            pipelined: 1,
        };
        let mut loads = Vec::new();
        for core in [first, second] {
            for address in addresses.iter().cycle().take(2) {
                let wanted = Wanted::file(&[b'x'; 1024]);
                let expected = Expected::learn(*address, &Question::about("/small.txt"), &wanted)?;
                loads.push((core, Load::connect(*address, shape, expected)?));
            }
        }
        Ok(Self {
            servers,
            loads,
            requests: 0,
            used: Duration::ZERO,
        })
    }

    /// Sends `requests` requests.
    fn ask(&mut self, requests: u64) -> Result<(), RunError> {
        let before = self.cpu_times()?;
        let part = requests / self.loads.len() as u64;
        thread::scope(|scope| {
            let ask = |(core, load): &mut (usize, Load)| -> Result<u64, RunError> {
                program::stay_on(*core)?;
                Ok(load.run(part)?.requests)
            };
            let threads: Vec<_> = self
                .loads
                .iter_mut()
                .map(|load| scope.spawn(move || ask(load)))
                .collect();
            for thread in threads {
                self.requests += thread.join().map_err(|_| RunError::Panicked)??;
            }
            Ok::<_, RunError>(())
        })?;
        thread::sleep(SETTLING);
        self.used += self.cpu_times()?.since(&before).total;
        Ok(())
    }

    fn cpu_times(&self) -> Result<CpuTimes, RunError> {
        let processes: Vec<_> = self.servers.iter().map(Program::id).collect();
        Ok(CpuTimes::read_all(&processes)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "requests are far below 2^52")]
    fn finish(self) -> Result<f64, RunError> {
        drop(self.loads);
        for server in self.servers {
            server.stop()?;
        }
        Ok(self.used.as_secs_f64() * 1e6 / self.requests as f64)
    }
}
