//! A file that lines are added to, which may be standard output.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{LocalCounters, Pending};

/// An open file, and by which name it is opened again.
#[derive(Debug)]
pub(super) struct LogFile {
    /// Standard output has none.
    path: Option<PathBuf>,
    file: File,
    /// A pipe or a terminal may take nothing for as long as it pleases.
    is_regular: bool,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::of(open(path)?, Some(path.to_owned()))
    }

    pub(super) fn stdout() -> io::Result<Self> {
        let file = io::stdout().as_fd().try_clone_to_owned()?;
        Self::of(file.into(), None)
    }

    fn of(file: File, path: Option<PathBuf>) -> io::Result<Self> {
        let is_regular = file.metadata()?.is_file();
        Ok(Self {
            path,
            file,
            is_regular,
        })
    }

    /// Opens it again by its name; on failure it stays as it is.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            *self = Self::open(path)?;
        }
        Ok(())
    }

    /// Writes all that waits, or as much as is taken within [`PATIENCE`] at a time.
    pub(super) fn write(&self, pending: &mut Pending, counters: &LocalCounters) -> io::Result<()> {
        while !pending.is_empty() {
            let rest = pending.rest();
            let piece = if self.is_regular {
                rest
            } else if self.takes_some()? {
                rest.get(..PIPE_BUF).unwrap_or(rest)
            } else {
                return Ok(());
            };
            match rustix::io::write(&self.file, piece) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => counters.written(pending.advance(len), len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether the reader makes room in time for as much as is written at once.
    fn takes_some(&self) -> io::Result<bool> {
        let mut asked = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut asked, Some(&PATIENCE)) {
            // A reader that is gone shows when it is written to.
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        // Log lines are nobody's business: CVE-2013-0348 was thttpd's.
        .mode(0o640)
        // A pipe without a reader is an error then; it would be waited for otherwise.
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// A tenth of a second: the stop is not late for a reader that has stopped reading.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A pipe that is ready takes so much without waiting (POSIX `PIPE_BUF` on Linux).
const PIPE_BUF: usize = 4096;
