//! Why there is no log, or one that did not end well.

use std::io;
use std::path::PathBuf;

use spread_logger::OptionsError;

use super::PlaceError;
use crate::embedded::EmbeddedError;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The publisher was asked for what it cannot do.
    #[error("cannot take {}", flag(.0))]
    Options(#[from] OptionsError),
    /// The rings would be too small for lines.
    #[error(
        "{bytes} bytes are too few for {rings} rings, one for each log and worker: write --log-ring \
         {least} or more, or leave it out"
    )]
    Rings {
        /// What was asked for.
        bytes: usize,
        /// How many rings there are.
        rings: usize,
        /// What they need.
        least: usize,
    },
    /// A log file is where it must not be.
    #[error("cannot log to {}: give file= another path", path.display())]
    Place {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PlaceError,
    },
    /// A log file cannot be opened.
    #[error("cannot open the log {name}")]
    Open {
        /// Which it is.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses a thread or what a runtime is made of.
    #[error("cannot start a thread of the log")]
    Thread(#[from] io::Error),
    /// A publisher has panicked, which is a defect of this program.
    #[error("the publisher has panicked")]
    Panicked,
    /// The hub or the spreadlogd in this process failed.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// The flag by which an option of the publisher was chosen.
const fn flag(error: &OptionsError) -> &'static str {
    match error {
        OptionsError::Group(_) => "--spread-group",
        OptionsError::MessageMax { .. } => "--spread-message-max",
        OptionsError::Buffer { .. } => "--spread-buffer",
        OptionsError::Spool { .. } => "--spool-max",
        _ => "the flags of the log",
    }
}

impl LogError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Options(_) | Self::Rings { .. } | Self::Place { .. } => true,
            Self::Embedded(error) => error.is_usage(),
            Self::Open { .. } | Self::Thread(_) | Self::Panicked => false,
        }
    }
}
