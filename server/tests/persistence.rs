//! How long a connection lives, and several requests on it.

mod support;

use support::{Root, get};

#[test]
fn a_connection_is_kept_until_the_client_asks_for_its_end() {
    let served = Root::with(&[("a", b"one"), ("b", b"two")]).serve();
    let mut client = served.connect();

    for _ in 0..3 {
        assert_eq!(client.get("/a").content, b"one");
        assert_eq!(client.get("/b").content, b"two");
    }
    client.send("GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let last = client.response();

    assert_eq!(last.content, b"one");
    assert_eq!(last.field("Connection"), Some("close"));
    client.expect_close();
}

#[test]
fn http_1_0_is_kept_only_if_the_client_asks() {
    let served = Root::with(&[("a", b"one")]).serve();

    let closed = served.ask("GET /a HTTP/1.0\r\n\r\n");
    assert!(closed.ends_with("\r\n\r\none"), "{closed}");

    let mut client = served.connect();
    client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let kept = client.response();
    assert_eq!(kept.field("Connection"), Some("keep-alive"));
    assert_eq!(client.get("/a").content, b"one");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let large = support::noise(300_000);
    let served = Root::with(&[("a", b"one"), ("b", b"two"), ("large", &large)]).serve();
    let mut client = served.connect();

    let order = ["/a", "/large", "/b", "/nothing", "/large", "/a"];
    client.send(order.map(get).concat());

    for target in order {
        let response = client.response();
        match target {
            "/a" => assert_eq!(response.content, b"one"),
            "/b" => assert_eq!(response.content, b"two"),
            "/large" => assert!(response.content == large),
            _ => assert_eq!(response.status, 404),
        }
    }
}

/// However the requests are cut, the answers are the same.
#[test]
fn requests_may_come_byte_by_byte() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();

    for byte in get("/a").repeat(2).bytes() {
        client.send([byte]);
    }

    assert_eq!(client.response().content, b"one");
    assert_eq!(client.response().content, b"one");
}

#[test]
fn a_client_that_has_closed_its_side_still_gets_its_answers() {
    let large = support::noise(1_000_000);
    let served = Root::with(&[("a", b"one"), ("large", &large)]).serve();
    let mut client = served.connect();

    client.send([get("/a"), get("/large"), get("/a")].concat());
    client.half_close();

    assert_eq!(client.response().content, b"one");
    assert!(client.response().content == large);
    assert_eq!(client.response().content, b"one");
    client.expect_close();
}

#[test]
fn a_thousand_pipelined_requests_get_a_thousand_answers() {
    let served = Root::with(&[("a", b"one"), ("mid", &[b'm'; 20_000])]).serve();
    let mut client = served.connect();
    let requests = [get("/a"), get("/mid")].concat().repeat(500);
    let mut writer = client.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        std::io::Write::write_all(&mut writer, requests.as_bytes()).unwrap();
    });

    for _ in 0..500 {
        assert_eq!(client.response().content, b"one");
        assert_eq!(client.response().content.len(), 20_000);
    }
    sender.join().unwrap();
}

#[test]
fn more_connections_than_allowed_wait_for_their_turn() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.limits.connections_max = std::num::NonZeroUsize::MIN;
    });
    let mut first = served.connect();
    first.send("GET /a HTTP/1.1\r\n");
    let mut second = served.connect();
    second.send(get("/a"));

    // The server is full of the first, which is not idle.
    first.send("Host: t\r\n\r\n");
    assert_eq!(first.response().content, b"one");

    assert_eq!(second.response().content, b"one");
    first.expect_close();
}

/// Not so one that has begun a request; that one goes when it has its answer.
#[test]
fn idle_connections_give_way_to_those_who_come() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.limits.connections_max = std::num::NonZeroUsize::new(3).unwrap();
    });
    let mut clients = [served.connect(), served.connect(), served.connect()];
    for client in &mut clients {
        assert_eq!(client.get("/a").status, 200);
    }
    let [mut busy, mut oldest, mut younger] = clients;
    busy.send("GET /a HTTP/1.1\r\n");
    // Answered after those bytes have been read.
    assert_eq!(younger.get("/a").status, 200);

    let mut fourth = served.connect();
    assert_eq!(fourth.get("/a").content, b"one");
    oldest.expect_close();
    assert_eq!(younger.get("/a").content, b"one");

    let mut fifth = served.connect();
    assert_eq!(fifth.get("/a").content, b"one");
    younger.expect_close();
    busy.send("Host: t\r\n\r\n");
    assert_eq!(busy.response().content, b"one");
}

#[test]
fn workers_share_the_connections() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.workers = std::num::NonZeroUsize::new(3).unwrap();
    });

    for _ in 0..30 {
        assert_eq!(served.get("/a").content, b"one");
    }
    assert_eq!(served.log().len(), 30);
}
