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
        self.is_urgent |= slot.sink.held() >= URGENT_BYTES;
        if slot.is_dirty && (slot.is_early || !slot.has_company()) {
            return;
        }
        if !slot.is_dirty {
            slot.is_dirty = true;
            slot.since = now;
            self.dirty += 1;
        }
        let due = slot.due_at(self.is_hurried);
        slot.is_early = due != now + COMPANY_MAX;
        if slot.is_early {
            self.early.push((due, index));
        } else {
            self.waiting.push_back((now, index));
        }
        self.next_due = earlier(self.next_due, due);
    }

    /// So many files are open, and have something to be written, that soon none could be closed for
    /// another; they are to be written now. As long as there is room for more files it does not
    /// matter how many wait.
    pub(crate) fn crowd(&self, now: Instant) -> Vec<usize> {
        let is_full = self.passing >= self.passing_max - self.passing_max / 4;
        if !is_full || self.dirty < self.passing_max.div_ceil(2) {
            return Vec::new();
        }
        self.dirty_if(|slot| slot.sink.retry_at().is_none_or(|at| at <= now))
    }

    /// Those whose lines have waited long enough, or are many; they are to be written now, and
    /// [settled](Self::settle).
    ///
    /// Only those are looked at that may be due: with thousands of hosts, of which some have a lot
    /// to be written, looking at all of them each time costs more than the lines do.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        if self.next_due.is_none_or(|next| next > now) {
            return due;
        }
        let (slots, is_hurried) = (&mut self.slots, self.is_hurried);
        let mut take = |index: usize| {
            let slot = slots.get_mut(index).and_then(Option::as_mut);
            // It may have been written since, and have something new that is not due.
            let is_due = |slot: &&mut Slot| slot.is_dirty && slot.due_at(is_hurried) <= now;
            if let Some(slot) = slot.filter(is_due)
                && !slot.is_taken
            {
                slot.is_taken = true;
                due.push(index);
            }
        };
        self.early.retain(|(at, index)| {
            let is_later = *at > now;
            if !is_later {
                take(*index);
            }
            is_later
        });
        let is_over = |(since, _): &(Instant, usize)| *since + COMPANY_MAX <= now;
        while let Some((_, index)) = self.waiting.front().copied().filter(is_over) {
            self.waiting.pop_front();
            take(index);
        }
        self.look_ahead();
        due
    }

    /// All that have something to be written.
    pub(crate) fn dirty(&self) -> Vec<usize> {
        self.dirty_if(|_| true)
    }

    fn dirty_if(&self, may_be: impl Fn(&Slot) -> bool) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        let slots = slots.filter_map(|(at, slot)| Some((at, slot.as_ref()?)));
        slots
            .filter(|(_, slot)| slot.is_dirty && may_be(slot))
            .map(|(at, _)| at)
            .collect()
    }

    /// When the next is due, if not later.
    pub(crate) const fn next_due(&self) -> Option<Instant> {
        self.next_due
    }

    /// Nothing waits for company any more.
    pub(crate) fn hurry(&mut self) {
        self.is_hurried = true;
        self.early.extend(self.waiting.drain(..));
        self.look_ahead();
    }

    /// Forgets which of `written` have nothing left to be written. To be called after any were
    /// written, or put off.
    pub(crate) fn settle(&mut self, written: &[usize]) {
        for &index in written {
            let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            slot.is_taken = false;
            if !slot.is_dirty {
                continue;
            }
            slot.is_dirty = !slot.sink.is_idle();
            slot.is_early = slot.is_dirty;
            if slot.is_dirty {
                self.early.push((slot.due_at(self.is_hurried), index));
            } else {
                self.dirty -= 1;
            }
        }
        self.look_ahead();
    }

    fn look_ahead(&mut self) {
        let waiting = self.waiting.front().map(|(since, _)| *since + COMPANY_MAX);
        let early = self.early.iter().map(|(at, _)| *at);
        self.next_due = early.chain(waiting).min();
    }
}

impl Slot {
    /// What waits is worth a write of its own.
    const fn has_company(&self) -> bool {
        self.sink.held() >= COMPANY_BYTES
    }

    fn due_at(&self, is_hurried: bool) -> Instant {
        if let Some(retry_at) = self.sink.retry_at() {
            return retry_at;
        }
        if is_hurried || self.stay == Stay::Always || self.has_company() {
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
