//! `--pid-file`: which process it is, from when its files are open to its end.

use std::process::{self, Command};

use rustix::process::Signal;

use crate::hostile::FakeDaemon;
use crate::support::{Dir, PROGRAM, Program, TestHub};

fn args(address: &str) -> [&str; 8] {
    [
        "--pid-file",
        "pid",
        "--spread",
        address,
        "--group",
        "g",
        "--file",
        "log",
    ]
}

/// A process that has ended, as one that was killed.
fn pid_of_the_dead() -> u32 {
    let mut child = Command::new(PROGRAM).arg("-V").spawn().unwrap();
    let pid = child.id();
    child.wait().unwrap();
    pid
}

#[test]
fn it_is_there_while_the_program_works_and_gone_behind_it() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("pid", &format!("{}\n", pid_of_the_dead()));
    let mut program = Program::start(dir.path(), &args(&hub.address()));
    program.wait_for("joined g");

    assert_eq!(dir.read("pid"), format!("{}\n", program.pid()));
    program.stop();

    assert!(!dir.join("pid").exists());
}

#[test]
fn one_of_a_running_process_refuses_the_start_and_stays() {
    let dir = Dir::new();
    let ours = format!("{}\n", process::id());
    dir.write("pid", &ours);

    let (status, said) = Program::start(dir.path(), &args("4803@localhost")).end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("process {} is running", process::id())),
        "{said}"
    );
    assert_eq!(dir.read("pid"), ours);
    assert!(!dir.join("log").exists());
}

#[test]
fn a_program_that_cannot_start_leaves_none() {
    let dir = Dir::new();
    dir.write("blocked", "");
    let mut args = args("4803@localhost");
    args[7] = "blocked/log";

    let (status, said) = Program::start(dir.path(), &args).end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!dir.join("pid").exists());
}

/// It ends without waiting for anything, but not without this.
#[test]
fn a_second_signal_leaves_none_behind() {
    let (dir, daemon) = (Dir::new(), FakeDaemon::new());
    let address = daemon.address();
    let args = [&args(&address)[..], &["--stop-timeout", "9999"]].concat();
    let mut program = Program::start(dir.path(), &args);
    let mut session = daemon.accept();
    session.wait_until_used();
    assert!(dir.join("pid").exists());
    program.signal(Signal::TERM);
    program.wait_for("stopping");

    program.signal(Signal::INT);
    let (status, said) = program.end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!dir.join("pid").exists());
}
