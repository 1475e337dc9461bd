//! Requests that are refused: with which status, and what happens to the connection.

mod support;

use support::Root;

/// Each on a connection of its own, which is closed after the answer.
#[test]
fn what_is_no_request_is_refused_and_the_connection_closed() {
    let long = "x".repeat(9_000);
    let fields = "X: y\r\n".repeat(101);
    let cases: &[(&str, u16)] = &[
        ("hello\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        // RFC 9112 5.1 and 5.2, RFC 9110 5.5: names and values.
        ("GET / HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
        // RFC 9112 3.2 and RFC 9110 7.2: one valid host, even beside an absolute target.
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        // RFC 9112 3.2, RFC 9110 4.2 and 7.4: targets.
        ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 421),
        // RFC 9112 2.3: versions; a bare method and target is HTTP/0.9.
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (
            &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", long.repeat(4)),
            431,
        ),
        (&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), 431),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
            413,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            501,
        ),
    ];
    let served = Root::new().serve();

    for (request, status) in cases {
        let answer = served.ask(request);
        let shown = &request[..request.len().min(60)];
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown}: {answer}"
        );
        assert!(
            answer.contains("\r\nConnection: close\r\n"),
            "{shown}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shown}: {answer}");
    }
    let log = served.log();
    let logged: Vec<_> = log.iter().map(|(_, status, _)| *status).collect();
    let expected: Vec<_> = cases.iter().map(|(_, status)| *status).collect();
    assert_eq!(logged, expected);
}

/// The framing is known, so the next request can be found.
#[test]
fn a_refused_method_or_target_leaves_the_connection_open() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();

    for (request, status) in [
        ("DELETE /a HTTP/1.1\r\nHost: t\r\n\r\n", 405),
        (
            "POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello",
            405,
        ),
        ("GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("GET /%00 HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n", 404),
    ] {
        client.send(request);
        let response = client.response();
        assert_eq!(response.status, status, "{request}");
        assert_eq!(
            response.field("Allow").is_some(),
            status == 405,
            "{request}"
        );
    }
    assert_eq!(client.get("/a").content, b"one");
}

/// RFC 9112 2.2, 2.3, 3.2.2 and 5, RFC 9110 7.2: unusual, and as it should be.
#[test]
fn what_is_a_request_in_another_way_is_served() {
    let served = Root::with(&[("a", b"one"), ("index.html", b"index")]).serve();
    let mut client = served.connect();
    let fields = "X: y\r\n".repeat(99);

    for (request, content) in [
        ("\r\n\r\nGET /a HTTP/1.1\r\nHost: t\r\n\r\n", "one"),
        ("GET /a HTTP/1.2\r\nHost: t\r\n\r\n", "one"),
        ("GET /a HTTP/1.1\r\nHost:\r\n\r\n", "one"),
        ("GET /a HTTP/1.1\r\nhOST:t\t \r\n\r\n", "one"),
        ("GET /a HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "one"),
        ("GET /a HTTP/1.1\r\nHost: t:\r\n\r\n", "one"),
        (
            "GET /a HTTP/1.1\r\nHost: t\r\nX:\r\nY: \u{fc}\r\n\r\n",
            "one",
        ),
        ("GET /a?b?/../%zz HTTP/1.1\r\nHost: t\r\n\r\n", "one"),
        // The host of an absolute target is worth more than the field.
        ("GET http://other/a HTTP/1.1\r\nHost: t\r\n\r\n", "one"),
        ("GET HTTP://[::1]:80/a HTTP/1.1\r\nHost:\r\n\r\n", "one"),
        ("GET http://other HTTP/1.1\r\nHost: t\r\n\r\n", "index"),
        ("GET http://other?/a HTTP/1.1\r\nHost: t\r\n\r\n", "index"),
        (
            &format!("GET /a HTTP/1.1\r\nHost: t\r\n{fields}\r\n"),
            "one",
        ),
    ] {
        client.send(request);
        let response = client.response();
        assert_eq!(
            (response.status, response.text()),
            (200, content),
            "{request:?}"
        );
    }
}

#[test]
fn half_a_request_is_refused_when_no_more_can_come() {
    let served = Root::new().serve();
    let mut client = served.connect();

    client.send("GET /half");
    client.half_close();

    assert_eq!(client.response().status, 400);
    client.expect_close();
    let log = served.log();
    assert_eq!(log[0].0, "GET /half");
    assert_eq!((log.len(), log[0].1), (1, 400));
}
