//! The ledger on disk: an image of it, and the events since, in a directory of its own.
//!
//! ```text
//! DIR/lock          held as long as a spreadlogd works with this directory
//! DIR/ledger.json   the whole ledger, as of the last checkpoint
//! DIR/journal.7     what has happened since; `ledger.json` says which number goes on from it
//! ```
//!
//! Before a file is written to, the journal has what is about to be written. After a crash
//! [`recover`] finds out what of that has come about. A checkpoint writes the whole ledger anew
//! and begins the next journal; the image is moved into its place, so that at every moment one
//! whole ledger is there.
//!
//! This stands against the death of the process, which is what the page cache outlives; against a
//! power failure where a file is written for which that is asked.

mod directory;
mod inspect;
mod recover;

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::ledger::{Encoder, Entry, Event, FileAccount, Ledger};
use crate::sink::Cut;

pub use directory::StateError;
pub(crate) use directory::{Directory, Kept, Stands};
pub(crate) use inspect::{Inspected, Keeper, inspect};
pub(crate) use recover::{place_of, recover};

/// A ledger that is kept on disk while it changes.
#[derive(Debug)]
pub(crate) struct Journal {
    ledger: Ledger,
    encoder: Encoder,
    /// Events that are not in the journal yet.
    buffer: Vec<u8>,
    /// `None`: it is kept in memory alone.
    directory: Option<Directory>,
    /// Something could not be written, so what is in the journal is not all of it.
    is_broken: bool,
}

impl Journal {
    /// A ledger that goes on in `directory`, from a checkpoint that is made now.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub(crate) fn begin(ledger: Ledger, directory: Option<Directory>) -> io::Result<Self> {
        let mut journal = Self {
            ledger,
            encoder: Encoder::default(),
            buffer: Vec::new(),
            directory,
            is_broken: false,
        };
        journal.checkpoint()?;
        Ok(journal)
    }

    /// The ledger as it is now.
    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Something has happened that is no matter of files.
    pub(crate) fn note(&mut self, event: &Event) {
        let at = seconds();
        self.ledger.apply(event, at);
        self.encode(event, at);
    }

    /// A file has been opened in place of another, or at the start; what the journal calls it.
    pub(crate) fn open_file(&mut self, mut file: FileAccount, before: Option<usize>) -> usize {
        if let Some(before) = before.and_then(|index| self.ledger.files.get_mut(index)) {
            before.is_open = false;
        }
        file.used = seconds();
        let index = self.ledger.files.open(file);
        self.encode_opened(index);
        index
    }

    /// A file is not written to any more.
    pub(crate) fn close_file(&mut self, file: usize) {
        if let Some(file) = self.ledger.files.get_mut(file) {
            file.is_open = false;
        }
    }

    /// `entries` are about to be written to `file`, from `offset` on.
    pub(crate) fn prepare(&mut self, file: usize, offset: u64, entries: &[Entry]) {
        if self.is_kept() {
            let write = (id(file), offset, entries);
            self.encoder
                .encode_write(write, seconds(), &mut self.buffer);
        }
    }

    /// Of what was prepared for `file` not all was written.
    pub(crate) fn cut(&mut self, file: usize, Cut { at, part }: Cut) {
        let event = Event::Cut { file: id(file), at };
        self.encode(&event, seconds());
        // As if it had been prepared by itself: that it is there is known.
        if let Some(part) = part {
            self.prepare(file, at, &[part]);
        }
    }

    /// Messages that were prepared are in `file`.
    pub(crate) fn written(&mut self, file: usize, entries: &[Entry]) {
        let at = seconds();
        for entry in entries {
            self.ledger.written(file, entry, at);
        }
    }

    /// The journal takes no more, as at the limit of a file's size; a new one would.
    #[cfg(test)]
    pub(crate) fn fill_up(&mut self) {
        if let Some(directory) = &mut self.directory {
            directory.fill_up();
        }
    }

    /// Syncs of the journal are this from now on.
    #[cfg(test)]
    pub(crate) fn set_sync(&mut self, sync: fn(&std::fs::File) -> io::Result<()>) {
        if let Some(directory) = &mut self.directory {
            directory.set_sync(sync);
        }
    }

    /// Makes sure that it can be written to: after a failure everything is written anew. To be
    /// called before anything is prepared.
    ///
    /// # Errors
    /// When it still cannot.
    pub(crate) fn ready(&mut self) -> io::Result<()> {
        if self.is_broken {
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Writes what was noted and prepared, so that it stands. Only then files may be written to.
    ///
    /// # Errors
    /// When it cannot be, not even in a new journal: what was prepared is not to be written then.
    pub(crate) fn commit(&mut self, stands: Stands) -> io::Result<Committed> {
        if self.buffer.is_empty() {
            return Ok(Committed::Whole);
        }
        let written = match &mut self.directory {
            Some(directory) => directory.append(&self.buffer, stands),
            None => Ok(0),
        };
        self.buffer.clear();
        match written {
            Ok(length) if length > CHECKPOINT_BYTES => {
                // Not now: what was prepared is in this journal alone.
                self.is_broken = true;
                Ok(Committed::Whole)
            }
            Ok(_) => Ok(Committed::Whole),
            Err(error) => {
                let directory = self.directory.as_ref();
                if directory.is_some_and(Directory::has_new_journal) {
                    self.is_broken = true;
                    return Err(error);
                }
                // It may have come to the limit of a file's size, or of a quota.
                self.checkpoint()?;
                Ok(Committed::Anew)
            }
        }
    }

    /// Writes the whole ledger, and begins a new journal.
    ///
    /// # Errors
    /// When it cannot be written; then the one of before stays in its place.
    pub(crate) fn checkpoint(&mut self) -> io::Result<()> {
        // What is encoded was applied as well, but for what is only prepared, and nothing is.
        self.buffer.clear();
        self.is_broken = true;
        self.ledger.forget_old_files();
        if let Some(directory) = &mut self.directory {
            directory.checkpoint(&self.ledger)?;
        }
        self.encoder = Encoder::default();
        self.is_broken = false;
        let open = self.ledger.files.indexed();
        let open: Vec<usize> = open.filter(|(_, f)| f.is_open).map(|(at, _)| at).collect();
        for index in open {
            self.encode_opened(index);
        }
        Ok(())
    }

    fn encode_opened(&mut self, index: usize) {
        if let Some(file) = self.ledger.files.get(index) {
            let event = Event::Opened {
                file: id(index),
                identity: file.identity,
                is_ours: file.is_ours,
                length: file.length,
                path: file.path.clone(),
            };
            self.encode(&event, seconds());
        }
    }

    fn encode(&mut self, event: &Event, at: u64) {
        if self.is_kept() {
            self.encoder.encode(event, at, &mut self.buffer);
        }
    }

    /// Without a directory there is nobody to read it; a broken one is written anew.
    const fn is_kept(&self) -> bool {
        self.directory.is_some() && !self.is_broken
    }
}

/// What has become of what was prepared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Committed {
    /// It is in the journal.
    Whole,
    /// The journal took no more, and a new one is there: it is to be prepared again.
    Anew,
}

/// What the journal calls a file: its index, of which there are some hundreds.
fn id(file: usize) -> u32 {
    u32::try_from(file).unwrap_or(u32::MAX)
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_secs())
}

/// 8 MiB: some 370,000 messages, which are repeated in a fraction of a second.
const CHECKPOINT_BYTES: u64 = 8 << 20;

#[cfg(test)]
mod tests;
