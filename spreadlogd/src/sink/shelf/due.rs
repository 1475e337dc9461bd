//! What waits to be written, and for how long: what is for a file of the configuration until the
//! next flush, what is for a file that lines name until it has had company for long enough, or has
//! enough of it.

use std::time::{Duration, Instant};

use super::{Shelf, Slot, Together};
use crate::ledger::Source;
use crate::queue::URGENT_BYTES;
use crate::sink::{Lines, Tagged};

impl Shelf {
    /// Takes lines for a file; they are written by a flush that is due. Their cost was taken from
    /// the room. Whether they wait alone, and the file may have refused them.
    pub(crate) fn push(&mut self, index: usize, lines: Lines, now: Instant) -> bool {
        if self.has_company(index) {
            self.room.give_back(lines.cost());
            self.cost += self.company.add_piece(index, &lines, now);
            self.is_urgent |= self.company_is_full();
            return false;
        }
        self.push_alone(index, lines, now);
        true
    }

    /// Takes lines that are not to wait for company, behind all that does.
    pub(crate) fn push_alone(&mut self, index: usize, lines: Lines, now: Instant) {
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
        if self.has_company(index) {
            self.cost += self.company.add_line(index, source, line, now);
            self.is_urgent |= self.company_is_full();
            return;
        }
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        self.cost += slot.sink.gather(source, 1, &[line]);
        self.took(index, now);
    }

    /// Whether what is for a file waits for company.
    fn has_company(&self, index: usize) -> bool {
        self.marks
            .get(index)
            .is_some_and(|mark| mark.is_passing && self.tap.is_none())
    }

    /// So much waits that more of it would not make it cheaper, or take too much memory.
    fn company_is_full(&self) -> bool {
        let enough = self.company.files().saturating_mul(ENOUGH);
        self.company.held() >= enough.max(URGENT_BYTES).min(self.company_max)
    }

    /// When what waits for company is to be written.
    fn company_due(&self) -> Option<Instant> {
        let since = self.company.since()?;
        let is_over = self.is_hurried || self.company_is_full();
        Some(if is_over { since } else { since + COMPANY_MAX })
    }

    /// Takes what waits for company into `together`, if it is to be written now, or `all` is;
    /// whether that is something.
    pub(crate) fn take_together(
        &mut self,
        together: &mut Together,
        all: bool,
        now: Instant,
    ) -> bool {
        if self.company_due().is_none_or(|due| !all && due > now) {
            return false;
        }
        self.company.take(together);
        for share in together.shares() {
            if let Some(slot) = self.slots.get_mut(share.file).and_then(Option::as_mut) {
                slot.used = now;
            }
        }
        true
    }

    /// What was taken together is done with, or pushed alone.
    pub(crate) fn give_back(&mut self, together: &mut Together) {
        self.room.give_back(together.cost());
        self.company.give_back(together);
    }

    /// To be called every so often: nothing came for as long, perhaps, and memory is given back.
    pub(crate) fn rest(&mut self, together: &mut Together) {
        self.company.rest(together);
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
    pub(crate) fn took(&mut self, index: usize, now: Instant) {
        let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        slot.used = now;
        self.is_urgent |= slot.sink.held() >= URGENT_BYTES;
        if !slot.is_dirty {
            slot.is_dirty = true;
            slot.since = now;
            self.dirty += 1;
            let due = slot.due_at();
            self.waiting.push((due, index));
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
    }

    /// So many files are open, and have something to be written, that soon none could be closed for
    /// another; all is to be written now. As long as there is room for more files it does not
    /// matter how many wait.
    pub(crate) fn is_crowd(&self) -> bool {
        let is_full = self.passing >= self.passing_max - self.passing_max / 4;
        is_full && self.dirty + self.company.files() >= self.passing_max.div_ceil(2)
    }

    /// Those that are to be written now, and [settled](Self::settle).
    ///
    /// Only those are looked at that have something: there may be thousands of others.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        if self.next_due.is_none_or(|next| next > now) {
            return due;
        }
        let slots = &mut self.slots;
        self.waiting.retain(|(at, index)| {
            if *at > now {
                return true;
            }
            let slot = slots.get_mut(*index).and_then(Option::as_mut);
            // It may have been written since, and be tried again later.
            let is_due = |slot: &&mut Slot| slot.is_dirty && slot.due_at() <= now;
            if let Some(slot) = slot.filter(is_due)
                && !slot.is_taken
            {
                slot.is_taken = true;
                due.push(*index);
            }
            false
        });
        self.look_ahead();
        due
    }

    /// All that have something to be written, or tried again, now.
    pub(crate) fn dirty(&self, now: Instant) -> Vec<usize> {
        let slots = self.slots.iter().enumerate();
        let slots = slots.filter_map(|(at, slot)| Some((at, slot.as_ref()?)));
        slots
            .filter(|(_, slot)| slot.is_dirty && slot.sink.retry_at().is_none_or(|at| at <= now))
            .map(|(at, _)| at)
            .collect()
    }

    /// What was put off is not any longer: what is in its way may be gone.
    pub(crate) fn try_again(&mut self, now: Instant) {
        for slot in self.slots.iter_mut().flatten() {
            slot.sink.try_again(now);
        }
    }

    /// When the next is due, if not later.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.next_due.into_iter().chain(self.company_due()).min()
    }

    /// Nothing waits for company any more.
    pub(crate) fn hurry(&mut self) {
        self.is_hurried = true;
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
            if slot.is_dirty {
                self.waiting.push((slot.due_at(), index));
            } else {
                self.dirty -= 1;
            }
        }
        self.look_ahead();
    }

    fn look_ahead(&mut self) {
        self.next_due = self.waiting.iter().map(|(at, _)| *at).min();
    }
}

impl Slot {
    fn due_at(&self) -> Instant {
        self.sink.retry_at().unwrap_or(self.since)
    }
}

/// A second: who follows one host's log hardly feels it, and 5,000 hosts are 5,000 writes a second
/// at most. Of a farm with 100,000 lines a second each host has 20 lines then.
pub(super) const COMPANY_MAX: Duration = Duration::from_secs(1);

/// 32 KiB for each file, on average, are worth a system call. Of a few files it is at least what is
/// written at once of one, since it is also what is waited for.
const ENOUGH: usize = 32 << 10;

/// 64 MiB: 5,000 hosts have 60 lines each then, and a write of twice as many costs each line only a
/// tenth less.
pub(super) const COMPANY_BYTES_MAX: usize = 64 << 20;

/// A quarter of the room: the most of it is for what comes while a disk is slow.
pub(super) const COMPANY_SHARE: usize = 4;
