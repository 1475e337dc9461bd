//! `spreadlogd tail`: lines as they come, on an output that may stop taking them or go away.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::Signal;

use crate::held_port::HeldPort;
use crate::numbered::Numbered;
use crate::support::{Dir, PROGRAM, Program, Publisher, TestHub};

/// A running tail, and its standard output.
fn tail(hub: &str, args: &[&str]) -> (Program, BufReader<ChildStdout>) {
    let mut command = Command::new(PROGRAM);
    command.args(["tail", "--spread", hub]).args(args);
    let mut program = Program::spawn(command.stdout(Stdio::piped()));
    let output = program.take_output();
    program.wait_for("joined");
    (program, BufReader::new(output))
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line
}

const OF_STATUS_200: &str = "::1 - - [28/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9\n";
const OF_STATUS_500: &str = "::1 - - [28/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 500 9\n";

/// The hub is called that as a host, too; a message to another group is nobody's here.
#[test]
fn lines_come_with_their_host_or_raw() {
    let hub = TestHub::start();
    let (shown, mut with_host) = tail(&hub.address(), &["a", "b"]);
    let (raw, mut alone) = tail(&hub.address(), &["--raw", "a"]);
    let mut publisher = Publisher::connect(&hub);
    publisher.send(&["c"], "nobody\n");
    publisher.send(&["b"], "0\n");
    publisher.send(&["a"], "1\n2");
    publisher.send(&["a", "b"], "3\n");

    for expected in ["0", "1", "2", "3"] {
        assert_eq!(line(&mut with_host), format!("hub {expected}\n"));
    }
    for expected in ["1", "2", "3"] {
        assert_eq!(line(&mut alone), format!("{expected}\n"));
    }
    shown.stop();
    raw.signal(Signal::INT);
    let (status, said) = raw.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn those_lines_alone_come_that_are_asked_for() {
    let hub = TestHub::start();
    let (program, mut output) = tail(&hub.address(), &["--raw", "--where", "status >= 500", "g"]);
    let body = [OF_STATUS_200, "no line of a log\n", OF_STATUS_500].concat();
    Publisher::connect(&hub).send(&["g"], body.repeat(2));

    assert_eq!(line(&mut output), OF_STATUS_500);
    assert_eq!(line(&mut output), OF_STATUS_500);
    program.stop();
}

/// As `spreadlogd tail g | head -n 1` has it.
#[test]
fn it_ends_quietly_when_nobody_reads_any_more() {
    let hub = TestHub::start();
    let (program, output) = tail(&hub.address(), &["g"]);
    drop(output);
    Publisher::connect(&hub).send(&["g"], "1\n");

    let (status, said) = program.end();

    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn it_comes_back_when_the_daemon_does() {
    let place = HeldPort::hold().unwrap();
    let hub = TestHub::start_in(&place);
    let (mut program, mut output) = tail(&hub.address(), &["g"]);
    drop(hub);
    program.wait_for("lost the Spread daemon");
    program.wait_for("no Spread daemon at");
    let hub = TestHub::start_in(&place);
    program.wait_for("joined g");
    Publisher::connect(&hub).send(&["g"], "1\n");

    assert_eq!(line(&mut output), "hub 1\n");
    program.stop();
}

/// It is no logging host: the publisher leaves without a word from it. What a logging host asked
/// for again came to that alone.
#[test]
fn publishers_do_not_wait_for_it() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let address = hub.address();
    let args = ["--group", "g", "--file", "log", "--spread", &address];
    let mut logging = Program::start(dir.path(), &args);
    logging.wait_for("joined g");
    let (program, mut output) = tail(&address, &["--raw", "g"]);
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.lose([2]);
    let mut expected = String::new();
    for n in 0..5 {
        let text = format!("{n}\n");
        if publisher.push(text.clone()) != 2 {
            expected += &text;
        }
    }
    publisher.run_until_all_is_safe();
    publisher.leave();
    logging.stop();

    let seen: String = (0..4).map(|_| line(&mut output)).collect();
    assert_eq!(seen, expected);
    assert_eq!(dir.read("log").lines().count(), 5);
    let said = program.stop();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(line(&mut output), "");
}

/// 32 MiB on an output of which nobody takes anything, which is more than the pipe and the queue
/// hold: the session goes on reading, and what is shown and what is not is all there was.
#[test]
fn an_output_that_takes_nothing_costs_lines_and_not_the_session() {
    let hub = TestHub::start();
    let (mut program, output) = tail(&hub.address(), &["--raw", "g"]);
    let mut publisher = Publisher::connect(&hub);
    let body = format!("{}\n", "x".repeat(99)).repeat(640);
    for _ in 0..512 {
        publisher.queue(&["g"], body.clone());
    }
    publisher.sync();
    program.wait_for("slower than they come");

    let (seen, end_is_seen) = channel();
    let reading = thread::spawn(move || {
        let mut lines = 0;
        for line in output.lines() {
            match &*line.unwrap() {
                "end" => drop(seen.send(())),
                _ => lines += 1,
            }
        }
        lines
    });
    // It comes through once there is room again, behind all that was sent before.
    let mut ends = 0;
    while end_is_seen.try_recv().is_err() {
        publisher.send(&["g"], "end\n");
        ends += 1;
    }
    let said = program.stop();
    let shown: usize = reading.join().unwrap();

    assert!(!said.contains("lost the Spread daemon"), "{said}");
    let not_shown = |line: &str| -> Option<usize> {
        let (before, _) = line.split_once(" lines are not shown")?;
        before.rsplit(' ').next()?.parse().ok()
    };
    let dropped: usize = said.lines().filter_map(not_shown).sum();
    let all = 512 * 640;
    assert!(dropped > 0, "{said}");
    // Some of the lines at the end may be among those that were dropped.
    let sum = shown + dropped;
    assert!((all..=all + ends).contains(&sum), "{shown} + {dropped}");
}
