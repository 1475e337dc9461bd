//! `spreadlogd merge`, `diff` and `replay`: real files, and for the last a hub and a logging host.

use std::fs::{self, File};
use std::process::{Command, Output};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;

use crate::support::{DEADLINE, Dir, PROGRAM, Program, TestHub};

fn tool(dir: &Dir, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(dir.path()).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn line(second: usize, text: &str) -> String {
    format!("h - - [22/Nov/2026:12:00:{second:02} +0000] \"{text}\" 200 -\n")
}

fn names(dir: &Dir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn what_two_hosts_have_written_is_one_file() {
    let dir = Dir::new();
    let (one, two, three) = (line(1, "a"), line(2, "b"), line(3, "c"));
    dir.write("one", &format!("{one}{three}"));
    let file = File::create(dir.join("two.gz")).unwrap();
    let mut packed = GzEncoder::new(file, Compression::fast());
    std::io::Write::write_all(&mut packed, format!("{three}{two}").as_bytes()).unwrap();
    packed.finish().unwrap();

    let output = tool(&dir, &["merge", "one", "two.gz", "-o", "all"]);

    assert!(output.status.success(), "{}", text(output.stderr));
    assert_eq!(dir.read("all"), format!("{one}{two}{three}"));
    assert_eq!(
        text(output.stderr),
        "",
        "nothing moves where there is no terminal"
    );
    let printed = tool(&dir, &["merge", "two.gz", "one", "--memory", "1M"]);
    assert_eq!(text(printed.stdout), dir.read("all"));
    assert_eq!(names(&dir), ["all", "one", "two.gz"]);
}

#[test]
fn a_merge_that_fails_leaves_everything_as_it_was() {
    let dir = Dir::new();
    dir.write("one", &line(1, "a"));
    dir.write("all", "before\n");
    fs::write(dir.join("packed"), [0x28, 0xb5, 0x2f, 0xfd]).unwrap();

    for (args, said) in [
        (["merge", "one", "none", "-o", "all"], "cannot read none"),
        (["merge", "one", "packed", "-o", "all"], "zstd -d"),
        (["merge", "one", "one", "-o", "none/all"], "cannot write"),
        (["merge", "one", "one", "-o", "."], "is no file"),
        (["merge", "one", "one", "-o", "/dev/null"], "is no file"),
    ] {
        let output = tool(&dir, &args);

        let stderr = text(output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(dir.read("all"), "before\n");
    }
    assert_eq!(names(&dir), ["all", "one", "packed"]);
}

#[test]
fn a_difference_is_told_and_is_the_exit_status() {
    let dir = Dir::new();
    let (one, two) = (line(1, "a"), line(2, "b"));
    dir.write("one", &format!("{one}{two}{one}at x\n"));
    dir.write("two", &format!("{two}{one}at x\nat y\n"));

    let output = tool(&dir, &["diff", "one", "two"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(output.stdout), format!("< {one}> at y\n"));
    let summary = "lines only in one: 1; only in two: 1; in both: 3\n";
    assert_eq!(text(output.stderr), summary);

    let output = tool(&dir, &["diff", "--summary", "one", "two"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(output.stdout), summary);

    let output = tool(&dir, &["diff", "two", "two"]);
    assert_eq!(
        (output.status.code(), text(output.stdout)),
        (Some(0), String::new())
    );

    let output = tool(&dir, &["diff", "two", "none"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A file that is never whole, as its other end says nothing more.
#[test]
fn a_merge_that_is_interrupted_leaves_everything_as_it_was() {
    let dir = Dir::new();
    dir.write("all", "before\n");
    dir.write("two", "");
    let mut command = Command::new("mkfifo");
    assert!(command.arg(dir.join("one")).status().unwrap().success());
    let merge = Program::start(dir.path(), &["merge", "two", "one", "-o", "all"]);
    let _one = File::create(dir.join("one")).unwrap();
    let deadline = Instant::now() + DEADLINE;
    while names(&dir).len() < 4 {
        assert!(Instant::now() < deadline);
    }

    merge.signal(Signal::INT);

    let (status, said) = merge.end();
    assert_eq!(status.code(), Some(130), "{said}");
    assert_eq!(dir.read("all"), "before\n");
    assert_eq!(names(&dir), ["all", "one", "two"]);
}

#[test]
fn a_merge_replaces_the_file_behind_a_link_with_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new();
    dir.write("one", &line(1, "a"));
    dir.write("all", "");
    fs::set_permissions(dir.join("all"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("all", dir.join("link")).unwrap();

    let output = tool(&dir, &["merge", "one", "-o", "link"]);

    assert!(output.status.success(), "{}", text(output.stderr));
    assert_eq!(dir.read("all"), dir.read("one"));
    let mode = fs::metadata(dir.join("all")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(fs::symlink_metadata(dir.join("link")).unwrap().is_symlink());
}

fn start_host(dir: &Dir, hub: &TestHub) -> Program {
    let address = hub.address();
    let args = ["--spread", &address, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    program
}

/// Numbered, so that each is one of a kind.
fn lines(count: usize) -> String {
    (0..count).map(|n| line(n % 60, &n.to_string())).collect()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// More than fits into the ring, so that it has to wait.
#[test]
fn what_is_replayed_is_in_the_file_line_by_line() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start_host(&dir, &hub);
    let (one, two) = (lines(50_000), lines(100));
    dir.write("one", &one);
    dir.write("two", two.strip_suffix('\n').unwrap());

    let args = ["replay", "one", "two", "--group", "g", "--spread"];
    let output = tool(&dir, &[&args[..], &[&hub.address()]].concat());

    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("50100 lines in"), "{said}");
    assert!(
        said.contains("every logging host has acknowledged"),
        "{said}"
    );
    program.stop();
    assert_eq!(sorted(&dir.read("log")), sorted(&(one + &two)));
}

#[test]
fn a_replay_that_is_interrupted_says_where_to_go_on() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start_host(&dir, &hub);
    let all = lines(300);
    dir.write("all", &all);
    let address = hub.address();
    let args = ["replay", "all", "--group", "g", "--spread", &address];

    let replay = Program::start(dir.path(), &[&args[..], &["--rate", "50"]].concat());
    let deadline = Instant::now() + DEADLINE;
    while dir.read("log").is_empty() {
        assert!(Instant::now() < deadline);
    }
    replay.signal(Signal::INT);
    let (status, said) = replay.end();

    assert_eq!(status.code(), Some(1), "{said}");
    let (_, from) = said.split_once("--from ").unwrap();
    assert!(dir.read("log").len() < all.len());
    let output = tool(&dir, &[&args[..], &["--from", from.trim()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    program.stop();
    assert_eq!(sorted(&dir.read("log")), sorted(&all));
}

#[test]
fn a_line_that_fits_into_no_message_ends_a_replay_and_is_named() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start_host(&dir, &hub);
    let long = "x".repeat(70_000);
    dir.write("all", &format!("a\n{long}\nb\n"));
    let address = hub.address();
    let args = ["replay", "all", "--group", "g", "--spread", &address];

    let output = tool(&dir, &args);

    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a line of 70000 bytes"), "{said}");
    assert!(said.contains("--from 70003 is behind it"), "{said}");
    let output = tool(&dir, &[&args[..], &["--from", "70003"]].concat());
    assert_eq!(output.status.code(), Some(0));
    program.stop();
    assert_eq!(dir.read("log"), "a\nb\n");
}

#[test]
fn a_replay_to_nobody_is_no_success() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("all", &lines(10));

    let output = tool(&dir, &["replay", "all", "--spread", &hub.address()]);

    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no logging host acknowledges"), "{said}");
}
