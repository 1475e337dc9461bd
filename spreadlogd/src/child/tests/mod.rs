//! Children as they are used, with real processes.
//!
//! What they do is read from FIFOs and files; nothing here waits for time to pass.

mod commands;
mod endings;
mod interpreters;
mod modules;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::process::spawn;
use super::*;

/// A folder of a test, and what its children write there.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A FIFO that children write lines to.
    fn fifo(&self, name: &str) -> Said {
        Said::new(&self.bare_fifo(name))
    }

    fn bare_fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        run(Command::new("mkfifo").arg(&path));
        path
    }

    /// A command for the shell, in this folder.
    fn command(&self, script: &str) -> Program {
        let mut command = OsString::from("cd ");
        command.push(self.0.path());
        command.push(" && ");
        command.push(script);
        Program::command(&command)
    }

    fn start(&self, script: &str, limits: Limits) -> Child {
        Child::start(self.command(script), limits).unwrap()
    }
}

/// Lines from a FIFO.
struct Said(mpsc::Receiver<String>);

impl Said {
    fn new(path: &Path) -> Self {
        // For writing as well, so that it is not at its end while nobody writes.
        let fifo = File::options().read(true).write(true).open(path).unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(fifo).lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self(receiver)
    }

    fn next(&self) -> String {
        // Far more than it takes, so that what hangs fails.
        self.0.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    fn expect(&self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.next(), *line);
        }
    }
}

fn lines(text: &str) -> Record {
    Record::lines(Bytes::copy_from_slice(text.as_bytes()))
}

/// Ends it with time enough for everything.
fn finish(child: Child) -> Counted {
    let inbox = Arc::clone(&child.inbox);
    let minute = Duration::from_secs(60);
    child.stop(Patience {
        write: minute,
        end: minute,
        term: minute,
    });
    child.join();
    Counted::of(inbox.counters())
}

/// What was counted at the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Counted {
    given: u64,
    written: u64,
    lost: u64,
    failed: u64,
    restarts: u64,
}

impl Counted {
    fn of(counters: &ChildCounters) -> Self {
        let counted = Self {
            given: counters.lines.now(),
            written: counters.lines_written.now(),
            lost: counters.lines_lost.now(),
            failed: counters.lines_failed.now(),
            restarts: counters.restarts(),
        };
        assert_eq!(counted.given, counted.written + counted.lost, "{counted:?}");
        counted
    }
}

/// Whether a program is there; says so when not, as its test is none then.
fn has(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::null());
    let is_there = spawn(&mut command)
        .and_then(|mut child| child.wait())
        .is_ok();
    if !is_there {
        println!("skipped: there is no {program}");
    }
    is_there
}

/// Runs a program that has to succeed.
fn run(command: &mut Command) {
    let status = spawn(command).unwrap().wait().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
