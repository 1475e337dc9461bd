//! The header that a proxy puts before a connection, to say whose it is.
//!
//! ```text
//! version 1   PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n
//! version 2   signature, version and command, family, length | addresses, further fields
//!             12         1                    1       2        length
//! ```
//!
//! After the specification of HAProxy's authors,
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>. Its section 2 wants a
//! receiver to know in advance whether there is a header: nothing here guesses, and
//! whoever may connect must be a proxy that is believed.

mod v1;
mod v2;

use core::net::IpAddr;

/// A header, read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Its bytes; the client's own come behind.
    pub len: usize,
    /// Whose connection it is.
    pub source: Source,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// That of whoever has connected: the proxy asks for itself, or cannot say for whom.
    Peer,
    /// A client at this address; one of IPv4 that is written as IPv6 is of IPv4.
    Address(IpAddr),
    /// A client of a unix socket, which has no address.
    Unix,
}

/// Bytes that are no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// They are something else, a request perhaps.
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    /// The line of version 1 does not end.
    #[error("the header of version 1 has more than {V1_LEN_MAX} bytes")]
    LineTooLong,
    /// The line of version 1 is not as it should be.
    #[error("no {expected} in the header of version 1")]
    Line {
        /// What should stand there.
        expected: &'static str,
    },
    /// The version is not known.
    #[error("version {version} of the protocol is not known")]
    Version {
        /// What was announced.
        version: u8,
    },
    /// The command is neither LOCAL nor PROXY.
    #[error("command {command} is not known")]
    Command {
        /// What was sent.
        command: u8,
    },
    /// The family of addresses or its transport does not exist.
    #[error("family and transport {family:#04x} are not known")]
    Family {
        /// What was sent, both in one byte.
        family: u8,
    },
    /// The addresses do not fit into the length.
    #[error("{len} bytes are too few for the addresses of the family")]
    TooShort {
        /// What was announced.
        len: usize,
    },
    /// The length is beyond what is read.
    #[error("{len} bytes of addresses and further fields are over the limit of {V2_LEN_MAX}")]
    TooLong {
        /// What was announced.
        len: usize,
    },
}

/// The longest line of version 1 with its end (section 2.1).
pub const V1_LEN_MAX: usize = 107;

/// Behind the fixed part of version 2. Addresses take at most 216; the rest is for the
/// fields of TLS and of clouds, a few hundred bytes. nginx reads as much of a header.
pub const V2_LEN_MAX: usize = 4096;

/// Reads the header that `bytes` begin with; `None` while it is not whole.
///
/// # Errors
///
/// When they do not begin with a header of either version, as soon as that is seen.
pub fn decode(bytes: &[u8]) -> Result<Option<Header>, Reject> {
    if is_begun(bytes, v2::SIGNATURE) {
        v2::decode(bytes)
    } else if is_begun(bytes, v1::PREFIX) {
        v1::decode(bytes)
    } else {
        Err(Reject::NoHeader)
    }
}

/// Whether `bytes` begin with `mark`, as far as they go.
fn is_begun(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.iter().zip(mark).all(|(byte, mark)| byte == mark)
}

impl Source {
    /// The client's address, where `peer` is that of whoever has connected.
    #[must_use]
    pub const fn client(self, peer: Option<IpAddr>) -> Option<IpAddr> {
        match self {
            Self::Peer => peer,
            Self::Address(address) => Some(address),
            Self::Unix => None,
        }
    }
}

#[cfg(test)]
mod tests;
