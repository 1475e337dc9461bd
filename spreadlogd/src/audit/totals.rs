//! The sums of books, and whether they are whole.

use serde::Serialize;

use super::Moment;
use super::stream::StreamBooks;

/// Sums over streams.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Totals {
    pub(super) streams: u64,
    /// Lines, as of each stream; `None` where it is not known of one of them.
    pub(super) served: Option<u64>,
    pub(super) lost_there: u64,
    pub(super) written: u64,
    pub(super) absent: Option<u64>,
    pub(super) unplaced: u64,
    pub(super) surplus: u64,
    pub(super) uncertain: u64,
    /// Lines of senders without numbers, which are not among the others.
    pub(super) unnumbered_lines: u64,
    /// Messages.
    pub(super) before: u64,
    pub(super) missing: u64,
    pub(super) on_their_way: u64,
    pub(super) lost: u64,
    /// Streams of which more may have been served than is known.
    pub(super) tails_unknown: u64,
    /// Streams whose lines do not add up.
    pub(super) disagreeing: u64,
    /// Files that hold other than what was written to them, as far as they were counted.
    pub(super) files_that_differ: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            streams: 0,
            served: Some(0),
            lost_there: 0,
            written: 0,
            absent: Some(0),
            unplaced: 0,
            surplus: 0,
            uncertain: 0,
            unnumbered_lines: 0,
            before: 0,
            missing: 0,
            on_their_way: 0,
            lost: 0,
            tails_unknown: 0,
            disagreeing: 0,
            files_that_differ: 0,
        }
    }
}

impl Totals {
    pub(super) fn add_stream(&mut self, stream: &StreamBooks, moment: &Moment) {
        let (lines, messages) = (&stream.lines, &stream.messages);
        self.add(&Self {
            streams: 1,
            served: lines.served,
            lost_there: lines.lost_there.sum(),
            written: lines.written,
            absent: lines.absent,
            unplaced: lines.unplaced,
            surplus: lines.surplus,
            uncertain: lines.uncertain,
            unnumbered_lines: 0,
            before: messages.before,
            missing: messages.missing,
            on_their_way: messages.on_their_way,
            lost: messages.lost,
            tails_unknown: stream.has_unknown_tail(moment).into(),
            disagreeing: (!stream.agrees).into(),
            files_that_differ: 0,
        });
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.served = known_sum(self.served, other.served);
        self.absent = known_sum(self.absent, other.absent);
        for (sum, more) in [
            (&mut self.streams, other.streams),
            (&mut self.lost_there, other.lost_there),
            (&mut self.written, other.written),
            (&mut self.unplaced, other.unplaced),
            (&mut self.surplus, other.surplus),
            (&mut self.uncertain, other.uncertain),
            (&mut self.unnumbered_lines, other.unnumbered_lines),
            (&mut self.before, other.before),
            (&mut self.missing, other.missing),
            (&mut self.on_their_way, other.on_their_way),
            (&mut self.lost, other.lost),
            (&mut self.tails_unknown, other.tails_unknown),
            (&mut self.disagreeing, other.disagreeing),
            (&mut self.files_that_differ, other.files_that_differ),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.missing == 0
            && self.lost == 0
            && self.unplaced == 0
            && self.disagreeing == 0
            && self.files_that_differ == 0
    }
}

fn known_sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}
