//! What the program says to its operator, and that it never waits for him.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use support::program::Program;
use support::{PATIENCE, Root, noise};

/// A pipe that takes no byte more until it is read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    // The last bytes one by one: a pipe takes a short write whole or not at all.
    for len in [4096, 1] {
        while writer.write_all(&vec![b'.'; len]).is_ok() {}
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

fn start(root: &Root, stderr: PipeWriter) -> Program {
    let args = ["-h", "127.0.0.1", "-p", "0", "--workers", "1"];
    Program::start_with_stderr(stderr, &[&args[..], &["-d", &root.dir()]].concat())
}

/// Each 503 comes with a warning, and a worker that waited for somebody to read it would
/// answer nobody.
#[test]
fn an_error_output_that_nobody_reads_holds_up_no_request() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let (mut unread, stderr) = full_pipe();
    let program = start(&root, stderr);
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);

    program.limit_descriptors(1);
    for _ in 0..2_000 {
        assert_eq!(client.get("/large").status, 503);
    }
    program.limit_descriptors(1024);
    assert_eq!(client.get("/large").status, 200);
    assert_eq!(program.connect().get("/a").status, 200);

    let mut said = Vec::new();
    program.signal(Signal::TERM);
    // It gives up waiting for a reader, and ends with what it has.
    assert_eq!(program.wait().status, Some(0));
    unread.read_to_end(&mut said).unwrap();
    assert!(said.iter().all(|byte| *byte == b'.'), "not full: no test");
}

/// A pipe that was full for a while has a gap, and the gap is told.
#[test]
fn what_nobody_could_read_is_counted_and_told_when_somebody_does() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let (mut unread, stderr) = full_pipe();
    let program = start(&root, stderr);
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);
    program.limit_descriptors(1);
    let asked = 2_000;
    for _ in 0..asked {
        assert_eq!(client.get("/large").status, 503);
    }
    program.limit_descriptors(1024);

    let (mut said, mut bytes) = (Vec::new(), [0; 4096]);
    let deadline = Instant::now() + PATIENCE;
    let missing = loop {
        let read = unread.read(&mut bytes).unwrap();
        said.extend_from_slice(bytes.get(..read).unwrap());
        let text = String::from_utf8_lossy(&said);
        let gap = text.split_once("messages missing here, as nobody was reading: ");
        if let Some((number, _)) = gap.and_then(|(_, rest)| rest.split_once('\n')) {
            break number.parse::<usize>().unwrap();
        }
        assert!(Instant::now() < deadline, "{text}");
    };

    let text = String::from_utf8_lossy(&said);
    let told = text
        .matches("could not be served: out of resources")
        .count();
    assert_eq!(told + missing, asked);
}
