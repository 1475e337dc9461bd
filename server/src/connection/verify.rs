//! Verifying passwords beside serving: at most so many at a time, and so many that wait.
//!
//! A verification is computing, on a thread that may wait for disks too. So no more of them run
//! than there are processors, and of all workers together: the kernel shares processors out
//! between them and the workers, and disks still find threads.

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::Connection;
use crate::clients::{Attempts, Rate};
use crate::worker::Phase;

/// Verifications that wait for others: seconds of work. Who comes then is told to come again.
const WAITING_MAX: usize = 256;

/// What all workers share about passwords.
#[derive(Debug)]
pub(crate) struct Verifying {
    turns: Semaphore,
    waiting: AtomicUsize,
    /// Who has been wrong how often.
    pub(crate) attempts: Attempts,
}

impl Verifying {
    /// Lets each address be wrong at this rate.
    pub(crate) fn new(rate: Rate) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            turns: Semaphore::new(processors),
            waiting: AtomicUsize::new(0),
            attempts: Attempts::new(rate),
        }
    }

    /// Waits for a turn to verify a password; `None` if too many wait already.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.turns.try_acquire() {
            return Some(permit);
        }
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return None;
        }
        let permit = self.turns.acquire().await.ok();
        drop(waiting);
        permit
    }
}

impl Connection {
    /// Waits for a turn to verify a password; `None` when the server ends first, and a `None`
    /// within if too many wait already.
    pub(super) async fn turn_to_verify<'a>(
        &self,
        verifying: &'a Verifying,
    ) -> Option<Option<SemaphorePermit<'a>>> {
        let mut turn = pin!(verifying.turn());
        poll_fn(|cx| match turn.as_mut().poll(cx) {
            Poll::Ready(turn) => Poll::Ready(Some(turn)),
            Poll::Pending if self.worker.phase() == Phase::Ending => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }
}

/// One who waits, counted until it ends, however that is.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_wait_and_no_more() {
        let verifying = Verifying::new("1/s".parse().unwrap());
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut held = Vec::new();
        for _ in 0..processors {
            held.push(verifying.turn().await.unwrap());
        }
        let mut waiting = Vec::new();
        for _ in 0..WAITING_MAX {
            let mut turn = Box::pin(verifying.turn());
            let polled = poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx).is_pending()));
            assert!(polled.await);
            waiting.push(turn);
        }

        assert!(verifying.turn().await.is_none());
        // One of them goes away, and another has its place.
        waiting.pop();
        held.pop();
        assert!(waiting.remove(0).await.is_some());
        let next = waiting.remove(0);
        assert!(next.await.is_some());
    }
}
