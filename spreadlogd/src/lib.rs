//! The logging host: it joins Spread groups and writes the log lines of a whole web farm to files.

pub mod config;
pub mod counters;
mod host;
mod intake;
mod queue;
mod random;
mod room;
mod router;
mod sink;
mod subscriber;
mod writer;

use std::error::Error;
use std::fmt;

pub use config::{Config, ConfigErrors};
pub use counters::{Counters, Summary};
pub use host::{Command, Options, RunError, Spreadlogd, StartError};
pub use sink::{Holder, Locking, SinkError};
pub use subscriber::RECEIVE_ERRORS;

/// An error with its causes, `a: b: c`, as one line for the operator.
#[derive(Debug)]
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
