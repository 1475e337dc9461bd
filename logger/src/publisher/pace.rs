//! How fast a backlog goes out after an outage; pure.
//!
//! What has piled up while no daemon was there would arrive at the readers all at once, and Spread
//! throws out a reader with 1,000 messages queued. So until the store has been emptied once after
//! connecting, messages go at no more than the larger of 4 MB/s and twice what comes in; twice, so
//! that it ends. Then nothing is held back: what comes in goes out.
//!
//! When messages may go at all after connecting is the stream's to say (`spread::stream::Sender`).

use std::time::Duration;

/// Says whether the next message may go. Time is counted from when the publisher began.
#[derive(Debug, Default)]
pub(super) struct Pace {
    backlog: bool,
    /// When the next message of a backlog may go.
    next_at: Duration,
    /// Bytes a second that came in during the last whole second.
    incoming: u64,
    second: Second,
    /// Bytes a second that are always allowed.
    floor: u64,
}

/// The second that is being counted.
#[derive(Debug, Default)]
struct Second {
    began: Duration,
    bytes: u64,
}

impl Pace {
    /// `bytes` have come in since the last call.
    pub(super) fn incoming(&mut self, bytes: u64, now: Duration) {
        self.second.bytes += bytes;
        let elapsed = now.saturating_sub(self.second.began);
        if elapsed >= Duration::from_secs(1) {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.incoming = self.second.bytes.saturating_mul(1000) / millis.max(1);
            self.second = Second {
                began: now,
                bytes: 0,
            };
        }
    }

    /// A connection is up: what the store holds now is a backlog.
    pub(super) const fn connected(&mut self, now: Duration) {
        self.backlog = true;
        self.next_at = now;
    }

    /// The store holds nothing that has not been handed over.
    pub(super) const fn caught_up(&mut self) {
        self.backlog = false;
    }

    /// Before the stop, `left` from now, the backlog of `bytes` goes in half of that. Said again,
    /// it goes no slower: less is left by then.
    pub(super) fn hurry(&mut self, bytes: u64, left: Duration) {
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let rate = bytes.saturating_mul(2000) / millis.max(1);
        self.floor = self.floor.max(rate);
    }

    /// Whether a message of `bytes` may go now; if so, it is taken to have gone.
    pub(super) fn allows(&mut self, bytes: usize, now: Duration) -> bool {
        if !self.backlog {
            return true;
        }
        if self.next_at > now {
            return false;
        }
        let rate = BACKLOG_RATE
            .max(self.incoming.saturating_mul(2))
            .max(self.floor);
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate;
        // What was not used is forgotten, but for the time between two looks at the store.
        let unused = now.saturating_sub(UNUSED_MAX);
        self.next_at = self.next_at.max(unused) + Duration::from_nanos(nanos);
        true
    }
}

/// 4 MB/s: some 120 messages of 32 KiB a second, eight seconds of which a reader may sleep.
const BACKLOG_RATE: u64 = 4_000_000;

/// Twice the 20 ms between two drains, so that the rate is reached however they fall.
const UNUSED_MAX: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: usize = 32 * 1024;

    /// Bytes that go in ten seconds, looked at every 20 ms.
    fn bytes_in_ten_seconds(pace: &mut Pace, from: Duration) -> usize {
        let mut gone = 0;
        for tick in 0..500 {
            let now = from + Duration::from_millis(20) * tick;
            while gone < 1_000_000_000 && pace.allows(MESSAGE, now) {
                gone += MESSAGE;
            }
        }
        gone
    }

    #[test]
    fn a_backlog_goes_at_four_megabytes_a_second() {
        let mut pace = Pace::default();
        pace.connected(Duration::ZERO);

        let gone = bytes_in_ten_seconds(&mut pace, Duration::ZERO);

        assert!((39_000_000..=41_000_000).contains(&gone), "{gone}");
    }

    #[test]
    fn a_backlog_goes_at_twice_the_rate_that_comes_in() {
        let mut pace = Pace::default();
        let start = Duration::from_secs(1);
        pace.incoming(10_000_000, start);
        pace.connected(start);

        let gone = bytes_in_ten_seconds(&mut pace, start);

        assert!((195_000_000..=205_000_000).contains(&gone), "{gone}");
    }

    #[test]
    fn before_a_deadline_it_goes_as_fast_as_it_must() {
        let mut pace = Pace::default();
        pace.connected(Duration::ZERO);
        pace.hurry(100_000_000, Duration::from_secs(10));

        let gone = bytes_in_ten_seconds(&mut pace, Duration::ZERO);

        assert!((195_000_000..=205_000_000).contains(&gone), "{gone}");
    }

    /// At twice what is left over the time that is left, asked anew at every step, it would go
    /// slower and slower and leave the echo no time.
    #[test]
    fn half_of_the_time_before_a_deadline_is_enough_however_often_it_is_told() {
        let deadline = Duration::from_secs(2);
        let mut pace = Pace::default();
        pace.connected(Duration::ZERO);
        let mut left = 64 << 20;
        let mut now = Duration::ZERO;

        while left > 0 && now < deadline {
            pace.hurry(left as u64, deadline.saturating_sub(now));
            while left > 0 && pace.allows(MESSAGE, now) {
                left -= MESSAGE;
            }
            now += Duration::from_millis(20);
        }

        assert!(now <= Duration::from_millis(1_060), "{now:?}");
    }

    #[test]
    fn time_in_which_nothing_went_is_not_made_up_for() {
        let mut pace = Pace::default();
        pace.connected(Duration::ZERO);
        let later = Duration::from_secs(100);

        let at_once = (0..1000).filter(|_| pace.allows(MESSAGE, later)).count();

        assert!(at_once <= 6, "{at_once} messages");
    }

    #[test]
    fn what_comes_in_after_the_backlog_is_not_held_back() {
        let mut pace = Pace::default();
        pace.connected(Duration::ZERO);
        pace.caught_up();

        assert!((0..100_000).all(|_| pace.allows(MESSAGE, Duration::ZERO)));
    }
}
