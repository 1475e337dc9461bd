//! One run of a program: started in a process group of its own, and ended with all of it.
//!
//! A script that is to be stopped has often started others, which hold its output open and would
//! outlive it (thttpd stopped the script alone). So the group is told to end, and after a while
//! made to. It is there as long as its first process has not been waited for, so that no signal
//! meets a stranger with the same number.
//!
//! Nothing is inherited: all descriptors are closed by exec; caught signals are the system's again
//! after it, and Rust's library unblocks all of them and has PIPE end a process again.

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, setpriority_process, waitid,
};
use tokio::net::unix::pipe;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::child::Child;
use super::complaints::Complaints;
use crate::worker::Worker;

/// What a program is started as.
#[derive(Debug)]
pub(crate) struct Start {
    /// Its file, an absolute path.
    pub(crate) file: OsString,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// It has content to read.
    pub(crate) has_content: bool,
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    group: Option<Pid>,
    complaints: Complaints,
    deadline: Instant,
    worker: Rc<Worker>,
    _place: OwnedSemaphorePermit,
}

/// thttpd's `CGI_NICE`: serving files goes before.
const NICE: i32 = 10;

/// As long as thttpd waits after it has told a script to end.
const GRACE: Duration = Duration::from_secs(5);

/// How often is looked whether a program has ended that was told to: rarely is there any.
const LOOK: Duration = Duration::from_millis(20);

impl Start {
    /// Starts it. To be called where waiting is allowed, as exec waits for the disk.
    pub(crate) fn run(self) -> io::Result<Child> {
        let mut command = Command::new(&self.file);
        if let Some(directory) = Path::new(&self.file).parent() {
            command.current_dir(directory);
        }
        let stdin = if self.has_content {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        command
            .env_clear()
            .envs(self.environment)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = Child::start(&mut command)?;
        if let Some(pid) = child.pid() {
            // It is a favour to the others; the program runs as well without it.
            let _ = setpriority_process(Some(pid), NICE);
        }
        Ok(child)
    }
}

impl Program {
    /// Takes charge of `child`, the program `script`, which may run until `deadline`.
    pub(crate) fn new(
        mut child: Child,
        script: String,
        deadline: Instant,
        worker: Rc<Worker>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        if let Some(counters) = worker.counters() {
            counters.programs_started.add(1);
        }
        Self {
            group: child.pid(),
            complaints: Complaints::new(child.stderr.take(), script),
            child,
            deadline,
            worker,
            _place: place,
        }
    }

    /// Where its content is written to, once.
    pub(crate) fn stdin(&mut self) -> Option<pipe::Sender> {
        self.child.stdin.take()
    }

    /// Where its output is read from, once.
    pub(crate) fn stdout(&mut self) -> Option<pipe::Receiver> {
        self.child.stdout.take()
    }

    /// Says what is wrong with it.
    pub(crate) fn complain(&self, reason: &str) {
        tracing::error!("{}: {reason}", self.complaints.script());
    }

    /// Passes its complaints on while something else is waited for.
    pub(crate) fn poll_complaints(&mut self, cx: &mut Context<'_>) {
        self.complaints.poll(cx);
    }

    /// Lets it end, in the time it has, now that its output has.
    pub(crate) async fn finish(mut self) {
        let deadline = self.deadline;
        if timeout_at(deadline, self.exited()).await.is_err() {
            self.stop().await;
        }
    }

    /// Has it end.
    pub(crate) async fn stop(mut self) {
        if let Some(counters) = self.worker.counters() {
            counters.programs_killed.add(1);
        }
        self.signal(Signal::TERM);
        let forced = Instant::now() + GRACE;
        while !self.is_dead() && Instant::now() < forced {
            let look = Instant::now() + LOOK;
            let _ = timeout_at(look, std::future::poll_fn(|cx| self.poll_nothing(cx))).await;
        }
        self.signal(Signal::KILL);
        self.exited().await;
    }

    fn poll_nothing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.complaints.poll(cx);
        Poll::Pending
    }

    /// Waits until it has ended, reading its complaints meanwhile.
    async fn exited(&mut self) {
        let (child, complaints) = (&mut self.child, &mut self.complaints);
        let mut wait = std::pin::pin!(child.wait());
        std::future::poll_fn(|cx| {
            complaints.poll(cx);
            wait.as_mut().poll(cx).map(drop)
        })
        .await;
        self.group = None;
    }

    /// Whether its first process has ended, which is not waited for yet.
    fn is_dead(&self) -> bool {
        let Some(pid) = self.group else {
            return true;
        };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), look), Ok(None))
    }

    /// Sends it to all that it has started, unless they have left its group.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Fails only when nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Its connection has ended, and the runtime waits for what is left of it.
        self.signal(Signal::KILL);
        if let Some(counters) = self.worker.counters() {
            counters.programs_ended.add(1);
        }
    }
}
