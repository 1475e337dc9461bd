//! The books of one stream: what its publisher says, what is here, and what became of each gap.

use std::ops::RangeInclusive;

use serde::Serialize;
use spread::stream::{Cause, Instance, Ranges};

use super::Moment;
use crate::ledger::{Account, Fate};

/// A stream of one run of a publisher to one group.
#[derive(Debug, Serialize)]
pub(super) struct StreamBooks {
    pub(super) instance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) publisher: Option<Publisher>,
    pub(super) state: State,
    /// When it was first heard of, and last, in seconds since 1970.
    begun: u64,
    pub(super) heard: u64,
    pub(super) lines: Lines,
    pub(super) messages: Messages,
    /// Whether the lines that are not here are in messages that are not here, or had no file.
    pub(super) agrees: bool,
    pub(super) gaps: Vec<GapBooks>,
}

/// Who its publisher says it is.
#[derive(Debug, Serialize)]
pub(super) struct Publisher {
    pub(super) host: String,
    pub(super) program: String,
    pub(super) pid: u32,
}

/// What has become of its publisher.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It is there, as far as this logging host has been listening.
    Running,
    /// It has said that it leaves: nothing comes after what is known.
    Left,
    /// It is silent and has not said so: what it sent last, or had not sent, nobody knows.
    Ended,
}

/// Lines: served = `lost_there` + written + absent, less the surplus.
#[derive(Debug, Serialize)]
pub(super) struct Lines {
    /// As far as is known here: what its publisher has said, and what has come since.
    pub(super) served: Option<u64>,
    /// Lost by the publisher before they had a number, or before they were sent.
    pub(super) lost_there: LostThere,
    /// In the files.
    pub(super) written: u64,
    /// In messages that are not here (missing, lost here, or of before its time), or unplaced.
    pub(super) absent: Option<u64>,
    /// Lost here, as no file could be opened for them.
    pub(super) unplaced: u64,
    /// Written, and more than the publisher has said.
    pub(super) surplus: u64,
    /// Of those written: a crash has left no proof of it.
    pub(super) uncertain: u64,
    /// Shortened by the publisher.
    pub(super) cut: u64,
}

/// By cause.
#[derive(Debug, Default, Serialize)]
pub(super) struct LostThere {
    pub(super) queue_full: u64,
    pub(super) buffer_full: u64,
}

impl LostThere {
    pub(super) const fn sum(&self) -> u64 {
        self.queue_full.saturating_add(self.buffer_full)
    }
}

/// Messages, by their numbers.
#[derive(Debug, Serialize)]
pub(super) struct Messages {
    /// How far they are known.
    pub(super) known_to: u64,
    /// Of before this logging host's time.
    pub(super) before: u64,
    pub(super) missing: u64,
    /// Known a moment ago only: received, most likely, and about to be written.
    pub(super) on_their_way: u64,
    pub(super) lost: u64,
}

/// Messages that are not here, or were not.
#[derive(Debug, Serialize)]
pub(super) struct GapBooks {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) fate: FateBooks,
    /// When that was seen; missing where it is not remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<u64>,
    /// When it was repaired or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<&'static str>,
    #[serde(skip)]
    pub(super) reason: Option<Cause>,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FateBooks {
    Missing,
    Lost,
    Repaired,
}

impl StreamBooks {
    /// `settled`: up to there everything has had the time to be written.
    pub(super) fn new(
        instance: Instance,
        account: &Account,
        moment: &Moment,
        settled: Option<u64>,
    ) -> Self {
        let mut messages = Messages::new(account, settled);
        let mut lines = Lines::new(account);
        // Lines of what is on its way are in neither.
        let is_hole = |m: &Messages| m.missing + m.lost + m.before + m.on_their_way > 0;
        let is_explained =
            |absent: u64| absent.saturating_sub(lines.unplaced) == 0 || is_hole(&messages);
        let agrees = lines.surplus == 0 && lines.absent.is_none_or(is_explained);
        let mut gaps = gaps(account, settled);
        if moment.asked_since > 0 {
            leave_out_before(moment.asked_since, &mut gaps);
            messages.lost = lost_in(&gaps);
            lines.unplaced = if account.unplaced_at >= moment.asked_since {
                lines.unplaced
            } else {
                0
            };
        }
        let said = account.control.as_ref();
        Self {
            instance: instance.to_string(),
            publisher: said.map(|said| Publisher {
                host: said.host.clone(),
                program: said.program.clone(),
                pid: said.pid,
            }),
            state: State::of(account, moment),
            begun: account.begun,
            heard: account.heard,
            lines,
            messages,
            agrees,
            gaps,
        }
    }

    /// Whether more may have been served than is known here.
    pub(super) fn has_unknown_tail(&self, moment: &Moment) -> bool {
        match self.state {
            State::Left => false,
            State::Ended => true,
            State::Running => !moment.is_running,
        }
    }
}

