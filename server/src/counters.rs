//! What the workers count, each for itself, summed when somebody asks.
//!
//! Every worker has its own counters on its own cache lines and is the only one to
//! write them, so counting is an addition in the first-level cache: no lock, no
//! shared line. A reader sees each number as it was a moment ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle to the counters of a server; cheap to clone, valid after the server ended.
#[derive(Clone, Debug)]
pub struct Counters(Arc<[WorkerCounters]>);

/// What was counted, at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Connections accepted.
    pub connections: u64,
    /// Connections that have ended.
    pub connections_ended: u64,
    /// Exchanges finished: answered, refused or broken off.
    pub exchanges: u64,
    /// Those among them whose status was 400 or above.
    pub refused: u64,
    /// Those among them that did not get their whole response out.
    pub cut_off: u64,
    /// Bytes of content sent.
    pub content_bytes: u64,
}

impl Counters {
    pub(crate) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| WorkerCounters::default()).collect())
    }

    /// The sums over all workers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for worker in self.0.iter() {
            totals.connections += worker.connections.value();
            totals.connections_ended += worker.connections_ended.value();
            totals.exchanges += worker.exchanges.value();
            totals.refused += worker.refused.value();
            totals.cut_off += worker.cut_off.value();
            totals.content_bytes += worker.content_bytes.value();
        }
        totals
    }

    /// The counters that the worker of this number writes.
    pub(crate) fn of(&self, worker: usize) -> Option<&WorkerCounters> {
        self.0.get(worker)
    }
}

/// The counters of one worker. Two cache lines of 64 bytes, which processors fetch in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    pub(crate) connections: Counter,
    pub(crate) connections_ended: Counter,
    pub(crate) exchanges: Counter,
    pub(crate) refused: Counter,
    pub(crate) cut_off: Counter,
    pub(crate) content_bytes: Counter,
}

/// A number with one writer and any number of readers.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to the number. Not a `fetch_add`, whose locked instruction one writer does
    /// not need.
    pub(crate) fn add(&self, amount: u64) {
        let value = self.0.load(Ordering::Relaxed);
        self.0.store(value.wrapping_add(amount), Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_sums_over_the_workers() {
        let counters = Counters::new(3);
        for worker in 0..3 {
            counters.of(worker).unwrap().exchanges.add(2);
        }
        counters.of(1).unwrap().content_bytes.add(7);

        let totals = counters.totals();

        assert_eq!((totals.exchanges, totals.content_bytes), (6, 7));
        assert!(counters.of(3).is_none());
    }
}
