//! The files that are open: those of the configuration, for good, and those that lines name, as
//! long as they are written to.
//!
//! However a file is spelt, it is open once; when it is opened again, it is by the spelling that
//! came first. Files that lines name (one for each virtual host, one for each day) are bounded in
//! number: the one that was not written to for longest is closed for a new one, and any that is
//! quiet for [`IDLE_MAX`]. Their lines wait for company, since a system call for each line of each
//! host would cost more than all else together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::debug;

use super::open::make_directories;
use super::{Care, FileSink, Identity, Lines, Locking, Opened, SinkError, Tagged, Target};
use crate::counters::FileCounters;
use crate::ledger::Source;
use crate::queue::URGENT_BYTES;
use crate::room::Room;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stay {
    /// The configuration names it: it stays open.
    Always,
    /// Lines name it: it is closed when it is quiet.
    WhileUsed,
    /// The same, for lines whose own file finds no place.
    Fallback,
}

/// The open files, by index. An index is a file's until the shelf says that it was closed.
#[derive(Debug)]
pub(crate) struct Shelf {
    locking: Locking,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    by_path: HashMap<PathBuf, usize>,
    by_identity: HashMap<Identity, usize>,
    /// Those with something to be written.
    dirty: Vec<usize>,
    /// No one of them is due before.
    next_due: Option<Instant>,
    /// The sources of what comes, by which it is gathered.
    tags: HashMap<Source, u32>,
    last: Option<Tagged>,
    /// What was taken of the room, and is not known there yet.
    cost: usize,
    /// One of them has as much as is to be written at once.
    is_urgent: bool,
    /// How many there may be of those that lines name, and are.
    passing_max: usize,
    passing: usize,
    room: Arc<Room>,
    tap: Option<mpsc::Sender<Bytes>>,
    /// Closed since the writer last asked: their places in the ledger.
    closed: Vec<usize>,
    is_hurried: bool,
    /// Which message is being taken apart: the files that it goes to stay open.
    turn: u64,
    /// Files opened so far.
    opened: u64,
}

#[derive(Debug)]
struct Slot {
    sink: FileSink,
    /// Tells it from another file at the same index.
    number: u64,
    stay: Stay,
    /// The index of its file in the ledger, once it has one.
    file: Option<usize>,
    is_dirty: bool,
    /// The last message that goes there.
    turn: u64,
    /// When the first of what waits came.
    since: Instant,
    used: Instant,
}

impl Shelf {
    /// An empty one. What its files keep while they cannot be written is a part of `room`.
    pub(crate) fn new(locking: Locking, room: Arc<Room>, tap: Option<mpsc::Sender<Bytes>>) -> Self {
        Self {
            locking,
            slots: Vec::new(),
            free: Vec::new(),
            by_path: HashMap::new(),
            by_identity: HashMap::new(),
            dirty: Vec::new(),
            next_due: None,
            tags: HashMap::new(),
            last: None,
            cost: 0,
            is_urgent: false,
            passing_max: PASSING_MAX,
            passing: 0,
            room,
            tap,
            closed: Vec::new(),
            is_hurried: false,
            turn: 0,
            opened: 0,
        }
    }

    /// Bounds the files that lines name by what the process may have open.
    pub(crate) fn set_passing_max(&mut self, passing_max: usize) {
        self.passing_max = passing_max.clamp(1, PASSING_MAX);
    }

    /// The file that an absolute `path` leads to, opened and locked if it is not open.
    ///
    /// # Errors
    /// When it cannot be opened, or is another writer's.
    pub(crate) fn open(
        &mut self,
        path: &Path,
        (counters, care): (&Arc<FileCounters>, &Arc<Care>),
        stay: Stay,
        now: Instant,
    ) -> Result<usize, SinkError> {
        if let Some(&index) = self.by_path.get(path) {
            self.hold(index);
            return Ok(index);
        }
        if stay != Stay::Always {
            self.find_place(path, stay)?;
            make_directories(path)?;
        }
        let known = |identity| self.by_identity.contains_key(&identity);
        let target = match Target::open(path, (self.locking, care.mode), known)? {
            Opened::Known(identity) => {
                let index = self.by_identity.get(&identity).copied().unwrap_or_default();
                self.hold(index);
                // By another name. Only the names of the configuration are few.
                if stay == Stay::Always {
                    self.by_path.insert(path.to_owned(), index);
                }
                return Ok(index);
            }
            Opened::New(target) => target,
        };
        debug!("opened {}", path.display());
        let mut sink = FileSink::new(
            path.to_owned(),
            Arc::clone(counters),
            (self.locking, Arc::clone(care)),
            target,
        );
        sink.set_room(Arc::clone(&self.room), self.room.max() / PASSING_SHARES);
        if let Some(tap) = &self.tap {
            sink.set_tap(tap.clone());
        }
        let identity = sink.identity();
        self.opened += 1;
        let slot = Slot {
            sink,
            number: self.opened,
            stay,
            file: None,
            is_dirty: false,
            turn: self.turn,
            since: now,
            used: now,
        };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        self.by_path.insert(path.to_owned(), index);
        self.by_identity.insert(identity, index);
        self.passing += usize::from(stay != Stay::Always);
        Ok(index)
    }

