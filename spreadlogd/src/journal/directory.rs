//! The files of a ledger in their directory.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::ledger::{Decoder, Event, ImageError, Ledger, read_image, write_image};
use crate::sink::{Holder, Locked, lock};

/// A ledger's directory, locked.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// Held until this is dropped.
    _lock: File,
    journal: Option<File>,
    /// Bytes of the journal that are whole events.
    length: u64,
    generation: u64,
    sync: fn(&File) -> io::Result<()>,
}

/// What the journal has to stand against.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stands {
    /// The death of the process, which the page cache outlives.
    Death,
    /// That of the machine too.
    PowerFailure,
}

/// What is kept in a directory.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The ledger as of the last checkpoint.
    pub(crate) ledger: Ledger,
    /// The number of the journal that goes on from there.
    generation: u64,
    /// What has happened since, with the seconds since 1970.
    pub(crate) events: Vec<(Event, u64)>,
}

/// The ledger's directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It cannot be made, read or written.
    #[error("cannot {action} {}; choose another directory for the ledger with --state", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another spreadlogd works with it.
    #[error(
        "the ledger in {} is kept by {}: stop that one, or choose another directory with --state",
        .path.display(),
        .holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// Who has it, where the system tells.
        holder: Option<Holder>,
    },
    /// What is there is no ledger of ours.
    #[error(
        "cannot read the ledger {}; move it away, and this logging host begins anew: it then asks \
         for everything that publishers still have, and may write some of it twice",
        .path.display()
    )]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ImageError,
    },
    /// There is none.
    #[error("there is no ledger in {}; say where it is with --state, or with -c", .path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
}

impl Directory {
    /// Makes the directory if it is missing, locks it, and reads what is in it: the ledger of the
    /// last checkpoint and all events since.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(crate) fn open(path: &Path) -> Result<(Self, Kept), StateError> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path);
        made.map_err(failed("make the directory", path))?;
        let lock_path = path.join(LOCK);
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE);
        let file = options
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        match lock(&file).map_err(failed("lock", &lock_path))? {
            Locked::Yes => {}
            Locked::Held(holder) => {
                let path = path.to_owned();
                return Err(StateError::Held { path, holder });
            }
        }
        let kept = match read_only(path) {
            Err(StateError::None { .. }) => Kept::default(),
            other => other?,
        };
        let directory = Self {
            path: path.to_owned(),
            _lock: file,
            journal: None,
            length: 0,
            generation: kept.generation,
            sync: File::sync_data,
        };
        Ok((directory, kept))
    }

    /// Appends to the journal, and makes sure that it is on disk where that is asked for; its
    /// length then. What is written in part is taken back.
    pub(super) fn append(&mut self, bytes: &[u8], stands: Stands) -> io::Result<u64> {
        let Some(journal) = &self.journal else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = journal.write_all_at(bytes, self.length);
        let written = written.and_then(|()| match stands {
            Stands::Death => Ok(()),
            Stands::PowerFailure => (self.sync)(journal),
        });
        if let Err(error) = written {
            // What stays is behind the end of what is counted, and overwritten by the next.
            let _ = journal.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(self.length)
    }

    /// Syncs of the journal are this from now on.
    #[cfg(test)]
    pub(super) fn set_sync(&mut self, sync: fn(&File) -> io::Result<()>) {
        self.sync = sync;
    }

    /// The journal takes no more.
    #[cfg(test)]
    pub(super) fn fill_up(&mut self) {
        self.journal = File::create("/dev/full").ok();
    }

    /// Whether nothing was appended since the checkpoint.
    pub(super) const fn has_new_journal(&self) -> bool {
        self.length == 0
    }

    /// Writes the ledger in place of the one of before, and begins a new journal.
    pub(super) fn checkpoint(&mut self, ledger: &Ledger) -> io::Result<()> {
        let generation = self.generation + 1;
        let journal_path = journal_path(&self.path, generation);
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE);
        let journal = options.open(&journal_path)?;
        let image = write_image(ledger, generation)?;
        let new = self.path.join("ledger.json.new");
        let file = options.open(&new)?;
        file.write_all_at(&image, 0)?;
        // So that what is moved into the place of a whole ledger is one, whatever happens.
        file.sync_data()?;
        fs::rename(&new, self.path.join(LEDGER))?;
        // And so that it and its journal are found there before the one of before is gone. Not
        // every file system can do that.
        let _ = File::open(&self.path).and_then(|directory| directory.sync_all());
        if self.generation > 0 {
            // One that stays is not looked at any more.
            let _ = fs::remove_file(self::journal_path(&self.path, self.generation));
        }
        self.journal = Some(journal);
        self.length = 0;
        self.generation = generation;
        Ok(())
    }
}

/// Reads a ledger without locking it, also while a spreadlogd works with it.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(crate) fn read_only(path: &Path) -> Result<Kept, StateError> {
    let ledger_path = path.join(LEDGER);
    // Between the two reads a checkpoint may replace both.
    for _ in 0..READS_MAX {
        let text = match fs::read(&ledger_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = path.to_owned();
                return Err(StateError::None { path });
            }
            other => other.map_err(failed("read", &ledger_path))?,
        };
        let (ledger, generation) = read_image(&text).map_err(|source| StateError::Ledger {
            path: ledger_path.clone(),
            source,
        })?;
        let journal = journal_path(path, generation);
        let mut bytes = Vec::new();
        match File::open(&journal).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => {
                return Ok(Kept {
                    ledger,
                    generation,
                    events: Decoder::new(&bytes).collect(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed("read", &journal)(source)),
        }
    }
    let journal = path.join("journal");
    Err(failed("read", &journal)(io::ErrorKind::NotFound.into()))
}

fn journal_path(directory: &Path, generation: u64) -> PathBuf {
    directory.join(format!("journal.{generation}"))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io {
        action,
        path,
        source,
    }
}

const LEDGER: &str = "ledger.json";

pub(super) const LOCK: &str = "lock";

/// As many checkpoints do not fall between two reads one after the other.
const READS_MAX: usize = 10;

/// It tells who sends how much, and nothing of what: for the owner and the group, as the logs.
const FILE_MODE: u32 = 0o640;

/// The same for the directory.
const DIRECTORY_MODE: u32 = 0o750;
