//! Where lines come from.

use std::io;
use std::sync::Arc;

use super::follow::{FollowError, Follower, Orders};
use super::handover::{Handover, Patience};
use super::stdin::Input;
use super::syslog::{Keep, Place, Sockets, SyslogError};
use crate::Counters;

/// What is asked for.
#[derive(Debug)]
pub(super) enum Choice {
    /// Standard input.
    Stdin,
    /// Syslog datagrams.
    Syslog(Vec<Place>, Keep),
    /// Files.
    Follow(Orders),
}

/// What is open.
#[derive(Debug)]
pub(super) enum Source {
    Stdin(Input),
    Syslog(Sockets),
    Follow(Follower),
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
    /// A file cannot be read.
    #[error(transparent)]
    Follow(#[from] FollowError),
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
            Choice::Follow(orders) => Self::Follow(Follower::open(orders)?),
        })
    }

    /// Whether others may still write what is to be read, after they have told us to end.
    pub(super) fn outlives_stop(&self) -> bool {
        match self {
            Self::Stdin(input) => input.outlives_stop(),
            Self::Syslog(_) | Self::Follow(_) => false,
        }
    }

    /// What is read, for who waits until it is; none for standard input, which whoever has
    /// started this program waits for himself.
    pub(super) fn awaited(&self) -> Option<String> {
        match self {
            Self::Stdin(_) => None,
            Self::Syslog(sockets) => Some(format!("datagrams at {}", sockets.places())),
            Self::Follow(follower) => Some(follower.names()),
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
            Self::Follow(follower) => {
                follower.run(handover);
                Ok(())
            }
        }
    }

    /// Who tells which lines are safe, in the order of the groups.
    pub(super) fn attach(&mut self, counters: Vec<Arc<Counters>>) {
        if let Self::Follow(follower) = self {
            follower.attach(counters);
        }
    }

    /// Whether what was not sent can be read again.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Follow(follower) if follower.remembers())
    }

    /// Everything that can be was sent.
    pub(super) fn settle(&mut self) {
        if let Self::Follow(follower) = self {
            follower.settle();
        }
    }
}
