//! Lines from files that are written, renamed, copied and truncated meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;

use rustix::process::Signal;

use super::support::{Cat, Farm};

/// A log file, and the flags to follow it with a place that is remembered.
struct Log {
    farm: Farm,
    path: String,
    state: String,
}

impl Log {
    fn of(farm: Farm) -> Self {
        let path = farm.path("access.log");
        let state = farm.path("state");
        Self { farm, path, state }
    }

    fn new() -> Self {
        Self::of(Farm::of(&["access_log"]))
    }

    fn add(&self, text: &str) -> File {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    /// Starts it, with its place remembered; it follows when this returns.
    fn follow(&self, args: &[&str]) -> Cat {
        let own = ["--follow", &self.path, "--state", &self.state];
        let mut cat = Cat::start(&self.farm.door, &[&own, args].concat());
        cat.wait_for("taking ");
        cat
    }
}

/// Ends it, in good order.
fn stop(cat: Cat) -> String {
    cat.signal(Signal::TERM);
    let (status, said) = cat.end();
    assert_eq!(status.code(), Some(0), "{said}");
    said
}

#[test]
fn what_is_there_and_what_comes_is_sent_when_its_line_is_whole() {
    let log = Log::new();
    log.add("a\nb\nhal");
    let cat = log.follow(&[]);
    assert_eq!(log.farm.texts(2), ["a", "b"]);

    log.add("f\nc\n");

    assert_eq!(log.farm.texts(4), ["a", "b", "half", "c"]);
    stop(cat);
}

#[test]
fn a_renamed_file_is_read_on_beside_the_one_that_has_its_name() {
    let log = Log::new();
    let mut before = log.add("a\n");
    let cat = log.follow(&["--rotated-wait", "200ms"]);
    log.farm.lines(1);

    fs::rename(&log.path, log.farm.path("access.log.1")).unwrap();
    before.write_all(b"b\n").unwrap();
    log.farm.lines(2);
    log.add("c\n");
    log.farm.lines(3);
    before.write_all(b"d\nno end").unwrap();

    // What has no newline goes when nobody writes to the file any more.
    assert_eq!(log.farm.texts(5), ["a", "b", "c", "d", "no end"]);
    let said = stop(cat);
    assert!(said.contains("1 without a newline"), "{said}");
}

/// logrotate's copytruncate, with lines in the copy that were not read when the file was truncated.
#[test]
fn what_a_truncated_files_copy_has_more_is_read_once() {
    let log = Log::new();
    log.add("a\nb\n");
    let cat = log.follow(&[]);
    log.farm.lines(2);

    cat.signal(Signal::STOP);
    log.add("c\n");
    fs::copy(&log.path, log.farm.path("access.log.1")).unwrap();
    File::create(&log.path).unwrap();
    // More than there was before: the size alone would not tell.
    log.add("d, which is longer\ne\n");
    cat.signal(Signal::CONT);

    let mut lines = log.farm.texts(5);
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "c", "d, which is longer", "e"]);
    let said = stop(cat);
    assert!(said.contains("was truncated"), "{said}");
    // And nothing again.
    stop(log.follow(&[]));
    assert_eq!(log.farm.lines(5).len(), 5);
}

#[test]
fn a_restart_goes_on_where_it_was_left_over_a_rotation() {
    let log = Log::new();
    log.add("a\nb\n");
    let cat = log.follow(&[]);
    log.farm.lines(2);
    stop(cat);

    let mut before = log.add("c\n");
    fs::rename(&log.path, log.farm.path("old-access.log")).unwrap();
    log.add("d\n");
    let cat = log.follow(&[]);
    let mut lines = log.farm.texts(4);
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "c", "d"]);
    stop(cat);
    before.write_all(b"e\n").unwrap();
    let cat = log.follow(&[]);
    assert_eq!(log.farm.texts(5)[4], "e");
    stop(cat);

    fs::remove_file(log.farm.path("old-access.log")).unwrap();
    let said = stop(log.follow(&[]));
    assert!(said.contains("is not there any more"), "{said}");
    assert_eq!(log.farm.lines(5).len(), 5);
}

#[test]
fn a_restart_goes_on_over_a_truncation_and_does_not_trust_an_inode() {
    let log = Log::new();
    log.add("a\nb\n");
    let cat = log.follow(&[]);
    log.farm.lines(2);
    stop(cat);

    log.add("c\n");
    fs::copy(&log.path, log.farm.path("access.log.1")).unwrap();
    File::create(&log.path).unwrap();
    log.add("d, which is longer\n");
    let cat = log.follow(&[]);

    let mut lines = log.farm.texts(4);
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b", "c", "d, which is longer"]);
    stop(cat);
}

