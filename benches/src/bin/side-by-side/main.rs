//! Web servers side by side: what a request costs each of them, in turn, on the same core.
//!
//! ```text
//! for each case and round:  start all servers -> ask each for a slice, in turn, many times -> stop -> count lines
//! ```
//!
//! The figure is CPU time per request, of all threads and processes of the server, from the kernel's own books
//! ([`benches::cpu`]): unlike requests per second it hardly depends on the load generator, or on who else uses
//! the machine. The server has one core to itself, the load generator ([`benches::load`]) and the hub the other.
//!
//! - `case.rs`: what they are asked for; `site.rs`: the files;
//! - `candidate.rs`: the rows: a server and a log; `server/`: how each server is set up; `log.rs`: where its lines go;
//! - `round.rs`: one round of all servers;
//! - `report.rs`: medians, table, JSON; `chart.rs`: pictures.
//!
//! How long answers take is measured apart, at a fixed rate (`benches/src/load/pace.rs`). It is no proof about
//! other machines.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod candidate;
mod case;
mod chart;
mod log;
mod report;
mod round;
mod server;
mod site;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::built::{BuildError, build, programs};
use benches::load::LoadError;
use benches::machine::Machine;
use benches::program;
use clap::Parser;
use spread_logger::diagnostics::Chain;

use crate::candidate::Candidate;
use crate::case::Case;
use crate::chart::Chart;
use crate::log::Destination;
use crate::report::{Report, Row, Table};
use crate::server::{CandidateError, Server, Setup};
use crate::site::Site;

/// Measure rthttpd beside other web servers.
#[derive(Debug, Parser)]
#[command(name = "side-by-side")]
struct Args {
    /// How often the servers are started anew and measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Requests for a small file to each server in a round; fewer for larger ones
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Requests a second for a small file, to each server, to tell how long answers take; 0 tells nothing
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// A first look: 3 rounds of 30,000 requests
    #[arg(long, conflicts_with_all = ["rounds", "requests"])]
    quick: bool,
    /// Measure these servers alone
    #[arg(long, value_name = "NAME,…", value_enum, value_delimiter = ',')]
    only: Vec<Candidate>,
    /// Measure these cases, or all; --cases names them
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = Case::DEFAULT)]
    case: Vec<String>,
    /// Name the cases
    #[arg(long)]
    cases: bool,
    /// Measure this rthttpd too, built from another commit: what a change costs
    #[arg(long, value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// Write the figures to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw each case into this directory, as side-by-side-CASE.svg
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
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
    #[error("{name} failed")]
    Load {
        name: &'static str,
        source: LoadError,
    },
    #[error("cannot read the CPU time of {name}")]
    CpuTime {
        name: &'static str,
        source: io::Error,
    },
    #[error("not every request has its line: {0}")]
    Lines(String),
    #[error("{0} cannot be run: it is not installed, or was not built")]
    NotInstalled(&'static str),
    #[error("there is no case {0}: --cases names those that there are")]
    NoSuchCase(String),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

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
    if args.cases {
        for case in Case::all() {
            println!("{:<12}{}", case.name, case.what);
        }
        return Ok(());
    }
    let cases = cases(&args.case)?;
    if !args.no_build {
        build(&["rthttpd", "spreadlogd", "spread-logger", "benches"])?;
    }
    let directory = tempfile::tempdir()?;
    let setup = prepare(directory.path(), &cases, args.before.as_deref())?;
    let machine = Machine::look();
    println!("{machine}");
    let rows = rows(args, &setup)?;
    introduce(&rows, &setup);
    if let Some(core) = setup.load_core {
        program::stay_on(core)?;
    }

    let mut report = Report {
        machine,
        tables: Vec::new(),
    };
    for case in cases {
        let table = measure(args, &setup, case, &rows)?;
        println!("\n{table}");
        if let Some(directory) = &args.svg {
            let name = format!("side-by-side-{}.svg", table.case.name);
            write(&directory.join(name), &Chart(&table).to_string())?;
        }
        report.tables.push(table);
        // After each case, so that a run that is stopped has what was measured.
        if let Some(path) = &args.json {
            write(path, &report.json())?;
        }
    }
    match report.lost() {
        Some(lost) => Err(RunError::Lines(lost)),
        None => Ok(()),
    }
}

/// Those named, in the order of the table.
fn cases(names: &[String]) -> Result<Vec<Case>, RunError> {
    let mut cases = Case::all();
    if names.iter().any(|name| name == "all") {
        return Ok(cases);
    }
    let unknown = |name: &&String| !cases.iter().any(|case| case.name == **name);
    if let Some(name) = names.iter().find(unknown) {
        return Err(RunError::NoSuchCase(name.clone()));
    }
    cases.retain(|case| names.iter().any(|name| name == case.name));
    Ok(cases)
}

/// All rounds of one case.
fn measure(args: &Args, setup: &Setup, case: Case, rows: &[Row]) -> Result<Table, RunError> {
    let (rounds, requests) = if args.quick {
        (3, 30_000)
    } else {
        (usize::from(args.rounds), args.requests)
    };
    let takes = |row: &&Row| row.candidate.takes(&case);
    let mut rows: Vec<Row> = rows.iter().filter(takes).cloned().collect();
    let candidates: Vec<Candidate> = rows.iter().map(|row| row.candidate).collect();
    let requests = case.requests(requests);
    let rate = case.rate(args.rate);
    for round in 1..=rounds {
        eprintln!("{}, round {round}/{rounds}", case.name);
        let samples = round::measure(&candidates, setup, &case, requests, rate)?;
        for (row, sample) in rows.iter_mut().zip(samples) {
            eprintln!("  {:<20}{}", row.candidate.name(), sample.line());
            row.samples.push(sample);
        }
    }
    Ok(Table {
        case,
        requests,
        rate,
        rounds,
        rows,
    })
}

fn write(path: &Path, text: &str) -> Result<(), RunError> {
    fs::write(path, text).map_err(|source| RunError::Write {
        path: path.to_owned(),
        source,
    })
}

fn prepare(scratch: &Path, cases: &[Case], before: Option<&Path>) -> Result<Setup, RunError> {
    let mut files: Vec<_> = cases.iter().map(Case::file).collect();
    files.dedup();
    let site = Site::make(scratch.join("www"), &files)?;
    // A server that root has started reads the files as another user.
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?;

    let cores = program::two_cores()?;
    if cores.is_none() {
        eprintln!(
            "only one core: the servers share it with the load, so compare nothing but ratios"
        );
    }
    Ok(Setup {
        scratch: scratch.to_owned(),
        site,
        programs: programs()?,
        // The programs run in directories of their own.
        before: before.map(fs::canonicalize).transpose()?,
        server_core: cores.map(|(server, _)| server),
        load_core: cores.map(|(_, load)| load),
    })
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
        match candidate.server().version(setup) {
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
        println!("{:<20}{}", row.candidate.name(), row.version);
    }
    for server in [Server::Nginx, Server::Apache, Server::Lighttpd] {
        let is_here = rows.iter().any(|row| row.candidate.server() == server);
        let directory = setup.scratch.join("DIRECTORY");
        let root = setup.site.root();
        let config = server.config(0, root, &directory, &Destination::Nowhere, 64);
        if let Some(config) = config.filter(|_| is_here) {
            println!(
                "\n{server:?}'s configuration (port, directory, threads and log change):\n{config}"
            );
        }
    }
}
