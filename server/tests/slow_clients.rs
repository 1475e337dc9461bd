//! Clients that take their time: every wait ends.

mod support;

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;
use support::program::Program;
use support::{Client, PATIENCE, Root, Served, get, noise};

/// Short enough for a test, and nothing depends on its length.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_client_that_says_nothing_is_left_without_a_word() {
    let served = Root::new().serve_with(|config| config.timeouts.request = SHORT);

    served.connect().expect_close();

    assert!(served.log().is_empty());
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| config.timeouts.idle = SHORT);
    let mut client = served.connect();
    assert_eq!(client.get("/a").status, 200);

    client.expect_close();

    assert_eq!(served.log().len(), 1);
}

/// Some clients send an empty line behind a request; it begins no other (RFC 9112 2.2).
#[test]
fn an_empty_line_after_a_request_begins_none() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| {
        config.timeouts.idle = SHORT;
        config.timeouts.request = SHORT;
    });
    for empty in ["\r\n", "\r\n\r\n", "\r"] {
        let mut client = served.connect();
        client.send([&get("/a"), empty].concat());
        assert_eq!(client.response().status, 200);

        client.expect_close();
    }

    assert_eq!(served.log().len(), 3);
}

#[test]
fn a_late_head_gets_no_content_with_its_refusal() {
    let served = Root::new().serve_with(|config| config.timeouts.request = SHORT);
    let mut client = served.connect();
    client.send("\r\nHEAD /slow HTTP/1.1\r\n");

    assert_eq!(client.head().status, 408);

    client.half_close();
    client.expect_close();
    let log = served.log();
    assert_eq!((log.len(), log[0].2), (1, 0));
}

#[test]
fn a_request_that_does_not_end_is_refused() {
    let served = Root::new().serve_with(|config| config.timeouts.request = SHORT);
    let mut client = served.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: ");

    assert_eq!(client.response().status, 408);

    client.half_close();
    client.expect_close();
    let log = served.log();
    assert_eq!(log[0].0, "GET /slow HTTP/1.1");
    assert_eq!((log.len(), log[0].1), (1, 408));
}

/// The deadline is for the whole request: a byte now and then does not move it.
#[test]
fn a_request_that_trickles_in_is_refused() {
    let served = Root::new().serve_with(|config| config.timeouts.request = 4 * SHORT);
    let mut client = served.connect();
    client.stream.set_read_timeout(Some(SHORT / 5)).unwrap();
    client.send("GET / HTTP/1.1\r\nX: ");

    let mut sent = 0;
    let answered = loop {
        let mut byte = [0];
        // The read is the pause between two bytes.
        match client.stream.peek(&mut byte) {
            Ok(_) => break true,
            Err(_) if sent > 3_000 => break false,
            Err(_) => client.send("x"),
        }
        sent += 1;
    };

    assert!(answered, "{sent} bytes were taken one by one");
}

/// A request is whole with its content (RFC 9110 15.5.9), and has one deadline for all of it.
#[test]
fn a_content_that_does_not_end_is_refused() {
    let served = Root::with(&[("a", b"one")]).serve_with(|config| config.timeouts.request = SHORT);
    for content in [
        "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhalf",
    ] {
        let mut client = served.connect();
        client.send(format!("GET /a HTTP/1.1\r\nHost: t\r\n{content}"));

        assert_eq!(client.response().status, 408);
        client.half_close();
        client.expect_close();
    }
    let log = served.log();
    assert_eq!((log.len(), log[0].0.as_str()), (2, "GET /a HTTP/1.1"));
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let served = large_and_mid().serve_with(|config| config.timeouts.send = SHORT);
    // From a file and from memory.
    let requests = [get("/large"), get("/mid").repeat(500)];

    for (number, request) in requests.iter().enumerate() {
        let mut client = served.connect();
        client.send(request);
        while served.counters.totals().cut_off <= number as u64 {
            std::thread::yield_now();
        }
    }

    let log = served.log();
    assert!(
        log.iter()
            .any(|(line, _, bytes)| line.contains("large") && *bytes < 30_000_000)
    );
    assert!(
        log.iter()
            .any(|(line, _, bytes)| line.contains("mid") && *bytes < 60_000)
    );
}

