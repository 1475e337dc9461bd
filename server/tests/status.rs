//! The status listener tells what the clients did, and is nobody's way in.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the numbers has failed"
)]

mod support;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use rustix::process::Signal;
use support::program::{Program, refused};
use support::{Client, PATIENCE, Root, find};

const LOCAL: [&str; 4] = ["-h", "127.0.0.1", "-p", "0"];

/// A program with a status listener of its own.
struct Told {
    program: Program,
    status: SocketAddr,
}

impl Told {
    fn start(root: &Root, args: &[&str]) -> Self {
        let dir = root.dir();
        let args = [&["-d", &dir, "--status", "0"], &LOCAL[..], args].concat();
        let program = Program::start(&args);
        let line = program
            .banner
            .iter()
            .find(|line| line.starts_with("status"));
        let url = line.unwrap().split("http://").nth(1).unwrap();
        let status = url.trim_end_matches('/').parse().unwrap();
        Self { program, status }
    }

    fn ask(&self, path: &str) -> String {
        let mut client = Client::connect(self.status);
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        let answer = client.response();
        assert_eq!(answer.status, 200, "{}", answer.head);
        answer.text().to_owned()
    }

    /// All numbers, by name and labels as they are written.
    fn numbers(&self) -> BTreeMap<String, u64> {
        let text = self.ask("/metrics");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let number = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            // Processor time alone is no whole number.
            Some((name.to_owned(), value.parse().ok()?))
        };
        samples.filter_map(number).collect()
    }

    /// The numbers, once they are as they should become: an exchange is counted after its
    /// client has the response.
    fn numbers_when(
        &self,
        are_right: impl Fn(&BTreeMap<String, u64>) -> bool,
    ) -> BTreeMap<String, u64> {
        let begun = Instant::now();
        loop {
            let numbers = self.numbers();
            if are_right(&numbers) {
                return numbers;
            }
            assert!(begun.elapsed() < PATIENCE, "{numbers:#?}");
        }
    }
}

fn sum(numbers: &BTreeMap<String, u64>, family: &str) -> u64 {
    let of_family = |name: &&String| name.split('{').next() == Some(family);
    numbers
        .keys()
        .filter(of_family)
        .map(|name| numbers[name])
        .sum()
}

fn requests_of(numbers: &BTreeMap<String, u64>, status: u16) -> u64 {
    numbers[&format!("rthttpd_requests_total{{status=\"{status}\"}}")]
}

#[test]
fn the_numbers_are_what_the_clients_did() {
    let root = Root::with(&[("a", b"four"), ("b", &[b'b'; 1_000])]);
    let told = Told::start(&root, &[]);
    assert_eq!(sum(&told.numbers(), "rthttpd_requests_total"), 0);

    let (mut content, mut asked) = (0, BTreeMap::from([(200, 0), (404, 0), (405, 0), (400, 0)]));
    let mut held = Vec::new();
    for connection in 0..5 {
        let mut client = told.program.connect();
        for target in ["/a", "/b", "/a", "/none"] {
            let answer = client.get(target);
            content += answer.content.len() as u64;
            *asked.get_mut(&answer.status).unwrap() += 1;
        }
        client.send("HEAD /b HTTP/1.1\r\nHost: test\r\n\r\n");
        *asked.get_mut(&client.head().status).unwrap() += 1;
        client.send("DELETE /a HTTP/1.1\r\nHost: test\r\n\r\n");
        let answer = client.response();
        content += answer.content.len() as u64;
        *asked.get_mut(&answer.status).unwrap() += 1;
        if connection < 3 {
            held.push(client);
        } else {
            client.send("nonsense\r\n\r\n");
            let answer = client.response();
            content += answer.content.len() as u64;
            *asked.get_mut(&answer.status).unwrap() += 1;
            client.expect_close();
        }
    }
    assert_eq!(
        asked,
        BTreeMap::from([(200, 20), (404, 5), (405, 5), (400, 2)])
    );

    let numbers = told.numbers_when(|numbers| {
        sum(numbers, "rthttpd_requests_total") == 32 && numbers["rthttpd_connections"] == 3
    });
    for (status, requests) in asked {
        assert_eq!(requests_of(&numbers, status), requests, "{status}");
    }
    assert_eq!(numbers["rthttpd_response_content_bytes_total"], content);
    assert_eq!(numbers["rthttpd_connections_total"], 5);
    assert_eq!(numbers["rthttpd_responses_cut_off_total"], 0);
    // 20 for files and 5 for none; each worker that was asked has its own cache.
    let looked_up = [
        numbers["rthttpd_cache_hits_total"],
        numbers["rthttpd_cache_misses_total"],
    ];
    assert_eq!(looked_up.iter().sum::<u64>(), 25);
    assert!(numbers["rthttpd_cache_entries"] >= 2);
    assert!(numbers["rthttpd_cache_bytes"] >= 1_004);
}

