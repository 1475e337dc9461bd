//! What a publisher does, as a daemon sees it and as its books tell it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use spread::{Message, PrivateGroup, Request, Service};
use spread_logger::{RingOptions, ring};
use support::{Daemon, Running, log_lines, numbers, options, sentences, text, told};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

fn expected(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| format!("{i:06}")).collect()
}

fn counting_from(first: u64, count: usize) -> Vec<u64> {
    (first..).take(count).collect()
}

#[tokio::test(start_paused = true)]
async fn every_line_arrives_once_in_numbered_messages() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);

    log_lines(&mut log, 0..3000);
    drop(log);
    running.stop();
    let mut peer = daemon.accept().await;
    let messages = peer.until_the_end().await;
    let books = running.task.await.unwrap();

    assert_eq!(text(&messages), expected(0..3000));
    assert_eq!(numbers(&messages), counting_from(1, messages.len()));
    for message in &messages {
        assert_eq!(message.service, Service::Agreed);
        assert_eq!(message.mess_type, 0);
        assert_eq!(message.groups[0].as_bytes(), b"access_log");
        assert!(message.body.len() <= 32 * 1024);
    }
    assert_eq!((books.lines, books.waiting), (3000, 0));
    assert_eq!(books.lost.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn several_rings_go_into_one_stream_each_in_its_order() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut even, first) = ring(&RingOptions::default());
    let (mut odd, second) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![first, second]);

    for i in (0..1000).step_by(2) {
        log_lines(&mut even, i..i + 1);
        log_lines(&mut odd, i + 1..i + 2);
    }
    drop((even, odd));
    running.stop();
    let messages = daemon.accept().await.until_the_end().await;

    let lines = text(&messages);
    let (even, odd): (Vec<_>, Vec<_>) = lines
        .iter()
        .partition(|line| line.ends_with(['0', '2', '4', '6', '8']));
    assert_eq!((even.len(), odd.len()), (500, 500));
    assert!(even.is_sorted() && odd.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_no_longer_than_its_oldest_line_may() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions::default());
    let _running = Running::start(options(&[&socket]), vec![drain]);
    let mut peer = daemon.accept().await;
    peer.acknowledge(1, 0).await;
    sleep(Duration::from_millis(20)).await;
    let logged_at = Instant::now();

    log_lines(&mut log, 0..1);
    let message = peer.message().await;

    assert_eq!(text(&[message]), expected(0..1));
    let waited = logged_at.elapsed();
    assert!(waited <= Duration::from_millis(140), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_per_message_when_asked_for() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions::default());
    let mut options = options(&[&socket]);
    options.batch_lines = NonZeroU64::new(1);
    let mut running = Running::start(options, vec![drain]);

    log_lines(&mut log, 0..500);
    drop(log);
    running.stop();
    let messages = daemon.accept().await.until_the_end().await;

    assert_eq!(messages.len(), 500);
    assert_eq!(text(&messages), expected(0..500));
}

