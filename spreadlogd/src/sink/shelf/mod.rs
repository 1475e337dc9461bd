//! The files that are open: those of the configuration, for good, and those that lines name, as
//! long as they are written to.
//!
//! However a file is spelt, it is open once; when it is opened again, it is by the spelling that
//! came first. Files that lines name (one for each virtual host, one for each day) are bounded in
//! number: the one that was not written to for longest is closed for a new one, and any that is
//! quiet for [`IDLE_MAX`]. What waits to be written, and for how long, is in `due`; of files that
//! lines name it is kept in `company`.

mod company;
mod due;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::debug;

use super::open::make_directories;
use super::{Care, FileSink, Identity, Locking, Opened, SinkError, Tagged, Target};
use crate::counters::FileCounters;
use crate::ledger::Source;
use crate::room::Room;

use company::Company;
use due::{COMPANY_BYTES_MAX, COMPANY_SHARE};

pub(crate) use company::{Share, Together};

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
    /// What is looked at for each line, by index too: together in few places of memory.
    marks: Vec<Mark>,
    free: Vec<usize>,
    by_path: HashMap<PathBuf, usize>,
    by_identity: HashMap<Identity, usize>,
    /// What is for files that lines name, and how many bytes of it may be.
    company: Company,
    company_max: usize,
    /// How many others have something to be written.
    dirty: usize,
    /// These, and when.
    waiting: Vec<(Instant, usize)>,
    /// No one of them is due before.
    next_due: Option<Instant>,
    /// The sources of what comes, by which it is gathered.
    tags: HashMap<Source, u32>,
    last: Option<Tagged>,
    /// What was taken of the room, and is not known there yet.
    cost: usize,
    /// So much waits that it is to be written at once.
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

/// An open file.
#[derive(Debug)]
struct Slot {
    used: Instant,
    /// When the first of what waits came.
    since: Instant,
    stay: Stay,
    is_dirty: bool,
    /// It is among those that are being written.
    is_taken: bool,
    sink: FileSink,
    /// The index of its file in the ledger, once it has one.
    file: Option<usize>,
}

/// What is to be known of an open file for each line.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Tells it from another file at the same index; 0 where there is none.
    number: u64,
    /// The last message that goes there.
    turn: u64,
    /// Lines name it.
    is_passing: bool,
}

impl Shelf {
    /// An empty one. What its files keep while they cannot be written is a part of `room`.
    pub(crate) fn new(locking: Locking, room: Arc<Room>, tap: Option<mpsc::Sender<Bytes>>) -> Self {
        Self {
            locking,
            slots: Vec::new(),
            marks: Vec::new(),
            free: Vec::new(),
            by_path: HashMap::new(),
            by_identity: HashMap::new(),
            company: Company::default(),
            company_max: COMPANY_BYTES_MAX.min(room.max() / COMPANY_SHARE),
            dirty: 0,
            waiting: Vec::new(),
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
            stay,
            file: None,
            is_dirty: false,
            is_taken: false,
            since: now,
            used: now,
        };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(None);
                self.marks.push(Mark::default());
                self.slots.len() - 1
            }
        };
        if let (Some(place), Some(mark)) = (self.slots.get_mut(index), self.marks.get_mut(index)) {
            *place = Some(slot);
            *mark = Mark {
                number: self.opened,
                turn: self.turn,
                is_passing: stay != Stay::Always,
            };
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

    pub(crate) fn sink(&mut self, index: usize) -> Option<&mut FileSink> {
        self.slots
            .get_mut(index)?
            .as_mut()
            .map(|slot| &mut slot.sink)
    }

    /// What tells the file at an index from one that is there later.
    pub(crate) fn number(&self, index: usize) -> Option<u64> {
        let mark = self.marks.get(index)?;
        (mark.number > 0).then_some(mark.number)
    }

    /// Whether the file that had this number is open still; then the message at hand goes there.
    pub(crate) fn is_open(&mut self, index: usize, number: u64) -> bool {
        let mark = self.marks.get_mut(index);
        let Some(mark) = mark.filter(|mark| mark.number == number) else {
            return false;
        };
        mark.turn = self.turn;
        true
    }

    /// The next message is taken apart. What it goes to stays open until the one after it.
    pub(crate) fn begin_message(&mut self) {
        self.turn += 1;
    }

    fn hold(&mut self, index: usize) {
        if let Some(mark) = self.marks.get_mut(index) {
            mark.turn = self.turn;
        }
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
                slot.stay != Stay::Always && !self.has_waiting(index, slot) && (all || is_old)
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
                let is_named = self.marks.get(index)?.turn == self.turn;
                let is_quiet = !self.has_waiting(index, slot) && !is_named;
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

    fn has_waiting(&self, index: usize, slot: &Slot) -> bool {
        slot.is_dirty || self.company.has(index)
    }

    fn close(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::take) else {
            return;
        };
        if let Some(mark) = self.marks.get_mut(index) {
            *mark = Mark::default();
        }
        debug!("closed {}", slot.sink.path().display());
        self.by_path.remove(slot.sink.path());
        self.by_identity.remove(&slot.sink.identity());
        self.passing -= usize::from(slot.stay != Stay::Always);
        self.closed.extend(slot.file);
        self.free.push(index);
    }
}

/// 16,384 files that lines name, where the process may have so many open: more hosts than a farm
/// has active at once, and some 10 MiB of our memory.
const PASSING_MAX: usize = 16_384;

/// A file that lines name may keep a 64th of the room: if one cannot be written, its whole disk
/// cannot, and the others are as many.
const PASSING_SHARES: usize = 64;

/// Five minutes: a host that is asked for so seldom pays for opening its file.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
