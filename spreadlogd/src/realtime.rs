//! Real-time scheduling, for the thread that reads and, as `spreadlogd realtime`, for others.
//!
//! What the page of mod_log_spread had a Perl module for: a Spread daemon that has to wait for
//! other programs loses its place among the daemons, and a reader that has to wait is thrown out.

use std::error::Error;
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::process::ExitCode;

use clap::Args;
use spread_logger::diagnostics::Chain;
use spread_logger::realtime::{self, Priority};
use tracing::{info, warn};

/// `spreadlogd realtime PID [PRIORITY] [--off]`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RealtimeArgs {
    /// The process, such as that of a Spread daemon: $(pidof spread)
    #[arg(value_name = "PID")]
    pid: NonZeroU32,

    /// From 1 to 99, the higher one runs first; below 50 is behind the handlers of interrupts
    #[arg(value_name = "PRIORITY", default_value_t = Priority::DEFAULT)]
    priority: Priority,

    /// Put it back under ordinary scheduling
    #[arg(long, conflicts_with = "priority")]
    off: bool,
}

impl RealtimeArgs {
    /// Does it, and says what was done or why not.
    pub(crate) fn run(self) -> ExitCode {
        let (pid, priority) = (self.pid, self.priority);
        let priority = (!self.off).then_some(priority);
        match realtime::set_process(pid.get(), priority) {
            Ok(count) => {
                let threads = if count == 1 { "thread" } else { "threads" };
                let now = match priority {
                    Some(priority) => format!("at real-time priority {priority} (SCHED_FIFO)"),
                    None => "under ordinary scheduling".to_owned(),
                };
                // Nobody reading it changes nothing of what was done.
                let _ = writeln!(io::stdout(), "process {pid}: {count} {threads} {now}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                let error: &(dyn Error + 'static) = &error;
                let error = Chain(error);
                let _ = writeln!(io::stderr(), "spreadlogd: process {pid}: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Puts the calling thread under it. Where the system refuses, it reads as it can: late is better
/// than not at all.
pub(crate) fn enter(priority: Priority) {
    match realtime::enter(priority) {
        Ok(()) => info!("reading at real-time priority {priority}"),
        Err(error) => warn!("reading at ordinary priority: {}", Chain(&error)),
    }
}
