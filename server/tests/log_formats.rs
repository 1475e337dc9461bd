//! What a log of any format tells of real exchanges. (`apache.rs` has most directives, side by side
//! with Apache's.)

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use spread_logger::Format;
use support::{Client, Root, Served, noise};

fn serve(format: &str, root: Root) -> Served {
    root.serve_logging(format.parse().unwrap(), |_| ())
}

#[test]
fn a_connection_counts_its_requests_and_says_when_it_ends() {
    let served = serve("%k %X %>s", Root::with(&[("a", b"one")]));
    let mut client = served.connect();
    client.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n".repeat(2));
    client.response();
    client.response();
    client.get("/none");
    client.send("nonsense\r\n\r\n");
    client.rest();
    drop(client);

    assert_eq!(served.lines(), ["0 + 200", "1 + 200", "2 + 404", "3 - 400"]);
}

/// However the bytes arrive, and of whatever the content consists on the wire.
#[test]
fn all_bytes_of_an_exchange_are_counted_in_both_directions() {
    let served = serve("%I %O %S %B", Root::with(&[("a", b"one")]));
    let mut client = served.connect();
    let requests = [
        "GET /a HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n12345",
        "GET /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
    ];
    let mut expected = Vec::new();
    for request in requests {
        let (first, rest) = request.split_at(request.len() - 2);
        client.send(first);
        client.send(rest);
        let (head, content) = if request.starts_with("HEAD") {
            (client.rest().len(), 0)
        } else {
            let response = client.response();
            (response.head.len(), response.content.len())
        };
        let (received, sent) = (request.len(), head + content);
        expected.push(format!("{received} {sent} {} {content}", received + sent));
    }
    drop(client);

    assert_eq!(served.lines(), expected);
}

