//! What the sockets of a worker are ready for, as the system tells it (epoll(7)).
//!
//! Told is what changes (`EPOLLET`), once, so that a socket is registered once, however long its
//! connection lasts. Whether it can be written to is not told before it once could not.

use std::io;
use std::ops::{BitOr, BitOrAssign};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::roster::Seat;

/// What a socket is ready for, as far as is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Readiness(u8);

/// Who is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose {
    /// Of a connection.
    Connection(Seat),
    /// Of a listener, as they are counted.
    Listener(u32),
    /// Of whoever has tasks woken.
    Alarm,
}

/// The sockets that are watched.
#[derive(Debug)]
pub(super) struct Watched(OwnedFd);

/// As many as are told of at a time, which is as long as the tasks of a worker wait for it.
const EVENTS_MAX: usize = 128;

/// What is told of every socket.
const READING: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

impl Readiness {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const READABLE: Self = Self(1);
    pub(crate) const WRITABLE: Self = Self(2);
    /// Nothing more comes from the other side, if it is not gone altogether. It stays so.
    pub(crate) const ENDED: Self = Self(4);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    #[inline]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// An error is found out by reading as well as by writing.
    fn of(flags: EventFlags) -> Self {
        let when = |flag, readiness| match flags.intersects(flag) {
            true => readiness,
            false => Self::NOTHING,
        };
        let broken = EventFlags::ERR | EventFlags::HUP;
        when(EventFlags::IN, Self::READABLE)
            | when(EventFlags::OUT | broken, Self::WRITABLE)
            | when(EventFlags::RDHUP | broken, Self::ENDED)
    }
}

impl BitOr for Readiness {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl BitOrAssign for Readiness {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl Whose {
    /// A connection's number is below these.
    const LISTENERS: u64 = 1 << 32;
    const ALARM: u64 = u64::MAX;

    fn number(self) -> EventData {
        EventData::new_u64(match self {
            Self::Connection(seat) => u64::from(seat.number()),
            Self::Listener(number) => Self::LISTENERS + u64::from(number),
            Self::Alarm => Self::ALARM,
        })
    }

    fn numbered(number: EventData) -> Self {
        let number = number.u64();
        let listener = number.checked_sub(Self::LISTENERS);
        match (u32::try_from(number), listener.map(u32::try_from)) {
            (Ok(seat), _) => Self::Connection(Seat::numbered(seat)),
            (_, Some(Ok(listener))) => Self::Listener(listener),
            _ => Self::Alarm,
        }
    }
}

impl Watched {
    /// None yet.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Tells from now on when `socket` can be read, and first what it is ready for already. It is
    /// forgotten when it is closed.
    pub(super) fn add(&self, socket: impl AsFd, whose: Whose) -> io::Result<()> {
        Ok(epoll::add(&self.0, socket, whose.number(), READING)?)
    }

    /// Tells also when it can be written to.
    pub(super) fn add_writing(&self, socket: impl AsFd, whose: Whose) -> io::Result<()> {
        let both = READING | EventFlags::OUT;
        Ok(epoll::modify(&self.0, socket, whose.number(), both)?)
    }

    /// Waits, no longer than `timeout`, and fills `events`, which is empty, with what has changed.
    pub(super) fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        events.reserve_exact(EVENTS_MAX);
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        match epoll::wait(&self.0, spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What `event` says of whom.
#[inline]
pub(super) fn told(event: &Event) -> (Whose, Readiness) {
    (Whose::numbered(event.data), Readiness::of(event.flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_known_by_number() {
        for number in [0, 1, u32::MAX] {
            let connection = Whose::Connection(Seat::numbered(number));
            assert_eq!(Whose::numbered(connection.number()), connection);
            let listener = Whose::Listener(number);
            assert_eq!(Whose::numbered(listener.number()), listener);
        }
        assert_eq!(Whose::numbered(Whose::Alarm.number()), Whose::Alarm);
    }
}
