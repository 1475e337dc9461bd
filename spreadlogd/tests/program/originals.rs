//! The configurations of 2000 to 2008 at work: each runs unchanged, but for where its files, its
//! daemons and its programs are.
//!
//! Changed in the copy that runs: a port and host is the hub's (blocks of two farms are two
//! sessions of one hub here), `/` before a path is a directory of the test, `Host` goes, the
//! module `online` listens at a free port. The modules and programs that they name are made there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Instant;

use crate::support::{DEADLINE, Dir, PROGRAM, Program, Publisher, TestHub};

/// A configuration, its groups, and the files that have their lines in the end: of which group.
type Case = (&'static str, &'static str, Files);
type Files = &'static [(&'static str, &'static str)];

const CASES: &[Case] = &[
    (
        "first-2000.conf",
        "apache",
        &[("usr/local/apache/logs/access_log", "apache")],
    ),
    (
        "farm-2001.conf",
        "www-east images-east error-east www-west local",
        &[
            ("logs/east/access_log", "www-east"),
            ("logs/east/images_log", "images-east"),
            ("logs/east/error_log", "error-east"),
            ("logs/west/access_log", "www-west"),
            ("logs/local_log", "local"),
        ],
    ),
    (
        "vhosts.conf",
        "vhosts customers",
        &[
            ("var/log/www/vhosts/h.com", "vhosts"),
            ("export/home/log files/customers/h.com", "customers"),
        ],
    ),
    (
        "matches.conf",
        "www images",
        &[
            ("var/log/www/pages", "www"),
            ("var/log/www/images", "images"),
        ],
    ),
    (
        "fan-out.conf",
        "www ftp",
        &[
            ("logs/all", "www"),
            ("logs/all", "ftp"),
            ("logs/errors", "www"),
        ],
    ),
    (
        "comments.conf",
        "www www2",
        &[("logs/a", "www"), ("logs/# is a name", "www2")],
    ),
    (
        "quoted-keywords.conf",
        "Log Spread $group.1",
        &[
            ("File", "Log"),
            ("Port", "Spread"),
            ("logs/now=1", "$group.1"),
        ],
    ),
    (
        "timestamps.conf",
        "a b c",
        &[("logs/a", "a"), ("logs/b", "b"), ("logs/c", "c")],
    ),
    (
        "latin1.conf",
        "b-rse",
        &[("protokolle/hofe/h.com", "b-rse")],
    ),
    ("online.conf", "www", &[]),
    ("over-lines.conf", "www", &[("var/log/500s", "www")]),
    (
        "perl-dbi.conf",
        "hits searches",
        &[("var/log/hits", "hits")],
    ),
    ("python.conf", "access", &[("var/log/access", "access")]),
    (
        "piped.conf",
        "access error stats",
        &[
            ("rotated", "access"),
            ("var/log/www/error_log", "error"),
            ("stats", "stats"),
        ],
    ),
    ("sample.conf", "omniti", &[("omniti.log", "omniti")]),
];

/// One line that every pattern takes.
fn line(group: &str) -> String {
    format!(
        "h.com 7 {group} [28/Nov/2026:09:30:00 +0000] \"GET /a.gif HTTP/1.0\" 500 404 /index.html \n"
    )
}

/// The copy that runs; bytes that are no text become `o`, for the test's own sake.
fn copy(dir: &Dir, hub: &TestHub, name: &str) -> String {
    let path = format!("{}/tests/data/configs/{name}", env!("CARGO_MANIFEST_DIR"));
    let text: String = fs::read(path)
        .unwrap()
        .iter()
        .map(|&b| if b < 128 { char::from(b) } else { 'o' })
        .collect();
    let root = dir.path().display().to_string();
    let mut copy = String::new();
    let mut is_port_next = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_port = words.first().is_some_and(|word| word.starts_with("Port")) || is_port_next;
        is_port_next = line.trim() == "Port";
        let line = if is_port && line.trim() != "Port" {
            let equals = if line.trim_start().starts_with('=') {
                ""
            } else {
                "Port "
            };
            format!("{equals}= {}", hub.address())
        } else if line.trim_start().starts_with("Host =") {
            String::new()
        } else {
            line.replace(" /", &format!(" {root}/"))
                .replace("\"/", &format!("\"{root}/"))
                .replace("'/", &format!("'{root}/"))
                .replace("|/", &format!("|{root}/"))
                .replace(&format!("{root}/usr/bin/"), "/usr/bin/")
                .replace("10.77.52.1:8989", "127.0.0.1:0")
                .replace("\"10.0.0.1:8989\"", "127.0.0.1:0")
        };
        copy += &line;
        copy.push('\n');
    }
    // Blocks without a port, and the module at its default place.
    copy.replace(
        "Spread {\n        Log { Group = local",
        &format!(
            "Spread {{\n Port = {}\n Log {{ Group = local",
            hub.address()
        ),
    )
    .replace(
        "LoadModule online\nSpread",
        "LoadModule online 127.0.0.1:0\nSpread",
    )
    // An expression of Perl is no path.
    .replace(&format!("/ 500 {root}/"), "/ 500 /")
    .replace(&format!("if {root}/ 500"), "if / 500")
}

