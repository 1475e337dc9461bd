//! The states of directories, so that one look at a directory a second does for all files in it.
//!
//! As long as a directory is in the same state, no name was put into it, taken out of it or given to something else:
//! what was not there is not there. What a name stands for may have changed all the same, so a file is still looked at
//! by itself; but for the side files that most files do not have, nobody has to look.
//!
//! It belongs to one worker, as the cache of files does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::cache::Cache;
use super::{Patience, Site, Stamp};

/// What is known of the directories that a worker has looked at lately.
#[derive(Debug)]
pub(crate) struct Directories(RefCell<Cache<Known>>);

#[derive(Debug)]
struct Known {
    state: Rc<Stamp>,
    /// When that was looked at, in seconds since 1970.
    checked: Cell<u64>,
}

/// A thousand directories or so; of those that are forgotten the state is looked at anew.
const KNOWN_BYTES_MAX: usize = 512 * 1024;

impl Default for Directories {
    fn default() -> Self {
        Self(RefCell::new(Cache::new(KNOWN_BYTES_MAX)))
    }
}

impl Directories {
    /// The state of the directory at `path`, looked at within this second; `None` if it cannot be seen without waiting, or
    /// has changed so lately that a further change could look the same.
    pub(crate) fn state(&self, site: &Site, path: &[u8], now: u64) -> Option<Rc<Stamp>> {
        let mut known = self.0.borrow_mut();
        let before = known.find(path);
        if let Some(known) = before.filter(|known| known.checked.get() == now) {
            return settled(&known.state, now);
        }
        let stamp = site.directory(path, Patience::Cached).ok()?;
        if let Some(known) = before.filter(|known| *known.state == stamp) {
            known.checked.set(now);
            return settled(&known.state, now);
        }
        let state = Rc::new(stamp);
        let checked = Cell::new(now);
        let entry = Known {
            state: Rc::clone(&state),
            checked,
        };
        known.insert(path, entry, 0);
        settled(&state, now)
    }
}

fn settled(state: &Rc<Stamp>, now: u64) -> Option<Rc<Stamp>> {
    (!state.is_fresh(now)).then(|| Rc::clone(state))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::SystemTime;

    use super::*;
    use crate::site::SiteOptions;

    fn now() -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    }

    /// As of a day from now nothing that this test does is fresh.
    #[test]
    fn a_directory_has_one_state_until_a_name_comes_or_goes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        let site = Site::open(root.path(), &SiteOptions::default()).unwrap();
        let directories = Directories::default();
        let later = now() + 86_400;

        let first = directories.state(&site, b"d", later).unwrap();
        let same = directories.state(&site, b"d", later + 1).unwrap();
        File::create(root.path().join("d/a.gz")).unwrap();
        let of_this_second = directories.state(&site, b"d", later + 1).unwrap();
        let next = directories.state(&site, b"d", later + 2).unwrap();

        assert!(Rc::ptr_eq(&first, &same) && Rc::ptr_eq(&same, &of_this_second));
        assert_ne!(first, next);
    }

    #[test]
    fn a_directory_that_has_just_changed_has_no_state_and_neither_has_none() {
        let root = tempfile::tempdir().unwrap();
        let site = Site::open(root.path(), &SiteOptions::default()).unwrap();
        let directories = Directories::default();

        assert_eq!(directories.state(&site, b"", now()), None);
        assert_eq!(directories.state(&site, b"missing", now() + 86_400), None);
    }
}
