//! The laws of the core, against a model that is slow and obvious.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::name::GroupName;
use crate::wire::{self, Layout, Service};

const DAEMON: &[u8] = b"hub";
const STARTED: i32 = 1_795_363_546;

fn core_with(limits: Limits) -> Core {
    Core::new(DaemonName::new(DAEMON).unwrap(), STARTED, limits)
}

fn core() -> Core {
    core_with(Limits {
        sessions_max: 64,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 1 << 24,
    })
}

fn open(core: &mut Core, name: &str) -> SessionId {
    open_as(core, name, true)
}

fn open_as(core: &mut Core, name: &str, membership: bool) -> SessionId {
    let name = PrivateName::new(name).unwrap();
    core.open(Some(name), membership).unwrap().0
}

fn group(name: &str) -> Name {
    GroupName::new(name).unwrap().into()
}

fn address(name: &str) -> Name {
    let name = PrivateName::new(name).unwrap();
    PrivateGroup::of(name, DaemonName::new(DAEMON).unwrap()).into()
}

fn join(core: &mut Core, id: SessionId, name: &str) {
    core.request(id, &Request::Join(GroupName::new(name).unwrap()));
}

fn message(sender: &str, groups: &[Name], body: &'static [u8]) -> Message {
    Message {
        service: Service::Agreed,
        self_discard: false,
        sender: address(sender),
        groups: groups.to_vec(),
        mess_type: 7,
        foreign_endian: false,
        body: Bytes::from_static(body),
    }
}

fn multicast(core: &mut Core, id: SessionId, message: Message) {
    core.request(id, &Request::Multicast(message));
}

/// Everything that waits for a session, taken out of its outbox as a connection would.
fn take(core: &mut Core, id: SessionId) -> Vec<Delivery> {
    let outbox = core.outbox_mut(id).unwrap();
    let mut bytes = BytesMut::new();
    while !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = outbox.fill(&mut slices);
        let n = slices[..filled].iter().map(|slice| slice.len()).sum();
        slices[..filled]
            .iter()
            .for_each(|s| bytes.extend_from_slice(s));
        outbox.advance(n);
    }
    decode(bytes)
}

fn decode(mut bytes: BytesMut) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let limits = wire::Limits {
        groups_max: 1_000,
        bytes_max: 1 << 20,
    };
    while let Some(delivery) = Delivery::decode(&mut bytes, Layout::V4, &limits).unwrap() {
        deliveries.push(delivery);
    }
    assert!(bytes.is_empty(), "{} bytes are no frame", bytes.len());
    deliveries
}

fn bodies(deliveries: &[Delivery]) -> Vec<&[u8]> {
    let bodies = deliveries.iter().filter_map(|delivery| match delivery {
        Delivery::Message(message) => Some(message.body.as_ref()),
        _ => None,
    });
    bodies.collect()
}

// === What the model and the core are both asked to do ===

const NAMES: [&str; 4] = ["a", "b", "bb", "c"];
const GROUPS: [&str; 3] = ["g1", "g2", "log"];

#[derive(Clone, Debug)]
enum Step {
    Open {
        name: usize,
        membership: bool,
    },
    Join {
        from: usize,
        group: usize,
    },
    Leave {
        from: usize,
        group: usize,
    },
    Multicast {
        from: usize,
        to: Vec<usize>,
        self_discard: bool,
        body: Vec<u8>,
    },
    Disconnect {
        from: usize,
    },
    Remove {
        from: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    let group = 0..GROUPS.len();
    let from = name.clone();
    let to = vec(0..NAMES.len() + GROUPS.len() + 2, 0..6);
    prop_oneof![
        2 => (name, any::<bool>()).prop_map(|(name, membership)| Step::Open { name, membership }),
        3 => (from.clone(), group.clone()).prop_map(|(from, group)| Step::Join { from, group }),
        2 => (from.clone(), group).prop_map(|(from, group)| Step::Leave { from, group }),
        6 => (from.clone(), to, any::<bool>(), vec(any::<u8>(), 0..9)).prop_map(
            |(from, to, self_discard, body)| Step::Multicast { from, to, self_discard, body }
        ),
        1 => from.clone().prop_map(|from| Step::Disconnect { from }),
        1 => from.prop_map(|from| Step::Remove { from }),
    ]
}

/// A destination: a group, a session that may be open, a group nobody is in, a wrong name.
fn destination(number: usize) -> Name {
    let sessions = NAMES.map(address);
    let groups = GROUPS.map(group);
    let mut wrong = [0; 32];
    wrong[..5].copy_from_slice(b"\x01 \"#\xff");
    let others = [group("nobody"), Name::from_field(&wrong)];
    [sessions.as_slice(), &groups, &others].concat()[number]
}

/// The sessions by name, the groups as sets, and every rule written out.
#[derive(Default)]
struct Model {
    /// Whether each open session asked for memberships.
    sessions: BTreeMap<Name, bool>,
    groups: BTreeMap<Name, (BTreeSet<Name>, i32)>,
    delivered: BTreeMap<Name, Vec<Delivery>>,
}

impl Model {
    fn deliver(&mut self, to: Name, delivery: Delivery) {
        self.delivered.entry(to).or_default().push(delivery);
    }

