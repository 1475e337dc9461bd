//! The connections of one worker: where each is, so that it can be told of its socket, woken and
//! counted.
//!
//! One that waits for its client's next request is kept here, and is nothing else in the program:
//! no task, no timer, no buffer. One that is at something that takes time is in the hands of a
//! task, which has left its waker here, and finds here what its socket has become ready for.
//!
//! Who looks for idle ones to close goes round, and who comes takes the seat of one who has left,
//! behind it: so it meets the oldest first, more or less.

use std::task::Waker;
use std::time::Duration;

use super::readiness::Readiness;
use crate::clock::Moment;

/// Who is connected, each a `C`.
#[derive(Debug)]
pub(super) struct Roster<C> {
    places: Vec<Place<C>>,
    /// When whoever has a seat is to be called. They are looked at all together, and therefore lie
    /// together.
    deadlines: Vec<Moment>,
    free: Vec<Seat>,
    /// Whose turn it is to be asked for room.
    next: usize,
    /// When the deadlines are to be looked at.
    look: Moment,
}

/// A connection's place on the roster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seat(u32);

#[derive(Debug)]
enum Place<C> {
    Free,
    /// For its client.
    Waiting(C),
    /// With its turn, or with a task.
    Away(Away),
}

#[derive(Debug, Default)]
struct Away {
    waker: Option<Waker>,
    /// What it has not been told yet.
    ready: Readiness,
}

/// How far apart two looks at the deadlines are at least, and so how late one may be seen to have
/// passed: ten thousand of them are looked at in some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Seat {
    /// As the system remembers it.
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    pub(super) const fn numbered(number: u32) -> Self {
        Self(number)
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

impl<C> Default for Roster<C> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            deadlines: Vec::new(),
            free: Vec::new(),
            next: 0,
            look: Moment::NEVER,
        }
    }
}

