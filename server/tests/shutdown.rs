//! Stopping: who is still served, and for how long.

mod support;

use std::time::{Duration, Instant};

use support::{Root, get, noise};

#[test]
fn idle_connections_are_closed_and_the_server_ends() {
    let mut served = Root::with(&[("a", b"one")]).serve();
    let mut silent = served.connect();
    let mut idle = served.connect();
    assert_eq!(idle.get("/a").status, 200);

    served.finish().unwrap();

    idle.expect_close();
    silent.expect_close();
}

#[test]
fn an_exchange_under_way_is_finished() {
    let large = noise(20_000_000);
    let mut served = Root::with(&[("large", &large)]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    let head = client.head();
    assert_eq!(head.status, 200);

    served.stop.stop();

    assert!(client.rest_bytes() == large);
    served.join().unwrap();
    assert_eq!(
        served.log_of_the_end(),
        [("GET /large HTTP/1.1".to_owned(), 200, 20_000_000)]
    );
}

#[test]
fn a_request_that_had_begun_is_answered_and_told_to_close() {
    let mut served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();
    assert_eq!(client.get("/a").status, 200);
    client.send("GET /a HTTP/1.1\r\nHost: t");
    // Once this is answered, the bytes before it have been read too.
    assert_eq!(served.get("/a").status, 200);

    served.stop.stop();
    // The listener is gone when the stop has been seen.
    while std::net::TcpStream::connect(served.address).is_ok() {}
    client.send("\r\n\r\n");

    let last = client.response();
    assert_eq!(last.content, b"one");
    assert_eq!(last.field("Connection"), Some("close"));
    client.half_close();
    served.join().unwrap();
}

/// It has connected before the stop, and its request comes after.
#[test]
fn a_first_request_on_its_way_is_waited_for() {
    // It is waited for a second; on a machine that took longer to get here nothing was tried.
    let is_tried = (0..20).any(|_| {
        let mut served = Root::with(&[("a", b"one")]).serve();
        let began = Instant::now();
        let mut client = served.connect();
        // Accepted later, so the first has been as well.
        assert_eq!(served.get("/a").status, 200);
        served.stop.stop();
        while std::net::TcpStream::connect(served.address).is_ok() {}

        client.send(get("/a"));
        if began.elapsed() >= Duration::from_secs(1) {
            return false;
        }

        assert_eq!(client.response().field("Connection"), Some("close"));
        client.half_close();
        served.join().unwrap();
        true
    });
    assert!(is_tried, "the machine is too slow for this");
}

/// It could not know, and a reset could destroy the response it has not read yet.
#[test]
fn a_client_that_goes_on_after_its_last_response_is_not_reset() {
    let mut served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();
    client.send("GET /a HTTP/1.1\r\nHost: t");
    assert_eq!(served.get("/a").status, 200);
    served.stop.stop();
    while std::net::TcpStream::connect(served.address).is_ok() {}
    client.send("\r\n\r\n");
    client.stream.peek(&mut [0]).unwrap();

    client.send(get("/a"));
    // What a reset leaves to be read depends on the system: nothing, on some.
    assert_eq!(client.response().content, b"one");
    client.send(get("/a"));
    client.half_close();

    client.expect_close();
    served.join().unwrap();
    assert_eq!(served.log_of_the_end().len(), 2);
}

/// It has its 408 and does nothing; the lingering close would wait 5 s for it.
#[test]
fn a_client_that_was_refused_and_keeps_still_does_not_hold_up_the_end() {
    let mut served = Root::new().serve_with(|config| {
        config.timeouts.request = Duration::from_millis(50);
        config.timeouts.stop = Duration::from_secs(600);
    });
    let mut client = served.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: ");
    assert_eq!(client.response().status, 408);

    let began = Instant::now();
    served.finish().unwrap();

    assert!(began.elapsed() < Duration::from_secs(4));
    client.expect_close();
}

/// The kernel has let the client in and taken its request; nobody has looked at it yet.
#[test]
fn a_request_that_was_there_before_the_stop_is_answered() {
    let root = Root::with(&[("a", b"one")]);
    let mut config = rthttpd::Config::new(root.path(""));
    config.listeners = vec!["127.0.0.1:0".parse().unwrap()];
    let server = rthttpd::Server::bind(config).unwrap();
    let mut client = support::Client::connect(server.addresses()[0]);
    client.send(get("/a"));
    client.half_close();

    server.stop_handle().stop();
    server.run().unwrap();

    let last = client.response();
    assert_eq!(last.content, b"one");
    assert_eq!(last.field("Connection"), Some("close"));
}

#[test]
fn what_takes_too_long_is_cut_off_and_logged() {
    let mut served = Root::with(&[("large", &noise(50_000_000))]).serve_with(|config| {
        config.timeouts.stop = Duration::from_millis(50);
    });
    let mut client = served.connect();
    client.send(get("/large"));
    client.head();

    served.finish().unwrap();

    let log = served.log_of_the_end();
    assert_eq!((log.len(), log[0].1), (1, 200));
    assert!(log[0].2 < 50_000_000);
}

#[test]
fn an_end_does_not_wait_for_anybody() {
    let mut served = Root::with(&[("large", &noise(50_000_000))]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    client.head();

    served.stop.stop();
    served.stop.end();
    served.join().unwrap();

    assert_eq!(served.log_of_the_end().len(), 1);
}
