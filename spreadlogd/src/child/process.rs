//! One process of a child: its pipes, its end, and signals to it.
//!
//! It has a process group of its own, so that what is sent to it reaches what it has started, and
//! what a terminal sends to us does not reach it. Of our descriptors it gets none but its three;
//! SIGPIPE is as usual in it (std sees to both).

use std::io::{self, IoSlice, PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStderr, ChildStdin, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::program::Program;

/// A process that was started and has not been reaped.
#[derive(Debug)]
pub(super) struct Process {
    child: process::Child,
    pid: Pid,
    stdin: Option<ChildStdin>,
    stderr: Option<ChildStderr>,
    /// Hangs up when the process has ended.
    exit: PipeReader,
    pub(super) since: Instant,
}

/// What there is to do for a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Events {
    /// Nobody reads its pipe any more.
    pub(super) is_deaf: bool,
    pub(super) has_said: bool,
    pub(super) has_ended: bool,
    /// There is something in the inbox.
    pub(super) is_woken: bool,
}

impl Process {
    pub(super) fn start(program: &Program, now: Instant) -> io::Result<Self> {
        let mut command = program.to_command();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = spawn(&mut command)?;
        let stdin = child.stdin.take();
        let stderr = child.stderr.take();
        match watch(&child, stdin.as_ref(), stderr.as_ref()) {
            Ok((pid, exit)) => Ok(Self {
                child,
                pid,
                stdin,
                stderr,
                exit,
                since: now,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for something to do, for `woken` to have something, or for `timeout` to pass.
    pub(super) fn wait(
        &self,
        woken: &PipeReader,
        is_writing: bool,
        timeout: Option<&Timespec>,
    ) -> Events {
        let wanted = if is_writing {
            PollFlags::OUT
        } else {
            PollFlags::empty()
        };
        let mut fds = vec![
            PollFd::new(woken, PollFlags::IN),
            PollFd::new(&self.exit, PollFlags::IN),
        ];
        fds.extend(self.stdin.iter().map(|fd| PollFd::new(fd, wanted)));
        fds.extend(self.stderr.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
        // Interrupted or out of memory: there is nothing to do then.
        if poll(&mut fds, timeout).is_err() {
            return Events::default();
        }
        let mut ready = fds.iter().map(PollFd::revents);
        let mut next = |is_there: bool| {
            let none = PollFlags::empty();
            is_there.then(|| ready.next()).flatten().unwrap_or(none)
        };
        let woken = next(true);
        let exit = next(true);
        let stdin = next(self.stdin.is_some());
        let stderr = next(self.stderr.is_some());
        Events {
            is_deaf: stdin.intersects(GONE),
            has_said: !stderr.is_empty(),
            has_ended: !exit.is_empty(),
            is_woken: !woken.is_empty(),
        }
    }

    /// Writes without waiting; `None` when the pipe takes nothing now.
    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let Some(stdin) = &self.stdin else {
            return Ok(None);
        };
        match rustix::io::writev(stdin, slices) {
            Ok(len) => Ok(Some(len)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes in the pipe that it has not read. 0 where the system does not say.
    pub(super) fn unread(&self) -> u64 {
        let unread = self.stdin.as_ref().map(ioctl_fionread);
        unread.and_then(Result::ok).unwrap_or(0)
    }

    /// Closes the pipe of a process that reads no more, and returns what it has not read. When
    /// another still reads it, one that this one has started, everything in it is that one's.
    pub(super) fn take_back(&mut self) -> u64 {
        let Some(stdin) = &self.stdin else {
            return 0;
        };
        let mut fds = [PollFd::new(stdin, PollFlags::empty())];
        let alone = spawning();
        let is_gone = poll(&mut fds, Some(&Timespec::default())).is_ok()
            && fds.iter().any(|fd| fd.revents().intersects(GONE));
        let unread = if is_gone { self.unread() } else { 0 };
        drop(alone);
        self.close();
        unread
    }

    /// It reads to the end of what is in the pipe.
    pub(super) fn close(&mut self) {
        self.stdin = None;
    }

    pub(super) const fn is_open(&self) -> bool {
        self.stdin.is_some()
    }

    /// What it has said since, or part of it.
    pub(super) fn read_complaints(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; SAID_MAX];
        let read = self.stderr.as_mut().map(|stderr| stderr.read(&mut bytes));
        let len = match read {
            Some(Ok(len)) if len > 0 => len,
            Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The end, or something that will not become better.
            _ => {
                self.stderr = None;
                0
            }
        };
        bytes.truncate(len);
        bytes
    }

    /// To it and all that it has started, if they have not made groups of their own.
    pub(super) fn signal(&self, signal: Signal) {
        // It is not reaped, so its group is nobody else's. An error: there is nobody left in it.
        let _ = kill_process_group(self.pid, signal);
    }

    /// Reaps what has ended.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

/// Starts a process. Until it has got to its program it has a copy of all our descriptors, those
/// of pipes that other threads are just making included.
pub(super) fn spawn(command: &mut process::Command) -> io::Result<process::Child> {
    let _alone = spawning();
    command.spawn()
}

/// While this is held no process of ours is on its way to its program, and seems to read a pipe
/// that is none of its.
fn spawning() -> MutexGuard<'static, ()> {
    static SPAWNING: Mutex<()> = Mutex::new(());
    SPAWNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prepares the pipes, and starts a thread that waits for the end. It does not reap: until that
/// is done the process id is nobody else's.
fn watch(
    child: &process::Child,
    stdin: Option<&ChildStdin>,
    stderr: Option<&ChildStderr>,
) -> io::Result<(Pid, PipeReader)> {
    for fd in [stdin.map(|fd| fd.as_fd()), stderr.map(|fd| fd.as_fd())] {
        fd.map_or(Ok(()), |fd| fcntl_setfl(fd, OFlags::NONBLOCK))?;
    }
    let pid = Pid::from_child(child);
    let (exit, held) = io::pipe()?;
    thread::Builder::new()
        .name("child-exit".into())
        .spawn(move || {
            let until_the_end = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), until_the_end), Err(Errno::INTR)) {}
            drop(held);
        })?;
    Ok((pid, exit))
}

const GONE: PollFlags = PollFlags::ERR.union(PollFlags::HUP);

/// 4 KiB at a time, so that one that says much does not keep its lines waiting.
const SAID_MAX: usize = 4096;
