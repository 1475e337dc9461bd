//! The whole way, with the built programs: requests in, lines in spreadlogd's file out.
//!
//! The oracle is this test's own clients, not our counters. Every request has a target of its
//! own; what a client received whole must be in the file exactly once, what was cut off at most
//! once, each connection's lines in the order of its requests, and no line malformed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod client;
#[path = "../../../spread/tests/support/daemon.rs"]
mod daemon;
mod logs;
mod program;

use std::collections::HashMap;
use std::path::Path;
use std::thread;

use client::{Client, Outcome};
use daemon::Daemon;
use program::Program;

/// Enough that many exchanges are under way at once on every worker, few enough for a slow machine.
const CLIENTS: usize = 24;

#[test]
fn every_complete_response_of_two_servers_is_in_the_file_exactly_once() {
    let site = Site::new();
    let mut first = Program::start(&site.embedded());
    let mut second = Program::start(
        &[
            &site.serving()[..],
            &["--spread".into(), first.daemon_address()],
        ]
        .concat(),
    );

    let outcomes = run_clients(&[first.http_address(), second.http_address()]);
    second.terminate();
    first.terminate();

    check(&site.log(), &outcomes);
}

/// The same lines, with the daemon and the logging host in a process of their own.
#[test]
fn a_spreadlogd_of_its_own_writes_what_two_servers_publish() {
    let site = Site::new();
    let mut logging_host = Program::start_spreadlogd(&site.logging_host());
    // What a daemon delivers before that reaches nobody.
    logging_host.hear("joined");
    let mut servers = [0, 1].map(|_| {
        Program::start(
            &[
                &site.serving()[..],
                &["--spread".into(), logging_host.daemon_address()],
            ]
            .concat(),
        )
    });

    let outcomes = run_clients(&[servers[0].http_address(), servers[1].http_address()]);
    for server in servers {
        server.terminate();
    }
    logging_host.terminate();

    check(&site.log(), &outcomes);
}

/// The same lines once more, through a real Spread daemon.
#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_real_daemon_carries_what_two_servers_publish() {
    let site = Site::new();
    let daemon = Daemon::start().unwrap();
    let mut logging_host = Program::start_spreadlogd(&site.subscribed_to(&daemon));
    logging_host.hear("joined");
    let mut servers = [0, 1].map(|_| Program::start(&site.publishing_to(&daemon)));

    let outcomes = run_clients(&[servers[0].http_address(), servers[1].http_address()]);
    for server in servers {
        server.terminate();
    }
    logging_host.terminate();

    check(&site.log(), &outcomes);
}

/// Nobody waits for a daemon that was killed, and its successor gets every line.
#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn what_is_served_without_a_daemon_is_in_the_file_once_there_is_one_again() {
    let site = Site::new();
    let mut daemon = Daemon::start().unwrap();
    let mut logging_host = Program::start_spreadlogd(&site.subscribed_to(&daemon));
    logging_host.hear("joined");
    let mut servers = [0, 1].map(|_| Program::start(&site.publishing_to(&daemon)));
    for server in &mut servers {
        server.hear("connected");
    }
    let addresses = [servers[0].http_address(), servers[1].http_address()];

    daemon.stop().unwrap();
    let outcomes = run_clients(&addresses);
    daemon.start_again().unwrap();
    logging_host.hear("joined");
    for server in servers {
        server.terminate();
    }
    logging_host.terminate();

    check(&site.log(), &outcomes);
}

fn run_clients(servers: &[std::net::SocketAddr]) -> Vec<Outcome> {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let server = servers[number % servers.len()];
            thread::spawn(move || Client::new(number, server).run())
        })
        .collect();
    clients
        .into_iter()
        .flat_map(|client| client.join().unwrap())
        .collect()
}

/// What the clients saw against what the file says.
fn check(log: &Path, outcomes: &[Outcome]) {
    let text = std::fs::read(log).unwrap();
    let mut lines_of: HashMap<String, Vec<usize>> = HashMap::new();
    assert!(text.ends_with(b"\n"), "the last line is whole");
    for (number, line) in text.split_inclusive(|&b| b == b'\n').enumerate() {
        let record = spread_logger::Format::Combined
            .parse(line)
            .unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()));
        let request_line = String::from_utf8(record.request_line.to_vec()).unwrap();
        let target = request_line.split(' ').nth(1).unwrap().to_owned();
        lines_of.entry(target).or_default().push(number);
    }

    let mut last_line_of_connection: HashMap<(usize, usize), usize> = HashMap::new();
    for outcome in outcomes {
        let lines = lines_of.remove(&outcome.target).unwrap_or_default();
        match outcome.complete {
            true => assert_eq!(lines.len(), 1, "complete: {}", outcome.target),
            false => assert!(lines.len() <= 1, "cut off: {}", outcome.target),
        }
        if let Some(&line) = lines.first() {
            let last = last_line_of_connection
                .entry(outcome.connection)
                .or_default();
            assert!(*last <= line, "out of order: {}", outcome.target);
            *last = line;
        }
    }
    assert!(
        lines_of.is_empty(),
        "nobody asked for {:?}",
        lines_of.keys()
    );
}

fn address_of(daemon: &Daemon) -> String {
    format!("{}@127.0.0.1", daemon.port())
}

/// A document root and a place for logs, in a temporary folder.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("www");
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join("small.html"), "<p>small</p>\n").unwrap();
        // Over what the socket buffers of both ends hold, so that an abort cuts it off.
        std::fs::write(root.join("large.bin"), vec![7; 24 << 20]).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("logs/access_log")
    }

    /// Options of a server on any free port of loopback.
    fn serving(&self) -> Vec<String> {
        let options = ["-h", "127.0.0.1", "-p", "0", "--workers", "2", "-d"];
        let sockets = ["--spread-socket-dir".to_owned(), self.path("")];
        let options = options.map(str::to_owned).into_iter();
        options.chain([self.path("www")]).chain(sockets).collect()
    }

    fn publishing_to(&self, daemon: &Daemon) -> Vec<String> {
        let options = ["--spread".into(), address_of(daemon)];
        [&self.serving()[..], &options].concat()
    }

    fn subscribed_to(&self, daemon: &Daemon) -> Vec<String> {
        let file = self.log().to_string_lossy().into_owned();
        std::fs::create_dir_all(self.path("logs")).unwrap();
        let options = ["--group", "access_log", "--file"].map(str::to_owned);
        [&options[..], &[file, "--spread".into(), address_of(daemon)]].concat()
    }

    fn embedded(&self) -> Vec<String> {
        let embedded = ["--status", "none", "--spread", "embedded:0", "--log-dir"];
        let embedded = embedded.map(str::to_owned);
        [self.serving(), embedded.to_vec(), vec![self.path("logs")]].concat()
    }

    fn logging_host(&self) -> Vec<String> {
        let file = self.log().to_string_lossy().into_owned();
        std::fs::create_dir_all(self.path("logs")).unwrap();
        let options = ["--hub", "0", "--group", "access_log", "--file"].map(str::to_owned);
        let sockets = ["--spread-socket-dir".to_owned(), self.path("")];
        [&options[..], &[file], &sockets].concat()
    }
}
