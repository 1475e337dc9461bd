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

/// The descriptors that a worker keeps.
#[derive(Debug, Default)]
pub(crate) struct KeptOpen {
    files: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    descriptor: Arc<OwnedFd>,
    /// Since the last sweep.
    is_used: bool,
}

/// The files that most bytes are of are few, and each is looked for among all.
pub(crate) const KEPT_MAX: usize = 16;

/// How long one is kept at least.
const PERIOD: Duration = Duration::from_secs(1);

impl KeptOpen {
    /// Takes note that `descriptor` is used, to keep it for others; whether it is the only one.
    fn note(&mut self, descriptor: &Arc<OwnedFd>) -> bool {
        let is_same = |kept: &&mut Kept| Arc::ptr_eq(&kept.descriptor, descriptor);
        if let Some(kept) = self.files.iter_mut().find(is_same) {
            kept.is_used = true;
            return false;
        }
        if self.files.len() >= KEPT_MAX {
            return false;
        }
        self.files.push(Kept {
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
    /// Keeps `descriptor` open for a while.
    pub(crate) fn keep_open(&self, kept: &mut KeptOpen, descriptor: &Arc<OwnedFd>) {
        if kept.note(descriptor) {
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

    fn descriptor() -> Arc<OwnedFd> {
        Arc::new(tempfile::tempfile().unwrap().into())
    }

    #[test]
    fn what_is_not_used_is_let_go() {
        let (used, unused) = (descriptor(), descriptor());
        let mut kept = KeptOpen::default();
        assert!(kept.note(&used));
        assert!(!kept.note(&unused));

        assert!(kept.sweep());
        kept.note(&used);
        assert!(kept.sweep());

        assert_eq!(Arc::strong_count(&used), 2);
        assert_eq!(Arc::strong_count(&unused), 1);
        assert!(!kept.sweep());
        assert_eq!(Arc::strong_count(&used), 1);
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut kept = KeptOpen::default();
        let all: Vec<_> = (0..=KEPT_MAX).map(|_| descriptor()).collect();
        for descriptor in &all {
            kept.note(descriptor);
            kept.note(descriptor);
        }

        let held = |descriptor: &&Arc<OwnedFd>| Arc::strong_count(descriptor) > 1;
        assert_eq!(all.iter().filter(held).count(), KEPT_MAX);
    }
}