#[test]
fn every_form_says_the_same_numbers() {
    let root = Root::with(&[("a", b"four")]);
    let told = Told::start(&root, &[]);
    told.program.connect().get("/a");
    told.numbers_when(|numbers| requests_of(numbers, 200) == 1);

    let json = told.ask("/status.json");
    let page = told.ask("/");

    assert!(
        json.contains("{\"labels\":{\"status\":\"200\"},\"value\":1}"),
        "{json}"
    );
    assert!(
        page.contains("<dt>200 OK</dt><dd class=\"plain\">1</dd>"),
        "{page}"
    );
    assert!(page.contains("--spread or --log says where"), "{page}");
}

/// The law of the log: every line was sent, waits, or is counted as lost.
#[test]
fn without_a_daemon_lines_wait_or_are_lost_and_the_page_says_so() {
    let root = Root::with(&[("a", b"four")]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let daemon = format!("{}@127.0.0.1", nobody.local_addr().unwrap().port());
    let told = Told::start(&root, &["--spread", &daemon, "--spread-buffer", "256K"]);
    let long = "x".repeat(4_000);

    let mut client = told.program.connect();
    for _ in 0..200 {
        client.get(&format!("/a?{long}"));
    }
    // The numbers are read one by one while the publisher sets them: the law is of those at rest.
    let numbers = told.numbers_when(|numbers| {
        let lost = sum(numbers, "rthttpd_log_lost_lines_total");
        numbers["rthttpd_log_lines_total"] == 200
            && numbers["rthttpd_spread_waiting_lines"] + lost == 200
    });

    let lost = sum(&numbers, "rthttpd_log_lost_lines_total");
    assert!(lost > 0, "{numbers:#?}");
    assert_eq!(numbers["rthttpd_spread_lines_total"], 0);
    let connected = format!("rthttpd_spread_connected{{daemon=\"{daemon}\"}}");
    assert_eq!(numbers[&connected], 0);
    assert!(numbers["rthttpd_log_ring_peak_bytes"] > 4_000);
    let page = told.ask("/");
    assert!(page.contains("role=\"alert\"><strong>Lost: "), "{page}");
    assert!(page.contains(&format!("no daemon at {daemon}")), "{page}");
}

#[cfg(feature = "embedded")]
#[test]
fn one_listener_tells_of_the_whole_log() {
    let (root, place) = (Root::with(&[("a", b"four")]), Root::new());
    let (sockets, logs) = (place.dir(), place.dir() + "/logs");
    let log = ["--spread", "embedded:0", "--spread-socket-dir", &sockets];
    let told = Told::start(&root, &[&log[..], &["--log-dir", &logs]].concat());
    let mut client = told.program.connect();
    for _ in 0..50 {
        client.get("/a");
    }

    // The server's own numbers are read a moment before spreadlogd's.
    let numbers = told.numbers_when(|numbers| {
        sum(numbers, "spreadlogd_written_lines_total") == 50
            && numbers["rthttpd_spread_lines_total"] == 50
    });

    assert_eq!(sum(&numbers, "rthttpd_requests_total"), 50);
    assert_eq!(numbers["rthttpd_log_lines_total"], 50);
    assert_eq!(
        numbers["spreadlogd_received_lines_total{group=\"access_log\"}"],
        50
    );
    assert_eq!(
        numbers["rthttpd_spread_message_bytes_total"],
        sum(&numbers, "spreadlogd_written_bytes_total")
    );
    assert_eq!(sum(&numbers, "rthttpd_spread_connected"), 1);
    assert_eq!(sum(&numbers, "spreadlogd_connected"), 1);
    // The publisher and spreadlogd.
    assert_eq!(numbers["spread_hub_sessions"], 2);
    for family in [
        "rthttpd_log_lost_lines_total",
        "spreadlogd_lost_lines_total",
    ] {
        assert_eq!(sum(&numbers, family), 0);
    }
    let page = told.ask("/");
    assert!(!page.contains("role=\"alert\""), "{page}");
    assert!(page.contains("access_log</dd>"), "{page}");
    told.program.signal(Signal::TERM);
    assert_eq!(told.program.wait().status, Some(0));
}

/// The names are a promise: each is explained, has one place, and is of the kind its name says.
#[cfg(feature = "embedded")]
#[test]
fn every_metric_is_documented() {
    use std::collections::BTreeSet;
    use std::fs;

    let (root, place) = (Root::new(), Root::new());
    let (sockets, logs) = (place.dir(), place.dir() + "/logs");
    let log = ["--spread", "embedded:0", "--spread-socket-dir", &sockets];
    let file = format!("group=lines file={}", place.path("file").display());
    let more = ["--log-dir", &logs, "--log", &file];
    let told = Told::start(&root, &[&log[..], &more].concat());
    let documented = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let documented = fs::read_to_string(documented).unwrap();

    let text = told.ask("/metrics");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let types: Vec<_> = types.filter_map(|line| line.split_once(' ')).collect();

    let names: BTreeSet<_> = types.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), types.len(), "a name has two places: {types:?}");
    assert!(names.len() > 40, "{names:?}");
    for (name, kind) in types {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let is_explained = [format!("`{name}`"), format!("`{name}{{")];
        assert!(
            is_explained.iter().any(|name| documented.contains(name)),
            "docs/metrics.md does not say what {name} is"
        );
    }
}

