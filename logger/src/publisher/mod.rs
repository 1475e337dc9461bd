//! The publisher: empties the rings and sends their lines to a Spread group.
//!
//! ```text
//! rings -> batch -> stream (numbers, store) -> link -> daemon
//!   every 20 ms  sealed     ^                   |
//!                           +-- acks, needs, the own control come back
//! ```
//!
//! It is one future, and the caller gives it a thread with a current-thread runtime of its own, so
//! that nothing it does is in a worker's way. It reads whatever the daemon sends, waits for nothing
//! but its next event, and blocks nobody: what cannot be sent waits in the store, what the store
//! cannot hold is counted lost.
//!
//! What is decided is in pure parts beside it: [`crate::batch`] (where a message ends), `pace` (how
//! fast a backlog goes), `backoff` (when daemons are tried again), `silence` (when it is said that
//! nobody acknowledges), `spread::stream` (numbers, what is sent next, what is kept for whom).

mod backoff;
mod heirs;
mod identity;
mod inflow;
mod keeper;
mod link;
mod notices;
mod options;
mod pace;
mod run;
mod silence;

pub(crate) use identity::hostname;
pub use options::{
    BUFFER_MIN, MESSAGE_MAX, OptionsError, PublisherOptions, SPOOL_MIN, SpoolOptions, WhenFull,
};

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use spread::GroupName;
use spread::stream::StreamGroup;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::counters::{Books, Counters};
use crate::queue::Drain;
use run::Run;

/// Sends the lines of some rings to a group.
#[derive(Debug)]
pub struct Publisher {
    options: PublisherOptions,
    group: StreamGroup,
    drains: Vec<Drain>,
    wake: Arc<Notify>,
    counters: Arc<Counters>,
}

impl Publisher {
    /// Checks the options; nothing is opened before [`Publisher::run`].
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn new(options: PublisherOptions, drains: Vec<Drain>) -> Result<Self, OptionsError> {
        let group = options.check()?;
        let wake = Arc::new(Notify::new());
        let rings = drains.iter().map(|drain| drain.attach(&wake)).collect();
        let counters = Arc::new(Counters::new(rings, options.addresses.clone()));
        Ok(Self {
            options,
            group,
            drains,
            wake,
            counters,
        })
    }

    /// Where it sends.
    #[must_use]
    pub const fn group(&self) -> GroupName {
        self.options.group
    }

    /// The books, readable while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Runs until the stop, and gives the books.
    ///
    /// When `stop` resolves it goes on until all `Log`s are dropped and their rings empty, seals,
    /// sends everything, says that it leaves, waits until that comes back, and then for the logging
    /// hosts that were heard lately to acknowledge it all. All that within the stop timeout, which
    /// counts from `stop`; so drop the `Log`s soon. Not cancel-safe: lines taken from the rings go
    /// with it.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Books {
        let wake = Arc::clone(&self.wake);
        let stop_timeout = self.options.stop_timeout;
        let options = self.options.clone();
        let counters = self.counters();
        let mut run = Run::new(self);
        let (stopping, is_stopping) = watch::channel(());
        let mut heirs = JoinSet::new();
        if let Some(spool) = &options.spool {
            heirs.spawn(heirs::run(
                spool.dir.clone(),
                options.clone(),
                counters,
                is_stopping,
            ));
        }
        let mut tick = interval(DRAIN_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop, if !run.is_stopping() => run.stop_within(stop_timeout),
                _ = tick.tick() => run.drain(),
                () = wake.notified() => run.drain(),
                event = run.event() => run.handle(event),
            }
            run.feed();
            run.publish_books();
            if run.is_over() {
                drop(stopping);
                let books = run.end(stop_timeout).await;
                // They have a second to close; what they have not sent stays in the files.
                drop(timeout(HEIRS_TIMEOUT, heirs.join_next()).await);
                return books;
            }
        }
    }
}

/// Longer than a connection takes to close.
const HEIRS_TIMEOUT: Duration = Duration::from_secs(2);

/// 20 ms: a ring of 1 MiB holds what a worker logs in that time at 200,000 requests a second.
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);