impl<C> Roster<C> {
    /// Takes in one who is about to have its first turn.
    pub(super) fn enter(&mut self) -> Seat {
        let place = Place::Away(Away::default());
        if let Some(seat) = self.free.pop() {
            self.set(seat, place);
            return seat;
        }
        // There is a descriptor for each, so there are fewer.
        let seat = Seat(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        self.places.push(place);
        self.deadlines.push(Moment::NEVER);
        seat
    }

    /// To be called once for each seat, when nobody waits there.
    pub(super) fn leave(&mut self, seat: Seat) {
        self.set(seat, Place::Free);
        self.call_at(seat, Moment::NEVER);
        self.free.push(seat);
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Keeps `who` until its socket is ready for something, or until `deadline`.
    pub(super) fn wait(&mut self, seat: Seat, who: C, deadline: Moment) {
        self.set(seat, Place::Waiting(who));
        self.call_at(seat, deadline);
    }

    /// Has whoever has the seat called when `deadline` has passed, and not at another that was
    /// named before.
    pub(super) fn call_at(&mut self, seat: Seat, deadline: Moment) {
        if let Some(place) = self.deadlines.get_mut(seat.index()) {
            *place = deadline;
        }
        self.look = self.look.min(deadline);
    }

    /// Who waits at `seat`, for a turn. Whoever else has the seat is woken.
    pub(super) fn call(&mut self, seat: Seat) -> Option<C> {
        self.tell(seat, Readiness::NOTHING)
    }

    /// The same when its socket has become ready, which one who does not wait can ask for.
    pub(super) fn tell(&mut self, seat: Seat, ready: Readiness) -> Option<C> {
        let place = self.places.get_mut(seat.index())?;
        match place {
            Place::Free => None,
            Place::Away(away) => {
                away.ready |= ready;
                if let Some(waker) = &away.waker {
                    waker.wake_by_ref();
                }
                None
            }
            Place::Waiting(_) => {
                let taken = std::mem::replace(place, Place::Away(Away::default()));
                if let Some(deadline) = self.deadlines.get_mut(seat.index()) {
                    *deadline = Moment::NEVER;
                }
                match taken {
                    Place::Waiting(who) => Some(who),
                    Place::Free | Place::Away(_) => None,
                }
            }
        }
    }

    /// What whoever is away from `seat` has been told since it last asked. From now on `waker` is
    /// woken when there is something new, and when it is called.
    pub(super) fn told(&mut self, seat: Seat, waker: &Waker) -> Readiness {
        let Some(Place::Away(away)) = self.places.get_mut(seat.index()) else {
            return Readiness::NOTHING;
        };
        let told = std::mem::take(&mut away.ready);
        if told == Readiness::NOTHING
            && !matches!(&away.waker, Some(known) if known.will_wake(waker))
        {
            away.waker = Some(waker.clone());
        }
        told
    }

    /// The seat after the one that was asked for last, of those that are taken.
    pub(super) fn next(&mut self) -> Option<Seat> {
        let (before, after) = self.places.split_at(self.next.min(self.places.len()));
        let mut round = after.iter().chain(before);
        let skipped = round.position(|place| !matches!(place, Place::Free))?;
        let index = (self.next + skipped) % self.places.len();
        self.next = index + 1;
        u32::try_from(index).ok().map(Seat)
    }

    /// All seats, taken or not.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> + use<C> {
        (0..u32::try_from(self.places.len()).unwrap_or(u32::MAX)).map(Seat)
    }

    /// When the deadlines are to be looked at.
    pub(super) const fn look(&self) -> Moment {
        self.look
    }

    /// Looks at the deadlines, and adds to `due` whose has passed.
    pub(super) fn find_due(&mut self, now: Moment, due: &mut Vec<Seat>) {
        let mut first = Moment::NEVER;
        for (seat, deadline) in self.seats().zip(&mut self.deadlines) {
            if *deadline <= now {
                *deadline = Moment::NEVER;
                due.push(seat);
            } else {
                first = first.min(*deadline);
            }
        }
        self.look = first.max(now.after(LOOK_EVERY));
        if first == Moment::NEVER {
            self.look = first;
        }
    }

    fn set(&mut self, seat: Seat, place: Place<C>) {
        if let Some(old) = self.places.get_mut(seat.index()) {
            *old = place;
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

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn moment(seconds: u64) -> Moment {
        Moment::default().after(Duration::from_secs(seconds))
    }

    fn due(roster: &mut Roster<char>, seconds: u64) -> Vec<Seat> {
        let mut due = Vec::new();
        roster.find_due(moment(seconds), &mut due);
        due
    }

    #[test]
    fn who_waits_is_handed_out_once_and_who_is_away_is_woken() {
        let mut roster = Roster::default();
        let seat = roster.enter();
        roster.wait(seat, 'a', moment(1));
        assert_eq!(roster.tell(seat, Readiness::READABLE), Some('a'));
        let woken = Arc::new(Woken::default());
        let waker = Arc::clone(&woken).into();
        assert_eq!(roster.told(seat, &waker), Readiness::NOTHING);

        assert_eq!(roster.tell(seat, Readiness::READABLE), None);
        assert_eq!(roster.tell(seat, Readiness::WRITABLE), None);
        assert_eq!(woken.times(), 2);
        let both = Readiness::READABLE | Readiness::WRITABLE;
        assert_eq!(roster.told(seat, &waker), both);
        assert_eq!(roster.told(seat, &waker), Readiness::NOTHING);
        assert_eq!(roster.call(seat), None);
        assert_eq!(woken.times(), 3);
    }

    #[test]
    fn seats_of_those_who_left_are_used_again_and_nobody_is_there_meanwhile() {
        let mut roster = Roster::default();
        let (stays, leaves) = (roster.enter(), roster.enter());
        roster.wait(stays, 'a', moment(9));
        roster.wait(leaves, 'b', moment(1));
        assert_eq!(roster.call(leaves), Some('b'));

        roster.leave(leaves);

        assert_eq!(roster.len(), 1);
        assert_eq!(roster.tell(leaves, Readiness::READABLE), None);
        assert_eq!(due(&mut roster, 5), []);
        assert_eq!(roster.enter(), leaves);
        assert_eq!(roster.told(leaves, Waker::noop()), Readiness::NOTHING);
        assert_eq!(roster.len(), 2);
    }

    #[test]
    fn each_is_next_in_turn_and_empty_seats_are_passed_over() {
        let mut roster = Roster::<char>::default();
        assert_eq!(roster.next(), None);
        let seats: [Seat; 4] = std::array::from_fn(|_| roster.enter());
        roster.leave(seats[1]);

        for expected in [0, 2, 3, 0] {
            assert_eq!(roster.next(), Some(seats[expected]));
        }
        roster.leave(seats[0]);
        roster.leave(seats[2]);
        for expected in [3, 3] {
            assert_eq!(roster.next(), Some(seats[expected]));
        }
    }

    #[test]
    fn a_deadline_that_has_moved_is_seen_where_it_is() {
        let mut roster = Roster::default();
        let (first, second) = (roster.enter(), roster.enter());
        roster.wait(first, 'a', moment(2));
        roster.wait(second, 'b', moment(3));
        assert_eq!(roster.look(), moment(2));
        roster.call(first);
        roster.wait(first, 'a', moment(8));

        assert_eq!(due(&mut roster, 2), []);
        assert_eq!(roster.look(), moment(3));
        assert_eq!(due(&mut roster, 3), [second]);
        roster.call(second);
        assert_eq!(due(&mut roster, 4), []);
        assert_eq!(roster.look(), moment(8));
        roster.wait(second, 'b', moment(5));
        assert_eq!(roster.look(), moment(5));
        assert_eq!(due(&mut roster, 9), [first, second]);
    }

    #[test]
    fn deadlines_are_not_looked_at_all_the_time_and_not_at_all_for_nobody() {
        let mut roster = Roster::default();
        for seconds in 1..=1000 {
            let seat = roster.enter();
            let millis = Duration::from_millis(seconds);
            roster.wait(seat, 'a', moment(1).after(millis));
        }

        assert!(due(&mut roster, 1).is_empty());

        assert_eq!(roster.look(), moment(1).after(LOOK_EVERY));
        for seat in roster.seats() {
            roster.call(seat);
        }
        assert!(due(&mut roster, 2).is_empty());
        assert_eq!(roster.look(), Moment::NEVER);
    }
}
