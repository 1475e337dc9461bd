//! What a worker remembers at a path: a file in the state it was seen in, and its encodings.
//!
//! A file with encodings has several places in the cache: its own path, which knows what there
//! is to choose from, and one for each encoding that was asked for, made by [`key`]. All that
//! depends on the disk is looked at through the first of them, once a second at most; the
//! others hold while their stamp is the one that it knows.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};

use http::{Coding, Codings};

use super::cached::CachedFile;
use crate::passwords::Guard;
use crate::site::{Handle, LargeFile, MediaType, Sides, Stamp, ending};

/// For how many seconds the state of a directory is believed to tell that a file has no side files.
const ALONE_MAX: u64 = 60;

/// An entry of the cache.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is sent; `None` if it is too large for memory.
    pub(super) file: Option<Rc<CachedFile>>,
    /// When it is too large: its descriptor, as long as others hold it open.
    opened: RefCell<Option<Opened>>,
    /// What there is besides the file as it is.
    pub(super) choice: Codings,
    /// Whether its path names a directory, whose index file this is.
    pub(super) is_index: bool,
    pub(super) stamp: Stamp,
    /// What guards it, as of when it was last looked at.
    pub(super) guard: Option<Arc<Guard>>,
    /// Few files have any, and then they are large beside the rest.
    sides: Option<Box<Sides>>,
    /// The state of its directory in which it has no side files, if that is known.
    alone_in: RefCell<Option<Rc<Stamp>>>,
    /// When the file was last looked at, in seconds since 1970.
    checked: Cell<u64>,
    /// The same of its side files.
    sides_checked: Cell<u64>,
    /// The file had just been changed when it was read: a further change could look the
    /// same, so the content must be read again.
    is_fresh: bool,
}

/// A file held open, perhaps.
#[derive(Debug)]
struct Opened {
    handle: Weak<Handle>,
    media_type: MediaType,
}

/// What is remembered of a file that can be encoded, or is too large for memory.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The file as it is; `None` if it is too large for memory.
    pub(super) file: Option<Rc<CachedFile>>,
    /// The file held open.
    pub(super) large: Option<LargeFile>,
    pub(super) stamp: Stamp,
    pub(super) sides: Sides,
    pub(super) choice: Codings,
}

/// What is known about a file without looking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It was looked at within this second.
    Good,
    /// It holds if the stamp is still the same.
    Check,
    /// It must be read again.
    Reload,
}

impl Entry {
    /// An entry for a file in the state `stamp`, seen `now`.
    pub(super) fn new(file: Option<Rc<CachedFile>>, stamp: Stamp, now: u64) -> Self {
        Self {
            file,
            opened: RefCell::new(None),
            choice: Codings::NONE,
            is_index: false,
            stamp,
            guard: None,
            sides: None,
            alone_in: RefCell::new(None),
            checked: Cell::new(now),
            sides_checked: Cell::new(now),
            is_fresh: stamp.is_fresh(now),
        }
    }

    /// The same for the file itself rather than one of its encodings.
    pub(super) fn with(self, sides: Sides, choice: Codings, is_index: bool) -> Self {
        Self {
            choice,
            is_index,
            sides: (!sides.is_empty()).then(|| Box::new(sides)),
            ..self
        }
    }

    /// The same of a file that has no side files as long as its directory is in the state `directory`.
    pub(super) fn alone_in(self, directory: Option<Rc<Stamp>>) -> Self {
        let alone_in = RefCell::new(directory);
        Self { alone_in, ..self }
    }

    /// Whether it has no side files because its directory is in the state that `directory` tells, and it had none in it.
    ///
    /// Some file systems of others' do not tell of all changes in the state of a directory, so this is not believed for
    /// ever.
    pub(super) fn is_alone(&self, now: u64, directory: impl FnOnce() -> Option<Rc<Stamp>>) -> bool {
        let alone_in = self.alone_in.borrow();
        alone_in.as_ref().is_some_and(|known| {
            now.wrapping_sub(self.sides_checked.get()) < ALONE_MAX
                && directory().is_some_and(|directory| directory == *known)
        })
    }

    /// The same of a file that `guard` guards.
    pub(super) fn guarded(self, guard: Option<Arc<Guard>>) -> Self {
        Self { guard, ..self }
    }

    /// Whether `guard` is what guarded it.
    pub(super) fn is_guarded_by(&self, guard: Option<&Arc<Guard>>) -> bool {
        match (&self.guard, guard) {
            (Some(known), Some(guard)) => Arc::ptr_eq(known, guard),
            (known, guard) => known.is_none() && guard.is_none(),
        }
    }

    /// Files are looked at once a second at most.
    pub(super) fn standing(&self, now: u64) -> Standing {
        match (self.checked.get() == now, self.is_fresh) {
            (true, _) => Standing::Good,
            (false, false) => Standing::Check,
            (false, true) => Standing::Reload,
        }
    }

    /// Whether `stamp`, taken `now`, is the one that it was made with.
    pub(super) fn confirm(&self, stamp: &Stamp, now: u64) -> bool {
        let holds = self.stamp == *stamp;
        if holds {
            self.checked.set(now);
        }
        holds
    }

    /// Whether `sides`, taken `now`, are those that it was made with; if they are none, `directory` is the state of their
    /// directory.
    pub(super) fn confirm_sides(
        &self,
        sides: &Sides,
        now: u64,
        directory: impl FnOnce() -> Option<Rc<Stamp>>,
    ) -> bool {
        let holds = match &self.sides {
            Some(known) => **known == *sides,
            None => sides.is_empty(),
        };
        if holds {
            self.sides_checked.set(now);
            self.alone_in
                .replace(directory().filter(|_| sides.is_alone));
        }
        holds
    }