#[test]
fn one_that_is_killed_loses_nothing() {
    let log = Log::new();
    let spool = log.farm.path("spool");
    let mut expected = Vec::new();
    for round in 0..5 {
        let mut cat = Some(log.follow(&["--spool", &spool]));
        for number in 0..2000 {
            let line = format!("line {round} {number:04}");
            log.add(&format!("{line}\n"));
            expected.push(line);
            if number == 1000 + 100 * round {
                drop(cat.take());
            }
        }
    }
    let mut cat = log.follow(&["--spool", &spool]);
    cat.wait_for("is delivered");
    log.add("the last\n");
    let mut all = log.farm.texts(expected.len());
    while !all.contains(&"the last".to_owned()) {
        all = log.farm.texts(all.len() + 1);
    }

    for line in &expected {
        assert!(all.contains(line), "{line}");
    }
    stop(cat);
}

/// The file is the buffer: a daemon that is away costs nothing.
#[test]
fn what_was_not_sent_is_sent_by_the_next() {
    let log = Log::of(Farm::without_hub());
    let lines: Vec<String> = (0..10_000)
        .map(|number| format!("line {number:05}"))
        .collect();
    log.add(
        &lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    let cat = log.follow(&[
        "--stop-timeout=50ms",
        "--log-ring=0",
        "--spread-buffer=128K",
    ]);
    let said = stop(cat);
    assert!(said.contains("are read again at the next start"), "{said}");

    let log = Log::of(log.farm.with_hub(&["access_log"]));
    let cat = log.follow(&[]);

    assert_eq!(log.farm.texts(10_000), lines);
    stop(cat);
}

/// Days without a daemon, with a rotation each night.
#[test]
fn files_that_come_and_go_while_there_is_no_room_are_read_when_there_is() {
    let log = Log::of(Farm::without_hub());
    log.add("");
    let mut cat = log.follow(&["--log-ring=0", "--spread-buffer=128K"]);
    let mut lines = Vec::new();
    for night in 0..3 {
        let more: Vec<String> = (0..20_000)
            .map(|n| format!("line {night} {n:05}"))
            .collect();
        log.add(
            &more
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        );
        lines.extend(more);
        if night == 2 {
            break;
        }
        fs::rename(&log.path, log.farm.path(&format!("access.log.{night}"))).unwrap();
        log.add("");
        cat.wait_for("is another file now");
    }

    let farm = log.farm.with_hub(&["access_log"]);

    assert_eq!(farm.texts(60_000), lines);
    stop(cat);
}

#[test]
fn without_a_place_only_what_comes_is_sent() {
    let log = Log::new();
    log.add("old\nold, and ");
    let mut cat = Cat::start(&log.farm.door, &["--follow", &log.path]);
    cat.wait_for("taking ");

    log.add("the rest of it\nnew\n");

    assert_eq!(log.farm.texts(1), ["new"]);
    stop(cat);
}

#[test]
fn several_files_are_followed_and_one_may_come_later() {
    let log = Log::new();
    let other = log.farm.path("other.log");
    let files = ["--follow", &log.path, "--follow", &other];
    let mut cat = Cat::start(
        &log.farm.door,
        &[&files[..], &["--state", &log.state]].concat(),
    );
    cat.wait_for(&format!("waiting for {other}"));

    fs::write(&other, "b\n").unwrap();
    log.farm.lines(1);
    log.add("a\n");

    assert_eq!(log.farm.texts(2), ["b", "a"]);
    stop(cat);
}

#[test]
fn a_line_without_an_end_is_cut_and_its_rest_passed_over() {
    let log = Log::new();
    let cat = log.follow(&["--line-max=512"]);
    log.add(&"x".repeat(600_000));
    log.farm.lines(1);
    log.add(&format!("{}\nnext\n", "x".repeat(600_000)));

    let cut = format!("{}...", "x".repeat(508));
    assert_eq!(log.farm.texts(2), [cut.as_str(), "next"]);
    let said = stop(cat);
    assert!(
        said.contains("2 lines read for group access_log, 1 cut"),
        "{said}"
    );
}

#[test]
fn a_state_file_belongs_to_one_and_is_nothing_else() {
    let log = Log::new();
    log.add("a\n");
    let cat = log.follow(&[]);
    let own = ["--follow", &log.path, "--state"];

    let (status, said) = Cat::spawn(&[&own[..], &[&log.state]].concat()).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("another spreadcat uses the state file"),
        "{said}"
    );
    let (status, said) = Cat::spawn(&[&own[..], &[&log.path]].concat()).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("access.log is no state file of spreadcat"),
        "{said}"
    );
    let dir = log.farm.path("");
    let (status, said) = Cat::spawn(&["--follow", &dir]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("it is no regular file"), "{said}");
    assert_eq!(fs::read_to_string(&log.path).unwrap(), "a\n");
    stop(cat);
}
