//! What a peer can do wrong on the wire.

use crate::name::Name;

/// The peer broke the protocol; the session cannot be trusted any further.
///
/// Running out of bytes is not among these: decoders say that with `Ok(None)`. Each variant
/// carries the value it refused, because that value is the first thing anyone asks for when this
/// appears in a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A length field is negative.
    #[error("negative {field}: {value}")]
    NegativeLength {
        /// The header field, by its name in `sess_types.h`.
        field: &'static str,
        /// What the peer sent.
        value: i32,
    },
    /// More groups than the limit.
    #[error("{count} groups are over the limit of {max}")]
    TooManyGroups {
        /// The number announced in the header.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// The data, or data and groups together, is longer than the limit.
    #[error("{len} bytes are over the limit of {max}")]
    TooLong {
        /// The length announced in the header.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The type names no message, or more than one.
    #[error("type {0:#010x} is no message")]
    UnknownType(u32),
    /// Bits of the hint are set that no client sets (`session.c: Sess_validate_read_header`).
    #[error("hint {0:#010x} has unknown bits")]
    BadHint(u32),
    /// A request to join or leave names no group that can be joined.
    #[error("no group can be called {0:?}")]
    BadGroup(Name),
    /// The sender of a request is not the session it came from.
    #[error("sent under the name of {0:?}")]
    NotTheSender(Name),
    /// The body of a membership does not have the form of its version.
    #[error("malformed membership of {0} bytes")]
    BadMembership(usize),
}