    /// Shares the room out among the files of the configuration, so that those in trouble leave as
    /// much to the others. To be called when all of them are open.
    pub(crate) fn share_room(&mut self) {
        let always = self.slots.iter().flatten();
        let always = always.filter(|slot| slot.stay == Stay::Always).count();
        let share = self.room.max() / always.max(1);
        for slot in self.slots.iter_mut().flatten() {
            if slot.stay == Stay::Always {
                slot.sink.set_room(Arc::clone(&self.room), share);
            }
        }
    }

    /// Takes lines for a file; they are written by a flush that is due.
    pub(crate) fn push(&mut self, index: usize, lines: Lines, now: Instant) {
        let source = lines.origin.source;
        let tag = if lines.origin.number == 0 {
            self.tagged(source).tag
        } else {
            0
        };
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        slot.sink.push(lines, tag);
        self.took(index, now);
    }

    /// Takes a line, with its newline, of a sender without numbers. What it costs is told by
    /// [`take_cost`](Self::take_cost).
    pub(crate) fn gather(&mut self, index: usize, source: Tagged, line: &[u8], now: Instant) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        self.cost += slot.sink.gather(source, 1, &[line]);
        self.took(index, now);
    }

    /// A source of lines without numbers, to be gathered by.
    pub(crate) fn tagged(&mut self, source: Source) -> Tagged {
        if let Some(last) = self.last.filter(|last| last.source == source) {
            return last;
        }
        // One for each group of each block.
        let next = u32::try_from(self.tags.len()).unwrap_or(u32::MAX);
        let tag = *self.tags.entry(source).or_insert(next);
        *self.last.insert(Tagged { source, tag })
    }

    /// What is to be taken from the room for all that was gathered since the last call.
    pub(crate) const fn take_cost(&mut self) -> usize {
        std::mem::replace(&mut self.cost, 0)
    }

    /// Whether since the last call a file has got so much that it is to be written at once.
    pub(crate) const fn take_urgency(&mut self) -> bool {
        std::mem::replace(&mut self.is_urgent, false)
    }

    /// A file has got something to be written.
    fn took(&mut self, index: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        slot.used = now;
        if !slot.is_dirty {
            slot.is_dirty = true;
            slot.since = now;
            self.dirty.push(index);
        }
        self.is_urgent |= slot.sink.held() >= URGENT_BYTES;
        self.next_due = earlier(self.next_due, slot.due_at(self.is_hurried));
    }

    pub(crate) fn sink(&mut self, index: usize) -> Option<&mut FileSink> {
        self.slots
            .get_mut(index)?
            .as_mut()
            .map(|slot| &mut slot.sink)
    }

    /// What tells the file at an index from one that is there later.
    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        Some(self.slots.get(index)?.as_ref()?.number)
    }

    /// Whether the file that had this number is open still; then the message at hand goes there.
    pub(crate) fn is_open(&mut self, index: usize, number: u64) -> bool {
        let is_open = self.number(index) == Some(number);
        if is_open {
            self.hold(index);
        }
        is_open
    }

    /// The next message is taken apart. What it goes to stays open until the one after it.
    pub(crate) fn begin_message(&mut self) {
        self.turn += 1;
    }

    fn hold(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) {
            slot.turn = self.turn;
        }
    }

    /// So many files are open, and have something to be written, that soon none could be closed for
    /// another; they are to be written now. As long as there is room for more files it does not
    /// matter how many wait.
    pub(crate) fn crowd(&self, now: Instant) -> Vec<usize> {
        let is_full = self.passing >= self.passing_max - self.passing_max / 4;
        if !is_full || self.dirty.len() < self.passing_max.div_ceil(2) {
            return Vec::new();
        }
        let slot = |index: usize| self.slots.get(index)?.as_ref();
        let may_be = |index: &usize| {
            let retry_at = slot(*index).and_then(|slot| slot.sink.retry_at());
            retry_at.is_none_or(|at| at <= now)
        };
        self.dirty.iter().copied().filter(may_be).collect()
    }

    /// The index of a file in the ledger.
    pub(crate) fn file(&self, index: usize) -> Option<usize> {
        self.slots.get(index)?.as_ref()?.file
    }

    pub(crate) fn set_file(&mut self, index: usize, file: usize) {
        if let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) {
            slot.file = Some(file);
        }
    }

    /// All that are open.
    pub(crate) fn indices(&self) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.is_some())
            .map(|(at, _)| at)
            .collect()
    }

    /// Those whose lines have waited long enough, or are many; they are to be written now.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<usize> {
        if self.next_due.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let is_due = |index: &usize| self.due_at(*index).is_some_and(|at| at <= now);
        let due: Vec<usize> = self.dirty.iter().copied().filter(is_due).collect();
        if due.is_empty() {
            // None that is there is as early as it was known to be.
            self.settle();
        }
        due
    }

    /// All that have something to be written.
    pub(crate) fn dirty(&self) -> Vec<usize> {
        self.dirty.clone()
    }

    /// When the next is due, if not later.
    pub(crate) const fn next_due(&self) -> Option<Instant> {
        self.next_due
    }

    fn due_at(&self, index: usize) -> Option<Instant> {
        let slot = self.slots.get(index)?.as_ref()?;
        Some(slot.due_at(self.is_hurried))
    }

    /// Nothing waits for company any more.
    pub(crate) fn hurry(&mut self) {
        self.is_hurried = true;
        self.settle();
    }

    /// Forgets which have nothing left to be written. To be called after any were written, or put
    /// off.
    pub(crate) fn settle(&mut self) {
        let (slots, is_hurried) = (&mut self.slots, self.is_hurried);
        let mut next_due = None;
        self.dirty.retain(|index| {
            let Some(slot) = slots.get_mut(*index).and_then(Option::as_mut) else {
                return false;
            };
            slot.is_dirty = !slot.sink.is_idle();
            if slot.is_dirty {
                next_due = earlier(next_due, slot.due_at(is_hurried));
            }
            slot.is_dirty
        });
        self.next_due = next_due;
    }

    /// A file was opened again by its path.
    pub(crate) fn reopen(&mut self, index: usize) -> bool {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return false;
        };
        let before = slot.sink.identity();
        let is_new = slot.sink.reopen();
        if is_new {
            self.by_identity.remove(&before);
            self.by_identity.insert(slot.sink.identity(), index);
        }
        is_new
    }

    /// Closes what lines name and nobody writes to any more: all of it, or what is quiet.
    pub(crate) fn close_quiet(&mut self, all: bool, now: Instant) {
        for index in self.indices() {
            let slot = self.slots.get(index).and_then(Option::as_ref);
            let is_quiet = slot.is_some_and(|slot| {
                let is_old = now.saturating_duration_since(slot.used) >= IDLE_MAX;
                slot.stay != Stay::Always && !slot.is_dirty && (all || is_old)
            });
            if is_quiet {
                self.close(index);
            }
        }
    }

    /// The places in the ledger of those that were closed since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.closed)
    }

    /// Sees to it that another file that lines name may be opened.
    fn find_place(&mut self, path: &Path, stay: Stay) -> Result<(), SinkError> {
        if self.passing >= self.passing_max {
            self.make_place();
        }
        // One message may name more files than there can be: the ledger needs some, too.
        let passing_max = self.passing_max + self.passing_max / 2;
        if stay == Stay::WhileUsed && self.passing >= passing_max {
            return Err(SinkError::Open {
                path: path.to_owned(),
                source: rustix::io::Errno::MFILE.into(),
            });
        }
        Ok(())
    }

    /// Closes an eighth of what lines name: those that were not written to for longest. One at a
    /// time would look through all of them for each.
    fn make_place(&mut self) {
        let mut quiet: Vec<(Instant, usize)> = self
            .indices()
            .into_iter()
            .filter_map(|index| {
                let slot = self.slots.get(index)?.as_ref()?;
                let is_quiet = !slot.is_dirty && slot.turn != self.turn;
                let may_go = slot.stay != Stay::Always && is_quiet;
                may_go.then_some((slot.used, index))
            })
            .collect();
        quiet.sort_unstable();
        let count = self.passing_max.div_ceil(8);
        for (_, index) in quiet.into_iter().take(count) {
            self.close(index);
        }
    }

    fn close(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::take) else {
            return;
        };
        debug!("closed {}", slot.sink.path().display());
        self.by_path.remove(slot.sink.path());
        self.by_identity.remove(&slot.sink.identity());
        self.passing -= usize::from(slot.stay != Stay::Always);
        self.closed.extend(slot.file);
        self.free.push(index);
    }
}

