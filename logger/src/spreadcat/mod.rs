//! The program `spreadcat`: the publisher for every web server that does not have one.
//!
//! ```text
//! standard input, sockets, files -> lines -> ring (one per group) -> publisher -> Spread
//!   a thread of its own                                                 the main thread
//! ```
//!
//! What is read is cut into lines and made fit for a log (`text`, pure), put to the virtual host
//! that it begins with (`vhost`, pure), and handed over (`handover`), which waits for room so long
//! as whoever writes may be kept. From there on everything is as with rthttpd: numbered messages,
//! kept until they are acknowledged, in memory or in a spool.
//!
//! It is part of the library for its tests and fuzz targets alone; nothing else here knows it.

mod cli;
mod follow;
mod handover;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod program;
mod publishing;
mod signals;
mod source;
mod stdin;
mod stop;
mod syslog;
mod text;
mod vhost;

pub use cli::{Args, UsageError};
pub use follow::{FollowError, StateError};
pub use program::{ProgramError, run};
pub use source::SourceError;
pub use syslog::SyslogError;
