//! What `--status` tells is what came and what was written.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use rustix::process::Signal;

use crate::numbered::Numbered;
use crate::support::{DEADLINE, Dir, Program, Publisher, TestHub, config};

pub(crate) fn address(program: &mut Program) -> SocketAddr {
    let line = program.wait_for("status is at");
    let url = line.split("http://").nth(1).unwrap();
    url.trim_end_matches('/').parse().unwrap()
}

pub(crate) fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn numbers(address: SocketAddr) -> BTreeMap<String, u64> {
    let text = ask(address, "/metrics");
    let number = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    text.lines().filter_map(number).collect()
}

/// Asks until the number is that: a line is written some time after it was sent.
pub(crate) fn numbers_when(address: SocketAddr, name: &str, number: u64) -> BTreeMap<String, u64> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let numbers = numbers(address);
        if numbers.get(name) == Some(&number) {
            return numbers;
        }
        assert!(
            Instant::now() < deadline,
            "{name} is not {number}: {numbers:#?}"
        );
    }
}

/// Two blocks, one group of the same name in both, one file for all of them and one for a group.
#[test]
fn it_tells_what_came_and_what_was_written() {
    let (dir, one, two) = (Dir::new(), TestHub::start(), TestHub::start());
    let logs: [&[_]; 2] = [&[("a", "a.log"), ("b", "b.log")], &[("a", "a.log")]];
    dir.write(
        "spreadlogd.conf",
        &config(&[(&one, logs[0]), (&two, logs[1])]),
    );
    let args = ["-c", "spreadlogd.conf", "--status", "0"];
    let mut program = Program::start(dir.path(), &args);
    let address = address(&mut program);
    program.wait_for("connected to");
    program.wait_for("connected to");

    let mut publisher = Publisher::connect(&one);
    publisher.send(&["a"], "1\n2\n");
    publisher.send(&["b"], "3\n");
    publisher.send(&["a", "b"], "4\n");
    Publisher::connect(&two).send(&["a"], "5\n");
    let file = |family: &str, name: &str| {
        format!(
            "spreadlogd_{family}{{file=\"{}\"}}",
            dir.join(name).display()
        )
    };
    numbers_when(address, &file("written_lines_total", "a.log"), 4);
    let numbers = numbers_when(address, &file("written_lines_total", "b.log"), 2);

    for (name, number) in [
        ("spreadlogd_messages_total{group=\"a\"}", 3),
        ("spreadlogd_received_lines_total{group=\"a\"}", 4),
        ("spreadlogd_received_bytes_total{group=\"a\"}", 8),
        ("spreadlogd_received_lines_total{group=\"b\"}", 2),
        (&file("written_bytes_total", "a.log"), 8),
        (&file("lost_lines_total", "a.log"), 0),
        (&file("file_failing", "a.log"), 0),
        (
            &format!("spreadlogd_connected{{daemon=\"{}\"}}", one.address()),
            1,
        ),
        (
            &format!("spreadlogd_connected{{daemon=\"{}\"}}", two.address()),
            1,
        ),
    ] {
        assert_eq!(numbers.get(name), Some(&number), "{name}: {numbers:#?}");
    }
    let page = ask(address, "/");
    assert!(page.contains("to 2 files"), "{page}");
    assert!(!page.contains("role=\"alert\""), "{page}");

    let gone = two.address();
    drop(two);
    numbers_when(
        address,
        &format!("spreadlogd_connected{{daemon=\"{gone}\"}}"),
        0,
    );
    let page = ask(address, "/");
    assert!(
        page.contains(&format!("Spread: no session with {gone}")),
        "{page}"
    );
    program.stop();
}

/// Of numbered streams: what was missing and has come, and what will not come.
#[test]
fn what_is_missing_of_the_streams_is_counted_and_shown() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let daemon = hub.address();
    let args = ["--spread", &daemon, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &[&args[..], &["--status", "0"]].concat());
    let address = address(&mut program);
    program.wait_for("joined g");
    let of = |family: &str| format!("spreadlogd_{family}{{daemon=\"{daemon}\"}}");
    let mut publisher = Numbered::connect(&hub, 0);
    publisher.lose([2]);
    for n in 1..=3 {
        publisher.push(format!("{n}\n"));
    }
    publisher.run_until_all_is_sent();

    numbers_when(address, &of("missing_messages"), 1);
    publisher.run_until_all_is_safe();
    let numbers = numbers_when(address, &of("missing_messages"), 0);

    for (family, number) in [
        ("streams", 1),
        ("found_missing_messages_total", 1),
        ("repaired_messages_total", 1),
        ("lost_messages_total", 0),
        ("refused_notices_total", 0),
    ] {
        assert_eq!(numbers.get(&of(family)), Some(&number), "{family}");
    }
    assert_eq!(numbers.get("spreadlogd_ledger_failing"), Some(&0));
    let page = ask(address, "/");
    assert!(page.contains("found missing: 1, repaired: 1"), "{page}");
    assert!(!page.contains("role=\"alert\""), "{page}");

    Publisher::connect(&hub).send(&["g.ctl"], "nonsense");
    numbers_when(address, &of("refused_notices_total"), 1);
    program.stop();
}

