//! The publisher against a real Spread daemon, by TCP and by its Unix socket, and over a restart.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

#[path = "../../spread/tests/support/daemon.rs"]
mod daemon;
mod support;

use std::path::Path;
use std::time::Duration;

use daemon::Daemon;
use spread::client::{ConnectOptions, Session, connect};
use spread::{Address, Delivery, GroupName, Message};
use spread_logger::{RingOptions, ring};
use support::{Running, log_lines, numbers, options, text};
use tokio::time::timeout;

/// A client that has joined the group, which on a new daemon takes two seconds.
async fn reader(daemon: &Daemon) -> Session {
    let connect_options = ConnectOptions {
        membership: true,
        ..ConnectOptions::default()
    };
    let address = Address::Path(daemon.socket());
    let mut session = connect(&address, &connect_options).await.unwrap();
    let group = GroupName::new("access_log").unwrap();
    session.sender.join(group).unwrap();
    session.sender.flush().await.unwrap();
    let joined = within(session.receiver.recv()).await.unwrap();
    assert!(matches!(joined, Delivery::Membership(_)));
    session
}

/// Reads messages up to the one that ends in this line.
async fn read_to(session: &mut Session, line: usize) -> Vec<Message> {
    let last = format!("\"{line:06}\" 200 1 \"-\" \"-\"\n");
    let mut messages: Vec<Message> = Vec::new();
    while !messages
        .last()
        .is_some_and(|message| message.body.ends_with(last.as_bytes()))
    {
        if let Delivery::Message(message) = within(session.receiver.recv()).await.unwrap() {
            messages.push(message);
        }
    }
    messages
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), future).await.unwrap()
}

#[tokio::test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
async fn every_line_goes_through_a_real_daemon_once() {
    let daemon = Daemon::start().unwrap();
    let mut reader = reader(&daemon).await;
    for address in [
        format!("{}@localhost", daemon.port()),
        daemon.port().to_string(),
    ] {
        let (mut log, drain) = ring(&RingOptions {
            bytes: 8 << 20,
            ..RingOptions::default()
        });
        let mut running = Running::start(options(&[Path::new(&address)]), vec![drain]);

        log_lines(&mut log, 0..50_000);
        drop(log);
        running.stop();
        let messages = read_to(&mut reader, 49_999).await;
        let books = within(running.task).await.unwrap();

        assert!(
            text(&messages)
                .into_iter()
                .eq((0..50_000).map(|i| format!("{i:06}")))
        );
        assert!(numbers(&messages).into_iter().eq(1..=messages.len() as u64));
        assert_eq!((books.lines, books.waiting), (50_000, 0), "{address}");
        assert_eq!(books.lost.total(), 0);
    }
}

/// What was in flight when the daemon died may be missing; nothing comes twice or out of order.
#[tokio::test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
async fn a_real_daemon_that_comes_back_gets_what_waited() {
    let mut daemon = Daemon::start().unwrap();
    let mut before = reader(&daemon).await;
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&daemon.socket()]), vec![drain]);

    log_lines(&mut log, 0..1000);
    let mut messages = read_to(&mut before, 999).await;
    daemon.stop().unwrap();
    daemon.start_again().unwrap();
    let mut after = reader(&daemon).await;
    log_lines(&mut log, 1000..2000);
    messages.extend(read_to(&mut after, 1999).await);
    drop(log);
    running.stop();
    let books = within(running.task).await.unwrap();

    assert!(numbers(&messages).is_sorted_by(|a, b| a < b));
    assert!(text(&messages).is_sorted_by(|a, b| a < b));
    assert_eq!((books.lines, books.waiting), (2000, 0));
}
