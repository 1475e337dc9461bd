//! Slabs, and doubly linked lists through their entries by index: what [`super::Window`] is made
//! of. Without a pointer, so without `unsafe`; an index that leads nowhere is the end of a list.

/// The index of nothing.
pub(super) const NONE: u32 = u32::MAX;

/// Entries by index; an index is used again after its entry was taken out.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<u32>,
}

/// Where an entry stands in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) previous: u32,
    pub(super) next: u32,
}

/// The two ends of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub(super) first: u32,
    last: u32,
}

/// Which of an entry's links are those of the list at hand.
type Of<T> = fn(&mut T) -> &mut Links;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, entry: T) -> u32 {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.entries.get_mut(index as usize)
        {
            *place = Some(entry);
            return index;
        }
        // The limits of a window are far below NONE.
        let index = u32::try_from(self.entries.len()).unwrap_or(NONE);
        self.entries.push(Some(entry));
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<T> {
        let entry = self.entries.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(entry)
    }

    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.entries.get(index as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.entries.get_mut(index as usize)?.as_mut()
    }

    /// How many entries there is memory for.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Default for Links {
    fn default() -> Self {
        Self {
            previous: NONE,
            next: NONE,
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
        }
    }
}

impl List {
    /// Puts an entry that is in no place of this list at its end.
    pub(super) fn push_last<T>(&mut self, index: u32, slab: &mut Slab<T>, of: Of<T>) {
        let previous = self.last;
        self.link(index, slab, of, previous, NONE);
    }

    /// Puts an entry that is in no place of this list at its beginning.
    pub(super) fn push_first<T>(&mut self, index: u32, slab: &mut Slab<T>, of: Of<T>) {
        let next = self.first;
        self.link(index, slab, of, NONE, next);
    }

    /// Takes an entry of this list out of it.
    pub(super) fn remove<T>(&mut self, index: u32, slab: &mut Slab<T>, of: Of<T>) {
        let Some(entry) = slab.get_mut(index) else {
            return;
        };
        let Links { previous, next } = std::mem::take(of(entry));
        self.join(slab, of, (previous, next), (next, previous));
    }

    fn link<T>(&mut self, index: u32, slab: &mut Slab<T>, of: Of<T>, previous: u32, next: u32) {
        let Some(entry) = slab.get_mut(index) else {
            return;
        };
        *of(entry) = Links { previous, next };
        self.join(slab, of, (previous, index), (next, index));
    }

    /// `previous` is followed by the one beside it, and `next` has the one beside it before it;
    /// an end of the list that is none of the two is the list's own.
    fn join<T>(
        &mut self,
        slab: &mut Slab<T>,
        of: Of<T>,
        (previous, follows): (u32, u32),
        (next, precedes): (u32, u32),
    ) {
        match slab.get_mut(previous) {
            Some(entry) => of(entry).next = follows,
            None => self.first = follows,
        }
        match slab.get_mut(next) {
            Some(entry) => of(entry).previous = precedes,
            None => self.last = precedes,
        }
    }
}