/// A directory that is gone takes no checkpoint, which every rotation makes.
#[test]
fn a_ledger_that_cannot_be_written_is_shown() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let more = ["--status", "0", "--state", "state"];
    let mut program = Program::start(dir.path(), &[&args[..], &more].concat());
    let address = address(&mut program);
    program.wait_for("joined g");

    dir.rename("state", "away");
    program.signal(Signal::HUP);
    numbers_when(address, "spreadlogd_ledger_failing", 1);

    let page = ask(address, "/");
    assert!(page.contains("The ledger: cannot be written"), "{page}");
    dir.rename("away", "state");
    program.signal(Signal::HUP);
    numbers_when(address, "spreadlogd_ledger_failing", 0);
    program.stop();
}

#[test]
fn its_own_hub_is_told_of_too() {
    let dir = Dir::new();
    let sockets = dir.path().to_str().unwrap().to_owned();
    let args = [
        "--hub",
        "0",
        "--spread-socket-dir",
        &sockets,
        "--status",
        "0",
    ];
    let mut program = Program::start(dir.path(), &args);
    let address = address(&mut program);

    // Its own subscriber has joined.
    let numbers = numbers_when(address, "spread_hub_groups", 2);

    assert_eq!(numbers.get("spread_hub_sessions"), Some(&1), "{numbers:#?}");
    let documented = include_str!("../../../docs/metrics.md");
    let text = ask(address, "/metrics");
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, _) = line.split_once(' ').unwrap();
        let explained = [format!("`{name}`"), format!("`{name}{{")];
        assert!(
            explained.iter().any(|name| documented.contains(name)),
            "{name}"
        );
    }
    program.stop();
}

/// /dev/full takes nothing: the page is where an operator sees it.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_shown() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let args = [
        "--spread",
        &hub.address(),
        "--group",
        "g",
        "--file",
        "/dev/full",
    ];
    let mut program = Program::start(dir.path(), &[&args[..], &["--status", "0"]].concat());
    let address = address(&mut program);
    program.wait_for("connected to");

    Publisher::connect(&hub).send(&["g"], "1\n");

    numbers_when(address, "spreadlogd_file_failing{file=\"/dev/full\"}", 1);
    let page = ask(address, "/");
    assert!(page.contains("Cannot be written: /dev/full"), "{page}");
}

#[test]
fn a_place_that_is_taken_is_a_failure() {
    let dir = Dir::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();

    let (status, said) = Program::start(dir.path(), &["--status", &place]).end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&place) && said.contains("--status"), "{said}");
}

/// In numbers alone: names of pages are as many as anybody asks for.
#[test]
fn who_is_online_is_counted_and_not_named() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let text = format!(
        "LoadModule online 127.0.0.1:0\n\
         Spread {{ Port = {} Log {{ Group = g File = log ModuleLog = online }} }}\n",
        hub.address()
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c", "--status", "0"]);
    let address = address(&mut program);
    program.wait_for("joined g");
    let hit = |client: u8, page: &str| {
        format!("192.0.2.{client} - - [28/Nov/2026:10:00:00 +0000] \"GET {page} HTTP/1.1\" 200 9\n")
    };
    let lines = [
        hit(1, "/a"),
        hit(1, "/b"),
        hit(2, "/b"),
        "no hit\n".to_owned(),
    ];

    Publisher::connect(&hub).send(&["g"], lines.concat());
    numbers_when(address, "spreadlogd_online_hits_total", 3);
    ask(address, "/online");
    let numbers = numbers_when(address, "spreadlogd_online_requests_total", 1);
    program.stop();

    for (name, number) in [
        ("visitors", 2),
        ("pages", 1),
        ("passed_over_lines_total", 1),
        ("dropped_lines_total", 0),
        ("crowded_out_visitors_total", 0),
    ] {
        assert_eq!(
            numbers[&format!("spreadlogd_online_{name}")],
            number,
            "{name}"
        );
    }
    let documented = include_str!("../../../docs/metrics.md");
    for name in numbers.keys().filter(|name| name.contains("_online_")) {
        assert!(documented.contains(&format!("`{name}`")), "{name}");
    }
}
