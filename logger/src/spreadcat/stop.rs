//! How the thread that reads is told to stop, wherever it waits.
//!
//! A pipe that nobody ever writes to: its end is the word. So it can be polled beside what is read,
//! and a thread that sleeps on it wakes at once.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Who may say it: by being dropped.
#[derive(Debug)]
pub(super) struct Stop(#[expect(dead_code, reason = "it is there to be dropped")] PipeWriter);

/// Who is told.
#[derive(Debug)]
pub(super) struct Stopping(PipeReader);

/// Makes the two.
pub(super) fn stop() -> io::Result<(Stop, Stopping)> {
    let (reader, writer) = io::pipe()?;
    Ok((Stop(writer), Stopping(reader)))
}

impl Stopping {
    /// Sleeps for `timeout`, or until it is to stop; whether it is.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        self.wait_for(&[], Some(timeout)).is_stopping
    }

    /// Waits until one of `sources` can be read, or has ended, or it is to stop.
    pub(super) fn wait_for(&self, sources: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Awoken {
        let own = PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN);
        let others = sources
            .iter()
            .map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN));
        let mut all: Vec<PollFd<'_>> = [own].into_iter().chain(others).collect();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let woken = poll(&mut all, timeout.as_ref());
        // What cannot be polled is tried, and then tells what is wrong with it.
        let is_ready = |polled: &PollFd<'_>| match woken {
            Ok(_) => !polled.revents().is_empty(),
            Err(error) => error != Errno::INTR,
        };
        let mut ready = all.iter().map(is_ready);
        Awoken {
            is_stopping: woken.is_ok() && ready.next().unwrap_or_default(),
            ready: ready.collect(),
        }
    }
}

/// Why it was woken, if for something.
#[derive(Debug)]
pub(super) struct Awoken {
    pub(super) is_stopping: bool,
    /// For each source, whether it can be read.
    pub(super) ready: Vec<bool>,
}