/// Content that comes in pieces is dropped piece by piece.
#[test]
fn a_long_content_is_counted_whole() {
    let served = serve("%I", Root::with(&[("a", b"one")]));
    let content = noise(300_000);
    let head = format!(
        "GET /a HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    let mut client = served.connect();
    client.send(&head);
    for piece in content.chunks(7_000) {
        client.send(piece);
    }
    client.response();
    drop(client);

    assert_eq!(served.lines(), [(head.len() + content.len()).to_string()]);
}

/// A refusal is charged with its own bytes, not with those of the requests before it.
#[test]
fn what_is_no_request_is_counted_from_its_line_on() {
    let served = serve("%I %>s", Root::with(&[("a", b"one")]));
    let request = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n";
    let mut client = served.connect();
    client.send(format!("{request}{request}nonsense\r\n\r\n"));
    client.rest();
    drop(client);

    let len = request.len();
    assert_eq!(
        served.lines(),
        [
            format!("{len} 200"),
            format!("{len} 200"),
            "12 400".to_owned()
        ]
    );
}

#[test]
fn who_goes_before_the_end_has_broken_off() {
    let served = serve("%X %O", Root::with(&[("large", &noise(20_000_000))]));
    let mut client = served.connect();
    client.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    client.head();
    drop(client);

    let lines = served.lines();

    assert_eq!(lines.len(), 1);
    let (ending, sent) = lines[0].split_once(' ').unwrap();
    assert_eq!(ending, "X");
    assert!(sent.parse::<u64>().unwrap() < 20_000_000);
}

#[test]
fn the_ends_of_a_connection_have_their_ports() {
    let served = serve(
        "%{c}a %{remote}p %A %{local}p %p",
        Root::with(&[("a", b"one")]),
    );
    let mut client = served.connect();
    let ours: SocketAddr = client.stream.local_addr().unwrap();
    client.get("/a");
    drop(client);
    let port = served.address.port();

    let expected = format!("127.0.0.1 {} 127.0.0.1 {port} {port}", ours.port());
    assert_eq!(served.lines(), [expected]);
}

/// On a socket for both, where the kernel calls them `::ffff:127.0.0.1`.
#[test]
fn ends_of_ipv4_are_written_as_ipv4() {
    let format = "%A %{c}a %{local}p".parse().unwrap();
    let served = Root::with(&[("a", b"one")]).serve_logging(format, |config| {
        config.listeners = vec![(None, 0).into()];
    });
    let port = served.address.port();
    Client::connect((Ipv4Addr::LOCALHOST, port).into()).get("/a");

    assert_eq!(served.lines(), [format!("127.0.0.1 127.0.0.1 {port}")]);
}

#[test]
fn what_has_answered_has_a_name_and_files_have_their_path() {
    let root = Root::with(&[
        ("a", b"one"),
        ("d/x", b""),
        ("i/index.html", b"i"),
        ("b c", b""),
    ]);
    let at = root.dir();
    let served = serve("%R %f", root);
    let mut client = served.connect();
    for target in ["/a", "/d/", "/d", "/i/", "/b%20c", "/none"] {
        client.get(target);
    }
    drop(client);

    let expected = [
        "static /a",
        "listing /d/index.html",
        "redirect /d",
        "static /i/index.html",
        "static /b c",
        "- /none",
    ];
    let expected = expected.map(|line| line.replace(" /", &format!(" {at}/")));
    assert_eq!(served.lines(), expected);
}

/// The time is that of the request's beginning, and its end is not before.
#[test]
fn exact_times_agree_with_each_other() {
    let served = serve(
        "%{usec}t %{end:usec}t %D %{sec}t %T",
        Root::with(&[("a", b"one")]),
    );
    let mut client = served.connect();
    client.send("GET /a HTTP/1.1\r\n");
    client.send("Host: t\r\n\r\n");
    client.response();
    client.get("/none");
    drop(client);

    for line in served.lines() {
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        let [begin, end, duration, second, seconds] = numbers[..] else {
            panic!("{line}");
        };
        assert_eq!(begin + duration, end, "{line}");
        assert_eq!(begin / 1_000_000, second, "{line}");
        assert_eq!(duration / 1_000_000, seconds, "{line}");
    }
}

/// Some clients send an empty line behind a request, which does not begin the next one.
#[test]
fn an_empty_line_is_no_beginning() {
    let served = serve("%{usec}t", Root::with(&[("a", b"one")]));
    let mut client = served.connect();
    client.send("GET /a HTTP/1.1\r\nHost: t\r\n\r\n\r\n");
    client.response();
    let between = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    client.get("/a");
    drop(client);

    let lines = served.lines();

    let second: u128 = lines[1].parse().unwrap();
    assert!(second >= between.as_micros(), "{lines:?}");
}

#[test]
fn an_object_tells_of_an_exchange_in_its_own_types() {
    let served = serve("json", Root::with(&[("a", b"one")]));
    let port = served.address.port();
    let mut client = served.connect();
    client.send(
        b"GET /a?b=c HTTP/1.1\r\nHost: t\r\nUser-Agent: \xff \"1\"\r\nReferer: \xc3\xa9\r\n\r\n",
    );
    client.response();
    client.send("nonsense\r\n\r\n");
    client.rest();
    drop(client);

    let lines = served.lines();
    let objects = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let objects: Vec<Value> = objects.collect();

    let [first, second] = &objects[..] else {
        panic!("{objects:?}");
    };
    assert!(first["time"].as_str().unwrap().ends_with('Z'));
    assert!(first["duration_us"].is_u64());
    for (key, value) in [
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("path", "/a"),
        ("query", "b=c"),
        ("protocol", "HTTP/1.1"),
        ("user_agent", "\\xff \"1\""),
        ("referer", "é"),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    for (key, value) in [("status", 200), ("bytes", 3), ("port", port.into())] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!(second["request"], "nonsense");
    assert_eq!(second["status"], 400);
    assert_eq!(second.get("user_agent"), None);
}

/// A named format reads back what the server's own clients did.
#[test]
fn every_named_format_is_read_back() {
    for name in ["common", "combined", "vhost_combined", "json", "logfmt"] {
        let format: Format = name.parse().unwrap();
        let served = serve(name, Root::with(&[("a", b"one")]));
        let mut client = served.connect();
        client.get("/a?x");
        client.send("\x16\x03\x01\r\n\r\n");
        client.rest();
        drop(client);

        let lines = served.lines();
        let read = lines
            .iter()
            .map(|line| format.parse(line.as_bytes()).unwrap());

        let read: Vec<_> = read.map(|read| (read.request_line, read.status)).collect();
        assert_eq!(
            read,
            [
                (b"GET /a?x HTTP/1.1".to_vec(), 200),
                (b"\x16\x03\x01".to_vec(), 400)
            ],
            "{name}"
        );
    }
}
