//! Lines from standard input, as Apache gives them to its piped loggers.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::support::{Cat, Farm};

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("line {number:06}")).collect()
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_line_arrives_once_and_in_order() {
    let farm = Farm::of(&["error_log"]);
    let mut cat = Cat::start(&farm.door, &["--group", "error_log"]);
    let lines = numbered(0..100_000);

    cat.input().write_all(text(&lines).as_bytes()).unwrap();
    let (status, said) = cat.end();

    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(farm.texts(100_000), lines);
    assert!(
        said.contains("INFO 100000 lines read for group error_log"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_with_lines_is_mended_and_told() {
    let farm = Farm::of(&["access_log"]);
    let mut cat = Cat::start(&farm.door, &["--line-max", "512"]);

    let long = "x".repeat(1000);
    let input = format!("\na\0b\n{long}\nthe last");
    cat.input().write_all(input.as_bytes()).unwrap();
    let (status, said) = cat.end();

    assert_eq!(status.code(), Some(0), "{said}");
    let cut = format!("{}...", "x".repeat(508));
    assert_eq!(farm.texts(4), ["", "a\\x00b", cut.as_str(), "the last"]);
    assert!(
        said.contains(
            "4 lines read for group access_log, 1 cut, 1 with control bytes, escaped, 1 without \
             a newline at the end"
        ),
        "{said}"
    );
}

/// Apache sends TERM to the logger of before a graceful restart, and children write to it yet.
#[test]
fn a_logger_that_is_told_to_end_reads_what_is_still_written_beside_the_next_one() {
    let farm = Farm::of(&["access_log"]);
    let spool = farm.path("spool");
    let mut before = Cat::start(&farm.door, &["--spool", &spool]);
    let mut input = before.input();
    input.write_all(b"before\n").unwrap();
    assert_eq!(farm.texts(1), ["before"]);

    before.signal(Signal::TERM);
    before.signal(Signal::HUP);
    before.signal(Signal::USR1);
    let mut after = Cat::start(&farm.door, &["--spool", &spool]);
    let mut other = after.input();
    other.write_all(b"of the next\n").unwrap();
    farm.lines(2);
    before.signal(Signal::TERM);
    input.write_all(b"after\n").unwrap();
    drop(input);
    let (status, said) = before.end();

    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(farm.texts(3), ["before", "of the next", "after"]);
    drop(other);
    let (status, said) = after.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(farm.lines(3).len(), 3, "nothing was taken over");
    let left = std::fs::read_dir(&spool).unwrap().count();
    assert_eq!(left, 0, "all was acknowledged");
}

#[test]
fn an_input_that_stays_open_is_not_waited_for_for_ever() {
    let farm = Farm::of(&["access_log"]);
    for (signal, args) in [
        (Signal::INT, &[][..]),
        (Signal::TERM, &["--eof-timeout", "10ms"]),
    ] {
        let mut cat = Cat::start(&farm.door, args);
        let _input = cat.input();
        cat.wait_for("connected to");

        cat.signal(signal);

        let (status, said) = cat.end();
        assert_eq!(status.code(), Some(0), "{said}");
    }
}

/// A web server stops within seconds when nobody reads its pipe.
#[test]
fn a_writer_is_not_kept_while_there_is_no_daemon_and_what_is_lost_is_counted() {
    let farm = Farm::without_hub();
    let mut cat = Cat::start(
        &farm.door,
        &[
            "--wait-max=10ms",
            "--spread-buffer=128K",
            "--log-ring=0",
            "--stop-timeout=50ms",
        ],
    );
    let lines = numbered(0..1_000_000);

    cat.input().write_all(text(&lines).as_bytes()).unwrap();
    let (status, said) = cat.end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("1000000 of 1000000 lines were lost"),
        "{said}"
    );
    assert!(
        said.contains("WARN 1000000 lines read for group access_log, 1000000 lost"),
        "{said}"
    );
}

#[test]
fn lines_that_no_daemon_took_stay_in_the_spool_for_the_next() {
    let farm = Farm::without_hub();
    let spool = farm.path("spool");
    let args = ["--spool", &spool, "--stop-timeout=50ms"];
    let mut cat = Cat::start(&farm.door, &args);
    let lines = numbered(0..1000);
    cat.input().write_all(text(&lines).as_bytes()).unwrap();
    let (status, said) = cat.end();
    assert_eq!(status.code(), Some(0), "{said}");

    let farm = farm.with_hub(&["access_log"]);
    let mut cat = Cat::start(&farm.door, &["--spool", &spool]);
    cat.wait_for("is delivered");

    assert_eq!(farm.texts(1000), lines);
    let (status, said) = cat.end();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// Nobody is kept by that: the file stays where it is.
#[test]
fn a_file_as_input_is_read_as_fast_as_it_can_be_sent() {
    let farm = Farm::of(&["access_log"]);
    let lines = numbered(0..300_000);
    let path = farm.path("log");
    std::fs::write(&path, text(&lines)).unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_spreadcat"))
        .args(["--spread", farm.door.to_str().unwrap()])
        .args(["--wait-max=1ms", "--spread-buffer=128K", "--log-ring=0"])
        .stdin(Stdio::from(File::open(path).unwrap()))
        .output()
        .unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(farm.texts(300_000), lines);
}

#[test]
fn virtual_hosts_go_to_their_buckets() {
    let groups = ["www.0", "www.1", "www.2", "www.3"];
    let farm = Farm::of(&groups);
    let mut cat = Cat::start(&farm.door, &["--group=www", "--vhost=buckets:4"]);
    let hosts: Vec<String> = (0..20)
        .map(|host| format!("Host{host}.example.org"))
        .collect();

    let mut input = cat.input();
    for turn in 0..5 {
        for host in &hosts {
            writeln!(input, "{host} {turn}").unwrap();
        }
    }
    drop(input);
    let (status, said) = cat.end();

    assert_eq!(status.code(), Some(0), "{said}");
    let lines = farm.lines(100);
    for host in hosts {
        let host = format!("{} ", host.to_lowercase());
        let mine: Vec<_> = lines
            .iter()
            .filter(|(_, line)| line.starts_with(&host))
            .collect();
        assert_eq!(mine.len(), 5, "{host}");
        assert!(mine.iter().all(|(group, _)| *group == mine[0].0), "{host}");
    }
    let used = groups
        .iter()
        .filter(|name| lines.iter().any(|(group, _)| group == *name));
    assert_eq!(used.count(), 4);
}

#[test]
fn a_mistake_in_the_flags_is_named() {
    for (args, said) in [
        (&["--vhost", "x"][..], "write prefix, buckets, or buckets:N"),
        (
            &["--line-max", "1"],
            "spreadcat: --line-max 1: choose from 512",
        ),
        (
            &["--group", "g234567890123456789012345678"],
            "spreadcat: --group: group",
        ),
        (
            &["--spread-buffer=1K"],
            "spreadcat: --spread-buffer, shared",
        ),
    ] {
        let cat = Cat::spawn(args);

        let (status, text) = cat.end();

        assert_eq!(status.code(), Some(2), "{text}");
        assert!(text.contains(said), "{text}");
    }
}
