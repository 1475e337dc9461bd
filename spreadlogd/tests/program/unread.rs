//! A standard error that nobody reads: lines are received and written all the same.

use std::fs;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{DEADLINE, Dir, PROGRAM, Publisher, TestHub};

/// It says where it writes and what it joins before the first line comes, and with `-v` much more.
#[test]
fn lines_are_written_and_the_stop_is_heard() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let (_unread, stderr) = full_pipe();
    let args = ["-v", "--spread", &hub.address(), "--group", "g"];
    let mut child = Command::new(PROGRAM)
        .args(args)
        .args(["--file", "log"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stderr(stderr)
        .spawn()
        .unwrap();

    let mut publisher = Publisher::connect(&hub);
    let deadline = Instant::now() + DEADLINE;
    // It cannot say when it has joined.
    while fs::read(dir.join("log")).unwrap_or_default().is_empty() {
        publisher.send(&["g"], "a line\n");
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("nothing is written");
        }
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();

    assert_eq!(child.wait().unwrap().code(), Some(0));
}

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
