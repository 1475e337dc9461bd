//! Many clients at a time, slow ones and hostile ones: whoever behaves is served.
//!
//! The server is a process of its own, so that its descriptors are not the test's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use socket2::SockRef;
use support::program::Program;
use support::{Client, PATIENCE, Root, get};

/// As many as a usual test may take the time for.
const SOME: usize = 500;

/// The pause between two bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(20);

fn start(root: &Root, args: &[&str]) -> Program {
    raise_descriptor_limit();
    let address = ["-h", "127.0.0.1", "-p", "0", "--workers", "1"];
    Program::start(&[&address[..], &["-d", &root.dir()], args].concat())
}

/// To what the system allows, for the test and for what it starts; returns that.
fn raise_descriptor_limit() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    maximum.map_or(usize::MAX, |maximum| maximum.try_into().unwrap())
}

/// So many clients that have sent `bytes`.
fn crowd(program: &Program, count: usize, bytes: &[u8]) -> Vec<Client> {
    let mut clients: Vec<_> = (0..count).map(|_| program.connect()).collect();
    for client in &mut clients {
        client.send(bytes);
    }
    clients
}

/// Somebody who comes now gets `/a`, on connections of his own.
fn serves_others(program: &Program) {
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(program.connect().get("/a").content, b"one");
        // A second is meant; the tests beside this one want the processors too.
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

/// Whether anything has come, or the connection is gone; does not wait.
fn has_heard(client: &Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).unwrap();
    !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Has each client send `byte` now and then, until it hears something.
fn drip(clients: &mut Vec<Client>, byte: &[u8]) -> Vec<Client> {
    let (mut heard, mut rounds) = (Vec::new(), 0);
    while let Some(first) = clients.first() {
        // The wait for the first is the pause for all.
        first.stream.set_read_timeout(Some(PAUSE)).unwrap();
        let _ = first.stream.peek(&mut [0]);
        first.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        heard.extend(clients.extract_if(.., |client| has_heard(client)));
        for client in &mut *clients {
            // One that has been ended meanwhile shows in the next round.
            let _ = client.stream.write_all(byte);
        }
        rounds += 1;
        assert!(rounds < 500, "{} are still waited for", clients.len());
    }
    heard
}

/// They hold their connections, and nothing else: each gets its answer once it has asked.
#[test]
fn unfinished_requests_hold_nobody_up() {
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &["--request-timeout", "600s"]);
    let mut clients = crowd(&program, SOME, b"GET /a HTTP/1.1\r\nHost: t\r\nX-Slow: ");

    serves_others(&program);
    for client in &mut clients {
        client.send("x");
    }
    serves_others(&program);

    for client in &mut clients {
        client.send("\r\n\r\n");
        assert_eq!(client.response().content, b"one");
    }
}

/// The deadline is for the whole head: a byte now and then does not move it.
#[test]
fn heads_that_drip_in_are_ended_all_together() {
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &["--request-timeout", "1s"]);
    let mut clients = crowd(&program, SOME, b"GET /a HTTP/1.1\r\nHost: t\r\nX-Slow: ");

    for mut client in drip(&mut clients, b"x") {
        assert_eq!(client.response().status, 408);
    }
    serves_others(&program);
}

/// And for the whole content, of which nothing is wanted.
#[test]
fn contents_that_drip_in_are_ended_all_together() {
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &["--request-timeout", "300ms"]);
    for (framing, byte) in [
        ("Content-Length: 1000000", &b"x"[..]),
        ("Transfer-Encoding: chunked", b"1\r\nx\r\n"),
    ] {
        for method in ["GET", "POST"] {
            let head = format!("{method} /a HTTP/1.1\r\nHost: t\r\n{framing}\r\n\r\n");
            let mut clients = crowd(&program, SOME / 10, head.as_bytes());
            for mut client in drip(&mut clients, byte) {
                assert_eq!(client.response().status, 408, "{head}");
            }
        }
    }
    serves_others(&program);
}

