//! `spreadlogd audit`: the books agree with what was sent and with what is in the files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::numbered::Numbered;
use crate::support::{DEADLINE, Dir, PROGRAM, Program, Publisher, TestHub, config, until};

/// The exit status, and all that was said.
fn audit(dir: &Dir, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    command.arg("audit").args(args).current_dir(dir.path());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Every file under the directory, with what is in it.
fn files(dir: &Dir) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    found
}

fn start(dir: &Dir, hub: &TestHub) -> Program {
    start_with(dir, hub, &[])
}

fn start_with(dir: &Dir, hub: &TestHub, more: &[&str]) -> Program {
    let (log, address) = (["-v", "--group", "g", "--file", "log"], hub.address());
    let args = [&log[..], &["--spread", &address], more].concat();
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    program
}

#[test]
fn the_books_of_a_running_logging_host_and_of_one_that_has_ended_agree() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(&dir, &hub);
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.lose([2, 5]);
    for n in 0..10 {
        publisher.push(format!("{n} a\n{n} b\n"));
    }
    publisher.run_until_all_is_safe();
    Publisher::connect(&hub).send(&["g"], "script\n");
    let deadline = Instant::now() + DEADLINE;
    while dir.read("log").lines().count() < 21 {
        assert!(Instant::now() < deadline, "{}", dir.read("log"));
    }

    let (status, running) = audit(&dir, &["--file", "log", "--verify", "--strict"]);
    publisher.leave();
    program.stop();
    let before = files(&dir);
    let (ended_status, ended) = audit(&dir, &["--file", "log", "--verify", "--strict"]);

    assert_eq!(status, Some(0), "{running}");
    assert!(running.contains("running"), "{running}");
    assert!(running.contains("while process "), "{running}");
    assert!(
        running.contains("Nothing is missing: 21 lines"),
        "{running}"
    );
    assert_eq!(ended_status, Some(0), "{ended}");
    let row = ended.lines().find(|line| line.contains("web test 1"));
    let row: Vec<_> = row.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(row, ["AAAAAAAA", "left", "20", "0", "20", "0"], "{ended}");
    assert!(ended.contains("repaired: 2 gaps"), "{ended}");
    assert!(ended.contains("21 lines, as they were written"), "{ended}");
    assert_eq!(files(&dir), before);

    let (_, json) = audit(&dir, &["--file", "log", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let totals = &json["totals"];
    for (key, number) in [
        ("streams", 1),
        ("served", 20),
        ("written", 20),
        ("absent", 0),
        ("unnumbered_lines", 1),
        ("missing", 0),
    ] {
        assert_eq!(totals[key], number, "{key}: {json:#}");
    }
}

/// A file took a part of a message that has no number, keeps the whole lines of it, and the process
/// dies: the ledger has what the file has, to the line.
#[test]
fn what_a_full_disk_took_of_a_message_without_a_number_is_in_the_books_after_a_death() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let full = "ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", full, PROGRAM, "--spread", &hub.address()])
        .args(["--group", "g", "--file", "log", "--state", "state"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined g");
    let lines = |from: usize| (from..from + 300).map(|n| format!("line {n:03}\n"));

    Publisher::connect(&hub).send(&["g"], lines(0).collect::<String>());
    Publisher::connect(&hub).send(&["g"], lines(300).collect::<String>());
    program.wait_for("cannot write to");
    let written = dir.read("log").lines().count();
    assert!((300..600).contains(&written), "{written}");
    let state = ["--state", "state"];
    let counted = || {
        let (_, json) = audit(&dir, &[&state[..], &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["totals"]["unnumbered_lines"].as_u64()
    };
    // The journal has it when the file is tried the next time.
    until(&|| counted() == Some(written as u64));
    program.signal(Signal::KILL);
    program.end();
    start_with(&dir, &hub, &state).stop();

    assert_eq!(counted(), Some(written as u64));
    let (status, said) = audit(&dir, &[&state[..], &["--verify"]].concat());
    assert_eq!(status, Some(0), "{said}");
}

/// What a publisher has sent and the logging host has not got is missing, whoever looks.
#[test]
fn what_is_missing_is_told_with_its_numbers_and_fails() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(&dir, &hub);
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.lose([2, 3]);
    for n in 1..=4 {
        publisher.push(format!("{n}\n"));
    }
    publisher.run_until_all_is_sent();
    drop(publisher);
    let deadline = Instant::now() + DEADLINE;
    while dir.read("log") != "1\n4\n" {
        assert!(Instant::now() < deadline, "{}", dir.read("log"));
    }
    program.stop();

    let (status, said) = audit(&dir, &["--file", "log"]);

    assert_eq!(status, Some(1), "{said}");
    let (status, of_the_day) = audit(&dir, &["--file", "log", "--since", "1d"]);
    assert_eq!(
        (status, of_the_day.contains("missing 2-3")),
        (Some(1), true)
    );
    let (status, of_the_future) = audit(&dir, &["--file", "log", "--since", "2999-12-31"]);
    assert_eq!(status, Some(0), "{of_the_future}");
    let (status, none) = audit(&dir, &["--file", "log", "--since", "once"]);
    assert!(
        status == Some(2) && none.contains("`once` is no moment"),
        "{none}"
    );
    assert!(said.contains("missing 2-3"), "{said}");
    assert!(said.contains("2 messages are missing."), "{said}");
    assert!(
        said.contains("did not leave before this logging host ended"),
        "{said}"
    );
}

#[test]
fn files_are_counted_wherever_rotation_has_put_them() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("log", "of before\n");
    let mut program = start(&dir, &hub);
    let mut publisher = Numbered::connect(&hub, 0);
    for n in 0..3 {
        publisher.push(format!("{n}\n"));
        publisher.run_until_all_is_safe();
        dir.rename("log", &format!("log.{n}"));
        program.signal(Signal::HUP);
        program.wait_for("reopened");
    }
    publisher.leave();
    program.stop();
    std::fs::remove_file(dir.join("log.0")).unwrap();

    let (status, said) = audit(&dir, &["--file", "log", "--verify"]);

    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("cannot be counted: it is not there"),
        "{said}"
    );
    for file in ["log.1", "log.2"] {
        let path = dir.join(file).display().to_string();
        assert!(
            said.contains(&format!("  {path}\n      1 lines, as")),
            "{said}"
        );
    }
    dir.write("log.1", "1 ");
    let (status, said) = audit(&dir, &["--file", "log", "--verify"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("0 lines, where 1 were written"), "{said}");
    assert!(
        said.contains("1 file holds other than was written to it."),
        "{said}"
    );
}

#[test]
fn the_ledger_is_found_as_the_logging_host_finds_it() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let logs = config(&[(&hub, &[("g", "log")])]);
    dir.write("beside", &logs);
    dir.write("named", &format!("Ledger = named.ledger\n{logs}"));
    for (args, place) in [
        (&["-c", "beside"][..], ".spreadlogd/log"),
        (&["-c", "named"], "named.ledger"),
        (&["-c", "named", "--state", "told"], "told"),
    ] {
        let mut program = Program::start(dir.path(), args);
        program.wait_for("joined g");
        program.stop();

        let (status, said) = audit(&dir, args);

        assert_eq!(status, Some(0), "{said}");
        assert!(
            said.starts_with("ledger ") && said.contains(place),
            "{said}"
        );
        assert!(said.contains("Nothing has come yet."), "{said}");
    }
}

