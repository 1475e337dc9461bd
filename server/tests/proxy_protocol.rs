//! Listeners behind a proxy that says whose each connection is
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::net::IpAddr;
use std::time::Duration;

use rthttpd::Config;
use support::{Client, Root, Served, get};

const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 80\r\n";

/// From 2001:db8::7, with a further field of three bytes behind the addresses.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x27\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \xdc\x04\0\x50\x04\0\0";

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn serve(configure: impl FnOnce(&mut Config)) -> Served {
    Root::with(&[("a", b"one")]).serve_with(|config| {
        config.listeners = vec!["127.0.0.1:0,proxy".parse().unwrap()];
        configure(config);
    })
}

fn client_of(header: &[u8]) -> Option<IpAddr> {
    let served = serve(|_| ());
    let mut client = served.connect();
    client.send([header, get("/a").as_bytes()].concat());
    assert_eq!(client.response().content, b"one");
    // The header is the connection's, not the request's.
    assert_eq!(client.get("/a").status, 200);
    drop(client);
    let records = served.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].client, records[1].client);
    records[0].client
}

#[test]
fn the_header_says_who_the_client_is() {
    assert_eq!(client_of(V1.as_bytes()), "192.0.2.7".parse().ok());
    assert_eq!(client_of(V2), "2001:db8::7".parse().ok());
}

/// A proxy that asks for itself, to see whether the server is well.
#[test]
fn a_proxy_that_speaks_for_itself_is_the_client() {
    assert_eq!(client_of(LOCAL), "127.0.0.1".parse().ok());
    assert_eq!(client_of(b"PROXY UNKNOWN\r\n"), "127.0.0.1".parse().ok());
}

#[test]
fn the_header_may_come_in_pieces() {
    for header in [V1.as_bytes(), V2] {
        let served = serve(|_| ());
        let mut client = served.connect();
        for byte in header {
            client.send([*byte]);
        }

        assert_eq!(client.get("/a").content, b"one");
    }
}

/// Nothing is answered: that would be a word of HTTP to somebody who does not speak it,
/// and no exchange that could be logged.
#[test]
fn a_connection_without_a_valid_header_is_closed() {
    const WITHOUT: &[&[u8]] = &[
        b"GET /a HTTP/1.1\r\nHost: t\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.8 1 1\n",
        b"PROXY TCP4 192.0.2.300 192.0.2.8 1 1\r\n",
        b"PROXY TCP4 192.0.2.7 ",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x21\0\x27",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\xff\xff",
    ];
    let served = serve(|_| ());

    for bytes in WITHOUT {
        let mut client = served.connect();
        client.send(bytes);
        client.half_close();
        client.expect_close();
    }

    assert_eq!(served.counters.totals().proxy_headers_refused, 6);
    assert!(served.log().is_empty());
}

#[test]
fn the_header_has_the_time_of_a_request() {
    let served = serve(|config| config.timeouts.request = Duration::from_millis(50));
    let mut silent = served.connect();
    let mut slow = served.connect();
    slow.send("PROXY TCP4 192.0.2.7 ");

    silent.expect_close();
    slow.expect_close();

    // One who says nothing has not said anything wrong.
    assert_eq!(served.counters.totals().proxy_headers_refused, 1);
    assert!(served.log().is_empty());
}

/// The header of a pipeline is followed by requests, whole or in part.
#[test]
fn requests_behind_the_header_are_answered() {
    let served = serve(|_| ());
    let mut client = served.connect();
    let requests = get("/a").repeat(3);
    let (first, rest) = requests.split_at(40);
    client.send([V1, first].concat());
    assert_eq!(client.response().content, b"one");
    client.send(rest);

    for _ in 0..2 {
        assert_eq!(client.response().content, b"one");
    }
    assert_eq!(served.log().len(), 3);
}

/// Who has no business to say such things says them in vain.
#[test]
fn elsewhere_a_header_is_a_bad_request() {
    for header in [V1.as_bytes(), V2] {
        let served = Root::with(&[("a", b"one")]).serve();
        let mut client = served.connect();
        client.send([header, get("/a").as_bytes()].concat());

        assert_eq!(client.response().status, 400);

        drop(client);
        let records = served.records();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].client, "127.0.0.1".parse().ok());
    }
}

/// Many clients come from one proxy, and one client may come by several.
#[test]
fn limits_for_each_address_count_the_clients_and_not_the_proxy() {
    let served = serve(|config| {
        config.clients.connections_per_address = std::num::NonZeroU32::new(1);
    });
    let connect = |header: &str| {
        let mut client = served.connect();
        client.send([header, &get("/a")].concat());
        (client.response().status, client)
    };

    let (first, _connected) = connect(V1);
    let (second, _) = connect(V1);
    let (other, _connected_too) = connect("PROXY TCP4 192.0.2.8 198.51.100.1 1 80\r\n");

    assert_eq!((first, second, other), (200, 429, 200));
}

#[test]
fn a_unix_socket_may_be_behind_a_proxy_too() {
    let sockets = Root::new();
    let path = sockets.path("socket");
    let listener = format!("unix:{},proxy", path.display());
    let served = serve(|config| config.listeners.push(listener.parse().unwrap()));
    for header in [V1.as_bytes(), LOCAL] {
        let mut client = Client::connect_to_path(&path);
        client.send(header);
        assert_eq!(client.get("/a").status, 200);
    }

    let records = served.records();
    assert_eq!(records[0].client, "192.0.2.7".parse().ok());
    assert_eq!(records[1].client, None);
}

#[test]
fn a_stop_does_not_wait_for_silent_proxies() {
    let mut served = serve(|_| ());
    let mut silent = served.connect();

    served.finish().unwrap();

    silent.expect_close();
}