#[tokio::test(start_paused = true)]
async fn lines_wait_for_a_daemon_that_is_not_there_yet() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let (told, _guard) = told();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);

    log_lines(&mut log, 0..1000);
    sleep(Duration::from_secs(60)).await;
    let waiting = running.counters.books();
    let daemon = Daemon::bind(&socket);
    let mut peer = daemon.accept().await;
    let mut messages = peer.messages_of(1000).await;
    drop(log);
    running.stop();
    messages.extend(peer.until_the_end().await);
    running.task.await.unwrap();

    assert_eq!((waiting.lines, waiting.waiting), (1000, 1000));
    assert_eq!(text(&messages), expected(0..1000));
    let address = socket.display();
    assert_eq!(
        sentences(&told),
        [
            format!(
                "WARN no Spread daemon at {address} yet; keeping up to 64 MiB of lines, then \
                 dropping and counting. One comes with: spreadlogd --hub 4803, or use --spread \
                 embedded"
            ),
            format!("INFO connected to the Spread daemon at {address}: 1000 lines waited, 0 lost"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_buffer_cannot_hold_is_counted_to_the_line() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let (told, _guard) = told();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut options = options(&[&socket]);
    options.buffer_bytes = 256 * 1024;
    let mut running = Running::start(options, vec![drain]);

    log_lines(&mut log, 0..8000);
    sleep(Duration::from_secs(1)).await;
    let books = running.counters.books();
    let daemon = Daemon::bind(&socket);
    let mut peer = daemon.accept().await;
    drop(log);
    running.stop();
    let messages = peer.until_the_end().await;
    let end = running.task.await.unwrap();

    let lost = usize::try_from(books.lost.buffer_full).unwrap();
    assert!(lost > 0);
    assert_eq!(books.waiting, books.lines);
    assert_eq!(books.lines + books.lost.buffer_full, 8000);
    assert_eq!(text(&messages), expected(lost..8000), "the newest are kept");
    let first = numbers(&messages)[0];
    assert!(first > 1, "numbers of lost messages are not used again");
    assert_eq!(numbers(&messages), counting_from(first, messages.len()));
    assert_eq!((end.lost, end.waiting), (books.lost, 0));
    let connected = sentences(&told)
        .into_iter()
        .find(|told| told.contains("connected to"));
    assert!(
        connected
            .unwrap()
            .contains(&format!("{} lines waited, {lost} lost", books.waiting))
    );
}

/// The first daemon takes what fits its socket and then no more, in the middle of a frame. What
/// its socket has taken whole does not come again; the rest does, from the frame that was cut.
#[tokio::test(start_paused = true)]
async fn a_half_written_frame_goes_again_on_the_next_connection() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);

    let first = daemon.accept().await;
    let first_name = first.private_group;
    log_lines(&mut log, 0..8000);
    sleep(Duration::from_secs(5)).await;
    let (mut messages, cut) = first.go();
    let whole = messages.len();
    let mut second = daemon.accept().await;
    drop(log);
    running.stop();
    messages.extend(second.until_the_end().await);
    let books = running.task.await.unwrap();

    assert!(whole > 0 && whole < messages.len());
    assert!(cut > 0, "of the next frame it had the beginning");
    assert_ne!(first_name, second.private_group);
    assert_eq!(numbers(&messages), counting_from(1, messages.len()));
    assert_eq!(text(&messages), expected(0..8000));
    assert_eq!((books.lines, books.waiting), (8000, 0));
}

#[tokio::test(start_paused = true)]
async fn all_connections_are_of_one_instance() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (log, drain) = ring(&RingOptions::default());
    let _running = Running::start(options(&[&socket]), vec![drain]);

    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(daemon.accept().await.private_group);
    }

    let instance = |group: &PrivateGroup| spread::stream::Instance::of_sender((*group).into());
    assert!(
        names
            .iter()
            .all(|name| instance(name) == instance(&names[0]))
    );
    assert!(instance(&names[0]).is_some());
    assert!(names[0] != names[1] && names[1] != names[2]);
    drop(log);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_takes_nothing_is_given_up_for_the_next() {
    let dir = TempDir::new().unwrap();
    let (silent, other) = (dir.path().join("silent"), dir.path().join("other"));
    let (silent_daemon, other_daemon) = (Daemon::bind(&silent), Daemon::bind(&other));
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&silent, &other]), vec![drain]);

    let peer = silent_daemon.accept().await;
    log_lines(&mut log, 0..8000);
    let mut next = other_daemon.accept().await;
    drop(log);
    running.stop();
    let messages = next.until_the_end().await;
    let books = running.task.await.unwrap();

    assert!(!messages.is_empty());
    assert_eq!(text(&messages).last(), expected(0..8000).last());
    assert_eq!((books.lines, books.waiting), (8000, 0));
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn the_second_address_is_used_until_the_first_is_back() {
    let dir = TempDir::new().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let second_daemon = Daemon::bind(&second);
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&first, &second]), vec![drain]);

    let mut peer = second_daemon.accept().await;
    log_lines(&mut log, 0..10);
    let mut messages = peer.messages_of(10).await;
    let used = running.counters.connected_to().unwrap().to_string();
    let first_daemon = Daemon::bind(&first);
    let mut back = first_daemon.accept().await;
    peer.until_disconnect().await;
    log_lines(&mut log, 10..20);
    messages.extend(back.messages_of(10).await);
    let used_then = running.counters.connected_to().unwrap().to_string();
    drop(log);
    running.stop();
    messages.extend(back.until_the_end().await);

    assert_eq!(used, second.display().to_string());
    assert_eq!(used_then, first.display().to_string());
    assert_eq!(text(&messages), expected(0..20));
    assert_eq!(numbers(&messages), counting_from(1, messages.len()));
}

