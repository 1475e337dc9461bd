//! One record for every exchange, and what it says.

mod support;

use support::{Root, get, noise};

#[test]
fn a_record_has_the_facts_of_its_exchange() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();
    let address = client.stream.local_addr().unwrap().ip();
    client.send(
        "GET /a?q HTTP/1.1\r\nHost: t\r\nReferer: http://x/\"\r\nUser-Agent: probe \\ 1\r\n\r\n",
    );
    client.response();
    drop(client);

    let records = served.records();

    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.client, Some(address));
    assert_eq!(record.request_line, b"GET /a?q HTTP/1.1");
    assert_eq!((record.status, record.bytes), (200, 3));
    assert_eq!(record.referer.as_deref(), Some(&b"http://x/\""[..]));
    assert_eq!(record.user_agent.as_deref(), Some(&b"probe \\ 1"[..]));
    assert_eq!(record.user, None);
}

/// Redirects, refusals, HEAD, 304 and parts are exchanges too.
#[test]
fn every_exchange_gives_one_record_in_order() {
    let served = Root::with(&[
        ("a", b"one"),
        ("d/index.html", b"index"),
        ("large", &noise(100_000)),
    ])
    .serve();
    let mut client = served.connect();
    let etag = client.get("/a").field("ETag").unwrap().to_owned();
    client.send("HEAD /a HTTP/1.1\r\nHost: t\r\n\r\n");
    client.head();
    client.send(format!(
        "GET /a HTTP/1.1\r\nHost: t\r\nIf-None-Match: {etag}\r\n\r\n"
    ));
    client.head();
    client.send("GET /large HTTP/1.1\r\nHost: t\r\nRange: bytes=-7\r\n\r\n");
    client.response();
    let redirect = client.get("/d").content.len();
    client.get("/large");
    let missing = client.get("/nothing").content.len();
    client.send("nonsense\r\n\r\n");
    let nonsense = client.response().content.len();
    drop(client);

    let log = served.log();

    let expected = [
        ("GET /a HTTP/1.1", 200, 3),
        ("HEAD /a HTTP/1.1", 200, 0),
        ("GET /a HTTP/1.1", 304, 0),
        ("GET /large HTTP/1.1", 206, 7),
        ("GET /d HTTP/1.1", 301, redirect as u64),
        ("GET /large HTTP/1.1", 200, 100_000),
        ("GET /nothing HTTP/1.1", 404, missing as u64),
        ("nonsense", 400, nonsense as u64),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(line, status, bytes)| ((*line).to_owned(), *status, *bytes))
        .collect();
    assert_eq!(log, expected);
}

#[test]
fn a_response_that_was_cut_off_is_logged_with_what_was_sent() {
    let len = 50_000_000;
    let served = Root::with(&[("large", &noise(len))]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    client.head();
    drop(client);
    while served.counters.totals().cut_off == 0 {
        std::thread::yield_now();
    }

    let log = served.log();

    assert_eq!((log.len(), log[0].1), (1, 200));
    assert!(log[0].2 < len as u64, "{}", log[0].2);
}

#[test]
fn pipelined_requests_are_logged_one_by_one() {
    let served = Root::with(&[("a", b"one")]).serve();
    let targets: Vec<_> = (0..500).map(|number| format!("/a?{number}")).collect();
    let mut client = served.connect();
    client.send(targets.iter().map(|target| get(target)).collect::<String>());
    for _ in &targets {
        client.response();
    }
    drop(client);

    let log = served.log();

    let expected: Vec<_> = targets
        .iter()
        .map(|target| format!("GET {target} HTTP/1.1"))
        .collect();
    let lines: Vec<_> = log.into_iter().map(|(line, _, _)| line).collect();
    assert_eq!(lines, expected);
}

#[test]
fn the_counters_agree_with_the_log() {
    let served = Root::with(&[("a", b"one")]).serve();
    for target in ["/a", "/a", "/nothing"] {
        served.get(target);
    }
    let counters = served.counters.clone();

    let log = served.log();

    let totals = counters.totals();
    assert_eq!(totals.exchanges, 3);
    assert_eq!(totals.refused, 1);
    assert_eq!(totals.cut_off, 0);
    assert_eq!(totals.connections, 3);
    assert_eq!(totals.connections_ended, 3);
    assert_eq!(
        totals.content_bytes,
        log.iter().map(|(_, _, bytes)| bytes).sum::<u64>()
    );
}
