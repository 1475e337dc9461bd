//! Buffers of messages, filled again when nobody needs their message any more.
//!
//! A publisher under load fills a thousand of them a second, and gets them back when logging hosts
//! have acknowledged what is in them, hundreds at a time. An allocator gives so much back to the
//! system, which then has to clear every page anew. So they are kept here; those that were not
//! needed for a second go. Pure: time comes as an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

/// Where buffers come from, and go back to.
#[derive(Debug)]
pub(crate) struct Buffers {
    len: usize,
    shelf: Arc<Shelf>,
    thinned: Duration,
}

impl Buffers {
    /// Buffers with room for `len` bytes.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len,
            shelf: Arc::default(),
            thinned: Duration::ZERO,
        }
    }

    /// An empty one.
    pub(crate) fn take(&self) -> Vec<u8> {
        let taken = self.shelf.free().take();
        taken.unwrap_or_else(|| Vec::with_capacity(self.len))
    }

    /// What `buffer` holds; when the last has dropped it, the buffer is here again.
    pub(crate) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        if buffer.capacity() > self.len {
            // It has grown for a long line, and would be kept at that length.
            return buffer.into();
        }
        Bytes::from_owner(Lent {
            buffer,
            shelf: Arc::clone(&self.shelf),
        })
    }

    /// Frees those that were not needed for a second.
    pub(crate) fn thin(&mut self, now: Duration) {
        if now.saturating_sub(self.thinned) >= THIN_EVERY {
            self.thinned = now;
            self.shelf.free().thin();
        }
    }
}

/// The buffers that are free. The lock is of the publisher's thread alone, but for messages that
/// another drops.
#[derive(Debug, Default)]
struct Shelf(Mutex<Free>);

impl Shelf {
    fn free(&self) -> MutexGuard<'_, Free> {
        // Whoever panicked has left a list of buffers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Free {
    /// The one that was used last is at the end, and is taken first: it may be in a cache yet.
    buffers: Vec<Vec<u8>>,
    /// The fewest there were since they were last thinned.
    least: usize,
}

impl Free {
    fn take(&mut self) -> Option<Vec<u8>> {
        let taken = self.buffers.pop();
        self.least = self.least.min(self.buffers.len());
        taken
    }

    fn thin(&mut self) {
        self.buffers.drain(..self.least);
        self.least = self.buffers.len();
    }
}

/// A buffer that is a message.
struct Lent {
    buffer: Vec<u8>,
    shelf: Arc<Shelf>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.shelf.free().buffers.push(buffer);
    }
}

/// 1 s: logging hosts acknowledge four times a second.
const THIN_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn free(buffers: &Buffers) -> usize {
        buffers.shelf.free().buffers.len()
    }

    fn message(buffers: &Buffers, text: &[u8]) -> Bytes {
        let mut buffer = buffers.take();
        buffer.extend_from_slice(text);
        buffers.lend(buffer)
    }

    #[test]
    fn a_buffer_is_used_again_when_the_last_has_dropped_its_message() {
        let buffers = Buffers::new(8);
        let first = message(&buffers, b"first");
        let place = first.as_ptr();
        let part = first.slice(1..3);

        drop(first);
        assert_ne!(message(&buffers, b"second").as_ptr(), place);
        assert_eq!(&part[..], b"ir");
        drop(part);

        let third = message(&buffers, b"third");
        assert_eq!(third.as_ptr(), place);
        assert_eq!(&third[..], b"third");
    }

    #[test]
    fn a_buffer_that_has_grown_is_not_kept() {
        let buffers = Buffers::new(8);

        drop(message(&buffers, &[b'x'; 100]));

        assert_eq!(free(&buffers), 0);
    }

    #[test]
    fn those_that_were_not_needed_for_a_second_go() {
        let mut buffers = Buffers::new(8);
        let second = |number| Duration::from_secs(number);
        let out: Vec<_> = (0..10).map(|_| message(&buffers, b"x")).collect();
        drop(out);
        buffers.thin(second(1));
        assert_eq!(free(&buffers), 10, "all were needed");

        let out: Vec<_> = (0..4).map(|_| message(&buffers, b"x")).collect();
        drop(out);
        buffers.thin(second(1));
        assert_eq!(free(&buffers), 10, "it is not yet time");
        buffers.thin(second(2));

        assert_eq!(free(&buffers), 4);
        buffers.thin(second(3));
        assert_eq!(free(&buffers), 0);
    }
}
