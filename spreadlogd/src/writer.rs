//! The thread that writes: it alone touches the files, and the ledger.
//!
//! ```text
//! lines -> waiting in each sink -> prepared: in the journal -> in the files -> settled
//! ```
//!
//! Received lines are grouped by file and written many messages at a time. It does not wait for
//! a file that cannot take more, so that one full disk does not stop the others; a file system
//! that hangs does, for all of them, while those who receive go on. What has become of each
//! numbered message is told to those who receive, who acknowledge it or ask for it again.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use spread::stream::{Key, Number};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::counters::Counters;
use crate::journal::Journal;
use crate::ledger::{Entry, Source};
use crate::queue::{FLUSH_INTERVAL, Item, Queue, URGENT_BYTES};
use crate::sink::{FileSink, Lines, Outcome};

/// Writes what comes through `queue` until it is told to finish.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    sinks: Vec<FileSink>,
    /// The index of each sink's file in the ledger.
    files: Vec<usize>,
    journal: Journal,
    /// What has become of messages that go to several files, as long as that is not known of all.
    open: HashMap<(Source, u64), Open>,
    /// To those who receive, by block.
    settled: Vec<mpsc::UnboundedSender<Vec<Settled>>>,
    unsent: Vec<Vec<Settled>>,
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
}

impl Writer {
    pub(crate) fn new(
        queue: Arc<Queue>,
        mut sinks: Vec<FileSink>,
        mut journal: Journal,
        settled: Vec<mpsc::UnboundedSender<Vec<Settled>>>,
        counters: Arc<Counters>,
    ) -> Self {
        // A share each, so that those in trouble leave as much to the others.
        let share = queue.room().max() / sinks.len().max(1);
        for sink in &mut sinks {
            sink.set_room(Arc::clone(queue.room()), share);
        }
        let files = sinks
            .iter()
            .map(|sink| journal.open_file(sink.account(), None));
        Self {
            files: files.collect(),
            queue,
            sinks,
            journal,
            open: HashMap::new(),
            unsent: settled.iter().map(|_| Vec::new()).collect(),
            settled,
            counters,
        }
    }

    /// The thread's work; returns when all is written, or given up at the deadline.
    pub(crate) fn run(mut self) {
        let mut items = Vec::new();
        let mut next = Instant::now();
        loop {
            self.queue.take(&mut items, next, self.retry_at());
            let now = Instant::now();
            let deadline = self.handle(&mut items, now);
            self.flush(now);
            if let Some(deadline) = deadline {
                return self.finish(deadline);
            }
            next = now + FLUSH_INTERVAL;
        }
    }

    /// Returns the deadline if it is time to end.
    fn handle(&mut self, items: &mut Vec<Item>, now: Instant) -> Option<Instant> {
        let mut deadline = None;
        for item in items.drain(..) {
            match item {
                Item::Lines(lines, sinks) => self.push(&lines, &sinks, now),
                Item::Note(event) => self.journal.note(&event),
                Item::Reopen => self.reopen(now),
                Item::Finish(at) => deadline = Some(at),
            }
        }
        deadline
    }

    fn push(&mut self, lines: &Lines, sinks: &[usize], now: Instant) {
        let origin = lines.origin;
        let is_shared = origin.number > 0 && sinks.len() > 1;
        let mut left = sinks.len();
        for &index in sinks {
            if is_shared && self.has_already(index, lines) {
                self.queue.room().give_back(lines.cost());
                left -= 1;
            }
        }
        if is_shared {
            let open = Open {
                left,
                is_refused: false,
            };
            self.open.insert((origin.source, origin.number), open);
        }
        let mut is_urgent = false;
        for &index in sinks {
            if is_shared && self.has_already(index, lines) {
                continue;
            }
            if let Some(sink) = self.sinks.get_mut(index) {
                sink.push(lines.clone());
                is_urgent |= sink.held() >= URGENT_BYTES;
            }
            self.settle(index);
        }
        if is_urgent {
            self.flush(now);
        }
    }

    /// Whether a message that comes again is in the file of this sink since before.
    fn has_already(&self, sink: usize, lines: &Lines) -> bool {
        let origin = lines.origin;
        let partial = self.journal.ledger().partial(origin.source, origin.number);
        let file = self.files.get(sink);
        partial.is_some_and(|files| file.is_some_and(|file| files.contains(file)))
    }