    fn tell(&mut self, group: Name, cause: Cause, concerned: Name) {
        let Some((members, changes)) = self.groups.get_mut(&group) else {
            return;
        };
        *changes += 1;
        let membership = Membership {
            group,
            cause,
            members: members.iter().copied().collect(),
            id: GroupId {
                proc_id: fnv1a(DAEMON),
                time: STARTED,
                index: *changes,
            },
            vs_sets: vec![vec![concerned]],
            own_set: 0,
        };
        for member in membership.members.clone() {
            if self.sessions[&member] {
                self.deliver(member, Delivery::Membership(membership.clone()));
            }
        }
        self.groups.retain(|_, (members, _)| !members.is_empty());
    }

    fn join(&mut self, who: Name, group: Name) {
        if self.groups.entry(group).or_default().0.insert(who) {
            self.tell(group, Cause::Join, who);
        }
    }

    fn leave(&mut self, who: Name, group: Name) {
        let members = self.groups.get_mut(&group);
        if members.is_some_and(|(members, _)| members.remove(&who)) {
            if self.sessions[&who] {
                self.deliver(who, Delivery::SelfLeave { group });
            }
            self.tell(group, Cause::Leave, who);
        }
    }

    fn multicast(&mut self, who: Name, message: &Message) {
        for receiver in self.sessions.clone().into_keys() {
            let addressed = message.groups.iter().any(|name| {
                let members = self.groups.get(name);
                *name == receiver || members.is_some_and(|(m, _)| m.contains(&receiver))
            });
            if addressed && !(message.self_discard && receiver == who) {
                self.deliver(receiver, Delivery::Message(message.clone()));
            }
        }
    }

