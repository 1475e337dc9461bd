//! Who is taken for the client, who is let in, and how often: addresses of 127.0.0.0/8 are the
//! clients, raw bytes their requests.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::net::IpAddr;
use std::time::Instant;

use rthttpd::{ClientOptions, Counters, HeaderRule, Headers, Network, ProxyField, TrustedProxy};
use support::{Client, PATIENCE, Response, Root, Served, get};

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn proxies(texts: &[&str]) -> Vec<TrustedProxy> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A server of `/a` with two workers, among which its clients' connections are spread.
fn serve(change: impl FnOnce(&mut ClientOptions)) -> Served {
    Root::with(&[("a", b"one")]).serve_with(|config| {
        config.workers = 2.try_into().unwrap();
        change(&mut config.clients);
    })
}

/// A GET of `/a` with these field lines.
fn request(fields: &str) -> String {
    get("/a").replace("\r\n\r\n", &format!("\r\n{fields}\r\n"))
}

/// The answer to `request` from `address`, on a connection of its own.
fn ask_from(served: &Served, address: &str, request: &str) -> Response {
    let mut client = Client::connect_from(address, served.address);
    client.send(request);
    client.response()
}

/// The clients that the log names, in order; a server with several workers has none.
fn logged(served: Served) -> Vec<String> {
    let shown = |client: Option<IpAddr>| client.map_or("-".into(), |client| client.to_string());
    let records = served.records();
    records.iter().map(|record| shown(record.client)).collect()
}

/// Whatever a client says of itself: it is logged, let in and limited by its own address.
#[test]
fn a_client_cannot_be_somebody_else_by_saying_so() {
    let served = serve(|options| {
        options.trusted_proxies = proxies(&["127.0.0.64/26"]);
        options.allow = networks(&["127.0.0.1", "127.0.0.2"]);
        options.requests_per_address = Some("4/m".parse().unwrap());
    });
    let lies = [
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Forwarded-For: 127.0.0.1, 127.0.0.64\r\n",
        "Forwarded: for=127.0.0.1\r\n",
        "X-Real-IP: 127.0.0.1\r\n",
    ];

    for lie in lies {
        assert_eq!(ask_from(&served, "127.0.0.3", &request(lie)).status, 403);
        assert_eq!(ask_from(&served, "127.0.0.2", &request(lie)).status, 200);
    }
    assert_eq!(
        ask_from(&served, "127.0.0.2", &request(lies[0])).status,
        429
    );
    assert_eq!(ask_from(&served, "127.0.0.1", &request("")).status, 200);

    let mut clients = logged(served);
    clients.sort();
    let count = |address: &str| clients.iter().filter(|client| *client == address).count();
    assert_eq!(count("127.0.0.1"), 1);
    assert_eq!(count("127.0.0.2"), 5);
    assert_eq!(count("127.0.0.3"), 4);
}

/// One connection of a proxy carries requests of many clients.
#[test]
fn the_client_is_the_right_most_hop_nobody_trusts() {
    const CASES: &[(&str, &str)] = &[
        ("X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"),
        ("X-Forwarded-For: 6.6.6.6, 192.0.2.2\r\n", "192.0.2.2"),
        ("x-forwarded-for: 192.0.2.3, 127.0.0.9\r\n", "192.0.2.3"),
        ("X-Forwarded-For: [2001:db8::1]:4711\r\n", "2001:db8::1"),
        // Several field lines are one list (RFC 9110 5.3).
        (
            "X-Forwarded-For: 6.6.6.6\r\nX: y\r\nX-Forwarded-For: 192.0.2.4\r\n",
            "192.0.2.4",
        ),
        // The walk ends at the last good hop.
        (
            "X-Forwarded-For: 192.0.2.5, unknown, 127.0.0.9\r\n",
            "127.0.0.9",
        ),
        ("X-Forwarded-For: nonsense\r\n", "127.0.0.1"),
        ("", "127.0.0.1"),
        // The field that is not the chosen one came from the client.
        ("Forwarded: for=6.6.6.6\r\n", "127.0.0.1"),
    ];
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.clients.trusted_proxies = proxies(&["127.0.0.1", "127.0.0.8/29"]);
    });
    let mut proxy = served.connect();
    for (fields, _) in CASES {
        proxy.send(request(fields));
        assert_eq!(proxy.response().status, 200);
    }
    // In one piece as well.
    let pipeline: String = CASES.iter().map(|(fields, _)| request(fields)).collect();
    proxy.send(pipeline);
    for _ in CASES {
        assert_eq!(proxy.response().status, 200);
    }
    drop(proxy);

    let expected: Vec<_> = CASES.iter().chain(CASES).map(|case| case.1).collect();
    assert_eq!(logged(served), expected);
}

