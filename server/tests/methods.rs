//! What is done with each method, and what a client may expect: RFC 9110 sections 9, 10.1.1, 10.2.1
//! and 15.5.6.

mod support;

use support::{Root, get};

const ALLOW: Option<&str> = Some("GET, HEAD, OPTIONS");

/// RFC 9110 9.3.7: for `*` and any path, with Allow; RFC 9110 8.6: a 204 has no Content-Length.
#[test]
fn options_are_told_without_content() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();

    for target in [
        "*",
        "/",
        "/a",
        "/a?b",
        "/nothing",
        "/%zz",
        "http://test/a",
        "http://test",
    ] {
        client.send(format!("OPTIONS {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let response = client.head();
        assert_eq!(response.status, 204, "{target}");
        assert_eq!(response.field("Allow"), ALLOW, "{target}");
        assert!(response.field("Date").is_some(), "{target}");
        assert_eq!(response.field("Content-Length"), None, "{target}");
        assert_eq!(response.field("Content-Type"), None, "{target}");
        assert_eq!(response.field("Transfer-Encoding"), None, "{target}");
    }
    // RFC 9110 13.2.1: preconditions and ranges are about GET and HEAD.
    client.send(
        "OPTIONS /a HTTP/1.1\r\nHost: test\r\nIf-Match: \"x\"\r\nRange: bytes=0-0\r\n\
         Content-Length: 5\r\n\r\nhello",
    );
    assert_eq!(client.head().status, 204);
    assert_eq!(client.get("/a").content, b"one");
    // RFC 9112 3.2.4: `*` is for OPTIONS alone.
    assert!(
        served
            .ask("GET * HTTP/1.1\r\nHost: test\r\n\r\n")
            .starts_with("HTTP/1.1 400 ")
    );
}

/// RFC 9110 15.5.6: every 405 says what would be allowed; 9.1: what is not known is 501.
#[test]
fn other_methods_are_refused() {
    let served = Root::with(&[("a", b"one"), ("d/x", b"")]).serve();
    let mut client = served.connect();

    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        for target in ["/a", "/d", "/d/", "/nothing", "/%zz"] {
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
            let response = client.response();
            assert_eq!(response.status, 405, "{method} {target}");
            assert_eq!(response.field("Allow"), ALLOW, "{method} {target}");
            // RFC 9110 9.3.8: nothing of the request comes back.
            assert!(!response.text().contains("Host"), "{method} {target}");
        }
    }
    assert_eq!(client.get("/a").content, b"one");

    for line in [
        "CONNECT test:80 HTTP/1.1",
        "BREW /a HTTP/1.1",
        "get /a HTTP/1.1",
    ] {
        let answer = served.ask(&format!("{line}\r\nHost: test\r\n\r\n{}", get("/a")));
        assert!(answer.starts_with("HTTP/1.1 501 "), "{line}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

/// RFC 9110 9.3.2: the fields of GET, and no content, whatever the answer is.
#[test]
fn head_is_get_without_content() {
    let large = support::noise(100_000);
    let served = Root::with(&[("a", b"one"), ("large", &large), ("d/x", b"")]).serve();
    let mut client = served.connect();
    let tag = client
        .get("/a")
        .field("ETag")
        .unwrap_or_default()
        .to_owned();
    let cases = [
        ("/a", String::new()),
        ("/large", String::new()),
        ("/d/", String::new()),
        ("/d", String::new()),
        ("/nothing", String::new()),
        ("/%zz", String::new()),
        ("/a", "If-Match: \"x\"\r\n".to_owned()),
        ("/a", format!("If-None-Match: {tag}\r\n")),
        ("/large", "Expect: x\r\n".to_owned()),
    ];

    for (target, fields) in cases {
        let ask = |method| format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        client.send(ask("HEAD"));
        let head = client.head();
        client.send(ask("GET"));
        let whole = client.response();
        let kept = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("Date"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(kept(&head.head), kept(&whole.head), "{target} {fields}");
    }
}

/// RFC 9110 10.1.1: the final status is known from the head, so it comes in place of 100, and
/// the connection ends, since the content may come or not.
#[test]
fn a_client_that_waits_for_100_gets_its_final_answer() {
    let served = Root::with(&[("a", b"one")]).serve();

    for (method, status) in [("POST", "405"), ("GET", "200"), ("OPTIONS", "204")] {
        for content in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
            let answer = served.ask(&format!(
                "{method} /a HTTP/1.1\r\nHost: test\r\n{content}\r\n\
                 Expect: 100-continue\r\n\r\n"
            ));
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
            assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        }
    }
    // Without content there is nothing to wait for, and HTTP/1.0 does not know Expect.
    let mut client = served.connect();
    for request in [
        "GET /a HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\
         Expect: 100-continue\r\n\r\nhello",
    ] {
        client.send(request);
        assert_eq!(client.response().content, b"one");
    }
    assert_eq!(client.get("/a").content, b"one");
}

/// RFC 9110 15.5.18.
#[test]
fn an_expectation_that_cannot_be_met_is_refused() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();

    for value in ["something", "100-continue, x=y", "100-continue;a"] {
        client.send(format!(
            "GET /a HTTP/1.1\r\nHost: test\r\nExpect: {value}\r\n\r\n"
        ));
        assert_eq!(client.response().status, 417, "{value}");
    }
    assert_eq!(client.get("/a").content, b"one");

    let answer = served.ask(
        "GET /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\
         Expect: 100-continue, x\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 417 "), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
}
