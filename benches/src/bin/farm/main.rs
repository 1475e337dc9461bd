//! A farm on one machine: publishers and web servers, one hub or real daemons, several logging hosts.
//!
//! ```text
//! publishers (this process) -+
//!                            +-> hub (a process, or daemons that run) -> spreadlogd, spreadlogd … -> files
//! asked -> rthttpd, rthttpd -+                                                                        |
//!   |  the moment of each answer                                                                      |
//!   +---------------------------------- how late is its line in the file? <--------------------------+
//! ```
//!
//! Lines come about at a steady rate, evenly by all. A publisher is what an rthttpd has: a ring, a store, a session;
//! there may be hundreds of them, where as many whole servers would be no more than a load on the machine. Told are
//! the lines a second from the first to the last one written, how long a line takes into the file, the CPU time of
//! each part, and what the books of the logging hosts say. A line that is lost or doubled, or files that differ, end
//! the run with an error; being slow does not.
//!
//! - `plan.rs`: what is asked for on the command line; `run.rs`: one farm;
//! - `load.rs`: who has which line, and when; `publishers.rs` and `servers.rs`: who logs;
//! - `hosts.rs`: who writes, and what is read of it; `moments.rs`: the moments of both sides;
//! - `report.rs`: figures, table, pictures;
//! - `sniff/`: a packet sniffer in the place of the log.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod hosts;
mod load;
mod moments;
mod plan;
mod publishers;
mod report;
mod run;
mod servers;
mod sniff;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use benches::built::{BuildError, build, programs};
use benches::faults::{FaultError, run_hub};
use benches::interrupt::{self, Interrupted};
use benches::load::LoadError;
use benches::machine::Machine;
use benches::program::ProgramError;
use clap::Parser;
use spread_logger::diagnostics::Chain;

use crate::plan::{Args, Plan, PlanError};
use crate::report::Report;
use crate::run::{Setup, Spread, measure};
use crate::sniff::SniffError;

/// Why a run gave no figures, or no good ones.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("cannot prepare or look after the run")]
    System(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("the hub has failed")]
    Hub(#[from] FaultError),
    #[error("a publisher cannot be started: {0}")]
    Publisher(String),
    #[error("the servers cannot be asked: {0}")]
    Server(String),
    #[error("logging host {number} did not join within {} s; it said:\n{said}", JOIN_MAX.as_secs())]
    NotJoined { number: usize, said: String },
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Sniff(#[from] SniffError),
    #[error("{0}")]
    Lost(String),
    #[error("it does not keep up with {0} lines a second")]
    TooMuch(u64),
}

/// Until a logging host is a member, or a publisher has a daemon.
const JOIN_MAX: Duration = Duration::from_secs(20);

/// After the last line is logged, until all are in the files.
const WRITE_MAX: Duration = Duration::from_secs(60);

const GROUP: &str = "access_log";

/// Where the search for the rate that is too much begins.
const FIRST_RATE: u64 = 20_000;

/// As long as a step of it takes.
const STEP_SECONDS: u64 = 3;

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
    let plans = args.plans()?;
    if !args.no_build {
        build(&["spreadlogd", "rthttpd"])?;
    }
    interrupt::watch()?;
    let scratch = tempfile::tempdir()?;
    let machine = Machine::look();
    println!("{machine}");
    let setup = Setup {
        programs: programs()?,
        spread: Spread::start(args, scratch.path())?,
        scratch: scratch.path().to_owned(),
    };
    if args.sniff {
        let figures = sniff::run(&setup, args.seconds, &machine)?;
        if let (Some(path), Some(figures)) = (&args.json, figures) {
            fs::write(path, format!("{figures:#}\n"))?;
        }
        return Ok(());
    }
    measure_all(args, plans, &setup, machine)
}

fn measure_all(
    args: &Args,
    plans: Vec<Plan>,
    setup: &Setup,
    machine: Machine,
) -> Result<(), RunError> {
    let mut report = Report {
        machine,
        full: None,
        samples: Vec::new(),
    };
    for mut plan in plans {
        if args.half {
            let full = full_rate(plan, setup)?;
            println!("it keeps up with {full} lines a second; half of that:");
            report.full = Some(full);
            plan.rate = full / 2;
            plan.check()?;
        }
        let sample = measure(plan, setup)?;
        println!("\n{}", sample.text());
        report.samples.push(sample);
        // What is measured is kept when what follows is not.
        if let Some(path) = &args.json {
            fs::write(path, report.json())?;
        }
    }
    if report.samples.len() > 1 {
        println!("{}", report.table());
    }
    if let Some(dir) = &args.svg {
        draw(&report, dir)?;
    }
    let faults = report.samples.iter().flat_map(|sample| &sample.faults);
    let faults: Vec<&str> = faults.map(String::as_str).collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(RunError::Lost(faults.join("\n")))
}

/// The highest rate that it keeps up with, of steps of a half more each.
fn full_rate(plan: Plan, setup: &Setup) -> Result<u64, RunError> {
    let mut full = None;
    let mut step = Plan {
        rate: FIRST_RATE,
        seconds: STEP_SECONDS,
        ..plan
    };
    while step.check().is_ok() {
        let sample = measure(step, setup)?;
        let keeps_up = sample.keeps_up();
        eprintln!(
            "{} lines a second: {}, {:.2} processors busy",
            step.rate,
            if keeps_up { "kept up" } else { "too much" },
            sample.busy()
        );
        if !keeps_up {
            break;
        }
        full = Some(step.rate);
        step.rate += step.rate / 2;
    }
    full.ok_or(RunError::TooMuch(FIRST_RATE))
}

fn draw(report: &Report, dir: &Path) -> io::Result<()> {
    let Some(along) = report.along() else {
        return Ok(());
    };
    fs::create_dir_all(dir)?;
    for (what, chart) in [
        ("cpu", report.cpu_chart(along)),
        ("delay", report.delay_chart(along)),
    ] {
        let name = format!("farm-{what}-by-{}.svg", along.name());
        fs::write(dir.join(name), chart.to_string())?;
    }
    Ok(())
}
