//! Web servers side by side: what a request costs each of them, in turn, on the same core.
//!
//! ```text
//! for each round:  start all servers -> ask each for a slice, in turn, many times -> stop -> count lines
//! ```
//!
//! The figure is CPU time per request, of all threads and processes of the server, from the kernel's own books
//! ([`benches::cpu`]): unlike requests per second it hardly depends on the load generator, or on who else uses
//! the machine. The server has one core to itself, the load generator ([`benches::load`]) and the hub the other.
//!
//! - `candidate.rs`: the servers, and how each is started;
//! - `round.rs`: one round of all servers;
//! - `report.rs`: medians, table, JSON.
//!
//! It is no latency measurement (the load waits for each answer) and no proof about other machines.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod candidate;
mod report;
mod round;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::built::{BuildError, build, programs};
use benches::load::LoadError;
use benches::machine::Machine;
use benches::program;
use clap::Parser;
use spread_logger::diagnostics::Chain;

use crate::candidate::{Candidate, CandidateError, Setup};
use crate::report::{Case, Report, Row};

/// Measure rthttpd beside other web servers.
#[derive(Debug, Parser)]
#[command(name = "side-by-side")]
struct Args {
    /// How often the servers are started anew and measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Requests to each server in a round
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Bytes of the file asked for
    #[arg(long, value_name = "BYTES", default_value_t = CONTENT_LEN)]
    content: usize,
    /// A first look: 3 rounds of 30,000 requests
    #[arg(long, conflicts_with_all = ["rounds", "requests"])]
    quick: bool,
    /// Measure this server alone; may be given several times
    #[arg(long, value_name = "NAME", value_enum)]
    only: Vec<Candidate>,
    /// Measure this rthttpd too, built from another commit: what a change costs
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure the programs that are there instead of building them first
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
    Candidate(#[from] CandidateError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot read the CPU time of {name}")]
    CpuTime {
        name: &'static str,
        source: io::Error,
    },
    #[error("{name} served {served} requests, but {written} lines were written")]
    Lines {
        name: &'static str,
        served: u64,
        written: u64,
    },
    #[error("{0} cannot be run: it is not installed, or was not built")]
    NotInstalled(&'static str),
    #[error("cannot write {}", path.display())]
    Json { path: PathBuf, source: io::Error },
}

/// A file of this length is the case of the first target: small, and larger than its head.
const CONTENT_LEN: usize = 1024;

pub(crate) const TARGET: &str = "/file.txt";

const CONNECTIONS: usize = 64;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side-by-side: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    if !args.no_build {
        build(&["rthttpd", "spreadlogd", "benches"])?;
    }
    let directory = tempfile::tempdir()?;
    let content = content(args.content);
    let setup = prepare(directory.path(), &content, args.before.as_deref())?;
    let case = case(args);
    let machine = Machine::look();
    println!("{machine}");
    let mut rows = rows(args, &setup)?;
    introduce(&rows, &setup);
    if let Some(core) = setup.load_core {
        program::stay_on(core)?;
    }

    let candidates: Vec<Candidate> = rows.iter().map(|row| row.candidate).collect();
    for round in 1..=case.rounds {
        eprintln!("round {round}/{}", case.rounds);
        let samples = round::measure(&candidates, &setup, &content, case)?;
        for (row, sample) in rows.iter_mut().zip(samples) {
            eprintln!("  {:<16}{}", row.candidate.name(), sample.line());
            row.samples.push(sample);
        }
    }

    let report = Report {
        machine,
        case,
        rows,
    };
    println!("\n{}", report.table());
    if let Some(path) = &args.json {
        fs::write(path, report.json()).map_err(|source| RunError::Json {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

fn case(args: &Args) -> Case {
    let (rounds, requests) = if args.quick {
        (3, 30_000)
    } else {
        (usize::from(args.rounds), args.requests)
    };
    Case {
        content_len: args.content,
        connections: CONNECTIONS,
        requests,
        rounds,
    }
}

fn prepare(scratch: &Path, content: &[u8], before: Option<&Path>) -> Result<Setup, RunError> {
    let root = scratch.join("www");
    fs::create_dir(&root)?;
    let file = root.join(TARGET.trim_start_matches('/'));
    fs::write(&file, content)?;
    // nginx started by root reads the files as another user.
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?;

    let cores = program::two_cores()?;
    if cores.is_none() {
        eprintln!(
            "only one core: the servers share it with the load, so compare nothing but ratios"
        );
    }
    Ok(Setup {
        scratch: scratch.to_owned(),
        root,
        file,
        programs: programs()?,
        // The programs run in directories of their own.
        before: before.map(fs::canonicalize).transpose()?,
        server_core: cores.map(|(server, _)| server),
        load_core: cores.map(|(_, load)| load),
    })
}

/// Text, so that a wrong answer can be read in an error.
fn content(len: usize) -> Vec<u8> {
    (0..)
        .flat_map(|line| format!("{line:06} one file, served over and over again\n").into_bytes())
        .take(len)
        .collect()
}

/// The servers to measure. One that was asked for by name must be there; the others are left out with a word.
fn rows(args: &Args, setup: &Setup) -> Result<Vec<Row>, RunError> {
    let mut rows = Vec::new();
    for candidate in Candidate::ALL {
        let named = args.only.contains(&candidate);
        let is_before = Candidate::ALL
            .iter()
            .any(|row| row.before() == Some(candidate));
        if !named && (!args.only.is_empty() || is_before && setup.before.is_none()) {
            continue;
        }
        match candidate.version(setup) {
            Some(version) => rows.push(Row {
                candidate,
                version,
                samples: Vec::new(),
            }),
            None if named => return Err(RunError::NotInstalled(candidate.name())),
            None => eprintln!("{} is not there and left out", candidate.name()),
        }
    }
    Ok(rows)
}

/// Says what is compared, down to the configuration: a figure is worth what its conditions are.
fn introduce(rows: &[Row], setup: &Setup) {
    for row in rows {
        println!("{:<16}{}", row.candidate.name(), row.version);
    }
    if rows.iter().any(|row| row.candidate == Candidate::Nginx) {
        let config = candidate::nginx_config(0, &setup.root);
        println!("\nnginx.conf (the port changes):\n{config}");
    }
}
