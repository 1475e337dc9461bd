//! The Spread client protocol as bytes, and nothing else.
//!
//! After the [`handshake`] a session is a stream of frames in both directions: a client sends
//! [`Request`]s, a daemon sends [`Delivery`]s, each laid out as [`frame`] shows. The field names
//! are those of `message_header` in Spread's `sess_types.h`, so that its source can be read
//! beside this one.
//!
//! Nothing here opens a socket, reads a clock or awaits. Decoders are given what has arrived so
//! far and answer `Ok(None)` while that is too little: the caller owns the buffer, the waiting
//! and the limits. What a peer may send is decided here; when and where it is read is decided in
//! `client` and `hub`.

mod error;
pub mod frame;
pub mod handshake;
mod header;
mod kind;
mod membership;
pub mod message;
#[cfg(test)]
mod tests;

pub use error::DecodeError;
pub use frame::{Frame, GROUPS_MAX, Limits};
pub use handshake::{Hello, RejectCode, Version, Welcome};
pub use membership::Layout;
pub use message::{
    Cause, Delivery, GroupId, Membership, Message, Outgoing, Refused, Reject, Request, Service,
};
