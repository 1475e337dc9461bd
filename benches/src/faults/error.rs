//! Why a case has no verdict: the harness, not the log, has failed.

use std::io;
use std::process::ExitStatus;

/// A case could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// A program cannot be started.
    #[error("cannot start {name}")]
    Start {
        /// Which.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// A program did not say what it was waited for to say.
    #[error("{name} did not say \"{awaited}\"; it said:\n{said}")]
    Unsaid {
        /// Which.
        name: String,
        /// What was waited for.
        awaited: String,
        /// What it said instead.
        said: String,
    },
    /// A program did not end when it was told to.
    #[error("{name} did not end; it said:\n{said}")]
    Endless {
        /// Which.
        name: String,
        /// What it said.
        said: String,
    },
    /// A program ended otherwise than it should.
    #[error("{name} ended with {status}; it said:\n{said}")]
    EndedBadly {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// Requests are not answered any more.
    #[error("only {answered} of {expected} responses came: serving stands still")]
    NotServed {
        /// How many came.
        answered: u64,
        /// How many should have come in the time.
        expected: u64,
    },
    /// A status page is not what it should be.
    #[error("the status of {name} cannot be read: {what}")]
    Status {
        /// Whose.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The case cannot be tried here.
    #[error("{0}")]
    Skipped(String),
    /// A client of the hub failed.
    #[error("a client of the hub failed: {0}")]
    Peer(String),
    /// Something that the harness asked of the system.
    #[error("cannot {action}")]
    System {
        /// What was asked.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl FaultError {
    /// For `map_err`: the system refused `action`.
    pub(super) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
