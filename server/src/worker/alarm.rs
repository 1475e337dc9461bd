//! Waking a worker that sleeps until one of its sockets is ready.
//!
//! Tasks are woken from other threads, by a disk that was waited for or a program that has ended.
//! The worker sleeps in `epoll_wait`, and an eventfd among its sockets is what can end that. It is
//! written to only while the worker sleeps, and never read: that it was written to is told once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

/// Wakes a worker; shared with whoever may.
#[derive(Debug)]
pub(super) struct Alarm {
    state: AtomicU8,
    descriptor: OwnedFd,
}

/// The worker is at work, and looks here before it sleeps.
const AWAKE: u8 = 0;
/// It sleeps, or is about to.
const ASLEEP: u8 = 1;
/// Some task has been woken since it last looked.
const RUNG: u8 = 2;

impl Alarm {
    /// Of a worker that has tasks to begin with.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            state: AtomicU8::new(RUNG),
            descriptor: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Whether the worker may sleep: no, if it would have to be woken at once.
    pub(super) fn lets_sleep(&self) -> bool {
        let (old, new) = (AWAKE, ASLEEP);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let outcome = self.state.compare_exchange(old, new, order.0, order.1);
        outcome.is_ok()
    }

    /// Says that the worker does not sleep any more, and whether any task was woken.
    pub(super) fn take(&self) -> bool {
        self.state.swap(AWAKE, Ordering::AcqRel) == RUNG
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, Ordering::AcqRel) == ASLEEP {
            // It can fail only after 2^64 times, and then it has been written to.
            let _ = rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes());
        }
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_written(alarm: &Alarm) -> bool {
        let mut sockets = [PollFd::new(alarm, PollFlags::IN)];
        poll(&mut sockets, Some(&Timespec::default())).unwrap() > 0
    }

    #[test]
    fn who_is_awake_is_not_written_to_and_does_not_sleep_over_it() {
        let alarm = Arc::new(Alarm::new().unwrap());
        assert!(alarm.take());
        assert!(!alarm.take());

        Waker::from(Arc::clone(&alarm)).wake();

        assert!(!is_written(&alarm));
        assert!(!alarm.lets_sleep());
        assert!(alarm.take());
        assert!(alarm.lets_sleep());
    }

    #[test]
    fn who_sleeps_is_written_to() {
        let alarm = Arc::new(Alarm::new().unwrap());
        alarm.take();
        assert!(alarm.lets_sleep());

        Waker::from(Arc::clone(&alarm)).wake();

        assert!(is_written(&alarm));
        assert!(alarm.take());
    }
}
