//! Publishers, our own hub and a Spread client that reads along, over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spread::client::{ConnectOptions, Session, connect};
use spread::hub::{Hub, HubOptions};
use spread::stream::{Instance, numbered};
use spread::{Address, Delivery, GroupName, Message};
use spread_logger::{LineRefused, RingOptions, WhenFull, line_ring, ring};
use support::{Running, log_lines, numbers, options, text};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A hub, and a directory whose `4803` leads to its socket once it is open to publishers.
struct RunningHub {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    socket: PathBuf,
    door: PathBuf,
}

impl RunningHub {
    async fn start(dir: &Path) -> Self {
        let hub = Hub::bind(HubOptions {
            port: 0,
            socket_dir: Some(dir.to_owned()),
            ..HubOptions::default()
        });
        let hub = hub.await.unwrap();
        let socket = hub.socket_path().unwrap().to_owned();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(hub.run(async {
            stopped.await.unwrap();
        }));
        Self {
            task,
            stop,
            socket,
            door: dir.join("4803"),
        }
    }

    fn open(&self) {
        std::os::unix::fs::symlink(&self.socket, &self.door).unwrap();
    }

    async fn stop(self) {
        drop(std::fs::remove_file(&self.door));
        self.stop.send(()).unwrap();
        within(self.task).await.unwrap();
    }

    /// A client that has joined the group.
    async fn reader(&self) -> Session {
        let connect_options = ConnectOptions {
            membership: true,
            ..ConnectOptions::default()
        };
        let address = Address::Path(self.socket.clone());
        let mut session = connect(&address, &connect_options).await.unwrap();
        let group = GroupName::new("access_log").unwrap();
        session.sender.join(group).unwrap();
        session.sender.flush().await.unwrap();
        let joined = within(session.receiver.recv()).await.unwrap();
        assert!(matches!(joined, Delivery::Membership(_)));
        session
    }
}

/// Reads messages until `lines` lines are there.
async fn read(session: &mut Session, lines: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut read = 0;
    while read < lines {
        if let Delivery::Message(message) = within(session.receiver.recv()).await.unwrap() {
            read += message.body.iter().filter(|b| **b == b'\n').count();
            messages.push(message);
        }
    }
    messages
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), future).await.unwrap()
}

#[tokio::test]
async fn lines_of_two_publishers_arrive_once_and_each_in_its_order() {
    let dir = TempDir::new().unwrap();
    let hub = RunningHub::start(dir.path()).await;
    let mut reader = hub.reader().await;
    hub.open();
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let (mut log, drain) = ring(&RingOptions {
            bytes: 4 << 20,
            ..RingOptions::default()
        });
        let mut running = Running::start(options(&[&hub.door]), vec![drain]);
        log_lines(&mut log, 0..10_000);
        drop(log);
        running.stop();
        tasks.push(running.task);
    }

    let messages = read(&mut reader, 20_000).await;
    for task in tasks {
        let books = within(task).await.unwrap();
        assert_eq!((books.lines, books.waiting), (10_000, 0));
        assert_eq!(books.lost.total(), 0);
    }

    let mut streams: BTreeMap<Instance, Vec<Message>> = BTreeMap::new();
    for message in messages {
        let (instance, _) = numbered(&message).unwrap();
        streams.entry(instance).or_default().push(message);
    }
    assert_eq!(streams.len(), 2);
    for messages in streams.values() {
        assert!(numbers(messages).into_iter().eq(1..=messages.len() as u64));
        let lines = text(messages);
        assert!(lines.into_iter().eq((0..10_000).map(|i| format!("{i:06}"))));
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_that_comes_back_gets_what_waited() {
    let dir = TempDir::new().unwrap();
    let first = RunningHub::start(dir.path()).await;
    let mut before = first.reader().await;
    first.open();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&first.door]), vec![drain]);

    log_lines(&mut log, 0..100);
    let mut messages = read(&mut before, 100).await;
    first.stop().await;
    within(async {
        while running.counters.connected_to().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    log_lines(&mut log, 100..200);
    within(async {
        while running.counters.books().waiting < 100 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let second = RunningHub::start(dir.path()).await;
    let mut after = second.reader().await;
    second.open();
    messages.extend(read(&mut after, 100).await);
    drop(log);
    running.stop();
    let books = within(running.task).await.unwrap();

    assert!(
        text(&messages)
            .into_iter()
            .eq((0..200).map(|i| format!("{i:06}")))
    );
    assert!(numbers(&messages).into_iter().eq(1..=messages.len() as u64));
    assert_eq!((books.lines, books.waiting), (200, 0));
    second.stop().await;
}

/// Twenty times what it may keep, and no daemon at first.
#[tokio::test]
async fn a_publisher_that_may_wait_loses_nothing() {
    let dir = TempDir::new().unwrap();
    let hub = RunningHub::start(dir.path()).await;
    let mut reader = hub.reader().await;
    let (mut log, drain) = line_ring(0);
    let mut options = options(&[&hub.door]);
    options.buffer_bytes = spread_logger::BUFFER_MIN;
    options.when_full = WhenFull::Wait;
    let mut publisher = Running::start(options, vec![drain]);
    let (full, is_full) = oneshot::channel();
    let feeding = tokio::task::spawn_blocking(move || {
        let mut full = Some(full);
        for n in 0..LINES {
            let line = format!("{n:0100}\n");
            while log.offer(line.as_bytes()) == Err(LineRefused::Full) {
                full.take().map(|full| full.send(()));
                std::thread::yield_now();
            }
        }
    });
    within(is_full).await.unwrap();
    hub.open();

    let messages = within(read(&mut reader, LINES)).await;
    within(feeding).await.unwrap();
    publisher.stop();
    let books = within(publisher.task).await.unwrap();

    let all: Vec<u8> = messages.iter().flat_map(|m| m.body.to_vec()).collect();
    let expected: String = (0..LINES).map(|n| format!("{n:0100}\n")).collect();
    assert!(all == expected.as_bytes(), "{} bytes", all.len());
    assert_eq!((books.lines, books.lost.total()), (LINES as u64, 0));
    hub.stop().await;
}

const LINES: usize = 100_000;
