//! Real-time priority for the threads that must not be late: SCHED_FIFO, by `sched(7)`.
//!
//! A reader of a Spread daemon that does not get to run while 1,000 messages queue up is thrown
//! out, and a daemon that does not get to run is taken for dead by the others. A thread under
//! SCHED_FIFO runs before all ordinary ones. Nothing is locked into memory and no processor is
//! reserved here; what is chosen, and for whom, is for the operator.
//!
//! ```text
//! enter          the calling thread; threads it starts are ordinary ones
//! set_process    all threads of another process, as /proc/PID/task lists them
//! ```

mod system;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::str::FromStr;

use self::system::Policy;

/// A priority of SCHED_FIFO: 1 to 99, the higher one runs first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Priority(u8);

impl Priority {
    /// 10: any priority is before all ordinary threads, and this one leaves what the kernel has at
    /// 50, handlers of interrupts that bring the packets, and its watchdogs at 99, before us.
    pub const DEFAULT: Self = Self(10);
    const MIN: u8 = 1;
    const MAX: u8 = 99;

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    fn from_str(text: &str) -> Result<Self, PriorityError> {
        let number = text.parse().ok();
        let number = number.filter(|number| (Self::MIN..=Self::MAX).contains(number));
        number
            .map(Self)
            .ok_or_else(|| PriorityError(text.to_owned()))
    }
}

/// What is no priority.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no real-time priority: choose from 1 to 99, the higher one runs first")]
pub struct PriorityError(String);

/// Why the priority of a thread is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RealtimeError {
    /// The process may not do that.
    #[error(
        "real-time priority {priority} is not permitted: it needs CAP_SYS_NICE, or a limit \
         RLIMIT_RTPRIO of {priority} (`ulimit -r`; in a systemd unit LimitRTPRIO={priority} and no \
         RestrictRealtime=); a container must be given the capability (`--cap-add SYS_NICE`), and \
         its cgroup may allow none at all"
    )]
    NotPermitted {
        /// What was asked for.
        priority: Priority,
    },
    /// Somebody else's process cannot be made an ordinary one either.
    #[error("not permitted: the process is not ours, so this needs CAP_SYS_NICE")]
    NotOurs,
    /// There is none of that number, or it is not shown to us.
    #[error("there is no process {pid}, or none that is shown to us (another container, hidepid)")]
    NoSuchProcess {
        /// Which was asked for.
        pid: u32,
    },
    /// New threads came faster than they could be set.
    #[error("process {pid} starts new threads all the time, and some were missed: try again")]
    Restless {
        /// Which was asked for.
        pid: u32,
    },
    /// The system has no such scheduling, or its seccomp filter refuses the call.
    #[error("the system does not do it")]
    System(#[from] io::Error),
}

/// Runs the calling thread at `priority` from now on.
///
/// The threads it starts are ordinary ones: what they do, looking names up or writing to a disk,
/// is nothing that others should wait for.
///
/// # Errors
/// When the system refuses; the thread then runs as before.
pub fn enter(priority: Priority) -> Result<(), RealtimeError> {
    let policy = Policy::FifoOfThisThreadAlone(priority.0);
    system::set(0, policy).map_err(|error| refused(error, Some(priority)))
}

/// Sets all threads of a process, and gives their number: to a priority, or without one back to
/// ordinary scheduling. Threads that it starts later inherit it from the one that starts them.
///
/// # Errors
/// When there is no such process, or the system refuses; some threads may then have been set.
pub fn set_process(pid: u32, priority: Option<Priority>) -> Result<usize, RealtimeError> {
    let policy = match priority {
        Some(priority) => Policy::Fifo(priority.0),
        None => Policy::Ordinary,
    };
    let mut set = HashSet::new();
    // A thread may be started, by one that is not set yet, after the list was read.
    for _ in 0..PASSES_MAX {
        let threads = system::threads(pid).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RealtimeError::NoSuchProcess { pid },
            _ => RealtimeError::System(error),
        })?;
        let new: Vec<_> = threads.into_iter().filter(|id| !set.contains(id)).collect();
        if new.is_empty() {
            return Ok(set.len());
        }
        for thread in new {
            match system::set(thread, policy) {
                Ok(()) => drop(set.insert(thread)),
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(system::NO_SUCH_THREAD) => {}
                Err(error) => return Err(refused(error, priority)),
            }
        }
    }
    Err(RealtimeError::Restless { pid })
}

fn refused(error: io::Error, priority: Option<Priority>) -> RealtimeError {
    match (error.kind(), priority) {
        (io::ErrorKind::PermissionDenied, Some(priority)) => {
            RealtimeError::NotPermitted { priority }
        }
        (io::ErrorKind::PermissionDenied, None) => RealtimeError::NotOurs,
        _ => RealtimeError::System(error),
    }
}

/// 64: the second pass of a process at rest finds nothing new, so only one that starts threads
/// without end, each within the microseconds of a pass, gets here.
const PASSES_MAX: usize = 64;

#[cfg(test)]
mod tests;
