//! What a worker remembers at a path: a file in the state it was seen in, and its encodings.
//!
//! A file with encodings has several places in the cache: its own path, which knows what there
//! is to choose from, and one for each encoding that was asked for, made by [`key`]. All that
//! depends on the disk is looked at through the first of them, once a second at most; the
//! others hold while their stamp is the one that it knows.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::{Coding, Codings};

use super::cached::CachedFile;
use crate::passwords::Guard;
use crate::site::{Sides, Stamp, ending};

/// An entry of the cache.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is sent; `None` if it is too large for memory.
    pub(super) file: Option<Rc<CachedFile>>,
    /// What there is besides the file as it is.
    pub(super) choice: Codings,
    /// Whether its path names a directory, whose index file this is.
    pub(super) is_index: bool,
    pub(super) stamp: Stamp,
    /// What guards it, as of when it was last looked at.
    pub(super) guard: Option<Arc<Guard>>,
    /// Few files have any, and then they are large beside the rest.
    sides: Option<Box<Sides>>,
    /// When the file was last looked at, in seconds since 1970.
    checked: Cell<u64>,
    /// The file had just been changed when it was read: a further change could look the
    /// same, so the content must be read again.
    is_fresh: bool,
}

/// What is remembered of a file that can be encoded.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The file as it is; `None` if it is too large for memory.
    pub(super) file: Option<Rc<CachedFile>>,
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
            choice: Codings::NONE,
            is_index: false,
            stamp,
            guard: None,
            sides: None,
            checked: Cell::new(now),
            is_fresh: stamp.is_fresh(now),
        }
    }

    /// The same for the file itself rather than one of its encodings.
    pub(super) fn with(self, sides: Sides, choice: Codings, is_index: bool) -> Self {
        let has_sides = sides != Sides::default();
        Self {
            choice,
            is_index,
            sides: has_sides.then(|| Box::new(sides)),
            ..self
        }
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

    /// Whether `stamp` and `sides`, taken `now`, are those that it was made with.
    pub(super) fn confirm(&self, stamp: &Stamp, sides: &Sides, now: u64) -> bool {
        let same_sides = match &self.sides {
            Some(known) => **known == *sides,
            None => *sides == Sides::default(),
        };
        let holds = self.stamp == *stamp && same_sides;
        if holds {
            self.checked.set(now);
        }
        holds
    }

    /// The content of an encoding, if it was made of what is in the state `stamp` as of `now`.
    pub(super) fn encoded(&self, stamp: &Stamp, now: u64) -> Option<&Rc<CachedFile>> {
        let holds = match self.standing(now) {
            Standing::Good => self.stamp == *stamp,
            Standing::Check => self.confirm(stamp, &Sides::default(), now),
            Standing::Reload => false,
        };
        self.file.as_ref().filter(|_| holds)
    }

    /// What there is to choose from.
    pub(super) fn known(&self) -> Known {
        Known {
            file: self.file.clone(),
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
