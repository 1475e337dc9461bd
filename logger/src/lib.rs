//! Access-log lines on their way from a web server to a Spread group.
//!
//! ```text
//! Record -> line -> ring (one per worker) -> batch -> store -> Spread
//!          format   queue                    the publisher's thread
//! ```
//!
//! A worker hands its [`Record`] to its [`Log`], which formats one line into a bounded ring and
//! returns: it never waits, allocates or makes a system call.

pub mod format;
mod queue;
mod record;

pub use format::Format;
pub use queue::{Drain, Log, RingOptions, ring};
pub use record::{OwnedRecord, Record};
