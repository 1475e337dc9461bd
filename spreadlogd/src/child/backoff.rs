//! How long a process that ends is not started again.

use std::time::Duration;

/// Counts ends that follow each other closely.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Ends since one lived long enough.
    ends: u32,
}

impl Backoff {
    /// A process has ended after so long; how long to wait before the next is started: not at
    /// all the first time.
    pub(super) fn next(&mut self, lived: Duration) -> Duration {
        if lived >= LONG_LIFE {
            self.ends = 0;
        }
        self.ends = self.ends.saturating_add(1);
        let Some(doublings) = self.ends.checked_sub(2) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        BACKOFF_MIN.saturating_mul(factor).min(BACKOFF_MAX)
    }

    /// Somebody says that it may be different now.
    pub(super) const fn reset(&mut self) {
        self.ends = 0;
    }
}

/// 100 ms: a command that can never work costs ten processes in the first minute.
const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// 30 s: when what it needs is there again, nobody waits longer for the log.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// 10 s: what has lived so long did work.
const LONG_LIFE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_costs_nothing_and_the_others_double_up_to_30_s() {
        let mut backoff = Backoff::default();
        let mut waits = || backoff.next(Duration::from_millis(1)).as_millis();
        let waits: Vec<u128> = (0..12).map(|_| waits()).collect();

        assert_eq!(
            waits,
            [
                0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000
            ]
        );
    }

    #[test]
    fn after_a_long_life_it_begins_anew_and_it_never_overflows() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert!(backoff.next(Duration::ZERO) <= BACKOFF_MAX);
        }
        assert_eq!(backoff.next(Duration::ZERO), BACKOFF_MAX);

        assert_eq!(backoff.next(LONG_LIFE), Duration::ZERO);
        assert_eq!(backoff.next(LONG_LIFE), Duration::ZERO);
        assert_eq!(backoff.next(Duration::ZERO), BACKOFF_MIN);
    }
}