/// RFC 7239, when that is the field.
#[test]
fn forwarded_is_believed_where_it_is_the_field() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.clients.trusted_proxies = proxies(&["127.0.0.1"]);
        config.clients.proxy_field = ProxyField::Forwarded;
    });
    let mut proxy = served.connect();
    for fields in [
        "Forwarded: for=192.0.2.1;proto=https, for=\"127.0.0.1:80\"\r\n",
        "Forwarded: for=\"6.6.6.6\r\nForwarded: For=\"[2001:db8::1]:4711\"\r\n",
        "Forwarded: for=_hidden\r\nX-Forwarded-For: 6.6.6.6\r\n",
    ] {
        proxy.send(request(fields));
        assert_eq!(proxy.response().status, 200);
    }
    drop(proxy);

    assert_eq!(logged(served), ["192.0.2.1", "2001:db8::1", "127.0.0.1"]);
}

#[test]
fn a_proxy_on_a_unix_socket_is_believed_if_told_so() {
    for (trusted, expected) in [(&["unix"][..], "192.0.2.1"), (&["127.0.0.1"], "-")] {
        let sockets = Root::new();
        let path = sockets.path("socket");
        let served = Root::with(&[("a", b"one")]).serve_with(|config| {
            let listener = format!("unix:{}", path.display());
            config.listeners.push(listener.parse().unwrap());
            config.clients.trusted_proxies = proxies(trusted);
            config.clients.deny = networks(&["198.51.100.0/24"]);
        });
        let mut proxy = Client::connect_to_path(&path);
        proxy.send(request("X-Forwarded-For: 192.0.2.1\r\n"));
        assert_eq!(proxy.response().status, 200);
        proxy.send(request("X-Forwarded-For: 198.51.100.1\r\n"));
        let is_believed = expected != "-";
        let status = if is_believed { 403 } else { 200 };
        assert_eq!(proxy.response().status, status);
        drop(proxy);

        assert_eq!(logged(served)[0], expected);
    }
}

/// Where there is no whole head there is no word of the proxy either.
#[test]
fn a_request_without_a_head_is_logged_with_its_connections_address() {
    let served = Root::new().serve_with(|config| {
        config.clients.trusted_proxies = proxies(&["127.0.0.0/8"]);
    });
    let nonsense = "GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    assert_eq!(ask_from(&served, "127.0.0.5", nonsense).status, 400);
    let mut half = Client::connect_from("127.0.0.6", served.address);
    half.send("GET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n");
    half.half_close();
    assert_eq!(half.response().status, 400);
    drop(half);

    assert_eq!(logged(served), ["127.0.0.5", "127.0.0.6"]);
}

/// Where there is, the content that breaks off or breaks the rules changes nothing about it.
#[test]
fn a_request_without_its_content_is_logged_with_its_client() {
    let served = Root::new().serve_with(|config| {
        config.clients.trusted_proxies = proxies(&["127.0.0.0/8"]);
        let everywhere = HeaderRule::new("a", "X-Rule: yes").unwrap();
        config.rules.headers = Headers::new(vec![everywhere]);
    });
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nX-Forwarded-For: 192.0.2.1\r\n";
    for content in [
        "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        "Content-Length: 5\r\n\r\nhalf",
    ] {
        let mut client = Client::connect_from("127.0.0.5", served.address);
        client.send([head, content].concat());
        client.half_close();
        let response = client.response();
        assert_eq!(response.status, 400, "{content}");
        assert_eq!(response.field("X-Rule"), Some("yes"), "{content}");
    }

    let records = served.records();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record.client, "192.0.2.1".parse().ok());
        assert_eq!(record.user_agent.as_deref(), Some(&b"b"[..]));
    }
}

/// RFC 9110 15.5.4. The connection stays, and each refusal is an exchange.
#[test]
fn who_is_denied_or_not_allowed_gets_403() {
    let served = serve(|options| {
        options.allow = networks(&["127.0.0.0/28", "10.0.0.0/8", "::/0"]);
        options.deny = networks(&["127.0.0.8/29"]);
    });
    for (address, status) in [("127.0.0.7", 200), ("127.0.0.8", 403), ("127.0.0.16", 403)] {
        let mut client = Client::connect_from(address, served.address);
        for target in ["/a", "/a?b"] {
            assert_eq!(client.get(target).status, status, "{address}");
        }
        client.send("HEAD /a HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.head().status, status, "{address}");
        client.send("DELETE /a HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc");
        let denied = client.response().status;
        assert_eq!(denied, if status == 200 { 405 } else { 403 });
    }
    let counters = served.counters.clone();

    assert_eq!(served.log().len(), 12);
    assert_eq!(counters.totals().refused, 9);
}

/// RFC 6585 section 4, and Retry-After of RFC 9110 10.2.3.
#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let served = serve(|options| options.requests_per_address = Some("2/m".parse().unwrap()));
    let mut client = served.connect();
    client.send(get("/a").repeat(3));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().status, 200);
    let refused = client.response();
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.field("Retry-After").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert_eq!(refused.field("Connection"), None);

    // On another connection, perhaps of another worker, it is the same client.
    for _ in 0..8 {
        assert_eq!(served.status("/a"), 429);
        let whatever = ask_from(
            &served,
            "127.0.0.1",
            &request("X-Forwarded-For: 1.1.1.1\r\n"),
        );
        assert_eq!(whatever.status, 429);
    }
    // Others are others.
    assert_eq!(ask_from(&served, "127.0.0.2", &get("/a")).status, 200);

    drop(client);
    assert_eq!(served.log().len(), 20);
}