/// Whoever has that port was there before; the site and its log matter more.
#[cfg(feature = "embedded")]
#[test]
fn a_taken_port_that_nobody_asked_for_is_done_without() {
    let (root, place) = (Root::new(), Root::new());
    let begun = Instant::now();
    let taken = loop {
        match TcpListener::bind("127.0.0.1:9803") {
            Ok(taken) => break taken,
            Err(_) => assert!(begun.elapsed() < PATIENCE, "somebody has the port"),
        }
    };
    let (dir, sockets, logs) = (root.dir(), place.dir(), place.dir() + "/logs");
    let log = ["--spread", "embedded:0", "--spread-socket-dir", &sockets];
    let program = Program::start(&[&["-d", &dir, "--log-dir", &logs], &LOCAL[..], &log].concat());
    drop(taken);

    assert!(!program.banner.iter().any(|line| line.starts_with("status")));
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status, Some(0));
    assert!(ended.stderr.contains("no status page"), "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.1:9803"), "{}", ended.stderr);
}

#[test]
fn a_taken_port_that_was_asked_for_is_a_failure() {
    let root = Root::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();

    let ended = refused(&[&["-d", &root.dir(), "--status", &place], &LOCAL[..]].concat());

    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(&place), "{}", ended.stderr);
    assert!(ended.stderr.contains("--status"), "{}", ended.stderr);
}

/// Hundreds who connect to it and say nothing, or never end a head, or take no answer, are
/// in the way neither of the site nor of the next who asks.
#[test]
fn hostile_clients_are_in_nobodys_way() {
    let root = Root::with(&[("a", b"four")]);
    let told = Told::start(&root, &[]);
    let mut held = Vec::new();
    for number in 0..300 {
        let mut client = Client::connect(told.status);
        match number % 3 {
            0 => {}
            1 => client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-"),
            _ => client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10)),
        }
        held.push(client);
    }

    assert_eq!(told.program.connect().get("/a").status, 200);
    let numbers = told.numbers_when(|numbers| requests_of(numbers, 200) == 1);

    // Those who ask for status are none of the site's clients.
    assert_eq!(sum(&numbers, "rthttpd_requests_total"), 1);
    assert_eq!(numbers["rthttpd_connections_total"], 1);
    assert!(
        numbers["process_open_fds"] < 150,
        "{}",
        numbers["process_open_fds"]
    );
    drop(held);
}

/// The names a browser was led to this address by are refused; see `http::serve`.
#[test]
fn pages_elsewhere_cannot_read_it() {
    let told = Told::start(&Root::new(), &[]);
    let mut client = Client::connect(told.status);

    client.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    let answer = client.response();

    assert_eq!(answer.status, 421);
    assert!(find(&answer.content, b"rthttpd_").is_none());
}

#[test]
fn throttling_rules_tell_what_they_have_done() {
    let root = Root::with(&[("film", &[b'f'; 100_000]), ("page", b"page")]);
    root.file(
        "throttle.conf",
        b"film 1-1 burst=500 # the second has to come later\n** 1M\n",
    );
    let file = root.path("throttle.conf");
    let told = Told::start(&root, &["--throttles", file.to_str().unwrap()]);
    let mut client = told.program.connect();
    client.send("GET /film HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().status, 200);

    let mut other = told.program.connect();
    assert_eq!(other.get("/film").status, 503);
    assert_eq!(other.get("/page").text(), "page");

    // What is sent is counted after the client may have it: the head, then the burst.
    let numbers = told.numbers_when(|numbers| {
        numbers["rthttpd_throttle_connections{pattern=\"**\"}"] == 1
            && numbers["rthttpd_throttle_bytes_total{pattern=\"film\"}"] >= 250
    });
    let of_film = |name: &str| numbers[&format!("rthttpd_throttle_{name}{{pattern=\"film\"}}")];
    assert_eq!(of_film("connections"), 1);
    assert_eq!(of_film("refused_total"), 1);
    assert_eq!(of_film("max_bytes_per_second"), 1);
    assert_eq!(of_film("min_bytes_per_second"), 1);
    assert!(
        (250..1_000).contains(&of_film("bytes_total")),
        "{numbers:#?}"
    );
    assert!(sum(&numbers, "rthttpd_throttle_bytes_total") > of_film("bytes_total") * 2);
    let page = told.ask("/");
    assert!(page.contains("Throttling") && page.contains("1 refused for the minimum"));
}
