//! A line makes no system call, whatever its format.
//!
//! The thread that writes the lines is one that the kernel kills for any call but `read` and
//! `write` (seccomp's strict mode), and it says by a `write` that it has come to the end.

use std::io::{PipeReader, Read, Write, pipe};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{SecureComputingMode, gettid, set_secure_computing_mode};
use spread_logger::{Details, Log, Record, RingOptions, ring};

/// A thread that is not done by then has been killed.
const PATIENCE: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

/// Together less than half of the ring, beyond which the publisher is woken.
const LINES: u64 = 1000;

#[test]
fn a_line_makes_no_system_call() {
    for format in [
        "common",
        "combined",
        "vhost_combined",
        "json",
        "logfmt",
        "%a %D %{X-Id}i %{%H:%M}t %U%q",
    ] {
        let (log, mut drain) = ring(&RingOptions {
            format: format.parse().unwrap(),
            ..RingOptions::default()
        });
        let (done, mut says_done) = pipe().unwrap();
        let (waits, _never) = pipe().unwrap();

        thread::spawn(move || {
            let waits = waits;
            set_secure_computing_mode(SecureComputingMode::Strict).unwrap();
            write_lines(log);
            says_done.write_all(b"!").unwrap();
            // To end is a system call.
            wait_for_ever(waits);
        });

        assert!(
            is_readable(&done, PATIENCE),
            "{format}: it has made a system call"
        );
        let mut lines = 0;
        drain.drain(|piece| lines += piece.iter().filter(|byte| **byte == b'\n').count());
        assert_eq!(lines as u64, LINES, "{format}");
    }
}

/// Lines of several seconds, usual ones and others.
fn write_lines(log: Log) {
    let log = &mut *Box::leak(Box::new(log));
    for number in 0..LINES {
        let details = Details::default();
        log.log(&Record {
            client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            user: (number % 5 == 0).then_some(b"user"),
            time: 1_795_370_940 + number / 100,
            request_line: b"GET /index.html?q=1 HTTP/1.1",
            status: 200,
            bytes: number,
            referer: (number % 3 == 0).then_some(b"http://www.example.org/\"\xff"),
            user_agent: Some(b"Mozilla/5.0 (X11; Linux x86_64)"),
            details: Some(&details),
        });
    }
}

fn wait_for_ever(mut pipe: PipeReader) {
    let mut byte = [0];
    while !matches!(pipe.read(&mut byte), Ok(1..)) {}
}

fn is_readable(pipe: &PipeReader, within: Timespec) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
    poll(&mut fds, Some(&within)).is_ok_and(|ready| ready == 1)
}

/// Else the other test could not fail.
#[test]
fn a_thread_that_makes_one_ends_there() {
    let (done, mut says_done) = pipe().unwrap();
    let (sender, receiver) = channel();

    thread::spawn(move || {
        sender.send(gettid()).unwrap();
        set_secure_computing_mode(SecureComputingMode::Strict).unwrap();
        let _ = gettid();
        let _ = says_done.write_all(b"!");
    });

    let thread = receiver.recv().unwrap().as_raw_nonzero();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Path::new(&format!("/proc/self/task/{thread}")).exists() {
        assert!(Instant::now() < deadline, "it goes on");
        thread::yield_now();
    }
    assert!(!is_readable(&done, AT_ONCE));
}

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};
