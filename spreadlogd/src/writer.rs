//! The thread that writes: it alone touches the files, and the ledger.
//!
//! ```text
//! lines -> pieces -> waiting in each sink -> prepared: in the journal -> in the files -> settled
//! ```
//!
//! Received lines are grouped by file and written many messages at a time. It does not wait for
//! a file that cannot take more, so that one full disk does not stop the others; a file system
//! that hangs does, for all of them, while those who receive go on. What has become of each
//! numbered message is told to those who receive, who acknowledge it or ask for it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use spread::stream::{Key, Number};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::counters::Counters;
use crate::journal::Journal;
use crate::ledger::{Entry, Event, Source};
use crate::outlet::{Moment, Outlets, Pieces, Taken};
use crate::queue::{FLUSH_INTERVAL, Item, Queue};
use crate::sink::{Aside, Asides, Lines, Origin, Outcome, Shelf};

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
    open: HashMap<(Source, u64), Open>,
    /// To those who receive, by block.
    settled: Vec<mpsc::UnboundedSender<Vec<Settled>>>,
    unsent: Vec<Vec<Settled>>,
    /// How often all files were opened again.
    reopened: watch::Sender<u64>,
    /// Empty, and used again and again.
    outcomes: Vec<Outcome>,
    counters: Arc<Counters>,
}

/// What has become of a numbered message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Settled {
    pub(crate) key: Key,
    pub(crate) number: Number,
    /// It is in all its files; otherwise it is wanted again.
    pub(crate) is_written: bool,
}

