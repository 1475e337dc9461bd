//! The flags of a program that nobody watches.

use std::path::PathBuf;

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "As a daemon")]
pub(super) struct DaemonArgs {
    /// A file that names the process while it serves; a start is refused while the process that it
    /// names is running
    #[arg(short = 'i', long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

/// What the program is to the system around it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DaemonSettings {
    pub(crate) pid_file: Option<PathBuf>,
}

impl DaemonArgs {
    /// What they come to.
    pub(super) fn settings(self) -> DaemonSettings {
        DaemonSettings {
            pid_file: self.pid_file,
        }
    }
}
