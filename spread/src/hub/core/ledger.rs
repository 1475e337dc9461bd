//! The bytes the hub holds for its sessions at this moment, each counted once.
//!
//! A message that waits for a hundred slow receivers is in memory once, so it is counted once:
//! it enters the ledger when it is made and leaves it when the last queue has let go of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A running total, shared by all who hold a part of it.
///
/// Relaxed order is enough: the total orders nothing, it is only compared with a limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<AtomicUsize>);

impl Ledger {
    /// Enters `bytes` until what is returned is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Held {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Held {
            ledger: self.clone(),
            bytes,
        }
    }

    /// The bytes held now.
    pub(crate) fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// An entry of a ledger, struck out when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    ledger: Ledger,
    bytes: usize,
}

impl Held {
    /// The size of this entry.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the size of this entry.
    pub(crate) fn resize(&mut self, bytes: usize) {
        self.ledger.0.fetch_add(bytes, Ordering::Relaxed);
        self.ledger.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ledger.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
