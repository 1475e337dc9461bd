//! What comes in: lines from the rings, sealed into messages, kept in the store or the spool.
//!
//! It knows of no daemon. A message that it has pushed is the stream's to send, and what finds no
//! room in the store is counted lost there.

use std::time::Duration;

use bytes::Bytes;
use spread::stream::{Identity, Sender, Store, StreamGroup};

use super::keeper::{self, Keeper};
use super::notices::Notices;
use super::{PublisherOptions, WhenFull};
use crate::batch::{Batch, Limits};
use crate::queue::{Drain, OffsetKeeper};
use crate::spool::Body;

/// The way from the rings to the store.
pub(super) struct Inflow {
    drains: Vec<Drain>,
    /// What the rings hold at most.
    rings: usize,
    batch: Batch,
    keeper: Option<Keeper>,
    when_full: WhenFull,
    /// What the stream may keep.
    bytes_max: usize,
    /// When the rings were last emptied: no line in them is older.
    drained_at: Duration,
    offset: OffsetKeeper,
}

impl Inflow {
    /// From `drains`, whose rings hold at most `rings` bytes, to a store of `bytes_max`.
    pub(super) fn new(
        options: &PublisherOptions,
        drains: Vec<Drain>,
        (rings, bytes_max): (usize, usize),
        keeper: Option<Keeper>,
    ) -> Self {
        let limits = Limits {
            bytes: options.message_max,
            lines: options.batch_lines,
            age: options.seal_after,
        };
        Self {
            drains,
            rings,
            batch: Batch::new(limits),
            keeper,
            when_full: options.when_full,
            bytes_max,
            drained_at: Duration::ZERO,
            offset: OffsetKeeper::default(),
        }
    }

    /// Takes all lines from the rings, and gives the number of their bytes.
    pub(super) fn drain(
        &mut self,
        stream: &mut Sender<Body>,
        notices: &Notices,
        now: Duration,
    ) -> u64 {
        let since = self.drained_at;
        self.drained_at = now;
        let mut bytes = 0;
        let takes_more = self.takes_more(stream, now);
        let Self { batch, keeper, .. } = self;
        let mut seal = |body, lines| push(stream, keeper.as_mut(), (body, lines), now);
        for drain in self.drains.iter_mut().filter(|_| takes_more) {
            drain.drain(|piece| {
                bytes += piece.len() as u64;
                batch.push(piece, since, &mut seal);
            });
        }
        batch.seal_aged(now, &mut seal);
        self.spool(stream, notices, now);
        bytes
    }

    /// Seals what is in no message yet.
    pub(super) fn seal(&mut self, stream: &mut Sender<Body>, notices: &Notices, now: Duration) {
        let Self { batch, keeper, .. } = self;
        batch.seal(|body, lines| push(stream, keeper.as_mut(), (body, lines), now));
        self.spool(stream, notices, now);
    }

    /// Keeps the workers' idea of local time.
    pub(super) fn refresh_offset(&mut self) {
        self.offset.refresh(&self.drains);
    }

    pub(super) const fn keeper_mut(&mut self) -> Option<&mut Keeper> {
        self.keeper.as_mut()
    }

    pub(super) const fn take_keeper(&mut self) -> Option<Keeper> {
        self.keeper.take()
    }

    pub(super) const fn keeper(&self) -> Option<&Keeper> {
        self.keeper.as_ref()
    }

    /// Whether nothing more can come.
    pub(super) fn is_finished(&self) -> bool {
        self.drains.iter().all(Drain::is_finished)
    }

    /// Lines of all that came in, from the first on, that the end of this process does not take:
    /// see [`crate::Counters::secured`]. `None` for who does not wait.
    pub(super) fn secured(&self, stream: &Sender<Body>, now: Duration) -> Option<u64> {
        if self.when_full == WhenFull::PushOut {
            return None;
        }
        let (store, open) = (stream.store(), self.batch.lines());
        let books = store.books();
        let all = books.written.lines + books.waiting.lines + books.lost.lines;
        Some(match &self.keeper {
            Some(keeper) => all - keeper.unsaved_lines(store) + keeper.saved_open(store, open),
            None if stream.hosts(now) > 0 => all - store.kept_lines(),
            None => all - books.waiting.lines,
        })
    }

