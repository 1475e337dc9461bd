//! On threads and processes of the test's own: either the system does it, which is read back, or
//! what we say names the remedy.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::*;

/// `cat` waits for its standard input, and ends with the test.
struct Process(Child);

impl Process {
    fn start() -> Self {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Priority and policy: the fields 40 and 41 of proc_pid_stat(5), counted behind the name, which
/// may have anything in it.
fn scheduling(stat: &str) -> (u32, u32) {
    let text = fs::read_to_string(stat).unwrap();
    let fields = text.rsplit_once(')').unwrap().1;
    let fields: Vec<_> = fields.split_whitespace().collect();
    (fields[37].parse().unwrap(), fields[38].parse().unwrap())
}

const ORDINARY: (u32, u32) = (0, 0);
const FIFO: u32 = 1;

fn says_the_remedy(error: &RealtimeError) -> bool {
    let said = error.to_string();
    said.contains("CAP_SYS_NICE") && said.contains("RLIMIT_RTPRIO") && said.contains("container")
}

#[test]
fn priorities_are_those_of_the_system() {
    for (text, expected) in [("1", 1), ("50", 50), ("99", 99)] {
        assert_eq!(text.parse(), Ok(Priority(expected)));
    }
    for text in ["0", "100", "-1", "", "high", "256"] {
        let error = text.parse::<Priority>().unwrap_err();
        assert!(error.to_string().contains("from 1 to 99"), "{error}");
    }
}

#[test]
fn a_thread_enters_alone() {
    let (entered, result) = channel();
    let thread = thread::spawn(move || {
        let outcome = enter(Priority(7));
        let mine = scheduling("/proc/thread-self/stat");
        let started = thread::spawn(|| scheduling("/proc/thread-self/stat"));
        entered
            .send((outcome, mine, started.join().unwrap()))
            .unwrap();
    });

    let (outcome, mine, started) = result.recv().unwrap();
    thread.join().unwrap();

    match outcome {
        Ok(()) => assert_eq!(mine, (7, FIFO)),
        Err(error) => {
            assert_eq!(mine, ORDINARY);
            assert!(says_the_remedy(&error), "{error}");
        }
    }
    assert_eq!(started, ORDINARY);
    assert_eq!(scheduling("/proc/thread-self/stat"), ORDINARY);
}

/// As for a user without rights; a limit of this session may permit it all the same.
#[test]
fn a_thread_without_the_capability_is_told_what_it_needs() {
    let refused = thread::spawn(|| {
        let mut mine = capabilities(None).unwrap();
        mine.effective.remove(CapabilitySet::SYS_NICE);
        set_capabilities(None, mine).unwrap();
        enter(Priority::DEFAULT)
    });

    let outcome = refused.join().unwrap();

    match (getrlimit(Resource::Rtprio).current, outcome) {
        (Some(0), outcome) => assert!(says_the_remedy(&outcome.unwrap_err())),
        (_, Err(error)) => assert!(says_the_remedy(&error), "{error}"),
        (_, Ok(())) => {}
    }
}

#[test]
fn a_process_is_set_and_set_back() {
    let process = Process::start();
    let pid = process.0.id();
    let stat = format!("/proc/{pid}/task/{pid}/stat");

    match set_process(pid, Some(Priority(9))) {
        Ok(threads) => {
            assert_eq!(threads, 1);
            assert_eq!(scheduling(&stat), (9, FIFO));
        }
        Err(error) => assert!(says_the_remedy(&error), "{error}"),
    }
    assert_eq!(set_process(pid, None).unwrap(), 1);
    assert_eq!(scheduling(&stat), ORDINARY);
}

#[test]
fn a_process_that_is_gone_is_named() {
    let mut process = Process::start();
    let pid = process.0.id();
    process.0.kill().unwrap();
    process.0.wait().unwrap();

    let error = set_process(pid, Some(Priority::DEFAULT)).unwrap_err();

    assert!(error.to_string().contains(&pid.to_string()), "{error}");
}
