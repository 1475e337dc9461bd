//! The thread that writes: it alone touches the files, and the ledger.
//!
//! ```text
//! lines -> pieces -> waiting in each sink -> prepared: in the journal -> in the files -> settled
//! ```
//!
//! Received lines are grouped by file and written many messages at a time. It does not wait for
//! a file that cannot take more, so that one full disk does not stop the others; a file system
//! that hangs does, for all of them, while those who receive go on. What is said of each message
//! then is in `outcome`.

mod outcome;
mod together;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use crate::counters::Counters;
use crate::heap;
use crate::journal::{Committed, Journal, Stands};
use crate::ledger::Source;
use crate::outlet::{Moment, Outlets, Pieces, Taken};
use crate::queue::{FLUSH_INTERVAL, Item, Queue};
use crate::sink::{Aside, Asides, Lines, Outcome, Shelf};
use outcome::Open;
use together::Desk;

pub(crate) use outcome::Settled;

/// Writes what comes through `queue` until it is told to finish.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    /// The Logs, as those who receive number them.
    outlets: Outlets,
    shelf: Shelf,
    asides: Asides,
    /// Files that were put aside, and the ledger does not know of it yet.
    put_aside: Vec<Aside>,
    pieces: Pieces,
    journal: Journal,
    /// What has become of messages that go to several files, as long as that is not known of all.
    open: HashMap<(Source, u64), Open, foldhash::fast::RandomState>,
    /// To those who receive, by block.
    settled: Vec<mpsc::UnboundedSender<Vec<Settled>>>,
    unsent: Vec<Vec<Settled>>,
    /// How often all files were opened again.
    reopened: watch::Sender<u64>,
    /// Empty, and used again and again.
    outcomes: Vec<Outcome>,
    desk: Desk,
    counters: Arc<Counters>,
}

impl Writer {
    /// Writes to the open files of `shelf` what `outlets` make of each message.
    pub(crate) fn new(
        queue: Arc<Queue>,
        (outlets, mut shelf): (Outlets, Shelf),
        journal: Journal,
        settled: Vec<mpsc::UnboundedSender<Vec<Settled>>>,
        counters: Arc<Counters>,
    ) -> Self {
        shelf.share_room();
        let mut writer = Self {
            queue,
            outlets,
            shelf,
            asides: Asides::new(),
            put_aside: Vec::new(),
            pieces: Pieces::default(),
            journal,
            open: HashMap::default(),
            unsent: settled.iter().map(|_| Vec::new()).collect(),
            settled,
            reopened: watch::Sender::new(0),
            outcomes: Vec::new(),
            desk: Desk::default(),
            counters,
        };
        for index in writer.shelf.indices() {
            writer.file(index);
        }
        writer
    }

    /// Tells how often all files were opened again.
    pub(crate) fn reopened(&self) -> watch::Receiver<u64> {
        self.reopened.subscribe()
    }

    /// The thread's work; returns when all is written, or given up at the deadline.
    pub(crate) fn run(mut self) {
        heap::keep_freed();
        let mut items = Vec::new();
        let mut next = Instant::now();
        let mut look = next + LOOK_EVERY;
        loop {
            let until = self.shelf.next_due().map_or(look, |due| due.min(look));
            self.queue.take(&mut items, next, Some(until));
            let now = Instant::now();
            let deadline = self.handle(&mut items, now);
            self.flush(now);
            if let Some(deadline) = deadline {
                return self.finish(deadline);
            }
            if now >= look {
                self.shelf.close_quiet(false, now);
                self.rest();
                items.shrink_to(ITEMS_KEPT);
                look = now + LOOK_EVERY;
            }
            self.forget_closed();
            next = now + FLUSH_INTERVAL;
        }
    }

    /// Returns the deadline if it is time to end.
    fn handle(&mut self, items: &mut Vec<Item>, now: Instant) -> Option<Instant> {
        let mut deadline = None;
        let at = Moment {
            now,
            time: SystemTime::now(),
        };
        for item in items.drain(..) {
            match item {
                Item::Lines(lines, logs) => self.take(lines, &logs, at),
                Item::Note(event) => self.journal.note(&event),
                Item::Reopen => self.reopen(now),
                Item::Hurry => self.shelf.hurry(),
                Item::Finish(until) => {
                    self.shelf.hurry();
                    deadline = Some(until);
                }
            }
        }
        deadline
    }

