//! The publisher's books: what became of every line, readable while it runs.
//!
//! served = lines + lost (+ those in the rings, while running)

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use spread::address::{Address, Addresses};

use crate::queue::Shared;

/// What became of the lines handed to the publisher's logs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// Lines taken from the rings and not lost: given to a daemon, or waiting.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of the lines that wait for a daemon; after the stop, those it gave up.
    pub waiting: u64,
    /// Lines dropped and counted.
    pub lost: Lost,
    /// Lines shortened to the limit; they are among the others.
    pub cut: u64,
}

/// Lines that never went to a daemon.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lost {
    /// Dropped because a ring was full: the publisher was not fast enough.
    pub queue_full: u64,
    /// Pushed out of the store because no daemon took them in time.
    pub buffer_full: u64,
}

impl Lost {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.queue_full + self.buffer_full
    }
}

/// The books of a running publisher, and where it is connected.
#[derive(Debug)]
pub struct Counters {
    rings: Vec<Arc<Shared>>,
    addresses: Addresses,
    lines: AtomicU64,
    bytes: AtomicU64,
    waiting: AtomicU64,
    buffer_full: AtomicU64,
    /// The index of the address, or [`NOWHERE`].
    connected_to: AtomicUsize,
}

impl Counters {
    pub(crate) const fn new(rings: Vec<Arc<Shared>>, addresses: Addresses) -> Self {
        Self {
            rings,
            addresses,
            lines: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            buffer_full: AtomicU64::new(0),
            connected_to: AtomicUsize::new(NOWHERE),
        }
    }

    /// The books now. Each number is right, but they are not read in one instant.
    #[must_use]
    pub fn books(&self) -> Books {
        let of_rings = |counter: fn(&Shared) -> &AtomicU64| {
            let values = self.rings.iter().map(|ring| counter(ring));
            values.map(|value| value.load(Ordering::Relaxed)).sum()
        };
        Books {
            lines: self.lines.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            lost: Lost {
                queue_full: of_rings(|ring| &ring.queue_full),
                buffer_full: self.buffer_full.load(Ordering::Relaxed),
            },
            cut: of_rings(|ring| &ring.cut),
        }
    }

    /// The address of the daemon it is connected to now.
    #[must_use]
    pub fn connected_to(&self) -> Option<&Address> {
        let index = self.connected_to.load(Ordering::Relaxed);
        self.addresses.iter().nth(index)
    }

    /// Writes the publisher's part of the books; the rings keep theirs themselves.
    pub(crate) fn set(&self, books: &Books) {
        self.lines.store(books.lines, Ordering::Relaxed);
        self.bytes.store(books.bytes, Ordering::Relaxed);
        self.waiting.store(books.waiting, Ordering::Relaxed);
        let buffer_full = books.lost.buffer_full;
        self.buffer_full.store(buffer_full, Ordering::Relaxed);
    }

    pub(crate) fn set_connected_to(&self, index: Option<usize>) {
        self.connected_to
            .store(index.unwrap_or(NOWHERE), Ordering::Relaxed);
    }
}

/// The index of no address.
const NOWHERE: usize = usize::MAX;
