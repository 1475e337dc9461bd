//! Laws of the codec: what is encoded decodes to the same, however it is cut up, and no bytes
//! make it panic.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::name::{GroupName, Name, PrivateGroup};

const LIMITS: Limits = Limits {
    groups_max: 1_000,
    bytes_max: 1 << 20,
};

fn me() -> PrivateGroup {
    PrivateGroup::new("#me#host").unwrap()
}

fn group() -> impl Strategy<Value = GroupName> {
    "[$-~]{1,31}".prop_map(|text| GroupName::new(text).unwrap())
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        group().prop_map(Name::from),
        any::<[u8; 32]>().prop_map(|field| Name::from_field(&field)),
    ]
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    prop::collection::vec(name(), 0..5)
}

fn message(sender: impl Strategy<Value = Name>) -> impl Strategy<Value = Message> {
    let service = prop::sample::select(vec![
        Service::Unreliable,
        Service::Reliable,
        Service::Fifo,
        Service::Causal,
        Service::Agreed,
        Service::Safe,
    ]);
    let bits = (any::<bool>(), any::<i16>(), any::<bool>());
    let body = prop::collection::vec(any::<u8>(), 0..200);
    (service, bits, sender, names(), body).prop_map(
        |(service, (self_discard, mess_type, foreign_endian), sender, groups, body)| Message {
            service,
            self_discard,
            sender,
            groups,
            mess_type,
            foreign_endian,
            body: body.into(),
        },
    )
}

fn id() -> impl Strategy<Value = GroupId> {
    any::<(i32, i32, i32)>().prop_map(|(proc_id, time, index)| GroupId {
        proc_id,
        time,
        index,
    })
}

fn membership() -> impl Strategy<Value = Membership> {
    let cause = prop::sample::select(vec![
        Cause::Join,
        Cause::Leave,
        Cause::Disconnect,
        Cause::Network,
    ]);
    let sets = prop::collection::vec(names(), 1..4);
    (
        name(),
        cause,
        names(),
        id(),
        sets,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(group, cause, members, id, vs_sets, own)| Membership {
            group,
            cause,
            members,
            id,
            own_set: own.index(vs_sets.len()),
            vs_sets,
        })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![
        message(name()).prop_map(Delivery::Message),
        membership().prop_map(Delivery::Membership),
        (name(), id()).prop_map(|(group, id)| Delivery::Transition { group, id }),
        name().prop_map(|group| Delivery::SelfLeave { group }),
        (any::<Option<bool>>(), message(name())).prop_map(reject),
    ]
}

/// Of a message, if not of a join (`Some(true)`) or a leave.
fn reject((joins, message): (Option<bool>, Message)) -> Delivery {
    Delivery::Reject(Reject {
        refused: match joins {
            Some(true) => Refused::Join,
            Some(false) => Refused::Leave,
            None => Refused::Message(message.service),
        },
        self_discard: message.self_discard,
        sender: message.sender,
        groups: message.groups,
        mess_type: message.mess_type,
        foreign_endian: message.foreign_endian,
        body: message.body,
    })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        group().prop_map(Request::Join),
        group().prop_map(Request::Leave),
        Just(Request::Disconnect),
        message(Just(me().into())).prop_map(Request::Multicast),
    ]
}

fn bytes(frame: &Frame) -> Vec<u8> {
    [&frame.head[..], &frame.body[..]].concat()
}

fn decode_delivery(buffer: &mut BytesMut) -> Result<Option<Delivery>, DecodeError> {
    Delivery::decode(buffer, Layout::V4, &LIMITS)
}

fn decode_request(buffer: &mut BytesMut) -> Result<Option<Request>, DecodeError> {
    Request::decode(buffer, me(), &Limits::REQUEST)
}