/// A proxy's clients are limited one by one, and the proxy is not.
#[test]
fn behind_a_proxy_each_client_has_its_own_rate() {
    let served = serve(|options| {
        options.trusted_proxies = proxies(&["127.0.0.1"]);
        options.requests_per_address = Some("1/m".parse().unwrap());
    });
    let mut proxy = served.connect();
    let mut status = |client: &str| {
        proxy.send(request(&format!("X-Forwarded-For: {client}\r\n")));
        proxy.response().status
    };

    for client in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
        assert_eq!(status(client), 200);
        assert_eq!(status(client), 429);
    }
    // The same customer.
    assert_eq!(status("2001:db8::ffff"), 429);
    for _ in 0..5 {
        assert_eq!(status("127.0.0.1"), 200);
    }
}

/// What has to be looked up elsewhere, as listings have, is answered in two steps, and is one
/// request.
#[test]
fn a_request_that_is_answered_in_two_steps_counts_once() {
    let served = serve(|options| options.requests_per_address = Some("3/m".parse().unwrap()));
    let mut client = served.connect();

    for _ in 0..3 {
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(client.get("/").status, 429);
}

/// Unheard, so there is no line; but it is told why, though it has begun to ask.
#[test]
fn a_connection_too_many_is_turned_away() {
    let served = serve(|options| options.connections_per_address = 2.try_into().ok());
    let mut first = Client::connect_from("127.0.0.2", served.address);
    let mut second = Client::connect_from("127.0.0.2", served.address);
    assert_eq!(first.get("/a").status, 200);
    assert_eq!(second.get("/a").status, 200);

    let mut third = Client::connect_from("127.0.0.2", served.address);
    third.send(get("/a"));
    let turned_away = third.response();
    assert_eq!(turned_away.status, 429);
    assert_eq!(turned_away.field("Connection"), Some("close"));
    assert_eq!(turned_away.field("Retry-After"), Some("1"));
    third.expect_close();
    // It takes nothing from the others, nor from other addresses.
    assert_eq!(first.get("/a").status, 200);
    assert_eq!(ask_from(&served, "127.0.0.3", &get("/a")).status, 200);

    // Its place is free when one of them has gone.
    drop(first);
    let begun = Instant::now();
    while ask_from(&served, "127.0.0.2", &get("/a")).status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the place does not come free");
    }
    let turned_away = served.counters.totals().turned_away;
    assert!(turned_away >= 1);
    drop((second, third));
    let counters = served.counters.clone();
    let log = served.log();

    assert_eq!(log.len(), 5);
    assert!(log.iter().all(|(_, status, _)| *status == 200));
    let totals = counters.totals();
    assert_eq!(totals.connections, 4 + totals.turned_away);
    assert_eq!(totals.connections_ended, totals.connections);
}

/// However many come at once; the answers to those who are let in are not slower for it.
#[test]
fn a_flood_of_connections_keeps_nobody_out() {
    let served = serve(|options| options.connections_per_address = 1.try_into().ok());
    let mut holder = Client::connect_from("127.0.0.2", served.address);
    assert_eq!(holder.get("/a").status, 200);
    let flood: Vec<_> = (0..400)
        .map(|_| Client::connect_from("127.0.0.2", served.address))
        .collect();

    for number in 10..40 {
        let address = format!("127.0.0.{number}");
        assert_eq!(ask_from(&served, &address, &get("/a")).status, 200);
    }
    assert_eq!(holder.get("/a").status, 200);
    wait_for(&served.counters, |counters| {
        counters.totals().turned_away == 400
    });
    drop(flood);
}

/// A proxy needs many connections, for all its clients.
#[test]
fn a_trusted_proxys_connections_are_not_counted() {
    let served = serve(|options| {
        options.trusted_proxies = proxies(&["127.0.0.1"]);
        options.connections_per_address = 1.try_into().ok();
    });
    let mut connections: Vec<_> = (0..20).map(|_| served.connect()).collect();

    for proxy in &mut connections {
        proxy.send(request("X-Forwarded-For: 192.0.2.1\r\n"));
        assert_eq!(proxy.response().status, 200);
    }
}

fn wait_for(counters: &Counters, is_so: impl Fn(&Counters) -> bool) {
    let begun = Instant::now();
    while !is_so(counters) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", counters.totals());
        std::thread::yield_now();
    }
}