    /// The content of an encoding, if it was made of what is in the state `stamp` as of `now`.
    pub(super) fn encoded(&self, stamp: &Stamp, now: u64) -> Option<&Rc<CachedFile>> {
        let holds = match self.standing(now) {
            Standing::Good => self.stamp == *stamp,
            Standing::Check => self.confirm(stamp, now),
            Standing::Reload => false,
        };
        self.file.as_ref().filter(|_| holds)
    }

    /// Takes note that `file` was opened.
    pub(super) fn note_opened(&self, file: &LargeFile) {
        self.opened.replace(Some(Opened {
            handle: Arc::downgrade(&file.handle),
            media_type: file.media_type,
        }));
    }

    /// The file, if it is still open, and nothing has become of it.
    fn large(&self) -> Option<LargeFile> {
        let opened = self.opened.borrow();
        let opened = opened.as_ref()?;
        let file = LargeFile {
            stamp: self.stamp,
            media_type: opened.media_type,
            handle: opened.handle.upgrade()?,
        };
        file.is_unchanged().then_some(file)
    }

    /// What there is to choose from.
    pub(super) fn known(&self) -> Known {
        Known {
            file: self.file.clone(),
            large: self.large(),
            stamp: self.stamp,
            sides: self.sides.as_deref().copied().unwrap_or_default(),
            choice: self.choice,
        }
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        let sides = self.sides.as_ref().map_or(0, |_| size_of::<Sides>());
        self.file.as_ref().map_or(0, |file| file.bytes()) + sides
    }
}

/// Makes `into` the place in the cache of the file at `path` with `coding`. No path holds a NUL,
/// so it is nobody else's, and that of the side file's own name is another.
pub(super) fn key(into: &mut Vec<u8>, path: &[u8], coding: Coding) {
    into.clear();
    into.extend_from_slice(path);
    into.push(0);
    into.extend_from_slice(ending(coding).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::site::{Directories, Place, Site, SiteOptions};
    use crate::site::{Patience, Resource, Wishes};

    /// Long after all that the test does, so that nothing looks as if it had just been changed.
    const NOW: u64 = 100_000_000_000;

    fn place(path: &str) -> Place<'_> {
        Place {
            path: path.as_bytes(),
            shown: path.as_bytes(),
            host_len: 0,
            hidden_len: 0,
            is_directory: false,
        }
    }

    struct Held {
        root: tempfile::TempDir,
        site: Site,
        directories: Directories,
    }

    impl Held {
        /// `d/a.txt`, and nothing beside it.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("d")).unwrap();
            fs::write(root.path().join("d/a.txt"), "a").unwrap();
            Self {
                site: Site::open(root.path(), &SiteOptions::default()).unwrap(),
                root,
                directories: Directories::default(),
            }
        }

        fn directory(&self, now: u64) -> Option<Rc<Stamp>> {
            self.directories.state(&self.site, b"d", now)
        }

        fn entry(&self) -> Entry {
            let wishes = Wishes::default();
            let found = self.site.load(place("d/a.txt"), &wishes, Patience::Waiting);
            let Ok(Resource::File(loaded)) = found else {
                panic!("{found:?}");
            };
            let alone_in = self.directory(NOW).filter(|_| loaded.sides.is_alone);
            let entry = Entry::new(None, *loaded.file.stamp(), NOW);
            entry
                .with(loaded.sides, Codings::NONE, false)
                .alone_in(alone_in)
        }

        fn is_alone(&self, entry: &Entry, now: u64) -> bool {
            entry.is_alone(now, || self.directory(now))
        }
    }

    #[test]
    fn a_file_stays_alone_until_a_name_comes_into_its_directory_and_a_minute_at_most() {
        let held = Held::new();
        let entry = held.entry();

        assert!(held.is_alone(&entry, NOW + 1) && held.is_alone(&entry, NOW + 2));
        assert!(!held.is_alone(&entry, NOW + ALONE_MAX));
        File::create(held.root.path().join("d/another")).unwrap();
        assert!(!held.is_alone(&entry, NOW + 3));
        // Only its side files make a difference, so it is found to be alone again.
        let (stamp, sides) = held
            .site
            .stamps(place("d/a.txt"), Patience::Waiting)
            .unwrap();
        assert!(entry.confirm(&stamp, NOW + 3));
        assert!(entry.confirm_sides(&sides, NOW + 3, || held.directory(NOW + 3)));
        assert!(held.is_alone(&entry, NOW + 4));
        assert!(held.is_alone(&entry, NOW + 3 + ALONE_MAX - 1));
    }

    /// What they are may change without a change of the directory: of an old one the time, of a link what it leads to.
    #[test]
    fn a_file_is_not_alone_beside_what_could_become_its_side_file() {
        for name in ["d/a.txt.gz", "d/a.txt.br", "d/a.txt.zst"] {
            let held = Held::new();
            std::os::unix::fs::symlink("nowhere", held.root.path().join(name)).unwrap();
            let entry = held.entry();
            assert!(entry.sides.is_none() && !held.is_alone(&entry, NOW + 1));

            let held = Held::new();
            let side = File::create(held.root.path().join(name)).unwrap();
            side.set_modified(std::time::SystemTime::UNIX_EPOCH)
                .unwrap();
            let entry = held.entry();
            assert!(entry.sides.is_none() && !held.is_alone(&entry, NOW + 1));
        }
    }
}
