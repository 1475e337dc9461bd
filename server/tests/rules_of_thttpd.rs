//! `--max-age`, `--charset`, `--p3p` and the referer filter: what thttpd's flags of these names do.

mod support;

use rthttpd::{Charset, Headers, RefererRule};
use support::program::{Program, refused};
use support::{Response, Root, Served, get, noise};

fn ask(served: &Served, target: &str, fields: &str) -> Response {
    let mut client = served.connect();
    client.send(get(target).replace("Host", &format!("{fields}Host")));
    client.head()
}

#[test]
fn files_may_be_kept_and_errors_may_not() {
    let root = Root::with(&[("small", b"0123456789"), ("large", &noise(100_000))]);
    root.file("d/x", b"");
    let served =
        root.serve_with(|config| config.rules.headers = Headers::default().with_max_age(60));

    for (target, fields, status, is_kept) in [
        ("/small", "", 200, true),
        ("/large", "", 200, true),
        ("/small", "Range: bytes=1-2\r\n", 206, true),
        ("/large", "Range: bytes=1-2,90000-90001\r\n", 206, true),
        ("/small", "If-None-Match: *\r\n", 304, true),
        ("/large", "If-None-Match: *\r\n", 304, true),
        ("/small", "Range: bytes=99-\r\n", 416, false),
        ("/small", "If-Match: \"x\"\r\n", 412, false),
        ("/none", "", 404, false),
        ("/d", "", 301, false),
        ("/d/", "", 200, false),
    ] {
        for _ in 0..2 {
            let response = ask(&served, target, fields);
            assert_eq!(response.status, status, "{target} {fields}");
            let expected = is_kept.then_some("max-age=60");
            assert_eq!(
                response.field("Cache-Control"),
                expected,
                "{target} {fields}"
            );
        }
    }
}

#[test]
fn text_is_in_the_character_set_that_was_said() {
    for (charset, expected) in [
        ("iso-8859-1", "text/html; charset=iso-8859-1"),
        ("", "text/html"),
    ] {
        let root = Root::with(&[("a.html", b"a"), ("b.png", b"b")]);
        let served = root.serve_with(|config| {
            config.rules.headers = Headers::default().with_charset(Charset::new(charset).unwrap());
        });
        for _ in 0..2 {
            assert_eq!(served.get("/a.html").field("Content-Type"), Some(expected));
            assert_eq!(
                served.get("/b.png").field("Content-Type"),
                Some("image/png")
            );
        }
    }
}

#[test]
fn other_sites_do_not_show_what_they_may_not() {
    let root = Root::with(&[("a.png", b"picture"), ("page", b"page")]);
    let served = root.serve_with(|config| {
        config.rules.referers = RefererRule::new("**.png", None, false).ok();
    });

    for _ in 0..2 {
        for (target, referer, expected) in [
            ("/a.png", "Referer: http://test/page\r\n", 200),
            ("/a.png", "Referer: http://TEST:8080/page\r\n", 200),
            ("/a.png", "", 200),
            ("/a.png", "Referer: \r\n", 200),
            ("/a.png", "Referer: http://other/page\r\n", 403),
            ("/%61.png", "Referer: http://other/page\r\n", 403),
            ("/d/../a.png", "Referer: http://other/page\r\n", 403),
            ("/none.png", "Referer: http://other/page\r\n", 403),
            ("/page", "Referer: http://other/page\r\n", 200),
        ] {
            let status = ask(&served, target, referer).status;
            assert_eq!(status, expected, "{target} {referer}");
        }
    }
}

#[test]
fn the_flags_reach_the_server_and_mistakes_are_named() {
    let root = Root::with(&[("a.html", b"a")]);
    let dir = &*root.dir();
    let server = ["-d", dir, "-h", "127.0.0.1", "-p", "0"];
    let start = |args: &[&str]| Program::start(&[&server[..], args].concat());

    let program = start(&[
        "--max-age",
        "60",
        "--charset",
        "koi8-r",
        "--p3p",
        "CP=\"NOI\"",
    ]);
    let response = program.connect().get("/a.html");
    assert_eq!(response.field("Cache-Control"), Some("max-age=60"));
    assert_eq!(
        response.field("Content-Type"),
        Some("text/html; charset=koi8-r")
    );
    assert_eq!(response.field("P3P"), Some("CP=\"NOI\""));
    let response = program.connect().get("/none");
    assert_eq!(response.field("P3P"), Some("CP=\"NOI\""));
    let filter = ["--referer-pattern", "**", "--local-pattern", "*.example"];
    let program = start(&[&filter[..], &["--no-empty-referers", "--max-age", "-1"]].concat());
    for (referer, expected) in [("Referer: http://a.example/\r\n", 200), ("", 403)] {
        let mut client = program.connect();
        client.send(get("/a.html").replace("Host", &format!("{referer}Host")));
        let response = client.response();
        assert_eq!(response.status, expected);
        assert_eq!(response.field("Cache-Control"), None);
    }

    // Alone they mean nothing, as with thttpd.
    let program = start(&["--local-pattern", "x", "--no-empty-referers"]);
    assert_eq!(program.connect().get("/a.html").status, 200);

    let many = "*".repeat(21);
    for (args, part) in [
        (&["--max-age", "soon"][..], "--max-age"),
        (&["--max-age", "-2"], "--max-age"),
        (&["--charset", "a b"], "--charset"),
        (&["--p3p", "a\nb"], "--p3p"),
        (&["--referer-pattern", &many], "--referer-pattern"),
    ] {
        let ended = refused(&[&server[..], args].concat());
        assert_eq!(ended.status, Some(2), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
    }
}
