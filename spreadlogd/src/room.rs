//! The memory that received lines may take before they are written.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes, shared by those who receive and those who write.
#[derive(Debug, Default)]
pub(crate) struct Room {
    held: AtomicUsize,
    max: usize,
}

impl Room {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
        }
    }

    /// Takes `bytes` of it; `false`, and nothing taken, if there is not as much.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|&sum| sum <= self.max);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Takes `bytes` of it though there may not be as much: what was received as one thing and
    /// turned out to be more.
    pub(crate) fn force(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn is_half_free(&self) -> bool {
        self.held() <= self.max / 2
    }

    /// Bytes of it that are taken.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }
}
