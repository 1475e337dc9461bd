//! The logging host: it joins Spread groups and writes the log lines of a whole web farm to files.
//!
//! A line on its way, and the file to open for each step:
//!
//! ```text
//! config      spreadlogd.conf in the original's language: which daemons, groups and files
//! host        Spreadlogd: opens the files, runs everything below, stops in order
//! subscriber  one session per Spread block: joins, always reads, comes back when it is lost
//! intake      a delivery: routed, queued, or counted as lost
//! router      the groups of a message -> the files it goes to
//! queue       bounded in bytes, from those who receive to the thread that writes
//! writer      that thread: every 20 ms at most, all files
//! sink/       a file: appended to, kept waiting while it takes nothing, locked, opened again
//! report      what is counted on the way, as metrics and for people
//! ```
//!
//! Receiving never waits for writing. What there is no room for is lost, counted and said: lines
//! received = written + lost, for every file.
//!
//! Nothing is unpacked: a message's body is appended as it is, with a newline where its last line
//! has none. The library installs no signal handlers and prints nothing (it uses `tracing`);
//! [`Spreadlogd::run`] spawns on the caller's runtime, and says what. It is for Unix.

pub mod config;
pub mod counters;
mod host;
mod intake;
mod queue;
mod random;
mod report;
mod room;
mod router;
mod sink;
mod subscriber;
mod writer;

pub use config::{Config, ConfigErrors};
pub use counters::{Counters, Summary};
pub use host::{Command, Options, RunError, Spreadlogd, StartError};
pub use report::Report;
pub use sink::{Holder, Locking, SinkError};
pub use subscriber::RECEIVE_ERRORS;
