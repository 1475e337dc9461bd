//! Why there is no session, why one ended, and why something was not sent.

use std::io;
use std::time::Duration;

use crate::address::Address;
use crate::wire::handshake::HandshakeError;
use crate::wire::{DecodeError, RejectCode};

/// No session was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody listens there, or the way is barred.
    #[error("cannot connect to {address}")]
    Unreachable {
        /// Where.
        address: Address,
        /// Of the last address tried, when a name has several.
        source: io::Error,
    },
    /// The host's name has no address.
    #[error("cannot look up the host of {address}")]
    UnknownHost {
        /// Where.
        address: Address,
        /// What the resolver says.
        source: io::Error,
    },
    /// There was no answer in time.
    #[error("{address} did not answer within {} s", .timeout.as_secs_f32())]
    TimedOut {
        /// Where.
        address: Address,
        /// How long it was given.
        timeout: Duration,
    },
    /// A daemon is there and says no.
    #[error("{address} refused the session")]
    Refused {
        /// Where.
        address: Address,
        /// Its reason.
        #[source]
        code: RejectCode,
    },
    /// The connection ended in the middle of the handshake.
    #[error("{address} closed the connection during the handshake")]
    Closed {
        /// Where.
        address: Address,
    },
    /// Something else than a Spread daemon answers, or one whose authentication is not spoken.
    #[error("{address} does not answer as a Spread daemon")]
    NotSpread {
        /// Where.
        address: Address,
        /// What it said.
        source: HandshakeError,
    },
}

/// The session is over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The daemon closed it: it stopped, we read too slowly, or we sent what it does not take.
    /// Spread does not say which (`sp.h: CONNECTION_CLOSED`).
    #[error("the daemon closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// The daemon sent what no daemon sends.
    #[error("the daemon broke the protocol")]
    Protocol(#[from] DecodeError),
}

/// A frame was not queued. The session goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The daemon does not take what is sent as fast as it is queued.
    #[error("{queued} bytes wait to be written, {max} may")]
    QueueFull {
        /// The bytes that wait.
        queued: usize,
        /// The limit ([`super::ConnectOptions::queue_bytes_max`]).
        max: usize,
    },
    /// Body and groups together are more than a daemon survives.
    #[error("a message of {len} bytes, its groups included, is over the limit of {max}")]
    TooLong {
        /// The bytes of both.
        len: usize,
        /// The limit ([`super::FRAME_BYTES_MAX`]).
        max: usize,
    },
    /// A message goes to 1 to 100 groups.
    #[error("a message to {0} groups: from 1 to 100 can be addressed")]
    GroupCount(usize),
}
