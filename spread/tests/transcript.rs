//! The recordings of real daemons through the codec, byte by byte: what a daemon said decodes to
//! deliveries that encode to the same bytes; what clients said is taken and refused as the daemon
//! took and refused it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support {
    pub(crate) mod transcript;
}

use std::collections::BTreeMap;

use bytes::BytesMut;
use spread::wire::handshake::{
    Answer, ClientHandshake, ClientStep, Hello, ServerHandshake, ServerStep, Welcome,
};
use spread::wire::{DecodeError, Frame, Layout, Limits, RejectCode};
use spread::{Delivery, PrivateGroup, Request, Version};
use support::transcript::{self, Kind};

const VERSIONS: [&str; 3] = ["4.4.0", "5.0.1", "5.0.1-policy"];

/// Sessions that a daemon ended for what they sent: those of `5.0.1/killed.rec`.
const KILLED: usize = 10;

#[test]
fn what_a_daemon_said_decodes_at_every_cut_and_encodes_to_the_same_bytes() {
    let mut decoded = 0;
    for conversation in conversations() {
        // Older clients are answered in a form that no client of today reads.
        if conversation.client_version() < Version::new(3, 16, 0) {
            continue;
        }
        let mut client = Client::new();
        for byte in conversation.delivered.concat() {
            client.feed(byte);
        }
        let frames = conversation
            .delivered
            .iter()
            .filter(|record| record.len() >= 48);
        assert_eq!(
            client.frames,
            frames.cloned().collect::<Vec<_>>(),
            "{}",
            conversation.name
        );
        assert!(
            client.buffer.is_empty(),
            "{}: bytes left over",
            conversation.name
        );
        decoded += client.frames.len();
    }

    assert!(decoded > 100, "only {decoded} frames in the recordings");
}

#[test]
fn what_clients_said_is_taken_as_the_daemon_took_it() {
    let mut refused = Vec::new();
    for conversation in conversations() {
        let mut server = Server::new(&conversation);
        for byte in conversation.sent.concat() {
            server.feed(byte);
        }
        match server.outcome {
            Outcome::Refused(code) => {
                let said = code.code().cast_unsigned();
                assert_eq!(
                    conversation.delivered.last(),
                    Some(&vec![said]),
                    "{}",
                    conversation.name
                );
            }
            Outcome::Broken(error) => {
                assert!(
                    conversation.closed_by_daemon,
                    "{}: {error}",
                    conversation.name
                );
                refused.push(error);
            }
            Outcome::Fine => {}
        }
    }

    assert_eq!(refused.len(), KILLED, "{refused:#?}");
}

/// One connection from its first byte to its last.
struct Conversation {
    name: String,
    sent: Vec<Vec<u8>>,
    delivered: Vec<Vec<u8>>,
    closed_by_daemon: bool,
}

impl Conversation {
    fn client_version(&self) -> Version {
        match *self.sent.concat() {
            [major, minor, patch, ..] => Version::new(major, minor, patch),
            _ => panic!("{}: no version", self.name),
        }
    }

    /// The address that the daemon gave it; one of our own where it gave none.
    fn address(&self) -> PrivateGroup {
        let welcome = self
            .delivered
            .iter()
            .find(|record| record.first() == Some(&1));
        let address = welcome.and_then(|welcome| {
            let hash = welcome.iter().position(|&b| b == b'#')?;
            PrivateGroup::new(&welcome[hash..]).ok()
        });
        address.unwrap_or(PrivateGroup::new("#a#localhost").unwrap())
    }
}

fn conversations() -> Vec<Conversation> {
    let mut all = Vec::new();
    for version in VERSIONS {
        for name in transcript::names(version).unwrap() {
            let mut open = BTreeMap::new();
            for record in transcript::read(version, &name).unwrap() {
                let conversation = open.entry(record.session).or_insert_with(|| Conversation {
                    name: format!("{version}/{name} session {}", record.session),
                    sent: Vec::new(),
                    delivered: Vec::new(),
                    closed_by_daemon: false,
                });
                match record.kind {
                    Kind::Sent => conversation.sent.push(record.bytes),
                    Kind::Delivered => conversation.delivered.push(record.bytes),
                    Kind::ClosedByClient => all.extend(open.remove(&record.session)),
                    Kind::ClosedByDaemon => {
                        conversation.closed_by_daemon = true;
                        all.extend(open.remove(&record.session));
                    }
                }
            }
            all.extend(open.into_values());
        }
    }
    all
}

/// Our client, fed with what the daemon said.
struct Client {
    buffer: BytesMut,
    handshake: Option<ClientHandshake>,
    frames: Vec<Vec<u8>>,
}

impl Client {
    fn new() -> Self {
        let (handshake, _) = ClientHandshake::new(&Hello {
            version: Version::OURS,
            name: None,
            membership: true,
        });
        Self {
            buffer: BytesMut::new(),
            handshake: Some(handshake),
            frames: Vec::new(),
        }
    }

    fn feed(&mut self, byte: u8) {
        self.buffer.extend_from_slice(&[byte]);
        if let Some(handshake) = &mut self.handshake {
            match handshake.advance(&mut self.buffer) {
                Ok(ClientStep::Done(Welcome { .. })) => self.handshake = None,
                Ok(ClientStep::More | ClientStep::Write(_)) => {}
                Err(_) => self.buffer.clear(),
            }
            return;
        }
        let limits = Limits {
            groups_max: 1_000,
            bytes_max: 1 << 20,
        };
        if let Some(delivery) = Delivery::decode(&mut self.buffer, Layout::V4, &limits).unwrap() {
            let Frame { head, body } = delivery.encode();
            self.frames.push([head, body].concat());
        }
    }
}

/// Our side of a daemon, fed with what a client said.
struct Server {
    buffer: BytesMut,
    address: PrivateGroup,
    handshake: ServerHandshake,
    open: bool,
    outcome: Outcome,
}

enum Outcome {
    Fine,
    Refused(RejectCode),
    Broken(DecodeError),
}

impl Server {
    fn new(conversation: &Conversation) -> Self {
        Self {
            buffer: BytesMut::new(),
            address: conversation.address(),
            handshake: ServerHandshake::new(),
            open: false,
            outcome: Outcome::Fine,
        }
    }

    fn feed(&mut self, byte: u8) {
        if !matches!(self.outcome, Outcome::Fine) {
            return;
        }
        self.buffer.extend_from_slice(&[byte]);
        if self.open {
            self.outcome = match Request::decode(&mut self.buffer, self.address, &Limits::REQUEST) {
                Ok(_) => Outcome::Fine,
                Err(error) => Outcome::Broken(error),
            };
            return;
        }
        match self.handshake.advance(&mut self.buffer) {
            Ok(ServerStep::More) => {}
            Ok(ServerStep::Hello(_)) => {
                self.open = matches!(self.handshake.answer(self.address), Answer::Open(_));
            }
            Ok(ServerStep::Done(_)) => self.open = true,
            Err(code) => self.outcome = Outcome::Refused(code),
        }
    }
}
