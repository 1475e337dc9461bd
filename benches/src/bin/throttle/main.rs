//! What clients get under throttling rules, within ten seconds.
//!
//! ```text
//! for each case: start rthttpd with a rule -> 1, 4 or 100 clients ask at once -> count what each has after 10 s
//! ```
//!
//! Each case begins with a full burst, so that it is counted too. Clients take what they get at once; they count
//! what comes out of their sockets, heads and contents. `--svg` draws what four clients get who come and go one by
//! one. Figures are of a whole machine: the clients run on it as well.
//!
//! - `clients.rs`: the clients;
//! - `chart.rs`: the picture.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

mod chart;
mod clients;

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use benches::built::{BuildError, build, programs};
use benches::machine::Machine;
use benches::program::{self, Program, ProgramError};
use clap::Parser;

use crate::chart::Chart;
use crate::clients::{Client, Got};

/// Measure how well throttling rules hold.
#[derive(Debug, Parser)]
#[command(name = "throttle")]
struct Args {
    /// Write what four clients get, who come and go one by one, to this file; nothing else is measured
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Measure the cases of this rule alone; may be repeated
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Measure the rthttpd that is there instead of building it first
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
    #[error("a client got no response")]
    Client(#[source] io::Error),
}

/// One row of the table.
struct Case {
    rule: &'static str,
    /// Bytes a second that all together should have.
    wanted: u64,
    clients: usize,
    target: &'static str,
    what: &'static str,
}

const SECONDS: u64 = 10;

/// More than any case sends.
const LONG_LEN: u64 = 8 << 30;

const SMALL_LEN: u64 = 2_000;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut causes = vec![error.to_string()];
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                causes.push(cause.to_string());
                source = cause.source();
            }
            eprintln!("{}", causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), RunError> {
    if !args.no_build {
        build(&["rthttpd"])?;
    }
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("www");
    fs::create_dir(&root)?;
    File::create(root.join("long"))?.set_len(LONG_LEN)?;
    File::create(root.join("small"))?.set_len(SMALL_LEN)?;
    if let Some(path) = &args.svg {
        let picture = picture(scratch.path())?;
        return Ok(fs::write(path, picture)?);
    }

    println!("{}\n", Machine::look());
    println!(
        "| rule, bytes/s | clients | each | all, of the maximum | least and most of one, of its share | refused |"
    );
    println!("|---|---|---|---|---|---|");
    let is_wanted =
        |case: &Case| args.rule.is_empty() || args.rule.iter().any(|it| it == case.rule);
    for case in cases().into_iter().filter(is_wanted) {
        let client = Client {
            target: case.target,
            comes: Duration::ZERO,
            goes: Duration::from_secs(SECONDS),
        };
        let got = measure(scratch.path(), case.rule, &vec![client; case.clients])?;
        println!("{}", row(&case, &got));
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let case = |rule, wanted, clients, target| Case {
        rule,
        wanted,
        clients,
        target,
        what: if target == "/long" {
            "one long download"
        } else {
            "many of 2 kB"
        },
    };
    let mut cases = Vec::new();
    for (rule, wanted) in [
        ("100000", 100_000),
        ("1000000", 1_000_000),
        ("100000000", 100_000_000),
    ] {
        for target in ["/long", "/small"] {
            for clients in [1, 4, 100] {
                cases.push(case(rule, wanted, clients, target));
            }
        }
    }
    // One client alone cannot ask for 100 MB in 2 kB: a round trip takes longer.
    cases.retain(|case| case.wanted < 100_000_000 || case.target == "/long");
    for target in ["/long", "/small"] {
        cases.push(case("1000000-1000000", 1_000_000, 1, target));
        cases.push(case("250000-1000000", 1_000_000, 4, target));
        cases.push(case("10000-1000000", 1_000_000, 100, target));
    }
    cases.push(case("50000-1000000", 1_000_000, 100, "/long"));
    cases
}

fn row(case: &Case, got: &[Got]) -> String {
    let served: Vec<_> = got.iter().filter(|got| !got.is_refused).collect();
    let bytes: Vec<_> = served.iter().map(|got| got.bytes()).collect();
    let wanted = (case.wanted * SECONDS) as f64;
    let share = wanted / served.len().max(1) as f64;
    let percent = |bytes: u64, of: f64| bytes as f64 * 100.0 / of;
    format!(
        "| {} | {} | {} | {:.1} % | {:.1} – {:.1} % | {} |",
        case.rule,
        case.clients,
        case.what,
        percent(bytes.iter().sum(), wanted),
        percent(bytes.iter().min().copied().unwrap_or(0), share),
        percent(bytes.iter().max().copied().unwrap_or(0), share),
        got.len() - served.len()
    )
}

/// Four come, five seconds apart, and go in the same order.
fn picture(scratch: &Path) -> Result<String, RunError> {
    const MAX: u64 = 1_000_000;
    let client = |number: u64| Client {
        target: "/long",
        comes: Duration::from_secs(number * 5),
        goes: Duration::from_secs(20 + number * 5),
    };
    let clients: Vec<_> = (0..4).map(client).collect();
    let got = measure(scratch, "1000000", &clients)?;
    let chart = Chart {
        got: &got,
        max: MAX,
        seconds: 35,
    };
    Ok(chart.to_string())
}

/// What `clients` get from a server with one rule about everything.
fn measure(scratch: &Path, rule: &str, clients: &[Client]) -> Result<Vec<Got>, RunError> {
    let file = scratch.join("throttle.conf");
    fs::write(&file, format!("** {rule}\n"))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, program::free_port()?));
    let mut command = Command::new(programs()?.join("rthttpd"));
    command.arg("-d").arg(scratch.join("www"));
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]);
    command.arg("--throttles").arg(file);
    let mut server = Program::start("rthttpd", command, None, scratch)?;
    server.wait_until_ready(address)?;
    let got = clients::run(address, clients).map_err(RunError::Client)?;
    server.stop()?;
    Ok(got)
}
