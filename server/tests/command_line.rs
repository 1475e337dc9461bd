//! What can be typed wrong, and what is said about it.

mod support;

use std::net::TcpListener;

use support::Root;
use support::program::{Program, refused};

/// Arguments, and a part of what is said.
type Mistake<'a> = (&'a [&'a str], &'a str);

/// Each says what was refused; the exit status is 2.
#[test]
fn mistakes_are_named_and_told_from_failures() {
    let root = Root::with(&[("file", b"")]);
    let (dir, file) = (&*root.dir(), &*format!("{}/file", root.dir()));
    let cases: &[Mistake<'_>] = &[
        (&["--no-such-flag"], "--no-such-flag"),
        (&["positional"], "positional"),
        (&["-p", "notaport"], "notaport"),
        (
            &["-d", "/no/such/directory"],
            "cannot serve /no/such/directory",
        ),
        (&["-d", file], "not a directory"),
        (&["-d", dir, "-h", "192.0.2.1"], "192.0.2.1"),
        (&["-d", dir, "-h", "no such host"], "no such host"),
        (&["-d", dir, "--spread", "nowhere"], "nowhere"),
        (&["--header", "**", "Server"], "--header '**' 'Server'"),
        (
            &["--header", "**", "ETag: x"],
            "the server makes ETag itself",
        ),
        (&["--redirect", "a", "301", "/$1"], "--redirect 'a'"),
        (&["-d", dir, "--fallback", "none"], "no such file beneath"),
        (&["-d", dir, "--fallback", "../x"], "no such file beneath"),
        (&["-d", dir, "--fallback", "/"], "it is a directory"),
        (&["-d", dir, "--spread-group", "x"], "--spread"),
        (&["-d", dir, "--log-dir", "x"], "--spread embedded"),
        (
            &["-d", dir, "--spread", "4803", "--log-dir", "x"],
            "--spread embedded",
        ),
        (
            &["-d", dir, "--spread", "4803", "--spread-group", "a b"],
            "a b",
        ),
        (
            &[
                "-d",
                dir,
                "-p",
                "0",
                "--spread",
                "4803",
                "--spread-message-max",
                "1M",
            ],
            "cannot take --spread-message-max: messages of at most 1048576 bytes: choose from 512",
        ),
        (
            &[
                "-d",
                dir,
                "-p",
                "0",
                "--spread",
                "4803",
                "--spread-buffer",
                "1",
            ],
            "buffer",
        ),
    ];

    for (args, expected) in cases {
        let ended = refused(args);
        assert_eq!(ended.status, Some(2), "{args:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(expected),
            "{args:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

/// Its text would be shown.
#[test]
fn a_fallback_page_is_no_program() {
    let root = Root::with(&[("a.cgi", b"")]);
    let args = ["-d", &root.dir(), "--cgi", "**.cgi", "--fallback", "a.cgi"];

    let ended = refused(&args);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("it is a program's"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_mistake_in_the_throttle_file_is_named_with_its_line() {
    let ended = refused(&["--throttles", "/no/such"]);
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("the throttle file /no/such"));

    let root = Root::with(&[("throttle.conf", b"# all\n** 1-2-3\n")]);
    let file = format!("{}/throttle.conf", root.dir());

    let ended = refused(&["--throttles", &file]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    for part in [&*format!("{file}:2: `** 1-2-3`"), "write digits"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn a_taken_port_is_a_failure_that_names_its_holder() {
    let root = Root::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();

    let ended = refused(&["-d", &root.dir(), "-h", "127.0.0.1", "-p", &port]);

    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("port {port} is taken by ")),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("-p "), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains(&format!("(pid {})", std::process::id())),
        "{}",
        ended.stderr
    );
}

#[test]
fn help_and_version_are_no_mistakes() {
    let help = refused(&["--help"]);
    assert_eq!(help.status, Some(0));
    for flag in [
        "-d",
        "-p",
        "-h",
        "--spread",
        "--log-dir",
        "--idle-timeout",
        "-V",
        "-D",
    ] {
        assert!(help.stdout.contains(flag), "{flag}: {}", help.stdout);
    }

    for flag in ["-V", "--version"] {
        let version = refused(&[flag]);
        assert_eq!(version.status, Some(0));
        assert!(version.stdout.starts_with("rthttpd "), "{}", version.stdout);
    }
}

#[test]
fn it_says_what_it_serves_and_where() {
    let root = Root::with(&[("a", b"one")]);
    let dir = &*root.dir();

    let program = Program::start(&["-D", "-d", dir, "-p", "0"]);

    assert_eq!(program.banner[0], format!("serving  {dir}"));
    assert!(program.banner[1].starts_with("at       http://127.0.0.1:"));
    assert!(program.banner[1].ends_with("/ (all addresses)"));
    assert_eq!(program.connect().get("/a").content, b"one");
}
