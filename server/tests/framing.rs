//! Where a request ends and the next begins: RFC 9112 sections 6, 7, 8 and 11.2.

#[path = "../../http/tests/reference/connections.rs"]
mod connections;
#[path = "../../http/tests/reference/reading.rs"]
mod reading;
mod support;

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq};
use proptest::test_runner::{Config, TestRunner};

use connections::{connections, pieces};
use reading::End;
use support::{Root, Served, get};

fn served() -> Served {
    Root::with(&[("a", b"one"), ("hidden", b"two")]).serve()
}

/// The same bytes at once, and one by one: then everything until the server closes.
fn ask_both_ways(served: &Served, request: &str) -> [String; 2] {
    let at_once = served.ask(request);
    let mut client = served.connect();
    for byte in request.bytes() {
        // The server may have said its last word already.
        if std::io::Write::write_all(&mut client.stream, &[byte]).is_err() {
            break;
        }
    }
    [at_once, client.rest()]
}

/// RFC 9112 7.1: a size line, its data, CRLF; 2.2: bare CR and LF end nothing. The answer is the
/// same however the content came, and nothing behind it is read as a request.
#[test]
fn a_content_that_breaks_its_framing_is_refused() {
    let served = served();
    let hidden = get("/hidden");
    let long = "x".repeat(300);
    let extensions = format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(30);
    let trailers = format!("A: {long}\r\n").repeat(40);
    let large = "19000\r\n".to_owned() + &"x".repeat(0x19000) + "\r\n";
    let cases: &[(&str, u16)] = &[
        ("zz\r\n", 400),
        ("\r\n", 400),
        (" 3\r\nabc\r\n0\r\n\r\n", 400),
        ("+3\r\nabc\r\n0\r\n\r\n", 400),
        ("0x3\r\nabc\r\n0\r\n\r\n", 400),
        ("0_2e\r\n\r\n", 400),
        ("3 \r\nabc\r\n0\r\n\r\n", 400),
        ("3\nabc\n0\n\n", 400),
        ("3\rabc\r0\r\r", 400),
        ("3\r\nabcd\r\n0\r\n\r\n", 400),
        ("3\r\nabc0\r\n\r\n", 400),
        ("3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
        ("3;a=\"\r\nabc\r\n0\r\n\r\n", 400),
        ("0\r\n\n", 400),
        ("0\r\nA : b\r\n\r\n", 400),
        ("0\r\nA: b\r\n c\r\n\r\n", 400),
        ("0\r\nA: b\n\r\n", 400),
        ("ffffffffffffffff\r\n", 413),
        ("10000000000000000\r\n", 413),
        (&format!("3;{long}\r\n"), 400),
        (&extensions, 400),
        (&format!("0\r\n{trailers}\r\n"), 431),
        (&large.repeat(11), 413),
    ];

    for (content, status) in cases {
        let head = "GET /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = format!("{head}{content}{hidden}");
        let answers = if request.len() > 100_000 {
            [served.ask(&request), served.ask(&request)]
        } else {
            ask_both_ways(&served, &request)
        };
        for answer in answers {
            let shown = &content[..content.len().min(30)];
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{shown:?}: {answer}"
            );
            assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shown:?}");
        }
    }
}

