//! Throttling: how many bytes a second the paths that a pattern matches take, all together.
//!
//! - `rules` is thttpd's file as text, `file` reads it
//! - `meter` is one rule at work: its token bucket, shared by all workers without a lock
//! - `table` finds the rules about a path, and is what a response takes its slices from
//! - `shared` is the table that holds now
//!
//! Nothing here waits or reads a clock: a connection asks when its next slice may be sent, waits
//! itself (`connection/paced.rs`), and says what it has handed to its socket. thttpd, with the
//! same file, counts a share for every connection, idle ones too, each with a second of credit,
//! and knows a rate only as an average that starts at 0: many short requests are not slowed at
//! all until everything is refused, and a minimum refuses everything on an idle server.

mod file;
mod meter;
mod rules;
mod shared;
mod table;

pub use self::file::ThrottleFileError;
pub use self::meter::ThrottleReading;
pub use self::rules::{ThrottleLineError, ThrottleRule, ThrottleRuleError, ThrottleRules};
pub(crate) use self::shared::Current;
pub use self::shared::Throttles;
pub(crate) use self::table::{Full, Matches, Share};

#[cfg(test)]
mod tests;
