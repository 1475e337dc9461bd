//! Programs that answer requests: CGI/1.1, RFC 3875.
//!
//! ```text
//! target -> calls -> a file that is there -> environment -> Program -> ScriptHead, content
//! ```
//!
//! - `call` says which part of a path names a program, and what is left for it (pure)
//! - `environment` is what a program is told (pure)
//! - `head` reads what it answers with (pure)
//! - `program` starts one, and ends it with all that it has started
//! - `descriptors` keeps from it what this process was started with
//! - `complaints` passes on what it says on standard error
//!
//! How it is fed, and its answer sent, is the connection's: `connection/program.rs`. What is here
//! knows no socket.

pub(crate) mod call;
pub(crate) mod child;
mod complaints;
mod descriptors;
pub(crate) mod environment;
pub(crate) mod head;
pub(crate) mod program;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Pattern;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Which programs answer requests, and what they may use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CgiOptions {
    /// The paths beneath the document root that are programs.
    pub pattern: Pattern,
    /// How many may run at a time, for the whole process; no limit of their own if 0, so that
    /// there are as many as connections.
    pub limit: usize,
    /// How long each may run.
    pub timeout: Duration,
}

/// The programs of a server, as its workers share them.
#[derive(Debug)]
pub(crate) struct Cgi {
    pub(crate) options: CgiOptions,
    /// The document root, absolute.
    pub(crate) root: PathBuf,
    /// TZ, which a program would not know otherwise.
    pub(crate) time_zone: Option<OsString>,
    places: Arc<Semaphore>,
}

impl Cgi {
    /// To be called when everything is open that was given to this process.
    pub(crate) fn new(options: CgiOptions, root: PathBuf) -> Self {
        descriptors::close_on_exec();
        let limit = match options.limit {
            0 => Semaphore::MAX_PERMITS,
            limit => limit.min(Semaphore::MAX_PERMITS),
        };
        Self {
            options,
            root,
            time_zone: std::env::var_os("TZ"),
            places: Arc::new(Semaphore::new(limit)),
        }
    }

    /// A place for one more program, if there is one.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }
}

/// A process costs megabytes, and a second of a processor often: a machine of any size has this
/// many without swapping. thttpd has no limit unless it is told one.
pub(crate) const LIMIT: usize = 50;

/// thttpd's `CGI_TIMELIMIT`.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
