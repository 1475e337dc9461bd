//! The client protocol of the [Spread toolkit](http://www.spread.org/) in Rust.

pub mod address;
pub mod name;
pub mod stream;
pub mod wire;

pub use address::{Address, AddressError, Addresses};
pub use name::{DaemonName, GroupName, Name, NameError, PrivateGroup, PrivateName};
pub use wire::{Cause, Delivery, GroupId, Membership, Message, Request, Service};
