//! Rules for some paths: further fields.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use rthttpd::{Config, HeaderRule, Headers};
use support::{Response, Root, Served, get, noise};

fn headers(rules: &[(&str, &str)]) -> impl FnOnce(&mut Config) {
    let rules = rules.iter();
    let rules = rules
        .map(|(pattern, field)| HeaderRule::new(pattern, field).unwrap())
        .collect();
    |config| config.rules.headers = Headers::new(rules)
}

/// The response to `request` on a connection of its own.
fn answer(served: &Served, request: &str) -> Response {
    let mut client = served.connect();
    client.send(request);
    client.head()
}

/// Small and large, whole and in part, again from the cache, and where there is nothing.
#[test]
fn every_response_to_a_path_that_matches_has_the_field() {
    let root = Root::with(&[("a/small", b"0123456789"), ("a/large", &noise(100_000))]);
    root.file("a/sub/x", b"");
    root.file("b", b"");
    let served = root.serve_with(headers(&[("a/**", "X-Rule: yes")]));

    let whole = get("/a/small");
    let part = whole.replace("Host", "Range: bytes=1-2\r\nHost");
    let cases = [
        (200, whole.clone()),
        (200, whole.replace("GET", "HEAD")),
        (206, part.clone()),
        (206, part.replace("small", "large")),
        (416, part.replace("1-2", "100-")),
        (412, whole.replace("Host", "If-Match: \"x\"\r\nHost")),
        (304, whole.replace("Host", "If-None-Match: *\r\nHost")),
        (200, get("/a/large")),
        (200, get("/a/")),
        (200, get("/a/%73mall")),
        (301, get("/a/sub")),
        (404, get("/a/none")),
        (404, get("/a/.hidden")),
        (405, whole.replace("GET", "POST")),
    ];
    for (status, request) in cases {
        for _ in 0..2 {
            let response = answer(&served, &request);
            assert_eq!(response.status, status, "{request}");
            assert_eq!(response.field("X-Rule"), Some("yes"), "{request}");
            assert_eq!(response.field("Server"), Some("rthttpd"), "{request}");
        }
    }
    for target in ["/b", "/", "/a", "/c"] {
        assert_eq!(served.get(target).field("X-Rule"), None, "{target}");
    }
}

/// What is no request has no path, but `**` is about it all the same: who takes Server away wants
/// it gone from every response.
#[test]
fn a_rule_for_everything_is_also_for_what_is_no_request() {
    let served = Root::new().serve_with(headers(&[("**", "Server:"), ("*", "X: y")]));

    for request in ["no request\r\n\r\n", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let response = answer(&served, request);
        assert_eq!(response.status, 400);
        assert_eq!(response.field("Server"), None);
        assert_eq!(response.field("X"), None);
    }
}

/// RFC 9110 15.4.5 for the 304; an error page is in English whatever language the file is in.
#[test]
fn what_describes_content_goes_with_the_file_alone() {
    let root = Root::with(&[("a.txt", b"text"), ("large.txt", &noise(100_000))]);
    let served = root.serve_with(headers(&[
        ("**.txt", "Content-Type: text/x-own"),
        ("**.txt", "Content-Language: de"),
        ("**.txt", "Cache-Control: no-cache"),
        ("**.txt", "Server: mine"),
    ]));
    let conditional = get("/a.txt").replace("Host", "If-None-Match: *\r\nHost");

    for target in ["/a.txt", "/a.txt", "/large.txt"] {
        let response = served.get(target);
        assert_eq!(response.field("Content-Type"), Some("text/x-own"));
        assert_eq!(response.field("Content-Language"), Some("de"));
    }
    let unchanged = answer(&served, &conditional);
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.field("Content-Type"), None);
    let missing = served.get("/none.txt");
    assert_eq!(
        missing.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    for response in [unchanged, missing] {
        assert_eq!(response.field("Content-Language"), None);
        assert_eq!(response.field("Cache-Control"), Some("no-cache"));
        assert_eq!(response.field("Server"), Some("mine"));
    }
}
