//! The holes that thttpd, its relatives and its descendants have had around hosts and passwords,
//! each tried on this server. Those of `htpasswd` are in `htpasswd.rs`, all others in
//! `known_holes.rs`.

mod support;

use rthttpd::HostOptions;
use support::{Root, Served};

const SECRET: &str = "not for you";

/// anna: a.
const ANNA: &[u8] = b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=\n";

fn guarded() -> Root {
    Root::with(&[
        ("a", b"open"),
        ("p/.htpasswd", ANNA),
        ("p/secret", SECRET.as_bytes()),
        ("p/d/secret", SECRET.as_bytes()),
    ])
}

fn ask(served: &Served, target: &str, fields: &str) -> String {
    served.ask(&format!(
        "GET {target} HTTP/1.1\r\nHost: test\r\n{fields}Connection: close\r\n\r\n"
    ))
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

/// CVE-2001-0892 and its like: another spelling of a path, and the password was not asked for.
#[test]
fn other_spellings_of_what_is_guarded() {
    let served = guarded().serve();
    // The server knows it, and has it in memory.
    assert_eq!(
        status(&ask(
            &served,
            "/p/secret",
            "Authorization: Basic YW5uYTph\r\n"
        )),
        "200"
    );

    for target in [
        "/p/secret",
        "/p/secret/",
        "/p/secret/.",
        "/p/./secret",
        "//p/secret",
        "/p//secret",
        "/%70/secret",
        "/p/%73ecret",
        "/a/../p/secret",
        "/p/d/../secret",
        "/p/d/secret",
        "/p/d/",
        "/p/d",
        "/p/secret?x",
        "http://test/p/secret",
        "http://other/p/secret",
        "/p/.htpasswd",
        "/p/.htpasswd/",
        "/p/%2ehtpasswd",
        "/p/d/../.htpasswd",
    ] {
        let answer = ask(&served, target, "");
        assert_eq!(status(&answer), "401", "{target}: {answer}");
        assert!(!answer.contains(SECRET), "{target}");
    }
    for target in ["/P/secret", "/p%2fsecret", "/p\\secret"] {
        let answer = ask(&served, target, "");
        assert_eq!(status(&answer), "404", "{target}: {answer}");
    }
}

/// CVE-2001-1496 (a buffer for the decoded text), and whatever else can stand in the field.
#[test]
fn fields_that_are_no_credentials() {
    let served = guarded().serve();
    let long = "A".repeat(20_000);

    for value in [
        "",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic ====",
        "Basic YW5uYTph YW5uYTph",
        "Basic\u{a0}YW5uYTph",
        "Basic YW5uYQ==",
        "Basic OmE=",
        "Bearer YW5uYTph",
        "Digest username=\"anna\"",
        "Negotiate YW5uYTph",
        &format!("Basic {long}"),
        &format!("Basic {}", "%n%s".repeat(1_000)),
    ] {
        let answer = ask(&served, "/p/secret", &format!("Authorization: {value}\r\n"));
        assert_eq!(status(&answer), "401", "{value:.30}: {answer}");
    }
    // Two of them are none: another server might take the other.
    let right = "Authorization: Basic YW5uYTph\r\n";
    let twice = format!("{right}{right}");
    assert_eq!(status(&ask(&served, "/p/secret", &twice)), "401");
    // darkhttpd's issue 94: a field within another's value.
    let within = "X: Authorization: Basic YW5uYTph\r\n";
    assert_eq!(status(&ask(&served, "/p/secret", within)), "401");
    assert_eq!(status(&ask(&served, "/p/secret", right)), "200");
}

/// CVE-2012-5640: a hash that crypt(3) has no answer to ended the server.
#[test]
fn hashes_that_are_none() {
    let root = guarded();
    let mut file = b"anna:*\nanna:\nanna:!!\nanna\n:\n\n\0\n\xff:\xff\n".to_vec();
    file.extend_from_slice(b"bob:$6$rounds=999999999$x$y\nbob:$2y$31$x\n");
    root.file("p/.htpasswd", &file);
    let served = root.serve();

    for credentials in ["YW5uYTph", "YW5uYTo=", "Ym9iOng=", "Og=="] {
        let fields = format!("Authorization: Basic {credentials}\r\n");
        let answer = ask(&served, "/p/secret", &fields);
        assert_eq!(status(&answer), "401", "{credentials}: {answer}");
    }
    assert_eq!(status(&ask(&served, "/a", "")), "200");
}

/// CVE-2002-1562 (a Host that climbs) and CVE-2018-18778 (one that is empty), with hosts that have
/// directories.
#[test]
fn hosts_that_choose_a_directory_that_is_none() {
    let place = Root::with(&[("secret", SECRET.as_bytes()), ("root/test/a", b"one")]);
    place.file("root/secret", SECRET.as_bytes());
    place.file("root/.hidden/secret", SECRET.as_bytes());
    let served = Root::new().serve_with(|config| {
        config.root = place.path("root");
        config.site.hosts = Some(HostOptions::default());
    });

    for host in [
        "",
        ".",
        "..",
        "../",
        "/",
        "/etc",
        "%2e%2e",
        "%2e",
        "test/..",
        "test/../..",
        "..:80",
        ".:",
        ":80",
        "a\\..\\..",
        "[::1",
        "[..]",
        ".hidden",
        "test.",
        "TEST",
        "test:80",
    ] {
        for target in [
            "/secret",
            "//secret",
            "/etc/passwd",
            "/../secret",
            "/./secret",
        ] {
            let answer = served.ask(&format!(
                "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            ));
            assert!(
                ["400", "404"].contains(&status(&answer)),
                "{host}: {answer}"
            );
            assert!(!answer.contains(SECRET), "{host} {target}");
        }
    }
}
