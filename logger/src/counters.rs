//! The publisher's books: what became of every line, readable while it runs.
//!
//! served = lines + lost (+ those in the rings, while running)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
    /// What daemons' sockets have wholly taken.
    pub sent: Sent,
    /// Connections to daemons that have come about, each after none or another.
    pub connections: u64,
    /// Lines dropped and counted.
    pub lost: Lost,
    /// Lines shortened to the limit; they are among the others.
    pub cut: u64,
    /// What the logging hosts have said of what was sent.
    pub acknowledged: Acknowledged,
}

/// What logging hosts that keep a ledger have said, and what is kept for them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Acknowledged {
    /// Logging hosts that are waited for: they have acknowledged within ten minutes.
    pub hosts: u64,
    /// Lines that all of them have safe.
    pub lines: u64,
    /// Messages sent again to one that asked.
    pub repaired: u64,
    /// Bytes of messages that are kept: they wait, or have not been acknowledged.
    pub retained_bytes: u64,
    /// Messages were sent, and nobody has acknowledged anything for half a minute. So it is as well
    /// where only original spreadlogds listen, which never do.
    pub is_missing: bool,
}

/// What went to daemons.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Messages.
    pub messages: u64,
    /// Lines in them.
    pub lines: u64,
    /// Bytes of these lines.
    pub bytes: u64,
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

/// How full the rings between the workers and the publisher are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RingFill {
    /// Bytes that waited in all rings together when they were last emptied.
    pub bytes: usize,
    /// The most that has waited in one of them.
    pub bytes_peak: usize,
    /// What one of them holds.
    pub bytes_max: usize,
}

/// Spools that publishers which have ended left behind, and that this one takes over. Their lines are
/// in no other number here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Orphans {
    /// Spools that are being delivered.
    pub spools: u64,
    /// Lines in them that somebody may still need.
    pub lines: u64,
    /// Spools that were delivered, to the end.
    pub delivered: u64,
    /// Lines that went after a week, as nobody had acknowledged them.
    pub expired_lines: u64,
}

/// The same while it changes.
#[derive(Debug)]
pub(crate) struct OrphanCounters {
    spools: AtomicU64,
    lines: AtomicU64,
    delivered: AtomicU64,
    expired_lines: AtomicU64,
}

impl OrphanCounters {
    const fn new() -> Self {
        Self {
            spools: AtomicU64::new(0),
            lines: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            expired_lines: AtomicU64::new(0),
        }
    }

