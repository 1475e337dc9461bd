//! A file that lines are appended to.
//!
//! Messages wait in order until the file has taken them, many with one `writev`: first they are
//! prepared, so that the journal can have them before the file does, then written. A write that
//! fails (a full disk, a quota) or is cut short loses nothing: what is left stays first and is
//! tried again, until the sink's share of the memory is full. What then comes is refused if it has
//! a number, as its publisher will send it again, and otherwise counted as lost and said.
//!
//! A message is never torn by this: what a file under our lock got of it is cut off again. In
//! others the rest of it is written where it stopped, and if the file is changed for a new one in
//! between, the whole line goes to the new one. What is made safe, and when, is in `safe`; what
//! becomes of a file that takes nothing, in `trouble`.

mod gathered;
mod safe;
mod trouble;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use spread_logger::diagnostics::Chain;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::care::{aside, is_free};
use super::lines::COST;
use super::{Aside, Care, Identity, Lines, Locking, Opened, Target};
use crate::config::Sync;
use crate::counters::FileCounters;
use crate::ledger::{Entry, FileAccount};
use crate::room::Room;
use gathered::{Gathered, SMALL_MAX};
use trouble::{RETRY, Trouble};

pub(crate) use gathered::Tagged;
pub(crate) use trouble::Cut;

/// A file that lines are appended to.
#[derive(Debug)]
pub(crate) struct FileSink {
    /// What `waiting` holds of the room.
    held: usize,
    trouble: Option<Trouble>,
    /// Comes behind `waiting`.
    gathered: Option<Gathered>,
    /// Bytes that were gathered last time.
    gathered_before: usize,
    /// What it may hold while the file takes nothing.
    held_max: usize,
    path: PathBuf,
    counters: Arc<FileCounters>,
    locking: Locking,
    care: Arc<Care>,
    target: Target,
    /// Since when the file is written to, or others wrote to it; it is put aside by that.
    begun: SystemTime,
    /// When the last one was put aside, in seconds since 1970, and the how manieth of that it was.
    aside: Option<(u64, u32)>,
    /// When it was last made safe, and how.
    synced: Instant,
    sync: fn(&File) -> io::Result<()>,
    /// Messages at the end of the file that are not safe, where that is asked for each.
    unsynced: VecDeque<Lines>,
    waiting: VecDeque<Lines>,
    /// How many of `waiting` the journal has, so that they may be written.
    prepared: usize,
    /// Bytes of the first of `waiting` that the file has already.
    written: usize,
    /// Where the next byte goes: in a file of ours its end, in others what they got from us.
    position: u64,
    /// The same as the journal has it: elsewhere only if somebody has emptied a file of ours.
    journaled: u64,
    cut: Option<Cut>,
    outcomes: Vec<Outcome>,
    room: Arc<Room>,
    tap: Option<mpsc::Sender<Bytes>>,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// It is in the file.
    Written(Entry),
    /// It has a number, and there was no room for it.
    Refused(Entry),
}

impl FileSink {
    /// Writes to `target`, which is what `path` led to. Several files may share their `counters`.
    pub(crate) fn new(
        path: PathBuf,
        counters: Arc<FileCounters>,
        (locking, care): (Locking, Arc<Care>),
        target: Target,
    ) -> Self {
        let position = target.end();
        Self {
            begun: target.begun(),
            aside: None,
            synced: Instant::now(),
            sync: File::sync_data,
            unsynced: VecDeque::new(),
            path,
            counters,
            locking,
            care,
            target,
            waiting: VecDeque::new(),
            gathered: None,
            gathered_before: 0,
            prepared: 0,
            written: 0,
            position,
            journaled: position,
            cut: None,
            outcomes: Vec::new(),
            room: Arc::new(Room::new(0)),
            held: 0,
            held_max: 0,
            trouble: None,
            tap: None,
        }
    }

