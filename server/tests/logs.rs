//! Logs of this machine, without any Spread: what is asked for is there, once, or counted.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use support::program::{Program, refused};
use support::{Client, PATIENCE, Root};

const LOCAL: [&str; 6] = ["-h", "127.0.0.1", "-p", "0", "--workers", "2"];

fn start(root: &Root, args: &[&str]) -> Program {
    Program::start(&[&["-d", &root.dir()], &LOCAL[..], args].concat())
}

/// Asks for `/a` and `/none` in turn, so many times over several connections; gives what is logged
/// of it, in order of its text.
fn exchanges(mut connect: impl FnMut() -> Client, number: usize) -> Vec<String> {
    let mut expected = Vec::new();
    for connection in 0..4 {
        let mut client = connect();
        for exchange in 0..number / 4 {
            let (path, status) = [("a", 200), ("none", 404)][exchange % 2];
            let target = format!("/{path}?{connection}-{exchange}");
            assert_eq!(client.get(&target).status, status);
            expected.push(format!("{target} {status}"));
        }
    }
    expected.sort();
    expected
}

/// `%U%q %>s`, in order of the text.
const SHORT: &str = r#"format="%U%q %>s""#;

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn of_file(file: &Path) -> Vec<String> {
    sorted(&fs::read_to_string(file).unwrap())
}

