//! Access-log lines on their way from a web server to a Spread group.
//!
//! ```text
//! Record -> line -> ring (one per worker) -> batch -> store -> Spread
//!          format   queue                    the publisher's thread
//! ```
//!
//! A worker hands its [`Record`] to its [`Log`], which formats one line into a bounded ring and
//! returns: it never waits, allocates or makes a system call.

//! A [`Publisher`] on a thread of its own empties the rings, packs whole lines into numbered messages
//! and sends them; it keeps them while no daemon is there, counts what it loses, and at the stop
//! waits until the daemon has everything.

mod batch;
mod counters;
pub mod format;
mod publisher;
mod queue;
mod record;

pub use counters::{Books, Counters, Lost};
pub use format::Format;
pub use publisher::{BUFFER_MIN, MESSAGE_MAX, OptionsError, Publisher, PublisherOptions};
pub use queue::{Drain, Log, RingOptions, ring};
pub use record::{OwnedRecord, Record};