    /// Shares `room` with others; of it this sink may hold `held_max` while it is in trouble.
    pub(crate) fn set_room(&mut self, room: Arc<Room>, held_max: usize) {
        self.room = room;
        self.held_max = held_max;
    }

    /// Offers every message that has been written to `tap`; what it has no room for, it misses.
    pub(crate) fn set_tap(&mut self, tap: mpsc::Sender<Bytes>) {
        self.tap = Some(tap);
    }

    /// The file as it is on disk.
    pub(crate) const fn identity(&self) -> Identity {
        self.target.identity
    }

    /// The file as the ledger opens an account for it.
    pub(crate) fn account(&self) -> FileAccount {
        let length = self.target.length().unwrap_or_default();
        FileAccount {
            path: self.path.clone(),
            identity: self.target.identity,
            is_ours: self.target.is_ours,
            start: length,
            length,
            lines: 0,
            is_open: true,
            used: 0,
        }
    }

    /// What has become of messages since the last call.
    pub(crate) fn outcomes(&mut self) -> impl Iterator<Item = Outcome> + '_ {
        self.outcomes.drain(..)
    }

    /// How far the last attempt came, if it has not written all that was prepared.
    pub(crate) fn take_cut(&mut self) -> Option<Cut> {
        self.cut.take()
    }

    /// Takes lines to be written by the next [`write`](Self::write). Their cost was taken from
    /// the room; it is given back when they are written, refused or lost, and at once when there
    /// are none. `tag` is their source's.
    pub(crate) fn push(&mut self, lines: Lines, tag: u32) {
        let cost = lines.cost();
        if lines.body.is_empty() {
            self.room.give_back(cost);
            return;
        }
        // Who looks on sees message by message.
        let is_gathered = self.tap.is_none() && lines.origin.number == 0;
        if is_gathered && lines.len() <= SMALL_MAX {
            self.room.give_back(cost);
            let source = lines.origin.source;
            let cost = self.gather(Tagged { source, tag }, lines.count, &lines.parts());
            self.room.force(cost);
            return;
        }
        if self.trouble.is_some() && self.held + cost > self.held_max {
            self.room.give_back(cost);
            self.refuse(&lines);
            return;
        }
        self.held += cost;
        self.seal();
        self.waiting.push_back(lines);
    }

    /// Takes lines of a sender without numbers, in `parts`; how much of the room that costs, which
    /// is the caller's to take.
    pub(crate) fn gather(&mut self, source: Tagged, lines: u64, parts: &[&[u8]]) -> usize {
        let len = parts.iter().map(|part| part.len()).sum();
        let begun = self.gathered.as_mut();
        let begun = begun.filter(|gathered| gathered.takes(source, len));
        let cost = len + begun.as_ref().map_or(COST, |_| 0);
        if self.trouble.is_some() && self.held + cost > self.held_max {
            self.lose(lines);
            return 0;
        }
        self.held += cost;
        if let Some(gathered) = begun {
            gathered.add(lines, parts);
        } else {
            self.seal();
            let expected = self.gathered_before.max(len);
            let gathered = self.gathered.insert(Gathered::new(source, expected));
            gathered.add(lines, parts);
        }
        cost
    }

    /// Nothing more is gathered with what was.
    fn seal(&mut self) {
        if let Some(gathered) = self.gathered.take() {
            let lines = gathered.seal();
            self.gathered_before = lines.len();
            self.waiting.push_back(lines);
        }
    }

    /// What is to be written next and where it begins, for the journal: all that waits, unless the
    /// last attempt failed and the time for another has not come.
    pub(crate) fn prepare(&mut self, now: Instant) -> Option<(u64, Vec<Entry>)> {
        let is_due = self.retry_at().is_none_or(|at| at <= now);
        if !is_due || self.is_idle() {
            return None;
        }
        if !self.take_back_unsynced() {
            self.stumble(now + RETRY, true);
            return None;
        }
        self.seal();
        self.journaled = self.position;
        self.prepared = self.waiting.len();
        let mut entries: Vec<Entry> = self.waiting.iter().map(Lines::entry).collect();
        if let Some(first) = entries.first_mut() {
            // A part of it is there already, where it could not be taken back.
            first.len -= u32::try_from(self.written).unwrap_or(first.len);
        }
        Some((self.position, entries))
    }

    /// Writes what was prepared, as far as that goes, and makes it safe where that is asked for.
    pub(crate) fn write(&mut self, now: Instant) {
        self.write_prepared(now);
        self.make_safe(now);
        if self.is_idle() {
            self.recover();
        }
    }

    fn write_prepared(&mut self, now: Instant) {
        while self.prepared > 0 {
            match self.write_some() {
                Ok(0) => return self.fail(&io::ErrorKind::WriteZero.into(), now),
                Ok(len) => self.written(len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.fail(&error, now),
            }
        }
    }

    /// Where what is kept elsewhere may be [appended](Self::append) at once: nothing waits before
    /// it, and to be written is all that is asked of it.
    pub(crate) fn append_at(&mut self) -> Option<u64> {
        let is_free = self.is_idle() && self.trouble.is_none() && self.tap.is_none();
        if !is_free || self.care.sync != Sync::Never {
            return None;
        }
        self.journaled = self.position;
        Some(self.position)
    }

    /// Writes what the journal has; how much of it. Then all of it was [appended](Self::appended),
    /// or the rest is to [go on](Self::go_on).
    pub(crate) fn append(&mut self, bytes: &[u8]) -> usize {
        // What went wrong is met again by who goes on.
        let len = rustix::io::write(&self.target.file, bytes).unwrap_or_default();
        self.journaled += len as u64;
        self.follow(len as u64);
        len
    }

    /// All was appended.
    pub(crate) fn appended(&self, lines: u64, bytes: u64) {
        self.counters.lines.add(lines);
        self.counters.bytes.add(bytes);
    }

    /// Of these messages, which the journal has, only `len` bytes were appended. The rest waits.
    pub(crate) fn go_on(&mut self, messages: Vec<Lines>, len: usize, now: Instant) {
        for lines in messages {
            let cost = lines.cost();
            self.room.force(cost);
            self.held += cost;
            self.waiting.push_back(lines);
        }
        self.prepared = self.waiting.len();
        self.pass(len);
        self.write(now);
    }

    /// Moves the file out of the way if it is time for that, with `more` bytes than wait here. What
    /// waits goes to the new one, for which the path is to be opened again.
    pub(crate) fn put_aside(&mut self, more: usize, time: SystemTime) -> Option<Aside> {
        if !self.care.rotate.is_on() || !self.target.is_ours {
            return None;
        }
        let length = self.target.length().ok()?;
        let more = (self.held + more) as u64;
        if !self.care.is_over(self.begun, (length, more), time) {
            return None;
        }
        // Behind those of the same second, which may have been deleted since.
        let second = seconds(time);
        let first = self.aside.filter(|(before, _)| *before == second);
        let first = first.map_or(0, |(_, n)| n + 1);
        let mut paths = (first..ASIDES_MAX).map(|n| (n, aside(&self.path, time, n)));
        let (n, path) = paths.find(|(_, path)| is_free(path))?;
        self.aside = Some((second, n));
        if let Err(error) = std::fs::rename(&self.path, &path) {
            warn!(
                "cannot put {} aside: {error}; it is written on",
                self.path.display()
            );
            // Not again for each message.
            self.begun = time;
            return None;
        }
        debug!("put {} aside", path.display());
        Some(Aside {
            of: self.path.clone(),
            path,
            care: *self.care,
        })
    }

    /// Goes on in the file that the path leads to now; whether that is another one. To be called
    /// when what waits was written, as far as possible, to the file as it was. If the path cannot
    /// be opened, it goes on in the old one.
    pub(crate) fn reopen(&mut self) -> bool {
        let path = &self.path;
        let how = (self.locking, self.care.mode);
        match Target::open(path, how, |other| other == self.target.identity) {
            Ok(Opened::Known(_)) => debug!("{} is still the same file", path.display()),
            Ok(Opened::New(target)) => {
                self.move_unsynced();
                self.take_back();
                self.begun = target.begun();
                self.position = target.end();
                self.target = target;
                debug!("reopened {}", self.path.display());
                self.recover();
                return true;
            }
            Err(error) => warn!(
                "{}: going on in the old file until another HUP",
                Chain(&error)
            ),
        }
        false
    }

    /// What is asked of it beside the lines.
    pub(crate) fn care(&self) -> Care {
        *self.care
    }

    /// The file as it was named.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.gathered.is_none() && self.unsynced.is_empty()
    }

    /// Bytes that wait to be written.
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    fn write_some(&self) -> io::Result<usize> {
        // As with each of thousands of hosts: 4 KiB of slices need not be made ready for it.
        if let (Some(only), 1) = (self.waiting.front(), self.prepared)
            && let Some(rest) = only
                .body
                .get(self.written..)
                .filter(|rest| !rest.is_empty())
            && !only.is_unended
        {
            return (&self.target.file).write_vectored(&[IoSlice::new(rest)]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let prepared = self.waiting.iter().take(self.prepared);
        let parts = prepared.flat_map(Lines::parts);
        let mut used = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            used += 1;
        }
        let mut slices = slices.get_mut(..used).unwrap_or_default();
        IoSlice::advance_slices(&mut slices, self.written);
        (&self.target.file).write_vectored(slices)
    }

    /// The file has taken `len` bytes more.
    fn written(&mut self, len: usize) {
        self.journaled += len as u64;
        self.follow(len as u64);
        self.pass(len);
    }

    /// Of what waits, `len` bytes more are in the file.
    fn pass(&mut self, len: usize) {
        self.written += len;
        while let Some(first) = self.waiting.front().filter(|_| self.prepared > 0) {
            if self.written < first.len() {
                break;
            }
            self.written -= first.len();
            self.prepared -= 1;
            if let Some(lines) = self.waiting.pop_front() {
                self.taken(lines);
            }
        }
    }

    /// A message is in the file for good.
    fn conclude(&mut self, lines: Lines) {
        self.outcomes.push(Outcome::Written(lines.entry()));
        self.held -= lines.cost();
        self.room.give_back(lines.cost());
        self.counters.lines.add(lines.count);
        self.counters.bytes.add(lines.len() as u64);
        self.offer(lines.body);
    }

    /// Where the file ends after a write. Nobody else writes to a file under our lock, but who
    /// empties it, as `copytruncate` of logrotate does, does not ask for that. Looking after the
    /// write, at what the kernel has at hand, costs a fifth of asking for the length before it.
    fn follow(&mut self, len: u64) {
        self.position += len;
        if !self.target.is_ours {
            return;
        }
        let end = (&self.target.file).stream_position();
        if let Ok(end) = end
            && end != self.position
        {
            self.position = end;
            // It is in the file, though not where the journal says.
            self.cut = Some(Cut::clean(u64::MAX));
        }
    }

    fn offer(&mut self, body: Bytes) {
        let closed = |tap: &mpsc::Sender<Bytes>| {
            matches!(
                tap.try_send(body),
                Err(mpsc::error::TrySendError::Closed(_))
            )
        };
        if self.tap.as_ref().is_some_and(closed) {
            self.tap = None;
        }
    }
}

/// Parts of one `writev`: with the common 32 KiB messages more than a disk takes at once.
const SLICES: usize = 256;

fn seconds(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_secs())
}

/// As many files may be put aside in one second.
const ASIDES_MAX: u32 = 1_000;

#[cfg(test)]
mod tests;
