//! How fast a number has grown of late, for the page. Who draws graphs has `/metrics`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// The growth of a number over the last minute. A cheap clone.
#[derive(Clone, Debug, Default)]
pub struct Rate(Arc<Mutex<VecDeque<(Instant, u64)>>>);

/// 5 s between looks: a wake-up that costs nothing, and a rate that follows.
const INTERVAL: Duration = Duration::from_secs(5);

/// A minute of looks, from the first to the last.
const LOOKS: usize = 13;

impl Rate {
    /// Looks at the number for as long as it is polled.
    pub async fn watch(&self, number: impl Fn() -> u64) -> Infallible {
        let mut tick = interval(INTERVAL);
        // After a long sleep of the machine one look is enough.
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = tick.tick().await;
            let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if looks.len() == LOOKS {
                looks.pop_front();
            }
            looks.push_back((now, number()));
        }
    }

    /// How much it has grown in a second, on average; `None` in the first seconds.
    #[must_use]
    pub fn per_second(&self) -> Option<f64> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ((began, first), (ended, last)) = (looks.front()?, looks.back()?);
        let seconds = ended.duration_since(*began).as_secs_f64();
        let grown = last.saturating_sub(*first);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a minute's growth, rounded when shown"
        )]
        let rate = grown as f64 / seconds;
        (seconds > 0.0).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_minute() {
        let (rate, number) = (Rate::default(), AtomicU64::new(0));
        // 100 at each look: 20 a second.
        let watch = rate.watch(|| number.fetch_add(100, Ordering::Relaxed));
        assert_eq!(rate.per_second(), None);
        assert!(timeout(Duration::from_secs(601), watch).await.is_err());
        assert_eq!(rate.per_second(), Some(20.0));

        let watch = rate.watch(|| number.load(Ordering::Relaxed));
        assert!(timeout(Duration::from_secs(61), watch).await.is_err());
        assert_eq!(rate.per_second(), Some(0.0));
    }
}