/// A message that goes to several files.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Files of which the outcome is not known.
    left: usize,
    is_refused: bool,
    /// Lines of it that no file takes.
    unplaced: u32,
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
            open: HashMap::new(),
            unsent: settled.iter().map(|_| Vec::new()).collect(),
            settled,
            reopened: watch::Sender::new(0),
            outcomes: Vec::new(),
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
        let crowd = self.shelf.crowd(at.now);
        if !crowd.is_empty() {
            self.write(&crowd, at.now);
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
        if refused > 0 {
            self.lose(refused, logs);
        }
        let unplaced = u32::try_from(refused.min(lines.count)).unwrap_or(u32::MAX);
        if pieces.is_empty() {
            self.leave_out(lines, unplaced);
        }
        if origin.number > 0 && !pieces.is_empty() {
            pieces.retain(|(index, _)| !self.has_already(*index, lines));
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
            self.shelf.push(index, piece, at.now);
            self.settle(index);
        }
        if self.shelf.take_urgency() {
            self.flush(at.now);
        }
    }

    /// No file could be opened for these, not even the one for all others. They are not asked for
    /// again: what keeps a file from being opened is there for days, and the publisher's store
    /// would be full of them.
    fn lose(&self, lines: u64, logs: &[usize]) {
        if let Some(file) = self.counters.of_logs(logs).next() {
            file.lines_lost.add(lines);
        }
    }

    /// No file has anything of a message, be it that none is to, or that for `unplaced` of its lines
    /// none could be opened; the ledger takes note of it, so that it is not asked for.
    fn leave_out(&mut self, lines: &Lines, unplaced: u32) {
        let (count, len) = lines.amount();
        let Origin { source, number, .. } = lines.origin;
        if number == 0 {
            return;
        }
        self.journal.note(&Event::LeftOut {
            source,
            number,
            lines: count.saturating_sub(unplaced),
            len,
        });
        self.note_unplaced(source, number, unplaced);
        self.tell(source, number, true);
    }

    /// The books are to say which lines are not where they belong.
    fn note_unplaced(&mut self, source: Source, number: u64, lines: u32) {
        if lines > 0 {
            let event = Event::Unplaced {
                source,
                number,
                lines,
            };
            self.journal.note(&event);
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

    /// Whether a message that comes again is in this file since before.
    fn has_already(&mut self, index: usize, lines: &Lines) -> bool {
        let origin = lines.origin;
        let Some(file) = self.file(index) else {
            return false;
        };
        let ledger = self.journal.ledger();
        ledger.is_in(origin.source, origin.number, file)
    }

    /// Writes what is due: first to the journal, then to the files.
    fn flush(&mut self, now: Instant) {
        let due = self.shelf.due(now);
        self.write(&due, now);
    }

    fn write(&mut self, due: &[usize], now: Instant) {
        let mut prepared = Vec::with_capacity(due.len());
        let mut ready = self.journal.ready();
        let time = SystemTime::now();
        for &index in due {
            if self.file(index).is_none() {
                continue;
            }
            self.put_aside(index, time);
            let file = self.shelf.file(index).filter(|_| ready.is_ok());
            let sink = self.shelf.sink(index);
            if let (Some(file), Some(sink)) = (file, sink)
                && let Some((offset, entries)) = sink.prepare(now)
            {
                self.journal.prepare(file, offset, entries);
                prepared.push(index);
            }
        }
        if ready.is_ok() {
            ready = self.journal.commit();
        }
        self.tell_of_ledger(ready.as_ref().err());
        if ready.is_err() {
            for &index in due {
                if let Some(sink) = self.shelf.sink(index) {
                    sink.put_off(now);
                }
            }
            self.shelf.settle();
            return;
        }
        for index in prepared {
            if let Some(sink) = self.shelf.sink(index) {
                sink.write(now);
            }
            self.settle(index);
        }
        if !due.is_empty() {
            self.shelf.settle();
        }
        self.tell_settled();
        if !self.put_aside.is_empty() {
            self.checkpoint();
        }
    }

    /// Writes the whole ledger. What becomes of files that were put aside does not matter any more
    /// then to what a crash leaves to be found out.
    fn checkpoint(&mut self) {
        let done = self.journal.checkpoint();
        self.tell_of_ledger(done.as_ref().err());
        if done.is_ok() {
            let put_aside = self.put_aside.drain(..);
            put_aside.for_each(|aside| self.asides.give(aside));
        }
    }

    /// A file that is over is moved out of the way and begun anew.
    fn put_aside(&mut self, index: usize, time: SystemTime) {
        let aside = self.shelf.sink(index).and_then(|sink| sink.put_aside(time));
        if let Some(aside) = aside {
            self.put_aside.push(aside);
            self.open_again(index);
        }
    }

    /// Takes what a sink says of its messages into the ledger, and tells it on.
    fn settle(&mut self, index: usize) {
        let file = self.shelf.file(index);
        let (Some(sink), Some(file)) = (self.shelf.sink(index), file) else {
            return;
        };
        let mut outcomes = std::mem::take(&mut self.outcomes);
        outcomes.extend(sink.outcomes());
        if let Some(at) = sink.take_cut() {
            self.journal.cut(file, at);
        }
        for outcome in outcomes.drain(..) {
            let (entry, is_written) = match outcome {
                Outcome::Written(entry) => {
                    self.journal.written(file, &entry);
                    (entry, true)
                }
                Outcome::Refused(entry) => (entry, false),
            };
            // Of others nobody asks.
            if entry.number > 0 {
                self.conclude(&entry, is_written);
            }
        }
        self.outcomes = outcomes;
    }

    /// One file has taken a message, or not; when all have, that is told.
    fn conclude(&mut self, entry: &Entry, mut is_written: bool) {
        let place = (entry.source, entry.number);
        if let Some(open) = self.open.get_mut(&place) {
            open.left = open.left.saturating_sub(1);
            open.is_refused |= !is_written;
            if open.left > 0 {
                return;
            }
            is_written = !open.is_refused;
            let unplaced = open.unplaced;
            self.open.remove(&place);
            if is_written {
                self.note_unplaced(entry.source, entry.number, unplaced);
            }
        }
        self.tell(entry.source, entry.number, is_written);
    }

    /// Those who receive are to know what has become of a message.
    fn tell(&mut self, source: Source, number: u64, is_written: bool) {
        let (Some(key), Some(number)) = (source.key(), Number::new(number)) else {
            return;
        };
        if let Some(unsent) = self.unsent.get_mut(usize::from(source.block)) {
            unsent.push(Settled {
                key,
                number,
                is_written,
            });
        }
    }

    fn tell_settled(&mut self) {
        for (sender, unsent) in self.settled.iter().zip(&mut self.unsent) {
            if !unsent.is_empty() {
                // At the end those who receive are gone before.
                let _ = sender.send(std::mem::take(unsent));
            }
        }
    }

    /// What waits goes to the files as they were; then they are opened again, or closed until
    /// a line names them.
    fn reopen(&mut self, now: Instant) {
        let dirty = self.shelf.dirty();
        self.write(&dirty, now);
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

    /// Says once that the ledger cannot be written, and once that it can again.
    fn tell_of_ledger(&self, error: Option<&std::io::Error>) {
        let was_failing = self.counters.set_ledger_failing(error.is_some());
        match error {
            Some(error) if !was_failing => warn!(
                "cannot write the ledger: {error}; until it can be written, nothing is written to \
                 the logs, and messages wait with their publishers"
            ),
            None if was_failing => info!("the ledger is written again"),
            _ => {}
        }
    }
}

/// How often is looked which files are quiet.
const LOOK_EVERY: Duration = Duration::from_secs(30);

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bytes::Bytes;

    use super::*;
    use crate::counters::FileCounters;
    use crate::ledger::Ledger;
    use crate::outlet::Outlet;
    use crate::sink::{Locking, Stay};

    fn outlet(shelf: &mut Shelf, path: &Path) -> (Outlet, Arc<FileCounters>) {
        let counters = Arc::new(FileCounters::new(path.to_owned()));
        let how = (&counters, &Arc::default());
        let sink = shelf.open(path, how, Stay::Always, Instant::now());
        let outlet = Outlet::plain(sink.unwrap(), Arc::clone(&counters));
        (outlet, counters)
    }

    /// Every line is written or counted as lost, in each file by itself.
    #[test]
    fn a_full_disk_does_not_harm_the_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let line = Bytes::from("0123456789\n".repeat(1_000));
        let room = 10 * Lines::of_stranger(line.clone()).cost();
        let queue = Arc::new(Queue::new(room));
        let mut shelf = Shelf::new(Locking::Exclusive, Arc::clone(queue.room()), None);
        let (to_good, good) = outlet(&mut shelf, &path);
        let (to_full, full) = outlet(&mut shelf, Path::new("/dev/full"));
        let writer = {
            let journal = Journal::begin(Ledger::default(), None).unwrap();
            Writer::new(
                Arc::clone(&queue),
                (Outlets::of(vec![to_good, to_full]), shelf),
                journal,
                Vec::new(),
                Arc::default(),
            )
        };
        let thread = thread::spawn(|| writer.run());

        let mut refused = 0;
        for _ in 0..100 {
            let pushed = queue.push(Lines::of_stranger(line.clone()), Arc::new([0, 1]));
            refused += u64::from(pushed.is_err());
            while good.lines.now() < 1_000 * (100 - refused).min(1) {
                thread::yield_now();
            }
        }
        queue.command(Item::Finish(Instant::now()));
        thread.join().unwrap();

        let taken = 1_000 * (100 - refused);
        assert_eq!(good.lines.now(), taken);
        assert_eq!(fs::metadata(&path).unwrap().len(), 11 * taken);
        assert_eq!((full.lines.now(), full.lines_lost.now()), (0, taken));
        assert!(queue.room().take(room), "all of the room was given back");
    }
}
