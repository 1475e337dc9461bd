//! The whole log on one machine, in one process.
#![cfg(feature = "embedded")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use support::program::{Program, refused};
use support::{Root, get, noise};

const LOCAL: [&str; 4] = ["-h", "127.0.0.1", "-p", "0"];

/// With a log in `place`, which is beside the root.
fn start(root: &Root, place: &Root) -> Program {
    start_with(root, place, &[])
}

fn start_with(root: &Root, place: &Root, more: &[&str]) -> Program {
    let (dir, sockets, logs) = (root.dir(), place.dir(), place.dir() + "/logs");
    let log = [
        "--status",
        "none",
        "--spread",
        "embedded:0",
        "--spread-socket-dir",
        &sockets,
        "--log-dir",
        &logs,
    ];
    Program::start(&[&["-d", &dir], &LOCAL[..], &log, more].concat())
}

/// Where others find its hub.
fn hub(program: &Program) -> String {
    let join = program.banner.last().map(String::as_str);
    join.and_then(|line| line.rsplit(' ').next())
        .unwrap_or_default()
        .to_owned()
}

fn request_lines(file: &Path) -> Vec<String> {
    let log = fs::read_to_string(file).unwrap_or_default();
    let quoted = log.lines().filter_map(|line| line.split('"').nth(1));
    quoted.map(str::to_owned).collect()
}

#[test]
fn every_request_is_in_the_file_when_it_has_ended() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let file = place.path("logs/access_log");
    let program = start(&root, &place);
    assert_eq!(program.banner[2], format!("log      {}", file.display()));
    assert!(program.banner[3].starts_with("join     group access_log at "));

    let mut expected = Vec::new();
    for connection in 0..4 {
        let mut client = program.connect();
        for number in 0..250 {
            let target = format!("/a?{connection}-{number}");
            client.send(get(&target));
            expected.push(format!("GET {target} HTTP/1.1"));
        }
        for _ in 0..250 {
            assert_eq!(client.response().status, 200);
        }
    }
    program.signal(Signal::TERM);
    let ended = program.wait();

    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let mut lines = request_lines(&file);
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_second_server_logs_into_the_same_file() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let first = start(&root, &place);
    let hub = hub(&first);
    let second = Program::start(&[
        "-d",
        &root.dir(),
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "--spread",
        &hub,
    ]);
    first.connect().get("/a?first");
    second.connect().get("/a?second");

    for program in [second, first] {
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    }

    let mut lines = request_lines(&place.path("logs/access_log"));
    lines.sort();
    assert_eq!(lines, ["GET /a?first HTTP/1.1", "GET /a?second HTTP/1.1"]);
}

#[test]
fn a_hang_up_opens_the_file_again() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let file = place.path("logs/access_log");
    let moved = place.path("logs/access_log.1");
    let program = start(&root, &place);
    let mut client = program.connect();
    client.get("/a?before");
    while fs::metadata(&file).unwrap().len() == 0 {}

    fs::rename(&file, &moved).unwrap();
    program.signal(Signal::HUP);
    while !file.exists() {}
    client.get("/a?after");
    drop(client);
    program.signal(Signal::TERM);

    assert_eq!(program.wait().status, Some(0));
    assert_eq!(request_lines(&moved), ["GET /a?before HTTP/1.1"]);
    assert_eq!(request_lines(&file), ["GET /a?after HTTP/1.1"]);
}

/// Whether the system lets us is not the test's to choose: it is done, or the remedy is said.
#[test]
fn the_publisher_alone_is_put_under_real_time_scheduling() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let program = start_with(&root, &place, &["--realtime=11"]);
    assert_eq!(program.connect().get("/a").status, 200);
    // The publisher has begun when it has sent a line.
    while request_lines(&place.path("logs/access_log")).is_empty() {
        std::thread::yield_now();
    }
    // Behind the name, from the third on: proc_pid_stat(5).
    let tasks = fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let stats = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
    let mut fifo = Vec::new();
    for stat in stats {
        let (name, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<_> = fields.split_whitespace().collect();
        if fields[38] == "1" {
            fifo.push((
                name.rsplit('(').next().unwrap().to_owned(),
                fields[37].to_owned(),
            ));
        }
    }

    program.signal(Signal::TERM);
    let said = program.wait().stderr;

    if said.contains("the log is sent at real-time priority 11") {
        assert_eq!(fifo, [("publisher".to_owned(), "11".to_owned())]);
    } else {
        assert_eq!(fifo, []);
        assert!(said.contains("CAP_SYS_NICE"), "{said}");
    }
}

#[test]
fn a_log_inside_the_root_is_refused() {
    let root = Root::new();
    let logs = root.path("logs");

    let ended = refused(&[
        "-d",
        &root.dir(),
        "-p",
        "0",
        "--status",
        "none",
        "--spread",
        "embedded:0",
        "--log-dir",
        &format!("{}/logs", root.dir()),
    ]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("inside the document root"),
        "{}",
        ended.stderr
    );
    assert!(!logs.exists());
}

#[test]
fn a_port_where_spread_answers_is_named_with_what_to_type() {
    let (root, place) = (Root::new(), Root::new());
    let first = start(&root, &place);
    let hub = hub(&first);
    let port = hub.split('@').next().unwrap();

    let ended = refused(&[
        "-d",
        &root.dir(),
        "-p",
        "0",
        "--status",
        "none",
        "--spread",
        &format!("embedded:{port}"),
        "--log-dir",
        &format!("{}/other", place.dir()),
    ]);

    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("--spread {port}@localhost")),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_log_file_that_another_holds_is_refused() {
    let (root, place) = (Root::new(), Root::new());
    let first = start(&root, &place);

    let ended = refused(&[
        "-d",
        &root.dir(),
        "-p",
        "0",
        "--status",
        "none",
        "--spread",
        "embedded:0",
        "--spread-socket-dir",
        &place.dir(),
        "--log-dir",
        &format!("{}/logs", place.dir()),
    ]);

    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let holder = format!("process {}", first.pid());
    assert!(ended.stderr.contains(&holder), "{}", ended.stderr);
}

#[test]
fn each_group_is_a_file_and_so_is_what_the_program_says() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let place = Root::new();
    let logs = [
        "--log",
        "group=all",
        "--log",
        "group=failures status=4xx,5xx",
    ];
    let program = start_with(
        &root,
        &place,
        &[&logs[..], &["--error-group", "said"]].concat(),
    );
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);
    assert_eq!(client.get("/none").status, 404);

    // It says why, once in a while.
    program.limit_descriptors(1);
    assert_eq!(client.get("/large").status, 503);
    program.limit_descriptors(1024);
    let pid = program.pid();
    program.signal(Signal::TERM);
    let ended = program.wait();

    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let lines = |file: &str| request_lines(&place.path(&format!("logs/{file}")));
    let [a, none, large] = ["a", "none", "large"].map(|path| format!("GET /{path} HTTP/1.1"));
    assert_eq!(lines("all"), [a, none.clone(), large.clone()]);
    assert_eq!(lines("failures"), [none, large]);
    assert!(!place.path("logs/access_log").exists());
    let said = fs::read_to_string(place.path("logs/said")).unwrap();
    let mut warnings = ended
        .stderr
        .lines()
        .filter_map(|line| line.split_once("WARN "));
    let text = warnings.next().unwrap().1;
    // Not one word of the log about itself, though it has connected and more.
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.ends_with(&format!(" rthttpd[{pid}] WARN {text}\n")),
        "{said}"
    );
}