fn stopped(program: Program) -> String {
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn each_log_has_the_lines_that_it_wants_once() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let [all, failures, path, hosts] =
        ["all", "failures", "path", "hosts"].map(|name| place.path(name));
    let log = |file: &Path, rest: &str| format!("file={} {rest}", file.display());
    let logs = [
        log(&all, SHORT),
        log(&failures, &format!("status=4xx,5xx {SHORT}")),
        log(&path, &format!("path=none|b/** method=GET {SHORT}")),
        log(&hosts, &format!("vhost=prefix host=www.* {SHORT}")),
    ];
    let [a, b, c, d] = logs.each_ref().map(String::as_str);
    let names = ["--server-name", "www.example,test"];
    let args = ["--log", a, "--log", b, "--log", c, "--log", d];
    let program = start(&root, &[&args[..], &names].concat());

    let expected = exchanges(|| program.connect(), 400);
    let mut client = program.connect();
    client.send("GET /a?host HTTP/1.1\r\nHost: WWW.Example:81\r\n\r\n");
    assert_eq!(client.response().status, 200);
    client.send("GET /a?other HTTP/1.1\r\nHost: evil\n.example\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert_eq!(stopped(program), "");

    let mut everything = expected;
    everything.extend(["/a?host 200".into(), "/a?other 400".into()]);
    everything.sort();
    assert_eq!(of_file(&all), everything);
    let of = |wanted: &dyn Fn(&&String) -> bool| -> Vec<String> {
        everything.iter().filter(wanted).cloned().collect()
    };
    assert_eq!(of_file(&failures), of(&|line| !line.ends_with(" 200")));
    assert_eq!(of_file(&path), of(&|line| line.starts_with("/none")));
    // Their Host is `test`; what was refused has shown none, and is the first name's.
    assert_eq!(
        of_file(&hosts),
        ["www.example /a?host 200", "www.example /a?other 400"]
    );
    let mode = fs::metadata(&all).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

/// Whatever a client writes into Host, `%v` and `vhost=` are names that the operator has given.
#[test]
fn the_virtual_host_is_one_of_the_servers_own_names() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let [file, conf] = ["log", "conf"].map(|name| place.path(name));
    let log = format!("file={} format='%v %V'", file.display());
    // As a word of a configuration file, too.
    fs::write(&conf, format!("log=\"{log}\" server-name=a.example")).unwrap();
    let conf = conf.display().to_string();
    let args = ["--config", &conf, "--server-name", "B.example"];
    let program = start(&root, &args);

    for host in ["A.Example", "b.example:8080", "c.example", "[::1]"] {
        let mut client = program.connect();
        client.send(format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(client.response().status, 200);
    }
    stopped(program);

    assert_eq!(
        of_file(&file),
        [
            "a.example [::1]",
            "a.example a.example",
            "a.example c.example",
            "b.example b.example"
        ]
    );
}

#[test]
fn a_hang_up_opens_the_files_again() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let (file, old) = (place.path("log"), place.path("log.1"));
    let log = format!("file={} {SHORT}", file.display());
    let program = start(&root, &["--log", &log]);

    let before = exchanges(|| program.connect(), 40);
    let begun = Instant::now();
    while of_file(&file).len() < before.len() {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
    fs::rename(&file, &old).unwrap();
    program.signal(Signal::HUP);
    while !file.exists() {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
    let after = exchanges(|| program.connect(), 80);
    stopped(program);

    assert_eq!(of_file(&old), before);
    assert_eq!(of_file(&file), after);
}

#[test]
fn the_systems_log_gets_a_message_for_each_line() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let socket = place.path("syslog");
    let daemon = UnixDatagram::bind(&socket).unwrap();
    daemon.set_read_timeout(Some(PATIENCE)).unwrap();
    let log = format!("syslog={} facility=local2 {SHORT}", socket.display());
    let program = start(&root, &["--log", &log]);
    let pid = program.pid();
    let listening = thread::spawn(move || {
        let mut lines = Vec::new();
        while lines.len() < 200 {
            let mut message = [0; 1024];
            let len = daemon.recv(&mut message).unwrap();
            let message = std::str::from_utf8(&message[..len]).unwrap();
            let (header, line) = message.split_once("]: ").unwrap();
            assert!(header.starts_with("<150>"), "{message}");
            assert!(header.ends_with(&format!(" rthttpd[{pid}")), "{message}");
            lines.push(line.to_owned());
        }
        lines.sort();
        lines
    });

    let expected = exchanges(|| program.connect(), 200);
    assert_eq!(stopped(program), "");

    assert_eq!(listening.join().unwrap(), expected);
}

/// Who reads lines there wants nothing else: what is said at the start is said on standard error.
#[test]
fn standard_output_is_a_place_for_lines_alone() {
    let root = Root::with(&[("a", b"one")]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_rthttpd"))
        .args(LOCAL)
        .args(["-d", &root.dir(), "--log", &format!("file=- {SHORT}")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let at = said.by_ref().map(Result::unwrap).find_map(|line| {
        let address = line.strip_prefix("at       http://")?;
        Some(address.trim_end_matches('/').parse().unwrap())
    });
    let at = at.unwrap();

    let expected = exchanges(|| Client::connect(at), 100);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    let mut lines = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut lines)
        .unwrap();

    assert!(child.wait().unwrap().success());
    assert_eq!(sorted(&lines), expected);
}

/// A reader that has stopped costs its log lines, and nobody else anything.
#[test]
fn a_place_that_takes_nothing_holds_up_nobody_and_what_it_costs_is_counted() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let (pipe, file) = (place.path("pipe"), place.path("file"));
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).unwrap();
    let options = fs::OpenOptions::new().read(true).write(true).clone();
    let (reader, mut end) = (options.open(&pipe).unwrap(), options.open(&pipe).unwrap());
    // Each line is longer than 500 bytes, so that many are more than pipe and rings hold.
    let long = "x".repeat(500);
    let format = format!(r#"format="%U%q {long}""#);
    let logs = [&pipe, &file].map(|place| format!("file={} {format}", place.display()));
    let [slow, fast] = logs.each_ref().map(String::as_str);
    let ring = ["--log-ring", "128K", "--stop-timeout", "300ms"];
    let program = start(
        &root,
        &[&["--log", slow, "--log", fast], &ring[..]].concat(),
    );

    let (mut served, begun) = (0, Instant::now());
    while served < 400 {
        served += exchanges(|| program.connect(), 20).len();
        // For the next ones there is room when these are written.
        while of_file(&file).len() < served {
            assert!(begun.elapsed() < PATIENCE);
            thread::yield_now();
        }
    }
    let said = stopped(program);

    assert_eq!(of_file(&file).len(), served, "{said}");
    // N lines logged to PIPE, M lost
    let lost = said.lines().find(|line| line.contains("lines logged to"));
    let numbers: Vec<usize> = lost
        .unwrap()
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers[0], served, "{said}");
    assert!(numbers[1] > 0, "{said}");
    // It has room for that only when it is being read.
    let ending = thread::spawn(move || end.write_all(b"\nend\n").unwrap());
    let lines = BufReader::new(reader).lines().map(Result::unwrap);
    let lines: Vec<_> = lines.take_while(|line| line != "end").collect();
    ending.join().unwrap();
    let whole = lines.iter().filter(|line| line.ends_with(&long)).count();
    assert_eq!(whole, served - numbers[1], "{said}");
}

#[test]
fn what_is_logged_where_is_told_by_name_in_the_numbers() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let logs = ["all", "failures"].map(|name| place.path(name).display().to_string());
    let all = format!("file={}", logs[0]);
    let failures = format!("file={} status=404", logs[1]);
    let status = ["--status", "127.0.0.1:0"];
    let args = [&["--log", &all, "--log", &failures], &status[..]].concat();
    let program = start(&root, &args);
    let told = program
        .banner
        .iter()
        .find(|line| line.starts_with("status"));
    let told = told.unwrap().split('/').nth(2).unwrap().parse().unwrap();

    exchanges(|| program.connect(), 40);

    let begun = Instant::now();
    loop {
        let mut client = Client::connect(told);
        client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let text = String::from_utf8(client.response().content).unwrap();
        let number = |name: &str, labels: &str| {
            let line = format!("rthttpd_log_{name}{{{labels}}} ");
            let value = text.lines().find_map(|found| found.strip_prefix(&line));
            value.map(|value| value.parse::<u64>().unwrap())
        };
        let [all, failures] = logs.each_ref().map(|log| format!("log=\"{log}\""));
        let unwritten = format!("{all},cause=\"unwritten\"");
        let seen = [
            number("lines_total", &all),
            number("written_lines_total", &all),
            number("lines_total", &failures),
            number("failing", &failures),
            number("lost_lines_total", &unwritten),
        ];
        if seen == [Some(40), Some(40), Some(20), Some(0), Some(0)] {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen:?} in {text}");
    }
}

#[test]
fn places_that_cannot_be_are_refused_at_the_start() {
    let root = Root::new();
    let inside = format!("file={}", root.path("log").display());
    let nowhere = format!("file={}", root.path("none").display()).replace("none", "../no/ne/x");
    for (log, status, said) in [
        (inside.as_str(), 2, "inside the document root"),
        (&nowhere, 1, "cannot open the log"),
        ("file=a group=b", 2, "needs --spread"),
        ("file=a status=teapot", 2, "`teapot` is no status"),
        ("fiel=a", 2, "`fiel` is no key: write one of group file"),
    ] {
        let ended = refused(&[
            "-d",
            &root.dir(),
            "-h",
            "127.0.0.1",
            "-p",
            "0",
            "--log",
            log,
        ]);
        assert_eq!(ended.status, Some(status), "{log}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{log}: {}", ended.stderr);
    }
    let args = ["--log", "file=-", "--log-ring", "1K"];
    let ended = refused(
        &[
            &["-d", &root.dir(), "-h", "127.0.0.1", "-p", "0"],
            &args[..],
        ]
        .concat(),
    );
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("write --log-ring "),
        "{}",
        ended.stderr
    );
}
