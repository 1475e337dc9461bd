//! The publishers at work, one for each group, on one thread.

use std::sync::Arc;

use spread::GroupName;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::{Books, Counters, Publisher};

/// The publishers, and what they count.
#[derive(Debug)]
pub(super) struct Publishing {
    tasks: JoinSet<(usize, Books)>,
    stop: watch::Sender<()>,
    groups: Vec<GroupName>,
    counters: Vec<Arc<Counters>>,
}

impl Publishing {
    /// Starts them in the current runtime.
    pub(super) fn start(publishers: Vec<Publisher>) -> Self {
        let (stop, stopping) = watch::channel(());
        let counters = publishers.iter().map(Publisher::counters).collect();
        let groups = publishers.iter().map(Publisher::group).collect();
        let mut tasks = JoinSet::new();
        for (index, publisher) in publishers.into_iter().enumerate() {
            let mut stopping = stopping.clone();
            tasks.spawn(async move {
                let running = publisher.run(async move {
                    // It has no sender any more: that is the word.
                    let _ = stopping.changed().await;
                });
                (index, running.await)
            });
        }
        Self {
            tasks,
            stop,
            groups,
            counters,
        }
    }

    /// What each counts, readable while it runs.
    pub(super) fn counters(&self) -> Vec<Arc<Counters>> {
        self.counters.clone()
    }

    /// The groups, as an operator is told.
    pub(super) fn groups(&self) -> String {
        match self.groups.as_slice() {
            [one] => format!("group {one}"),
            [first, .., last] => format!("groups {first} to {last}"),
            [] => "no group".to_owned(),
        }
    }

    /// Sends what there is, as nothing more comes; gives how many lines a daemon or the spool has.
    ///
    /// # Errors
    /// When one has panicked.
    pub(super) async fn finish(mut self) -> Result<u64, JoinError> {
        drop(self.stop);
        let mut safe = 0;
        while let Some(ended) = self.tasks.join_next().await {
            let (index, books) = ended?;
            let secured = self.counters.get(index).map_or(0, |c| c.secured());
            // Each is a beginning of the same lines.
            let kept = secured.saturating_sub(books.lost.buffer_full);
            safe += kept.max(books.lines - books.waiting);
        }
        Ok(safe)
    }
}
