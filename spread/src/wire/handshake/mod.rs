//! The exchange that opens a session, from both sides.
//!
//! ```text
//! client  major minor patch  flags  name_len name           Hello
//! daemon  length, list of authentication methods            or a RejectCode
//! client  the methods chosen, in 90 bytes
//! daemon  1  major minor patch  length, private group       or a RejectCode
//! ```
//!
//! A 5.0.1 daemon reads each of the client's two messages with a single `recv`: a client must
//! write each at once, and not the second before the daemon has answered the first. Both state
//! machines here take their bytes however they come. Clients before 3.16 are not asked for
//! authentication, daemons before 3.15 know no patch level. (`session.c: Sess_accept`,
//! `Sess_accept_continue`; `sp.c: SP_connect`.)

mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::{ClientHandshake, ClientStep, HandshakeError};
pub use server::{Answer, ServerHandshake, ServerStep};

use std::fmt;

use super::membership::Layout;
use crate::name::{PrivateGroup, PrivateName};

/// What a client says first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hello {
    /// The client library's version.
    pub version: Version,
    /// The private name it asks for; without one the daemon makes one up.
    pub name: Option<PrivateName>,
    /// Whether it wants membership messages.
    pub membership: bool,
}

/// What a daemon says last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The daemon's version.
    pub version: Version,
    /// The session's address.
    pub private_group: PrivateGroup,
}

/// A version of Spread.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version {
    /// 5 of 5.0.1.
    pub major: u8,
    /// 0 of 5.0.1.
    pub minor: u8,
    /// 1 of 5.0.1; 0 where the protocol has none.
    pub patch: u8,
}

impl Version {
    /// The version this crate speaks and calls itself.
    pub const OURS: Self = Self::new(5, 0, 1);

    /// The first version a 5.0.1 daemon takes.
    const FIRST: Self = Self::new(3, 1, 0);
    /// The first whose clients send a patch level, and are sent one.
    const WITH_PATCH: Self = Self::new(3, 15, 0);
    /// The first whose clients choose an authentication method.
    const WITH_AUTH: Self = Self::new(3, 16, 0);

    /// A version by its numbers.
    #[must_use]
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The form of the membership bodies that a daemon of this version sends.
    #[must_use]
    pub const fn layout(self) -> Layout {
        if self.major < 4 {
            Layout::V3
        } else {
            Layout::V4
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a daemon opens no session (`sp.h`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectCode {
    /// `REJECT_QUOTA`, -3: it has all the sessions it takes (997 in a daemon as released).
    #[error("the daemon has no room for another session")]
    Quota,
    /// `REJECT_NO_NAME`, -4: defined, and sent by no known daemon.
    #[error("the daemon wants a private name")]
    NoName,
    /// `REJECT_ILLEGAL_NAME`, -5.
    #[error("the daemon finds the private name illegal")]
    IllegalName,
    /// `REJECT_NOT_UNIQUE`, -6: another session of that daemon has the name.
    #[error("another session of the daemon has this private name")]
    NotUnique,
    /// `REJECT_VERSION`, -7.
    #[error("the daemon does not take clients of this version")]
    Version,
    /// `REJECT_AUTH`, -9.
    #[error("the daemon refuses the authentication")]
    Auth,
    /// A code that no known version sends.
    #[error("the daemon refuses the session with code {0}")]
    Other(i8),
}

impl RejectCode {
    /// The byte on the wire.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Quota => -3,
            Self::NoName => -4,
            Self::IllegalName => -5,
            Self::NotUnique => -6,
            Self::Version => -7,
            Self::Auth => -9,
            Self::Other(code) => code,
        }
    }

    const fn of(code: i8) -> Self {
        match code {
            -3 => Self::Quota,
            -4 => Self::NoName,
            -5 => Self::IllegalName,
            -6 => Self::NotUnique,
            -7 => Self::Version,
            -9 => Self::Auth,
            other => Self::Other(other),
        }
    }
}

/// Bit 0 of the flags: the client wants memberships. (The high nibble is a priority that no
/// daemon acts on.)
const FLAG_MEMBERSHIP: u8 = 0x01;

/// The method that always succeeds, with nothing exchanged.
const NULL: &[u8] = b"NULL";
/// The daemon goes by the client's address; nothing is exchanged.
const IP: &[u8] = b"IP";

/// `MAX_AUTH_NAME` of each of `MAX_AUTH_METHODS` slots.
const SLOT_LEN: usize = 30;
const CHOICE_LEN: usize = 3 * SLOT_LEN;

/// What accepts a session, before the daemon's version.
const ACCEPTED: i8 = 1;
