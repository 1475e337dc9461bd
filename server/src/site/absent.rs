//! Paths at which there was nothing, for the second in which that was seen.
//!
//! What is there is looked at once a second at most, and so is what is not: the same wrong link,
//! or the same icon that every browser asks for, costs no look at the disk each time. Clients make
//! such paths up, as many as they like, so there is a fixed number of places, and a path drives
//! out the one whose place it takes.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Wrong links that are asked for often are few. The places take 10 KiB, besides their paths.
const PLACES: usize = 256;

/// Longer paths, which nobody links to, are not kept: so a worker keeps 64 KiB of them at most.
const PATH_MAX: usize = 256;

/// What a worker knows not to be there.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    /// None until there is something to remember.
    places: Vec<Seen>,
    hash: RandomState,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    path: Vec<u8>,
    /// It was asked for with a slash at its end; without one, there may be a file.
    is_directory: bool,
    /// When it was looked for, in seconds since 1970.
    at: u64,
}

impl Absent {
    /// Takes note that there is nothing at `path` `now`.
    pub(crate) fn add(&mut self, path: &[u8], is_directory: bool, now: u64) {
        if path.len() > PATH_MAX {
            return;
        }
        self.places.resize(PLACES, Seen::default());
        let place = self.place(path);
        if let Some(seen) = self.places.get_mut(place) {
            seen.path.clear();
            seen.path.extend_from_slice(path);
            seen.is_directory = is_directory;
            seen.at = now;
        }
    }

    /// Whether there was nothing at `path` within this second.
    pub(crate) fn holds(&self, path: &[u8], is_directory: bool, now: u64) -> bool {
        let seen = self.places.get(self.place(path));
        seen.is_some_and(|seen| {
            seen.at == now && seen.is_directory == is_directory && seen.path == path
        })
    }

    fn place(&self, path: &[u8]) -> usize {
        let hash = self.hash.hash_one(path);
        usize::try_from(hash % PLACES as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever was asked for before, and wherever it is kept: nothing is said not to be
        /// there but what was looked for in this second, and that is remembered until another
        /// path is.
        #[test]
        fn what_is_held_was_looked_for_in_this_second(
            steps in prop::collection::vec((0_u16..3_000, any::<bool>(), 1_u64..4), 0..60),
        ) {
            let mut absent = Absent::default();
            let mut looked_for = std::collections::HashSet::new();
            for (name, is_directory, now) in steps {
                let path = name.to_string();
                let step = (name, is_directory, now);
                let holds = absent.holds(path.as_bytes(), is_directory, now);
                prop_assert!(!holds || looked_for.contains(&step));
                absent.add(path.as_bytes(), is_directory, now);
                looked_for.insert(step);
                prop_assert!(absent.holds(path.as_bytes(), is_directory, now));
                prop_assert!(!absent.holds(path.as_bytes(), !is_directory, now));
                prop_assert!(!absent.holds(path.as_bytes(), is_directory, now + 1));
            }
            prop_assert!(absent.places.len() <= PLACES);
        }
    }

    #[test]
    fn a_long_path_is_not_kept() {
        let mut absent = Absent::default();
        let path = [b'a'; PATH_MAX + 1];

        absent.add(&path, false, 1);
        absent.add(&path[1..], false, 1);

        assert!(!absent.holds(&path, false, 1));
        assert!(absent.holds(&path[1..], false, 1));
    }
}
