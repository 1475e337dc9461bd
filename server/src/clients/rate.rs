//! A rate of requests, and the token bucket that holds one address to it.
//!
//! A bucket holds as many tokens as the rate has requests, is full at first, and fills evenly:
//! `10/s` allows ten at once, and then one every tenth of a second. So within any time no more
//! are let through than rate × time + a bucket full, and whoever never makes more than ten in
//! any one second is never refused. All numbers are whole, nothing is rounded: what a request
//! takes is counted in units of which a millisecond pays back as many as the rate has requests.
//! The time is an argument.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::clock::Moment;

/// So many requests in a second or a minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many.
    pub requests: NonZeroU32,
    /// In which time.
    pub period: Period,
}

/// What a rate is counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Period {
    /// 1,000 milliseconds.
    Second,
    /// 60,000 milliseconds.
    Minute,
}

/// The text is no rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write requests per second or minute, as 10/s or 300/m")]
pub struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (requests, period) = text.split_once('/').ok_or(RateError)?;
        if !requests.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RateError);
        }
        Ok(Self {
            requests: requests.parse().map_err(|_| RateError)?,
            period: match period {
                "s" => Period::Second,
                "m" => Period::Minute,
                _ => return Err(RateError),
            },
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            Period::Second => "s",
            Period::Minute => "m",
        };
        write!(f, "{}/{period}", self.requests)
    }
}

impl Rate {
    /// Units that a millisecond pays back.
    fn per_milli(self) -> u64 {
        u64::from(self.requests.get())
    }

    /// Units of one request: as many milliseconds as the period has.
    const fn cost(self) -> u64 {
        match self.period {
            Period::Second => 1_000,
            Period::Minute => 60_000,
        }
    }
}

/// What one address has used of its rate; full by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// Units taken and not paid back at `at`.
    owed: u64,
    at: Moment,
}

impl Bucket {
    /// Takes a token, or says how long it is until there is one.
    pub(super) fn take(&mut self, rate: Rate, now: Moment) -> Result<(), Duration> {
        let capacity = rate.per_milli() * rate.cost();
        let owed = self.owed(rate, now) + rate.cost();
        if let Some(missing @ 1..) = owed.checked_sub(capacity) {
            let wait = missing.div_ceil(rate.per_milli());
            return Err(Duration::from_millis(wait));
        }
        // Two workers' clocks may differ by a tick.
        let at = self.at.max(now);
        *self = Self { owed, at };
        Ok(())
    }

    /// How far it is from full. Nothing is known of an address whose bucket is.
    pub(super) fn owed(&self, rate: Rate, now: Moment) -> u64 {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX);
        self.owed
            .saturating_sub(millis.saturating_mul(rate.per_milli()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::{
        Just, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn moment(millis: u64) -> Moment {
        Moment::default().after(Duration::from_millis(millis))
    }

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        for text in ["1/s", "10/s", "300/m", "4294967295/m"] {
            assert_eq!(rate(text).to_string(), text);
        }
        for text in [
            "",
            "10",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1/h",
            "1/",
            "1/s/s",
            "1.5/s",
            "4294967296/s",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text:?}");
        }
    }

    #[test]
    fn a_bucket_is_emptied_at_once_and_filled_evenly() {
        let rate = rate("3/s");
        let mut bucket = Bucket::default();
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, moment(5)), Ok(()));
        }

        let wait = Duration::from_millis(334);
        assert_eq!(bucket.take(rate, moment(5)), Err(wait));
        assert_eq!(
            bucket.take(rate, moment(338)),
            Err(Duration::from_millis(1))
        );
        assert_eq!(bucket.take(rate, moment(339)), Ok(()));
        assert!(bucket.take(rate, moment(339)).is_err());
        assert_eq!(bucket.owed(rate, moment(10_000)), 0);
    }

    #[test]
    fn the_slowest_rate_says_when_to_come_again() {
        let mut bucket = Bucket::default();
        bucket.take(rate("1/m"), moment(0)).unwrap();

        let wait = bucket.take(rate("1/m"), moment(1)).unwrap_err();

        assert_eq!(wait, Duration::from_millis(59_999));
    }

    /// A rate, and requests as times between them.
    fn arrivals() -> impl Strategy<Value = (Rate, Vec<u64>)> {
        let rate = (
            1..20_u32,
            prop_oneof![Just(Period::Second), Just(Period::Minute)],
        );
        let rate = rate.prop_map(|(requests, period)| Rate {
            requests: requests.try_into().unwrap(),
            period,
        });
        let gap = prop_oneof![4 => 0..3_u64, 4 => 0..400_u64, 1 => 0..100_000_u64];
        (rate, prop::collection::vec(gap, 0..200))
    }

    proptest! {
        /// Rate × time + a bucket full, within any time whatever.
        #[test]
        fn no_more_than_the_rate_and_a_bucket_full_gets_through((rate, gaps) in arrivals()) {
            let mut bucket = Bucket::default();
            let mut now = 0;
            let mut admitted: Vec<u64> = Vec::new();
            for gap in gaps {
                now += gap;
                if bucket.take(rate, moment(now)).is_ok() {
                    admitted.push(now);
                }
            }
            let requests = rate.per_milli();
            for (index, first) in admitted.iter().enumerate() {
                for (further, last) in admitted[index..].iter().enumerate() {
                    let count = u64::try_from(further).unwrap() + 1;
                    prop_assert!(
                        count * rate.cost() <= requests * rate.cost() + (last - first) * requests
                    );
                }
            }
        }

        /// A client that makes no more requests in any period than its rate says.
        #[test]
        fn who_keeps_to_the_rate_is_never_refused((rate, gaps) in arrivals()) {
            let mut bucket = Bucket::default();
            let mut now = 0;
            let mut lately: VecDeque<u64> = VecDeque::new();
            for gap in gaps {
                now += gap;
                while lately.front().is_some_and(|first| now - first >= rate.cost()) {
                    lately.pop_front();
                }
                if (lately.len() as u64) < rate.per_milli() {
                    lately.push_back(now);
                    prop_assert_eq!(bucket.take(rate, moment(now)), Ok(()));
                }
            }
        }

        /// Who waits as long as told gets through then, and not a millisecond earlier.
        #[test]
        fn the_wait_is_exact((rate, gaps) in arrivals()) {
            let mut bucket = Bucket::default();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                if let Err(wait) = bucket.take(rate, moment(now)) {
                    let then = now + u64::try_from(wait.as_millis()).unwrap();
                    let (mut early, mut punctual) = (bucket, bucket);
                    prop_assert!(early.take(rate, moment(then - 1)).is_err());
                    prop_assert_eq!(punctual.take(rate, moment(then)), Ok(()));
                }
            }
        }
    }
}
