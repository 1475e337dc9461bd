//! `--vhosts`: hosts with directories of their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rthttpd::{Config, HostOptions};
use support::program::{Program, refused};
use support::{PATIENCE, Response, Root, Served};

fn hosts(default: Option<&str>) -> impl FnOnce(&mut Config) {
    let default = default.map(str::to_owned);
    |config| config.site.hosts = Some(HostOptions { default })
}

fn two_sites() -> Root {
    let root = Root::with(&[
        ("one.example/index.html", b"one"),
        ("one.example/only", b"only one"),
        ("one.example/d/x", b""),
        ("two.example/index.html", b"two"),
        ("top", b"above all hosts"),
        ("errors/err404.html", b"of nobody"),
        (".git/config", b"hidden"),
    ]);
    symlink("one.example", root.path("127.0.0.1")).unwrap();
    root
}

fn get(served: &Served, host: &str, target: &str) -> Response {
    let mut client = served.connect();
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    ));
    client.response()
}

#[test]
fn each_host_has_its_own_files() {
    let served = two_sites().serve_with(hosts(None));

    // Twice: the second comes from memory.
    for _ in 0..2 {
        for (host, target, expected) in [
            ("one.example", "/", "one"),
            ("two.example", "/", "two"),
            ("ONE.example:8080", "/", "one"),
            ("two.example.", "/index.html", "two"),
            ("one.example", "/only", "only one"),
            ("127.0.0.1", "/only", "only one"),
            // RFC 9112 3.2.2: the target's own host counts.
            ("two.example", "http://one.example/only", "only one"),
        ] {
            let response = get(&served, host, target);
            assert_eq!(response.status, 200, "{host} {target}");
            assert_eq!(response.text(), expected, "{host} {target}");
        }
        for (host, target) in [
            ("two.example", "/only"),
            ("one.example", "/top"),
            ("one.example", "/one.example/only"),
            ("unknown.example", "/"),
            ("unknown.example", "/only"),
            ("top", "/"),
            ("errors", "/err404.html"),
            (".git", "/config"),
            ("", "/only"),
        ] {
            let status = get(&served, host, target).status;
            let expected = if host.is_empty() { 200 } else { 404 };
            assert_eq!(status, expected, "{host} {target}");
        }
    }
}

#[test]
fn listings_and_redirects_do_not_show_where_a_host_is_kept() {
    let served = two_sites().serve_with(hosts(None));

    let redirect = get(&served, "one.example", "/d");
    assert_eq!(redirect.field("Location"), Some("/d/"));
    let listing = get(&served, "one.example", "/d/");
    assert_eq!(listing.status, 200);
    assert!(listing.text().contains("<title>Index of /d</title>"));
    assert!(
        !listing.text().contains("one.example"),
        "{}",
        listing.text()
    );
}

/// An HTTP/1.0 client need not say which host it means.
#[test]
fn who_names_no_host_gets_that_of_the_address() {
    let served = two_sites().serve_with(hosts(None));

    let answer = served.ask("GET /only HTTP/1.0\r\n\r\n");

    assert!(answer.ends_with("\r\n\r\nonly one"), "{answer}");
}

#[test]
fn a_default_stands_in_for_hosts_without_a_directory() {
    let served = two_sites().serve_with(hosts(Some("two.example")));

    for host in ["unknown.example", "errors", "..", "[::9]", "%2e%2e"] {
        let response = get(&served, host, "/");
        assert_eq!((response.status, response.text()), (200, "two"), "{host}");
    }
    assert_eq!(get(&served, "one.example", "/").text(), "one");
}

#[test]
fn hosts_come_and_go_while_it_serves() {
    let served = two_sites().serve_with(hosts(None));
    assert_eq!(get(&served, "new.example", "/").status, 404);

    served.root.file("new.example/index.html", b"new");
    let begun = Instant::now();
    while get(&served, "new.example", "/").status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the new host is not noticed");
    }
    fs::remove_dir_all(served.root.path("new.example")).unwrap();
    while get(&served, "new.example", "/").status != 404 {
        assert!(begun.elapsed() < PATIENCE, "it is still served");
    }
}

/// Neither a link out of the root as a host nor one inside a host's directory leads out.
#[test]
fn no_host_is_a_way_out_of_the_root() {
    let place = Root::with(&[("secret", b"secret"), ("root/a.example/x", b"x")]);
    symlink("..", place.path("root/up.example")).unwrap();
    symlink("../../secret", place.path("root/a.example/out")).unwrap();
    symlink("../b.example/shared", place.path("root/a.example/shared")).unwrap();
    place.file("root/b.example/shared", b"shared");
    let served = Root::new().serve_with(|config| {
        config.root = place.path("root");
        hosts(None)(config);
    });

    assert_eq!(get(&served, "up.example", "/secret").status, 404);
    assert_eq!(get(&served, "a.example", "/out").status, 403);
    assert_eq!(
        get(&served, "a.example", "/../b.example/shared").status,
        400
    );
    // Within the root links lead where they lead.
    assert_eq!(get(&served, "a.example", "/shared").text(), "shared");
}

#[test]
fn the_flags_reach_the_server() {
    let root = two_sites();
    let dir = &*root.dir();
    let server = ["-d", dir, "-h", "127.0.0.1", "-p", "0", "--vhosts"];

    let program = Program::start(&[&server[..], &["--default-host", "two.example"]].concat());

    assert_eq!(program.connect().get("/").text(), "two");
    let ended = refused(&[&server[..], &["--default-host", "none.example"]].concat());
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("none.example"), "{}", ended.stderr);
}

/// What was not there for a moment is remembered of the host that was asked for alone.
#[test]
fn what_one_host_has_not_another_may_have() {
    let served = two_sites().serve_with(hosts(None));

    for _ in 0..3 {
        assert_eq!(get(&served, "two.example", "/only").status, 404);
        assert_eq!(get(&served, "one.example", "/only").status, 200);
        assert_eq!(get(&served, "unknown.example", "/only").status, 404);
    }
}

/// That there was nothing is known for a second at most, whoever may know it then.
#[test]
fn a_password_file_that_appears_guards_what_was_not_there() {
    let served = two_sites().serve_with(hosts(None));
    for _ in 0..3 {
        assert_eq!(get(&served, "one.example", "/d/new").status, 404);
    }

    fs::write(served.root.path("one.example/d/.htpasswd"), "").unwrap();

    let begun = Instant::now();
    while get(&served, "one.example", "/d/new").status != 401 {
        assert!(begun.elapsed() < PATIENCE);
    }
    for _ in 0..3 {
        assert_eq!(get(&served, "one.example", "/d/new").status, 401);
        assert_eq!(get(&served, "one.example", "/new").status, 404);
        assert_eq!(get(&served, "two.example", "/d/new").status, 404);
    }
}

/// It costs no look at the disk, and is counted as an answer from memory.
#[test]
fn what_is_known_not_to_be_there_is_counted() {
    let served = two_sites().serve_with(hosts(None));
    let totals = || served.counters.totals();
    let begun = Instant::now();
    let mut asked = 0;
    while totals().cache_hits == 0 {
        assert_eq!(get(&served, "one.example", "/missing").status, 404);
        asked += 1;
        assert!(begun.elapsed() < PATIENCE);
    }

    let totals = totals();
    assert_eq!(totals.cache_hits + totals.cache_misses, asked);
}
