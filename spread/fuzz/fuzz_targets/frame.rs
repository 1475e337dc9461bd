//! Frames in both directions: the first byte says where to cut, the rest is what arrives.
//!
//! Any cut gives the same; and what decodes, encodes to bytes that decode to the same.
#![no_main]

use std::fmt::Debug;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use spread::wire::{DecodeError, Frame, Layout, Limits};
use spread::{Delivery, PrivateGroup, Request};

/// Small enough for the fuzzer to reach.
const LIMITS: Limits = Limits {
    groups_max: 20,
    bytes_max: 1_000,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let pieces = bytes.split_at(usize::from(cut).min(bytes.len()));
    // The seeds' own sender.
    let from = PrivateGroup::new("#a#localhost").unwrap();

    let request = |buffer: &mut BytesMut| Request::decode(buffer, from, &LIMITS);
    for one in same_at_the_cut(pieces, request) {
        again(&one, one.encode(from), request);
    }
    for layout in [Layout::V3, Layout::V4] {
        let delivery = |buffer: &mut BytesMut| Delivery::decode(buffer, layout, &LIMITS);
        for one in same_at_the_cut(pieces, delivery) {
            // Only the newer form is ever written.
            let newer = |buffer: &mut BytesMut| Delivery::decode(buffer, Layout::V4, &UNLIMITED);
            again(&one, one.encode(), newer);
        }
    }
});

const UNLIMITED: Limits = Limits {
    groups_max: usize::MAX,
    bytes_max: usize::MAX,
};

type Decoded<T> = Result<Option<T>, DecodeError>;

fn same_at_the_cut<T: Debug + PartialEq>(
    (first, second): (&[u8], &[u8]),
    decode: impl Fn(&mut BytesMut) -> Decoded<T>,
) -> Vec<T> {
    let whole = all([&[first, second].concat(), &[]], &decode);
    assert_eq!(all([first, second], &decode), whole);
    whole.0
}

fn all<T>(
    pieces: [&[u8]; 2],
    decode: impl Fn(&mut BytesMut) -> Decoded<T>,
) -> (Vec<T>, Result<usize, DecodeError>) {
    let (mut buffer, mut decoded) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decode(&mut buffer) {
                Ok(Some(one)) => decoded.push(one),
                Ok(None) => break,
                Err(error) => return (decoded, Err(error)),
            }
        }
    }
    (decoded, Ok(buffer.len()))
}

fn again<T: Debug + PartialEq>(
    one: &T,
    Frame { head, body }: Frame,
    decode: impl Fn(&mut BytesMut) -> Decoded<T>,
) {
    let mut buffer = BytesMut::from(&[head, body].concat()[..]);
    assert_eq!(decode(&mut buffer).unwrap().as_ref(), Some(one));
    assert!(buffer.is_empty());
}
