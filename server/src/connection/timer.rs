//! One deadline that moves often and passes hardly ever.
//!
//! Every request moves its connection's deadline. A timer registered for each would
//! cost more than the request's parsing, so the timer is left where it was set: when it
//! fires early, it is set again to where the deadline is by then. A connection that
//! carries a thousand requests within its idle timeout touches the runtime's timers
//! once.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep};

use crate::clock::Moment;

/// The timer of one connection.
#[derive(Debug, Default)]
pub(super) struct Timer {
    /// Known to the runtime's timers, with the task; `None` before it is waited for: many
    /// connections end without having waited.
    sleep: Option<Pin<Box<Sleep>>>,
    fires: Moment,
}

impl Timer {
    /// Ready when `deadline` has passed; otherwise the task will be woken when it does.
    ///
    /// All calls must come from one task: its waker is handed over once.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Moment) -> Poll<()> {
        if let Some(sleep) = &self.sleep {
            let is_elapsed = sleep.is_elapsed();
            if is_elapsed && deadline <= self.fires {
                return Poll::Ready(());
            }
            if !is_elapsed && self.fires <= deadline {
                return Poll::Pending;
            }
        }
        self.fires = deadline;
        let wait = deadline.since(Moment::now());
        let timer = match &mut self.sleep {
            Some(timer) => {
                timer.as_mut().reset(Instant::now() + wait);
                timer
            }
            timer => timer.insert(Box::pin(sleep(wait))),
        };
        // A task that has used up its budget would be sent away unregistered.
        pin!(unconstrained(timer.as_mut())).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::task::coop::{consume_budget, has_budget_remaining};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_timer_waits_for_a_deadline_that_has_moved() {
        let now = Moment::now();
        let started = Instant::now();
        let mut timer = Timer::default();

        let first = poll_fn(|cx| Poll::Ready(timer.poll(cx, now.after(Duration::from_secs(1)))));
        assert!(first.await.is_pending());
        poll_fn(|cx| timer.poll(cx, now.after(Duration::from_secs(5)))).await;

        assert!(started.elapsed() > Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_obeys_a_deadline_that_comes_nearer() {
        let now = Moment::now();
        let started = Instant::now();
        let mut timer = Timer::default();

        let first = poll_fn(|cx| Poll::Ready(timer.poll(cx, now.after(Duration::from_secs(100)))));
        assert!(first.await.is_pending());
        poll_fn(|cx| timer.poll(cx, now.after(Duration::from_secs(2)))).await;

        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_is_set_by_a_task_without_budget() {
        let now = Moment::now();
        let deadline = now.after(Duration::from_secs(1));
        let mut timer = Timer::default();
        let first = poll_fn(|cx| {
            while has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(cx);
            }
            Poll::Ready(timer.poll(cx, deadline))
        });
        assert!(first.await.is_pending());

        let fired = timeout(
            Duration::from_secs(60),
            poll_fn(|cx| timer.poll(cx, deadline)),
        );

        assert!(fired.await.is_ok());
    }
}