    /// Writes all that waits: first to the journal, then to the files.
    fn flush(&mut self, now: Instant) {
        let mut prepared = Vec::new();
        let mut ready = self.journal.ready();
        if ready.is_ok() {
            for (index, (sink, file)) in self.sinks.iter_mut().zip(&self.files).enumerate() {
                if let Some((offset, entries)) = sink.prepare(now) {
                    self.journal.prepare(*file, offset, entries);
                    prepared.push(index);
                }
            }
            ready = self.journal.commit();
        }
        self.tell_of_ledger(ready.as_ref().err());
        if ready.is_err() {
            self.sinks.iter_mut().for_each(|sink| sink.put_off(now));
            return;
        }
        for index in prepared {
            if let Some(sink) = self.sinks.get_mut(index) {
                sink.write(now);
            }
            self.settle(index);
        }
        self.tell_settled();
    }

    /// Takes what a sink says of its messages into the ledger, and tells it on.
    fn settle(&mut self, index: usize) {
        let (Some(sink), Some(&file)) = (self.sinks.get_mut(index), self.files.get(index)) else {
            return;
        };
        let outcomes: Vec<Outcome> = sink.outcomes().collect();
        if let Some(at) = sink.take_cut() {
            self.journal.cut(file, at);
        }
        for outcome in outcomes {
            let (entry, is_written) = match outcome {
                Outcome::Written(entry) => {
                    self.journal.written(file, &entry);
                    (entry, true)
                }
                Outcome::Refused(entry) => (entry, false),
            };
            self.conclude(&entry, is_written);
        }
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
            self.open.remove(&place);
        }
        let (Some(key), Some(number)) = (entry.source.key(), Number::new(entry.number)) else {
            return;
        };
        if let Some(unsent) = self.unsent.get_mut(usize::from(entry.source.block)) {
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

    /// What waits goes to the files as they were; then they are opened again.
    fn reopen(&mut self, now: Instant) {
        self.flush(now);
        for (sink, file) in self.sinks.iter_mut().zip(&mut self.files) {
            if sink.reopen() {
                *file = self.journal.open_file(sink.account(), Some(*file));
            }
        }
        let done = self.journal.checkpoint();
        self.tell_of_ledger(done.as_ref().err());
    }

    fn retry_at(&self) -> Option<Instant> {
        self.sinks.iter().filter_map(FileSink::retry_at).min()
    }

    /// Goes on trying to write what could not be written, then gives it up.
    fn finish(mut self, deadline: Instant) {
        loop {
            let now = Instant::now();
            let Some(retry_at) = self.retry_at().filter(|_| now < deadline) else {
                break;
            };
            thread::sleep(retry_at.min(deadline).saturating_duration_since(now));
            self.flush(Instant::now());
        }
        for index in 0..self.sinks.len() {
            if let Some(sink) = self.sinks.get_mut(index) {
                sink.abandon();
            }
            self.settle(index);
        }
        let done = self.journal.checkpoint();
        self.tell_of_ledger(done.as_ref().err());
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

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use bytes::Bytes;

    use super::*;
    use crate::counters::FileCounters;
    use crate::ledger::Ledger;
    use crate::sink::{Locking, Opened, Target};

    fn sink(path: &Path) -> (Arc<FileCounters>, FileSink) {
        let counters = Arc::new(FileCounters::new(path.to_owned()));
        let Ok(Opened::New(target)) = Target::open(path, Locking::Exclusive, |_| false) else {
            panic!("{} cannot be opened", path.display());
        };
        let sink = FileSink::new(Arc::clone(&counters), Locking::Exclusive, target);
        (counters, sink)
    }

    /// Every line is written or counted as lost, in each file by itself.
    #[test]
    fn a_full_disk_does_not_harm_the_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (good, good_sink) = sink(&path);
        let (full, full_sink) = sink(Path::new("/dev/full"));
        let line = Bytes::from("0123456789\n".repeat(1_000));
        let room = 10 * Lines::of_stranger(line.clone()).cost();
        let queue = Arc::new(Queue::new(room));
        let writer = {
            let journal = Journal::begin(Ledger::default(), None).unwrap();
            let sinks = vec![good_sink, full_sink];
            Writer::new(
                Arc::clone(&queue),
                sinks,
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
