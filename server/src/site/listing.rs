//! The names of a directory, and the pages made of them.
//!
//! What is listed is what is served: hidden names are left out, as are FIFOs, devices,
//! and links that lead nowhere or out of the root. The page itself is written by
//! [`http::listing`].
//!
//! To look at each of ten thousand files takes as long as thousands of requests for one. So
//! what was read is kept, and the pages made of it, until the second is over: names that
//! come or go are seen at once, by the directory's stamp, and sizes and dates are never older
//! than that. However many ask, and in whatever order, a directory is read once a second, by
//! one thread.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::listing::{Entry, Listing, View};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::Stamp;
use super::root::{Patience, Root};
use crate::clock;

/// More names than anybody reads; the page of these is a megabyte or two.
pub(super) const ENTRIES_MAX: usize = 10_000;

/// Names looked at, those included that are not shown.
const NAMES_MAX: usize = 100_000;

/// What all that is kept of all directories may take in memory: a few of the largest.
pub(super) const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A directory without an index file.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) descriptor: OwnedFd,
    pub(super) stamp: Stamp,
}

/// A listing, ready to be sent.
#[derive(Debug)]
pub(crate) struct ListingPage {
    pub(crate) bytes: Vec<u8>,
    /// Whether all names are in it.
    pub(crate) is_complete: bool,
}

/// What was listed within this second, for all workers.
#[derive(Debug, Default)]
pub(super) struct Listings {
    kept: Mutex<Kept>,
}

/// What is known of some directories. Its lock is held for a look-up and no longer.
#[derive(Debug, Default)]
struct Kept {
    /// The second that all of it is of.
    second: u64,
    bytes: usize,
    places: HashMap<Box<[u8]>, Place>,
}

/// One directory. Who holds its lock reads it, and the others wait.
type Place = Arc<Mutex<Option<Names>>>;

#[derive(Debug)]
struct Names {
    /// The directory's, before it was read.
    stamp: Stamp,
    second: u64,
    entries: Vec<Entry>,
    is_complete: bool,
    pages: Vec<(View, Arc<ListingPage>)>,
}

impl Listings {
    /// The page of `directory` at `at`, if it is at hand. Waits for nothing that takes time.
    pub(super) fn kept(
        &self,
        at: super::Place<'_>,
        directory: &Directory,
        view: View,
    ) -> Option<Arc<ListingPage>> {
        let place = Arc::clone(self.lock().places.get(&*at.key())?);
        let names = place.try_lock().ok()?;
        let names = names.as_ref()?;
        let now = clock::unix();
        if !names.are_those_of(directory, now, now) {
            return None;
        }
        names.page(view)
    }

    /// The page of `directory`, which is at `at` beneath `root`, made if need be.
    pub(super) fn make(
        &self,
        root: &Root,
        at: super::Place<'_>,
        directory: &Directory,
        view: View,
    ) -> Result<Arc<ListingPage>, Errno> {
        let path = at.path;
        let asked = clock::unix();
        let place = self.place(&at.key(), asked);
        let mut names = lock(&place);
        let mut bytes = 0;
        let current = names
            .take()
            .filter(|names| names.are_those_of(directory, asked, clock::unix()));
        let names = match current {
            Some(current) => names.insert(current),
            None => {
                let read = Names::read(root, path, directory)?;
                bytes += read.bytes();
                names.insert(read)
            }
        };
        if let Some(page) = names.page(view) {
            return Ok(page);
        }
        let listing = Listing {
            path: at.shown,
            entries: &names.entries,
            is_complete: names.is_complete,
        };
        let page = Arc::new(ListingPage {
            bytes: listing.write(view),
            is_complete: names.is_complete,
        });
        names.pages.push((view, Arc::clone(&page)));
        self.count(bytes + page.bytes.capacity());
        Ok(page)
    }

    /// The place of `path`. What was kept in another second than `now` goes.
    fn place(&self, path: &[u8], now: u64) -> Place {
        let mut kept = self.lock();
        if now != kept.second {
            *kept = Kept {
                second: now,
                ..Kept::default()
            };
        }
        Arc::clone(kept.places.entry(path.into()).or_default())
    }

