//! The kernel's account of each thread of the process: `/proc/self/task/*/status`.

use std::io::Read as _;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use rustix::process::{getegid, geteuid};

/// The threads, held open so that they can be read from within a chroot too.
#[derive(Debug)]
pub(super) struct Threads(Option<OwnedFd>);

impl Threads {
    pub(super) fn open() -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self(openat(CWD, "/proc/self/task", flags, Mode::empty()).ok())
    }

    /// Whether all of them are this user and group, and may nothing that root may; or what is
    /// left. Where there is no `/proc`, this thread alone is asked.
    pub(super) fn check(&self, uid: u32, gid: u32) -> Result<(), String> {
        let Some(directory) = &self.0 else {
            let (now, group) = (geteuid().as_raw(), getegid().as_raw());
            return match (now, group) == (uid, gid) {
                true => Ok(()),
                false => Err(format!("it is user {now} and group {group}")),
            };
        };
        let unreadable = |error| format!("/proc/self/task cannot be read: {error}");
        for entry in Dir::read_from(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let path = format!("{name}/status");
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            // One that cannot be opened has ended meanwhile.
            let Ok(file) = openat(directory, path, flags, Mode::empty()) else {
                continue;
            };
            let mut status = String::new();
            if std::fs::File::from(file)
                .read_to_string(&mut status)
                .is_ok()
            {
                check_one(&status, uid, gid).map_err(|found| format!("thread {name} {found}"))?;
            }
        }
        Ok(())
    }
}

/// Looks at what `status` says of one thread.
fn check_one(status: &str, uid: u32, gid: u32) -> Result<(), String> {
    let line = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    for (name, wanted) in [("Uid", uid), ("Gid", gid)] {
        let found = line(name).unwrap_or_default();
        // Real, effective, saved, and of the file system.
        let mut numbers = found.split_whitespace().map(str::parse);
        let are_four = numbers.clone().count() == 4;
        if !are_four || !numbers.all(|number| number == Ok(wanted)) {
            return Err(format!("has {name}:{found} and not {wanted}"));
        }
    }
    if uid == 0 {
        return Ok(());
    }
    for name in ["CapPrm", "CapEff", "CapAmb"] {
        if let Some(found) = line(name)
            && found.trim().bytes().any(|digit| digit != b'0')
        {
            return Err(format!("has {name}:{found} and not none"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "Name:\trthttpd\nTgid:\t7\nUid:\t65534\t65534\t65534\t65534\n\
        Gid:\t65533\t65533\t65533\t65533\nGroups:\t65533 \n\
        CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n\
        CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n";

    #[test]
    fn a_thread_is_all_of_somebody_or_not_at_all() {
        assert_eq!(check_one(NOBODY, 65534, 65533), Ok(()));

        for (from, to, named) in [
            ("Uid:\t65534\t65534\t65534", "Uid:\t65534\t65534\t0", "Uid"),
            ("Uid:\t65534", "Uid:\t0", "Uid"),
            ("Uid:\t65534\t", "Uid:\t", "Uid"),
            ("Uid:", "uid:", "Uid"),
            ("Gid:\t65533\t65533", "Gid:\t65533\t0", "Gid"),
            ("CapPrm:\t0", "CapPrm:\t2", "CapPrm"),
            ("CapEff:\t0", "CapEff:\t1", "CapEff"),
            ("CapAmb:\t0", "CapAmb:\t1", "CapAmb"),
        ] {
            let status = NOBODY.replacen(from, to, 1);
            let found = check_one(&status, 65534, 65533).unwrap_err();
            assert!(found.contains(named), "{found}");
        }
    }

    #[test]
    fn the_threads_of_this_process_are_all_of_one_user() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let threads = Threads::open();

        assert!(threads.0.is_some());
        if uid == 0 {
            assert_eq!(threads.check(uid, gid), Ok(()));
        }
        assert!(threads.check(uid + 1, gid).is_err());
    }

    #[test]
    fn without_proc_the_thread_itself_is_asked() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let threads = Threads(None);

        assert_eq!(threads.check(uid, gid), Ok(()));
        assert!(threads.check(uid + 1, gid).is_err());
    }
}
