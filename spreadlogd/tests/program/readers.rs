//! What is written as other programs read it, where those are installed.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};

use spread_logger::format::{Formatter, LINE_LEN_MAX, UtcOffset};
use spread_logger::{Details, Format, Record};

use crate::support::{Dir, Program, Publisher, TestHub, until};

/// 28 November 2026.
const TIME: u64 = 1_795_860_000;

fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    let status = command.arg("--version").stdout(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A line for each kind of trouble that a client can make.
fn lines(format: &Format, host: &str) -> Vec<String> {
    let all: Vec<u8> = (0..=255).collect();
    let texts: [&[u8]; 8] = [
        b"GET /a.html?q=1 HTTP/1.1",
        b"GET /a\"b\\c\xff HTTP/1.1",
        b"",
        b"-",
        b"\x16\x03\x01",
        b"BREW  /",
        b"Mozilla/5.0 (X11; Linux) \"x\"",
        &all,
    ];
    let mut formatter = Formatter::new(format, LINE_LEN_MAX);
    let mut lines = Vec::new();
    for (n, text) in texts.into_iter().enumerate() {
        for status in [200, 304, 408, 500] {
            let details = Details {
                host: Some(host.as_bytes()),
                port: Some(80),
                ..Details::default()
            };
            let client = match n % 2 {
                0 => IpAddr::from([192, 0, 2, 7]),
                _ => Ipv6Addr::LOCALHOST.into(),
            };
            let record = Record {
                client: Some(client),
                user: Some(text).filter(|_| n % 3 == 0),
                time: TIME,
                request_line: text,
                status,
                bytes: n as u64,
                referer: Some(text).filter(|_| status == 200),
                user_agent: Some(text).filter(|_| status > 300),
                details: Some(&details),
            };
            let mut line = Vec::new();
            formatter.write(&record, UtcOffset::default, &mut line);
            lines.push(String::from_utf8(line).unwrap());
        }
    }
    lines
}

/// Lines that GoAccess has taken, and those that it has not.
fn goaccess(file: &Path, format: &str) -> (u64, u64) {
    let out = file.with_extension("json");
    let mut command = Command::new("goaccess");
    command
        .arg(file)
        .args(["--no-global-config", "--log-format", format, "-o"])
        .arg(&out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read(out).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let number = |name: &str| report["general"][name].as_u64().unwrap();
    (number("valid_requests"), number("failed_requests"))
}

#[test]
fn goaccess_refuses_no_line_of_a_file_or_of_a_host() {
    if !has("goaccess") {
        return;
    }
    let (dir, hub) = (Dir::new(), TestHub::start());
    let text = format!(
        "Spread {{ Port = {}\n\
         Log {{ Group = plain File = combined }}\n\
         Log {{ Group = both File = vhost_combined }}\n\
         Log {{ Group = hosts VhostDir = hosts }} }}\n",
        hub.address()
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined");
    let hosts = ["www.example.org", "b.example"];
    let combined = lines(&Format::Combined, "");
    let count = combined.len() as u64;

    let mut publisher = Publisher::connect(&hub);
    publisher.queue(&["plain"], combined.concat());
    for host in hosts {
        publisher.queue(&["both"], lines(&Format::VhostCombined, host).concat());
        let of_host = combined.iter().map(|line| format!("{host} {line}"));
        publisher.queue(&["hosts"], of_host.collect::<String>());
    }
    publisher.sync();
    program.stop();

    for (file, format, expected) in [
        ("combined", "COMBINED", count),
        ("vhost_combined", "VCOMBINED", 2 * count),
        ("hosts/www.example.org", "COMBINED", count),
        ("hosts/b.example", "COMBINED", count),
    ] {
        let (valid, failed) = goaccess(&dir.join(file), format);

        assert_eq!((valid, failed), (expected, 0), "{file}");
    }
}

#[test]
fn what_is_compressed_is_unpacked_by_the_usual_programs() {
    for (compression, suffix, program) in [("gzip", "gz", "zcat"), ("zstd", "zst", "zstdcat")] {
        if !has(program) {
            continue;
        }
        let (dir, hub) = (Dir::new(), TestHub::start());
        let log = format!("Log {{ Group = g File = log Rotate = 1K Compress = {compression} }}");
        dir.write(
            "c",
            &format!("Spread {{ Port = {} {log} }}\n", hub.address()),
        );
        let mut running = Program::start(dir.path(), &["-v", "-c", "c"]);
        running.wait_for("joined g");
        let mut publisher = Publisher::connect(&hub);
        let text: String = (0..10_000).map(|n| format!("{n} lines\n")).collect();

        publisher.send(&["g"], text.clone());
        // So that what comes next finds a file that is full.
        let is_written = || dir.read("log").len() == text.len();
        until(&is_written);
        publisher.send(&["g"], "the next\n");
        running.wait_for("compressed ");
        running.stop();

        let mut command = Command::new("sh");
        command.args(["-c", &format!("{program} log.*.{suffix}; cat log")]);
        let output = command.current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            text + "the next\n"
        );
    }
}
