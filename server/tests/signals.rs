//! TERM, INT, HUP, USR1 and USR2, as a user or a service manager sends them.

#![expect(
    clippy::unwrap_used,
    reason = "a test to which nothing is said has failed"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::process::Signal;
use support::program::Program;
use support::{PATIENCE, Root, get};

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

/// A file that is wrong changes nothing but the diagnostics; one that is right holds for
/// downloads under way too.
#[test]
fn a_hang_up_reads_the_throttle_file_again() {
    let root = Root::with(&[("film", &[b'f'; 300_000])]);
    let file = root.path("throttle.conf");
    std::fs::write(&file, "film 1\n").unwrap();
    let args = [
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "--throttles",
        file.to_str().unwrap(),
    ];
    let (stderr, its) = UnixStream::pair().unwrap();
    stderr.set_read_timeout(Some(PATIENCE)).unwrap();
    let dir = root.dir();
    let args = [&["-d", &dir], &args[..]].concat();
    let program = Program::start_with_stderr(OwnedFd::from(its), &args);
    let mut client = program.connect();
    client.send(get("/film"));

    std::fs::write(&file, "film\n").unwrap();
    program.signal(Signal::HUP);
    let mut said = String::new();
    BufReader::new(&stderr).read_line(&mut said).unwrap();
    assert!(
        said.contains("of before stays") && said.contains(":1: `film`"),
        "{said}"
    );
    std::fs::write(&file, "film 100M\n").unwrap();
    program.signal(Signal::HUP);

    assert_eq!(client.response().content.len(), 300_000);
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

/// As thttpd's does; TERM behind it is in a hurry again.
#[test]
fn usr1_takes_the_time_that_a_download_needs() {
    let root = Root::new();
    let large = std::fs::File::create(root.path("large")).unwrap();
    let len = 1 << 26;
    large.set_len(len as u64).unwrap();
    for is_hurried in [false, true] {
        let dir = root.dir();
        let args = [
            "-d",
            &*dir,
            "-h",
            "127.0.0.1",
            "-p",
            "0",
            "--stop-timeout",
            "1ms",
        ];
        let program = Program::start(&args);
        let mut idle = program.connect();
        assert_eq!(idle.get("/none").status, 404);
        let mut client = program.connect();
        client.send(get("/large"));
        assert_eq!(client.head().status, 200);

        program.signal(Signal::USR1);

        idle.expect_close();
        while TcpStream::connect(program.address).is_ok() {}
        if is_hurried {
            program.signal(Signal::TERM);
        } else {
            assert_eq!(client.rest_bytes().len(), len);
        }
        let ended = program.wait();
        assert_eq!((ended.status, &*ended.stderr), (Some(0), ""));
    }
}

#[test]
fn usr2_tells_what_was_counted() {
    let root = Root::with(&[("a", b"one")]);
    let (reader, writer) = std::io::pipe().unwrap();
    let dir = root.dir();
    let args = ["-d", &*dir, "-h", "127.0.0.1", "-p", "0"];
    let program = Program::start_with_stderr(writer, &args);
    let mut lines = BufReader::new(reader).lines();
    assert_eq!(program.connect().get("/a").status, 200);

    program.signal(Signal::USR2);

    let line = lines.next().unwrap().unwrap();
    assert!(
        line.contains("INFO up ") && line.contains(": 1 connections"),
        "{line}"
    );
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));
    assert!(lines.next().is_none());
}

#[test]
fn what_was_counted_is_told_again_and_again_and_at_the_end() {
    let root = Root::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let dir = root.dir();
    let args = [
        "-d",
        &*dir,
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "--statistics",
        "5ms",
    ];
    let program = Program::start_with_stderr(writer, &args);
    let mut lines = BufReader::new(reader).lines();
    for _ in 0..2 {
        assert!(lines.next().unwrap().unwrap().contains("INFO up "));
    }

    program.signal(Signal::TERM);

    assert_eq!(program.wait().status, Some(0));
    assert!(lines.last().unwrap().unwrap().contains("INFO up "));
}

/// The next line that says `what`; others may stand before it.
fn line_with(lines: &mut impl Iterator<Item = std::io::Result<String>>, what: &str) -> String {
    let mut lines = lines.map(Result::unwrap);
    lines.find(|line| line.contains(what)).unwrap()
}

#[test]
fn a_hang_up_puts_a_new_configuration_to_work() {
    let root = Root::with(&[("a", b"one"), ("fallback", b"none")]);
    let place = Root::new();
    let write = |text: &str| place.file("conf", format!("dir={}\n{text}", root.dir()).as_bytes());
    write("header=** \"X-Note: before\"");
    let (reader, writer) = std::io::pipe().unwrap();
    let path = place.path("conf");
    let args = [
        "--config",
        path.to_str().unwrap(),
        "-h",
        "127.0.0.1",
        "-p",
        "0",
    ];
    let program = Program::start_with_stderr(writer, &args);
    let mut lines = BufReader::new(reader).lines();
    let mut client = program.connect();
    // Once from the disk and once from memory.
    for _ in 0..2 {
        assert_eq!(client.get("/a").field("X-Note"), Some("before"));
    }

    write("header=** \"X-Note: after\" redirect=b 302 /a gzip deny=192.0.2.1");
    program.signal(Signal::HUP);

    let line = line_with(&mut lines, "now as the configuration says");
    assert!(line.ends_with(": --deny, --header, --redirect"), "{line}");
    let line = line_with(&mut lines, "changed for the next start alone");
    assert!(line.ends_with(": --gzip"), "{line}");
    // Workers take it up on their own.
    while client.get("/a").field("X-Note") != Some("after") {}
    assert_eq!(client.get("/b").status, 302);

    for (text, said) in [
        ("haeder=** \"X-Note: mistaken\"", "did you mean header"),
        ("fallback=none/there", "no such file beneath"),
        ("header=** Server", "--header '**' 'Server'"),
    ] {
        write(text);
        program.signal(Signal::HUP);
        let line = line_with(&mut lines, "the configuration of before stays");
        assert!(line.contains(said), "{line}");
        assert_eq!(client.get("/a").field("X-Note"), Some("after"));
    }

    // What is back as it was is nothing to tell.
    write("");
    program.signal(Signal::HUP);
    let line = line_with(&mut lines, "now as the configuration says");
    assert!(line.ends_with(": --deny, --header, --redirect"), "{line}");
    while client.get("/a").field("X-Note").is_some() {}
    assert_eq!(client.get("/b").status, 404);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));
    assert!(lines.next().is_none());
}
