//! The one system call that no safe crate of ours has, and the list of a process's threads.
//!
//! By its number and not by the C library's function of the same name: musl's always fails, since
//! by POSIX it is about processes, and Linux's is about threads.

use std::fs;
use std::io;

/// How a thread is scheduled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Policy {
    /// SCHED_OTHER.
    Ordinary,
    /// SCHED_FIFO, inherited by the threads that it starts.
    Fifo(u8),
    /// The same, not inherited.
    FifoOfThisThreadAlone(u8),
}

pub(super) const NO_SUCH_THREAD: i32 = libc::ESRCH;

/// Sets the policy of a thread; 0 is the calling one.
#[cfg(target_os = "linux")]
pub(super) fn set(thread: libc::pid_t, policy: Policy) -> io::Result<()> {
    /// `struct sched_param` of the kernel; musl's has more in it.
    #[repr(C)]
    struct Param {
        priority: libc::c_int,
    }

    let (policy, priority) = match policy {
        Policy::Ordinary => (libc::SCHED_OTHER, 0),
        Policy::Fifo(priority) => (libc::SCHED_FIFO, priority),
        Policy::FifoOfThisThreadAlone(priority) => {
            (libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK, priority)
        }
    };
    let param = Param {
        priority: priority.into(),
    };
    #[expect(
        unsafe_code,
        reason = "neither rustix nor nix has sched_setscheduler, and std has no system calls"
    )]
    // SAFETY: three arguments as sched_setscheduler(2) has them; the kernel reads `param`, which
    // outlives the call, and keeps no pointer to it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_sched_setscheduler,
            thread,
            policy,
            &raw const param,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Other systems name and number this differently, and none of them was tried.
#[cfg(not(target_os = "linux"))]
pub(super) fn set(_thread: libc::pid_t, _policy: Policy) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The threads of a process.
pub(super) fn threads(pid: u32) -> io::Result<Vec<libc::pid_t>> {
    fs::read_dir(format!("/proc/{pid}/task"))?
        .map(|entry| {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.parse().ok());
            id.ok_or_else(|| io::ErrorKind::InvalidData.into())
        })
        .collect()
}
