//! What outlives a power failure, where that is asked for.
//!
//! With `Sync = always` a message counts as written when a sync of its file has succeeded, and is
//! kept until then. One that fails says so once: the system may have dropped what it could not
//! write, and the next sync succeeds without it (`fsync(2)`). So no later sync proves anything of
//! what was written before, and the file is cut to where it was and written again.
//!
//! A file that others write to, for want of our lock, cannot be cut. What was written there counts,
//! and that it may not be safe is said.

use std::io;
use std::time::Instant;

use tracing::warn;

use super::{Cut, FileSink, RETRY};
use crate::config::Sync;
use crate::sink::Lines;

impl FileSink {
    /// Whether a message counts as written only when it outlives a power failure.
    pub(crate) fn is_safe(&self) -> bool {
        self.care.sync == Sync::Always && self.target.is_ours
    }

    /// The file has the whole of a message.
    pub(super) fn taken(&mut self, lines: Lines) {
        if self.is_safe() {
            self.unsynced.push_back(lines);
        } else {
            self.conclude(lines);
        }
    }

    /// Makes sure that what was written is on disk, where that is asked for and due.
    pub(super) fn make_safe(&mut self, now: Instant) {
        let is_due = match self.care.sync {
            Sync::Never => false,
            Sync::Always => true,
            Sync::Every(interval) => now.saturating_duration_since(self.synced) >= interval,
        };
        if !is_due || (self.outcomes.is_empty() && self.unsynced.is_empty()) {
            return;
        }
        self.synced = now;
        match (self.sync)(&self.target.file) {
            Ok(()) => {
                while let Some(lines) = self.unsynced.pop_front() {
                    self.conclude(lines);
                }
            }
            Err(error) if self.unsynced.is_empty() => warn!(
                "cannot make sure that {} is on disk: {error}",
                self.path.display()
            ),
            Err(error) => self.write_again(&error, now),
        }
    }

    fn write_again(&mut self, error: &io::Error, now: Instant) {
        if self.stumble(now + RETRY, true) {
            warn!(
                "cannot make sure that {} is on disk: {error}; what is not is written again",
                self.path.display()
            );
        }
        self.take_back_unsynced();
    }

    /// Cuts what is not safe off the file, so that it waits to be written again; whether nothing
    /// unsafe is left there.
    pub(super) fn take_back_unsynced(&mut self) -> bool {
        if self.unsynced.is_empty() {
            return true;
        }
        let unsafe_len: usize = self.unsynced.iter().map(Lines::len).sum();
        let back = (unsafe_len + self.written) as u64;
        let start = self.position - back;
        if let Err(error) = self.target.file.set_len(start) {
            let path = self.path.display();
            warn!("cannot take back what of {path} may not be on disk: {error}");
            return false;
        }
        self.position = start;
        self.journaled -= back;
        self.written = 0;
        self.cut = Some(Cut::clean(self.journaled));
        self.wait_again();
        true
    }

    /// The path leads to another file, and what is not safe in this one goes there.
    pub(super) fn move_unsynced(&mut self) {
        if !self.take_back_unsynced() {
            self.wait_again();
        }
        // It was of the file of before.
        self.cut = None;
    }

    /// At the end: what has no number may be safe, and will not come again.
    pub(super) fn abandon_unsynced(&mut self) {
        while let Some(lines) = self.unsynced.pop_front() {
            if lines.origin.number > 0 {
                self.refuse(&lines);
            } else {
                self.conclude(lines);
            }
        }
    }

    fn wait_again(&mut self) {
        self.prepared = 0;
        while let Some(lines) = self.unsynced.pop_back() {
            self.waiting.push_front(lines);
        }
    }
}