#[test]
fn where_there_is_no_ledger_it_says_so() {
    let dir = Dir::new();
    dir.write("bad", "Nonsense\n");
    dir.write(
        "pipe",
        "Spread { Port = 1 Log { Group = g File = /dev/null } }\n",
    );
    for (args, says) in [
        (
            &[][..],
            "there is no ledger in ./logs/.spreadlogd/access_log",
        ),
        (&["--state", "nowhere"], "there is no ledger in nowhere"),
        (&["-c", "bad"], "bad:1"),
        (&["-c", "none"], "cannot read none"),
        (&["-c", "pipe"], "no log is a regular file"),
    ] {
        let (status, said) = audit(&dir, args);

        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(files(&dir).len(), 2, "nothing is made");
}

/// Neither the file of a host nor the one for all others can be opened: such lines are lost, and
/// that is what the books say, of a message none of whose lines has a file and of one of which
/// some have. Nobody keeps them for ever.
#[test]
fn lines_that_no_file_could_be_opened_for_are_lost_and_not_written() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    for name in ["hosts/bad.example", "hosts/_other_"] {
        std::fs::create_dir_all(dir.join(name)).unwrap();
    }
    let text = format!(
        "Ledger = state Spread {{ Port = {}@127.0.0.1 Log {{ Group = g VhostDir = hosts }} }}\n",
        hub.port()
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined g");
    let mut publisher = Numbered::connect(&hub, 0);

    publisher.push("bad.example 1\nbad.example 2\n");
    publisher.push("good.example 3\nbad.example 4\n.. 5\n");
    publisher.push("good.example 6\n");
    publisher.run_until_all_is_safe();
    publisher.leave();
    let said = program.stop();

    assert!(said.contains("wrote 2 lines, lost 4"), "{said}");
    assert_eq!(dir.read("hosts/good.example"), "3\n6\n");
    let (status, said) = audit(&dir, &["-c", "c"]);
    assert_eq!(status, Some(1), "{said}");
    let row = said.lines().find(|line| line.contains("web test 1"));
    let row: Vec<_> = row.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(row, ["AAAAAAAA", "left", "6", "0", "2", "4"], "{said}");
    assert!(
        said.contains("4 lines are lost here: no file could be opened"),
        "{said}"
    );
}