/// RFC 9112 6.1, 6.3 and 11.2: what two servers could read differently is no request here.
#[test]
fn no_request_is_smuggled() {
    let served = served();
    let hidden = get("/hidden");
    let cases = [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length: +0\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n",
        "Content-Length: \r\n\r\n",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length : 5\r\n\r\nhello",
        "Content-Length\r\n : 5\r\n\r\nhello",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
        "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];

    for case in cases {
        let request = format!("GET /a HTTP/1.1\r\nHost: t\r\n{case}{hidden}");
        for answer in ask_both_ways(&served, &request) {
            assert!(answer.starts_with("HTTP/1.1 400 "), "{case:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case:?}");
        }
    }
    // RFC 9112 6.1: chunks in HTTP/1.0 are faulty framing.
    let answer = served.ask(&format!(
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\n{hidden}"
    ));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

/// RFC 9112 9.3: whatever the content looks like, the next request is what follows it.
#[test]
fn what_follows_a_content_is_the_next_request() {
    let served = served();
    let inner = get("/hidden");
    let contents = [
        format!("Content-Length: {}\r\n\r\n{inner}", inner.len()),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
            inner.len()
        ),
        "Transfer-Encoding: chunked\r\n\r\n000\r\nContent-Length: 9\r\nHost: b\r\n\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\n\r\n5 ; a = \"b\\\";\" ;c\r\nhello\r\n0;d\r\n\r\n"
            .to_owned(),
        format!(
            "Content-Length: 100000\r\n\r\n{}",
            "GET".repeat(40_000).split_at(100_000).0
        ),
        "Content-Length: 0\r\n\r\n".to_owned(),
    ];

    for method in ["GET", "HEAD", "OPTIONS", "POST", "TRACE"] {
        let head = format!("{method} /a HTTP/1.1\r\nHost: t\r\n");
        for content in &contents {
            let requests = format!("{head}{content}{head}{content}{}", get("/a"));
            let mut client = served.connect();
            client.send(&requests);
            client.half_close();

            let answer = client.rest();

            assert_eq!(
                answer.matches("HTTP/1.1 ").count(),
                3,
                "{method} {content:.60}"
            );
            assert!(answer.ends_with("\r\n\r\none"), "{method} {content:.60}");
            assert!(!answer.contains("two"), "{method} {content:.60}");
        }
    }
}

/// The look for a file that is not in memory comes after the content, and does not lose it.
#[test]
fn contents_may_come_with_requests_for_large_files() {
    let large = support::noise(1_000_000);
    let served = Root::with(&[("large", &large)]).serve();
    let mut client = served.connect();
    let request = "GET /large HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\n\r\n";

    client.send(request.repeat(3));
    let (first, second) = request.split_at(request.len() - 8);
    client.send(first);
    for _ in 0..3 {
        assert!(client.response().content == large);
    }
    client.send(second);

    assert!(client.response().content == large);
}

/// RFC 9112 section 8: half a content is half a request.
#[test]
fn a_content_that_is_cut_off_is_refused() {
    let served = served();

    for content in [
        "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let mut client = served.connect();
        client.send(format!("GET /a HTTP/1.1\r\nHost: t\r\n{content}"));
        client.half_close();

        assert_eq!(client.response().status, 400, "{content:?}");
        client.expect_close();
    }
}

/// RFC 9112 9.6: the client is still sending when the refusal comes, and is heard out; a reset
/// would take the page from it.
#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let served = Root::new().serve();
    let heads = [
        (
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9999999\r\n\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n",
            413,
        ),
        ("POST / HTTP/1.1\r\nContent-Length: 6000000\r\n\r\n", 400),
        (
            "BREW / HTTP/1.1\r\nHost: t\r\nContent-Length: 6000000\r\n\r\n",
            501,
        ),
        (
            "GET / HTTP/2.0\r\nHost: t\r\nContent-Length: 6000000\r\n\r\n",
            505,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 6000000\r\nExpect: 100-continue\r\n\r\n",
            413,
        ),
        (
            "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 600000\r\nExpect: 100-continue\r\n\r\n",
            405,
        ),
    ];

    for (head, status) in heads {
        let mut client = served.connect();
        client.send(head);
        // More than any buffer on the way holds; to the first, more than anybody's patience for
        // clients that look for no answer before they have sent everything.
        let times = if head == heads[0].0 { 500 } else { 60 };
        for _ in 0..times {
            client.send([b'x'; 100_000]);
        }

        let response = client.response();

        assert_eq!(response.status, status, "{head}");
        assert!(response.text().ends_with("</html>\n"), "{head}");
        client.half_close();
        client.expect_close();
    }
}

/// RFC 9112 11.2, as a law: a connection gets the answers that a slow, obvious reading of its
/// bytes says it should, and the log has those requests, wherever the network cuts them.
#[test]
fn the_requests_answered_are_those_that_the_rfc_frames() {
    const CONTENT_MAX: u64 = 40;
    let served = Root::with(&[("index.html", b"one")])
        .serve_with(|config| config.limits.request.content_max = CONTENT_MAX);
    let expected_log = std::cell::RefCell::new(Vec::new());
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let mut runner = TestRunner::new(Config::with_cases(300));

    let outcome = runner.run(&(connections(), cuts), |(bytes, cuts)| {
        let reading = reading::read(&bytes, CONTENT_MAX);
        let mut client = served.connect();
        for piece in pieces(&bytes, &cuts) {
            // The server may have said its last word already.
            if std::io::Write::write_all(&mut client.stream, piece).is_err() {
                break;
            }
        }
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        for (line, _) in &reading.requests {
            let answer = if line.starts_with("HEAD ") {
                client.head()
            } else {
                client.response()
            };
            prop_assert!(
                [200, 204, 404, 405].contains(&answer.status),
                "{line}: {}",
                answer.head
            );
            expected_log.borrow_mut().push(line.clone());
        }
        // Half a request is refused as well, when no more can come.
        let rest = client.rest();
        let is_refused = matches!(reading.end, End::Refused | End::Within);
        prop_assert_eq!(rest.matches("HTTP/1.1 ").count(), usize::from(is_refused));
        if is_refused {
            prop_assert!(rest.starts_with("HTTP/1.1 4") || rest.starts_with("HTTP/1.1 5"));
            prop_assert!(rest.contains("\r\nConnection: close\r\n"));
            expected_log.borrow_mut().push("refused".to_owned());
        }
        Ok(())
    });

    outcome.unwrap();
    let log = served.log();
    let expected = expected_log.into_inner();
    assert_eq!(log.len(), expected.len());
    for ((line, status, _), expected) in log.iter().zip(&expected) {
        if expected == "refused" {
            assert!(*status >= 400, "{line}");
        } else {
            // The reading has a character for each byte, the log's line is shown as UTF-8.
            let bytes: Vec<u8> = expected.chars().map(|c| u8::try_from(c).unwrap()).collect();
            assert_eq!(*line, String::from_utf8_lossy(&bytes));
        }
    }
}