#[tokio::test(start_paused = true)]
async fn the_stop_waits_for_the_last_message_to_come_back() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);
    let mut peer = daemon.accept().await;
    log_lines(&mut log, 0..10);

    running.stop();
    sleep(Duration::from_secs(1)).await;
    assert!(!running.task.is_finished(), "a log is still there");
    log_lines(&mut log, 10..20);
    drop(log);
    let (messages, last) = peer.messages_until_last().await;
    let forged = Message {
        sender: PrivateGroup::new("#other#web01").unwrap().into(),
        ..last.clone()
    };
    peer.deliver(forged).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!running.task.is_finished(), "it has not come back");
    peer.deliver(last).await;
    assert_eq!(peer.request().await, Some(Request::Disconnect));
    drop(peer);
    let books = running.task.await.unwrap();

    assert_eq!(text(&messages), expected(0..20));
    assert_eq!((books.lines, books.waiting), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_daemon_ends_in_its_time_and_counts_what_is_left() {
    let dir = TempDir::new().unwrap();
    let (told, _guard) = told();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&dir.path().join("4803")]), vec![drain]);
    log_lines(&mut log, 0..100);
    drop(log);
    let began = Instant::now();

    running.stop();
    let books = running.task.await.unwrap();

    let took = began.elapsed();
    assert!((9_990..=10_100).contains(&took.as_millis()), "{took:?}");
    assert_eq!((books.lines, books.waiting), (100, 100));
    let said = sentences(&told).pop().unwrap();
    assert!(
        said.starts_with("WARN stopped with 100 log lines that no Spread daemon"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nothing_to_send_does_not_wait_for_a_daemon() {
    let dir = TempDir::new().unwrap();
    let (log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&dir.path().join("4803")]), vec![drain]);
    sleep(Duration::from_secs(1)).await;
    drop(log);
    let began = Instant::now();

    running.stop();
    running.task.await.unwrap();

    assert!(began.elapsed() <= Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_up_with_a_daemon_that_comes_back() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);
    log_lines(&mut log, 0..100);
    drop(log);

    running.stop();
    sleep(Duration::from_secs(3)).await;
    let messages = Daemon::bind(&socket).accept().await.until_the_end().await;
    let books = running.task.await.unwrap();

    assert_eq!(text(&messages), expected(0..100));
    assert_eq!(books.waiting, 0);
}

