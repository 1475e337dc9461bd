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
#[derive(Debug)]
pub(super) struct Timer {
    /// `None` before it is waited for: many connections end without having waited.
    sleep: Option<Pin<Box<Sleep>>>,
    fires: Moment,
    /// The task is known to the runtime's timers since `fires` was set.
    registered: bool,
}

impl Timer {
    pub(super) const fn new(deadline: Moment) -> Self {
        Self {
            sleep: None,
            fires: deadline,
            registered: false,
        }
    }

    /// Ready when `deadline` has passed; otherwise the task will be woken when it does.
    ///
    /// All calls must come from one task: its waker is handed over once.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Moment) -> Poll<()> {
        if deadline < self.fires {
            self.set(deadline);
        }
        loop {
            let wait = || self.fires.since(Moment::now());
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(wait())));
            if self.registered && !sleep.is_elapsed() {
                return Poll::Pending;
            }
            self.registered = true;
            // A task that has used up its budget would be sent away unregistered.
            let sleep = pin!(unconstrained(sleep.as_mut()));
            if sleep.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if deadline <= self.fires {
                return Poll::Ready(());
            }
            self.set(deadline);
        }
    }

    fn set(&mut self, deadline: Moment) {
        if let Some(sleep) = &mut self.sleep {
            let wait = deadline.since(Moment::now());
            sleep.as_mut().reset(Instant::now() + wait);
        }
        self.fires = deadline;
        self.registered = false;
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
        let mut timer = Timer::new(now.after(Duration::from_secs(1)));

        let first = poll_fn(|cx| Poll::Ready(timer.poll(cx, now.after(Duration::from_secs(1)))));
        assert!(first.await.is_pending());
        poll_fn(|cx| timer.poll(cx, now.after(Duration::from_secs(5)))).await;

        assert!(started.elapsed() > Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_obeys_a_deadline_that_comes_nearer() {
        let now = Moment::now();
        let started = Instant::now();
        let mut timer = Timer::new(now.after(Duration::from_secs(100)));

        poll_fn(|cx| timer.poll(cx, now.after(Duration::from_secs(2)))).await;

        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_is_set_by_a_task_without_budget() {
        let now = Moment::now();
        let deadline = now.after(Duration::from_secs(1));
        let mut timer = Timer::new(deadline);
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
