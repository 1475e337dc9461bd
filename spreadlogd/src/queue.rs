//! The queue from those who receive, which never wait, to the thread that writes.
//!
//! It is bounded in bytes by [`Room`]. The writer takes all of it at once, and not more often
//! than every [`FLUSH_INTERVAL`] unless there is much: a line is on its way to its file at most
//! that long after it came, and a storm of small messages costs few system calls.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::Event;
use crate::room::Room;
use crate::sink::Lines;

/// What the writer is told, in order.
#[derive(Debug)]
pub(crate) enum Item {
    /// To write these lines as each of these Logs says.
    Lines(Lines, Arc<[usize]>),
    /// To take note of something that is no matter of files.
    Note(Event),
    /// To open all files again by their paths.
    Reopen,
    /// To let nothing wait for company any more: the end is near.
    Hurry,
    /// To write what is left, until this instant at most, and end.
    Finish(Instant),
}

/// The queue; any number may push, one takes.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Arc<Room>,
}

#[derive(Debug, Default)]
struct State {
    items: Vec<Item>,
    /// Cost of the lines in `items`.
    bytes: usize,
    /// How many of `items` are notes.
    notes: usize,
    /// The writer shall not wait for more.
    is_urgent: bool,
}

impl Queue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            room: Arc::new(Room::new(bytes_max)),
        }
    }

    /// The bound, which sinks share: what they keep is not free for the queue.
    pub(crate) const fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Hands lines over for `logs`.
    ///
    /// # Errors
    /// When there is no room for them. They are the caller's to count as lost.
    pub(crate) fn push(&self, lines: Lines, logs: Arc<[usize]>) -> Result<(), Full> {
        let cost = lines.cost();
        if !self.room.take(cost * logs.len()) {
            return Err(Full);
        }
        let mut state = self.lock();
        let was_empty = state.items.is_empty();
        let was_urgent = state.is_urgent;
        state.bytes += cost;
        state.is_urgent |= state.bytes >= URGENT_BYTES;
        state.items.push(Item::Lines(lines, logs));
        if was_empty || state.is_urgent != was_urgent {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Whether there is room for notes. Without it nothing is to be taken that leads to some: the
    /// writer hangs, and strangers could fill the memory with them.
    pub(crate) fn takes_notes(&self) -> bool {
        self.lock().notes < NOTES_MAX
    }

    /// Hands over what the ledger is to take note of, in order with the lines.
    pub(crate) fn note(&self, event: Event) {
        let mut state = self.lock();
        state.notes += 1;
        if state.items.is_empty() {
            self.wake.notify_one();
        }
        state.items.push(Item::Note(event));
    }

    /// Hands a command over; the writer comes to it at once.
    pub(crate) fn command(&self, item: Item) {
        let mut state = self.lock();
        state.items.push(item);
        state.is_urgent = true;
        self.wake.notify_one();
    }

    /// Waits for items and takes all of them, in place of those in `taken`. Without items it
    /// returns at `until`; with some not before `not_before` unless they are urgent.
    pub(crate) fn take(&self, taken: &mut Vec<Item>, not_before: Instant, until: Option<Instant>) {
        taken.clear();
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let wake_at = if state.is_urgent {
                Some(now)
            } else if state.items.is_empty() {
                until
            } else {
                Some(not_before)
            };
            match wake_at.map(|at| at.saturating_duration_since(now)) {
                None => {
                    let woken = self.wake.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                Some(Duration::ZERO) => break,
                Some(timeout) => {
                    let woken = self.wake.wait_timeout(state, timeout);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        mem::swap(&mut state.items, taken);
        state.bytes = 0;
        state.notes = 0;
        state.is_urgent = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no room for more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

/// The longest that a line waits for company on its way to the file.
pub(crate) const FLUSH_INTERVAL: Duration = Duration::from_millis(20);

/// 10,000 notes that wait, with what publishers say in 8 KiB at most: 80 MiB at the very worst,
/// and some 5 MiB of the usual ones. A farm of a thousand publishers has as many in 20 ms when it
/// is seen for the first time.
const NOTES_MAX: usize = 10_000;

/// So much is worth a write of its own: 1 MiB is some 30 messages of the usual 32 KiB.
pub(crate) const URGENT_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn lines(len: usize) -> Lines {
        Lines::of_stranger(Bytes::from(vec![b'x'; len]))
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_rest_kept() {
        let cost = lines(100).cost();
        let queue = Queue::new(5 * cost);
        let two: Arc<[usize]> = Arc::new([0, 1]);

        let results = [(); 3].map(|()| queue.push(lines(100), Arc::clone(&two)));

        assert_eq!(results, [Ok(()), Ok(()), Err(Full)]);
        let mut taken = Vec::new();
        queue.take(&mut taken, Instant::now(), None);
        assert_eq!(taken.len(), 2);
        // Taken is not written: the room is the sinks' to give back.
        assert_eq!(queue.push(lines(100), Arc::clone(&two)), Err(Full));
        queue.room().give_back(2 * cost);
        assert_eq!(queue.push(lines(100), two), Ok(()));
    }

    /// Each of these would wait for an hour, or for ever, if it waited.
    #[test]
    fn much_or_a_command_is_taken_at_once() {
        let later = Instant::now() + Duration::from_secs(3_600);
        let queue = Queue::new(usize::MAX);
        let mut taken = Vec::new();

        queue.push(lines(URGENT_BYTES), Arc::new([0])).unwrap();
        queue.take(&mut taken, later, None);
        assert!(matches!(taken.as_slice(), [Item::Lines(..)]));

        queue.push(lines(1), Arc::new([0])).unwrap();
        queue.command(Item::Reopen);
        queue.take(&mut taken, later, None);
        assert!(matches!(taken.as_slice(), [Item::Lines(..), Item::Reopen]));

        queue.take(&mut taken, later, Some(Instant::now()));
        assert!(taken.is_empty());
    }

    #[test]
    fn notes_that_wait_are_bounded() {
        let queue = Queue::new(usize::MAX);
        let source = lines(1).origin.source;
        while queue.takes_notes() {
            queue.note(Event::Forgotten { source });
        }
        let mut taken = Vec::new();

        queue.take(&mut taken, Instant::now(), None);

        assert_eq!(taken.len(), NOTES_MAX);
        assert!(queue.takes_notes());
    }

    #[test]
    fn a_writer_that_waits_is_woken() {
        let queue = Arc::new(Queue::new(usize::MAX));
        let taker = Arc::clone(&queue);
        let writer = std::thread::spawn(move || {
            let mut taken = Vec::new();
            taker.take(&mut taken, Instant::now(), None);
            taken.len()
        });

        queue.push(lines(1), Arc::new([0])).unwrap();

        assert_eq!(writer.join().unwrap(), 1);
    }
}
