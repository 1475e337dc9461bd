//! What the hub decides: who is called what, who is in which group, who is sent which bytes.
//!
//! It opens no socket and reads no clock. Told that a session opened, asked for something or
//! ended, it puts frames into the [`Outbox`] of every session concerned, and the I/O around it
//! writes them. That is the whole of Spread's delivery on one node:
//!
//! - **One order.** A request is carried out completely before the next is looked at, so all
//!   outboxes see messages and memberships in the same order. This is what `AGREED` asks for,
//!   and on one daemon every other service type is no more than that.
//! - **One copy.** A frame is encoded once and shared by all the outboxes it goes to.
//! - **Nobody waits.** A session whose outbox grows over the limit is ended, with the reason;
//!   the sender and the other receivers never notice.

mod books;
mod frame;
mod group;
mod ledger;
mod outbox;
mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::name::{DaemonName, Name, PrivateGroup, PrivateName};
use crate::wire::{Cause, Delivery, GroupId, Membership, Message, Request};

pub use books::{HubBooks, Tally};
use frame::Frame;
use group::Group;
use ledger::Ledger;
pub(super) use outbox::Outbox;
use session::{Session, Sessions};

/// 4,096: a logging host joins two groups for each virtual host it writes, and no client is
/// known that joins more than some hundreds; at about 200 bytes each this is 1 MB a session.
const GROUPS_PER_SESSION_MAX: usize = 4_096;

/// 262,144 memberships of all sessions together, about 50 MB.
const MEMBERSHIPS_MAX: usize = 262_144;

/// Names made up for clients that give none have nine digits at most, to fit ten bytes.
const INVENTED_NAMES: u32 = 1_000_000_000;

/// One session, as long as its connection has not called [`Core::remove`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct SessionId(usize);

/// How much the hub may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Sessions open at a time.
    pub(super) sessions_max: usize,
    /// Memory of the frames that wait for one session.
    pub(super) queue_bytes_max: usize,
    /// Memory of all frames that wait, each counted once, and of all half-received ones.
    pub(super) total_bytes_max: usize,
}

/// Why a session was not opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// Another session has that name.
    NameTaken,
    /// There are as many sessions as there may be.
    Full,
}

/// Why a session is over.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum End {
    /// It asked for it.
    #[error("it disconnected")]
    Disconnected,
    /// Its connection ended.
    #[error("its connection ended")]
    ConnectionEnded,
    /// It does not read as fast as it is sent to.
    #[error(
        "it reads too slowly: {waiting} bytes were waiting for it, {max} may; it should take \
         what comes at once and keep it itself, or the hub allow a longer queue"
    )]
    TooSlow {
        /// The memory its frames took.
        waiting: usize,
        /// The limit of a session.
        max: usize,
    },
    /// All sessions together hold too much, and this one most.
    #[error(
        "{held} bytes were waiting for it, more than for any other, and all together may not \
         be over {max}; it should read faster, or the hub be allowed more memory"
    )]
    Overload {
        /// The memory held for this session.
        held: usize,
        /// The limit of all sessions.
        max: usize,
    },
    /// It, or all sessions together, would be in too many groups.
    #[error("it joins more groups than the hub keeps ({max})")]
    TooManyGroups {
        /// The limit reached.
        max: usize,
    },
}

impl End {
    /// Whether the hub has ended it, to keep its limits.
    const fn is_ours(&self) -> bool {
        match self {
            Self::Disconnected | Self::ConnectionEnded => false,
            Self::TooSlow { .. } | Self::Overload { .. } | Self::TooManyGroups { .. } => true,
        }
    }
}

/// Sessions, groups and what waits to be delivered.
#[derive(Debug)]
pub(super) struct Core {
    daemon: DaemonName,
    /// The first two parts of every [`GroupId`].
    identity: (i32, i32),
    limits: Limits,
    ledger: Ledger,
    sessions: Sessions,
    addresses: HashMap<Name, SessionId>,
    groups: HashMap<Name, Group>,
    memberships: usize,
    tally: Tally,
    names_invented: u32,
    turn: u64,
}

