//! Lines from standard input: Apache's piped logs, or any other program's output.
//!
//! It ends with the input, when every process that has the pipe has closed it. Apache tells its
//! loggers to end (TERM) at every restart, while children of before are still answering requests:
//! so being told is not the end here.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, read};
use rustix::pipe::fcntl_setpipe_size;

use super::handover::{Handover, Patience};
use super::text::Framer;

/// Standard input.
#[derive(Debug)]
pub(super) struct Input {
    file: File,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Nobody writes to it.
    Regular,
    Terminal,
    Other,
}

impl Input {
    /// Standard input as it was given.
    ///
    /// # Errors
    /// When it is closed.
    pub(super) fn open() -> io::Result<Self> {
        Self::of(io::stdin().as_fd().try_clone_to_owned()?)
    }

    fn of(input: OwnedFd) -> io::Result<Self> {
        let file_type = FileType::from_raw_mode(fstat(&input)?.st_mode);
        let kind = if file_type == FileType::RegularFile {
            Kind::Regular
        } else if input.is_terminal() {
            Kind::Terminal
        } else {
            Kind::Other
        };
        // A pipe that holds more lets a web server go on while we are not running; one that may
        // not is read as it is, and so is what is no pipe.
        let _ = fcntl_setpipe_size(&input, PIPE_BYTES);
        let file = input.into();
        Ok(Self { file, kind })
    }

    /// Whether others may still write what is to be read, after they have told us to end.
    pub(super) fn outlives_stop(&self) -> bool {
        self.kind == Kind::Other
    }

    /// Reads to the end, or until it is to stop.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn run(&self, handover: &mut Handover, wait_max: Patience) -> io::Result<()> {
        handover.set_patience(match self.kind {
            Kind::Regular => Patience::Endless,
            Kind::Terminal | Kind::Other => wait_max,
        });
        let mut framer = Framer::new(handover.len_max());
        let mut buffer = vec![0; BUFFER_BYTES];
        // A line that is refused as it is to stop is read by nobody again: it is lost.
        let mut refused = 0;
        // At the stop, what is in the pipe already is read yet.
        let mut left = None;
        loop {
            let timeout = left.map(|_| Duration::ZERO);
            let awoken = handover.stopping().wait_for(&[self.file.as_fd()], timeout);
            if awoken.is_stopping {
                left.get_or_insert(LAST_BYTES);
            }
            if awoken.ready != [true] {
                if left.is_some() {
                    break;
                }
                continue;
            }
            let len = match read(&self.file, &mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(error) => return Err(error.into()),
            };
            framer.push(buffer.get(..len).unwrap_or_default(), |raw| {
                refused += u64::from(handover.give(raw).is_err());
            });
            left = left.map(|left: usize| left.saturating_sub(len));
            if left == Some(0) {
                break;
            }
        }
        framer.finish(|raw| refused += u64::from(handover.give(raw).is_err()));
        handover.lose(refused);
        Ok(())
    }
}

/// 1 MiB: what a process without privileges may ask for.
const PIPE_BYTES: usize = 1024 * 1024;

/// 2 MiB: more than the pipe holds; a writer that goes on is not read for ever.
const LAST_BYTES: usize = 2 * PIPE_BYTES;

/// 256 KiB: a quarter of what the pipe holds, so that writers have room again soon.
const BUFFER_BYTES: usize = 256 * 1024;
