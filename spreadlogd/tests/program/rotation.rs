//! Files that are moved away and opened again.

use std::process::Command;

use rustix::process::Signal;

use crate::support::{Dir, PROGRAM, Program, Publisher, TestHub};

/// The original waits for the next message, writes that to the old file, and then opens a relative
/// path from `/`.
#[test]
fn hup_opens_a_relative_path_again_at_once_and_loses_nothing() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = [
        "-v",
        "--spread",
        &hub.address(),
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);
    let mut expected = String::new();

    for n in 0..5 {
        for m in 0..200 {
            let line = format!("{n}.{m}\n");
            publisher.queue(&["g"], line.clone());
            expected += &line;
        }
        publisher.sync();
        dir.rename("log", &format!("log.{n}"));
        program.signal(Signal::HUP);
        program.wait_for("reopened");
        assert!(dir.join("log").exists());
    }
    program.stop();

    let names = (0..5).map(|n| format!("log.{n}"));
    let found: String = names.map(|name| dir.read(&name)).collect();
    assert_eq!(found + &dir.read("log"), expected);
}

#[test]
fn a_file_that_was_not_moved_is_kept_and_its_lock_with_it() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let address = hub.address();
    let args = ["-v", "--spread", &address, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");

    program.signal(Signal::HUP);
    program.wait_for("still the same file");

    let (status, said) = Program::start(dir.path(), &args).end();
    assert_eq!(status.code(), Some(1), "{said}");
    Publisher::connect(&hub).send(&["g"], "1\n");
    program.stop();
    assert_eq!(dir.read("log"), "1\n");
}

/// A file that can grow no further, as a full disk: the rest of its lines is in the next file, and
/// no line in two.
#[test]
fn lines_that_the_old_file_could_not_take_are_whole_in_the_new_one() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\"", PROGRAM, "-v"])
        .args(["--spread", &hub.address(), "--group", "g", "--file", "log"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined g");
    let lines: String = (0..1_000).map(|n| format!("{n:08}\n")).collect();

    Publisher::connect(&hub).send(&["g"], lines.clone());
    let mut found = String::new();
    for n in 0.. {
        if found.len() + 4_096 > lines.len() {
            break;
        }
        program.wait_for("cannot write to");
        let name = format!("log.{n}");
        dir.rename("log", &name);
        program.signal(Signal::HUP);
        program.wait_for("reopened");
        let part = dir.read(&name);
        assert!(
            part.ends_with('\n') && part.len() >= 4_000,
            "{}",
            part.len()
        );
        found += &part;
    }
    let said = program.stop();

    assert_eq!(found + &dir.read("log"), lines);
    assert!(said.contains("wrote 1000 lines, lost 0"), "{said}");
}
