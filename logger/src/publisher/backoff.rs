//! How long to wait before the daemons are tried again; pure.

use std::time::Duration;

/// Doubles from try to try up to a cap, half of it left to chance: the publishers of a farm that
/// lost one daemon must not all come back in the same instant.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; `random` is any 64 bits.
    pub(super) fn failed(&mut self, random: u64) -> Duration {
        let doubled = WAIT_MIN.saturating_mul(1 << self.failures.min(DOUBLINGS_MAX));
        self.failures = self.failures.saturating_add(1);
        let half = doubled.min(WAIT_MAX) / 2;
        // 1/65,536 parts are fine enough.
        let parts = (random % 0x1_0000) as u32;
        half + half * parts / 0x1_0000
    }

    /// A connection has proved good: the next failure is a first one again.
    pub(super) const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// 200 ms: a daemon that is restarted is back within the second.
const WAIT_MIN: Duration = Duration::from_millis(200);

/// 5 s: what an operator who has just started the daemon will watch for.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Far past the cap, far from an overflow.
const DOUBLINGS_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_begin_anew() {
        let mut backoff = Backoff::default();

        let waits: Vec<u128> = (0..8).map(|_| backoff.failed(0).as_millis()).collect();
        backoff.succeeded();

        assert_eq!(waits, [100, 200, 400, 800, 1600, 2500, 2500, 2500]);
        assert_eq!(backoff.failed(0).as_millis(), 100);
    }

    proptest! {
        #[test]
        fn chance_decides_half_of_the_wait(failures in 0_u32..1000, random: u64) {
            let (least, drawn) = (&mut Backoff { failures }, &mut Backoff { failures });

            let (least, drawn) = (least.failed(0), drawn.failed(random));

            prop_assert!(drawn >= least && drawn < least * 2);
            prop_assert!(drawn < WAIT_MAX);
        }
    }
}