/// Feeds `input` in pieces that end at `cuts`, and gives back all that came out.
fn decode_in_pieces<T>(
    input: &[u8],
    cuts: &[prop::sample::Index],
    decode: impl Fn(&mut BytesMut) -> Result<Option<T>, DecodeError>,
) -> Vec<T> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
    ends.push(input.len());
    ends.sort_unstable();
    let (mut buffer, mut fed, mut all) = (BytesMut::new(), 0, Vec::new());
    for end in ends {
        buffer.extend_from_slice(&input[fed..end]);
        fed = end;
        while let Some(one) = decode(&mut buffer).unwrap() {
            all.push(one);
        }
    }
    assert!(buffer.is_empty(), "nothing is left over");
    all
}

proptest! {
    #[test]
    fn deliveries_come_back_however_they_are_cut(
        deliveries in prop::collection::vec(delivery(), 0..5),
        cuts in any::<Vec<prop::sample::Index>>(),
    ) {
        let input: Vec<u8> = deliveries.iter().flat_map(|one| bytes(&one.encode())).collect();

        prop_assert_eq!(decode_in_pieces(&input, &cuts, decode_delivery), deliveries);
    }

    #[test]
    fn requests_come_back_however_they_are_cut(
        requests in prop::collection::vec(request(), 0..5),
        cuts in any::<Vec<prop::sample::Index>>(),
    ) {
        let input: Vec<u8> = requests.iter().flat_map(|one| bytes(&one.encode(me()))).collect();

        prop_assert_eq!(decode_in_pieces(&input, &cuts, decode_request), requests);
    }

    /// Two ways to the same frame; the one of the client copies no list.
    #[test]
    fn an_outgoing_message_is_the_frame_of_its_request(mut message in message(Just(me().into()))) {
        message.foreign_endian = false;
        let outgoing = Outgoing {
            service: message.service,
            self_discard: message.self_discard,
            groups: &message.groups,
            mess_type: message.mess_type,
            body: message.body.clone(),
        };

        prop_assert_eq!(outgoing.encode(me()), Request::Multicast(message.clone()).encode(me()));
    }

    /// A 5.0.1 daemon dies of some frames; whatever comes, this gives an error or a value.
    #[test]
    fn no_bytes_make_a_decoder_panic(mut head in any::<[u8; 48]>(), rest: Vec<u8>, tame: bool) {
        if tame {
            // Otherwise few lengths would be small enough to be waited for.
            head[37..40].fill(0);
            head[45..48].fill(0);
        }
        let input = [&head[..], &rest].concat();

        let _ = Delivery::decode(&mut BytesMut::from(&input[..]), Layout::V3, &LIMITS);
        let _ = decode_delivery(&mut BytesMut::from(&input[..]));
        let _ = decode_request(&mut BytesMut::from(&input[..]));
    }

    /// A big-endian frame says the same as a little-endian one.
    #[test]
    fn the_other_byte_order_says_the_same(delivery in delivery()) {
        let mut swapped = bytes(&delivery.encode());
        for at in [0, 36, 44] {
            swap(&mut swapped[at..at + 4]);
        }
        swapped[0] &= 0x7f;
        swapped[3] &= 0x7f;
        for at in integers_behind_the_header(&delivery) {
            swap(&mut swapped[at..at + 4]);
        }

        let decoded = decode_delivery(&mut BytesMut::from(&swapped[..]));

        prop_assert_eq!(decoded, Ok(Some(delivery)));
    }
}

/// Where they begin.
fn integers_behind_the_header(delivery: &Delivery) -> Vec<usize> {
    match delivery {
        Delivery::Message(_) | Delivery::SelfLeave { .. } => Vec::new(),
        Delivery::Reject(_) => vec![48],
        Delivery::Transition { .. } => vec![48, 52, 56],
        Delivery::Membership(change) => {
            let body = 48 + 32 * change.members.len();
            let mut all: Vec<_> = (body..body + 20).step_by(4).collect();
            let mut set_at = body + 20;
            for set in &change.vs_sets {
                all.push(set_at);
                set_at += 4 + 32 * set.len();
            }
            all
        }
    }
}

fn swap(integer: &mut [u8]) {
    integer.reverse();
}

