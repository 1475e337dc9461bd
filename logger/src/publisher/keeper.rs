//! The spool of a publisher at work: what is written when, and what becomes of lines when the disk
//! is full, slow or broken.
//!
//! Messages are written in the order of their numbers, so that the files hold one unbroken run. While
//! that fails they stay in memory, within the bound of a publisher without a spool, and are written
//! when the disk is well again; what memory cannot hold is counted lost.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use spread::stream::{Before, Instance, Number, Sender, Store};

use crate::spool::{Body, Marks, Spool};

/// A spool, and how it is doing.
#[derive(Debug)]
pub(super) struct Keeper {
    spool: Spool,
    /// The first message that is not written.
    next: Number,
    /// Number and lines of the message that is being filled, as they were written last.
    open: (u64, u64),
    /// Bytes of those in memory; too many by those that were let go meanwhile.
    in_memory: usize,
    in_memory_max: usize,
    counted_at: Duration,
    health: Health,
    /// What has not been told yet.
    change: Option<Change>,
    /// Connections of this instance before this process.
    connections_before: u64,
}

#[derive(Debug)]
enum Health {
    Well,
    /// Until then the disk is left alone.
    Failing(Duration),
}

/// What the operator is to be told.
#[derive(Debug)]
pub(super) enum Change {
    Failed(io::Error),
    Recovered,
}

impl Keeper {
    /// Makes the spool of a new instance; `in_memory_max` is for bad times.
    pub(super) fn create(
        dir: &Path,
        instance: Instance,
        identity: &[u8],
        bytes_max: usize,
        in_memory_max: usize,
    ) -> io::Result<Self> {
        let segment_max = segment_max(bytes_max) as u64;
        let spool = Spool::create(dir, instance, identity, segment_max)?;
        Ok(Self::of(spool, Number::FIRST, in_memory_max))
    }

    /// That of one who has died.
    pub(super) fn inherited(spool: Spool, next: Number) -> Self {
        Self::of(spool, next, 0)
    }

    fn of(spool: Spool, next: Number, in_memory_max: usize) -> Self {
        Self {
            connections_before: spool.marks().connections,
            spool,
            next,
            open: (0, 0),
            in_memory: 0,
            in_memory_max,
            counted_at: Duration::ZERO,
            health: Health::Well,
            change: None,
        }
    }

    /// Whether a message of `len` bytes may come in; if so, it will be pushed next.
    pub(super) fn admits(&mut self, store: &Store<Body>, len: usize, now: Duration) -> bool {
        let has_room = self.has_room(store, len, now);
        if has_room {
            self.in_memory += len;
        }
        has_room
    }

    /// Whether memory would take `len` bytes more, should the disk not.
    pub(super) fn has_room(&mut self, store: &Store<Body>, len: usize, now: Duration) -> bool {
        if self.in_memory + len > self.in_memory_max && now >= self.counted_at + COUNT_EVERY {
            self.counted_at = now;
            let in_memory = store.above(self.next.get() - 1).bytes;
            self.in_memory = usize::try_from(in_memory).unwrap_or(usize::MAX);
        }
        self.in_memory.saturating_add(len) <= self.in_memory_max
    }

    /// Lines of messages that are in memory alone.
    pub(super) fn unsaved_lines(&self, store: &Store<Body>) -> u64 {
        store.above(self.next.get() - 1).lines
    }

    /// How many of the `lines` of the message that is being filled are in the file.
    pub(super) fn saved_open(&self, store: &Store<Body>, lines: u64) -> u64 {
        let (number, saved) = self.open;
        if number == store.next().get() {
            saved.min(lines)
        } else {
            0
        }
    }

    /// Writes what is not written yet, as far as the disk lets.
    pub(super) fn write(&mut self, store: &mut Store<Body>, now: Duration) {
        if matches!(self.health, Health::Failing(until) if now < until) {
            return;
        }
        self.next = self.next.max(store.retained());
        while self.next < store.next() {
            match self.write_one(store) {
                Ok(took) if took < SLOW => {}
                Ok(_) => return self.fails(io::ErrorKind::TimedOut.into(), now + LEFT_ALONE),
                Err(error) => return self.fails(error, now + RETRY_EVERY),
            }
        }
        let was = std::mem::replace(&mut self.health, Health::Well);
        if matches!(was, Health::Failing(_)) {
            self.change = Some(Change::Recovered);
        }
    }

