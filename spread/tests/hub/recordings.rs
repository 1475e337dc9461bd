//! The recordings of real daemons, played again: the same bytes in, the same bytes out.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::running::{RunningHub, read, read_to_end};
use crate::transcript::{self, Kind};
use spread::hub::HubOptions;

/// Recordings of what a single node never does.
const NOT_PLAYED: [(&str, &str); 1] = [("network", "two daemons")];

/// The recording in which a session takes its leave right behind a `SAFE` message to itself. A
/// daemon has not ordered the message yet and drops it; the hub has, and delivers it.
const OVERTAKEN: (&str, &[u8]) = ("pipelined", b"three\n");

#[test]
fn the_hub_answers_as_a_daemon_of_5_0_1_did() {
    play_all("5.0.1");
}

#[test]
fn the_hub_answers_as_a_daemon_of_4_4_0_did() {
    play_all("4.4.0");
}

fn play_all(version: &str) {
    let names = transcript::names(version).expect("the recordings");
    let mut played = 0;
    for name in &names {
        if NOT_PLAYED.iter().all(|(not_played, _)| name != not_played) {
            play(version, name);
            played += 1;
        }
    }
    assert!(played > 0 && played + NOT_PLAYED.len() >= names.len());
}

fn play(version: &str, name: &str) {
    let mut hub = RunningHub::start(HubOptions {
        name: "localhost".parse().expect("a daemon name"),
        // The recording of a refused session is that of one too many.
        sessions_max: if name == "reject_quota" { 0 } else { 997 },
        ..RunningHub::options()
    });
    let mut sessions: BTreeMap<u8, TcpStream> = BTreeMap::new();
    let mut names = Names::default();
    let records = transcript::read(version, name).expect("a recording");
    for (at, record) in records.iter().enumerate() {
        let session = record.session;
        let place = format!("{version}/{name}, record {at}, session {session}");
        let open = sessions.remove(&session);
        let mut stream = open.unwrap_or_else(|| hub.connect());
        match record.kind {
            Kind::Sent => stream.write_all(&names.ours(&record.bytes)).expect(&place),
            Kind::Delivered if record.bytes.len() < HEADER_LEN && record.bytes[0] == ACCEPTED => {
                names.check_acceptance(&mut stream, &record.bytes, &place);
            }
            Kind::Delivered => {
                let mut delivered = vec![0; record.bytes.len()];
                stream.read_exact(&mut delivered).expect(&place);
                let expected = names.ours(&record.bytes);
                assert_eq!(
                    without_group_id(&delivered),
                    without_group_id(&expected),
                    "{place}"
                );
            }
            Kind::ClosedByClient => continue,
            Kind::ClosedByDaemon => {
                let more = read_to_end(&mut stream);
                let expected = if name == OVERTAKEN.0 {
                    OVERTAKEN.1
                } else {
                    b""
                };
                assert_eq!(only_body(&more), expected, "{place}: {more:?}");
                continue;
            }
        }
        sessions.insert(session, stream);
    }

    hub.stop();
    for (session, mut stream) in sessions {
        let more = read_to_end(&mut stream);
        assert_eq!(more, b"", "{version}/{name}: more for session {session}");
    }
}

const HEADER_LEN: usize = 48;
const FIELD_LEN: usize = 32;
const ACCEPTED: u8 = 1;

/// The private groups that the recorded daemon made up, and those the hub made up instead.
#[derive(Default)]
struct Names(Vec<([u8; FIELD_LEN], [u8; FIELD_LEN])>);

impl Names {
    /// What a recorded daemon or client said, under the names of this run.
    fn ours(&self, recorded: &[u8]) -> Vec<u8> {
        let mut bytes = recorded.to_vec();
        for (theirs, ours) in &self.0 {
            let last = bytes.len().saturating_sub(FIELD_LEN - 1);
            for at in 0..last {
                if bytes[at..].starts_with(theirs) {
                    bytes[at..at + FIELD_LEN].copy_from_slice(ours);
                }
            }
        }
        bytes
    }

    /// Reads an acceptance and checks it: the private group is the same, or both made one up;
    /// the version has as many numbers, and is ours.
    fn check_acceptance(&mut self, stream: &mut TcpStream, recorded: &[u8], place: &str) {
        let group = recorded.iter().position(|b| *b == b'#').expect("a group");
        let accepted = read(stream, group);
        let len = accepted[group - 1];
        let private_group = read(stream, usize::from(len));

        assert_eq!(
            accepted[..group - 1],
            [ACCEPTED, 5, 0, 1][..group - 1],
            "{place}"
        );
        if recorded[group..] == private_group {
            return;
        }
        for invented in [&recorded[group..], &private_group] {
            assert!(invented.starts_with(b"#r"), "{place}: {invented:?}");
        }
        self.0
            .push((field(&recorded[group..]), field(&private_group)));
    }
}

/// The body of the only frame there is, to one group; of no frame, nothing.
fn only_body(bytes: &[u8]) -> &[u8] {
    bytes.get(HEADER_LEN + FIELD_LEN..).unwrap_or(bytes)
}

fn field(name: &[u8]) -> [u8; FIELD_LEN] {
    let mut field = [0; FIELD_LEN];
    field[..name.len()].copy_from_slice(name);
    field
}

/// A frame without what differs from daemon to daemon and from run to run: the first two
/// numbers of the id of a membership.
fn without_group_id(frame: &[u8]) -> Vec<u8> {
    const REGULAR_MEMBERSHIP: u8 = 0x10;
    let mut frame = frame.to_vec();
    if frame.len() > HEADER_LEN && frame[1] & REGULAR_MEMBERSHIP != 0 {
        let members = usize::from(u16::from_le_bytes([frame[36], frame[37]]));
        let body = HEADER_LEN + members * FIELD_LEN;
        frame[body..body + 8].fill(0);
    }
    frame
}
