//! The program `rthttpd`: reads the flags, runs, and says what went wrong.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use rthttpd::{Args, background, htpasswd, program};
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps, StderrAndSyslog};
use tracing_subscriber::filter::{LevelFilter, Targets};

fn main() -> ExitCode {
    if htpasswd::is_asked_for(env::args_os()) {
        return edit_passwords();
    }
    let args = match Args::read(env::args_os()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    if args.goes_into_background() {
        return background::enter().unwrap_or_else(|error| {
            let _ = writeln!(
                io::stderr(),
                "rthttpd: cannot go into the background: {error}"
            );
            ExitCode::FAILURE
        });
    }
    let filter = Targets::new().with_default(LevelFilter::INFO);
    let started = if args.is_detached() {
        Diagnostics::start_on(StderrAndSyslog::open("rthttpd"), filter, Stamps::Hidden)
    } else {
        Diagnostics::start(filter, Stamps::Hidden)
    };
    let diagnostics = match started {
        Ok(diagnostics) => diagnostics,
        Err(error) => {
            let _ = writeln!(io::stderr(), "rthttpd: cannot start a thread: {error}");
            return ExitCode::FAILURE;
        }
    };
    match program::run(args, &diagnostics) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            diagnostics.say(&format!("rthttpd: {}\n", Chain(&error)));
            ExitCode::from(error.exit_status())
        }
    }
}

/// `rthttpd htpasswd`, which serves nothing.
fn edit_passwords() -> ExitCode {
    match htpasswd::run() {
        Ok(done) => {
            let _ = io::stdout().write_all(done.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "rthttpd htpasswd: {}", Chain(&error));
            ExitCode::from(error.exit_status())
        }
    }
}
