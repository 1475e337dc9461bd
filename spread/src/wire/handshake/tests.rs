//! Both sides against each other, at every cut, and against what a real daemon said.

use bytes::{Bytes, BytesMut};

use super::*;

fn hello(version: Version) -> Hello {
    Hello {
        version,
        name: Some(PrivateName::new("a").unwrap()),
        membership: true,
    }
}

fn address() -> PrivateGroup {
    PrivateGroup::new("#a#localhost").unwrap()
}

/// Recorded from a 5.0.1 daemon.
const WELCOME: &[u8] = b"\x01\x05\x00\x01\x0c#a#localhost";

#[test]
fn the_client_says_what_spreads_own_library_says() {
    let (mut client, first) = ClientHandshake::new(&hello(Version::OURS));
    assert_eq!(&first[..], b"\x05\x00\x01\x01\x01a");

    let step = client
        .advance(&mut BytesMut::from(&b"\x05NULL "[..]))
        .unwrap();
    let ClientStep::Write(choice) = step else {
        panic!("{step:?}")
    };
    assert_eq!((&choice[..4], choice.len()), (&b"NULL"[..], 90));
    assert!(choice[4..].iter().all(|&b| b == 0));

    let mut rest = BytesMut::from(&[WELCOME, b"frame"].concat()[..]);
    let step = client.advance(&mut rest).unwrap();
    let welcome = Welcome {
        version: Version::new(5, 0, 1),
        private_group: address(),
    };
    assert_eq!(
        (step, &rest[..]),
        (ClientStep::Done(welcome), &b"frame"[..])
    );
}

#[test]
fn neither_side_minds_where_the_bytes_are_cut() {
    let (mut client, first) = ClientHandshake::new(&hello(Version::OURS));
    let mut server = ServerHandshake::new();

    let step = byte_by_byte(
        &first,
        |buffer| server.advance(buffer).unwrap(),
        &ServerStep::More,
    );
    assert_eq!(step, ServerStep::Hello(hello(Version::OURS)));
    let Answer::Methods(methods) = server.answer(address()) else {
        panic!("no methods")
    };
    let step = byte_by_byte(
        &methods,
        |buffer| client.advance(buffer).unwrap(),
        &ClientStep::More,
    );
    let ClientStep::Write(choice) = step else {
        panic!("{step:?}")
    };
    let step = byte_by_byte(
        &choice,
        |buffer| server.advance(buffer).unwrap(),
        &ServerStep::More,
    );
    let ServerStep::Done(welcome) = step else {
        panic!("{step:?}")
    };
    assert_eq!(&welcome[..], WELCOME);
    let step = byte_by_byte(
        &welcome,
        |buffer| client.advance(buffer).unwrap(),
        &ClientStep::More,
    );
    assert!(matches!(step, ClientStep::Done(_)), "{step:?}");
}

/// The step on the last byte; on each before it the answer must be `more`.
fn byte_by_byte<T: PartialEq + fmt::Debug>(
    bytes: &Bytes,
    mut advance: impl FnMut(&mut BytesMut) -> T,
    more: &T,
) -> T {
    let mut buffer = BytesMut::new();
    for byte in &bytes[..bytes.len() - 1] {
        buffer.extend_from_slice(&[*byte]);
        assert_eq!(advance(&mut buffer), *more);
    }
    buffer.extend_from_slice(&bytes[bytes.len() - 1..]);
    let step = advance(&mut buffer);
    assert!(buffer.is_empty());
    step
}

#[test]
fn old_clients_choose_no_method_and_get_no_patch_level() {
    for (version, said, welcome) in [
        (
            Version::new(3, 14, 0),
            &b"\x03\x0e\x01\x01a"[..],
            &b"\x01\x05\x00\x0c#a#localhost"[..],
        ),
        (Version::new(3, 15, 0), b"\x03\x0f\x00\x01\x01a", WELCOME),
    ] {
        let mut server = ServerHandshake::new();

        let step = server.advance(&mut BytesMut::from(said)).unwrap();

        assert_eq!(step, ServerStep::Hello(hello(version)));
        assert_eq!(
            server.answer(address()),
            Answer::Open(Bytes::from_static(welcome))
        );
    }
}

