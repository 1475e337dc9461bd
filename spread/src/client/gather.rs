//! When a reader of many arrivals looks again. Does no I/O and reads no clock.

use std::time::Duration;

use tokio::time::Instant;

/// Decides after each read whether the next waits for company.
#[derive(Debug)]
pub(super) struct Gather {
    time: Duration,
    /// When was read last.
    last: Option<Instant>,
    not_before: Option<Instant>,
}

impl Gather {
    pub(super) const fn new(time: Duration) -> Self {
        Self {
            time,
            last: None,
            not_before: None,
        }
    }

    /// Whether to wait, after a read that took all that was there, or not. It is not worth it where no
    /// more is expected soon, nor right while more is there.
    pub(super) fn waits_after(&mut self, took_all: bool, now: Instant) -> bool {
        let last = self.last.replace(now);
        let is_soon =
            last.is_some_and(|last| now.saturating_duration_since(last) < SOON * self.time);
        let waits = is_soon && took_all;
        self.not_before = waits.then(|| now + self.time);
        waits
    }

    /// When to read next, unless that is at the next arrival.
    pub(super) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// It has been waited.
    pub(super) const fn is_over(&mut self) {
        self.not_before = None;
    }
}

/// Four times as long as is waited: a timer takes up to twice as long, and a busy machine longer.
/// What comes more seldom gains nothing by waiting.
const SOON: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn what_comes_soon_is_waited_for_when_all_before_it_is_taken() {
        let mut gather = Gather::new(TIME);
        let began = Instant::now();
        let mut after = |millis, took_all| {
            let now = began + Duration::from_millis(millis);
            gather.waits_after(took_all, now);
            gather.not_before().map(|at| at - began)
        };

        assert_eq!(after(0, true), None, "nothing is known of the pace yet");
        assert_eq!(after(1, true), Some(Duration::from_millis(2)));
        assert_eq!(after(3, false), None, "more is there");
        assert_eq!(after(4, true), Some(Duration::from_millis(5)));
        assert_eq!(after(8, true), None, "it comes seldom");
        assert_eq!(after(1_000, true), None);
    }
}