    /// Writes the message that is being filled, which has these lines now, so that a death takes
    /// no more than what is in the rings.
    pub(super) fn write_open(
        &mut self,
        store: &Store<Body>,
        (lines, body): (u64, &[u8]),
        now: Duration,
    ) {
        let is_well = matches!(self.health, Health::Well) && self.next == store.next();
        if !is_well || lines == 0 || self.open == (self.next.get(), lines) {
            return;
        }
        match self.spool.write_open(self.next, lines, body) {
            Ok(()) => self.open = (self.next.get(), lines),
            Err(error) => self.fails(error, now + RETRY_EVERY),
        }
    }

    /// What is to be told: that the disk fails, or does not any more.
    pub(super) const fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// Writes the next message, and tells how long that took.
    fn write_one(&mut self, store: &mut Store<Body>) -> io::Result<Duration> {
        let number = self.next;
        let lines = store.lines(number).unwrap_or_default();
        let mut took = Duration::ZERO;
        if let Some(body) = store.body_mut(number)
            && let Body::Memory(bytes) = body
        {
            let began = Instant::now();
            let place = self.spool.append(number, lines, bytes)?;
            took = began.elapsed();
            self.in_memory = self.in_memory.saturating_sub(bytes.len());
            *body = Body::Stored(place);
        }
        self.next = number.next();
        Ok(took)
    }

    fn fails(&mut self, error: io::Error, until: Duration) {
        let was = std::mem::replace(&mut self.health, Health::Failing(until));
        if matches!(was, Health::Well) {
            self.change = Some(Change::Failed(error));
        }
    }

    /// Tries once more what failed, without waiting for its time.
    pub(super) fn retry(&mut self, store: &mut Store<Body>, now: Duration) {
        if let Health::Failing(until) = &mut self.health {
            *until = now;
        }
        self.write(store, now);
    }

    /// Lines that are in memory alone and that no daemon has taken.
    pub(super) fn lines_at_risk(&self, store: &Store<Body>) -> u64 {
        let unwritten = store.unwritten().max(self.next);
        store.above(unwritten.get() - 1).lines
    }

    /// Notes how far the instance is, and lets go of what is not kept any more.
    pub(super) fn note(
        &mut self,
        stream: &Sender<Body>,
        before: Before,
        connections: u64,
        now: Duration,
    ) {
        let store = stream.store();
        let (handed, retained) = (store.unwritten().get() - 1, store.retained());
        let (books, noted) = (store.books(), self.spool.marks());
        let is_noted = noted.handed == handed
            && noted.retained == retained.get()
            && noted.connections == connections
            && noted.lost == books.lost
            && noted.queue_full == before.queue_full
            && noted.cut == before.cut;
        if is_noted {
            return;
        }
        let marks = Marks {
            handed,
            retained: retained.get(),
            connections,
            written: books.written,
            lost: books.lost,
            queue_full: before.queue_full,
            cut: before.cut,
            hosts: stream.known_hosts(now).collect(),
        };
        // Where a disk fails, that has been told or will be; marks of before mean that something
        // may be sent twice, which a ledger drops.
        drop(self.spool.mark(&marks));
        self.spool.trim(retained);
    }

    /// Connections that this instance had before.
    pub(super) const fn connections(&self) -> u64 {
        self.connections_before
    }

    /// Deletes the files.
    pub(super) fn delete(self) -> io::Result<()> {
        self.spool.delete()
    }
}

/// A sixteenth of all, so that what is let go gives its room back soon; but no more than 64 MiB.
pub(super) fn segment_max(bytes_max: usize) -> usize {
    (bytes_max / 16).min(64 * 1024 * 1024)
}

/// 1 s: what is full stays full for longer, and to ask costs a system call.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// 1 s: a ring holds as much, and no disk that is well takes as long for 32 KiB.
const SLOW: Duration = Duration::from_secs(1);

/// A minute: a disk that hangs must not make a ring overflow every second.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// 250 ms: counting looks at every message in memory.
const COUNT_EVERY: Duration = Duration::from_millis(250);
