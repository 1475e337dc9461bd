//! What a logging host has of one stream, and what it asks for.
//!
//! ```text
//! 1 .. base-1        before its time: no gap
//! base .. known_to   taken: received, and on the way into the files
//!                    safe: among them, written for good, which is what is acknowledged
//!                    lost: among these, given up for good
//!                    the others: gaps
//! ```

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::{Control, Notice, Ranges};
use super::KeptStream;
use crate::name::Name;

/// One stream, from its base on.
#[derive(Clone, Debug)]
pub struct Stream {
    base: u64,
    taken: Ranges,
    safe: Ranges,
    lost: Ranges,
    lost_count: u64,
    known_to: u64,
    /// What its publisher said last.
    pub(super) control: Option<Control>,
    /// The private group of its publisher's newest connection.
    pub(super) publisher: Option<Name>,
    /// When it was heard of last.
    pub(super) heard: Duration,
    /// What is acknowledged already.
    pub(super) told: Option<u64>,
    /// When it is to be acknowledged.
    pub(super) ack_at: Option<Duration>,
    /// That time is its own among all acks.
    pub(super) has_slot: bool,
    ask_at: Option<Duration>,
    retry: Duration,
    /// What came could not be written: until something can, questions do not become more frequent.
    is_refusing: bool,
    /// Gaps that were told of, until there is none any more.
    told_missing: Ranges,
    outstanding: u64,
    /// As many as were asked for last.
    asked: u64,
}

impl Stream {
    pub(super) fn new(base: u64, now: Duration) -> Self {
        Self {
            base,
            taken: Ranges::default(),
            safe: Ranges::default(),
            lost: Ranges::default(),
            lost_count: 0,
            known_to: base.saturating_sub(1),
            control: None,
            publisher: None,
            heard: now,
            told: None,
            ack_at: None,
            has_slot: false,
            ask_at: None,
            retry: RETRY_MIN,
            is_refusing: false,
            told_missing: Ranges::default(),
            outstanding: 0,
            asked: 0,
        }
    }

    /// As a ledger has kept it.
    pub(super) fn restored(kept: KeptStream, now: Duration) -> Self {
        let KeptStream {
            base,
            known_to,
            safe,
            lost,
        } = kept;
        let written = safe.last().unwrap_or_default();
        Self {
            taken: safe.clone(),
            known_to: known_to.max(written).max(base.saturating_sub(1)),
            lost_count: lost.count(),
            safe,
            lost,
            ..Self::new(base, now)
        }
    }

    /// The first number that counts.
    #[must_use]
    pub const fn base(&self) -> u64 {
        self.base
    }

    /// What is written for good, or given up.
    #[must_use]
    pub const fn safe(&self) -> &Ranges {
        &self.safe
    }

    /// What was given up, as far as it is remembered one by one.
    #[must_use]
    pub const fn lost(&self) -> &Ranges {
        &self.lost
    }

    /// How many messages were given up.
    #[must_use]
    pub const fn lost_count(&self) -> u64 {
        self.lost_count
    }

    /// What its publisher said last.
    #[must_use]
    pub const fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Up to here everything is safe.
    #[must_use]
    pub fn safe_to(&self) -> u64 {
        let before = self.base.saturating_sub(1);
        self.safe.run_from(self.base).unwrap_or(before)
    }

    /// What is missing, oldest first.
    pub fn gaps(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.taken.gaps(self.base..=self.known_to)
    }

    /// How many messages are missing.
    #[must_use]
    pub fn missing_count(&self) -> u64 {
        let count = |sum: u64, gap: RangeInclusive<u64>| {
            sum.saturating_add(gap.end() - gap.start())
                .saturating_add(1)
        };
        self.gaps().fold(0, count)
    }

    /// Takes `number`, unless it has been, or is before the base.
    pub(super) fn take(&mut self, number: u64) -> bool {
        if number < self.base || self.taken.insert(number..=number) == 0 {
            return false;
        }
        self.known_to = self.known_to.max(number);
        true
    }

    /// All up to `number` exist. Returns what is given up because it is out of reason.
    pub(super) fn know(&mut self, number: u64) -> Option<RangeInclusive<u64>> {
        let first = self.known_to.saturating_add(1);
        self.known_to = self.known_to.max(number);
        if number.saturating_sub(first) <= JUMP_MAX {
            return None;
        }
        let jump = first..=number - 1;
        self.give_up(jump.clone());
        Some(jump)
    }

    /// What was taken is written for good.
    pub(super) fn write(&mut self, number: u64) {
        if self.taken.contains(number) {
            self.safe.insert(number..=number);
            self.is_refusing = false;
        }
    }

    /// What was taken could not be written: it counts as not received. It is asked for again, but
    /// while nothing can be written more and more seldom: what comes then comes in vain.
    pub(super) fn untake(&mut self, number: u64, now: Duration) {
        if !self.safe.contains(number) && self.taken.remove(number) {
            self.outstanding = self.outstanding.saturating_sub(1);
            let later = now + self.retry;
            if !std::mem::replace(&mut self.is_refusing, true) {
                self.ask_at = Some(later);
            }
            self.ask_at = self.ask_at.or(Some(later));
        }
    }