impl Slot {
    fn due_at(&self, is_hurried: bool) -> Instant {
        if let Some(retry_at) = self.sink.retry_at() {
            return retry_at;
        }
        if is_hurried || self.stay == Stay::Always || self.sink.held() >= COMPANY_BYTES {
            self.since
        } else {
            self.since + COMPANY_MAX
        }
    }
}

fn earlier(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.min(other)))
}

/// 16,384 files that lines name, where the process may have so many open: more hosts than a farm
/// has active at once, and some 10 MiB of our memory.
const PASSING_MAX: usize = 16_384;

/// A file that lines name may keep a 64th of the room: if one cannot be written, its whole disk
/// cannot, and the others are as many.
const PASSING_SHARES: usize = 64;

/// Five minutes: a host that is asked for so seldom pays for opening its file.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(300);

/// Half a second: who watches a host's log does not feel it, and 5,000 hosts are 10,000 writes a
/// second at most.
const COMPANY_MAX: Duration = Duration::from_millis(500);

/// 64 KiB: worth a system call.
const COMPANY_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        let room = Arc::new(Room::new(1 << 20));
        (dir, Shelf::new(Locking::Exclusive, room, None))
    }

    fn open(shelf: &mut Shelf, path: &Path, stay: Stay, now: Instant) -> usize {
        let counters = Arc::new(FileCounters::new(path.to_owned()));
        let how = (&counters, &Arc::default());
        shelf.open(path, how, stay, now).unwrap()
    }

    fn push(shelf: &mut Shelf, index: usize, now: Instant) {
        let lines = Lines::of_stranger(Bytes::from_static(b"line\n"));
        assert!(shelf.room.take(lines.cost()));
        shelf.push(index, lines, now);
    }

    fn write(shelf: &mut Shelf, now: Instant) -> Vec<usize> {
        let due = shelf.due(now);
        for &index in &due {
            let sink = shelf.sink(index).unwrap();
            let _ = sink.prepare(now);
            sink.write(now);
        }
        shelf.settle();
        due
    }

    /// However often others are written meanwhile, and however hurried the end is.
    #[test]
    fn lines_wait_for_company_for_so_long_and_no_longer() {
        let (dir, mut shelf) = shelf();
        let began = Instant::now();
        let busy = open(&mut shelf, &dir.path().join("busy"), Stay::Always, began);
        let quiet = open(
            &mut shelf,
            &dir.path().join("quiet"),
            Stay::WhileUsed,
            began,
        );
        push(&mut shelf, quiet, began);

        for tick in 0..25 {
            let now = began + tick * Duration::from_millis(20);
            push(&mut shelf, busy, now);
            assert_eq!(write(&mut shelf, now), [busy]);
        }
        assert_eq!(shelf.next_due(), Some(began + COMPANY_MAX));
        assert_eq!(write(&mut shelf, began + COMPANY_MAX), [quiet]);

        push(&mut shelf, quiet, began + COMPANY_MAX);
        shelf.hurry();
        assert_eq!(write(&mut shelf, began + COMPANY_MAX), [quiet]);
    }

    /// Whatever lines name, no more files are open than were allowed, and none that waits is closed.
    #[test]
    fn files_that_lines_name_are_bounded_in_number() {
        let (dir, mut shelf) = shelf();
        shelf.set_passing_max(8);
        let now = Instant::now();
        let waiting = open(
            &mut shelf,
            &dir.path().join("waiting"),
            Stay::WhileUsed,
            now,
        );
        push(&mut shelf, waiting, now);
        let number = shelf.number(waiting).unwrap();

        for n in 0..100_u64 {
            shelf.begin_message();
            let path = dir.path().join(format!("host-{n}"));
            open(
                &mut shelf,
                &path,
                Stay::WhileUsed,
                now + Duration::from_secs(n),
            );
            assert!(shelf.indices().len() <= 8);
            assert!(shelf.is_open(waiting, number));
        }
        shelf.close_quiet(true, now);

        assert_eq!(shelf.indices(), [waiting]);
    }

    /// Writing all of 5,000 hosts whenever most of them wait would write each line by itself.
    #[test]
    fn many_that_wait_are_a_crowd_only_where_few_more_could_be_opened() {
        let (dir, mut shelf) = shelf();
        shelf.set_passing_max(8);
        let now = Instant::now();

        for n in 1..=8 {
            let path = dir.path().join(format!("host-{n}"));
            let index = open(&mut shelf, &path, Stay::WhileUsed, now);
            push(&mut shelf, index, now);
            assert_eq!(shelf.crowd(now).len(), if n < 6 { 0 } else { n });
        }
    }

    /// By a link, or by another spelling.
    #[test]
    fn a_file_is_open_once_however_it_is_called() {
        let (dir, mut shelf) = shelf();
        let (path, link) = (dir.path().join("log"), dir.path().join("link"));
        let now = Instant::now();
        let first = open(&mut shelf, &path, Stay::Always, now);
        std::os::unix::fs::symlink(&path, &link).unwrap();

        assert_eq!(open(&mut shelf, &link, Stay::WhileUsed, now), first);
        assert_eq!(open(&mut shelf, &path, Stay::Always, now), first);
    }
}
