//! Each flag of thttpd's, and each word of its file, does through a process what it did there.
//!
//! Not here, as they have tests where what they do is tested: `-u`, `-r`, `-nor` and `-dd` in a
//! chroot, `-i` and going into the background in `daemon.rs`, `-V` in `command_line.rs`, the order
//! of flags and files in `thttpd.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use rustix::process::{Signal, geteuid};
use support::program::{Program, refused};
use support::{Client, Response, Root, get, noise};

/// The same said on the command line and in the file; thttpd as root becomes nobody, who must be
/// able to read what is served.
struct Site {
    root: Root,
    place: Root,
}

impl Site {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let (root, place) = (Root::with(files), Root::new());
        for dir in [&root, &place] {
            fs::set_permissions(dir.path("."), Permissions::from_mode(0o755)).unwrap();
        }
        Self { root, place }
    }

    /// Has `check` look at it, started by `flags`, and then by the file with `words`.
    fn each(&self, flags: &[&str], words: &str, check: impl Fn(&Program)) {
        let dir = self.root.dir();
        let server = ["-d", &dir, "-h", "127.0.0.1", "-p", "0", "-l", "/dev/null"];
        let args = [&["--thttpd-defaults", "-D"], &server[..], flags].concat();
        check(&Program::start(&args));
        let conf = self.conf(words);
        check(&Program::start(&["-C", &conf]));
    }

    /// A file with `words`, for a start in the foreground.
    fn conf(&self, words: &str) -> String {
        let text = format!(
            "debug dir={} host=127.0.0.1 port=0\nlogfile=/dev/null # none\n{words}\n",
            self.root.dir()
        );
        self.place.file("conf", text.as_bytes());
        self.place.path("conf").to_str().unwrap().to_owned()
    }
}

/// The response to a GET of `target` with these fields.
fn ask(program: &Program, target: &str, fields: &str) -> Response {
    let mut client = program.connect();
    client.send(get(target).replace("Host: test\r\n", fields));
    client.response()
}

/// `-d`, `-h`, `-p`, `-D` and their words: each start above has them.
#[test]
fn directory_host_port_and_foreground() {
    let site = Site::with(&[("a", b"one")]);

    site.each(&[], "", |program| {
        assert_eq!(program.banner[0], format!("serving  {}", site.root.dir()));
        assert!(program.address.ip().is_loopback());
        assert_ne!(program.address.port(), 80);
        assert_eq!(program.connect().get("/a").content, b"one");
    });
    for flag in ["-p", "-h", "-d"] {
        let ended = refused(&["--thttpd-defaults", "-D", flag, "?"]);
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains('?'), "{}", ended.stderr);
    }
}

#[test]
fn data_directory() {
    let site = Site::with(&[("www/b", b"two"), ("b", b"one")]);
    site.each(&["-dd", "www"], "data_dir=www", |program| {
        assert_eq!(program.connect().get("/b").content, b"two");
    });
}

/// Beside `daemon.rs`, where the flag is.
#[test]
fn a_chroot_in_the_file() {
    let site = Site::with(&[("a", b"one")]);
    for (words, is_chrooted) in [("chroot", true), ("chroot nochroot", false)] {
        let conf = site.conf(words);
        if is_chrooted && !geteuid().is_root() {
            let ended = refused(&["-C", &conf]);
            assert!(
                ended.stderr.contains("start it as root"),
                "{}",
                ended.stderr
            );
            continue;
        }
        let program = Program::start(&["-C", &conf]);
        assert_eq!(program.connect().get("/a").content, b"one");
        let seen = fs::read_link(format!("/proc/{}/root", program.pid())).unwrap();
        assert_eq!(seen.to_str() == Some(&*site.root.dir()), is_chrooted);
    }
}

#[test]
fn links_out_of_the_root() {
    let site = Site::with(&[("a", b"one")]);
    site.place.file("b.txt", b"two");
    symlink(site.place.path("b.txt"), site.root.path("out")).unwrap();
    let is = |status: u16| {
        move |program: &Program| assert_eq!(ask(program, "/out", "Host: t\r\n").status, status)
    };

    site.each(&[], "", is(403));
    site.each(&["-s"], "symlinkcheck", is(403));
    site.each(&["-nos"], "nosymlinkcheck", is(200));
    site.each(&["-nos", "-s"], "nosymlinks symlinks", is(403));
}

