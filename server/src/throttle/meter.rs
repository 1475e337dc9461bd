//! What one rule has to give: a token bucket in one atomic word, and who takes from it.
//!
//! The word is the moment until which everything has been given away. Taking moves it on by as
//! long as the rule needs to earn the bytes, and what was taken may be sent when that moment has
//! come; a moment long past counts as one that lies back by the burst. So whoever asks later is
//! served later, on whichever thread: the word is the queue, those who wait take no lock and need
//! no one to share out among them, and what some do not ask for is there for the others.
//!
//! Each takes a small slice at a time, as a slice is what one gets in turn; then all who can take
//! more get the same, and the fewer bytes a rule has for each the smaller its slices are.
//!
//! The law: what is sent within any time is at most maximum × time + burst. All times are
//! arguments, in nanoseconds since some beginning.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ThrottleRule;

/// One rule at work. Two cache lines are its own, as all workers write to it.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Meter {
    max: AtomicU64,
    min: AtomicU64,
    burst: AtomicU64,
    /// Until when everything has been given away.
    given_until: AtomicU64,
    /// Responses under way.
    connections: AtomicU64,
    bytes: AtomicU64,
    refused: AtomicU64,
    /// When it was looked at, and how many bytes there were then. Locked by who shows the rates.
    looks: Mutex<VecDeque<(u64, u64)>>,
}

/// What a rule has done so far.
#[derive(Clone, Debug, PartialEq)]
pub struct ThrottleReading {
    /// Its pattern.
    pub pattern: String,
    /// Its minimum, in bytes a second.
    pub min: u64,
    /// Its maximum, in bytes a second.
    pub max: u64,
    /// Its burst, in bytes.
    pub burst: u64,
    /// Responses under way.
    pub connections: u64,
    /// Bytes handed to sockets, heads among them.
    pub bytes: u64,
    /// Requests refused for its minimum.
    pub refused: u64,
    /// Bytes a second in the last ten seconds, if anybody has looked.
    pub rate: Option<u64>,
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A download moves on so many times a second: often enough to look even, and to be even within a
/// few per cent in any ten seconds, and seldom enough for thousands of them.
const SLICES_PER_SECOND: u64 = 8;

/// A slice is at least this while the rule sends as many in a second: a smaller one costs as
/// much, and its headers would be a good part of what the network carries.
pub(super) const SLICE_MIN: u64 = 256;

/// As much as other connections wait for anyway.
const SLICE_MAX: u64 = 256 * 1024;

/// Looks that a rate is made of: ten seconds' worth, and the one before.
const LOOKS: usize = 6;

/// How often to look: a wake-up that costs nothing, and a rate that follows.
pub(super) const LOOK_EVERY: u64 = 2 * NANOS_PER_SECOND;

impl Meter {
    pub(super) fn new(rule: &ThrottleRule) -> Self {
        Self {
            max: AtomicU64::new(rule.max.get()),
            min: AtomicU64::new(rule.min),
            burst: AtomicU64::new(rule.burst.get()),
            given_until: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            looks: Mutex::default(),
        }
    }

    /// Goes on as `rule` says, for those who are served already too.
    pub(super) fn change(&self, rule: &ThrottleRule) {
        let max = rule.max.get();
        if self.max.swap(max, Ordering::Relaxed) != max {
            // What was given away at another rate would be waited for at that rate.
            self.given_until.store(0, Ordering::Relaxed);
        }
        self.min.store(rule.min, Ordering::Relaxed);
        self.burst.store(rule.burst.get(), Ordering::Relaxed);
    }

    /// There is no such rule any more: those who are served under it are free.
    pub(super) fn let_go(&self) {
        self.max.store(u64::MAX, Ordering::Relaxed);
        self.min.store(0, Ordering::Relaxed);
        self.burst.store(u64::MAX, Ordering::Relaxed);
        self.given_until.store(0, Ordering::Relaxed);
    }

    /// Takes `bytes`, at most a slice, and says when they may be sent.
    pub(super) fn take(&self, bytes: u64, now: u64) -> u64 {
        let mut moment = now;
        let _ = self.move_on(bytes, now, |until| {
            moment = until;
            true
        });
        moment
    }

    /// Takes `bytes` if they may be sent now.
    pub(super) fn take_now(&self, bytes: u64, now: u64) -> bool {
        self.move_on(bytes, now, |until| until <= now)
    }

