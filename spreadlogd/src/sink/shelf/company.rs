//! What waits to be written, and for how long: the lines of files that lines name wait for company,
//! since a system call for each line of each host would cost more than all else together.

use std::time::{Duration, Instant};

use super::{Shelf, Slot, Stay};
use crate::ledger::Source;
use crate::queue::URGENT_BYTES;
use crate::sink::{Lines, Tagged};

impl Shelf {
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

/// Half a second: who watches a host's log does not feel it, and 5,000 hosts are 10,000 writes a
/// second at most.
pub(super) const COMPANY_MAX: Duration = Duration::from_millis(500);

/// 64 KiB: worth a system call.
const COMPANY_BYTES: usize = 64 * 1024;
