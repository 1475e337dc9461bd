//! The bits of a frame's type (`sp.h`, `sess_types.h`).

use super::message::{Cause, Refused, Service};

const SERVICES: [(u32, Service); 6] = [
    (0x01, Service::Unreliable),
    (0x02, Service::Reliable),
    (0x04, Service::Fifo),
    (0x08, Service::Causal),
    (0x10, Service::Agreed),
    (0x20, Service::Safe),
];
/// `REGULAR_MESS`.
pub(super) const SERVICE_MASK: u32 = 0x3f;
pub(super) const SELF_DISCARD: u32 = 0x40;

const CAUSES: [(u32, Cause); 4] = [
    (0x100, Cause::Join),
    (0x200, Cause::Leave),
    (0x400, Cause::Disconnect),
    (0x800, Cause::Network),
];
/// `CAUSED_BY_LEAVE` alone is what the leaver gets.
pub(super) const SELF_LEAVE: u32 = 0x200;
pub(super) const REG_MEMB: u32 = 0x1000;
pub(super) const TRANSITION: u32 = 0x2000;

pub(super) const JOIN: u32 = 0x1_0000;
pub(super) const LEAVE: u32 = 0x2_0000;
pub(super) const KILL: u32 = 0x4_0000;
/// What a client may ask for: exactly one of these.
pub(super) const REQUEST_MASK: u32 = SERVICE_MASK | JOIN | LEAVE | KILL;

pub(super) const REJECT: u32 = 0x40_0000;
/// The original type of a rejected join; that of a rejected leave is `CAUSED_BY_LEAVE`.
const CAUSED_BY_JOIN: u32 = 0x100;

/// The bits of a regular message.
pub(super) fn of_message(service: Service, self_discard: bool) -> u32 {
    let bits = SERVICES
        .iter()
        .find(|(_, is)| *is == service)
        .map_or(0, |(bits, _)| *bits);
    bits | of_self_discard(self_discard)
}

pub(super) const fn of_self_discard(self_discard: bool) -> u32 {
    if self_discard { SELF_DISCARD } else { 0 }
}

/// The service, if exactly one is asked for.
pub(super) fn service(kind: u32) -> Option<Service> {
    let bits = kind & SERVICE_MASK;
    SERVICES
        .iter()
        .find(|(is, _)| *is == bits)
        .map(|(_, service)| *service)
}

/// The bits of a regular membership.
pub(super) fn of_membership(cause: Cause) -> u32 {
    let bits = CAUSES
        .iter()
        .find(|(_, is)| *is == cause)
        .map_or(0, |(bits, _)| *bits);
    REG_MEMB | bits
}

/// Why the membership changed.
pub(super) fn cause(kind: u32) -> Option<Cause> {
    CAUSES
        .iter()
        .find(|(bits, _)| kind & bits != 0)
        .map(|(_, cause)| *cause)
}

/// What the original type of a reject stands for.
pub(super) fn refused(original: u32) -> Refused {
    match original & !SELF_DISCARD {
        CAUSED_BY_JOIN => Refused::Join,
        SELF_LEAVE => Refused::Leave,
        bits => match service(bits) {
            Some(service) if bits & !SERVICE_MASK == 0 => Refused::Message(service),
            _ => Refused::Other(original),
        },
    }
}

/// The original type in a reject.
pub(super) fn of_refused(refused: Refused, self_discard: bool) -> u32 {
    let bits = match refused {
        Refused::Join => CAUSED_BY_JOIN,
        Refused::Leave => SELF_LEAVE,
        Refused::Message(service) => return of_message(service, self_discard),
        Refused::Other(original) => return original,
    };
    bits | of_self_discard(self_discard)
}