/// 6.7 MB: at the pace of a backlog that would take 1.7 s.
#[tokio::test(start_paused = true)]
async fn a_stop_sends_a_backlog_as_fast_as_its_time_demands() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let (mut log, drain) = ring(&RingOptions {
        bytes: 8 << 20,
        ..RingOptions::default()
    });
    let mut options = options(&[&socket]);
    options.stop_timeout = Duration::from_secs(1);
    let mut running = Running::start(options, vec![drain]);
    log_lines(&mut log, 0..100_000);
    drop(log);
    sleep(Duration::from_secs(5)).await;

    let daemon = Daemon::bind(&socket);
    let mut peer = daemon.accept().await;
    running.stop();
    let messages = peer.until_the_end().await;
    let books = running.task.await.unwrap();

    assert_eq!(text(&messages), expected(0..100_000));
    assert_eq!((books.lines, books.waiting), (100_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_is_always_read() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (log, drain) = ring(&RingOptions::default());
    let _running = Running::start(options(&[&socket]), vec![drain]);
    let mut peer = daemon.accept().await;

    // 10 MB, many times what the sockets hold: each is written only because others were read.
    for _ in 0..10_000 {
        let message = Message {
            service: Service::Fifo,
            self_discard: false,
            sender: PrivateGroup::new("#other#web01").unwrap().into(),
            groups: vec![peer.private_group.into()],
            mess_type: 1,
            foreign_endian: false,
            body: Bytes::from_static(&[b'x'; 1000]),
        };
        peer.deliver(message).await;
    }
    drop(log);
}

#[tokio::test(start_paused = true)]
async fn lines_that_a_full_ring_dropped_are_in_the_books() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (mut log, drain) = ring(&RingOptions {
        bytes: 32 * 1024,
        ..RingOptions::default()
    });
    let mut running = Running::start(options(&[&socket]), vec![drain]);

    // The publisher is on this thread, so it does not drain before the next await.
    log_lines(&mut log, 0..1000);
    drop(log);
    running.stop();
    let messages = daemon.accept().await.until_the_end().await;
    let books = running.task.await.unwrap();

    assert!(books.lost.queue_full > 0);
    assert_eq!(books.lines + books.lost.total(), 1000);
    assert_eq!(text(&messages).len(), usize::try_from(books.lines).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_throws_sessions_out_is_left_for_the_next() {
    let dir = TempDir::new().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let (hostile, other) = (Daemon::bind(&first), Daemon::bind(&second));
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&first, &second]), vec![drain]);

    drop(hostile.accept().await);
    let mut peer = other.accept().await;
    log_lines(&mut log, 0..10);
    drop(log);
    running.stop();
    let messages = peer.until_the_end().await;

    assert_eq!(text(&messages), expected(0..10));
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_of_a_connection_lost_and_of_the_next() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let daemon = Daemon::bind(&socket);
    let (told, _guard) = told();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&socket]), vec![drain]);

    let mut peer = daemon.accept().await;
    peer.any_message().await;
    drop((peer, daemon));
    sleep(Duration::from_secs(60)).await;
    log_lines(&mut log, 0..10);
    sleep(Duration::from_secs(1)).await;
    std::fs::remove_file(&socket).unwrap();
    let mut peer = Daemon::bind(&socket).accept().await;
    drop(log);
    running.stop();
    peer.until_the_end().await;
    running.task.await.unwrap();

    let address = socket.display();
    // The control was on its way: which of both ends the system tells of first is not said.
    let told = sentences(&told).into_iter().map(|sentence| {
        let closed = sentence.replace("broke: Broken pipe (os error 32)", "closed");
        closed.replace("the daemon closed the connection", "the connection closed")
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            format!("INFO connected to the Spread daemon at {address}: 0 lines waited, 0 lost"),
            format!(
                "WARN the connection to the Spread daemon at {address} is gone: the connection \
                 closed; keeping up to 64 MiB of lines, then dropping and counting"
            ),
            format!("INFO connected to the Spread daemon at {address}: 10 lines waited, 0 lost"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_ring_past_half_is_drained_before_its_time() {
    let dir = TempDir::new().unwrap();
    let (mut log, drain) = ring(&RingOptions {
        bytes: 128 * 1024,
        ..RingOptions::default()
    });
    let running = Running::start(options(&[&dir.path().join("4803")]), vec![drain]);
    sleep(Duration::from_millis(30)).await;
    let began = Instant::now();

    log_lines(&mut log, 0..1000);
    while running.counters.books().lines < 1000 {
        tokio::task::yield_now().await;
    }

    assert!(began.elapsed() < Duration::from_millis(10));
}

/// Refused before anything is opened, with what to choose instead.
#[test]
fn options_out_of_range_are_refused() {
    let refused = |change: fn(&mut spread_logger::PublisherOptions)| {
        let mut options = options(&[std::path::Path::new("/socket")]);
        change(&mut options);
        spread_logger::Publisher::new(options, Vec::new())
            .unwrap_err()
            .to_string()
    };

    assert_eq!(
        refused(|options| options.message_max = 65_537),
        "messages of at most 65537 bytes: choose from 512 to 65536"
    );
    assert_eq!(
        refused(|options| options.buffer_bytes = 1024),
        "a buffer of 1024 bytes: choose at least 131072"
    );
    assert_eq!(
        refused(|options| options.service = Service::Reliable),
        "service type Reliable does not keep the order of lines: choose fifo, agreed or safe"
    );
    assert_eq!(
        refused(|options| options.group = spread::GroupName::new("g".repeat(28)).unwrap()),
        "group gggggggggggggggggggggggggggg has 28 bytes: choose a name of at most 27 to log to"
    );
}
