//! What had company is written: to each file all that it has, with one write where nothing hinders.

use std::mem;
use std::ops::Range;
use std::time::{Instant, SystemTime};

use super::{AT_ONCE, Writer};
use crate::journal::{Committed, Stands};
use crate::ledger::Entry;
use crate::sink::{FileSink, Share, Together};

/// What is used again and again to write what had company.
#[derive(Debug, Default)]
pub(super) struct Desk {
    together: Together,
    /// The bytes of one file.
    bytes: Vec<u8>,
    /// What the journal has of some files.
    entries: Vec<Entry>,
    /// Which of these are a file's, and whether it was to take them at once.
    ready: Vec<(Range<usize>, bool)>,
}

impl Writer {
    /// Writes what has had company for long enough, or `all` that waits for it.
    pub(super) fn write_together(&mut self, all: bool, now: Instant) {
        let mut desk = mem::take(&mut self.desk);
        let mut together = mem::take(&mut desk.together);
        if !self.shelf.take_together(&mut together, all, now) {
            desk.together = together;
            self.desk = desk;
            return;
        }
        let room = self.queue.room();
        room.force(self.shelf.take_cost());
        for few in together.shares().chunks(AT_ONCE) {
            desk.entries.clear();
            desk.ready.clear();
            self.write_few(&together, few, &mut desk, now);
        }
        self.shelf.give_back(&mut together);
        desk.together = together;
        self.desk = desk;
    }

    /// Keeps no memory for what does not come.
    pub(super) fn rest(&mut self) {
        self.shelf.rest(&mut self.desk.together);
    }

    fn write_few(&mut self, together: &Together, few: &[Share], desk: &mut Desk, now: Instant) {
        let ready = self.journal.ready();
        let is_ready = ready.is_ok();
        let time = SystemTime::now();
        for share in few {
            let first = desk.entries.len();
            together.entries(share, &mut desk.entries);
            let entries = desk.entries.get(first..).unwrap_or_default();
            let is_prepared = is_ready && self.prepare_share(share.file, entries, time);
            desk.ready.push((first..desk.entries.len(), is_prepared));
        }
        let committed = ready.and_then(|()| self.journal.commit(Stands::Death));
        if !matches!(committed, Ok(Committed::Anew)) {
            self.tell_of_ledger(committed.as_ref().err());
        }
        let is_committed = matches!(committed, Ok(Committed::Whole));
        for (share, (range, is_prepared)) in few.iter().zip(&desk.ready) {
            let entries = desk.entries.get(range.clone()).unwrap_or_default();
            if is_committed && *is_prepared {
                self.write_share(together, (share, entries), &mut desk.bytes, now);
                continue;
            }
            for lines in together.messages(share, entries) {
                self.queue.room().force(lines.cost());
                self.shelf.push_alone(share.file, lines, now);
            }
            self.settle(share.file);
        }
        // What was left out of the logs is settled too, and told only when the ledger has it.
        if committed.is_ok() {
            self.tell_settled();
        }
        if !self.put_aside.is_empty() {
            self.checkpoint();
        }
    }

    /// Whether a file takes all of it at once; then that is in the journal.
    fn prepare_share(&mut self, index: usize, entries: &[Entry], time: SystemTime) -> bool {
        if self.file(index).is_none() {
            return false;
        }
        self.put_aside(index, len(entries), time);
        let Some(file) = self.shelf.file(index) else {
            return false;
        };
        let Some(offset) = self.shelf.sink(index).and_then(FileSink::append_at) else {
            return false;
        };
        self.journal.prepare(file, offset, entries);
        true
    }

    fn write_share(
        &mut self,
        together: &Together,
        (share, entries): (&Share, &[Entry]),
        bytes: &mut Vec<u8>,
        now: Instant,
    ) {
        let file = self.shelf.file(share.file);
        let (Some(sink), Some(file)) = (self.shelf.sink(share.file), file) else {
            return;
        };
        let (mut written, mut is_whole) = (0, true);
        let mut pieces = together.pieces(share).peekable();
        while is_whole && pieces.peek().is_some() {
            bytes.clear();
            while let Some(piece) = pieces.next_if(|_| bytes.len() < APPENDED_MAX) {
                bytes.extend_from_slice(piece);
            }
            let len = sink.append(bytes);
            written += len;
            is_whole = len == bytes.len();
        }
        if !is_whole {
            sink.go_on(together.messages(share, entries), written, now);
            self.shelf.took(share.file, now);
            self.settle(share.file);
            return;
        }
        let lines = entries.iter().map(|entry| u64::from(entry.lines)).sum();
        sink.appended(lines, written as u64);
        if let Some(cut) = sink.take_cut() {
            self.journal.cut(file, cut);
        }
        self.journal.written(file, entries);
        for entry in entries.iter().filter(|entry| entry.number > 0) {
            self.conclude(entry, true);
        }
    }
}

fn len(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.len as usize).sum()
}

/// 256 KiB: many system calls' worth, and less than the second cache of a processor has.
const APPENDED_MAX: usize = 256 << 10;