    /// Lines that are in no message yet.
    pub(super) fn open_lines(&self) -> u64 {
        self.batch.lines()
    }

    /// Their bytes.
    pub(super) fn open_bytes(&self) -> u64 {
        self.batch.bytes() as u64
    }

    /// Whether all that the rings may hold finds room.
    fn takes_more(&mut self, stream: &Sender<Body>, now: Duration) -> bool {
        if self.when_full == WhenFull::PushOut {
            return true;
        }
        let store = stream.store();
        let held = if stream.hosts(now) > 0 {
            store.bytes()
        } else {
            // Nobody will ask for what was written.
            let waiting = store.books().waiting;
            let overhead = waiting.messages * Store::<Body>::FRAME_OVERHEAD as u64;
            usize::try_from(waiting.bytes + overhead).unwrap_or(usize::MAX)
        };
        let coming = self.batch.bytes() + ROOM_OF_RINGS * self.rings;
        let has_room = |keeper: &mut Keeper| keeper.has_room(store, coming, now);
        held + coming <= self.bytes_max && self.keeper.as_mut().is_none_or(has_room)
    }

    /// Writes what was sealed into the spool, before it is sent, and what is not sealed yet.
    fn spool(&mut self, stream: &mut Sender<Body>, notices: &Notices, now: Duration) {
        if let Some(keeper) = &mut self.keeper {
            keeper.write(stream.store_mut(), now);
            let open = (self.batch.lines(), self.batch.whole());
            keeper.write_open(stream.store(), open, now);
            if let Some(change) = keeper.take_change() {
                notices.spool(&change);
            }
        }
    }
}

/// What the stream may keep, of an inflow whose rings hold `rings` bytes.
pub(super) fn bytes_max(options: &PublisherOptions, is_spooled: bool, rings: usize) -> usize {
    let bytes_max = match &options.spool {
        // One segment more may be there, because whole ones are deleted.
        Some(spool) if is_spooled => spool.bytes_max - keeper::segment_max(spool.bytes_max),
        _ => options.buffer_bytes,
    };
    match options.when_full {
        WhenFull::PushOut => bytes_max,
        // What the rings hold always finds room in an empty one.
        WhenFull::Wait => bytes_max.max(2 * ROOM_OF_RINGS * rings),
    }
}

/// What a spool that fails may keep in memory.
fn in_memory_max(options: &PublisherOptions, rings: usize) -> usize {
    match options.when_full {
        WhenFull::PushOut => options.buffer_bytes,
        WhenFull::Wait => options.buffer_bytes.max(2 * ROOM_OF_RINGS * rings),
    }
}

/// Twice their bytes: where each line is a message, its frame is about as long as it.
const ROOM_OF_RINGS: usize = 2;

/// Takes a sealed message, if there is room for it.
fn push(
    stream: &mut Sender<Body>,
    keeper: Option<&mut Keeper>,
    (body, lines): (Bytes, u64),
    now: Duration,
) {
    let len = body.len();
    if let Some(keeper) = keeper
        && !keeper.admits(stream.store(), len, now)
    {
        // Writing may make room.
        keeper.write(stream.store_mut(), now);
        if !keeper.admits(stream.store(), len, now) {
            stream.store_mut().lose(len, lines);
            return;
        }
    }
    stream.push(Body::Memory(body), len, lines);
}

/// The spool that is asked for; without it everything is kept in memory.
pub(super) fn keeper(
    identity: &Identity,
    group: StreamGroup,
    (options, rings): (&PublisherOptions, usize),
    notices: &Notices,
) -> Option<Keeper> {
    let spool = options.spool.as_ref()?;
    // It tells who this is.
    let control = Sender::<Body>::new(identity.clone(), group, 0).control_now();
    let created = Keeper::create(
        &spool.dir,
        identity.instance,
        &control,
        spool.bytes_max,
        in_memory_max(options, rings),
    );
    match created {
        Ok(keeper) => Some(keeper),
        Err(error) => {
            notices.no_spool(&spool.dir, &error);
            None
        }
    }
}
