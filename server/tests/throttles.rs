//! Throttled responses come whole, slowly, evenly, and not at all when a minimum cannot be met.
//!
//! Bytes are counted, never speed: where something must not come, the rule is so slow that a
//! test would have to take weeks for it to come. How well rates hold is a law in virtual time
//! (`server/src/throttle/tests.rs`), and measured by `cargo throttle`.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose server does not answer has failed"
)]

mod support;

use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use rthttpd::{HostOptions, ThrottleRules, Throttles};
use support::{Client, PATIENCE, Root, Served, get, noise};

fn throttles(rules: &str) -> Throttles {
    Throttles::new(&ThrottleRules::parse(rules.as_bytes()).unwrap())
}

fn serve(root: Root, rules: &Throttles) -> Served {
    root.serve_with(|config| config.throttles = Some(rules.clone()))
}

/// Waits for what the server does after its clients have what they waited for.
#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
}

/// The only rule's responses under way, bytes and refusals.
fn told(rules: &Throttles) -> (u64, u64, u64) {
    let reading = rules.readings().remove(0);
    (reading.connections, reading.bytes, reading.refused)
}

/// Fast enough that nobody waits long, with slices so small that everything goes in many.
const QUICK: &str = "** 20000000 burst=200000";

#[test]
fn what_is_sent_in_slices_is_what_is_asked_for() {
    let (small, cached, large) = (noise(300), noise(200_000), noise(3_000_000));
    let files: &[(&str, &[u8])] = &[("small", &small), ("cached", &cached), ("large", &large)];
    let rules = throttles(QUICK);
    let served = serve(Root::with(files), &rules);
    let mut client = served.connect();
    let mut bytes = 0;

    for _ in 0..2 {
        for (name, content) in files {
            let answer = client.get(&format!("/{name}"));
            assert!(answer.content == *content, "{name}");
            bytes += answer.head.len() + answer.content.len();
        }
    }
    client.send(get("/large").replace("\r\n\r\n", "\r\nRange: bytes=1000-2000999\r\n\r\n"));
    let answer = client.response();
    assert!(answer.content == large[1_000..2_001_000]);
    bytes += answer.head.len() + answer.content.len();
    client.send(get("/large").replace("\r\n\r\n", "\r\nRange: bytes=5-8,100-900099\r\n\r\n"));
    let answer = client.response();
    assert!(
        answer
            .content
            .windows(900_000)
            .any(|part| part == &large[100..900_100])
    );
    bytes += answer.head.len() + answer.content.len();

    // Heads count as well: it is what the network carries.
    wait_until(|| told(&rules) == (0, bytes as u64, 0));
}

#[test]
fn requests_at_once_are_answered_in_order_throttled_or_not() {
    let root = Root::with(&[("free", b"free"), ("large", &noise(400_000))]);
    root.file("slow", b"slow");
    // A listing is looked up on another thread, and its share waits for it.
    root.file("folder/x", b"");
    let rules = throttles("slow|large|folder/ 20000000 burst=200000\nnone 1 burst=5000");
    let served = serve(root, &rules);
    let targets = [
        "free", "slow", "folder/", "free", "none", "large", "slow", "slow", "free", "x",
    ];
    let mut client = served.connect();

    let requests: String = targets
        .iter()
        .map(|name| get(&format!("/{name}")))
        .collect();
    client.send(requests);

    for name in targets {
        let answer = client.response();
        let is_there = !["none", "x"].contains(&name);
        assert_eq!(answer.status, if is_there { 200 } else { 404 }, "{name}");
        if ["free", "slow"].contains(&name) {
            assert_eq!(answer.text(), name);
        }
    }
    wait_until(|| rules.readings().iter().all(|one| one.connections == 0));
    assert!(rules.readings().iter().all(|one| one.bytes > 0));
}

/// A burst, and then a byte a second: the rest would take eleven days.
#[test]
fn no_more_comes_than_a_burst_and_what_is_earned() {
    const BURST: u64 = 5_000;
    let begun = Instant::now();
    let rules = throttles(&format!("large|cached 1 burst={BURST}"));
    let root = Root::with(&[("large", &noise(1_000_000)), ("cached", &noise(20_000))]);
    root.file("free", &noise(2_000_000));
    let mut served = serve(root, &rules);
    let mut clients: Vec<Client> = (0..3).map(|_| served.connect()).collect();
    for (client, name) in clients.iter_mut().zip(["/large", "/cached", "/large"]) {
        client.send(get(name));
    }

    // What it may send comes, and meanwhile the rest of the server is as fast as ever.
    wait_until(|| told(&rules).1 >= BURST - 1_000);
    for _ in 0..5 {
        assert_eq!(served.get("/free").content.len(), 2_000_000);
    }

    let (connections, bytes, _) = told(&rules);
    assert_eq!(connections, 3);
    assert!(bytes <= BURST + begun.elapsed().as_secs() + 1, "{bytes}");
    let sent = |client: &mut Client| client.up_to(1);
    assert!(clients.iter_mut().all(|client| sent(client) == b"H"));

    // The end is no wait for them, and the log tells what they have had.
    served.stop.end();
    served.join().unwrap();
    let log = served.log_of_the_end();
    let throttled = log.iter().filter(|(line, ..)| !line.contains("free"));
    assert_eq!(throttled.clone().count(), 3);
    assert!(throttled.map(|(.., bytes)| bytes).sum::<u64>() < bytes);
    assert_eq!(told(&rules).0, 0);
}