#[test]
fn hosts_by_directory() {
    let site = Site::with(&[("a", b"all"), ("one.example/a", b"one")]);
    let has = |content: &'static [u8]| {
        move |program: &Program| {
            let found = ask(program, "/a", "Host: one.example\r\n");
            assert_eq!(found.content, content);
        }
    };

    site.each(&["-v"], "vhost", has(b"one"));
    site.each(&["-v", "-nov"], "vhost\nnovhost", has(b"all"));
}

#[test]
fn a_password_for_everything() {
    // anna: a.
    let anna = b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=\n";
    let site = Site::with(&[
        ("d/a", b"one"),
        ("d/.htpasswd", b"nobody:x"),
        (".htpasswd", anna),
    ]);
    let is = |status: u16| {
        move |program: &Program| {
            let found = ask(
                program,
                "/d/a",
                "Host: t\r\nAuthorization: Basic YW5uYTph\r\n",
            );
            assert_eq!(found.status, status);
        }
    };

    site.each(&["-g"], "globalpasswd", is(200));
    site.each(&["-g", "-nog"], "globalpasswd noglobalpasswd", is(401));
}

#[test]
fn a_user_in_the_file() {
    let site = Site::with(&[("a", b"one")]);
    let conf = site.conf("user=no_such_user");

    let ended = refused(&["-C", &conf]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("no_such_user"), "{}", ended.stderr);
}

#[test]
fn programs_and_how_many() {
    let site = Site::with(&[("cgi-bin/secret", b"#!/bin/sh")]);
    let (answer, wait) = (
        "printf 'Content-Type: a/b\\nContent-Length: 2\\n\\nok'",
        "cat",
    );
    site.root.script("cgi-bin/a", answer);
    site.root.script("cgi-bin/wait", wait);
    site.root.script("d/index.cgi", answer);

    let flags = ["-c", "/cgi-bin/*|**.cgi", "--cgi-limit", "1"];
    site.each(&flags, "cgipat=/cgi-bin/*|**.cgi cgilimit=1", |program| {
        let of = |target| ask(program, target, "Host: t\r\n");
        for target in ["/cgi-bin/a", "/d/", "/d/index.cgi"] {
            // The place of the one before is free a moment after its answer.
            while of(target).content != b"ok" {}
        }
        assert_eq!(of("/cgi-bin/secret").status, 403);
        let head = "POST /cgi-bin/wait HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n";
        let mut waiting = Vec::<Client>::new();
        while of("/cgi-bin/a").status != 503 {
            let mut one = program.connect();
            one.send(head);
            waiting.push(one);
        }
    });
    // What comes later replaces the pattern; without one nothing is run, and with thttpd's rules
    // nothing executable is shown.
    site.each(&["-c", "x", "-c", "y"], "cgipat=x\ncgipat=y", |program| {
        for target in ["/cgi-bin/a", "/d/"] {
            assert_eq!(ask(program, target, "Host: t\r\n").status, 403, "{target}");
        }
    });
}

#[test]
fn throttles() {
    let site = Site::with(&[("films/a", &noise(1_000_000)), ("b", b"two")]);
    site.place
        .file("rules", b"# a comment\n\nfilms/** 1000-1000\n");
    let rules = site.place.path("rules");
    let rules = rules.to_str().unwrap();

    site.each(&["-t", rules], &format!("throttles={rules}"), |program| {
        let mut first = program.connect();
        first.send(get("/films/a"));
        assert_eq!(first.head().status, 200);
        let mut client = program.connect();
        assert_eq!(client.get("/films/a").status, 503);
        assert_eq!(client.get("/b").content, b"two");
    });
}

#[test]
fn charset_p3p_and_max_age() {
    let site = Site::with(&[("a.html", b"one")]);
    let flags = ["-T", "koi8-r", "-P", "CP=NOI", "-M", "60"];
    site.each(&flags, "charset=koi8-r p3p=CP=NOI max_age=60", |program| {
        let found = ask(program, "/a.html", "Host: t\r\n");
        let fields = ["Content-Type", "P3P", "Cache-Control"].map(|name| found.field(name));
        let expected = ["text/html; charset=koi8-r", "CP=NOI", "max-age=60"];
        assert_eq!(fields, expected.map(Some));
    });
    site.each(
        &["-M", "60", "-M", "-1"],
        "max_age=60 max_age=-1",
        |program| {
            let found = ask(program, "/a.html", "Host: t\r\n");
            assert_eq!(found.field("Cache-Control"), None);
        },
    );
}

