//! The hub when the system has no more descriptors, which takes a process of its own.
#![cfg(feature = "hub")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the functions that tests share fail as tests do"
)]

#[path = "../hub/running.rs"]
#[expect(dead_code, reason = "the other tests of the hub use the rest")]
mod running;

use std::net::TcpStream;

use rustix::net::{AddressFamily, SocketType, connect, socket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use running::RunningHub;

/// Clients and hub share the limit here, so it is reached by both at about the same time. All
/// of them are silent, so that it is up to the hub to get rid of some.
#[test]
fn a_hub_out_of_descriptors_serves_again_when_there_are_some() {
    const DESCRIPTORS: u64 = 64;
    let hub = RunningHub::start(RunningHub::options());
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).expect("a lower limit");

    // One that needs no descriptor of ours any more when there are none: whatever the hub has
    // accepted by then, this one it cannot.
    let late = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let mut silent = Vec::new();
    while let Ok(stream) = TcpStream::connect(hub.address) {
        silent.push(stream);
    }
    assert!(silent.len() >= 20, "{} connections", silent.len());
    connect(&late, &hub.address).expect("a place in the queue");
    let told = hub.told();
    assert!(
        told.starts_with("WARN cannot accept connections at the moment: "),
        "{told}"
    );
    silent.truncate(silent.len() - 4);

    let mut session = hub.open("a", false);
    running::await_own_echo(&mut session, "a");
}
