//! The client protocol of the [Spread toolkit](http://www.spread.org/) in Rust, written from the
//! protocol and sharing no code with Spread's own library.
//!
//! Spread carries messages between processes of one or many machines: a client opens a session
//! with a daemon, joins groups, and multicasts to groups it need not be in. This crate speaks to
//! daemons from 3.17 to 5.0.1.
//!
//! | module | what | feature |
//! |---|---|---|
//! | [`name`], [`address`] | groups, sessions and daemons, as types that cannot be wrong | |
//! | [`wire`] | the protocol as bytes, both sides of it; no I/O | |
//! | [`stream`] | numbered messages on top, so that none is lost unseen; no I/O | `stream` |
//! | `client` | a session over tokio | `client` |
//! | `hub` | a single-node server: a daemon for one machine | `hub` |

pub mod address;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "hub")]
pub mod hub;
pub mod name;
#[cfg(feature = "stream")]
pub mod stream;
pub mod wire;

pub use address::{Address, AddressError, Addresses};
pub use name::{DaemonName, GroupName, Name, NameError, PrivateGroup, PrivateName};
pub use wire::{
    Cause, Delivery, GroupId, Membership, Message, Outgoing, Refused, Reject, RejectCode, Request,
    Service, Version,
};

/// Compiles the example of README.md.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;
