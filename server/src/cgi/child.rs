//! A process and its pipes, watched by the runtime of the worker that has started it.
//!
//! tokio's own would have every runtime look, each time it waits, into one list of processes that
//! nobody has waited for, behind a lock that all workers share; and most of them never start any.
//! That one has ended is looked for instead: most end with their output, and for the others some
//! milliseconds do not matter, as nobody waits for their answer any more.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::net::unix::pipe;

/// A process that was started. Dropped before it has been waited for, it is killed.
#[derive(Debug)]
pub(crate) struct Child {
    process: process::Child,
    pid: Option<Pid>,
    has_ended: bool,
    pub(super) stdin: Option<pipe::Sender>,
    pub(super) stdout: Option<pipe::Receiver>,
    pub(super) stderr: Option<pipe::Receiver>,
}

/// When is looked again for its end, at first; each time twice as late as the time before.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// How late at most: 50 that take their time are looked for 2,500 times a second.
const LAST_LOOK: Duration = Duration::from_millis(20);

impl Child {
    /// Starts `command`. To be called within the runtime that is to watch it.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let process = command.spawn()?;
        let mut child = Self {
            pid: i32::try_from(process.id()).ok().and_then(Pid::from_raw),
            process,
            has_ended: false,
            stdin: None,
            stdout: None,
            stderr: None,
        };
        // From here on it is killed should anything fail.
        let process = &mut child.process;
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        let stderr = process.stderr.take();
        let sender = |pipe| pipe::Sender::from_owned_fd(OwnedFd::from(pipe));
        child.stdin = stdin.map(sender).transpose()?;
        let receiver = pipe::Receiver::from_owned_fd;
        child.stdout = stdout.map(OwnedFd::from).map(receiver).transpose()?;
        child.stderr = stderr.map(OwnedFd::from).map(receiver).transpose()?;
        Ok(child)
    }

    /// Its number; nobody else's until it has been waited for.
    pub(super) const fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// Waits until it has ended.
    pub(super) async fn wait(&mut self) {
        let mut look = FIRST_LOOK;
        // An error is that there is nothing to be waited for.
        while matches!(self.process.try_wait(), Ok(None)) {
            tokio::time::sleep(look).await;
            look = (look * 2).min(LAST_LOOK);
        }
        self.has_ended = true;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let _ = self.process.kill();
        // It ends at once, mostly, and stays in the system's table until it is waited for. What
        // is never waited for goes with the server.
        if let (Ok(None), Some(pid)) = (self.process.try_wait(), self.pid) {
            let wait = move || waitpid(Some(pid), WaitOptions::empty());
            let _ = thread::Builder::new().name("reaper".into()).spawn(wait);
        }
    }
}