impl Core {
    /// A hub without sessions; `started` is its start in Unix seconds, part of its group ids.
    pub(super) fn new(daemon: DaemonName, started: i32, limits: Limits) -> Self {
        Self {
            daemon,
            identity: (fnv1a(daemon.as_bytes()), started),
            limits,
            ledger: Ledger::default(),
            sessions: Sessions::new(limits.queue_bytes_max),
            addresses: HashMap::new(),
            groups: HashMap::new(),
            memberships: 0,
            tally: Tally::default(),
            names_invented: 0,
            turn: 0,
        }
    }

    /// Opens a session, under a name made up if the client gave none.
    pub(super) fn open(
        &mut self,
        name: Option<PrivateName>,
        membership: bool,
    ) -> Result<(SessionId, PrivateGroup), Refusal> {
        if self.sessions.len() >= self.limits.sessions_max {
            return Err(Refusal::Full);
        }
        let address = match name {
            Some(name) => PrivateGroup::of(name, self.daemon),
            None => self.invent_address().ok_or(Refusal::Full)?,
        };
        if self.addresses.contains_key(&address.into()) {
            return Err(Refusal::NameTaken);
        }
        let session = Session::new(address, membership, &self.ledger);
        let id = self.sessions.insert(session);
        self.addresses.insert(address.into(), id);
        self.tally.sessions += 1;
        Ok((id, address))
    }

    /// Carries out what a session asks for; one that is ended asks in vain.
    pub(super) fn request(&mut self, from: SessionId, request: &Request) {
        if self.sessions.is_stopped() || self.sessions.open_mut(from).is_none() {
            return;
        }
        match request {
            Request::Join(group) => self.join(from, (*group).into()),
            Request::Leave(group) => self.leave(from, (*group).into()),
            Request::Multicast(message) => self.multicast(from, message),
            Request::Disconnect => self.end(from, End::Disconnected),
        }
        self.settle();
    }

    /// Takes note that `bytes` received from a session wait to become a frame.
    pub(super) fn set_unread(&mut self, id: SessionId, bytes: usize) {
        if let Some(session) = self.sessions.open_mut(id) {
            session.unread.resize(bytes);
            self.settle();
        }
    }

    /// What a session still has to be sent.
    pub(super) fn outbox_mut(&mut self, id: SessionId) -> Option<&mut Outbox> {
        self.sessions.get_mut(id).map(|session| &mut session.outbox)
    }

    /// Takes no more requests and delivers nothing more: what waits may still be written, and
    /// nobody is told that the others go.
    pub(super) fn stop(&mut self) {
        self.sessions.stop();
    }

    /// How things are, and what was counted.
    pub(super) fn books(&self) -> HubBooks {
        HubBooks {
            sessions: self.addresses.len(),
            groups: self.groups.len(),
            memberships: self.memberships,
            waiting_bytes: self.ledger.total(),
            tally: self.tally,
        }
    }

    /// Whether anything waits for a session.
    pub(super) fn waits_for(&self, id: SessionId) -> bool {
        let session = self.sessions.get(id);
        session.is_some_and(|session| !session.outbox.is_empty())
    }

    /// Why a session is over, once it is.
    pub(super) fn end_of(&self, id: SessionId) -> Option<&End> {
        self.sessions.get(id)?.end.as_ref()
    }

    /// Forgets a session, ending it first if it is open; its number may now be another's.
    pub(super) fn remove(&mut self, id: SessionId) -> Option<End> {
        self.end(id, End::ConnectionEnded);
        self.settle();
        self.sessions.remove(id)?.end
    }

    fn join(&mut self, id: SessionId, group: Name) {
        let Some(session) = self.sessions.open_mut(id) else {
            return;
        };
        if session.groups.contains(&group) {
            return;
        }
        for (used, max) in [
            (session.groups.len(), GROUPS_PER_SESSION_MAX),
            (self.memberships, MEMBERSHIPS_MAX),
        ] {
            if used >= max {
                return self.end(id, End::TooManyGroups { max });
            }
        }
        session.groups.insert(group);
        let member = session.address.into();
        self.groups.entry(group).or_default().insert(member, id);
        self.memberships += 1;
        self.tell_members(group, Cause::Join, member);
    }

    fn leave(&mut self, id: SessionId, group: Name) {
        let Some(session) = self.sessions.open_mut(id) else {
            return;
        };
        if !session.groups.remove(&group) {
            return;
        }
        let (member, membership) = (session.address, session.membership);
        if membership {
            let frame = Frame::encode(&Delivery::SelfLeave { group }, &self.ledger);
            self.sessions.deliver(id, &frame);
        }
        self.remove_member(group, member, Cause::Leave);
    }

