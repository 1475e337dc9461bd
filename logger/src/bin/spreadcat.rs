//! The program `spreadcat`: reads the flags, runs, and says what went wrong.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps};
use spread_logger::spreadcat::{self, Args};
use tracing_subscriber::filter::{LevelFilter, Targets};

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = Targets::new().with_default(LevelFilter::INFO);
    let diagnostics = match Diagnostics::start(filter, Stamps::Hidden) {
        Ok(diagnostics) => diagnostics,
        Err(error) => {
            let _ = writeln!(io::stderr(), "spreadcat: cannot start a thread: {error}");
            return ExitCode::FAILURE;
        }
    };
    match spreadcat::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            diagnostics.say(&format!("spreadcat: {}\n", Chain(&error)));
            ExitCode::from(error.exit_status())
        }
    }
}
