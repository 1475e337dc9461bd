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