    /// `range`, which is missing, will not come any more.
    pub(super) fn give_up(&mut self, range: RangeInclusive<u64>) {
        self.taken.insert(range.clone());
        self.safe.insert(range.clone());
        let lost = self.lost.insert(range);
        self.lost_count = self.lost_count.saturating_add(lost);
        while self.lost.len() > RANGES_MAX {
            // It stays counted, and was told of.
            self.lost.pop_first();
        }
    }

    /// What is missing below `number`: that many gaps at most.
    pub(super) fn gaps_below(&self, number: u64) -> Vec<RangeInclusive<u64>> {
        let end = number.saturating_sub(1).min(self.known_to);
        self.taken.gaps(self.base..=end).collect()
    }

    /// The oldest gap, if there are more ranges than are kept.
    pub(super) fn one_too_many(&self) -> Option<RangeInclusive<u64>> {
        if self.taken.len() <= RANGES_MAX {
            return None;
        }
        self.gaps().next()
    }

    /// Looks whether something is missing, and when to ask for it.
    pub(super) fn look_for_gaps(&mut self, now: Duration) {
        if self.gaps().next().is_none() {
            self.ask_at = None;
            self.outstanding = 0;
            self.told_missing = Ranges::default();
            if !self.is_refusing {
                self.retry = RETRY_MIN;
            }
        } else if self.ask_at.is_none() {
            self.ask_at = Some(now + ASK_AFTER);
        }
    }

    /// Something that was missing has come.
    pub(super) fn progress(&mut self, now: Duration) {
        self.outstanding = self.outstanding.saturating_sub(1);
        if self.is_refusing {
            return;
        }
        self.retry = RETRY_MIN;
        if let Some(ask_at) = &mut self.ask_at {
            // With all of the last question here, the next need not wait.
            *ask_at = if self.outstanding == 0 {
                now
            } else {
                now + RETRY_MIN
            };
        }
    }

    /// Something has come from its publisher on the connection `from`.
    pub(super) fn hear(&mut self, from: Name, now: Duration) {
        self.heard = now;
        if self.publisher.replace(from) != Some(from) {
            self.ask_anew(now);
        }
    }

    /// Its publisher is back on another connection: it may answer now.
    fn ask_anew(&mut self, now: Duration) {
        self.retry = RETRY_MIN;
        self.outstanding = 0;
        if let Some(ask_at) = &mut self.ask_at {
            *ask_at = (*ask_at).min(now + ASK_AFTER);
        }
    }

    /// What to ask for now: at most `budget` messages, but always one. Of the last question
    /// nothing may have come; then one is enough to find out whether anybody answers, so that those
    /// who are gone for good leave the others room.
    pub(super) fn ask(&mut self, budget: u64, now: Duration) -> Vec<RangeInclusive<u64>> {
        let is_unanswered = self.outstanding > 0 && self.outstanding == self.asked;
        let budget = if is_unanswered { 1 } else { budget.max(1) };
        let mut left = budget;
        let mut asked = Vec::new();
        for gap in self.gaps().take(Notice::RANGES_MAX) {
            if left == 0 {
                break;
            }
            let (first, last) = gap.into_inner();
            let last = last.min(first.saturating_add(left - 1));
            left -= last - first + 1;
            asked.push(first..=last);
        }
        self.outstanding = budget - left;
        self.asked = self.outstanding;
        self.ask_later(now);
        asked
    }

    /// The next question, if there is no answer before.
    pub(super) fn ask_later(&mut self, now: Duration) {
        self.ask_at = Some(now + self.retry);
        self.retry = (self.retry * 2).min(RETRY_MAX);
    }

    /// Those of `asked` that were not told of before.
    pub(super) fn newly_missing(
        &mut self,
        asked: &[RangeInclusive<u64>],
    ) -> Vec<RangeInclusive<u64>> {
        let is_new = |range: &&RangeInclusive<u64>| self.told_missing.insert((*range).clone()) > 0;
        asked.iter().filter(is_new).cloned().collect()
    }

    /// When it has something to say.
    pub(super) fn due(&self) -> Option<Duration> {
        let both = [self.ask_at, self.ack_at];
        both.into_iter().flatten().min()
    }

    pub(super) fn is_ask_due(&self, now: Duration) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    pub(super) const fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

/// 500 ms: until then a message of an old connection may still come through another daemon.
const ASK_AFTER: Duration = Duration::from_millis(500);

/// 1 s between questions, at first.
const RETRY_MIN: Duration = Duration::from_secs(1);

/// 30 s: whose publisher does not answer may be gone.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// A thousand seconds of a publisher at its fastest; more is no gap but nonsense.
const JUMP_MAX: u64 = 1_000_000;

/// Ranges of one stream: a stream in order is one.
const RANGES_MAX: usize = 1024;
