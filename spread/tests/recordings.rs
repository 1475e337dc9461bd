//! The recordings themselves: whole, and told in an order that can be played again.

mod support {
    pub(crate) mod transcript;
}

use std::collections::BTreeSet;

use support::transcript::{self, Kind};

/// What plays a recording may take a session's first bytes for its handshake, and need not
/// expect anything on a connection that is not open.
#[test]
fn every_session_opens_with_a_handshake_and_says_nothing_once_closed() {
    for version in ["4.4.0", "5.0.1", "5.0.1-policy"] {
        let names = transcript::names(version).expect("the directory is there");
        assert!(!names.is_empty(), "no recordings of {version}");
        for name in names {
            let records = transcript::read(version, &name).expect("a recording");
            let mut open = BTreeSet::new();
            for (at, record) in records.iter().enumerate() {
                let session = record.session;
                match record.kind {
                    Kind::Sent if open.insert(session) => {
                        assert!(record.bytes[0] < 10, "{name}, record {at}: no version");
                    }
                    Kind::Sent => assert!(record.bytes.len() >= 48, "{name}, record {at}"),
                    Kind::Delivered => assert!(open.contains(&session), "{name}, record {at}"),
                    Kind::ClosedByClient | Kind::ClosedByDaemon => {
                        assert!(open.remove(&session), "{name}, record {at}");
                        assert!(record.bytes.is_empty(), "{name}, record {at}");
                    }
                }
            }
        }
    }
}