    /// Takes a message for these Logs. The most frequent is soon done with: for one, without a
    /// number, as it is.
    fn take(&mut self, lines: Lines, logs: &[usize], at: Moment) {
        if let (0, &[log]) = (lines.origin.number, logs)
            && let Some(outlet) = self.outlets.logs.get(log)
            && let Some(index) = outlet.only_file()
        {
            // Its place in the room is the file's now.
            self.shelf.push(index, lines, at.now);
            if self.shelf.take_urgency() {
                self.flush(at.now);
            }
        } else {
            self.push(&lines, logs, at);
        }
    }

    /// Takes a message for these Logs apart into what each file gets of it.
    fn push(&mut self, lines: &Lines, logs: &[usize], at: Moment) {
        if self.shelf.is_crowd() {
            self.write_all(at.now);
        }
        self.shelf.begin_message();
        let is_alone = logs.len() == 1;
        for &log in logs {
            if let Some(outlet) = self.outlets.logs.get_mut(log) {
                let message = (lines, is_alone);
                outlet.add(message, &mut self.shelf, at, &mut self.pieces);
            }
        }
        let room = Arc::clone(self.queue.room());
        room.force(self.shelf.take_cost());
        room.give_back(lines.cost() * logs.len());
        let Taken {
            mut pieces,
            refused,
        } = self.pieces.take(lines);
        let origin = lines.origin;
        let unplaced = u32::try_from(refused.min(lines.count)).unwrap_or(u32::MAX);
        if pieces.is_empty() {
            self.leave_out(lines, unplaced);
        }
        if origin.number > 0 && !pieces.is_empty() {
            if self
                .journal
                .ledger()
                .is_partial(origin.source, origin.number)
            {
                self.leave_where_it_is(&mut pieces, lines);
            }
            match pieces.len() {
                // As with fewer files than at its first time, since when the configuration changed.
                0 => self.leave_out(lines, unplaced),
                1 if unplaced == 0 => {}
                left => {
                    let open = Open {
                        left,
                        is_refused: false,
                        unplaced,
                    };
                    self.open.insert((origin.source, origin.number), open);
                }
            }
        }
        for (index, piece) in pieces {
            self.file(index);
            room.force(piece.cost());
            if self.shelf.push(index, piece, at.now) {
                self.settle(index);
            }
        }
        room.force(self.shelf.take_cost());
        if self.shelf.take_urgency() {
            self.flush(at.now);
        }
    }

    /// The index of a file in the ledger; it gets one if it has none yet.
    fn file(&mut self, index: usize) -> Option<usize> {
        if let Some(file) = self.shelf.file(index) {
            return Some(file);
        }
        // It may be one of these, opened again.
        self.forget_closed();
        let sink = self.shelf.sink(index)?;
        self.asides.catch_up(sink.path(), sink.care());
        let file = self.journal.open_file(sink.account(), None);
        self.shelf.set_file(index, file);
        Some(file)
    }

    /// Writes what is due: first to the journal, then to the files.
    fn flush(&mut self, now: Instant) {
        self.write_together(false, now);
        let due = self.shelf.due(now);
        for few in due.chunks(AT_ONCE) {
            self.write(few, now);
        }
    }

    /// Writes whatever can be written, due or not.
    fn write_all(&mut self, now: Instant) {
        self.write_together(true, now);
        let dirty = self.shelf.dirty(now);
        self.write(&dirty, now);
    }

    fn write(&mut self, due: &[usize], now: Instant) {
        let mut prepared = Vec::with_capacity(due.len());
        let mut committed = self.prepare(due, &mut prepared, now);
        if matches!(committed, Ok(Committed::Anew)) {
            committed = self.prepare(due, &mut prepared, now);
        }
        self.tell_of_ledger(committed.as_ref().err());
        if !matches!(committed, Ok(Committed::Whole)) {
            for &index in due {
                if let Some(sink) = self.shelf.sink(index) {
                    sink.put_off(now);
                }
            }
            self.shelf.settle(due);
            return;
        }
        for index in prepared {
            if let Some(sink) = self.shelf.sink(index) {
                sink.write(now);
            }
            self.settle(index);
        }
        self.shelf.settle(due);
        self.tell_settled();
        if !self.put_aside.is_empty() {
            self.checkpoint();
        }
    }