#[test]
fn who_cannot_have_the_minimum_is_told_to_come_later() {
    let rules = throttles("films/** 400-1000");
    let root = Root::with(&[("films/a", &noise(1_000_000)), ("page", b"page")]);
    let served = serve(root, &rules);
    let mut first: Vec<Client> = (0..2).map(|_| served.connect()).collect();
    for client in &mut first {
        client.send(get("/films/a"));
        assert_eq!(client.head().status, 200);
    }

    let mut third = served.connect();
    let answer = third.get("/films/a");

    assert_eq!(answer.status, 503);
    assert_eq!(answer.field("Retry-After"), Some("10"));
    // Whatever is beneath the pattern, and nothing else.
    assert_eq!(third.get("/films/none").status, 503);
    assert_eq!(third.get("/page").text(), "page");
    assert_eq!(told(&rules).2, 2);

    // One who goes makes room, as soon as the server has seen it.
    drop(first.pop());
    wait_until(|| told(&rules).0 == 1);
    third.send(get("/films/a"));
    assert_eq!(third.head().status, 200);
}

/// It is counted once, though the page has to be read from the disk.
#[test]
fn who_is_told_to_come_later_is_shown_the_operators_page() {
    let rules = throttles("films/** 1000-1000");
    let root = Root::with(&[("films/a", &noise(1_000_000))]);
    root.unread_file("errors/err503.html", b"full");
    let served = serve(root, &rules);
    let mut first = served.connect();
    first.send(get("/films/a"));
    assert_eq!(first.head().status, 200);

    for refused in 1..=2 {
        let answer = served.get("/films/a");
        assert_eq!((answer.status, answer.text()), (503, "full"));
        assert_eq!(answer.field("Retry-After"), Some("10"));
        assert_eq!(told(&rules).2, refused);
    }
}

#[test]
fn an_idle_server_refuses_nobody_whatever_the_minimum() {
    let rules = throttles("** 1000-1000");
    let served = serve(Root::with(&[("a", b"a")]), &rules);
    let mut client = served.connect();

    for _ in 0..3 {
        assert_eq!(client.get("/a").status, 200);
    }
    // One after the other, each is alone.
    assert_eq!(told(&rules).2, 0);
}

#[test]
fn workers_share_a_rule() {
    const BURST: u64 = 100_000;
    let begun = Instant::now();
    let rules = throttles(&format!("** 1 burst={BURST}"));
    let served = Root::with(&[("large", &noise(1_000_000))]).serve_with(|config| {
        config.workers = NonZeroUsize::new(4).unwrap();
        config.throttles = Some(rules.clone());
    });

    let mut clients: Vec<Client> = (0..32).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.send(get("/large"));
    }
    wait_until(|| told(&rules).1 >= BURST - 1_000);

    let (_, bytes, _) = told(&rules);
    assert!(bytes <= BURST + begun.elapsed().as_secs() + 1, "{bytes}");
}

/// As with thttpd: the pattern is about the path from the document root, and so is the host's.
#[test]
fn a_rule_is_about_the_directory_of_a_host() {
    let rules = throttles("one.example/** 20M\n/a 20M\n**/a 20M");
    let root = Root::with(&[("one.example/a", b"one"), ("two.example/a", b"two")]);
    let served = root.serve_with(|config| {
        config.throttles = Some(rules.clone());
        config.site.hosts = Some(HostOptions::default());
    });
    let mut client = served.connect();

    let mut is_slowed = [false; 3];
    for (host, expected) in [
        ("two.example", [false, false, true]),
        ("one.example", [true, false, true]),
    ] {
        let before = rules.readings()[2].bytes;
        client.send(get("/a").replace("test", host));
        assert_eq!(client.response().status, 200);
        // What is sent is counted after the client may have it, by the last rule last.
        wait_until(|| rules.readings()[2].bytes > before);
        for (is, rule) in is_slowed.iter_mut().zip(rules.readings()) {
            *is = rule.bytes > 0;
        }
        assert_eq!(is_slowed, expected, "{host}");
    }
}

#[test]
fn new_rules_free_what_old_ones_held_back() {
    let rules = throttles("large 1 burst=1000\nsmall 1 burst=1000");
    let (large, small) = (noise(1_000_000), noise(30_000));
    let root = Root::with(&[("large", &large), ("small", &small)]);
    let served = serve(root, &rules);
    let mut clients = [served.connect(), served.connect()];
    for (client, name) in clients.iter_mut().zip(["/large", "/small"]) {
        client.send(get(name));
    }
    wait_until(|| rules.readings().iter().all(|one| one.bytes > 900));

    // One rule is another, and one is gone. What was taken of the old ones comes first, which
    // at a byte a second is a byte.
    rules.replace(&ThrottleRules::parse(b"large 500M").unwrap());

    assert!(clients[0].response().content == large);
    assert!(clients[1].response().content == small);
    assert_eq!(served.get("/small").content, small);
}