/// What the configurations name, as simple as can be.
fn make_surroundings(dir: &Dir) {
    for place in [
        "usr/local/apache/bin",
        "usr/local/apache/logs",
        "usr/local/bin",
        "usr/local/lib/spreadlogd/perl/Site/Log",
        "usr/local/libexec/spreadlogd",
        "var/log/www/vhosts",
        "logs/east",
        "logs/west",
        "export/home/log files/customers",
        "protokolle/hofe",
        "home/theo",
    ] {
        fs::create_dir_all(dir.join(place)).unwrap();
    }
    let programs = [
        ("usr/local/apache/bin/rotatelogs", "cat >> rotated"),
        ("usr/local/bin/stats", "cat >> stats"),
        ("usr/local/libexec/spreadlogd/counter", "cat > counted"),
        ("mail", "cat > mailed"),
    ];
    for (name, text) in programs {
        dir.write(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let perl = "usr/local/lib/spreadlogd/perl";
    dir.write(
        &format!("{perl}/Site/Log/DBI.pm"),
        "package Site::Log::DBI; sub insert {} sub reconnect {} 1;\n",
    );
    dir.write(
        &format!("{perl}/mylogger.pm"),
        "package mylogger; sub main::log_search {} 1;\n",
    );
    dir.write(
        "mylogger.pm",
        "package mylogger; sub log {} sub hup {} 1;\n",
    );
    dir.write("mylogger.py", "def log(sender, group, line):\n    pass\n");
    fs::create_dir_all(dir.join("site_log")).unwrap();
    dir.write("site_log/__init__.py", "");
    dir.write("site_log/mysql.py", "");
}

#[test]
fn each_runs_and_has_its_lines_where_it_says() {
    let has = |program| Command::new(program).arg("--version").output().is_ok();
    if !has("perl") || !has("python3") {
        println!("perl or python3 is not installed: nothing is tried");
        return;
    }
    for (name, groups, files) in CASES {
        run(name, groups, files);
    }
}

fn run(name: &str, groups: &str, files: Files) {
    let (dir, hub) = (Dir::new(), TestHub::start());
    make_surroundings(&dir);
    let text = copy(&dir, &hub, name);
    dir.write("c", &text);
    let mut program = start(&dir);
    for _ in 0..text.matches(&hub.address()).count() {
        program.wait_for("joined");
    }
    let mut publisher = Publisher::connect(&hub);
    for group in groups.split_whitespace() {
        publisher.queue(&[group], line(group));
    }
    publisher.sync();
    let deadline = Instant::now() + DEADLINE;
    let is_in = |file: &str, group: &str| {
        let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
        text.contains(&format!("7 {group} "))
    };
    for (file, group) in files {
        while !is_in(file, group) && !is_command(name) {
            assert!(
                Instant::now() < deadline,
                "{name}: {group} is not in {file}"
            );
            publisher.sync();
        }
    }
    program.stop();
    for (file, group) in files {
        assert!(is_in(file, group), "{name}: {group} is not in {file}");
    }
}

fn start(dir: &Dir) -> Program {
    let before = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(PROGRAM);
    command
        .args(["-c", "c", "--state", "state"])
        .env("PATH", format!("{}:{before}", dir.path().display()))
        .env("PYTHONPATH", dir.path())
        .current_dir(dir.path());
    Program::spawn(&mut command)
}

/// Commands have written when they have ended.
fn is_command(name: &str) -> bool {
    matches!(name, "piped.conf" | "over-lines.conf")
}
