//! A regular file that was opened: the state it is in, and its content if it is small.
//!
//! How it was found, and what lies beside it, is not known here.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, Stat};
use rustix::io::{Errno, ReadWriteFlags};

use super::root::is_memory;
use super::{Handle, LookupError, MediaType, Patience};

/// Files up to this size are served from memory, larger ones by `sendfile`.
///
/// Measured over loopback, microseconds of CPU for a request from memory and by
/// `sendfile`: 4 KiB 4 and 8, 32 KiB 6 and 9, 64 KiB 10 and 10, 512 KiB 92 and 52.
pub(super) const SMALL_FILE_MAX: u64 = 64 * 1024;

/// A regular file.
#[derive(Debug)]
pub(crate) enum File {
    /// Small enough to be kept in memory, whole.
    Small(SmallFile),
    /// To be sent from its descriptor.
    Large(LargeFile),
}

/// A file in memory.
#[derive(Debug)]
pub(crate) struct SmallFile {
    pub(crate) stamp: Stamp,
    pub(crate) media_type: MediaType,
    pub(crate) content: Vec<u8>,
}

/// A file held open.
#[derive(Clone, Debug)]
pub(crate) struct LargeFile {
    pub(crate) stamp: Stamp,
    pub(crate) media_type: MediaType,
    pub(crate) handle: Arc<Handle>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    /// The size in bytes.
    pub(crate) size: u64,
    /// The time of the last modification, in seconds since 1970.
    pub(crate) modified: i64,
    /// Its part below a second.
    pub(crate) modified_nanos: u32,
    /// The time of the last change of any kind, which nobody can set: seconds.
    changed: i64,
    changed_nanos: u32,
}

/// What tells files that are there at the same time apart, whatever their names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl File {
    pub(super) fn new(
        descriptor: OwnedFd,
        status: &Stat,
        media_type: MediaType,
        patience: Patience,
    ) -> Result<Self, LookupError> {
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(LookupError::Forbidden(Errno::NXIO));
        }
        let mut stamp = Stamp::of(status);
        if stamp.size > SMALL_FILE_MAX {
            return Ok(Self::Large(LargeFile {
                stamp,
                media_type,
                handle: Arc::new(Handle::new(descriptor)),
            }));
        }
        let size = usize::try_from(stamp.size).unwrap_or(usize::MAX);
        let mut content = vec![0; size];
        let read = read_at(&descriptor, &mut content, 0, patience)?;
        // Whoever writes it anew in place has cut it since: then it is what it is now.
        content.truncate(read);
        stamp.size = read as u64;
        Ok(Self::Small(SmallFile {
            stamp,
            media_type,
            content,
        }))
    }

    /// The state it is in.
    pub(crate) const fn stamp(&self) -> &Stamp {
        match self {
            Self::Small(file) => &file.stamp,
            Self::Large(file) => &file.stamp,
        }
    }

    /// What it is.
    pub(crate) const fn media_type(&self) -> MediaType {
        match self {
            Self::Small(file) => file.media_type,
            Self::Large(file) => file.media_type,
        }
    }
}

impl LargeFile {
    /// Whether it is in the state in which it was opened: nobody has written to it, and it has
    /// the names that it had.
    pub(crate) fn is_unchanged(&self) -> bool {
        rustix::fs::fstat(&self.handle.descriptor)
            .is_ok_and(|status| Stamp::of(&status) == self.stamp)
    }
}

impl Stamp {
    pub(crate) fn of(status: &Stat) -> Self {
        Self {
            device: status.st_dev,
            inode: status.st_ino,
            size: u64::try_from(status.st_size).unwrap_or(0),
            modified: status.st_mtime,
            modified_nanos: u32::try_from(status.st_mtime_nsec).unwrap_or(0),
            changed: status.st_ctime,
            changed_nanos: u32::try_from(status.st_ctime_nsec).unwrap_or(0),
        }
    }

    /// Which file it is of.
    pub(crate) const fn file(&self) -> FileId {
        FileId {
            device: self.device,
            inode: self.inode,
        }
    }

    /// Whether the file was last changed so shortly before `now` (seconds since
    /// 1970) that another change could carry the same times: the clock of a file
    /// system ticks in milliseconds, some in whole seconds.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.changed.max(self.modified) >= now.saturating_sub(2)
    }
}

/// Fills `into` from `offset` on, or as much of it as there is; says how much.
///
/// # Errors
///
/// [`LookupError::WouldBlock`] when it is not all in memory and must be.
pub(crate) fn read_at(
    descriptor: &OwnedFd,
    into: &mut [u8],
    offset: u64,
    patience: Patience,
) -> Result<usize, LookupError> {
    let mut flags = match patience {
        Patience::Cached => ReadWriteFlags::NOWAIT,
        Patience::Waiting => ReadWriteFlags::empty(),
    };
    let mut done = 0;
    while let Some(rest @ [_, ..]) = into.get_mut(done..) {
        let at = offset + done as u64;
        match rustix::io::preadv2(descriptor, &mut [IoSliceMut::new(rest)], at, flags) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            // Not every file system can say whether it would wait.
            Err(Errno::OPNOTSUPP) if is_memory(descriptor) => flags = ReadWriteFlags::empty(),
            Err(Errno::OPNOTSUPP) => return Err(LookupError::WouldBlock),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(done)
}
