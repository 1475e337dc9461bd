//! What a session carries, decoded: messages, memberships, rejects, and a client's requests.
//!
//! These are values only; `header` and `frame` turn them into bytes and back.

use bytes::Bytes;

use crate::name::{GroupName, Name};

/// The delivery guarantee a sender asks for (`sp.h: UNRELIABLE_MESS` and following).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Service {
    /// Treated by every daemon as `Reliable`.
    Unreliable,
    /// No promise of order.
    Reliable,
    /// In order per sender.
    Fifo,
    /// Treated by every daemon as `Agreed`.
    Causal,
    /// One total order for all receivers.
    Agreed,
    /// Total order, and every daemon of the configuration has it.
    Safe,
}

/// A regular message, as sent or as delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// The guarantee it was sent with.
    pub service: Service,
    /// Whether the sending connection asked not to get it back (`sp.h: SELF_DISCARD`).
    pub self_discard: bool,
    /// The sender's private group; of any content when it comes from a daemon we do not trust.
    pub sender: Name,
    /// The complete list of destinations, as sent: groups, private groups, unknown names.
    pub groups: Vec<Name>,
    /// The application's 16 bits.
    pub mess_type: i16,
    /// The sender's byte order is not ours (`sp.h: endian_mismatch`): a hint about the body.
    pub foreign_endian: bool,
    /// The content, opaque.
    pub body: Bytes,
}

/// Identifies one membership of a group (`sp.h: group_id`); equal on all its members.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct GroupId {
    /// The daemon that formed the membership: an address (3.x, 4.x) or a hash of its name (5.x).
    pub proc_id: i32,
    /// Unix seconds of the daemons' membership.
    pub time: i32,
    /// Counts the changes within that membership, from 1.
    pub index: i32,
}

/// Why a membership changed (`sp.h: CAUSED_BY_JOIN` and following).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// A session joined.
    Join,
    /// A session left.
    Leave,
    /// A session's connection ended.
    Disconnect,
    /// Daemons were lost or merged.
    Network,
}

/// The members of a group after a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Membership {
    /// The group.
    pub group: Name,
    /// Why it changed.
    pub cause: Cause,
    /// All members now, in the daemon's order.
    pub members: Vec<Name>,
    /// The identity of this membership.
    pub id: GroupId,
    /// Who moved together: for join, leave and disconnect one set with the one session
    /// concerned; for a network change one set per part. 3.x daemons send one set only.
    pub vs_sets: Vec<Vec<Name>>,
    /// Which of `vs_sets` is the receiver's own.
    pub own_set: usize,
}

/// Anything a daemon delivers to a session after the handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// A regular message.
    Message(Message),
    /// The members of a group changed (membership sessions only).
    Membership(Membership),
    /// A network change has begun: what follows may not have reached everybody
    /// (`sp.h: TRANSITION_MESS`; never from a single daemon).
    Transition {
        /// The group concerned.
        group: Name,
        /// The membership that is ending.
        id: GroupId,
    },
    /// This session's own leave took effect (membership sessions only).
    SelfLeave {
        /// The group that was left.
        group: Name,
    },
    /// The daemon refused what this session sent.
    Reject(Reject),
}

/// A request that comes back undone: an access-control policy forbids it, or the group to be
/// joined has as many members on this daemon as it can have.
///
/// Nothing tells a session of a refused message that it was not to get back itself
/// (`self_discard`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reject {
    /// What was refused.
    pub refused: Refused,
    /// As it was sent.
    pub self_discard: bool,
    /// The private group of this session.
    pub sender: Name,
    /// The groups as they were sent, and behind them the sender's private group (of 100 groups it
    /// takes the place of the last).
    pub groups: Vec<Name>,
    /// As it was sent.
    pub mess_type: i16,
    /// As in a [`Message`].
    pub foreign_endian: bool,
    /// The content, as it was sent.
    pub body: Bytes,
}

/// What a daemon refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// To let this session join a group.
    Join,
    /// To let it leave a group.
    Leave,
    /// To deliver a message of this service.
    Message(Service),
    /// Something of a type that no known daemon refuses.
    Other(u32),
}

/// A message to be sent, with its destinations borrowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outgoing<'a> {
    /// The guarantee asked for.
    pub service: Service,
    /// Whether this session, if a member, is to be left out.
    pub self_discard: bool,
    /// From 1 to 100 destinations: groups, or private groups for one session alone. Daemons of
    /// 4.4.0 and 5.0.1 take a message to 44 or more and deliver it to nobody.
    pub groups: &'a [Name],
    /// The application's 16 bits.
    pub mess_type: i16,
    /// The content; with the groups, 32 bytes each, at most 143,000 bytes
    /// (`client::FRAME_BYTES_MAX`).
    pub body: Bytes,
}

/// Anything a client asks of its daemon after the handshake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// Become a member.
    Join(GroupName),
    /// Stop being a member.
    Leave(GroupName),
    /// End the session (`sp.h: KILL_MESS`).
    Disconnect,
    /// Send to `message.groups`.
    Multicast(Message),
}