    /// Sends a message to every member of its groups once, the sender too unless it asked not.
    ///
    /// A name that no group and no session has, valid or not, is nobody's.
    fn multicast(&mut self, from: SessionId, message: &Message) {
        self.turn += 1;
        self.tally.messages += 1;
        self.tally.bytes += message.body.len() as u64;
        if message.self_discard {
            self.sessions.take_turn(from, self.turn);
        }
        let mut frame = None;
        for name in &message.groups {
            let session = self.addresses.get(name).copied();
            let members = self.groups.get(name).into_iter().flat_map(Group::sessions);
            for to in session.into_iter().chain(members) {
                if self.sessions.take_turn(to, self.turn) {
                    let frame = frame.get_or_insert_with(|| Frame::message(message, &self.ledger));
                    self.sessions.deliver(to, frame);
                    self.tally.deliveries += 1;
                }
            }
        }
    }

    fn end(&mut self, id: SessionId, end: End) {
        let Some(session) = self.sessions.open_mut(id) else {
            return;
        };
        self.tally.sessions_ended += u64::from(end.is_ours());
        if end != End::Disconnected {
            // One that takes its leave may have asked for something just before.
            session.outbox.clear();
        }
        session.end = Some(end);
        session.outbox.wake();
        session.unread.resize(0);
        let (address, groups) = (session.address, std::mem::take(&mut session.groups));
        self.addresses.remove(&address.into());
        for group in groups {
            self.remove_member(group, address, Cause::Disconnect);
        }
    }

    fn remove_member(&mut self, group: Name, member: PrivateGroup, cause: Cause) {
        let Some(members) = self.groups.get_mut(&group) else {
            return;
        };
        if members.remove(&member.into()) {
            self.memberships -= 1;
        }
        if members.is_empty() {
            self.groups.remove(&group);
        } else {
            self.tell_members(group, cause, member.into());
        }
    }

    /// Sends the members of a group, after a change, to those of them who asked for it.
    fn tell_members(&mut self, group: Name, cause: Cause, concerned: Name) {
        let Some(members) = self.groups.get(&group) else {
            return;
        };
        let mut frame = None;
        for to in members.sessions() {
            if !self.sessions.get(to).is_some_and(|s| s.membership) {
                continue;
            }
            let frame = frame.get_or_insert_with(|| {
                let membership = Membership {
                    group,
                    cause,
                    members: members.names(),
                    id: GroupId {
                        proc_id: self.identity.0,
                        time: self.identity.1,
                        index: members.changes(),
                    },
                    vs_sets: vec![vec![concerned]],
                    own_set: 0,
                };
                Frame::encode(&Delivery::Membership(membership), &self.ledger)
            });
            self.sessions.deliver(to, frame);
        }
    }

    /// Ends sessions until all limits hold again.
    ///
    /// An end tells the members of groups, which may bring others over the limit; each round
    /// ends one session, so it comes to an end itself.
    fn settle(&mut self) {
        loop {
            if let Some(id) = self.sessions.pop_overfull() {
                let waiting = self.sessions.get(id).map_or(0, |s| s.outbox.weight());
                let max = self.limits.queue_bytes_max;
                self.end(id, End::TooSlow { waiting, max });
            } else if self.ledger.total() > self.limits.total_bytes_max {
                let Some(id) = self.sessions.heaviest() else {
                    return;
                };
                let held = self.sessions.get(id).map_or(0, Session::weight);
                let max = self.limits.total_bytes_max;
                self.end(id, End::Overload { held, max });
            } else {
                return;
            }
        }
    }

    fn invent_address(&mut self) -> Option<PrivateGroup> {
        // More names than sessions are tried, so one is free.
        for _ in 0..=self.sessions.len() {
            self.names_invented = (self.names_invented + 1) % INVENTED_NAMES;
            let name = PrivateName::new(format!("r{}", self.names_invented)).ok()?;
            let address = PrivateGroup::of(name, self.daemon);
            if !self.addresses.contains_key(&address.into()) {
                return Some(address);
            }
        }
        None
    }
}

/// FNV-1a, so that the hub's group ids differ from those of a daemon of another name.
fn fnv1a(bytes: &[u8]) -> i32 {
    let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    hash.cast_signed()
}