/// thttpd has no flags for these.
#[test]
fn referers_in_the_file() {
    let site = Site::with(&[("a.png", b"picture"), ("b", b"page")]);
    for (words, referer, status) in [
        ("urlpat=**.png", "Referer: http://test/\r\n", 200),
        ("urlpat=**.png", "Referer: http://other.example/\r\n", 403),
        ("urlpat=**.png", "", 200),
        ("urlpat=**.png noemptyreferers", "", 403),
        ("urlpat=**.png noemptyreferrers", "", 403),
        (
            "urlpat=**.png localpat=*.example",
            "Referer: http://other.example/\r\n",
            200,
        ),
    ] {
        let program = Program::start(&["-C", &site.conf(words)]);
        let fields = format!("Host: test\r\n{referer}");
        assert_eq!(
            ask(&program, "/a.png", &fields).status,
            status,
            "{words} {referer}"
        );
        assert_eq!(ask(&program, "/b", &fields).status, 200);
    }
}

#[test]
fn logs_and_none() {
    let site = Site::with(&[("a", b"one")]);
    let dir = site.root.dir();
    let log = site.place.path("log");
    let log = log.to_str().unwrap();
    let server = ["-D", "-d", &*dir, "-h", "127.0.0.1", "-p", "0"];
    let is_line = |line: &str| line.contains("\"GET /a HTTP/1.1\" 200 3 \"");
    for (logs, lines) in [
        (&["-l", log][..], 1),
        (&["-l", "/dev/null", "-l", log], 1),
        (&["-l", log, "-l", "/dev/null"], 0),
    ] {
        let program = Program::start(&[&server[..], logs].concat());
        assert_eq!(program.connect().get("/a").status, 200);
        program.signal(Signal::TERM);
        let ended = program.wait();

        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let text = fs::read_to_string(log).unwrap_or_default();
        assert_eq!(text.lines().filter(|line| is_line(line)).count(), lines);
        let _ = fs::remove_file(log);
    }

    // What is said at the start is said on standard error then.
    let mut child = Command::new(env!("CARGO_BIN_EXE_rthttpd"))
        .args(server)
        .args(["-l", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    let at = said.map(Result::unwrap).find_map(|line| {
        let address = line.strip_prefix("at       http://")?;
        address.trim_end_matches('/').parse().ok()
    });
    assert_eq!(Client::connect(at.unwrap()).get("/a").status, 200);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(is_line(&lines.next().unwrap().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Statistics are made from it, for each host.
#[test]
fn the_log_has_the_host_before_the_path() {
    let site = Site::with(&[("one.example/a b", b"one")]);
    let log = site.place.path("log");
    let conf = site.conf(&format!("vhost logfile={}", log.display()));
    let program = Program::start(&["-C", &conf]);
    for (host, status) in [("One.Example:80", 200), ("two.example", 404)] {
        let found = ask(&program, "/a%20b?c", &format!("Host: {host}\r\n"));
        assert_eq!(found.status, status);
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));

    let lines = fs::read_to_string(log).unwrap();
    for part in [
        "\"GET /one.example/a%20b?c HTTP/1.1\" 200 3 \"-\" \"-\"\n",
        "\"GET /two.example/a%20b?c HTTP/1.1\" 404 ",
    ] {
        assert!(lines.contains(part), "{lines}");
    }
}

/// thttpd's own tool made nothing else.
#[test]
fn hashes_of_des_are_refused_by_name() {
    let site = Site::with(&[("d/a", b"one"), ("d/.htpasswd", b"anna:abNANd1rDfiNc\n")]);
    let program = Program::start(&["-C", &site.conf("")]);

    // anna: secret, which crypt(3) has made it of.
    let found = ask(
        &program,
        "/d/a",
        "Host: t\r\nAuthorization: Basic YW5uYTpzZWNyZXQ=\r\n",
    );
    assert_eq!(found.status, 401);
    program.signal(Signal::TERM);

    let said = program.wait().stderr;
    for part in ["user anna", "DES", "rthttpd htpasswd"] {
        assert!(said.contains(part), "{said}");
    }
}
