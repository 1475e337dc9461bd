//! The flag about how fast some paths are sent.

use std::path::PathBuf;

use crate::throttle::{ThrottleFileError, Throttles};

/// The flag as it was typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rules for some paths")]
pub(super) struct ThrottleArgs {
    /// A file of patterns and the most bytes a second that the paths they match are sent with, all
    /// together, as `**.iso 500000`; `MIN-MAX` gives each response a minimum, and those that cannot
    /// have it 503
    #[arg(long, value_name = "FILE")]
    throttles: Option<PathBuf>,
}

impl ThrottleArgs {
    /// The rules that the file has.
    pub(super) fn throttles(&self) -> Result<Option<Throttles>, ThrottleFileError> {
        self.throttles.as_deref().map(Throttles::open).transpose()
    }

    /// The file, which is read again at a HUP.
    pub(super) fn file(self) -> Option<PathBuf> {
        self.throttles
    }
}
