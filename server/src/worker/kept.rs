//! Large files, kept open from one request to the next.
//!
//! A file that many ask for would be opened for each of them. Whether a descriptor still is of
//! what is at a path is not known here: the cache looks at that, as for files in memory. Here is
//! how long it stays open: what nobody has asked for in a whole period is closed, so that a file
//! that was removed gives its room on the disk back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Worker;
use crate::site::{FileId, Handle, LargeFile};

/// The descriptors that a worker keeps.
#[derive(Debug, Default)]
pub(crate) struct KeptOpen {
    files: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    id: FileId,
    handle: Arc<Handle>,
    /// Since the last sweep.
    is_used: bool,
}

/// What has become of a file that may be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Noted {
    /// It is kept, and nothing else is.
    First,
    /// It is kept.
    Anew,
    /// It was already.
    Again,
    /// Others are, and there is no room.
    Full,
}

/// The files that most bytes are of are few, and each is looked for among all.
pub(crate) const KEPT_MAX: usize = 16;

/// How long one is kept at least.
const PERIOD: Duration = Duration::from_secs(1);

impl KeptOpen {
    /// Takes note that `handle`, of the file `id`, is used, to keep it for others. A file that was
    /// opened anew is not kept twice.
    fn note(&mut self, id: FileId, handle: &Arc<Handle>) -> Noted {
        if let Some(kept) = self.files.iter_mut().find(|kept| kept.id == id) {
            kept.is_used = true;
            if Arc::ptr_eq(&kept.handle, handle) {
                return Noted::Again;
            }
            kept.handle = Arc::clone(handle);
            return Noted::Anew;
        }
        if self.files.len() >= KEPT_MAX {
            return Noted::Full;
        }
        self.files.push(Kept {
            id,
            handle: Arc::clone(handle),
            is_used: true,
        });
        match self.files.len() {
            1 => Noted::First,
            _ => Noted::Anew,
        }
    }

    /// Lets those go that were not used since the last time; whether any are left.
    fn sweep(&mut self) -> bool {
        let is_used = |kept: &mut Kept| std::mem::take(&mut kept.is_used);
        self.files.retain_mut(is_used);
        !self.files.is_empty()
    }
}

impl Worker {
    /// Keeps `file` open for a while; whether it was kept already.
    pub(crate) fn keep_open(&self, kept: &mut KeptOpen, file: &LargeFile) -> bool {
        let noted = kept.note(file.stamp.file(), &file.handle);
        if noted == Noted::First {
            self.has_kept.notify_one();
        }
        noted == Noted::Again
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
            handle: Arc::new(Handle::new(file.into())),
        }
    }

    fn note(kept: &mut KeptOpen, file: &LargeFile) -> Noted {
        kept.note(file.stamp.file(), &file.handle)
    }

    fn holds(file: &LargeFile) -> bool {
        Arc::strong_count(&file.handle) > 1
    }

    #[test]
    fn what_is_not_used_is_let_go() {
        let (used, unused) = (file(), file());
        let mut kept = KeptOpen::default();
        assert_eq!(note(&mut kept, &used), Noted::First);
        assert_eq!(note(&mut kept, &unused), Noted::Anew);

        assert!(kept.sweep());
        assert_eq!(note(&mut kept, &used), Noted::Again);
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
        let again = first.handle.descriptor.try_clone().unwrap();
        let again = LargeFile {
            handle: Arc::new(Handle::new(again)),
            ..first
        };
        let mut kept = KeptOpen::default();

        assert_eq!(note(&mut kept, &first), Noted::First);
        assert_eq!(note(&mut kept, &again), Noted::Anew);

        assert!(holds(&again) && !holds(&first));
    }
}
