//! Descriptors of large files, kept open from one request to the next.
//!
//! A file that many ask for would be opened for each of them. Whether a descriptor still is of
//! what is at a path is not known here: the cache looks at that, as for files in memory. Here is
//! how long it stays open: what nobody has asked for in a whole period is closed, so that a file
//! that was removed gives its room on the disk back.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Worker;
use crate::site::{FileId, LargeFile};

/// The descriptors that a worker keeps.
#[derive(Debug, Default)]
pub(crate) struct KeptOpen {
    files: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    id: FileId,
    descriptor: Arc<OwnedFd>,
    /// Since the last sweep.
    is_used: bool,
}

/// The files that most bytes are of are few, and each is looked for among all.
pub(crate) const KEPT_MAX: usize = 16;

/// How long one is kept at least.
const PERIOD: Duration = Duration::from_secs(1);

impl KeptOpen {
    /// Takes note that `descriptor`, of the file `id`, is used, to keep it for others; whether it is
    /// the only one. A file that was opened anew is not kept twice.
    fn note(&mut self, id: FileId, descriptor: &Arc<OwnedFd>) -> bool {
        if let Some(kept) = self.files.iter_mut().find(|kept| kept.id == id) {
            kept.is_used = true;
            if !Arc::ptr_eq(&kept.descriptor, descriptor) {
                kept.descriptor = Arc::clone(descriptor);
            }
            return false;
        }
        if self.files.len() >= KEPT_MAX {
            return false;
        }
        self.files.push(Kept {
            id,
            descriptor: Arc::clone(descriptor),
            is_used: true,
        });
        self.files.len() == 1
    }

    /// Lets those go that were not used since the last time; whether any are left.
    fn sweep(&mut self) -> bool {
        let is_used = |kept: &mut Kept| std::mem::take(&mut kept.is_used);
        self.files.retain_mut(is_used);
        !self.files.is_empty()
    }
}

impl Worker {
    /// Keeps `file` open for a while.
    pub(crate) fn keep_open(&self, kept: &mut KeptOpen, file: &LargeFile) {
        if kept.note(file.stamp.file(), &file.descriptor) {
            self.has_kept.notify_one();
        }
    }

    /// Closes what is not used any more. Nothing wakes it while nothing is kept.
    pub(super) async fn close_unused(self: Rc<Self>) {
        loop {
            self.has_kept.notified().await;
            loop {
                tokio::time::sleep(PERIOD).await;
                if !self.state.borrow_mut().kept.sweep() {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{MediaType, Stamp};

    fn file() -> LargeFile {
        let file = tempfile::tempfile().unwrap();
        LargeFile {
            stamp: Stamp::of(&rustix::fs::fstat(&file).unwrap()),
            media_type: MediaType::of(b"file"),
            descriptor: Arc::new(file.into()),
        }
    }

    fn note(kept: &mut KeptOpen, file: &LargeFile) -> bool {
        kept.note(file.stamp.file(), &file.descriptor)
    }

    fn holds(file: &LargeFile) -> bool {
        Arc::strong_count(&file.descriptor) > 1
    }

    #[test]
    fn what_is_not_used_is_let_go() {
        let (used, unused) = (file(), file());
        let mut kept = KeptOpen::default();
        assert!(note(&mut kept, &used));
        assert!(!note(&mut kept, &unused));

        assert!(kept.sweep());
        note(&mut kept, &used);
        assert!(kept.sweep());

        assert!(holds(&used) && !holds(&unused));
        assert!(!kept.sweep());
        assert!(!holds(&used));
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut kept = KeptOpen::default();
        let all: Vec<_> = (0..=KEPT_MAX).map(|_| file()).collect();
        for file in &all {
            note(&mut kept, file);
            note(&mut kept, file);
        }

        assert_eq!(all.iter().filter(|file| holds(file)).count(), KEPT_MAX);
    }

    #[test]
    fn a_file_that_was_opened_again_is_kept_once() {
        let first = file();
        let again = first.descriptor.try_clone().unwrap();
        let again = LargeFile {
            descriptor: Arc::new(again),
            ..first
        };
        let mut kept = KeptOpen::default();

        note(&mut kept, &first);
        note(&mut kept, &again);

        assert!(holds(&again) && !holds(&first));
    }
}
