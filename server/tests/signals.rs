//! TERM, INT and HUP, as a user or a service manager sends them.

mod support;

use std::net::TcpStream;

use rustix::process::Signal;
use support::program::Program;
use support::{Root, get};

fn start(root: &Root) -> Program {
    Program::start(&["-d", &root.dir(), "-h", "127.0.0.1", "-p", "0"])
}

#[test]
fn a_signal_stops_it_with_success() {
    let root = Root::with(&[("a", b"one")]);
    for signal in [Signal::TERM, Signal::INT] {
        let program = start(&root);
        let mut idle = program.connect();
        assert_eq!(idle.get("/a").status, 200);

        program.signal(signal);

        idle.expect_close();
        let ended = program.wait();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn a_hang_up_changes_nothing() {
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root);
    let mut client = program.connect();

    program.signal(Signal::HUP);

    for _ in 0..10 {
        assert_eq!(client.get("/a").status, 200);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let root = Root::new();
    let large = std::fs::File::create(root.path("large")).unwrap();
    large.set_len(1 << 30).unwrap();
    let mut program = start(&root);
    let mut client = program.connect();
    client.send(get("/large"));
    assert_eq!(client.head().status, 200);

    program.signal(Signal::TERM);
    while TcpStream::connect(program.address).is_ok() {}
    // Two in a row count as one, so more are sent until it listens to one.
    while !program.has_ended() {
        program.signal(Signal::TERM);
    }

    let ended = program.wait();
    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("second signal"), "{}", ended.stderr);
}
