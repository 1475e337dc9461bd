//! The log path, broken in every way that we know of: `cargo faults`.
//!
//! Everything is on loopback, on ports that the system chooses, under a load that is bounded; the
//! programs are built first and run as processes. What is tried, and by what it is judged, is in
//! [`benches::faults`]. Exit status 1 if a case fails.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal"
)]

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use benches::faults::cases::{ALL, Case};
use benches::faults::{Binaries, FaultError, Outcome, Scale, Verdict, json, run, run_hub, table};
use benches::machine::Machine;
use clap::{Parser, Subcommand};

/// Break the log path in every way, and count the lines.
#[derive(Debug, Parser)]
#[command(name = "faults", args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,

    /// Run this case alone; may be given several times
    #[arg(long, value_name = "CASE", value_parser = case)]
    only: Vec<Case>,

    /// A fifth of the time
    #[arg(long, conflicts_with = "scale")]
    quick: bool,

    /// How long everything takes
    #[arg(long, value_enum, default_value = "long")]
    scale: Scale,

    /// The same random moments as another run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Write the outcomes to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Keep the files of every case
    #[arg(long)]
    keep: bool,

    /// Name the cases, and exit
    #[arg(long)]
    list: bool,

    /// This rthttpd, instead of building one
    #[arg(long, value_name = "PROGRAM", requires = "spreadlogd")]
    rthttpd: Option<PathBuf>,

    /// This spreadlogd, instead of building one
    #[arg(long, value_name = "PROGRAM", requires = "rthttpd")]
    spreadlogd: Option<PathBuf>,
}

/// What the harness starts itself as.
#[derive(Clone, Copy, Debug, Subcommand)]
enum Part {
    /// A hub that can be killed
    #[command(hide = true)]
    Hub { port: u16 },
}

fn case(name: &str) -> Result<Case, String> {
    let found = ALL.iter().find(|case| case.name == name);
    found
        .copied()
        .ok_or_else(|| "no such case: --list names them".to_owned())
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Part::Hub { port }) = args.part {
        return ended(run_hub(port).map(|()| true));
    }
    if args.list {
        for case in ALL {
            println!("{:<24}{}", case.name, case.about);
        }
        return ExitCode::SUCCESS;
    }
    ended(run_all(&args))
}

fn ended(outcome: Result<bool, FaultError>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run_all(args: &Args) -> Result<bool, FaultError> {
    let binaries = binaries(args)?;
    let scale = if args.quick { Scale::Quick } else { args.scale };
    let cases = if args.only.is_empty() {
        ALL
    } else {
        &args.only
    };
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{}\n", Machine::look());
    println!(
        "cargo faults --scale {scale:?} --seed {seed}: {} cases\n",
        cases.len()
    );
    let mut outcomes = Vec::new();
    for case in cases {
        eprintln!("=== {}: {}", case.name, case.about);
        let began = Instant::now();
        let say = |text: &str| eprintln!("{:>7.1} s  {text}", began.elapsed().as_secs_f64());
        let outcome = run(case, scale, &binaries, seed, args.keep, &say);
        say(&match &outcome.verdict {
            Verdict::Good => "ok".to_owned(),
            Verdict::Bad(why) => format!("FAILS: {why}"),
            Verdict::Skipped(why) => format!("skipped: {why}"),
        });
        outcomes.push(outcome);
    }
    println!("{}", table(&outcomes));
    if let Some(path) = &args.json {
        std::fs::write(path, json(&outcomes)).map_err(|source| FaultError::System {
            action: "write the JSON",
            source,
        })?;
    }
    Ok(outcomes.iter().all(is_well))
}

fn is_well(outcome: &Outcome) -> bool {
    !matches!(outcome.verdict, Verdict::Bad(_))
}

/// The programs of the same build, made first.
fn binaries(args: &Args) -> Result<Binaries, FaultError> {
    let harness = std::env::current_exe().map_err(|source| FaultError::System {
        action: "find this program",
        source,
    })?;
    if let (Some(rthttpd), Some(spreadlogd)) = (&args.rthttpd, &args.spreadlogd) {
        return Ok(Binaries {
            rthttpd: rthttpd.clone(),
            spreadlogd: spreadlogd.clone(),
            harness,
        });
    }
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let build = [
        "build",
        "--release",
        "--locked",
        "-p",
        "rthttpd",
        "-p",
        "spreadlogd",
    ];
    let built = Command::new(cargo).args(build).status();
    let is_built = built.is_ok_and(|status| status.success());
    if !is_built {
        return Err(FaultError::Start {
            name: "rthttpd and spreadlogd, which do not build".to_owned(),
            source: std::io::ErrorKind::Other.into(),
        });
    }
    Ok(Binaries {
        rthttpd: harness.with_file_name("rthttpd"),
        spreadlogd: harness.with_file_name("spreadlogd"),
        harness,
    })
}
