//! The Spread client protocol as bytes, and nothing else.

pub mod message;

pub use message::{Cause, Delivery, GroupId, Membership, Message, Request, Service};