const REFUSED: &[(&[u8], RejectCode)] = &[
    (b"\x05\x00\x01\x01\x03a#b", RejectCode::IllegalName),
    (b"\x05\x00\x01\x01\x03a b", RejectCode::IllegalName),
    (b"\x05\x00\x01\x01\x02\x7fx", RejectCode::IllegalName),
    (b"\x05\x00\x01\x01\x0b", RejectCode::IllegalName),
    (b"\x02\x09\x00\x01\x03old", RejectCode::Version),
];

#[test]
fn the_server_refuses_what_a_real_daemon_refuses() {
    for (said, code) in REFUSED {
        let mut server = ServerHandshake::new();

        let refused = server.advance(&mut BytesMut::from(*said));

        assert_eq!(refused, Err(*code), "{}", said.escape_ascii());
    }
}

#[test]
fn a_method_that_is_not_offered_is_refused() {
    for choice in [&b"NOSUCH"[..], b"", b"NULLX"] {
        let mut server = ServerHandshake::new();
        server
            .advance(&mut BytesMut::from(&b"\x05\x00\x01\x01\x01a"[..]))
            .unwrap();
        let _ = server.answer(address());
        let mut slots = BytesMut::zeroed(90);
        slots[..choice.len()].copy_from_slice(choice);

        assert_eq!(server.advance(&mut slots), Err(RejectCode::Auth));
    }
}

#[test]
fn the_client_tells_a_refusal_from_what_is_no_daemon() {
    let first = |bytes: &[u8]| {
        let (mut client, _) = ClientHandshake::new(&hello(Version::OURS));
        client.advance(&mut BytesMut::from(bytes)).unwrap_err()
    };

    assert_eq!(
        first(b"\xfa"),
        HandshakeError::Rejected(RejectCode::NotUnique)
    );
    assert_eq!(
        first(b"\xf1"),
        HandshakeError::Rejected(RejectCode::Other(-15))
    );
    assert_eq!(
        first(b"\x06PWORD "),
        HandshakeError::NoCommonMethod(b"PWORD ".to_vec())
    );
    // Longer than any list, so that nobody waits for it.
    assert_eq!(first(b"\x5b"), HandshakeError::NotSpread(91));
}

/// The answers of servers that wait for more, or close: none is as long as its first byte says.
#[test]
fn another_protocol_is_known_by_its_first_line() {
    for (answer, odd) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], b'\r'),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", b'\r'),
        (b"-ERR unknown command\r\n", b'\r'),
        (b"J\0\0\0\x0a8.0.36", 0),
    ] {
        let (mut client, _) = ClientHandshake::new(&hello(Version::OURS));

        let error = client.advance(&mut BytesMut::from(answer));

        assert_eq!(error, Err(HandshakeError::NotSpread(odd)));
    }
}

#[test]
fn of_the_methods_on_offer_the_easiest_is_chosen() {
    for (list, chosen) in [
        (&b"\x05NULL "[..], &b"NULL"[..]),
        (b"\x08NULL IP ", b"NULL"),
        (b"\x08IP NULL ", b"NULL"),
        (b"\x09PWORD IP ", b"IP"),
        (b"\x02IP", b"IP"),
    ] {
        let (mut client, _) = ClientHandshake::new(&hello(Version::OURS));

        let step = client.advance(&mut BytesMut::from(list)).unwrap();

        let ClientStep::Write(choice) = step else {
            panic!("{step:?}")
        };
        let (name, padding) = choice.split_at(chosen.len());
        assert_eq!((name, choice.len()), (chosen, 90));
        assert!(padding.iter().all(|&b| b == 0));
    }
}

#[test]
fn a_welcome_that_no_daemon_says_is_refused_with_the_byte_at_fault() {
    for (welcome, error) in [
        (&b"\x00"[..], HandshakeError::NotSpread(0)),
        (b"\x02", HandshakeError::NotSpread(2)),
        (b"\xf7", HandshakeError::Rejected(RejectCode::Auth)),
        (
            b"\x01\x02\x09\x00\x01",
            HandshakeError::TooOld(Version::new(2, 9, 0)),
        ),
        (b"\x01\x05\x00\x01\x20", HandshakeError::NotSpread(32)),
        (
            b"\x01\x05\x00\x01\x03##a",
            HandshakeError::BadPrivateGroup(b"##a".to_vec()),
        ),
    ] {
        let (mut client, _) = ClientHandshake::new(&hello(Version::OURS));
        client
            .advance(&mut BytesMut::from(&b"\x05NULL "[..]))
            .unwrap();

        assert_eq!(client.advance(&mut BytesMut::from(welcome)), Err(error));
    }
}
