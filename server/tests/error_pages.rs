//! `errors/err404.html` and the like: the operator's own pages for errors.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rthttpd::{Charset, Headers, HostOptions};
use support::program::Program;
use support::{PATIENCE, Response, Root, Served, get, noise};

const NOT_FOUND: &[u8] = b"<p>lost \xe4\n";

fn with_pages() -> Root {
    Root::with(&[
        ("a", b"one"),
        ("d/x", b""),
        ("errors/err400.html", b"<p>bad"),
        ("errors/err401.html", b"<p>who?"),
        ("errors/err404.html", NOT_FOUND),
        ("errors/err405.html", b""),
        ("errors/err416.html", b"<p>beyond"),
        ("errors/err200.html", b"<p>never"),
        ("errors/err301.html", b"<p>never"),
        ("p/.htpasswd", b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g="),
    ])
}

fn ask(served: &Served, request: &str) -> Response {
    let mut client = served.connect();
    client.send(request);
    client.response()
}

#[test]
fn an_error_has_its_own_page() {
    let served = with_pages().serve();
    let range = get("/a").replace("Host", "Range: bytes=9-\r\nHost");

    for _ in 0..2 {
        for (request, status, content) in [
            (get("/none"), 404, NOT_FOUND),
            (get("/none/none"), 404, NOT_FOUND),
            (get("/.env"), 404, NOT_FOUND),
            (get("/%zz"), 400, b"<p>bad"),
            ("no request\r\n\r\n".into(), 400, b"<p>bad"),
            (get("/a").replace("GET", "POST"), 405, b""),
            (get("/p/x"), 401, b"<p>who?"),
            (range.clone(), 416, b"<p>beyond"),
        ] {
            let response = ask(&served, &request);
            assert_eq!(response.status, status, "{request}");
            assert_eq!(response.content, content, "{request}");
            let media_type = response.field("Content-Type");
            assert_eq!(media_type, Some("text/html; charset=utf-8"), "{request}");
        }
        let response = ask(&served, &get("/p/x"));
        assert!(response.field("WWW-Authenticate").is_some());
        assert_eq!(
            ask(&served, &range).field("Content-Range"),
            Some("bytes */3")
        );
        let page = ask(&served, &get("/a").replace("HTTP/1.1", "HTTP/2.0"));
        assert_eq!(page.status, 505);
        assert!(page.text().contains("505 HTTP Version"), "{}", page.text());
        assert!(ask(&served, &get("/d")).text().contains("301 Moved"));
        assert_eq!(ask(&served, &get("/a")).content, b"one");
    }
}

#[test]
fn a_head_has_the_length_and_the_log_what_was_sent() {
    let served = with_pages().serve();
    let mut client = served.connect();
    client.send(get("/none").replace("GET", "HEAD"));
    let head = client.head();
    assert_eq!(head.field("Content-Length"), Some("10"));
    // All in order, and nothing twice, though the first may have had to be looked for.
    client.send([get("/gone"), get("/a"), get("/gone")].concat());
    for (status, content) in [(404, NOT_FOUND), (200, b"one"), (404, NOT_FOUND)] {
        let response = client.response();
        assert_eq!((response.status, &*response.content), (status, content));
    }
    drop(client);

    let log: Vec<_> = served
        .log()
        .into_iter()
        .map(|(_, status, bytes)| (status, bytes))
        .collect();
    assert_eq!(log, [(404, 0), (404, 10), (200, 3), (404, 10)]);
}

#[test]
fn pages_change_while_it_serves() {
    let served = with_pages().serve_with(|config| {
        let charset = Charset::new("iso-8859-1").unwrap_or_else(|| unreachable!());
        config.rules.headers = Headers::default().with_charset(charset);
    });
    let until = |expected: &[u8]| {
        let begun = Instant::now();
        while served.get("/none").content != expected {
            assert!(begun.elapsed() < PATIENCE);
        }
    };
    until(NOT_FOUND);
    let media_type = served.get("/none");
    assert_eq!(
        media_type.field("Content-Type"),
        Some("text/html; charset=iso-8859-1")
    );

    served.root.file("errors/err404.html", b"new");
    until(b"new");
    let removed = fs::remove_file(served.root.path("errors/err404.html"));
    assert!(removed.is_ok(), "{removed:?}");
    let begun = Instant::now();
    while !served.get("/none").text().contains("404 Not Found") {
        assert!(begun.elapsed() < PATIENCE);
    }
}

/// A page that cannot be sent is done without.
#[test]
fn what_is_no_page_is_not_shown() {
    let place = Root::with(&[("secret", b"secret"), ("root/a", b"one")]);
    place.file("root/errors/err400.html", &noise(100_000));
    let made = symlink("../../secret", place.path("root/errors/err404.html"))
        .and_then(|()| fs::create_dir(place.path("root/errors/err405.html")));
    assert!(made.is_ok(), "{made:?}");
    let served = Root::new().serve_with(|config| config.root = place.path("root"));

    for (request, part) in [
        (get("/none"), "404 Not Found"),
        (get("/%zz"), "400 Bad Request"),
        (get("/a").replace("GET", "POST"), "405 Method"),
    ] {
        let response = ask(&served, &request);
        assert!(response.text().contains(part), "{request}");
    }
}

#[test]
fn a_hosts_page_comes_before_that_of_all() {
    let root = with_pages();
    root.file("one.example/errors/err404.html", b"of one");
    root.file("two.example/x", b"");
    let served = root.serve_with(|config| config.site.hosts = Some(HostOptions::default()));

    for _ in 0..2 {
        for (host, expected) in [
            ("one.example", &b"of one"[..]),
            ("two.example", NOT_FOUND),
            ("unknown.example", NOT_FOUND),
        ] {
            let request = get("/none").replace("test", host);
            assert_eq!(ask(&served, &request).content, expected, "{host}");
        }
        let bad = get("/%zz").replace("test", "one.example");
        assert_eq!(ask(&served, &bad).content, b"<p>bad");
    }
}

#[test]
fn who_wants_no_pages_says_so() {
    let root = with_pages();
    let dir = &*root.dir();
    let server = ["-d", dir, "-h", "127.0.0.1", "-p", "0"];

    let program = Program::start(&server);
    assert_eq!(program.connect().get("/none").content, NOT_FOUND);
    let program = Program::start(&[&server[..], &["--no-error-pages"]].concat());
    assert!(
        program
            .connect()
            .get("/none")
            .text()
            .contains("404 Not Found")
    );
}