impl State {
    fn of(account: &Account, moment: &Moment) -> Self {
        if account.control.as_ref().is_some_and(|said| said.leaving) {
            return Self::Left;
        }
        let heard = account.heard.max(moment.since);
        if moment.heard_to.saturating_sub(heard) > SILENCE {
            Self::Ended
        } else {
            Self::Running
        }
    }
}

impl Lines {
    fn new(account: &Account) -> Self {
        let said = account.control.as_ref();
        let mut lines = Self {
            served: None,
            lost_there: said.map_or_else(LostThere::default, |said| LostThere {
                queue_full: said.lost.queue_full,
                buffer_full: said.lost.buffer_full,
            }),
            written: account.lines,
            absent: None,
            unplaced: account.unplaced,
            surplus: 0,
            uncertain: account.uncertain,
            cut: said.map_or(0, |said| said.cut),
        };
        if let (Some(said), Some(since)) = (said, account.since_control) {
            let settled = account.lines.saturating_add(account.unplaced);
            let told = settled.saturating_sub(since);
            let absent = said.lines.saturating_sub(told);
            lines.absent = Some(absent.saturating_add(account.unplaced));
            lines.surplus = told.saturating_sub(said.lines);
            let served = said.lines.saturating_add(since);
            lines.served = Some(served.saturating_add(lines.lost_there.sum()));
        }
        lines
    }
}

impl Messages {
    fn new(account: &Account, settled: Option<u64>) -> Self {
        let all = account.missing_count();
        let missing = missing(account, settled).fold(0, |sum: u64, range| {
            sum.saturating_add(range.end() - range.start())
                .saturating_add(1)
        });
        Self {
            known_to: account.known_to(),
            before: account.base.saturating_sub(1),
            missing,
            on_their_way: all.saturating_sub(missing),
            lost: account.lost_count,
        }
    }
}

/// What is missing now, of what has had the time to come.
fn missing(
    account: &Account,
    settled: Option<u64>,
) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
    let end = settled.unwrap_or(u64::MAX);
    account
        .missing()
        .filter(|_| account.base > 0)
        .map(move |range| *range.start()..=(*range.end()).min(end))
        .filter(|range| !range.is_empty())
}

/// Every gap that is known of, in order.
fn gaps(account: &Account, settled: Option<u64>) -> Vec<GapBooks> {
    let mut gaps = Vec::new();
    for range in missing(account, settled) {
        let seen = account.gaps.iter().filter(|gap| {
            gap.fate == Fate::Open
                && gap.range.start() <= range.end()
                && range.start() <= gap.range.end()
        });
        let since = seen.map(|gap| gap.since).min();
        gaps.push(GapBooks::new(&range, FateBooks::Missing, since));
    }
    let mut told = Ranges::default();
    for gap in &account.gaps {
        let since = Some(gap.since);
        match gap.fate {
            Fate::Open => {}
            Fate::Repaired(at) => gaps.push(GapBooks {
                until: Some(at),
                ..GapBooks::new(&gap.range, FateBooks::Repaired, since)
            }),
            Fate::Lost(cause, at) => {
                told.insert(gap.range.clone());
                gaps.push(GapBooks {
                    until: Some(at),
                    cause: Some(name(cause)),
                    reason: Some(cause),
                    ..GapBooks::new(&gap.range, FateBooks::Lost, since)
                });
            }
        }
    }
    // Of those given up longer ago than is remembered with times.
    for range in account.lost.iter().flat_map(|range| told.gaps(range)) {
        gaps.push(GapBooks::new(&range, FateBooks::Lost, None));
    }
    gaps.sort_by_key(|gap| gap.first);
    gaps
}

/// Leaves out the gaps that were over before `since`. Those of which nobody remembers when are
/// older than all that are remembered, and stay where none of these is left out.
fn leave_out_before(since: u64, gaps: &mut Vec<GapBooks>) {
    let is_before = |gap: &GapBooks| gap.until.is_some_and(|until| until < since);
    let reaches_back = gaps.iter().any(is_before);
    gaps.retain(|gap| {
        let is_older = gap.fate == FateBooks::Lost && gap.until.is_none() && reaches_back;
        !is_before(gap) && !is_older
    });
}

/// How many messages are in the gaps that were given up.
fn lost_in(gaps: &[GapBooks]) -> u64 {
    let lost = gaps.iter().filter(|gap| gap.fate == FateBooks::Lost);
    lost.fold(0, |sum: u64, gap| {
        sum.saturating_add(gap.last - gap.first).saturating_add(1)
    })
}

impl GapBooks {
    const fn new(range: &RangeInclusive<u64>, fate: FateBooks, since: Option<u64>) -> Self {
        Self {
            first: *range.start(),
            last: *range.end(),
            fate,
            since,
            until: None,
            cause: None,
            reason: None,
        }
    }
}

const fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::Gone => "gone",
        Cause::Jump => "jump",
        Cause::TooMany => "too_many",
        Cause::Silence => "silence",
    }
}

/// 5 minutes. A publisher without lines says that it is there every 60 s, and the ledger is told
/// of every other time at worst: twice that, and a minute for a change of daemons.
const SILENCE: u64 = 300;
