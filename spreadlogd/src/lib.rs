//! The logging host: it joins Spread groups and writes the log lines of a whole web farm to files.
//!
//! A line on its way, and the file to open for each step:
//!
//! ```text
//! config      spreadlogd.conf in the original's language: which daemons, groups and files
//! host        Spreadlogd: opens the files, runs everything below, stops in order
//! subscriber  one session per Spread block: joins, always reads, comes back when it is lost
//! intake      a delivery: taken once, routed, queued; what is missing is asked for
//! router      the groups of a message -> the files it goes to
//! steps/      the lines of a message -> those a Log wants, as it wants them, and where to
//! queue       bounded in bytes, from those who receive to the thread that writes
//! writer      that thread: every 20 ms at most, first the journal, then all files
//! ledger/     what is written and what is missing of every stream: a value
//! journal/    the ledger on disk, and what is found out after a crash
//! state       where that is, and which part of it is whose
//! audit/      the books of both sides, from a ledger; auditor and recount read for it
//! sink/       a file: appended to, kept waiting while it takes nothing, locked, opened again
//! missing     what a configuration names and this machine has not
//! assembly    from a configuration to Logs at work: files opened, programs started
//! outlet/     a Log at work: the pieces that its files get of a message
//! steps/      what it does with the lines: which it wants, their time, host and form
//! child/      a program that is fed lines: kept running, restarted, never waited for
//! online/     who is online: visitors of the last half hour, on a thread of its own
//! tail/       the lines of the farm as they come, for a person: beside all of the above
//! heap        freed memory stays, as it is soon asked for again
//! report      what is counted on the way, as metrics and for people
//! ```
//!
//! Receiving never waits for writing. What there is no room for is asked for again, or lost,
//! counted and said if its sender does not number it: lines received = written + lost + returned,
//! for every file.
//!
//! Where a Log asks for no more, a message's body is appended as it is, with a newline where its
//! last line has none. The library installs no signal handlers and prints nothing (it uses `tracing`);
//! [`Spreadlogd::run`] spawns on the caller's runtime, and says what. It is for Unix.

mod assembly;
mod audit;
mod auditor;
mod child;
pub mod config;
pub mod counters;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod heap;
mod host;
mod intake;
mod journal;
mod ledger;
mod missing;
pub mod online;
mod outlet;
mod past;
mod pulse;
mod queue;
mod random;
mod recount;
mod report;
mod room;
mod router;
mod sink;
mod small;
mod state;
pub mod steps;
mod subscriber;
pub mod tail;
mod writer;

pub use assembly::AssemblyError;
pub use audit::Audit;
pub use auditor::AuditOptions;
pub use child::{ChildCounters, ModuleError, StartError as ChildError};
pub use config::{Config, ConfigErrors};
pub use counters::{Counters, Summary};
pub use host::{Command, Options, RunError, Spreadlogd, StartError};
pub use journal::StateError;
pub use ledger::ImageError;
pub use report::Report;
pub use sink::{Holder, Locking, SinkError};
pub use state::ledger_place;
pub use subscriber::RECEIVE_ERRORS;
