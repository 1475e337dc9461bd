//! The files of a ledger: by the index that everything else knows them by, and by what they are on
//! disk.
//!
//! An index stays a file's as long as the file is remembered. Those that are written to, and those
//! that have a message which others of its files lack, are; of the rest, the ones that were in use
//! last. Forgetting is done where a journal begins anew: within one, an index is one file's.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::sink::Identity;

/// A file that lines were written to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FileAccount {
    pub(crate) path: PathBuf,
    pub(crate) identity: Identity,
    /// A regular file under our lock: what it holds can be looked up and cut.
    pub(crate) is_ours: bool,
    /// Its length when it was first opened here: what is before is not ours.
    pub(crate) start: u64,
    /// Its length after the last message that was written to it.
    pub(crate) length: u64,
    /// Lines that we wrote to it.
    pub(crate) lines: u64,
    /// Whether it is written to, as opposed to moved away.
    pub(crate) is_open: bool,
    /// When it was last opened or written to, in seconds since 1970.
    pub(crate) used: u64,
}

/// Files, those of before a rotation too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// `None` where one was forgotten.
    slots: Vec<Option<FileAccount>>,
    free: Vec<usize>,
    by_identity: HashMap<Identity, usize>,
}

impl PartialEq for Files {
    /// Which places are free makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl FromIterator<FileAccount> for Files {
    fn from_iter<T: IntoIterator<Item = FileAccount>>(files: T) -> Self {
        let mut all = Self::default();
        for file in files {
            all.insert(file);
        }
        all
    }
}

impl Files {
    /// A file is open from now on; its index.
    pub(crate) fn open(&mut self, file: FileAccount) -> usize {
        let index = self.by_identity.get(&file.identity).copied();
        let Some((index, known)) = index.and_then(|index| Some((index, self.get_mut(index)?)))
        else {
            return self.insert(file);
        };
        // A shorter file is another one with the same number, or was emptied.
        if file.length >= known.length {
            known.path = file.path;
            known.length = file.length;
            known.is_ours = file.is_ours;
            known.is_open = true;
            known.used = file.used;
        } else if file.path == known.path {
            *known = file;
        } else {
            // What the one of before has of messages that are in some of their files is not in
            // this one.
            known.identity = Identity::GONE;
            known.is_open = false;
            return self.insert(file);
        }
        index
    }

    pub(crate) fn get(&self, index: usize) -> Option<&FileAccount> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut FileAccount> {
        self.slots.get_mut(index)?.as_mut()
    }

    /// All of them, those that were opened first most often first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &FileAccount> {
        self.slots.iter().flatten()
    }

    /// The same, with their indices.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (usize, &FileAccount)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(index, slot)| Some((index, slot.as_ref()?)))
    }

    /// None is written to.
    pub(crate) fn close_all(&mut self) {
        for file in self.slots.iter_mut().flatten() {
            file.is_open = false;
        }
    }

    /// Forgets those that nobody has used for longest, of too many that are not open and not among
    /// `needed`.
    pub(crate) fn forget_old(&mut self, needed: &BTreeSet<usize>) {
        let done = self
            .indexed()
            .filter(|(index, file)| !file.is_open && !needed.contains(index));
        let mut done: Vec<(u64, usize)> = done.map(|(index, file)| (file.used, index)).collect();
        let too_many = done.len().saturating_sub(CLOSED_FILES_MAX);
        if too_many == 0 {
            return;
        }
        done.sort_unstable();
        for &(_, index) in done.iter().take(too_many) {
            if let Some(file) = self.slots.get_mut(index).and_then(Option::take) {
                self.free.push(index);
                // One whose number another has does not stand there.
                if self.by_identity.get(&file.identity) == Some(&index) {
                    self.by_identity.remove(&file.identity);
                }
            }
        }
    }

    /// Leaves out what was neither opened nor written to since.
    pub(super) fn leave_out_before(&mut self, since: u64) {
        let files = self.slots.drain(..).flatten();
        *self = files.filter(|file| file.used >= since).collect();
    }

    fn insert(&mut self, file: FileAccount) -> usize {
        let identity = file.identity;
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Some(file);
        }
        if identity != Identity::GONE {
            self.by_identity.insert(identity, index);
        }
        index
    }
}

/// A year of daily rotation of some hosts, or ten thousand hosts that were quiet: `audit --verify`
/// counts them again as long as they are there. Each is some 200 bytes of the image.
pub(super) const CLOSED_FILES_MAX: usize = 10_000;
