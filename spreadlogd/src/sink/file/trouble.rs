//! A file that takes nothing at present, or takes only a part: what is kept of its lines, what is
//! taken back of a line that was torn, what is lost and said, and when it is tried again.

use std::io;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{FileSink, Outcome};
use crate::ledger::Entry;
use crate::sink::Lines;
use crate::sink::lines::COST;

/// The file takes nothing at present.
#[derive(Debug)]
pub(super) struct Trouble {
    retry_at: Instant,
    /// The reason, if it is more than a reader that is slower than we are.
    is_failure: bool,
    lines_lost: u64,
}

/// Not all that was prepared has been written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cut {
    /// Of the messages that were prepared, those that end here or before were.
    pub(crate) at: u64,
    /// The whole lines that the file has of the next one.
    pub(crate) part: Option<Entry>,
}

impl Cut {
    /// No message is in part in the file.
    pub(super) const fn clean(at: u64) -> Self {
        Self { at, part: None }
    }
}

impl FileSink {
    /// When to call [`write`](Self::write) again though nothing new came.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.retry_at)
    }

    /// It is not left in peace any longer.
    pub(crate) fn try_again(&mut self, now: Instant) {
        if let Some(trouble) = &mut self.trouble {
            trouble.retry_at = now;
        }
    }

    /// Counts lines as lost for want of room.
    pub(super) fn lose(&mut self, lines: u64) {
        self.counters.lines_lost.add(lines);
        let Some(trouble) = &mut self.trouble else {
            return;
        };
        if trouble.lines_lost == 0 {
            warn!(
                "no room for more lines of {}: they are lost and counted until it can be written",
                self.path.display()
            );
        }
        trouble.lines_lost += lines;
    }

    /// There is no room for these: they come again, or are lost.
    pub(super) fn refuse(&mut self, lines: &Lines) {
        if lines.origin.number > 0 {
            self.counters.lines_returned.add(lines.count);
            self.outcomes.push(Outcome::Refused(lines.entry()));
        } else {
            self.lose(lines.count);
        }
    }

    /// What was prepared may not be written now: the journal could not take it.
    pub(crate) fn put_off(&mut self, now: Instant) {
        self.prepared = 0;
        if self.is_idle() {
            return;
        }
        let before = self.trouble.take();
        self.trouble = Some(Trouble {
            retry_at: now + RETRY,
            is_failure: before.as_ref().is_some_and(|before| before.is_failure),
            lines_lost: before.map_or(0, |before| before.lines_lost),
        });
    }

    pub(super) fn fail(&mut self, error: &io::Error, now: Instant) {
        let is_failure = error.kind() != io::ErrorKind::WouldBlock;
        let retry_at = now + if is_failure { RETRY } else { RETRY_BUSY };
        self.prepared = 0;
        let part = if self.target.is_ours && self.written > 0 {
            self.take_back_message()
        } else {
            None
        };
        let of_next = self.written as u64 + part.map_or(0, |part| u64::from(part.len));
        self.cut = Some(Cut {
            at: self.journaled - of_next,
            part,
        });
        if self.stumble(retry_at, is_failure) {
            warn!(
                "cannot write to {}: {error}; keeping up to {} MiB of its lines and trying again",
                self.path.display(),
                self.held_max >> 20
            );
        }
    }

    /// It is tried again then; whether that is worth a word, as the first failure of some.
    pub(super) fn stumble(&mut self, retry_at: Instant, is_failure: bool) -> bool {
        let before = self.trouble.take();
        self.counters.set_failing(is_failure);
        let is_news = is_failure && !before.as_ref().is_some_and(|t| t.is_failure);
        self.trouble = Some(Trouble {
            retry_at,
            is_failure,
            lines_lost: before.map_or(0, |t| t.lines_lost),
        });
        is_news
    }

    /// The trouble is over, or another's.
    pub(super) fn recover(&mut self) {
        let trouble = self.trouble.take();
        if trouble.is_some() {
            self.counters.set_failing(false);
        }
        if let Some(trouble) = trouble.filter(|t| t.is_failure || t.lines_lost > 0) {
            info!(
                "writing to {} again; {} lines were lost meanwhile",
                self.path.display(),
                trouble.lines_lost
            );
        }
    }

    /// Cuts off what the file got of a numbered message: it is written as a whole, or not at all.
    /// Others may be longer than any file can take, and keep the whole lines that they have, which
    /// are returned.
    fn take_back_message(&mut self) -> Option<Entry> {
        let first = self.waiting.front_mut()?;
        let begun = first.body.get(..self.written).unwrap_or(&first.body);
        let kept = if first.origin.number > 0 {
            0
        } else {
            memchr::memrchr(b'\n', begun).map_or(0, |at| at + 1)
        };
        let length = self.position - (self.written - kept) as u64;
        if let Err(error) = self.target.file.set_len(length) {
            let path = self.path.display();
            warn!("cannot cut a torn message off {path}: {error}; its rest comes behind it");
            return None;
        }
        self.position = length;
        self.journaled -= (self.written - kept) as u64;
        self.written = 0;
        if kept == 0 {
            return None;
        }
        let part = Lines::new(first.body.split_to(kept), first.sender, first.origin);
        first.count -= part.count;
        // Two messages now.
        self.held += COST;
        self.room.force(COST);
        let entry = part.entry();
        self.taken(part);
        Some(entry)
    }

    /// Takes back the part of a line that the file got before it took no more: the line goes to
    /// another file, or nowhere, and the next one would be glued to it. A pipe gives nothing back,
    /// and a file without our lock may have gone on since.
    pub(super) fn take_back(&mut self) {
        let Some(first) = self.waiting.front().filter(|_| self.written > 0) else {
            return;
        };
        let begun = first.body.get(..self.written).unwrap_or(&first.body);
        let line_start = memchr::memrchr(b'\n', begun).map_or(0, |at| at + 1);
        let torn = self.written - line_start;
        if self.target.is_ours {
            let file = &self.target.file;
            let cut = file
                .metadata()
                .and_then(|m| file.set_len(m.len() - torn as u64));
            if let Err(error) = cut {
                let path = self.path.display();
                warn!("cannot cut a torn line off the old {path}: {error}");
            }
        }
        self.written = line_start;
    }

    /// Gives up what still waits, but for the lines that the file has already.
    pub(crate) fn abandon(&mut self) {
        self.abandon_unsynced();
        self.seal();
        self.take_back();
        let first = self.waiting.front();
        // A numbered one comes again, all of it.
        let first = first.filter(|first| first.origin.number == 0);
        let begun = first.and_then(|first| first.body.get(..self.written));
        let written = memchr::memchr_iter(b'\n', begun.unwrap_or_default()).count() as u64;
        self.counters.lines.add(written);
        self.counters.bytes.add(begun.map_or(0, <[u8]>::len) as u64);
        self.written = 0;
        self.prepared = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let (numbered, plain): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|lines| lines.origin.number > 0);
        for lines in &numbered {
            self.refuse(lines);
        }
        let waiting: u64 = plain.iter().map(|lines| lines.count).sum();
        let lines = waiting.saturating_sub(written);
        if lines > 0 {
            let path = self.path.display();
            warn!("{lines} lines that {path} could not take are lost");
        }
        self.counters.lines_lost.add(lines);
        self.counters.lines_unwritten.add(lines);
        self.room.give_back(self.held);
        self.held = 0;
    }
}

/// How long a full disk is left in peace.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How soon a pipe that takes no more is tried again: with the usual 64 KiB of a pipe this lets
/// 3 MB/s through to a reader that does not wait for us.
pub(super) const RETRY_BUSY: Duration = Duration::from_millis(20);
