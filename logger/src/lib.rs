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
//! and sends them; it keeps them until every logging host has acknowledged them, sends again what
//! one asks for, counts what it loses, and at the stop waits until all have everything.
//!
//! ```no_run
//! use spread_logger::{Log, Publisher, PublisherOptions, RingOptions, ring};
//!
//! # fn serve(log: Log) {}
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (log, drain) = ring(&RingOptions::default());
//! let options = PublisherOptions::new("4803@localhost".parse()?, "access_log".parse()?);
//! let publisher = Publisher::new(options, vec![drain])?;
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let thread = std::thread::spawn(move || {
//!     runtime.block_on(publisher.run(async {
//!         stopped.await.ok();
//!     }))
//! });
//! serve(log);
//! drop(stop);
//! let books = thread.join().expect("the publisher does not panic");
//! println!("{} lines, {} of them lost", books.lines, books.lost.total());
//! # Ok(())
//! # }
//! ```

mod batch;
pub mod bucket;
mod buffers;
mod counters;
pub mod diagnostics;
pub mod format;
#[cfg(all(any(test, fuzzing), feature = "spreadcat"))]
pub mod fuzzing;
mod local;
pub mod notify;
pub mod pid_file;
mod publisher;
pub mod quantity;
mod queue;
pub mod realtime;
mod record;
mod spool;
#[cfg(feature = "spreadcat")]
pub mod spreadcat;

pub use counters::{Acknowledged, Books, Counters, Lost, Orphans, RingFill, Sent};
pub use format::{Format, Needs};
pub use local::{
    Facility, LocalBooks, LocalCounters, LocalLost, LocalPlace, LocalWriter, Reopener,
    SyslogOptions, UnknownFacility,
};
pub use publisher::{
    BUFFER_MIN, MESSAGE_MAX, OptionsError, Publisher, PublisherOptions, SPOOL_MIN, SpoolOptions,
    WhenFull,
};
pub use queue::{Drain, HOST_LEN_MAX, LineLog, LineRefused, Log, RingOptions, line_ring, ring};
pub use record::{Details, Ending, FieldSection, OwnedRecord, Record};
