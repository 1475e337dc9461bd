//! What one session still has to be sent, as bytes ready for a vectored write.
//!
//! It writes nothing: whoever owns the connection asks for the slices, writes what the connection
//! takes, and says how much that was.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::Waker;

use super::frame::Frame;

/// 1,024 places, 8 KiB: what an outbox keeps when all is written; after a long queue it gives
/// the rest back.
const IDLE_PLACES_MAX: usize = 1_024;

/// The frames that wait for one session, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Arc<Frame>>,
    /// The sum of the frames' weights, the one half written included.
    weight: usize,
    /// How many bytes of the first frame are written.
    written: usize,
    /// Who writes.
    waker: Option<Waker>,
}

impl Outbox {
    /// Adds a frame at the end, and wakes the writer for the first.
    ///
    /// While there is something to write the writer waits for the connection, not for us.
    pub(super) fn push(&mut self, frame: &Arc<Frame>) {
        if self.frames.is_empty() {
            self.wake();
        }
        self.weight += frame.weight();
        self.frames.push_back(Arc::clone(frame));
    }

    /// Forgets everything that was not written.
    pub(crate) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.weight = 0;
        self.written = 0;
    }

    /// Wakes the writer.
    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Has `waker` woken when there is something to write, and at the end of the session.
    pub(crate) fn wake_with(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(old) => old.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    /// Whether all has been written.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The memory its frames take, as it is counted against the limit of a session.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Puts the bytes to write next into `slices` and says how many slices that took.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skip = self.written;
        let parts = self.frames.iter().flat_map(|frame| frame.parts());
        let unwritten = parts.filter_map(|part| {
            let rest = part.get(skip..);
            skip = skip.saturating_sub(part.len());
            rest.filter(|rest| !rest.is_empty())
        });
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(unwritten) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    /// Takes note that the first `n` bytes of what `fill` gave are written.
    pub(crate) fn advance(&mut self, n: usize) {
        self.written += n;
        while let Some(front) = self.frames.front() {
            if self.written < front.len() {
                break;
            }
            self.written -= front.len();
            self.weight -= front.weight();
            self.frames.pop_front();
        }
        if self.frames.is_empty() && self.frames.capacity() > IDLE_PLACES_MAX {
            self.frames = VecDeque::new();
        }
    }
}
