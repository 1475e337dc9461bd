//! Numbered streams into real files: each line once, whatever happens in between.

use std::process::Command;

use rustix::process::Signal;

use crate::numbered::Numbered;
use crate::support::{Dir, PROGRAM, Program, TestHub};

/// As many messages of a few lines each, every line its own.
fn push(publisher: &mut Numbered, count: u64, expected: &mut Vec<String>) {
    for _ in 0..count {
        let next = expected.len();
        let lines: Vec<String> = (next..next + 3).map(|n| format!("line {n:08}")).collect();
        publisher.push(lines.join("\n") + "\n");
        expected.extend(lines);
    }
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_the_daemon_has_lost_is_asked_for_and_written_once() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.lose([2, 3, 7, 20]);
    let mut expected = Vec::new();

    push(&mut publisher, 20, &mut expected);
    publisher.run_until_all_is_safe();
    program.stop();

    assert_eq!(sorted(&dir.read("log")), expected);
}

/// Its lines wait for company, up to a second, when it comes again.
#[test]
fn a_message_that_comes_again_before_it_is_written_is_written_once() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    std::fs::create_dir(dir.join("hosts")).unwrap();
    let logs = "Log { Group = g VhostDir = hosts } Log { Group = g File = all }";
    let text = format!("Spread {{ Port = {}@127.0.0.1 {logs} }}\n", hub.port());
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined g");
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.repeat(3);
    let mut expected = Vec::new();

    for n in 0..100 {
        publisher.push(format!("a line {n:08}\nb line {n:08}\n"));
        publisher.step();
        expected.push(format!("line {n:08}"));
    }
    publisher.run_until_all_is_safe();
    program.stop();

    for name in ["hosts/a", "hosts/b"] {
        assert_eq!(sorted(&dir.read(name)), expected);
    }
    assert_eq!(dir.read("all").lines().count(), 200);
}

/// Killed without warning between, during and after writes, and what is sent meanwhile reaches
/// nobody. Rotation in between, with and without the signal having been heard.
#[test]
fn every_line_is_there_once_though_it_is_killed_again_and_again() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut publishers = [0, 1].map(|instance| Numbered::connect(&hub, instance));
    let mut expected = [Vec::new(), Vec::new()];
    let mut names = vec!["log".to_owned()];

    for round in 0..6 {
        let mut program = Program::start(dir.path(), &args);
        program.wait_for("joined g");
        for (publisher, expected) in publishers.iter_mut().zip(&mut expected) {
            push(publisher, 50 + 200 * round, expected);
            publisher.step();
        }
        if round % 2 == 1 {
            let name = format!("log.{round}");
            dir.rename("log", &name);
            names.push(name);
            program.signal(Signal::HUP);
        }
        program.signal(Signal::KILL);
        program.end();
        for (publisher, expected) in publishers.iter_mut().zip(&mut expected) {
            push(publisher, 10, expected);
            publisher.step();
        }
    }
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    Numbered::run_until_all_of_all_is_safe(&mut publishers);
    program.stop();

    let all: String = names.iter().map(|name| dir.read(name)).collect();
    let mut expected: Vec<String> = expected.concat();
    expected.sort_unstable();
    assert_eq!(sorted(&all), expected);
}

/// A file that can grow no further: what does not fit comes to the next one, whole.
#[test]
fn a_full_disk_loses_no_numbered_message() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\"", PROGRAM, "-v"])
        .args(["--spread", &hub.address(), "--group", "g", "--file", "log"])
        .args(["--state", "state"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined g");
    let mut publisher = Numbered::connect(&hub, 0);
    let mut expected = Vec::new();
    push(&mut publisher, 100, &mut expected);
    let mut found = String::new();

    for n in 0.. {
        while !dir.join("log").exists() || dir.read("log").is_empty() {
            publisher.step();
        }
        if found.len() + dir.read("log").len() == expected.len() * "line 00000000\n".len() {
            break;
        }
        program.wait_for("cannot write to");
        let name = format!("log.{n}");
        dir.rename("log", &name);
        program.signal(Signal::HUP);
        program.wait_for("reopened");
        found += &dir.read(&name);
    }
    publisher.run_until_all_is_safe();
    program.stop();

    assert_eq!(sorted(&(found + &dir.read("log"))), expected);
}

/// A ledger belongs to its files: another start, in which it is told of the same messages again.
#[test]
fn a_restart_knows_what_was_written_before() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut publisher = Numbered::connect(&hub, 0);
    let mut expected = Vec::new();

    for _ in 0..3 {
        let mut program = Program::start(dir.path(), &args);
        program.wait_for("joined g");
        push(&mut publisher, 5, &mut expected);
        publisher.run_until_all_is_safe();
        program.stop();
    }

    assert_eq!(sorted(&dir.read("log")), expected);
    assert!(dir.join(".spreadlogd/log/ledger.json").exists());
}
