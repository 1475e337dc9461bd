//! Messages of a stream that has not introduced itself.

use std::time::Duration;

use super::super::Number;
use crate::name::Name;

/// What came of a stream before its first control.
#[derive(Debug)]
pub(super) struct Hold<P> {
    since: Duration,
    messages: Vec<(Number, P)>,
    cost: usize,
    from: Option<Name>,
}

impl<P> Hold<P> {
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            since: now,
            messages: Vec::new(),
            cost: 0,
            from: None,
        }
    }

    pub(super) fn push(&mut self, number: Number, payload: P, cost: usize, from: Name) {
        self.messages.push((number, payload));
        self.cost += cost;
        self.from = Some(from);
    }

    /// Until when its control is waited for.
    pub(super) fn until(&self) -> Duration {
        self.since + HOLD_TIMEOUT
    }

    /// The least number.
    pub(super) fn first(&self) -> Option<u64> {
        self.messages.iter().map(|(number, _)| number.get()).min()
    }

    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    /// The private group of its publisher.
    pub(super) const fn from(&self) -> Option<Name> {
        self.from
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = (Number, P)> {
        self.messages.into_iter()
    }
}

/// 6 s: a control goes first on every connection, and again every 5 s while messages do; so whoever
/// hears a stream in its midst is told of what its publisher still has from before. Without one in
/// that time it begins with what has come.
const HOLD_TIMEOUT: Duration = Duration::from_secs(6);
