//! A file held open, and the place of its content in memory once many ask for it.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::Mapping;

/// A file held open.
#[derive(Debug)]
pub(crate) struct Handle {
    /// What it was opened as.
    pub(crate) descriptor: OwnedFd,
    mapping: OnceLock<Mapping>,
    /// When all of it was last seen in memory, in seconds since 1970; nothing if it was not.
    seen: AtomicU64,
}

impl Handle {
    /// Of what was opened as `descriptor`.
    pub(crate) const fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            mapping: OnceLock::new(),
            seen: AtomicU64::new(0),
        }
    }

    /// Whether all of it was seen in memory in this second.
    pub(crate) fn is_seen(&self, now: u64) -> bool {
        self.seen.load(Ordering::Relaxed) == now
    }

    /// Takes note of whether it was, and if so maps it, which has `len` bytes, if the system lets it.
    pub(crate) fn note(&self, is_seen: bool, len: usize, now: u64) {
        let seen = if is_seen { now } else { 0 };
        self.seen.store(seen, Ordering::Relaxed);
        if is_seen
            && self.mapping.get().is_none()
            && let Ok(mapping) = Mapping::new(&self.descriptor, len)
        {
            // One that is there already is as good.
            let _ = self.mapping.set(mapping);
        }
    }

    /// Where its content is, if it was mapped and is in memory: whoever sends of a page that is not
    /// waits for the disk.
    pub(crate) fn mapping(&self) -> Option<&Mapping> {
        let mapping = self.mapping.get();
        mapping.filter(|_| self.seen.load(Ordering::Relaxed) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_mapped_as_long_as_it_is_in_memory() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        let handle = Handle::new(file.into());
        assert!(handle.mapping().is_none() && !handle.is_seen(7));

        handle.note(true, 10, 7);
        assert!(handle.mapping().is_some() && handle.is_seen(7) && !handle.is_seen(8));
        handle.note(false, 10, 8);
        assert!(handle.mapping().is_none() && !handle.is_seen(8));
        handle.note(true, 10, 9);
        assert!(handle.mapping().is_some());
    }
}
