//! The lock on a log file: `flock`, exclusive, as the original takes it.
//!
//! Two spreadlogds that append to one file write every line twice. The lock is on the open file,
//! so it goes with the process however that ends; the original and ours respect each other's.
//! `flock` does not say who holds a file: on Linux `/proc/locks` does.

use std::fmt;
use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A process that holds a lock which we wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The name of its program, where that can be read.
    pub program: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            Some(program) => write!(f, "process {} ({program})", self.pid),
            None => write!(f, "process {}", self.pid),
        }
    }
}

/// What came of wanting a lock.
#[derive(Debug)]
pub(crate) enum Locked {
    /// It is ours.
    Yes,
    /// It is another's; whose, where the system tells.
    Held(Option<Holder>),
}

/// Takes the exclusive lock of `file`, without waiting for it.
pub(crate) fn lock(file: &File) -> io::Result<Locked> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Locked::Yes),
        Err(Errno::WOULDBLOCK) => Ok(Locked::Held(holder(file))),
        Err(error) => Err(error.into()),
    }
}

/// Whether another process holds the lock of `file`, which is not taken, and who where that is
/// known.
#[cfg(target_os = "linux")]
pub(crate) fn held(file: &File) -> Option<Option<Holder>> {
    holder(file).map(Some)
}

/// The same where the system does not tell: only wanting a lock shows that it is held, so it is
/// had for a moment, shared.
#[cfg(not(target_os = "linux"))]
pub(crate) fn held(file: &File) -> Option<Option<Holder>> {
    let locked = flock(file, FlockOperation::NonBlockingLockShared);
    matches!(locked, Err(Errno::WOULDBLOCK)).then_some(None)
}

#[cfg(not(target_os = "linux"))]
fn holder(_file: &File) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
fn holder(file: &File) -> Option<Holder> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = file.metadata().ok()?;
    let device = (
        rustix::fs::major(metadata.dev()),
        rustix::fs::minor(metadata.dev()),
    );
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let pid = holder_in(&locks, device, metadata.ino())?;
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm"));
    Some(Holder {
        pid,
        program: program.ok().map(|name| name.trim_end().to_owned()),
    })
}

/// Finds the holder in the text of `/proc/locks`, whose lines are
/// `1: FLOCK  ADVISORY  WRITE 4711 08:01:131073 0 EOF`, the device in hexadecimal.
///
/// Overlay and btrfs files show another device there than `stat` does, so that a single lock on
/// the same inode number is taken for it where none is on the same device.
#[cfg(target_os = "linux")]
fn holder_in(locks: &str, device: (u32, u32), inode: u64) -> Option<u32> {
    let mut by_inode = Vec::new();
    for line in locks.lines() {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (Some("FLOCK"), Some(_), Some("WRITE"), Some(pid), Some(place)) = (
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ) else {
            continue;
        };
        let mut place = place.split(':');
        let major = place.next().and_then(|n| u32::from_str_radix(n, 16).ok());
        let minor = place.next().and_then(|n| u32::from_str_radix(n, 16).ok());
        if place.next().and_then(|n| n.parse().ok()) != Some(inode) {
            continue;
        }
        // 0 and -1: a process that this PID namespace cannot see.
        let Some(pid) = pid.parse().ok().filter(|&pid| pid > 0) else {
            continue;
        };
        if (major, minor) == (Some(device.0), Some(device.1)) {
            return Some(pid);
        }
        by_inode.push(pid);
    }
    match by_inode.as_slice() {
        [pid] => Some(*pid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_holder_is_found_among_all_locks() {
        const LOCKS: &str = "\
1: POSIX  ADVISORY  WRITE 11 08:01:77 0 EOF
2: FLOCK  ADVISORY  READ  12 08:01:77 0 EOF
2: -> FLOCK  ADVISORY  WRITE 19 08:01:77 0 EOF
3: FLOCK  ADVISORY  WRITE 13 08:02:77 0 EOF
4: FLOCK  ADVISORY  WRITE 14 08:01:77 0 EOF
5: FLOCK  ADVISORY  WRITE 15 fd:1f:78 0 EOF
6: FLOCK  ADVISORY  WRITE 0 08:01:79 0 EOF
7: nonsense
";
        assert_eq!(holder_in(LOCKS, (8, 1), 77), Some(14));
        assert_eq!(holder_in(LOCKS, (8, 2), 77), Some(13));
        assert_eq!(holder_in(LOCKS, (0xfd, 0x1f), 78), Some(15));
        // Another device by its own account: one candidate is enough, two are not.
        assert_eq!(holder_in(LOCKS, (0, 42), 78), Some(15));
        assert_eq!(holder_in(LOCKS, (0, 42), 77), None);
        assert_eq!(holder_in(LOCKS, (8, 1), 79), None);
        assert_eq!(holder_in("", (8, 1), 77), None);
    }

    #[test]
    fn a_second_lock_names_the_process_of_the_first() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let first = file.reopen().unwrap();
        assert!(held(&first).is_none());
        assert!(matches!(lock(&first).unwrap(), Locked::Yes));

        let second = lock(&file.reopen().unwrap()).unwrap();
        assert!(held(&file.reopen().unwrap()).is_some());

        let Locked::Held(holder) = second else {
            panic!("{second:?}");
        };
        #[cfg(target_os = "linux")]
        assert_eq!(holder.map(|h| h.pid), Some(std::process::id()));
        #[cfg(not(target_os = "linux"))]
        assert_eq!(holder, None);
    }
}
