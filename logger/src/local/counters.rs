//! The books of a local log: what became of every line, readable while it is written.
//!
//! served = lines + waiting + lost (+ those in the rings, while running)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::counters::{RingFill, fill};
use crate::queue::Shared;

/// What became of the lines handed to a local log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LocalBooks {
    /// Lines that are written.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that have been taken from a ring and are not written yet.
    pub waiting: u64,
    /// Lines dropped and counted.
    pub lost: LocalLost,
    /// Lines shortened to the limit; they are among the others.
    pub cut: u64,
    /// The last attempt to write has failed.
    pub is_failing: bool,
}

/// Lines that were never written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LocalLost {
    /// Dropped because a ring was full: the place took lines too slowly, or not at all.
    pub queue_full: u64,
    /// Refused for ever, or still not taken at the stop.
    pub unwritten: u64,
}

impl LocalLost {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.queue_full + self.unwritten
    }
}

/// The books of a running [`LocalWriter`](crate::LocalWriter).
#[derive(Debug)]
pub struct LocalCounters {
    rings: Vec<Arc<Shared>>,
    lines: AtomicU64,
    bytes: AtomicU64,
    waiting: AtomicU64,
    unwritten: AtomicU64,
    is_failing: AtomicBool,
}

impl LocalCounters {
    pub(super) const fn new(rings: Vec<Arc<Shared>>) -> Self {
        Self {
            rings,
            lines: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        }
    }

    /// The books now. Each number is right, but they are not read in one instant.
    #[must_use]
    pub fn books(&self) -> LocalBooks {
        let of_rings = |counter: fn(&Shared) -> &AtomicU64| {
            let values = self.rings.iter().map(|ring| counter(ring));
            values.map(|value| value.load(Ordering::Relaxed)).sum()
        };
        LocalBooks {
            lines: self.lines.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            lost: LocalLost {
                queue_full: of_rings(|ring| &ring.queue_full),
                unwritten: self.unwritten.load(Ordering::Relaxed),
            },
            cut: of_rings(|ring| &ring.cut),
            is_failing: self.is_failing.load(Ordering::Relaxed),
        }
    }

    /// How full the rings are.
    #[must_use]
    pub fn rings(&self) -> RingFill {
        fill(&self.rings)
    }

    pub(super) fn written(&self, lines: u64, bytes: usize) {
        self.lines.fetch_add(lines, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, lines: u64) {
        self.unwritten.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn set_waiting(&self, lines: u64) {
        self.waiting.store(lines, Ordering::Relaxed);
    }

    pub(super) fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }

    /// So many lines, those that wait among them, will not be written any more.
    pub(super) fn give_up(&self, lines: u64) {
        self.set_waiting(0);
        self.refused(lines);
    }
}
