//! The connections of one worker, so that all can be woken and counted.
//!
//! A worker that stops has to reach connections that wait for their clients. Each
//! leaves the waker of its task here once, when it begins, rather than waiting for a
//! stop beside every read, which would cost each request something.

use std::task::Waker;

/// Who is connected.
#[derive(Debug, Default)]
pub(super) struct Roster {
    seats: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A connection's place on the roster.
#[derive(Debug)]
pub(super) struct Seat(usize);

impl Roster {
    /// Takes in one who cannot be woken yet.
    pub(super) fn enter(&mut self) -> Seat {
        match self.free.pop() {
            Some(seat) => Seat(seat),
            None => {
                self.seats.push(None);
                Seat(self.seats.len() - 1)
            }
        }
    }

    pub(super) fn wake_by(&mut self, seat: &Seat, waker: Waker) {
        if let Some(place) = self.seats.get_mut(seat.0) {
            *place = Some(waker);
        }
    }

    /// To be called once for each seat.
    pub(super) fn leave(&mut self, seat: &Seat) {
        if let Some(place) = self.seats.get_mut(seat.0) {
            *place = None;
            self.free.push(seat.0);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    pub(super) fn wake_all(&self) {
        for waker in self.seats.iter().flatten() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn those_who_left_are_not_woken_and_their_seats_are_used_again() {
        let (stayed, left) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let mut roster = Roster::default();
        let stays = roster.enter();
        roster.wake_by(&stays, Arc::clone(&stayed).into());
        let leaves = roster.enter();
        roster.wake_by(&leaves, Arc::clone(&left).into());

        roster.leave(&leaves);
        roster.wake_all();

        assert_eq!(stayed.0.load(Ordering::Relaxed), 1);
        assert_eq!(left.0.load(Ordering::Relaxed), 0);
        assert_eq!(roster.len(), 1);
        let _next = roster.enter();
        assert_eq!((roster.len(), roster.seats.len()), (2, 2));
    }
}
