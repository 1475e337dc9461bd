//! What is written of one source, and what is missing of it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use spread::stream::{Cause, Control, Notice, Ranges};

/// The books of one source. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Account {
    /// The first number that counts; 0 while the stream has not begun, and without numbers.
    pub(crate) base: u64,
    /// Written for good, or given up.
    pub(crate) safe: Ranges,
    /// Given up, as far as remembered one by one.
    pub(crate) lost: Ranges,
    /// How many messages were given up.
    pub(crate) lost_count: u64,
    /// Lines written, each message once, however many files it went to.
    pub(crate) lines: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Lines beside these that are not in a file they belong in, as none could be opened for them.
    pub(crate) unplaced: u64,
    /// When there was one last.
    pub(crate) unplaced_at: u64,
    /// Of the lines, those of which a crash left no proof that they are in their file.
    pub(crate) uncertain: u64,
    /// When it was first heard of, and last.
    pub(crate) begun: u64,
    pub(crate) heard: u64,
    /// What its publisher said last.
    pub(crate) control: Option<Control>,
    /// Of the lines, and of the unplaced ones, those of messages that `control` does not tell of
    /// yet; `None` where that is not known.
    pub(crate) since_control: Option<u64>,
    /// What was missing at any time, oldest first; the newest [`GAPS_MAX`].
    pub(crate) gaps: VecDeque<Gap>,
}

/// Messages that were missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Gap {
    pub(crate) range: RangeInclusive<u64>,
    /// When that was seen.
    pub(crate) since: u64,
    pub(crate) fate: Fate,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// It is there still.
    Open,
    /// All of it has come since.
    Repaired(u64),
    /// It was given up, at that time.
    Lost(Cause, u64),
}

impl Fate {
    /// When it was over.
    pub(crate) const fn at(self) -> Option<u64> {
        match self {
            Self::Open => None,
            Self::Repaired(at) | Self::Lost(_, at) => Some(at),
        }
    }
}

impl Account {
    pub(super) fn begin(&mut self, base: u64, at: u64) {
        self.base = base;
        self.begun = at;
        self.heard = at;
    }

    pub(super) fn hear(&mut self, control: &[u8], at: u64) {
        if let Ok(Notice::Control(control)) = Notice::parse(control) {
            let before = self.control.as_ref().map(|control| control.next);
            if self.safe.last().unwrap_or_default() < control.next.get() {
                self.since_control = Some(0);
            } else if before != Some(control.next) {
                // It tells of less than before, as after a connection that took more than it said.
                self.since_control = None;
            }
            self.control = Some(control);
            self.heard = at;
        }
    }

    pub(super) fn miss(&mut self, range: RangeInclusive<u64>, at: u64) {
        self.remember(Gap {
            range,
            since: at,
            fate: Fate::Open,
        });
    }

    pub(super) fn lose(&mut self, range: RangeInclusive<u64>, cause: Cause, at: u64) {
        self.safe.insert(range.clone());
        self.lost_count = self
            .lost_count
            .saturating_add(self.lost.insert(range.clone()));
        while self.lost.len() > LOST_RANGES_MAX {
            self.lost.pop_first();
        }
        // A gap that was told of may be lost in part; then the rest of it goes on.
        let mut since = at;
        let inside = |gap: &Gap| {
            gap.fate == Fate::Open
                && range.start() <= gap.range.end()
                && gap.range.start() <= range.end()
        };
        let mut rest = Vec::new();
        self.gaps.retain(|gap| {
            if !inside(gap) {
                return true;
            }
            since = since.min(gap.since);
            if gap.range.start() < range.start() {
                rest.push((*gap.range.start()..=range.start() - 1, gap.since));
            }
            if gap.range.end() > range.end() {
                rest.push((range.end() + 1..=*gap.range.end(), gap.since));
            }
            false
        });
        self.remember(Gap {
            range,
            since,
            fate: Fate::Lost(cause, at),
        });
        for (range, since) in rest {
            self.remember(Gap {
                range,
                since,
                fate: Fate::Open,
            });
        }
    }

    /// A message is in all its files. `number` is 0 where there are none.
    pub(super) fn write(&mut self, number: u64, (lines, bytes): (u64, u64), at: u64) {
        if number > 0 && self.safe.insert(number..=number) == 0 {
            return;
        }
        self.lines = self.lines.saturating_add(lines);
        self.bytes = self.bytes.saturating_add(bytes);
        self.count_since_control(number, lines);
        self.heard = at;
        if !self.gaps.is_empty() {
            self.close_gaps(number, at);
        }
    }

    /// Of a message that has a number, these lines are not where they belong.
    pub(super) fn unplace(&mut self, number: u64, lines: u64, at: u64) {
        self.unplaced_at = at;
        self.unplaced = self.unplaced.saturating_add(lines);
        self.count_since_control(number, lines);
    }

    /// Whether anything was heard of it since, or given up.
    pub(super) fn is_of_since(&self, since: u64) -> bool {
        self.heard >= since || self.gaps.iter().any(|gap| gap.fate.at() >= Some(since))
    }

    /// How far it is known that there are messages.
    pub(crate) fn known_to(&self) -> u64 {
        let said = self
            .control
            .as_ref()
            .map_or(0, |control| control.next.get() - 1);
        // Not everything that its publisher says is kept, but what was found missing by it is.
        let open = self.gaps.iter().filter(|gap| gap.fate == Fate::Open);
        let asked = open.map(|gap| *gap.range.end()).max();
        let written = self.safe.last().unwrap_or_default();
        written.max(said).max(asked.unwrap_or_default())
    }

    /// What is missing now.
    pub(crate) fn missing(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        // An empty range of numbers where nothing has begun.
        self.safe.gaps(self.base.max(1)..=self.known_to())
    }

    /// How many messages are missing now.
    pub(crate) fn missing_count(&self) -> u64 {
        if self.base == 0 {
            return 0;
        }
        let count = |sum: u64, range: RangeInclusive<u64>| {
            sum.saturating_add(range.end() - range.start())
                .saturating_add(1)
        };
        self.missing().fold(0, count)
    }

    fn count_since_control(&mut self, number: u64, lines: u64) {
        let is_told = |control: &Control| number < control.next.get();
        if let Some(since) = &mut self.since_control
            && !self.control.as_ref().is_some_and(is_told)
        {
            *since = since.saturating_add(lines);
        }
    }

    fn close_gaps(&mut self, number: u64, at: u64) {
        for gap in &mut self.gaps {
            let is_whole = gap.fate == Fate::Open
                && gap.range.contains(&number)
                && self.safe.gaps(gap.range.clone()).next().is_none();
            if is_whole {
                gap.fate = Fate::Repaired(at);
            }
        }
    }

    fn remember(&mut self, gap: Gap) {
        self.gaps.push_back(gap);
        while self.gaps.len() > GAPS_MAX {
            // Those that are over go first; what is open is known from the numbers too.
            let over = self.gaps.iter().position(|gap| gap.fate != Fate::Open);
            self.gaps.remove(over.unwrap_or_default());
        }
    }
}

/// Why messages were given up, for people.
pub(crate) const fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::Gone => "their publisher no longer has them",
        Cause::Jump => "its numbers jump out of reason",
        Cause::TooMany => "more of it is missing in more places than can be remembered",
        Cause::Silence => "nothing was heard of their publisher for 30 days",
    }
}

/// Gaps remembered with their times: more than a screen of them is nobody's to read.
const GAPS_MAX: usize = 64;

/// As many as a receiver keeps.
const LOST_RANGES_MAX: usize = 1024;
