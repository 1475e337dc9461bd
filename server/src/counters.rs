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
    /// Those among them that were turned away unheard, their address having too many.
    pub turned_away: u64,
    /// Connections closed because they did not begin with the PROXY header they had to.
    pub proxy_headers_refused: u64,
    /// Exchanges finished: answered, refused or broken off.
    pub exchanges: u64,
    /// Those among them whose status was 400 or above.
    pub refused: u64,
    /// Those among them that did not get their whole response out.
    pub cut_off: u64,
    /// Bytes of content sent.
    pub content_bytes: u64,
    /// Requests answered from the cache.
    pub cache_hits: u64,
    /// Requests for which the document root was asked.
    pub cache_misses: u64,
    /// Files in the caches.
    pub cache_entries: u64,
    /// Bytes of the caches in use.
    pub cache_bytes: u64,
    /// Passwords that were verified and right.
    pub passwords_right: u64,
    /// Those that were wrong.
    pub passwords_wrong: u64,
    /// Those not looked at, their address having been wrong too often.
    pub passwords_unseen: u64,
    /// Programs started.
    pub programs_started: u64,
    /// Programs that have ended, by themselves or not.
    pub programs_ended: u64,
    /// Those among them that were stopped: they took too long, or nobody listened any more.
    pub programs_killed: u64,
    /// Programs that could not be started, or gave no valid response.
    pub programs_failed: u64,
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
            totals.turned_away += worker.turned_away.value();
            totals.proxy_headers_refused += worker.proxy_headers_refused.value();
            totals.cut_off += worker.cut_off.value();
            totals.content_bytes += worker.content_bytes.value();
            totals.cache_hits += worker.cache_hits.value();
            totals.cache_misses += worker.cache_misses.value();
            totals.cache_entries += worker.cache_entries.value();
            totals.cache_bytes += worker.cache_bytes.value();
            totals.passwords_right += worker.passwords_right.value();
            totals.passwords_wrong += worker.passwords_wrong.value();
            totals.passwords_unseen += worker.passwords_unseen.value();
            totals.programs_started += worker.programs_started.value();
            totals.programs_ended += worker.programs_ended.value();
            totals.programs_killed += worker.programs_killed.value();
            totals.programs_failed += worker.programs_failed.value();
        }
        for (status, exchanges) in self.by_status() {
            totals.exchanges += exchanges;
            totals.refused += if status >= 400 { exchanges } else { 0 };
        }
        totals
    }

    /// The exchanges finished with each status, in order; those that never were are left out.
    pub fn by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        (STATUS_MIN..=STATUS_MAX).filter_map(|status| {
            let of_status = |worker: &WorkerCounters| worker.of_status(status).map(Counter::value);
            let exchanges: u64 = self.0.iter().filter_map(of_status).sum();
            (exchanges > 0).then_some((status, exchanges))
        })
    }

    /// The counters that the worker of this number writes.
    pub(crate) fn of(&self, worker: usize) -> Option<&WorkerCounters> {
        self.0.get(worker)
    }
}

/// The statuses that RFC 9110 15 knows a class of. All have a counter, 4 KB for each worker, so
/// that counting is one addition whatever the status; the few that are used share a cache line
/// or two.
const STATUS_MIN: u16 = 100;
const STATUS_MAX: u16 = 599;
const STATUSES: usize = (STATUS_MAX - STATUS_MIN + 1) as usize;

/// The counters of one worker. Two cache lines of 64 bytes, which processors fetch in pairs,
/// belong to nobody else.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    pub(crate) connections: Counter,
    pub(crate) connections_ended: Counter,
    pub(crate) turned_away: Counter,
    pub(crate) proxy_headers_refused: Counter,
    pub(crate) cut_off: Counter,
    pub(crate) content_bytes: Counter,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) cache_entries: Counter,
    pub(crate) cache_bytes: Counter,
    pub(crate) passwords_right: Counter,
    pub(crate) passwords_wrong: Counter,
    pub(crate) passwords_unseen: Counter,
    pub(crate) programs_started: Counter,
    pub(crate) programs_ended: Counter,
    pub(crate) programs_killed: Counter,
    pub(crate) programs_failed: Counter,
    exchanges: [Counter; STATUSES],
}

impl WorkerCounters {
    /// Counts an exchange that was finished with `status`.
    pub(crate) fn count_exchange(&self, status: u16) {
        if let Some(exchanges) = self.of_status(status) {
            exchanges.add(1);
        }
    }

    fn of_status(&self, status: u16) -> Option<&Counter> {
        let index = status.checked_sub(STATUS_MIN)?;
        self.exchanges.get(usize::from(index))
    }
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            connections: Counter::default(),
            connections_ended: Counter::default(),
            turned_away: Counter::default(),
            proxy_headers_refused: Counter::default(),
            cut_off: Counter::default(),
            content_bytes: Counter::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            cache_entries: Counter::default(),
            cache_bytes: Counter::default(),
            passwords_right: Counter::default(),
            passwords_wrong: Counter::default(),
            passwords_unseen: Counter::default(),
            programs_started: Counter::default(),
            programs_ended: Counter::default(),
            programs_killed: Counter::default(),
            programs_failed: Counter::default(),
            exchanges: std::array::from_fn(|_| Counter::default()),
        }
    }
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

    /// Replaces the number: it is no sum, but how things are.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
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
            counters.of(worker).unwrap().count_exchange(200);
            counters.of(worker).unwrap().count_exchange(404);
        }
        counters.of(1).unwrap().content_bytes.add(7);
        counters.of(2).unwrap().cache_bytes.set(5);
        counters.of(2).unwrap().cache_bytes.set(4);

        let totals = counters.totals();

        assert_eq!((totals.exchanges, totals.refused), (6, 3));
        assert_eq!((totals.content_bytes, totals.cache_bytes), (7, 4));
        assert_eq!(
            counters.by_status().collect::<Vec<_>>(),
            [(200, 3), (404, 3)]
        );
        assert!(counters.of(3).is_none());
    }

    #[test]
    fn what_is_no_status_is_counted_nowhere() {
        let counters = Counters::new(1);

        for status in [0, 99, 600, u16::MAX] {
            counters.of(0).unwrap().count_exchange(status);
        }

        assert_eq!(counters.totals(), Totals::default());
    }
}