    fn end(&mut self, who: Name) {
        self.sessions.remove(&who);
        self.delivered.remove(&who);
        for group in self.groups.clone().into_keys() {
            let members = self.groups.get_mut(&group);
            if members.is_some_and(|(members, _)| members.remove(&who)) {
                self.tell(group, Cause::Disconnect, who);
            }
        }
    }
}

proptest! {
    /// Whatever the sessions do, each gets exactly what the model delivers, in that order:
    /// so there is one order for all, every message comes once, never to a sender that
    /// discards its own, and memberships are sorted and numbered without holes.
    #[test]
    fn deliveries_are_those_of_the_model(steps in vec(step(), 1..60)) {
        let mut core = core();
        let mut model = Model::default();
        let mut ids: BTreeMap<usize, SessionId> = BTreeMap::new();

        for step in steps {
            match step {
                Step::Open { name, membership } => {
                    let asked = PrivateName::new(NAMES[name]).unwrap();
                    match core.open(Some(asked), membership) {
                        Ok((id, private_group)) => {
                            prop_assert_eq!(Name::from(private_group), address(NAMES[name]));
                            prop_assert!(ids.insert(name, id).is_none());
                            model.sessions.insert(address(NAMES[name]), membership);
                        }
                        Err(refusal) => {
                            prop_assert_eq!(refusal, Refusal::NameTaken);
                            prop_assert!(ids.contains_key(&name));
                        }
                    }
                }
                Step::Join { from, group: number } => if let Some(id) = ids.get(&from) {
                    join(&mut core, *id, GROUPS[number]);
                    model.join(address(NAMES[from]), group(GROUPS[number]));
                }
                Step::Leave { from, group: number } => if let Some(id) = ids.get(&from) {
                    core.request(*id, &Request::Leave(GROUPS[number].parse().unwrap()));
                    model.leave(address(NAMES[from]), group(GROUPS[number]));
                }
                Step::Multicast { from, to, self_discard, body } => if let Some(id) = ids.get(&from) {
                    let to: Vec<Name> = to.into_iter().map(destination).collect();
                    let message = Message {
                        self_discard,
                        body: body.into(),
                        ..message(NAMES[from], &to, b"")
                    };
                    model.multicast(address(NAMES[from]), &message);
                    multicast(&mut core, *id, message);
                }
                Step::Disconnect { from } => if let Some(id) = ids.remove(&from) {
                    core.request(id, &Request::Disconnect);
                    prop_assert_eq!(core.remove(id), Some(End::Disconnected));
                    model.end(address(NAMES[from]));
                }
                Step::Remove { from } => if let Some(id) = ids.remove(&from) {
                    prop_assert_eq!(core.remove(id), Some(End::ConnectionEnded));
                    model.end(address(NAMES[from]));
                }
            }
            for (name, id) in &ids {
                let expected = model.delivered.remove(&address(NAMES[*name]));
                prop_assert_eq!(take(&mut core, *id), expected.unwrap_or_default());
            }
        }

        for id in ids.into_values() {
            core.remove(id);
        }
        prop_assert_eq!(core.ledger.total(), 0);
        prop_assert_eq!(core.memberships, 0);
        prop_assert!(core.groups.is_empty() && core.addresses.is_empty());
    }

    /// However little the hub may hold and however slowly it is read: after each request all
    /// limits hold, and those who are ended are in no group and under no name.
    #[test]
    fn after_every_request_the_limits_hold(
        queue_bytes_max in 200_usize..3_000,
        total_bytes_max in 200_usize..6_000,
        steps in vec((step(), 0_usize..600, any::<bool>()), 1..80),
    ) {
        let mut core = core_with(Limits { sessions_max: 3, queue_bytes_max, total_bytes_max });
        let mut ids: BTreeMap<usize, SessionId> = BTreeMap::new();

        for (step, len, reads) in steps {
            match step {
                Step::Open { name, membership } => {
                    let asked = PrivateName::new(NAMES[name]).unwrap();
                    if let Ok((id, _)) = core.open(Some(asked), membership) {
                        // Its name was free, so who had it before has been ended.
                        ids.insert(name, id).map(|old| core.remove(old));
                    }
                }
                Step::Join { from, group } => if let Some(id) = ids.get(&from) {
                    join(&mut core, *id, GROUPS[group]);
                }
                Step::Leave { from, group } => if let Some(id) = ids.get(&from) {
                    core.request(*id, &Request::Leave(GROUPS[group].parse().unwrap()));
                }
                Step::Multicast { from, to, .. } => if let Some(id) = ids.get(&from) {
                    let to: Vec<Name> = to.into_iter().map(destination).collect();
                    let body = vec![b'x'; len].into();
                    let sent = Message { body, ..message(NAMES[from], &to, b"") };
                    multicast(&mut core, *id, sent);
                }
                Step::Disconnect { from } => if let Some(id) = ids.get(&from) {
                    core.set_unread(*id, len);
                }
                Step::Remove { from } => if let Some(id) = ids.remove(&from) {
                    core.remove(id);
                }
            }
            check_limits(&mut core, &ids)?;
            if reads {
                ids.values().for_each(|id| drop(take(&mut core, *id)));
            }
        }

        for id in ids.into_values() {
            core.remove(id);
        }
        prop_assert_eq!((core.ledger.total(), core.memberships), (0, 0));
    }

    /// However a connection cuts the writes, the bytes are those of the frames in order.
    #[test]
    fn an_outbox_survives_any_cut(
        sent in vec((0_usize..40_000, any::<u8>()).prop_map(body_of), 1..5),
        cuts in vec((1_usize..5, 1_usize..50_000), 1..40),
    ) {
        let mut core = core();
        let id = open(&mut core, "a");
        for body in &sent {
            let message = Message { body: body.clone().into(), ..message("a", &[address("a")], b"") };
            multicast(&mut core, id, message);
        }

        let outbox = core.outbox_mut(id).unwrap();
        let mut bytes = BytesMut::new();
        for (slices_max, write_max) in cuts.into_iter().cycle() {
            let mut slices = [IoSlice::new(&[]); 5];
            let filled = outbox.fill(&mut slices[..slices_max]);
            let offered: Vec<u8> = slices[..filled].concat_slices();
            let n = offered.len().min(write_max);
            bytes.extend_from_slice(&offered[..n]);
            outbox.advance(n);
            if outbox.is_empty() {
                break;
            }
        }

        let expected: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let deliveries = decode(bytes);
        prop_assert_eq!(bodies(&deliveries), expected);
        prop_assert_eq!(outbox.weight(), 0);
    }
}

/// A body of that length in which no two neighbours are equal.
fn body_of((len, first): (usize, u8)) -> Vec<u8> {
    let bytes = (first..=u8::MAX).chain(0..first).cycle();
    bytes.take(len).collect()
}

fn check_limits(core: &mut Core, ids: &BTreeMap<usize, SessionId>) -> Result<(), TestCaseError> {
    prop_assert!(core.ledger.total() <= core.limits.total_bytes_max);
    let open: BTreeSet<SessionId> = ids
        .values()
        .copied()
        .filter(|id| core.end_of(*id).is_none())
        .collect();
    for id in &open {
        let weight = core.outbox_mut(*id).unwrap().weight();
        prop_assert!(weight <= core.limits.queue_bytes_max);
    }
    let addressed: BTreeSet<SessionId> = core.addresses.values().copied().collect();
    prop_assert_eq!(&addressed, &open);
    let members: Vec<SessionId> = core.groups.values().flat_map(Group::sessions).collect();
    prop_assert_eq!(members.len(), core.memberships);
    prop_assert!(members.iter().all(|id| open.contains(id)));
    Ok(())
}

trait ConcatSlices {
    fn concat_slices(&self) -> Vec<u8>;
}

impl ConcatSlices for [IoSlice<'_>] {
    fn concat_slices(&self) -> Vec<u8> {
        self.iter()
            .flat_map(|slice| slice.iter().copied())
            .collect()
    }
}

#[test]
fn a_name_is_unique_until_its_session_ends() {
    let mut core = core();
    let name = PrivateName::new("a").unwrap();
    let id = open(&mut core, "a");

    assert_eq!(core.open(Some(name), true), Err(Refusal::NameTaken));
    core.request(id, &Request::Disconnect);
    assert!(core.open(Some(name), true).is_ok());
}

#[test]
fn clients_without_a_name_get_one_that_is_free() {
    let mut core = core();
    open(&mut core, "r1");
    open(&mut core, "r3");

    let (_, second) = core.open(None, false).unwrap();
    let (_, fourth) = core.open(None, false).unwrap();

    assert_eq!(second.private_name(), b"r2");
    assert_eq!(fourth.private_name(), b"r4");
}

#[test]
fn one_session_more_than_the_limit_is_refused() {
    let mut core = core_with(Limits {
        sessions_max: 1,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 1 << 20,
    });
    let id = open(&mut core, "a");
    let name = PrivateName::new("b").unwrap();

    assert_eq!(core.open(Some(name), true), Err(Refusal::Full));
    core.remove(id);
    assert!(core.open(Some(name), true).is_ok());
}

#[test]
fn a_slow_reader_is_ended_and_the_others_are_told() {
    let mut core = core_with(Limits {
        sessions_max: 8,
        queue_bytes_max: 4_000,
        total_bytes_max: 1 << 20,
    });
    let [slow, reader, sender] = ["slow", "reader", "sender"].map(|name| open(&mut core, name));
    join(&mut core, slow, "g");
    join(&mut core, reader, "g");
    take(&mut core, reader);

    let mut received = Vec::new();
    for _ in 0..10 {
        multicast(
            &mut core,
            sender,
            message("sender", &[group("g")], &[b'x'; 500]),
        );
        received.extend(take(&mut core, reader));
        if core.end_of(slow).is_some() {
            break;
        }
    }

    let Some(Delivery::Membership(last)) = received.last() else {
        panic!("no membership: {received:?}");
    };
    assert_eq!(
        (last.cause, &last.members),
        (Cause::Disconnect, &vec![address("reader")])
    );
    assert!(core.outbox_mut(slow).unwrap().is_empty());
    let Some(End::TooSlow {
        waiting,
        max: 4_000,
    }) = core.remove(slow)
    else {
        panic!("not too slow");
    };
    assert!(waiting > 4_000 && waiting < 5_000, "{waiting}");
    assert_eq!(core.books().tally.sessions_ended, 1);
}

#[test]
fn when_all_hold_too_much_the_one_that_holds_most_is_ended() {
    let mut core = core_with(Limits {
        sessions_max: 8,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 10_000,
    });
    let [little, most, sender] = ["little", "most", "sender"].map(|name| open(&mut core, name));

    multicast(
        &mut core,
        sender,
        message("sender", &[address("little")], &[b'x'; 2_000]),
    );
    for _ in 0..4 {
        multicast(
            &mut core,
            sender,
            message("sender", &[address("most")], &[b'x'; 2_000]),
        );
    }

    assert!(matches!(
        core.end_of(most),
        Some(End::Overload {
            held: 8_000..,
            max: 10_000
        })
    ));
    assert_eq!(core.end_of(little), None);
    assert_eq!(bodies(&take(&mut core, little)).len(), 1);
}

#[test]
fn half_received_frames_count_too() {
    let mut core = core_with(Limits {
        sessions_max: 8,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 10_000,
    });
    let [a, b] = ["a", "b"].map(|name| open(&mut core, name));

    core.set_unread(a, 4_000);
    core.set_unread(b, 7_000);

    assert_eq!(core.end_of(a), None);
    assert!(matches!(core.end_of(b), Some(End::Overload { .. })));
}

/// A message waiting for many is in memory once, and must not count against all of them.
#[test]
fn a_shared_message_counts_once() {
    let mut core = core_with(Limits {
        sessions_max: 64,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 20_000,
    });
    let ids: Vec<SessionId> = (0..50)
        .map(|n| open_as(&mut core, &format!("s{n}"), false))
        .collect();
    ids.iter().for_each(|id| join(&mut core, *id, "g"));

    multicast(
        &mut core,
        ids[0],
        message("s0", &[group("g")], &[b'x'; 10_000]),
    );

    assert!(ids.iter().all(|id| core.end_of(*id).is_none()));
    assert!(core.ledger.total() < 11_000, "{}", core.ledger.total());
}

#[test]
fn a_session_cannot_join_groups_without_end() {
    let mut core = core();
    let id = open_as(&mut core, "a", false);

    for number in 0..=GROUPS_PER_SESSION_MAX {
        assert_eq!(core.end_of(id), None, "after {number} groups");
        join(&mut core, id, &format!("g{number}"));
    }

    assert_eq!(
        core.end_of(id),
        Some(&End::TooManyGroups {
            max: GROUPS_PER_SESSION_MAX
        })
    );
    assert_eq!((core.groups.len(), core.memberships), (0, 0));
}

/// Its connection has not yet noticed the end, and goes on handing in what was received.
#[test]
fn an_ended_session_asks_in_vain() {
    let mut core = core();
    let [ended, reader] = ["ended", "reader"].map(|name| open(&mut core, name));
    core.request(ended, &Request::Disconnect);

    join(&mut core, ended, "g");
    multicast(
        &mut core,
        ended,
        message("ended", &[address("reader")], b"late"),
    );

    assert_eq!(take(&mut core, reader), []);
    assert!(core.groups.is_empty());
}

#[test]
fn after_the_stop_what_waits_stays_and_nothing_is_added() {
    let mut core = core();
    let [a, b] = ["a", "b"].map(|name| open(&mut core, name));
    join(&mut core, a, "g");
    join(&mut core, b, "g");
    take(&mut core, a);
    multicast(&mut core, b, message("b", &[group("g")], b"before"));

    core.stop();
    multicast(&mut core, b, message("b", &[group("g")], b"after"));
    core.remove(b);

    let received = take(&mut core, a);
    assert_eq!(
        (received.len(), bodies(&received)),
        (1, vec![b"before".as_slice()])
    );
}

#[test]
fn the_books_tell_how_it_is_and_what_was() {
    let mut core = core_with(Limits {
        sessions_max: 10,
        queue_bytes_max: 1 << 20,
        total_bytes_max: 1 << 20,
    });
    let [a, b] = ["a", "b"].map(|name| open_as(&mut core, name, false));
    for (id, name) in [(a, "g"), (b, "g"), (b, "h")] {
        join(&mut core, id, name);
    }

    multicast(&mut core, a, message("a", &[group("g")], b"four"));
    let books = core.books();

    assert_eq!((books.sessions, books.groups, books.memberships), (2, 2, 3));
    assert_eq!((books.tally.messages, books.tally.bytes), (1, 4));
    assert_eq!((books.tally.sessions, books.tally.deliveries), (2, 2));
    assert!(books.waiting_bytes > 0);

    take(&mut core, a);
    core.remove(a);
    core.remove(b);
    let books = core.books();
    assert_eq!(
        (books.sessions, books.groups, books.waiting_bytes),
        (0, 0, 0)
    );
    assert_eq!((books.tally.sessions, books.tally.sessions_ended), (2, 0));
}

#[test]
fn a_body_is_shared_and_not_copied() {
    let mut core = core();
    let [a, b] = ["a", "b"].map(|name| open(&mut core, name));
    let body = Bytes::from(vec![b'x'; 50_000]);
    let message = Message {
        body: body.clone(),
        ..message("a", &[address("a"), address("b")], b"")
    };

    multicast(&mut core, a, message);

    for id in [a, b] {
        let outbox = core.outbox_mut(id).unwrap();
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = outbox.fill(&mut slices);
        assert_eq!(slices[..filled].last().unwrap().as_ptr(), body.as_ptr());
    }
}
