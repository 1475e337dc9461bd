//! One connection to a daemon, as the stream sees it: what is queued on it, and its controls.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::Number;

/// A connection that is up.
#[derive(Debug)]
pub(super) struct Connection {
    since: Duration,
    /// What is in its write queue, in order: whether it is data.
    queued: VecDeque<bool>,
    /// When the controls were sent that have not come back.
    unechoed: VecDeque<Duration>,
    last_control: Option<Duration>,
    /// A logging host has answered on this connection.
    is_answered: bool,
}

/// What moves a control: the counters and the losses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Told {
    pub(super) next: Number,
    pub(super) lost: u64,
}

impl Connection {
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            since: now,
            queued: VecDeque::new(),
            unechoed: VecDeque::new(),
            last_control: None,
            is_answered: false,
        }
    }

    /// Something goes into its write queue.
    pub(super) fn queue(&mut self, is_data: bool) {
        self.queued.push_back(is_data);
    }

    /// It has written the `count` oldest of what it was given: how many of them were data.
    pub(super) fn written(&mut self, count: usize) -> usize {
        let count = count.min(self.queued.len());
        let written = self.queued.drain(..count);
        written.filter(|is_data| *is_data).count()
    }

    /// A control goes.
    pub(super) fn tells(&mut self, now: Duration) {
        self.last_control = Some(now);
        self.unechoed.push_back(now);
    }

    /// A control has come back.
    pub(super) fn echoed(&mut self) {
        self.unechoed.pop_front();
    }

    /// A logging host has acknowledged something.
    pub(super) const fn answered(&mut self) {
        self.is_answered = true;
    }

    pub(super) const fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// Whether it is open and dead: a control has not come back.
    pub(super) fn is_dead(&self, now: Duration) -> bool {
        let oldest = self.unechoed.front();
        oldest.is_some_and(|since| now.saturating_sub(*since) >= ECHO_TIMEOUT)
    }

    /// Whether data may go: a logging host has answered, or had its time, which `settle_by` may
    /// shorten.
    pub(super) fn is_settled(&self, now: Duration, settle_by: Duration) -> bool {
        let timeout = self.since + SETTLE_TIMEOUT;
        self.is_answered || now >= timeout.min(settle_by)
    }

    /// Whether a control that says `now_told` is to go; the last one said `told`.
    pub(super) fn control_is_due(&self, told: Option<Told>, now_told: Told, now: Duration) -> bool {
        let (Some(last), Some(told)) = (self.last_control, told) else {
            return true;
        };
        let since = now.saturating_sub(last);
        since >= CONTROL_QUIET
            || (now_told != told && since >= CONTROL_MOVING)
            || (now_told.lost != told.lost && since >= CONTROL_LOST)
    }
}

/// 2 s: hosts that lost the same daemon try again within one or two.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// 30 s: a daemon that finds its peers again answers nothing for some ten.
const ECHO_TIMEOUT: Duration = Duration::from_secs(30);

/// While the counters move: a host that was not there hears of a stream this soon.
const CONTROL_MOVING: Duration = Duration::from_secs(5);

/// While they do not.
const CONTROL_QUIET: Duration = Duration::from_secs(60);

/// A loss is told at once, but a loss that goes on not a thousand times a second.
const CONTROL_LOST: Duration = Duration::from_millis(250);
