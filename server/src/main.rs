//! The program `rthttpd`: reads the flags, runs, and says what went wrong.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use rthttpd::{Args, program};

fn main() -> ExitCode {
    let args = Args::parse();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && !no_color)
        .with_target(false)
        // Who keeps these lines (journald, a container's log) knows the time.
        .without_time()
        .init();
    match program::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("rthttpd: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            // With nobody to read it, the status is all that is left to say.
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(error.exit_status())
        }
    }
}
