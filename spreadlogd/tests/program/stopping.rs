//! The end of the program: everything that was delivered is written first.

use rustix::process::Signal;

use crate::held_port::HeldPort;
use crate::hostile::FakeDaemon;
use crate::support::{Dir, Program, Publisher, TestHub};

/// A burst just before the signal is read and written to its last line. (The original acted on a
/// signal after the next message, and never on an idle group.)
#[test]
fn term_writes_what_was_delivered_before() {
    for signal in [Signal::TERM, Signal::INT] {
        let (dir, hub) = (Dir::new(), TestHub::start());
        let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
        let mut program = Program::start(dir.path(), &args);
        program.wait_for("joined g");
        let mut publisher = Publisher::connect(&hub);
        let body = "0123456789abcdef\n".repeat(1_000);
        for _ in 0..1_000 {
            publisher.queue(&["g"], body.clone());
        }

        publisher.sync();
        program.signal(signal);
        let (status, said) = program.end();

        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("wrote 1000000 lines, lost 0"), "{said}");
        let lines = dir.read("log");
        assert!(lines.lines().all(|line| line == "0123456789abcdef"));
        assert_eq!(lines.len(), 17_000_000);
    }
}

#[test]
fn it_ends_while_there_is_no_daemon() {
    let (dir, nobody) = (Dir::new(), HeldPort::hold().unwrap());
    let args = [
        "--spread",
        &format!("{}@127.0.0.1", nobody.port()),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("no Spread daemon at");

    program.stop();
}

/// A daemon that no longer answers delays the end by no more than it may take.
#[test]
fn it_ends_though_the_daemon_does_not_answer() {
    let (dir, daemon) = (Dir::new(), FakeDaemon::new());
    let args = [
        "--spread",
        &daemon.address(),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &[&args[..], &["--stop-timeout", "1"]].concat());
    let mut session = daemon.accept();
    session.wait_until_used();
    program.signal(Signal::TERM);
    program.wait_for("no answer from the daemon at");

    let (status, said) = program.end();

    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (dir, daemon) = (Dir::new(), FakeDaemon::new());
    let args = [
        "--spread",
        &daemon.address(),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(
        dir.path(),
        &[&args[..], &["--stop-timeout", "9999"]].concat(),
    );
    let mut session = daemon.accept();
    session.wait_until_used();
    program.signal(Signal::TERM);
    program.wait_for("stopping");

    program.signal(Signal::INT);
    let (status, said) = program.end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("a second time"), "{said}");
}
