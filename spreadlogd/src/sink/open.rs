//! Opening a path to append lines to, whatever is there.
//!
//! The descriptor never blocks a writer: a FIFO or terminal that takes no more says so, and its
//! lines wait. Only regular files are locked; a device or FIFO may have other writers by nature.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::lock::{self, Holder, Locked};

/// A log file that cannot be written to, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The directory is missing and cannot be made.
    #[error("cannot make the directory {}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be opened for writing.
    #[error("cannot open the log file {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file system takes no locks.
    #[error("cannot lock the log file {}", .path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another writer has it.
    #[error(
        "the log file {} is being written by {}: stop that one, or choose another file",
        .path.display(),
        .holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Held {
        /// The file.
        path: PathBuf,
        /// Who has it, where the system tells.
        holder: Option<Holder>,
    },
}

/// Whether log files are locked against other writers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Locking {
    /// One writer per file: a file that another writer holds is refused.
    #[default]
    Exclusive,
    /// No locks are taken or respected, for file systems without them.
    None,
}

/// What an open file is, whatever path led to it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

impl Identity {
    /// No file's: inodes are counted from 1.
    pub(crate) const GONE: Self = Self {
        device: 0,
        inode: 0,
    };

    /// What `path` leads to now.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&path.metadata()?))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A file opened for appending, locked if it is a regular one.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) file: File,
    pub(crate) identity: Identity,
    /// A regular file under our lock: nobody else writes to it, it has a length, and what was
    /// written can be cut off.
    pub(super) is_ours: bool,
}

impl Target {
    /// Opens `path`, unless it leads to one of `known`, which is then the answer.
    ///
    /// # Errors
    /// When the file cannot be opened, or is another writer's.
    pub(crate) fn open(
        path: &Path,
        (locking, mode): (Locking, Option<u32>),
        known: impl Fn(Identity) -> bool,
    ) -> Result<Opened, SinkError> {
        make_parent(path)?;
        let failed = |source| SinkError::Open {
            path: path.to_owned(),
            source,
        };
        let file = open_to_append(path, mode.unwrap_or(FILE_MODE)).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let identity = Identity::of(&metadata);
        if known(identity) {
            return Ok(Opened::Known(identity));
        }
        let is_regular = metadata.is_file();
        if is_regular && locking == Locking::Exclusive {
            let path = path.to_owned();
            match lock::lock(&file) {
                Ok(Locked::Yes) => {}
                Ok(Locked::Held(holder)) => return Err(SinkError::Held { path, holder }),
                Err(source) => return Err(SinkError::Lock { path, source }),
            }
        }
        Ok(Opened::New(Self {
            file,
            identity,
            is_ours: is_regular && locking == Locking::Exclusive,
        }))
    }
}

impl Target {
    /// Since when it is written to, as far as that can be told: what is in it is that old at most.
    pub(super) fn begun(&self) -> SystemTime {
        let metadata = self.file.metadata();
        let used = metadata.ok().filter(|metadata| metadata.len() > 0);
        let begun = used.and_then(|used| used.created().or_else(|_| used.modified()).ok());
        begun.unwrap_or_else(SystemTime::now)
    }

    /// Where the next byte goes, in a file of ours.
    pub(super) fn end(&self) -> u64 {
        let length = if self.is_ours { self.length() } else { Ok(0) };
        length.unwrap_or_default()
    }

    /// Bytes in the file; of what is no regular file that is 0.
    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// What opening a path led to.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A file that was not open here.
    New(Target),
    /// A file that is open here already.
    Known(Identity),
}

/// Makes the directories of a file that lines name, all that are missing: who writes
/// `logs/%Y/%m/access_log` means that.
pub(super) fn make_directories(path: &Path) -> Result<(), SinkError> {
    let Some(parent) = path.parent().filter(|parent| !parent.exists()) else {
        return Ok(());
    };
    let made = DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(parent);
    made.map_err(|source| SinkError::Directory {
        path: parent.to_owned(),
        source,
    })
}

/// Makes the directory of a log file if it alone is missing. More than that is not made: a
/// path with two missing directories is misspelt, or on a disk that is not mounted.
fn make_parent(path: &Path) -> Result<(), SinkError> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(());
    };
    if parent.exists() {
        return Ok(());
    }
    let made = DirBuilder::new().mode(DIRECTORY_MODE).create(parent);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(SinkError::Directory {
            path: parent.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

fn open_to_append(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.mode(mode).custom_flags(flags());
    let opened = options.clone().append(true).create(true).open(path);
    // A FIFO that nobody reads yet (ENXIO): held open from both sides it takes lines, as many as
    // the system keeps, until a reader comes.
    let is_fifo = || path.metadata().is_ok_and(|m| m.file_type().is_fifo());
    match opened {
        Err(error) if error.raw_os_error() == Some(NO_READER) && is_fifo() => {
            options.read(true).write(true).open(path)
        }
        other => other,
    }
}

fn flags() -> i32 {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.bits().cast_signed()
}

const NO_READER: i32 = rustix::io::Errno::NXIO.raw_os_error();

/// Log files name visitors: readable for the owner and the group that administers them.
const FILE_MODE: u32 = 0o640;

/// The same for a directory made for them.
const DIRECTORY_MODE: u32 = 0o750;