    /// Counts what has been added to a place. When it is too much, everything is forgotten: it
    /// would not have been kept for long.
    pub(super) fn count(&self, bytes: usize) {
        let mut kept = self.lock();
        kept.bytes += bytes;
        if kept.bytes > KEPT_BYTES_MAX {
            kept.bytes = 0;
            kept.places.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

/// What a panic has left behind is as good as what was there before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    fn read(root: &Root, path: &[u8], directory: &Directory) -> Result<Self, Errno> {
        let second = clock::unix();
        let (entries, is_complete) = read(root, path, &directory.descriptor)?;
        Ok(Self {
            stamp: directory.stamp,
            second,
            entries,
            is_complete,
            pages: Vec::new(),
        })
    }

    /// Whether they can be shown `now` to somebody who asked in the second `asked` for
    /// `directory`. What is from the future was read before the clock was set back.
    fn are_those_of(&self, directory: &Directory, asked: u64, now: u64) -> bool {
        (asked..=now).contains(&self.second) && self.stamp == directory.stamp
    }

    fn page(&self, view: View) -> Option<Arc<ListingPage>> {
        let mut pages = self.pages.iter();
        let (_, page) = pages.find(|(one, _)| *one == view)?;
        Some(Arc::clone(page))
    }

    fn bytes(&self) -> usize {
        let names = self.entries.iter().map(|entry| entry.name.len());
        names.sum::<usize>() + self.entries.capacity() * size_of::<Entry>()
    }
}

fn read(root: &Root, path: &[u8], directory: &OwnedFd) -> Result<(Vec<Entry>, bool), Errno> {
    let mut entries = Vec::new();
    for (number, item) in Dir::read_from(directory)?.enumerate() {
        let item = item?;
        let name = item.file_name().to_bytes();
        if number == NAMES_MAX {
            return Ok((entries, false));
        }
        if super::is_hidden(name) {
            continue;
        }
        if entries.len() == ENTRIES_MAX {
            return Ok((entries, false));
        }
        // Gone meanwhile, or not for us: then it is not listed either.
        let Ok(status) = status_of(root, path, directory, name) else {
            continue;
        };
        let kind = FileType::from_raw_mode(status.st_mode);
        if !matches!(kind, FileType::Directory | FileType::RegularFile) {
            continue;
        }
        entries.push(Entry {
            name: name.into(),
            is_directory: kind == FileType::Directory,
            len: u64::try_from(status.st_size).unwrap_or(0),
            modified: status.st_mtime,
        });
    }
    Ok((entries, true))
}

fn status_of(root: &Root, path: &[u8], directory: &OwnedFd, name: &[u8]) -> Result<Stat, Errno> {
    let status = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Symlink {
        return Ok(status);
    }
    // Only the root can tell whether a link stays inside.
    let look = OFlags::PATH | OFlags::CLOEXEC;
    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
    let target = root.open_beneath(&[path, slash, name].concat(), look, Patience::Waiting)?;
    rustix::fs::fstat(&target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of_the_second(second: u64, directory: &Directory) -> Names {
        Names {
            stamp: directory.stamp,
            second,
            entries: Vec::new(),
            is_complete: true,
            pages: Vec::new(),
        }
    }

    #[test]
    fn what_is_kept_is_neither_old_nor_from_a_clock_that_was_set_back() {
        let descriptor = OwnedFd::from(std::fs::File::open("/").unwrap());
        let stamp = Stamp::of(&rustix::fs::fstat(&descriptor).unwrap());
        let directory = Directory { descriptor, stamp };

        for (second, asked, now, expected) in [
            (10, 10, 10, true),
            (11, 10, 12, true),
            (9, 10, 10, false),
            (3_610, 10, 10, false),
        ] {
            let names = names_of_the_second(second, &directory);
            assert_eq!(names.are_those_of(&directory, asked, now), expected);
        }
        let listings = Listings::default();
        let before = listings.place(b"d", 3_610);
        assert!(Arc::ptr_eq(&before, &listings.place(b"d", 3_610)));
        assert!(!Arc::ptr_eq(&before, &listings.place(b"d", 10)));
    }
}
