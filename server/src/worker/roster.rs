//! The connections of one worker, so that they can be woken and counted.
//!
//! A worker that stops has to reach connections that wait for their clients. Each
//! leaves the waker of its task here once, when it begins, rather than waiting for a
//! stop beside every read, which would cost each request something. So does one that
//! looks for idle ones to close. It goes round, and who comes takes the seat of one who
//! has left, behind it: so it meets the oldest first, more or less.

use std::task::Waker;

/// Who is connected.
#[derive(Debug, Default)]
pub(super) struct Roster {
    seats: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// Whose turn it is to be woken.
    next: usize,
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

    /// Wakes whoever sits next to the one woken last.
    pub(super) fn wake_next(&mut self) {
        let (before, after) = self.seats.split_at(self.next.min(self.seats.len()));
        let mut round = after.iter().chain(before);
        let Some(skipped) = round.position(Option::is_some) else {
            return;
        };
        let seat = (self.next + skipped) % self.seats.len();
        if let Some(Some(waker)) = self.seats.get(seat) {
            waker.wake_by_ref();
        }
        self.next = seat + 1;
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

    #[test]
    fn each_is_woken_in_turn_and_empty_seats_are_passed_over() {
        let woken: [Arc<Woken>; 4] = Default::default();
        let mut roster = Roster::default();
        roster.wake_next();
        let seats = woken.each_ref().map(|woken| {
            let seat = roster.enter();
            roster.wake_by(&seat, Arc::clone(woken).into());
            seat
        });
        roster.leave(&seats[1]);
        let times = || {
            woken
                .each_ref()
                .map(|woken| woken.0.load(Ordering::Relaxed))
        };

        for expected in [[1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1], [2, 0, 1, 1]] {
            roster.wake_next();
            assert_eq!(times(), expected);
        }
        roster.leave(&seats[0]);
        roster.leave(&seats[2]);
        for expected in [[2, 0, 1, 2], [2, 0, 1, 3]] {
            roster.wake_next();
            assert_eq!(times(), expected);
        }
    }
}
