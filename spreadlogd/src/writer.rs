//! The thread that writes: it alone touches the files.
//!
//! Received lines are grouped by file and written many messages at a time. It does not wait for
//! a file that cannot take more, so that one full disk does not stop the others; a file system
//! that hangs does, for all of them, while those who receive go on.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::queue::{FLUSH_INTERVAL, Item, Queue, URGENT_BYTES};
use crate::sink::{FileSink, Lines};

/// Writes what comes through `queue` until it is told to finish.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    sinks: Vec<FileSink>,
}

impl Writer {
    pub(crate) fn new(queue: Arc<Queue>, mut sinks: Vec<FileSink>) -> Self {
        // A share each, so that those in trouble leave as much to the others.
        let share = queue.room().max() / sinks.len().max(1);
        for sink in &mut sinks {
            sink.set_room(Arc::clone(queue.room()), share);
        }
        Self { queue, sinks }
    }

    /// The thread's work; returns when all is written, or given up at the deadline.
    pub(crate) fn run(mut self) {
        let mut items = Vec::new();
        let mut next = Instant::now();
        loop {
            self.queue.take(&mut items, next, self.retry_at());
            let now = Instant::now();
            let deadline = self.handle(&mut items, now);
            for sink in &mut self.sinks {
                sink.write(now);
            }
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
                Item::Reopen => self.sinks.iter_mut().for_each(|sink| sink.reopen(now)),
                Item::Finish(at) => deadline = Some(at),
            }
        }
        deadline
    }

    fn push(&mut self, lines: &Lines, sinks: &[usize], now: Instant) {
        for &sink in sinks {
            let Some(sink) = self.sinks.get_mut(sink) else {
                continue;
            };
            sink.push(lines.clone());
            if sink.held() >= URGENT_BYTES {
                sink.write(now);
            }
        }
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
            let now = Instant::now();
            self.sinks.iter_mut().for_each(|sink| sink.write(now));
        }
        self.sinks.iter_mut().for_each(FileSink::abandon);
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
        let room = 10 * Lines::new(line.clone()).cost();
        let queue = Arc::new(Queue::new(room));
        let writer = Writer::new(Arc::clone(&queue), vec![good_sink, full_sink]);
        let thread = thread::spawn(|| writer.run());

        let mut refused = 0;
        for _ in 0..100 {
            let pushed = queue.push(Lines::new(line.clone()), Arc::new([0, 1]));
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