    /// A spool is taken over.
    pub(crate) fn begin(&self) {
        self.spools.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them had `before` lines, and has `now`.
    pub(crate) fn change(&self, before: u64, now: u64) {
        self.lines.fetch_add(now, Ordering::Relaxed);
        self.lines.fetch_sub(before, Ordering::Relaxed);
    }

    /// One that still had `lines` is not being delivered any more.
    pub(crate) fn end(&self, lines: u64) {
        self.change(lines, 0);
        self.spools.fetch_sub(1, Ordering::Relaxed);
    }

    /// All of one is where it belongs.
    pub(crate) fn deliver(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// One has become too old.
    pub(crate) fn expire(&self, lines: u64) {
        self.expired_lines.fetch_add(lines, Ordering::Relaxed);
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
    /// Lines taken from the rings, whatever became of them.
    taken: AtomicU64,
    sent_messages: AtomicU64,
    sent_lines: AtomicU64,
    sent_bytes: AtomicU64,
    connections: AtomicU64,
    hosts: AtomicU64,
    acknowledged_lines: AtomicU64,
    repaired: AtomicU64,
    retained_bytes: AtomicU64,
    acknowledgement_is_missing: AtomicBool,
    secured: AtomicU64,
    orphans: OrphanCounters,
    /// The index of the address, or [`NOWHERE`].
    connected_to: AtomicUsize,
    /// In seconds since 1970; of the last connection, if there is none.
    connected_at: AtomicU64,
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
            taken: AtomicU64::new(0),
            sent_messages: AtomicU64::new(0),
            sent_lines: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            hosts: AtomicU64::new(0),
            acknowledged_lines: AtomicU64::new(0),
            repaired: AtomicU64::new(0),
            retained_bytes: AtomicU64::new(0),
            acknowledgement_is_missing: AtomicBool::new(false),
            secured: AtomicU64::new(0),
            orphans: OrphanCounters::new(),
            connected_to: AtomicUsize::new(NOWHERE),
            connected_at: AtomicU64::new(0),
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
            sent: Sent {
                messages: self.sent_messages.load(Ordering::Relaxed),
                lines: self.sent_lines.load(Ordering::Relaxed),
                bytes: self.sent_bytes.load(Ordering::Relaxed),
            },
            connections: self.connections.load(Ordering::Relaxed),
            lost: Lost {
                queue_full: of_rings(|ring| &ring.queue_full),
                buffer_full: self.buffer_full.load(Ordering::Relaxed),
            },
            cut: of_rings(|ring| &ring.cut),
            acknowledged: Acknowledged {
                hosts: self.hosts.load(Ordering::Relaxed),
                lines: self.acknowledged_lines.load(Ordering::Relaxed),
                repaired: self.repaired.load(Ordering::Relaxed),
                retained_bytes: self.retained_bytes.load(Ordering::Relaxed),
                is_missing: self.acknowledgement_is_missing.load(Ordering::Relaxed),
            },
        }
    }

    /// Lines taken from the rings until now, lost ones included: unlike [`Books::lines`] it only
    /// grows.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Lines from the first on that do not need this process any more: every logging host has them,
    /// or the spool; where there is neither, a daemon. Told only of who waits when all is full
    /// ([`WhenFull::Wait`](crate::WhenFull::Wait)): it knows where to read them again.
    #[must_use]
    pub fn secured(&self) -> u64 {
        self.secured.load(Ordering::Relaxed)
    }

    /// What is taken over of others.
    #[must_use]
    pub fn orphans(&self) -> Orphans {
        let orphans = &self.orphans;
        Orphans {
            spools: orphans.spools.load(Ordering::Relaxed),
            lines: orphans.lines.load(Ordering::Relaxed),
            delivered: orphans.delivered.load(Ordering::Relaxed),
            expired_lines: orphans.expired_lines.load(Ordering::Relaxed),
        }
    }

    /// The same, to be changed.
    pub(crate) const fn orphans_now(&self) -> &OrphanCounters {
        &self.orphans
    }

    /// How full the rings are.
    #[must_use]
    pub fn rings(&self) -> RingFill {
        fill(&self.rings)
    }

    /// The daemons, in the order in which they are tried.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// When the connection of now has come about, in seconds since 1970.
    #[must_use]
    pub fn connected_since(&self) -> Option<u64> {
        self.connected_to()?;
        Some(self.connected_at.load(Ordering::Relaxed))
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
        let taken = books.lines + buffer_full;
        self.taken.store(taken, Ordering::Relaxed);
        let Sent {
            messages,
            lines,
            bytes,
        } = books.sent;
        self.sent_messages.store(messages, Ordering::Relaxed);
        self.sent_lines.store(lines, Ordering::Relaxed);
        self.sent_bytes.store(bytes, Ordering::Relaxed);
        let acknowledged = &books.acknowledged;
        self.hosts.store(acknowledged.hosts, Ordering::Relaxed);
        self.acknowledged_lines
            .store(acknowledged.lines, Ordering::Relaxed);
        self.repaired
            .store(acknowledged.repaired, Ordering::Relaxed);
        self.retained_bytes
            .store(acknowledged.retained_bytes, Ordering::Relaxed);
        self.acknowledgement_is_missing
            .store(acknowledged.is_missing, Ordering::Relaxed);
    }

    pub(crate) fn set_secured(&self, lines: u64) {
        // A logging host that is heard for the first time takes nothing back.
        self.secured.fetch_max(lines, Ordering::Relaxed);
    }

    pub(crate) fn set_connected_to(&self, index: Option<usize>) {
        if index.is_some() {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = since_epoch.map_or(0, |since| since.as_secs());
            self.connected_at.store(now, Ordering::Relaxed);
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
        self.connected_to
            .store(index.unwrap_or(NOWHERE), Ordering::Relaxed);
    }
}

/// How full `rings` are, together.
pub(crate) fn fill(rings: &[Arc<Shared>]) -> RingFill {
    let mut fill = RingFill::default();
    for ring in rings {
        let bytes_peak = ring.bytes_peak.load(Ordering::Relaxed);
        fill.bytes += ring.bytes.load(Ordering::Relaxed);
        fill.bytes_peak = fill.bytes_peak.max(bytes_peak);
        fill.bytes_max = fill.bytes_max.max(ring.bytes_max);
    }
    fill
}

/// The index of no address.
const NOWHERE: usize = usize::MAX;