    /// Has in the journal what is to be written to the files that are `due`, and may be: `prepared`.
    fn prepare(
        &mut self,
        due: &[usize],
        prepared: &mut Vec<usize>,
        now: Instant,
    ) -> io::Result<Committed> {
        prepared.clear();
        let ready = self.journal.ready();
        let is_ready = ready.is_ok();
        let time = SystemTime::now();
        let mut stands = Stands::Death;
        for &index in due {
            if self.file(index).is_none() {
                continue;
            }
            self.put_aside(index, 0, time);
            let file = self.shelf.file(index).filter(|_| is_ready);
            let sink = self.shelf.sink(index);
            if let (Some(file), Some(sink)) = (file, sink)
                && let Some((offset, entries)) = sink.prepare(now)
            {
                if sink.is_safe() {
                    // One that is safe and that nobody knows of would come again.
                    stands = Stands::PowerFailure;
                }
                self.journal.prepare(file, offset, &entries);
                prepared.push(index);
            }
        }
        ready?;
        self.journal.commit(stands)
    }

    /// Writes the whole ledger. What becomes of files that were put aside does not matter any more
    /// then to what a crash leaves to be found out.
    fn checkpoint(&mut self) {
        let done = self.journal.checkpoint();
        // Whether it takes what waits to be written is told when that is tried.
        if done.is_err() || self.shelf.next_due().is_none() {
            self.tell_of_ledger(done.as_ref().err());
        }
        if done.is_ok() {
            let put_aside = self.put_aside.drain(..);
            put_aside.for_each(|aside| self.asides.give(aside));
        }
    }

    /// A file that is over, or would be with `more` bytes than wait in it, is moved out of the way
    /// and begun anew.
    fn put_aside(&mut self, index: usize, more: usize, time: SystemTime) {
        let sink = self.shelf.sink(index);
        let aside = sink.and_then(|sink| sink.put_aside(more, time));
        if let Some(aside) = aside {
            self.put_aside.push(aside);
            self.open_again(index);
        }
    }

    /// What waits goes to the files as they were; then they are opened again, or closed until
    /// a line names them.
    fn reopen(&mut self, now: Instant) {
        self.shelf.try_again(now);
        self.write_all(now);
        self.shelf.close_quiet(true, now);
        self.forget_closed();
        for index in self.shelf.indices() {
            self.open_again(index);
        }
        self.outlets.reopen();
        self.checkpoint();
        self.reopened.send_modify(|times| *times += 1);
    }

    /// The file that a path leads to now goes on for the one that it led to.
    fn open_again(&mut self, index: usize) {
        let before = self.shelf.file(index);
        if !self.shelf.reopen(index) {
            return;
        }
        if let Some(sink) = self.shelf.sink(index) {
            let file = self.journal.open_file(sink.account(), before);
            self.shelf.set_file(index, file);
        }
    }

    fn forget_closed(&mut self) {
        for file in self.shelf.take_closed() {
            self.journal.close_file(file);
        }
    }

    /// Goes on trying to write what could not be written, then gives it up.
    fn finish(mut self, deadline: Instant) {
        self.outlets.stop(deadline);
        loop {
            let now = Instant::now();
            let Some(due) = self.shelf.next_due().filter(|_| now < deadline) else {
                break;
            };
            thread::sleep(due.min(deadline).saturating_duration_since(now));
            self.flush(Instant::now());
        }
        for index in self.shelf.indices() {
            if let Some(sink) = self.shelf.sink(index) {
                sink.abandon();
            }
            self.settle(index);
        }
        self.checkpoint();
        self.outlets.join();
        self.asides.finish();
    }
}

/// 128 files: what is looked at of each, first for the journal and then to write it, is still in a
/// cache the second time, and an entry in the journal for each costs no more than one for all.
const AT_ONCE: usize = 128;

/// How often is looked which files are quiet, and whether all are.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// 4,096 places for messages are kept when a disk that was slow has had a million waiting: more than
/// come in one flush.
const ITEMS_KEPT: usize = 4_096;

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