/// A socket that was full can be written to again only when a good part of its buffer is free, for
/// which these clients take longer than the timeout; but something they take in each.
#[test]
fn a_client_that_reads_a_little_now_and_then_is_given_up_only_when_it_stops() {
    until_no_client_was_late(|timeout| {
        let served = large_and_mid().serve_with(|config| config.timeouts.send = timeout);
        let connect = || Client::connect_with_small_buffer(served.address);
        read_a_little_now_and_then(&served, timeout, connect)
    });
}

#[test]
fn nor_is_one_of_a_unix_socket() {
    until_no_client_was_late(|timeout| {
        let sockets = Root::new();
        let path = sockets.path("socket");
        let served = large_and_mid().serve_with(|config| {
            let listener = format!("unix:{}", path.display());
            config.listeners.push(listener.parse().unwrap());
            config.timeouts.send = timeout;
        });
        read_a_little_now_and_then(&served, timeout, || Client::connect_to_path(&path))
    });
}

/// A machine that was late itself proves nothing: again, with more time for all.
fn until_no_client_was_late(attempt: impl Fn(Duration) -> bool) {
    let mut timeout = 4 * SHORT;
    while !attempt(timeout) {
        timeout *= 2;
        assert!(timeout < PATIENCE, "this machine is too slow to tell");
    }
}

/// Files that are not kept in memory, and that are.
fn large_and_mid() -> Root {
    Root::with(&[("large", &noise(30_000_000)), ("mid", &noise(60_000))])
}

/// False when a client was cut off that was late.
fn read_a_little_now_and_then<S: Read + Write + AsFd>(
    served: &Served,
    timeout: Duration,
    connect: impl Fn() -> Client<S>,
) -> bool {
    /// More than a client's kernel holds back before it tells the server, and four times this
    /// is less than what the server's waits for.
    const A_LITTLE: usize = 32 * 1024;

    // From a file and from memory.
    let requests = [get("/large"), get("/mid").repeat(500)];
    let mut clients = requests.map(|request| {
        let mut client = connect();
        client.send(request);
        client
    });
    let started = Instant::now();
    let (mut last, mut longest) = (started, Duration::ZERO);
    while started.elapsed() < 5 * timeout {
        let mut all = clients.iter_mut();
        let read: io::Result<()> = all.try_for_each(|client| client.read_ahead(A_LITTLE));
        longest = longest.max(last.elapsed());
        if read.is_err() || served.counters.totals().cut_off > 0 {
            assert!(
                longest > timeout / 2,
                "cut off after {:?}, though no more than {longest:?} passed between two reads",
                started.elapsed()
            );
            return false;
        }
        last = Instant::now();
        wait_for_hangup(&clients, timeout / 4);
    }

    for client in clients {
        assert!(wait_for_hangup(&[client], PATIENCE), "kept for nothing");
    }
    true
}

/// Whether the server does not wait for one of them any longer, which ends the pause.
#[expect(clippy::unwrap_used, reason = "a test that cannot wait has failed")]
fn wait_for_hangup<S: AsFd>(clients: &[Client<S>], pause: Duration) -> bool {
    let hangup = |client| PollFd::new(client, PollFlags::RDHUP);
    let mut streams: Vec<_> = clients
        .iter()
        .map(|client| hangup(&client.stream))
        .collect();
    let pause = Timespec::try_from(pause).unwrap();
    poll(&mut streams, Some(&pause)).unwrap() > 0
}

#[test]
fn a_slow_reader_gets_everything_as_long_as_it_reads() {
    let large = noise(5_000_000);
    let served = Root::with(&[("large", &large)]).serve();
    let mut clients: Vec<_> = (0..10).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.send(get("/large"));
    }

    // One after the other, so that all but one wait.
    for client in &mut clients {
        assert!(client.response().content == large);
    }
}

#[test]
fn few_descriptors_are_enough_for_silent_clients_and_others() {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000))]);
    let address = ["-h", "127.0.0.1", "-p", "0", "--workers", "1"];
    let patient = ["-d", &root.dir(), "--request-timeout", "600s"];
    let program = Program::start_with_descriptors(64, &[&address[..], &patient[..]].concat());

    let _silent: Vec<_> = (0..8).map(|_| program.connect()).collect();

    for target in ["/a", "/large"] {
        assert_eq!(program.connect().get(target).status, 200);
    }
}
