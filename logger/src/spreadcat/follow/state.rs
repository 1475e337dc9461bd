//! The state file: places, replaced as a whole, by one process at a time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::place::{self, Places};

/// The file, which is this process's.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    /// Beside it, because it is replaced itself.
    _lock: File,
    saved: Places,
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The system refuses it.
    #[error("cannot use the state file {}", path.display())]
    Io {
        /// Its name.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two cannot remember places in one file.
    #[error("another spreadcat uses the state file {}: give each its own", path.display())]
    Taken {
        /// Its name.
        path: PathBuf,
    },
    /// It holds something else.
    #[error(
        "{} is no state file of spreadcat: name another one, or remove it to begin anew",
        path.display()
    )]
    Other {
        /// Its name.
        path: PathBuf,
    },
}

impl State {
    /// Opens the file, which need not be there.
    ///
    /// # Errors
    /// When it cannot be had, or is something else.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let path = path.to_owned();
        let failed = |source| StateError::Io {
            path: path.clone(),
            source,
        };
        let lock = File::options()
            .create(true)
            .append(true)
            .mode(MODE)
            .open(beside(&path, ".lock"))
            .map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN) => return Err(StateError::Taken { path }),
            Err(error) => return Err(failed(error.into())),
        }
        let saved = match fs::read(&path) {
            Ok(text) => match place::read(&text) {
                Some(places) => places,
                None => return Err(StateError::Other { path }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            path,
            _lock: lock,
            saved,
        })
    }

    /// The places that were saved last.
    pub(super) const fn places(&self) -> &Places {
        &self.saved
    }

    /// Saves places, if they are others than those that were saved last.
    ///
    /// # Errors
    /// When the disk does not take them; those of before stay.
    pub(super) fn save(&mut self, places: Places) -> io::Result<()> {
        if places == self.saved {
            return Ok(());
        }
        let new = beside(&self.path, ".new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&new)?;
        file.write_all(&place::write(&places))?;
        // After a power failure an empty file would be no state at all.
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        self.saved = places;
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// It tells how much is logged, which is nobody else's concern.
const MODE: u32 = 0o600;
