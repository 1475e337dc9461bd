//! Where lines come from.

use std::io;

use super::handover::{Handover, Patience};
use super::stdin::Input;
use super::syslog::{Keep, Place, Sockets, SyslogError};

/// What is asked for.
#[derive(Debug)]
pub(super) enum Choice {
    /// Standard input.
    Stdin,
    /// Syslog datagrams.
    Syslog(Vec<Place>, Keep),
}

/// What is open.
#[derive(Debug)]
pub(super) enum Source {
    Stdin(Input),
    Syslog(Sockets),
}

/// Why there is nothing to read lines from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Standard input is not there.
    #[error("cannot use standard input")]
    Stdin(#[source] io::Error),
    /// A socket is not to be had.
    #[error(transparent)]
    Syslog(#[from] SyslogError),
}

impl Source {
    /// Opens what is asked for.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(super) fn open(choice: &Choice) -> Result<Self, SourceError> {
        Ok(match choice {
            Choice::Stdin => Self::Stdin(Input::open().map_err(SourceError::Stdin)?),
            Choice::Syslog(places, keep) => Self::Syslog(Sockets::bind(places, *keep)?),
        })
    }

    /// Whether others may still write what is to be read, after they have told us to end.
    pub(super) fn outlives_stop(&self) -> bool {
        match self {
            Self::Stdin(input) => input.outlives_stop(),
            Self::Syslog(_) => false,
        }
    }

    /// What is read, for who waits until it is; none for standard input, which whoever has
    /// started this program waits for himself.
    pub(super) fn awaited(&self) -> Option<String> {
        match self {
            Self::Stdin(_) => None,
            Self::Syslog(sockets) => Some(format!("datagrams at {}", sockets.places())),
        }
    }

    /// Reads to the end, or until it is to stop.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn run(&mut self, handover: &mut Handover, wait_max: Patience) -> io::Result<()> {
        match self {
            Self::Stdin(input) => input.run(handover, wait_max),
            Self::Syslog(sockets) => sockets.run(handover),
        }
    }
}
