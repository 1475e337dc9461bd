//! thttpd's command line and configuration file, as they are found where a thttpd was.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use support::Root;
use support::program::{Program, refused};

/// A configuration in a directory of its own, and its path.
fn conf(text: &str) -> (Root, String) {
    let place = Root::with(&[("thttpd.conf", text.as_bytes())]);
    let path = format!("{}/thttpd.conf", place.dir());
    (place, path)
}

#[test]
fn a_configuration_is_served_as_thttpd_serves_it() {
    let root = Root::with(&[("a", b"one")]);
    let (_place, path) = conf(&format!(
        "# of a small site\nhost=127.0.0.1 port=1 # a comment\n\tDIR={}\nnovhost symlinkcheck",
        root.dir()
    ));

    // What is said later holds.
    let program = Program::start(&["-p", "2", "-C", &path, "-D", "-p", "0"]);

    assert_eq!(program.connect().get("/a").content, b"one");
    assert_ne!(program.address.port(), 1);
}

#[test]
fn our_own_settings_are_words_of_the_file() {
    let root = Root::with(&[("a", b"one")]);
    let (_place, path) = conf(&format!(
        "listen=127.0.0.1:0\nheader=\"**\" \"X-Note: a=b # c\"\nheader=a \"X-Other: d\"\ndir={}",
        root.dir()
    ));

    let program = Program::start(&["--config", &path]);

    let response = program.connect().get("/a");
    assert_eq!(response.field("X-Note"), Some("a=b # c"));
    assert_eq!(response.field("X-Other"), Some("d"));
}

/// Port 80 is taken from a thttpd's words alone; where it may not be, that is what is said.
#[test]
fn with_a_file_of_thttpds_the_port_is_eighty() {
    let (_place, path) = conf("host=192.0.2.1");

    for (flag, port) in [("-C", "192.0.2.1:80"), ("--config", "192.0.2.1:8080")] {
        let ended = refused(&[flag, &path]);
        assert!(ended.stderr.contains(port), "{}", ended.stderr);
    }
}

#[test]
fn with_a_file_of_thttpds_it_shows_what_thttpd_showed() {
    let root = Root::with(&[
        ("d/index.htm", b"index"),
        ("private", b""),
        ("program", b""),
    ]);
    for (name, mode) in [("private", 0o640), ("program", 0o755)] {
        fs::set_permissions(root.path(name), Permissions::from_mode(mode)).unwrap();
    }
    // The filter has no pattern, so nothing to do, as there.
    let text = format!(
        "host=127.0.0.1 localpat=x noemptyreferers dir={}",
        root.dir()
    );
    let (_place, path) = conf(&text);

    let program = Program::start(&["-C", &path, "-D", "-p", "0"]);
    let mut client = program.connect();
    assert_eq!(client.get("/d/").content, b"index");
    for target in ["/private", "/program"] {
        assert_eq!(client.get(target).status, 403, "{target}");
    }

    let program = Program::start(&["--config", &path, "-p", "0"]);
    let mut client = program.connect();
    for target in ["/d/", "/private", "/program"] {
        let response = client.get(target);
        assert_eq!(response.status, 200, "{target}");
        assert_ne!(response.content, b"index");
    }
}

/// In a directory of root's, as `/var/log` is.
#[test]
fn the_log_is_where_thttpds_was() {
    let root = Root::with(&[("a", b"one")]);
    fs::set_permissions(root.path("."), Permissions::from_mode(0o755)).unwrap();
    let (place, path) = conf("");
    fs::set_permissions(place.path("."), Permissions::from_mode(0o755)).unwrap();
    let log = place.path("thttpd.log");
    for round in 1..=2 {
        let text = format!(
            "dir={} host=127.0.0.1 port=0 logfile=/none\nlogfile={}",
            root.dir(),
            log.display()
        );
        place.file("thttpd.conf", text.as_bytes());

        let program = Program::start(&["-C", &path, "-D"]);

        assert_eq!(program.connect().get("/a").status, 200);
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let lines = fs::read_to_string(&log).unwrap();
        assert_eq!(lines.matches("\"GET /a HTTP/1.1\" 200 3 \"").count(), round);
    }
}

#[test]
fn a_log_that_nobody_would_read_is_refused() {
    let root = Root::new();
    let (_place, path) = conf(&format!("dir={} logfile=-", root.dir()));

    for more in [&[][..], &["--check"]] {
        let ended = refused(&[&["-C", &path], more].concat());

        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("in the background"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(refused(&["-C", &path, "-D", "--check"]).status, Some(0));
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    let (_place, path) = conf("port=0\nprot=80 vhost=yes\n");

    let ended = refused(&["-C", &path]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    let expected =
        format!("error: {path}:2: prot=80: there is no such setting; did you mean port?");
    assert_eq!(lines[0], expected);
    assert!(
        lines[1].starts_with(&format!("{path}:2: vhost=yes: ")),
        "{lines:?}"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ended = refused(&["-C", "/no/such/file"]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("/no/such/file"), "{}", ended.stderr);
}

#[test]
fn a_check_reads_everything_and_serves_nothing() {
    let root = Root::with(&[("a", b"one")]);
    let dir = root.dir();
    let (_place, good) = conf(&format!("dir={dir} fallback=a spread=4803"));
    let (_place, bad) = conf(&format!("dir={dir} fallback=b"));

    let ended = refused(&["--check", "-C", &good]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("is in order"), "{}", ended.stdout);

    for args in [
        &["--check", "-C", &bad][..],
        &["--check", "-d", "/no/such/directory"],
        &["--check", "-C", &good, "--spread-message-max", "1M"],
    ] {
        let ended = refused(args);
        assert_eq!(ended.status, Some(2), "{args:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}
