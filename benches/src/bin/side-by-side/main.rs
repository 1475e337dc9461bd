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
//! - `plan.rs`: who is asked for what, how much of it, and about how long that takes;
//! - `round.rs`: one round of all servers; `wrk.rs`: another load generator;
//! - `sample.rs`: what a round tells of a server; `report.rs`: medians, table, JSON; `page.rs`: tables for a page;
//!   `chart/`: pictures.
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
mod page;
mod plan;
mod report;
mod round;
mod sample;
mod server;
mod site;
mod wrk;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use benches::built::{BuildError, build, programs};
use benches::load::LoadError;
use benches::machine::Machine;
use benches::program;
use clap::Parser;
use spread_logger::diagnostics::Chain;

use crate::candidate::Candidate;
use crate::case::{Case, Special};
use crate::chart::{Costs, Ratios};
use crate::page::Page;
use crate::plan::{Effort, Part, Plan};
use crate::report::{Report, Row, Table};
use crate::server::{CandidateError, Conditions, Server, Setup};
use crate::site::{MANY, Site};
use crate::wrk::WrkError;

/// Measure rthttpd beside other web servers.
#[derive(Debug, Parser)]
#[command(name = "side-by-side")]
struct Args {
    /// How often the servers are started anew and measured, in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Requests for a small file to each server in a round; fewer for larger ones, and in other cases than the first
    #[arg(long, default_value_t = REQUESTS, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Requests a second for a small file, to each server, to tell how long answers take; 0 tells nothing
    #[arg(long, default_value_t = RATE)]
    rate: u64,
    /// Ask with wrk, a second each time, which looks at no content and counts no request that it ends on
    #[arg(long)]
    wrk: bool,
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
    /// Write the tables as Markdown to this file, as docs/performance.md has them
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw into this directory: one case as side-by-side-CASE.svg; of several the first one so, and all beside nginx as
    /// side-by-side.svg
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Measure the programs that are there instead of building them first
    #[arg(long)]
    no_build: bool,
}

/// A second of a round.
const REQUESTS: u64 = 100_000;

/// A tenth of what one core can.
const RATE: u64 = 10_000;

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
    #[error("{name} cannot be measured with wrk")]
    Wrk {
        name: &'static str,
        source: WrkError,
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
    program::raise_descriptors()?;
    let rows = rows(args, &setup)?;
    introduce(&rows, &setup, Conditions::most(&cases));
    let (rounds, requests) = if args.quick {
        (3, 30_000)
    } else {
        (usize::from(args.rounds), args.requests)
    };
    let effort = |case: &Case| {
        let effort = Effort::of(case, requests, args.rate);
        if !args.wrk {
            return Some(effort);
        }
        let by_wrk = effort.by_wrk(case);
        if by_wrk.is_none() {
            eprintln!("case {} is left out: wrk cannot ask for it", case.name);
        }
        by_wrk
    };
    let plan = Plan::new(cases, &rows, rounds, effort);
    println!("this takes about {}", told(plan.time()));
    if let Some(core) = setup.load_core {
        program::stay_on(core)?;
    }

    let mut report = Report {
        machine,
        tables: Vec::new(),
    };
    let mut left = plan.time();
    for part in &plan.parts {
        let table = measure(&setup, &plan, part, left)?;
        left = left.saturating_sub(plan.time_of(part));
        println!("\n{table}");
        report.tables.push(table);
        // After each case, so that a run that is stopped has what was measured.
        if let Some(path) = &args.json {
            write(path, &report.json())?;
        }
        if let Some(path) = &args.markdown {
            write(path, &Page(&report).to_string())?;
        }
        if let Some(directory) = &args.svg {
            draw(directory, &report, plan.parts.len() == 1)?;
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

/// All rounds of one case; `left` is what it and all behind it take.
fn measure(setup: &Setup, plan: &Plan, part: &Part, left: Duration) -> Result<Table, RunError> {
    let Part { case, effort, rows } = part;
    let mut rows = rows.clone();
    let candidates: Vec<Candidate> = rows.iter().map(|row| row.candidate).collect();
    for round in 0..plan.rounds {
        let done = f64::from(u32::try_from(round).unwrap_or(0));
        let of = f64::from(u32::try_from(plan.rounds).unwrap_or(1));
        let left = left.saturating_sub(plan.time_of(part).mul_f64(done / of));
        let (number, rounds) = (round + 1, plan.rounds);
        eprintln!(
            "{}, round {number}/{rounds}, about {} left",
            case.name,
            told(left)
        );
        let samples = round::measure(&candidates, setup, case, effort)?;
        for (row, sample) in rows.iter_mut().zip(samples) {
            eprintln!("  {:<20}{}", row.candidate.name(), sample.line());
            row.samples.push(sample);
        }
    }
    Ok(Table {
        case: case.clone(),
        requests: effort.requests,
        rate: effort.rate,
        rounds: plan.rounds,
        rows,
    })
}

/// As a person says it.
fn told(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// The only case, or the first of several; and all of them together.
fn draw(directory: &Path, report: &Report, is_only: bool) -> Result<(), RunError> {
    let machine = report.machine.to_string();
    let of_note = |table: &&Table| is_only || table.case.is_first();
    if let Some(table) = report.tables.iter().find(of_note) {
        let costs = Costs {
            table,
            machine: &machine,
        };
        let name = format!("side-by-side-{}.svg", table.case.name);
        write(&directory.join(name), &costs.to_string())?;
    }
    if !is_only {
        let ratios = Ratios {
            tables: &report.tables,
            machine: &machine,
        };
        write(&directory.join("side-by-side.svg"), &ratios.to_string())?;
    }
    Ok(())
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
    if cases.iter().any(|case| case.special == Some(Special::Many)) {
        eprintln!("making {MANY} files");
        site.make_many()?;
    }
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
                is_named: named,
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
fn introduce(rows: &[Row], setup: &Setup, conditions: Conditions) {
    for row in rows {
        println!("{:<20}{}", row.candidate.name(), row.version);
    }
    println!(
        "\nPort, directory, threads and log change; how each is started, or its configuration:"
    );
    for server in Server::ALL {
        if rows.iter().any(|row| row.candidate.server() == server) {
            println!("\n{}", server.shown(setup, conditions));
        }
    }
}