/// Membership of 3.17: no number of sets, no offset.
#[test]
fn a_membership_of_version_3_has_one_set() {
    let set = vec![GroupName::new("x").unwrap().into()];
    let change = Membership {
        group: GroupName::new("g").unwrap().into(),
        cause: Cause::Join,
        members: set.clone(),
        id: GroupId {
            proc_id: 1,
            time: 2,
            index: 3,
        },
        vs_sets: vec![set],
        own_set: 0,
    };
    let frame = Delivery::Membership(change.clone()).encode();
    let mut old = bytes(&frame);
    let body = 48 + 32;
    old.drain(body + 12..body + 20);
    old[44] -= 8;

    let decoded = Delivery::decode(&mut BytesMut::from(&old[..]), Layout::V3, &LIMITS);

    assert_eq!(decoded, Ok(Some(Delivery::Membership(change))));
}

/// A header alone is enough to refuse: nobody waits for bytes that may never come.
#[test]
fn lengths_are_refused_before_their_bytes_arrive() {
    let body = Bytes::from(vec![0; Limits::REQUEST.bytes_max - 31]);
    let frame = Request::Multicast(Message {
        service: Service::Agreed,
        self_discard: false,
        sender: me().into(),
        groups: vec![GroupName::new("g").unwrap().into()],
        mess_type: 0,
        foreign_endian: false,
        body,
    })
    .encode(me());

    let refused = decode_request(&mut BytesMut::from(&frame.head[..48]));

    let (len, max) = (143_152, 143_151);
    assert_eq!(refused, Err(DecodeError::TooLong { len, max }));
}

#[test]
fn a_request_of_no_kind_or_two_kinds_is_refused() {
    let join = bytes(&Request::Join(GroupName::new("g").unwrap()).encode(me()));
    for kind in [0, 0x3000_u32, 0x3_0000, 0x11, 0x1_0010] {
        let mut frame = join.clone();
        frame[..4].copy_from_slice(&(kind | 0x8000_0080).to_le_bytes());

        let refused = decode_request(&mut BytesMut::from(&frame[..]));

        assert_eq!(refused, Err(DecodeError::UnknownType(kind)), "{kind:#x}");
    }
}

#[test]
fn a_request_under_another_name_is_refused() {
    let other = PrivateGroup::new("#you#host").unwrap();
    let frame = bytes(&Request::Disconnect.encode(other));

    let refused = decode_request(&mut BytesMut::from(&frame[..]));

    assert_eq!(refused, Err(DecodeError::NotTheSender(other.into())));
}

/// `FIFO|REG_MEMB` passes through a 5.0.1 daemon; a C client takes it for a membership.
#[test]
fn a_client_cannot_pass_a_message_off_as_a_membership() {
    let mut frame = bytes(
        &Delivery::Message(Message {
            service: Service::Fifo,
            self_discard: false,
            sender: me().into(),
            groups: Vec::new(),
            mess_type: 0,
            foreign_endian: false,
            body: Bytes::new(),
        })
        .encode(),
    );
    frame[1] = 0x11;

    let seen = decode_request(&mut BytesMut::from(&frame[..]))
        .unwrap()
        .unwrap();
    let delivered = decode_delivery(&mut BytesMut::from(&frame[..]))
        .unwrap()
        .unwrap();

    assert!(matches!(delivered, Delivery::Message(_)), "{delivered:?}");
    let Request::Multicast(message) = seen else {
        panic!("{seen:?}")
    };
    assert_eq!(
        Delivery::Message(message).encode().head[1],
        0,
        "and the hub hands on none of it"
    );
}

/// A type that no daemon refuses is kept as it is; the session goes on.
#[test]
fn a_reject_of_an_unknown_type_is_a_reject() {
    let unknown = Delivery::Reject(Reject {
        refused: Refused::Other(0x1_0040),
        self_discard: false,
        sender: me().into(),
        groups: vec![me().into()],
        mess_type: 0,
        foreign_endian: false,
        body: Bytes::new(),
    });

    let decoded = decode_delivery(&mut BytesMut::from(&bytes(&unknown.encode())[..]));

    assert_eq!(decoded, Ok(Some(unknown)));
}