/// They are reset: a close alone would leave the kernel with what they do not take.
#[test]
fn clients_that_read_nothing_are_ended_and_hold_nobody_up() {
    let root = Root::with(&[("a", b"one")]);
    let large = fs::File::create(root.path("large")).unwrap();
    large.set_len(64 << 20).unwrap();
    let program = start(&root, &["--send-timeout", "1s"]);
    let mut other = program.connect();
    assert_eq!(other.get("/a").status, 200);
    let before = descriptors(&program);
    let clients = crowd(&program, SOME / 5, get("/large").as_bytes());

    serves_others(&program);
    until_descriptors_are(before, &program, &mut other);

    for mut client in clients {
        let (mut bytes, mut received) = (vec![0; 1 << 20], 0);
        let end = loop {
            match client.stream.read(&mut bytes) {
                Ok(read @ 1..) => received += read,
                end => break end,
            }
        };
        assert!(received < 64 << 20);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_crowd_is_served_on_connections_that_stay() {
    serve_a_crowd(SOME);
}

#[test]
#[ignore = "thousands of connections: see CONTRIBUTING.md"]
fn two_thousand_are_served_on_connections_that_stay() {
    serve_a_crowd(2_000);
}

#[test]
#[ignore = "thousands of connections: see CONTRIBUTING.md"]
fn ten_thousand_are_served_on_connections_that_stay() {
    serve_a_crowd(10_000);
}

/// All of them connected at the same time, each asking several times.
fn serve_a_crowd(count: usize) {
    // The server takes two descriptors for each connection, and leaves some aside.
    let count = count.min((raise_descriptor_limit() - 200) / 2);
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &["--idle-timeout", "600s"]);
    let mut clients: Vec<_> = (0..count).map(|_| program.connect()).collect();

    for _ in 0..3 {
        for client in &mut clients {
            client.send(get("/a"));
        }
        for client in &mut clients {
            assert_eq!(client.response().content, b"one");
        }
    }
    serves_others(&program);

    let kib = memory_kib(&program, "VmRSS:");
    assert!(kib < 64 * 1024 + 8 * count, "{count} clients, {kib} KiB");
    program.signal(Signal::TERM);
    for client in &mut clients {
        client.expect_close();
    }
    assert_eq!(program.wait().status, Some(0));
}

/// A connection that waits for its next request takes some 250 bytes, a server alone 600 KiB, or
/// 1,500 where nothing is optimised.
#[test]
fn a_server_and_idle_connections_take_little_memory() {
    const SERVER_MAX_KIB: usize = 4 * 1024;
    const IDLE_MAX: usize = 512;
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &["--idle-timeout", "600s"]);
    let ask = |count| -> Vec<_> {
        let mut clients: Vec<_> = (0..count).map(|_| program.connect()).collect();
        for client in &mut clients {
            client.send(get("/a"));
            assert_eq!(client.response().content, b"one");
        }
        clients
    };
    // What the first ones make the server allocate is not theirs.
    let _first = ask(20);
    let before = memory_kib(&program, "RssAnon:");
    assert!(before < SERVER_MAX_KIB, "{before} KiB");

    let _idle = ask(SOME);

    let now = memory_kib(&program, "RssAnon:");
    let each = now.saturating_sub(before) * 1024 / SOME;
    assert!(each < IDLE_MAX, "{each} bytes");
}

/// What the program has in memory, as a line of its status says.
fn memory_kib(program: &Program, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

/// thttpd with a full table of connections takes none, spins and fills the disk with messages.
#[test]
fn a_full_table_of_connections_is_left_by_those_who_are_late() {
    let root = Root::with(&[("a", b"one")]);
    let (dir, address) = (root.dir(), ["-h", "127.0.0.1", "-p", "0"]);
    let args = ["-d", &dir, "--workers", "1", "--request-timeout", "200ms"];
    let program = Program::start_with_descriptors(64, &[&address[..], &args].concat());
    let _silent = crowd(&program, 100, b"");

    serves_others(&program);

    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

/// The descriptors are gone, and another process has them: who is connected is served what is in
/// memory, the others wait in the kernel's queue until there are some again.
#[test]
fn a_shortage_of_descriptors_is_survived() {
    let root = Root::with(&[("a", b"one"), ("b", b"two")]);
    let program = start(&root, &[]);
    let mut connected = program.connect();
    assert_eq!(connected.get("/a").content, b"one");

    program.limit_descriptors(1);
    let mut waiting = crowd(&program, 50, get("/a").as_bytes());
    assert_eq!(connected.get("/b").status, 503);
    for _ in 0..1_000 {
        assert_eq!(connected.get("/nothing").status, 503);
    }
    program.limit_descriptors(1024);

    for client in &mut waiting {
        assert_eq!(client.response().content, b"one");
    }
    assert_eq!(connected.get("/b").content, b"two");
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.status, Some(0));
    let told = ended.stderr.matches("cannot accept connections").count();
    assert!((1..=10).contains(&told), "{}", ended.stderr);
}

/// Accepted, or not yet, when the reset comes; and with a request, or without one.
#[test]
fn clients_that_reset_at_once_leave_nothing_behind() {
    let root = Root::with(&[("a", b"one")]);
    let program = start(&root, &[]);
    let mut other = program.connect();
    assert_eq!(other.get("/a").status, 200);
    let before = descriptors(&program);
    for number in 0..2 * SOME {
        let mut client = program.connect();
        match number % 3 {
            0 => {}
            1 => client.send("GET /a HT"),
            _ => client.send(get("/a").repeat(20)),
        }
        SockRef::from(&client.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    serves_others(&program);

    until_descriptors_are(before, &program, &mut other);
}

/// It is opened once for all who ask within a while, what becomes of it is seen at once, and when
/// nobody asks any more, what was removed has its room on the disk back.
#[test]
fn a_large_file_is_held_open_only_while_it_is_asked_for() {
    let root = Root::with(&[("a", b"one"), ("large", &[b'l'; 300_000])]);
    let program = start(&root, &[]);
    let mut client = program.connect();
    assert_eq!(client.get("/a").status, 200);
    let before = descriptors(&program);

    for _ in 0..3 {
        assert_eq!(client.get("/large").content, [b'l'; 300_000]);
        assert!(descriptors(&program) <= before + 1);
    }
    root.file("large", &[b'm'; 200_000]);
    assert_eq!(client.get("/large").content, [b'm'; 200_000]);
    fs::remove_file(root.path("large")).unwrap();
    assert_eq!(client.get("/large").status, 404);

    until_descriptors_are(before, &program, &mut client);
}

/// Waits until the program has closed what it had opened beside these.
fn until_descriptors_are(count: usize, program: &Program, client: &mut Client) {
    let deadline = Instant::now() + PATIENCE;
    while descriptors(program) > count {
        assert!(
            Instant::now() < deadline,
            "{} are left",
            descriptors(program)
        );
        // Something to wait for.
        assert_eq!(client.get("/a").status, 200);
    }
}

fn descriptors(program: &Program) -> usize {
    let open = fs::read_dir(format!("/proc/{}/fd", program.pid()));
    open.unwrap().count()
}
