//! What the program says to its operator, and that it never waits for him.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::thread;
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use support::program::Program;
use support::{Root, noise};

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

/// A 503 comes with a warning, and a worker that waited for somebody to read it would
/// answer nobody.
#[test]
fn an_error_output_that_nobody_reads_holds_up_no_request() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let (mut unread, stderr) = full_pipe();
    let program = start(&root, stderr);
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);

    program.limit_descriptors(1);
    assert_eq!(client.get("/large").status, 503);
    assert_eq!(client.get("/large").status, 503);
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

/// As fast as clients like to ask, which would fill a disk.
#[test]
fn a_failure_that_goes_on_is_told_now_and_then() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let (mut unread, stderr) = full_pipe();
    let program = start(&root, stderr);
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);
    let began = Instant::now();
    program.limit_descriptors(1);
    for _ in 0..2_000 {
        assert_eq!(client.get("/large").status, 503);
    }
    program.limit_descriptors(1024);
    let tens = 2 + began.elapsed().as_secs() / 10;

    // Somebody reads after all.
    let reader = thread::spawn(move || {
        let mut said = String::new();
        unread.read_to_string(&mut said).unwrap();
        said
    });
    program.signal(Signal::TERM);

    assert_eq!(program.wait().status, Some(0));
    let said = reader.join().unwrap();
    let told = said
        .matches("could not be served: out of resources")
        .count() as u64;
    assert!((1..=tens).contains(&told), "{told} times");
}
