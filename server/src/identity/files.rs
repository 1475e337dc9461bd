//! Log files that are root's to make: handed over to the user that will write them.
//!
//! `/var/log` is root's, and a server that is nobody by then could not make a file in it. One that
//! root makes there and gives away is written by that user as long as it has its name. What is in
//! a directory that others may change is left alone: a file there could be a link to any other,
//! which root would then give away (CVE-2016-1247 was such a gift).

use std::io;
use std::path::Path;

use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Stat, Uid, fchown, fstat, openat, stat};
use rustix::io::Errno;

/// Makes the file if there is none, and gives it to the user and its group; does nothing where it
/// is not for root alone to say what the file is.
pub(super) fn hand_over(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // One that is not there is told of by whoever opens the file.
    let is_roots = stat(parent).is_ok_and(|parent| is_for_root_alone(&parent));
    if !is_roots {
        return Ok(());
    }
    // Not a link, and not waiting for anybody at the other end of a FIFO.
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let file = match openat(CWD, path, flags, MODE) {
        Ok(file) => file,
        Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let found = fstat(&file)?;
    let is_plain = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if is_plain && found.st_nlink == 1 && found.st_uid != uid {
        fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    Ok(())
}

/// Whether nobody else can put anything there.
fn is_for_root_alone(directory: &Stat) -> bool {
    let others = (Mode::WGRP | Mode::WOTH).as_raw_mode();
    directory.st_uid == 0 && directory.st_mode & others == 0
}

/// 0640: log lines are nobody's business (CVE-2013-0348 was thttpd's).
const MODE: Mode = Mode::from_raw_mode(0o640);

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use rustix::process::geteuid;
    use tempfile::TempDir;

    use super::*;

    /// A directory with these permissions, which is root's if the test is.
    fn directory(mode: u32) -> TempDir {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
        dir
    }

    #[test]
    fn a_file_in_roots_directory_is_made_and_given_away() {
        let dir = directory(0o755);
        let path = dir.path().join("log");

        hand_over(&path, 65534, 65534).unwrap();

        if !geteuid().is_root() {
            assert!(!path.exists());
            return;
        }
        let made = fs::metadata(&path).unwrap();
        assert_eq!(
            (made.uid(), made.gid(), made.mode() & 0o777),
            (65534, 65534, 0o640)
        );
        // And one that is there.
        let other = dir.path().join("other");
        fs::write(&other, "line\n").unwrap();
        hand_over(&other, 65534, 65534).unwrap();
        assert_eq!(fs::metadata(&other).unwrap().uid(), 65534);
        assert_eq!(fs::read(&other).unwrap(), b"line\n");
    }

    #[test]
    fn what_is_no_log_or_in_a_place_of_others_is_left_alone() {
        let (own, shared) = (directory(0o755), directory(0o777));
        let target = own.path().join("target");
        fs::write(&target, "").unwrap();
        let link = own.path().join("link");
        symlink(&target, &link).unwrap();
        let hard = own.path().join("hard");
        fs::hard_link(&target, &hard).unwrap();
        let before = fs::metadata(&target).unwrap().uid();

        for path in [
            &link,
            &hard,
            &shared.path().join("log"),
            &own.path().to_owned(),
        ] {
            hand_over(path, 65534, 65534).unwrap();
        }

        assert_eq!(fs::metadata(&target).unwrap().uid(), before);
        assert!(!shared.path().join("log").exists());
        hand_over(Path::new("/no such directory/log"), 65534, 65534).unwrap();
    }
}
