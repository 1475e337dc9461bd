//! The sessions the hub knows, each in a numbered place.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::name::{Name, PrivateGroup};

use super::frame::Frame;
use super::ledger::{Held, Ledger};
use super::outbox::Outbox;
use super::{End, SessionId};

/// One session, from its name being taken until its connection has taken note of its end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) address: PrivateGroup,
    /// Whether it asked for membership messages.
    pub(super) membership: bool,
    pub(super) groups: BTreeSet<Name>,
    pub(super) outbox: Outbox,
    /// The bytes received from it that are not yet a whole frame.
    pub(super) unread: Held,
    /// Set once; from then on nothing is delivered.
    pub(super) end: Option<End>,
    /// The last message it was considered for, so that it gets each one once.
    turn: u64,
}

impl Session {
    pub(super) fn new(address: PrivateGroup, membership: bool, ledger: &Ledger) -> Self {
        Self {
            address,
            membership,
            groups: BTreeSet::new(),
            outbox: Outbox::default(),
            unread: ledger.hold(0),
            end: None,
            turn: 0,
        }
    }

    /// The memory it makes the hub hold.
    pub(super) fn weight(&self) -> usize {
        self.outbox.weight() + self.unread.bytes()
    }
}

/// All sessions, by number.
#[derive(Debug)]
pub(super) struct Sessions {
    places: Vec<Option<Session>>,
    free: Vec<usize>,
    /// Those whose outbox has grown over `queue_bytes_max` and who are still to be ended.
    overfull: Vec<SessionId>,
    queue_bytes_max: usize,
    stopped: bool,
}

impl Sessions {
    pub(super) fn new(queue_bytes_max: usize) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            overfull: Vec::new(),
            queue_bytes_max,
            stopped: false,
        }
    }

    /// From now on nothing is delivered.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn insert(&mut self, session: Session) -> SessionId {
        let at = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(at) {
            Some(place) => *place = Some(session),
            None => self.places.push(Some(session)),
        }
        SessionId(at)
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let session = self.places.get_mut(id.0)?.take()?;
        self.free.push(id.0);
        Some(session)
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.places.get(id.0)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.places.get_mut(id.0)?.as_mut()
    }

    /// Those that are not ended.
    pub(super) fn open_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.get_mut(id).filter(|session| session.end.is_none())
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Puts `frame` into the outbox of a session, unless it is ended or about to be.
    pub(super) fn deliver(&mut self, id: SessionId, frame: &Arc<Frame>) {
        if self.stopped {
            return;
        }
        let max = self.queue_bytes_max;
        let Some(session) = self.open_mut(id) else {
            return;
        };
        if session.outbox.weight() > max {
            return;
        }
        session.outbox.push(frame);
        if session.outbox.weight() > max {
            self.overfull.push(id);
        }
    }

    /// Whether the session has not yet been considered for message `turn`; from now on it has.
    pub(super) fn take_turn(&mut self, id: SessionId, turn: u64) -> bool {
        self.open_mut(id).is_some_and(|session| {
            let first = session.turn != turn;
            session.turn = turn;
            first
        })
    }

    /// One session whose outbox has grown over the limit.
    pub(super) fn pop_overfull(&mut self) -> Option<SessionId> {
        self.overfull.pop()
    }

    /// The open session that makes the hub hold most.
    pub(super) fn heaviest(&self) -> Option<SessionId> {
        let open = self.places.iter().enumerate().filter_map(|(at, place)| {
            let session = place.as_ref().filter(|session| session.end.is_none())?;
            Some((session.weight(), at))
        });
        let (weight, at) = open.max()?;
        (weight > 0).then_some(SessionId(at))
    }
}
