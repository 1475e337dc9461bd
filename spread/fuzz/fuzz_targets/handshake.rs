//! Both sides of the handshake: the first byte says where to cut, the rest is what arrives.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use spread::wire::Hello;
use spread::wire::handshake::{
    Answer, ClientHandshake, ClientStep, ServerHandshake, ServerStep,
};
use spread::{PrivateGroup, Version};

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let whole = [first, second].concat();

    assert_eq!(client([first, second]), client([&whole, &[]]));
    assert_eq!(server([first, second]), server([&whole, &[]]));
});

/// How it ended, and what was left in the buffer.
fn client(pieces: [&[u8]; 2]) -> (String, usize) {
    let (mut handshake, _) = ClientHandshake::new(&Hello {
        version: Version::OURS,
        name: None,
        membership: false,
    });
    let mut buffer = BytesMut::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match handshake.advance(&mut buffer) {
                Ok(ClientStep::More) => break,
                Ok(ClientStep::Write(choice)) => assert_eq!(choice.len(), 90),
                Ok(ClientStep::Done(welcome)) => {
                    buffer.extend_from_slice(rest_after(piece, &pieces));
                    return (format!("{welcome:?}"), buffer.len());
                }
                // A list of methods that is refused is refused when it is all there.
                Err(error) => return (error.to_string(), 0),
            }
        }
    }
    ("more".to_owned(), buffer.len())
}

fn server(pieces: [&[u8]; 2]) -> (String, usize) {
    let mut handshake = ServerHandshake::new();
    let mut buffer = BytesMut::new();
    let mut said = String::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match handshake.advance(&mut buffer) {
                Ok(ServerStep::More) => break,
                Ok(ServerStep::Hello(hello)) => {
                    said = format!("{hello:?}");
                    let address = PrivateGroup::new("#a#localhost").unwrap();
                    if let Answer::Open(_) = handshake.answer(address) {
                        buffer.extend_from_slice(rest_after(piece, &pieces));
                        return (said, buffer.len());
                    }
                }
                Ok(ServerStep::Done(_)) => {
                    buffer.extend_from_slice(rest_after(piece, &pieces));
                    return (said, buffer.len());
                }
                Err(code) => return (format!("{said} {code}"), 0),
            }
        }
    }
    (said, buffer.len())
}

/// The second piece, if the first was enough.
fn rest_after<'a>(piece: &[u8], pieces: &[&'a [u8]; 2]) -> &'a [u8] {
    if std::ptr::eq(piece, pieces[0]) { pieces[1] } else { &[] }
}