    /// Gives back `bytes` that were taken and not sent.
    pub(super) fn give_back(&self, bytes: u64) {
        let time = self.time_for(bytes);
        let given = &self.given_until;
        let _ = given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
            Some(until.saturating_sub(time))
        });
    }

    /// What a response may take at a time.
    pub(super) fn slice(&self, now: u64) -> u64 {
        let max = self.max.load(Ordering::Relaxed);
        let connections = self.connections.load(Ordering::Relaxed).max(1);
        let share = (max / SLICES_PER_SECOND).max(self.earned(now)) / connections;
        let least = SLICE_MIN.min(max / SLICES_PER_SECOND);
        // More than a burst at once would be more than a burst.
        let most = SLICE_MAX.min(self.burst.load(Ordering::Relaxed));
        share.max(least).min(most).max(1)
    }

    /// Lets a response in, if all that are in can have `floor` bytes a second then. One alone is
    /// let in whatever its floor: refused, it could never come.
    pub(super) fn enter(&self, floor: u64) -> bool {
        let connections = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let max = self.max.load(Ordering::Relaxed);
        if connections == 1 || connections.saturating_mul(floor) <= max {
            return true;
        }
        self.leave();
        self.refused.fetch_add(1, Ordering::Relaxed);
        false
    }

    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn min(&self) -> u64 {
        self.min.load(Ordering::Relaxed)
    }

    /// Takes a look, of which a few make a rate.
    pub(super) fn look(&self, now: u64) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() == LOOKS {
            looks.pop_front();
        }
        looks.push_back((now, self.bytes.load(Ordering::Relaxed)));
    }

    pub(super) fn reading(&self, pattern: &str) -> ThrottleReading {
        ThrottleReading {
            pattern: pattern.to_owned(),
            min: self.min(),
            max: self.max.load(Ordering::Relaxed),
            burst: self.burst.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            rate: self.rate(),
        }
    }

    /// What may be sent now, before anybody takes more.
    fn earned(&self, now: u64) -> u64 {
        let idle = now.saturating_sub(self.given_until.load(Ordering::Relaxed));
        let max = self.max.load(Ordering::Relaxed);
        let earned = u128::from(idle) * u128::from(max) / u128::from(NANOS_PER_SECOND);
        let burst = self.burst.load(Ordering::Relaxed);
        u64::try_from(earned).map_or(burst, |earned| earned.min(burst))
    }

    fn rate(&self) -> Option<u64> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let ((began, first), (ended, last)) = (looks.front()?, looks.back()?);
        let grown = u128::from(last.saturating_sub(*first)) * u128::from(NANOS_PER_SECOND);
        let rate = grown.checked_div(u128::from(ended.saturating_sub(*began)))?;
        Some(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// Moves the word on for `bytes` if `fits` says so of the moment that it would come to.
    fn move_on(&self, bytes: u64, now: u64, mut fits: impl FnMut(u64) -> bool) -> bool {
        let time = self.time_for(bytes);
        let earliest = now.saturating_sub(self.time_for(self.burst.load(Ordering::Relaxed)));
        let given = &self.given_until;
        let moved = given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
            let until = until.max(earliest).saturating_add(time);
            fits(until).then_some(until)
        });
        moved.is_ok()
    }

    /// How long the rule needs to earn `bytes`: rounded up, so that no rounding earns anything.
    fn time_for(&self, bytes: u64) -> u64 {
        let max = self.max.load(Ordering::Relaxed);
        let nanos = u128::from(bytes) * u128::from(NANOS_PER_SECOND);
        u64::try_from(nanos.div_ceil(u128::from(max.max(1)))).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const SECOND: u64 = NANOS_PER_SECOND;

    fn meter(min: u64, max: u64, burst: u64) -> Meter {
        Meter::new(&ThrottleRule {
            pattern: "**".parse().unwrap(),
            min,
            max: max.try_into().unwrap(),
            burst: burst.try_into().unwrap(),
        })
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_as_it_is_earned() {
        let meter = meter(0, 1_000, 250);
        let now = 5 * SECOND;

        assert!(meter.take_now(250, now));
        assert!(!meter.take_now(1, now));
        assert_eq!(meter.take(100, now), now + SECOND / 10);
        assert_eq!(meter.take(100, now), now + SECOND / 5);

        // What is given back is there for the next.
        meter.give_back(100);
        assert_eq!(meter.take(50, now), now + SECOND * 3 / 20);

        // A quiet hour earns no more than a burst.
        let later = now + 3_600 * SECOND;
        assert!(!meter.take_now(251, later));
        assert!(meter.take_now(250, later));
    }

    #[test]
    fn slices_are_an_eighth_of_a_second_of_the_share() {
        for (max, burst, connections, slice) in [
            (80_000, 20_000, 1, 10_000),
            (80_000, 20_000, 4, 2_500),
            // Small, but not smaller than is worth a packet.
            (80_000, 20_000, 1_000, 256),
            // Large, but not so large that others have to wait.
            (1 << 40, 1 << 38, 1, SLICE_MAX),
            // Never more than may go at once.
            (80_000, 800, 1, 800),
            // The slowest still moves.
            (800, 200, 5, 100),
            (7, 1, 1, 1),
            (1, 1, 9, 1),
        ] {
            let meter = meter(0, max, burst);
            for _ in 0..connections {
                assert!(meter.enter(0));
            }
            let now = 7_000 * SECOND;
            meter.take(burst, now);
            assert_eq!(meter.slice(now), slice, "{max} for {connections}");
        }
    }

    #[test]
    fn what_is_earned_goes_in_few_slices() {
        let meter = meter(0, 1, 8_000);
        for _ in 0..4 {
            assert!(meter.enter(0));
        }
        let now = 9_000 * SECOND;

        assert_eq!(meter.slice(now), 2_000);
        meter.take(6_000, now);
        assert_eq!(meter.slice(now), 500);
        meter.take(2_000, now);
        assert_eq!(meter.slice(now), 1);
    }

    #[test]
    fn as_many_are_let_in_as_can_have_the_minimum() {
        let meter = meter(300, 1_000, 250);
        for _ in 0..3 {
            assert!(meter.enter(300));
        }

        assert!(!meter.enter(300));
        assert_eq!(meter.reading("x").refused, 1);
        assert_eq!(meter.reading("x").connections, 3);
        meter.leave();
        assert!(meter.enter(300));

        // More than there is for one alone: it gets what there is.
        let meter = self::meter(0, 1_000, 250);
        assert!(meter.enter(5_000));
        assert!(!meter.enter(5_000));
    }

    #[test]
    fn a_change_holds_for_those_who_are_served() {
        let meter = meter(0, 1_000, 10);
        let now = SECOND;
        meter.take(10, now);
        let faster = ThrottleRule::new("x".parse().unwrap(), 0, 10_000.try_into().unwrap());

        meter.change(&faster);
        assert!(!meter.take_now(2_600, now));
        assert!(meter.take_now(2_000, now + SECOND));

        meter.take(1 << 40, now);
        meter.let_go();
        assert!(meter.take_now(1 << 40, now + 2_000_000 * SECOND));
        assert!(meter.enter(0));
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let meter = meter(0, 1_000, 10);
        assert_eq!(meter.reading("x").rate, None);
        for look in 0..20 {
            meter.look(look * LOOK_EVERY);
            // Twice as fast from the tenth on.
            meter.count(if look < 10 { 100 } else { 200 });
        }

        assert_eq!(meter.reading("x").rate, Some(100));
        meter.look(20 * LOOK_EVERY);
        meter.look(1_000 * LOOK_EVERY);
        assert_eq!(meter.reading("x").rate, Some(0));
    }

    /// Takings: how long after the one before, how much of a slice, and whether only if it may be
    /// sent at once.
    fn takings() -> impl Strategy<Value = Vec<(u64, u64, bool)>> {
        let gap = (0..4_u32, 0..SECOND).prop_map(|(scale, gap)| gap / 10_u64.pow(scale * 2));
        prop::collection::vec((gap, 1..=100_u64, prop::bool::ANY), 1..200)
    }

    proptest! {
        /// Maximum × time + burst, within any time whatever; times are whole nanoseconds.
        #[test]
        fn no_more_than_the_maximum_and_a_burst_is_sent(
            max in 1..10_000_000_u64,
            burst in 1..10_000_000_u64,
            takings in takings(),
        ) {
            let meter = meter(0, max, burst);
            let mut now = 7_000 * SECOND;
            let mut sent: Vec<(u64, u64)> = Vec::new();
            for (gap, part, is_impatient) in takings {
                now += gap;
                let bytes = (meter.slice(now) * part / 100).max(1);
                if !is_impatient {
                    sent.push((meter.take(bytes, now).max(now), bytes));
                } else if meter.take_now(bytes, now) {
                    sent.push((now, bytes));
                }
            }
            prop_assert!(sent.is_sorted_by_key(|(moment, _)| *moment));
            for (index, (first, _)) in sent.iter().enumerate() {
                let mut total = 0_u128;
                for (last, bytes) in &sent[index..] {
                    total += u128::from(*bytes);
                    let earned = u128::from(max) * u128::from(last - first + 1);
                    let limit = earned + u128::from(burst) * u128::from(SECOND);
                    prop_assert!(total * u128::from(SECOND) <= limit);
                }
            }
        }

        /// Nothing that could have been sent is lost, but for what no number has digits for.
        #[test]
        fn who_always_wants_more_gets_the_maximum(
            max in 1_000..10_000_000_u64,
            part in 1..100_u64,
        ) {
            let meter = meter(0, max, max.div_ceil(part));
            let begun = 7_000 * SECOND;
            let (mut now, mut total) = (begun, 0);
            while now < begun + 10 * SECOND {
                let slice = meter.slice(now);
                now = meter.take(slice, now).max(now);
                total += slice;
            }
            prop_assert!(total + meter.slice(now) >= max * 10 * 999 / 1_000);
        }

        /// Who takes and gives back has not been there.
        #[test]
        fn what_is_given_back_was_never_taken(
            max in 1..10_000_000_u64,
            bytes in 1..1_000_u64,
        ) {
            let meter = meter(0, max, 1_000);
            let now = 7_000 * SECOND;
            let before = meter.take(1_000, now);
            meter.take(bytes, now);
            meter.give_back(bytes);
            prop_assert_eq!(meter.take(bytes, now), before + meter.time_for(bytes));
        }
    }
}
