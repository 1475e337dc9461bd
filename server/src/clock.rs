//! The time as a worker needs it: cheap, and with the text of the `Date` field.
//!
//! The coarse clocks are read from memory the kernel updates at each tick, in a few
//! nanoseconds and without a system call. They are behind by a tick, at most ten
//! milliseconds, which neither a date in seconds nor a deadline in seconds shows.

use rustix::time::{ClockId, clock_gettime};

/// A worker's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    second: u64,
    date: [u8; http::date::LEN],
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            second: 0,
            date: http::date::format(0),
        }
    }

    /// The text of the `Date` field for `now`, in seconds since 1970; written anew once
    /// a second.
    pub(crate) fn date(&mut self, now: u64) -> &[u8; http::date::LEN] {
        if now != self.second {
            self.second = now;
            self.date = http::date::format(i64::try_from(now).unwrap_or(i64::MAX));
        }
        &self.date
    }
}

/// Seconds since 1970.
pub(crate) fn unix() -> u64 {
    u64::try_from(clock_gettime(ClockId::RealtimeCoarse).tv_sec).unwrap_or(0)
}

/// Microseconds since 1970, exactly: what a few formats of the log want. It costs ten times as
/// much as [`unix`], though no system call either.
pub(crate) fn unix_micros() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000 + u64::try_from(time.tv_nsec / 1_000).unwrap_or(0)
}

/// Nanoseconds since some beginning, for what a tick is too long for: never back, and the same
/// for all threads.
pub(crate) fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    nanos.saturating_add(BEGINNING)
}

/// A hundred years: on a machine that has just started too, hours ago is a time.
const BEGINNING: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// A moment that never goes back, in milliseconds since some beginning.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(u64);

impl Moment {
    /// It does not come.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::MonotonicCoarse);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
        Self(seconds * 1_000 + millis)
    }

    pub(crate) fn after(self, wait: std::time::Duration) -> Self {
        let millis = u64::from(wait.subsec_millis());
        let millis = wait.as_secs().saturating_mul(1_000).saturating_add(millis);
        Self(self.0.saturating_add(millis))
    }

    /// How long it is from `earlier` to this; nothing if it has passed.
    pub(crate) fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_date_follows_the_second_it_is_asked_for() {
        let mut clock = Clock::new();

        assert_eq!(clock.date(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.date(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
    }

    #[test]
    fn the_clocks_agree_with_the_standard_ones() {
        let system = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();

        assert!(unix().abs_diff(system.as_secs()) <= 60);
        assert!((unix_micros() / 1_000_000).abs_diff(system.as_secs()) <= 60);
        let later = Moment::now().after(Duration::from_secs(3600));
        assert!(later.since(Moment::now()) > Duration::from_secs(3000));
        assert_eq!(Moment::now().since(later), Duration::ZERO);
        let before = nanos();
        assert!((before..before + 3_600_000_000_000).contains(&nanos()));
    }
}
