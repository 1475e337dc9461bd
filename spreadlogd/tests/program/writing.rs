//! What is sent to a group is in its files.

use std::fs;

use crate::support::{Dir, Program, Publisher, TestHub, config};

/// One group into one file needs no configuration.
#[test]
fn lines_of_a_group_are_in_its_file_in_order() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = [
        "--spread",
        &hub.address(),
        "--group",
        "g",
        "--file",
        "logs/log",
    ];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);

    let mut expected = String::new();
    for n in 0..1_000 {
        let lines = format!("{n} a\n{n} b\n");
        expected += &lines;
        publisher.queue(&["g"], lines);
    }
    publisher.sync();
    let said = program.stop();

    assert_eq!(dir.read("logs/log"), expected);
    assert!(said.contains("received 2000 lines"), "{said}");
    assert!(said.contains("wrote 2000 lines, lost 0"), "{said}");
}

/// The numbers of a stream need some bytes beside the name (docs/formats.md).
#[test]
fn a_group_with_a_name_too_long_for_numbers_is_taken_without_and_said_once() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let (long, longest) = ("l".repeat(28), "m".repeat(31));
    let logs = [
        ("g", "log"),
        (&long, "log"),
        (&long, "other"),
        (&longest, "log"),
    ];
    dir.write("c", &config(&[(&hub, &logs)]));
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined");

    Publisher::connect(&hub).send(&[&longest], "1\n");
    let said = program.stop();

    assert_eq!(dir.read("log"), "1\n");
    assert_eq!(said.matches("has more than 27 bytes").count(), 2, "{said}");
    assert!(!said.contains("group g has"), "{said}");
}

/// The original drops what is longer than its BufferSize, without a word.
#[test]
fn the_longest_message_that_spread_carries_is_written_whole() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write(
        "c",
        &format!("BufferSize = 10\n{}", config(&[(&hub, &[("g", "log")])])),
    );
    let mut program = Program::start(dir.path(), &["-b", "10", "-c", "c"]);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);
    let line = "x".repeat(142_000) + "\n";

    publisher.send(&["g"], line.clone());
    program.stop();

    assert_eq!(dir.read("log"), line);
}

/// The original glues such messages together.
#[test]
fn a_message_without_a_newline_gets_one() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);

    for body in ["a", "", "b\n", "\0c"] {
        publisher.queue(&["g"], body);
    }
    publisher.sync();
    program.stop();

    assert_eq!(dir.read("log"), "a\nb\n\0c\n");
}

/// The original knew the first Log of a group alone (a skip list without equal keys).
#[test]
fn all_logs_of_a_group_apply_and_a_file_named_twice_is_one() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let same = dir.join("both").display().to_string();
    let logs = [
        ("a", "one"),
        ("a", "both"),
        ("b", &same),
        ("a", &same),
        ("b", "./both"),
    ];
    dir.write("c", &config(&[(&hub, &logs)]));
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined a, b");
    let mut publisher = Publisher::connect(&hub);

    publisher.queue(&["a"], "1\n");
    publisher.queue(&["b"], "2\n");
    publisher.queue(&["a", "b"], "3\n");
    publisher.sync();
    program.stop();

    assert_eq!(dir.read("one"), "1\n3\n");
    assert_eq!(dir.read("both"), "1\n2\n3\n");
}

/// The original gave all its sessions one name, so that a daemon refused all but the first.
#[test]
fn spread_blocks_are_sessions_of_their_own_to_one_daemon_or_several() {
    let (dir, one, two) = (Dir::new(), TestHub::start(), TestHub::start());
    let blocks: [(&TestHub, &[(&str, &str)]); 3] = [
        (&one, &[("a", "one-a")]),
        (&one, &[("a", "one-a-again"), ("b", "one-b")]),
        (&two, &[("a", "two-a")]),
    ];
    dir.write("c", &config(&blocks));
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    for _ in blocks {
        program.wait_for("joined");
    }

    Publisher::connect(&one).send(&["a"], "1\n");
    Publisher::connect(&one).send(&["b"], "2\n");
    Publisher::connect(&two).send(&["a"], "3\n");
    program.stop();

    let files = ["one-a", "one-a-again", "one-b", "two-a"].map(|file| dir.read(file));
    assert_eq!(files, ["1\n", "1\n", "2\n", "3\n"]);
}

#[test]
fn the_hub_of_the_same_process_serves_others_too() {
    let dir = Dir::new();
    let sockets = dir.path().display().to_string();
    let args = [
        "--hub",
        "0",
        "--spread-socket-dir",
        &sockets,
        "--group",
        "g",
        "--file",
        "log",
    ];
    let mut program = Program::start(dir.path(), &args);
    let line = program.wait_for("a hub for this machine is at ");
    let address = line.rsplit(' ').next().unwrap().to_owned();
    program.wait_for("joined g");
    // By its Unix socket, which a port alone stands for.
    let port = address.split('@').next().unwrap();
    let args = ["--spread", port, "--spread-socket-dir", &sockets];
    let mut other = Program::start(
        dir.path(),
        &[&args[..], &["--group", "g", "--file", "other"]].concat(),
    );
    other.wait_for(&format!("connected to {port} as #"));

    Publisher::connect_to(&address).send(&["g"], "1\n");
    other.stop();
    program.stop();

    assert_eq!(
        (dir.read("log"), dir.read("other")),
        ("1\n".into(), "1\n".into())
    );
}

/// A full disk is not the end, and no loss that nobody hears of.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_counted_and_survived() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("c", &config(&[(&hub, &[("g", "/dev/full"), ("g", "log")])]));
    let mut program = Program::start(dir.path(), &["-c", "c", "--stop-timeout", "1"]);
    program.wait_for("joined g");

    Publisher::connect(&hub).send(&["g"], "1\n2\n");
    program.wait_for("cannot write to /dev/full: No space left on device");
    program.signal(rustix::process::Signal::TERM);
    let (status, said) = program.end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("wrote 2 lines, lost 2"), "{said}");
    assert_eq!(dir.read("log"), "1\n2\n");
}

/// With `--file /dev/stdout` it is a filter's source.
#[cfg(target_os = "linux")]
#[test]
fn standard_output_is_a_file_like_others() {
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    let (dir, hub) = (Dir::new(), TestHub::start());
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(crate::support::PROGRAM);
    command
        .args([
            "--spread",
            &hub.address(),
            "--group",
            "g",
            "--file",
            "/dev/stdout",
        ])
        .current_dir(dir.path())
        .stdout(Stdio::from(writer));
    let mut program = Program::spawn(&mut command);
    drop(command);
    program.wait_for("joined g");

    Publisher::connect(&hub).send(&["g"], "1\n2\n");
    program.stop();

    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "1\n2\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
