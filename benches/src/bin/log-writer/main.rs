//! Log writers side by side: what a line costs spreadlogd, in turn, on the same core.
//!
//! ```text
//! for each round:  start all writers -> send each a stretch of lines, in turn -> stop -> count lines
//! ```
//!
//! The figure is CPU time per line of all threads of the writer, from the kernel's own books ([`benches::cpu`]). The
//! writer has one core, the sender and the hub the other. Beside spreadlogd runs a bare loop that reads the same lines
//! and writes them (`bare-writer`); no row passes that has not written every line.
//!
//! - `lines.rs`: what is sent; `feed.rs`: how;
//! - `row.rs`: the writers, and what each is told to do;
//! - `round.rs`: one round of all writers;
//! - `report.rs`: medians, table, JSON.
//!
//! Memory over time: `--rounds 1 --lines 50000000 --only plain`, whose files need 10 GB.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod feed;
mod lines;
mod report;
mod round;
mod row;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use benches::built::{BuildError, build, programs};
use benches::machine::Machine;
use benches::program::{self, ProgramError};
use clap::Parser;
use spread_logger::diagnostics::Chain;

use crate::feed::FeedError;
use crate::lines::SLICE_LINES;
use crate::report::Report;
use crate::round::{STRETCH, Slices};
use crate::row::{Row, TcpWriter};

/// Measure spreadlogd beside a bare loop and other log writers.
#[derive(Debug, Parser)]
#[command(name = "log-writer")]
struct Args {
    /// How often the writers are started anew and measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Lines to each writer in a round, in whole stretches of 500,000
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    lines: u64,
    /// Lines sent in a second, while they are sent
    #[arg(long, default_value_t = RATE, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// A first look: 3 rounds of 500,000 lines
    #[arg(long, conflicts_with_all = ["rounds", "lines"])]
    quick: bool,
    /// Measure this row alone; may be given several times
    #[arg(long, value_name = "ROW", value_enum)]
    only: Vec<Row>,
    /// Measure this spreadlogd too, of another commit or the original
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// Measure this too: a program that runs already and writes what it reads at a TCP port
    #[arg(long, value_name = "PORT,PID,FILE")]
    tcp: Option<TcpWriter>,
    /// Send through the daemon at this port of 127.0.0.1 instead of a hub
    #[arg(long, value_name = "PORT")]
    spread: Option<u16>,
    /// Where the writers write, a directory [default: that for temporary files]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure the programs that are there instead of building them first
    #[arg(long)]
    no_build: bool,
}

/// 1,000,000 lines a second, 200 MB: more than a farm has, and less than any row could write, so that none falls behind.
const RATE: u64 = 1_000_000;

/// Where things are and where they run.
#[derive(Debug)]
struct Setup {
    /// A directory of this run, deleted at its end.
    scratch: PathBuf,
    /// Where cargo put the release programs.
    programs: PathBuf,
    before: Option<PathBuf>,
    tcp: Option<TcpWriter>,
    /// The hub's or daemon's.
    spread_port: u16,
    rate: u64,
    /// The writers' core, unless there is only one core.
    writer_core: Option<usize>,
}

/// Why a run gave no figures.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("cannot prepare or look after the run")]
    System(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Feed(#[from] FeedError),
    #[error("cannot read the CPU time of {name}")]
    CpuTime {
        name: &'static str,
        source: io::Error,
    },
    #[error("{name} has written {written} bytes of {expected} and no more comes; it said:\n{said}")]
    Silent {
        name: &'static str,
        written: u64,
        expected: u64,
        said: String,
    },
    #[error("{name} was sent {sent} lines that are to be written, but {written} were")]
    Lines {
        name: &'static str,
        sent: u64,
        written: u64,
    },
    #[error("{0} needs --before or --tcp")]
    NotNamed(&'static str),
    #[error("cannot write {}", path.display())]
    Json { path: PathBuf, source: io::Error },
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("log-writer: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    if !args.no_build {
        build(&["spreadlogd", "benches"])?;
    }
    let directory = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let rows = rows(args)?;
    let machine = Machine::look();
    println!("{machine}\nwritten in {}", directory.path().display());
    let cores = program::two_cores()?;
    if let Some((_, load)) = cores {
        program::stay_on(load)?;
    }
    let setup = Setup {
        scratch: directory.path().to_owned(),
        programs: programs()?,
        // The programs run in directories of their own.
        before: args.before.as_ref().map(fs::canonicalize).transpose()?,
        tcp: args.tcp.clone(),
        spread_port: args.spread.map_or_else(feed::start_hub, Ok)?,
        rate: args.rate,
        writer_core: cores.map(|(writer, _)| writer),
    };
    let slices = Slices::new();
    let (rounds, lines) = if args.quick {
        (3, 1)
    } else {
        (args.rounds, args.lines)
    };
    let stretch = SLICE_LINES * STRETCH;
    let count = lines.div_ceil(stretch);
    let mut report = Report {
        machine,
        lines: count * stretch,
        rows: rows.iter().map(|row| (*row, Vec::new())).collect(),
    };
    for round in 1..=rounds {
        eprintln!("round {round}/{rounds}");
        let samples = round::measure(&rows, &setup, &slices, count)?;
        for ((row, all), sample) in report.rows.iter_mut().zip(samples) {
            eprintln!("  {:<18}{}", row.name(), sample.line());
            all.push(sample);
        }
    }
    println!("\n{}", report.table());
    if let Some(path) = &args.json {
        fs::write(path, report.json()).map_err(|source| RunError::Json {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

impl Setup {
    fn program(&self, row: Row) -> PathBuf {
        let spreadlogd = || self.programs.join("spreadlogd");
        match row {
            Row::Bare => self.programs.join("bare-writer"),
            _ if row.is_before() => self.before.clone().unwrap_or_else(spreadlogd),
            _ => spreadlogd(),
        }
    }
}

/// The rows to measure: all that there are programs for, or those asked for by name.
fn rows(args: &Args) -> Result<Vec<Row>, RunError> {
    let is_there = |row: Row| match row {
        Row::Tcp => args.tcp.is_some(),
        _ => !row.is_before() || args.before.is_some(),
    };
    if let Some(row) = args.only.iter().find(|row| !is_there(**row)) {
        return Err(RunError::NotNamed(row.name()));
    }
    let is_wanted = |row: &Row| args.only.is_empty() || args.only.contains(row);
    let all = Row::ALL.into_iter().filter(is_wanted);
    Ok(all.filter(|row| is_there(*row)).collect())
}
