//! Programs that are fed lines: `|command`, modules, the interpreters of Perl and Python.
//!
//! ```text
//! push -> inbox: bounded -> supervisor: a thread -> flow: until read -> process: its pipe
//! ```
//!
//! Giving never waits. A program that ends is started again, at once and then more and more
//! slowly, and goes on with the first record that the one before had not read whole: the kernel
//! says how much of the pipe was not read. A record that it died in the midst of is given again,
//! whole. What it had read it had, though it may have died before it did anything with it.
//!
//! Lines given = written + lost + waiting, at every moment; after [`Child::join`] none wait.

mod backoff;
mod complaints;
mod counters;
mod ending;
mod flow;
mod inbox;
mod module;
mod process;
mod program;
mod record;
mod supervisor;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use self::inbox::Inbox;
use self::supervisor::Supervisor;

pub use self::counters::ChildCounters;
pub(crate) use self::ending::Patience;
pub use self::module::ModuleError;
pub(crate) use self::module::find_module;
pub(crate) use self::program::Program;
pub(crate) use self::record::Record;

/// A program that is kept running and fed.
#[derive(Debug)]
pub(crate) struct Child {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Child {
    /// The same, counting from 0.
    ///
    /// # Errors
    /// When the system cannot start it now.
    #[cfg(test)]
    pub(crate) fn start(program: Program, limits: Limits) -> Result<Self, StartError> {
        let counters = ChildCounters::new(program.name.clone());
        Self::start_counting(program, limits, Arc::new(counters))
    }

    /// Starts `program`, and a thread for it; counts with `counters`.
    ///
    /// # Errors
    /// When the system cannot start it now; later it is tried again and again.
    pub(crate) fn start_counting(
        program: Program,
        limits: Limits,
        counters: Arc<ChildCounters>,
    ) -> Result<Self, StartError> {
        let name = program.name.clone();
        Self::try_start(program, limits, counters).map_err(|source| StartError { name, source })
    }

    fn try_start(
        program: Program,
        limits: Limits,
        counters: Arc<ChildCounters>,
    ) -> io::Result<Self> {
        let (inbox, woken) = Inbox::new(limits.bytes_max, counters)?;
        let inbox = Arc::new(inbox);
        let supervisor = Supervisor::new(program, Arc::clone(&inbox), woken, limits.reopening)?;
        let thread = thread::Builder::new().name("child".into());
        let thread = thread.spawn(move || supervisor.run())?;
        Ok(Self {
            inbox,
            thread: Some(thread),
        })
    }

    /// Hands a record over; never waits.
    ///
    /// # Errors
    /// When there is no room for it. Its lines are counted as lost.
    pub(crate) fn push(&self, record: Record) -> Result<(), Full> {
        let lines = record.count();
        self.offer(record).inspect_err(|_| self.inbox.lose(lines))
    }

    /// The same for a record that will come again.
    ///
    /// # Errors
    /// When there is no room for it. That is counted nowhere.
    pub(crate) fn offer(&self, record: Record) -> Result<(), Full> {
        self.inbox.offer(record)
    }

    /// Files are to be opened again before what comes next. A command is ended, and started
    /// again; the others are told.
    pub(crate) fn reopen(&self) {
        self.inbox.reopen();
    }

    /// Begins the end: what waits is written, then the process is to end. Nothing is taken any
    /// more. Many can end at the same time; [`join`](Self::join) waits for one.
    pub(crate) fn stop(&self, patience: Patience) {
        self.inbox.stop(patience);
    }

    /// Waits for the end, for which [`stop`](Self::stop) was called; else calls it.
    pub(crate) fn join(mut self) {
        self.stop(Patience::default());
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, that has been said.
            let _ = thread.join();
        }
    }

    /// What became of its lines.
    pub(crate) fn counters(&self) -> Arc<ChildCounters> {
        Arc::clone(self.inbox.counters())
    }
}

impl Drop for Child {
    /// The thread ends the process without waiting, and is not waited for.
    fn drop(&mut self) {
        self.inbox.stop(Patience::NONE);
    }
}

/// The bounds of a child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Memory for what it has not read.
    pub(crate) bytes_max: usize,
    /// How long a command may take to end, so that the next opens its files again.
    pub(crate) reopening: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: BYTES_MAX,
            reopening: Patience::default(),
        }
    }
}

/// 16 MiB: 3,000 messages of 200 bytes a second, for the 10 s that opening files again may take.
const BYTES_MAX: usize = 16 << 20;

/// There is no room for a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no room for more that it has not read")]
pub(crate) struct Full;

/// A program cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {name}")]
pub struct StartError {
    name: String,
    source: io::Error,
}
