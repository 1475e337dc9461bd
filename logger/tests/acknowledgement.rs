//! What a publisher and the logging hosts say to each other, as a daemon sees it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::time::Duration;

use spread::stream::{Bye, HostId, Notice};
use spread::{Message, Name, PrivateGroup, Service};
use spread_logger::{Log, PublisherOptions, RingOptions, ring};
use support::{Daemon, Peer, Running, log_lines, numbers, options, sentences, told};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// A publisher, and its connection to a daemon.
struct Scene {
    _dir: TempDir,
    daemon: Daemon,
    log: Log,
    running: Running,
    peer: Peer,
}

impl Scene {
    async fn set(change: impl FnOnce(&mut PublisherOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("4803");
        let daemon = Daemon::bind(&socket);
        let (log, drain) = ring(&RingOptions::default());
        let mut options = options(&[&socket]);
        change(&mut options);
        let running = Running::start(options, vec![drain]);
        let peer = daemon.accept().await;
        Self {
            _dir: dir,
            daemon,
            log,
            running,
            peer,
        }
    }

    /// Logs so many lines, each a message of its own.
    async fn messages(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        for i in 0..count {
            log_lines(&mut self.log, i..i + 1);
            messages.push(self.peer.message().await);
        }
        messages
    }

    /// Lets the publisher read what it was sent.
    async fn read(&self) {
        sleep(Duration::from_millis(50)).await;
    }
}

fn host(host: u64) -> Name {
    PrivateGroup::new(format!("#host{host}#log"))
        .unwrap()
        .into()
}

fn named(names: &[Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn a_control_goes_first_on_every_connection_and_data_when_a_host_has_answered() {
    let Scene {
        _dir,
        daemon,
        mut log,
        mut running,
        mut peer,
    } = Scene::set(|_| {}).await;
    let began = Instant::now();
    log_lines(&mut log, 0..1);

    for connection in 0..2 {
        let first = peer.any_message().await;
        let own = Name::from(peer.private_group);
        assert_eq!(
            named(&first.groups),
            ["access_log.ctl", ".ctl", &own.to_string()]
        );
        assert_eq!(first.service, Service::Agreed);
        let Ok(Notice::Control(control)) = Notice::parse(&first.body) else {
            panic!("{first:?}");
        };
        assert_eq!(control.instance, peer.instance());
        assert_eq!((control.next.get(), control.retained.get()), (1, 1));
        assert_eq!(control.program, "spread-logger");
        assert!(!control.leaving);
        if connection == 0 {
            drop(peer);
            peer = daemon.accept().await;
        }
    }
    peer.acknowledge(1, 0).await;
    assert_eq!(numbers(&[peer.message().await]), [1]);

    assert!(began.elapsed() < Duration::from_secs(1));
    running.stop();
}

#[tokio::test(start_paused = true)]
async fn what_a_host_asks_for_is_sent_again_to_it_alone() {
    let mut scene = Scene::set(|_| {}).await;
    let sent = scene.messages(4).await;

    scene.peer.ask(7, 2..=3).await;
    let again = [scene.peer.message().await, scene.peer.message().await];
    scene.read().await;

    for (repair, (original, number)) in again.iter().zip([(&sent[1], "+2"), (&sent[2], "+3")]) {
        let asker = host(7).to_string();
        assert_eq!(named(&repair.groups), [&asker, "=access_log", number]);
        assert_eq!(repair.body, original.body);
        assert_eq!(repair.service, original.service);
    }
    let books = scene.running.counters.books();
    assert_eq!(books.acknowledged.repaired, 2);
    assert_eq!(books.sent.messages, 4, "they are not sent twice");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_kept_until_every_known_host_has_it() {
    let mut scene = Scene::set(|_| {}).await;
    scene.peer.acknowledge(1, 0).await;
    scene.peer.acknowledge(2, 0).await;
    scene.messages(3).await;

    scene.peer.acknowledge(1, 3).await;
    scene.peer.acknowledge(2, 1).await;
    scene.read().await;
    let before = scene.running.counters.books().acknowledged;
    let bye = Notice::Bye(Bye { host: HostId(2) });
    scene.peer.say("host2", &bye).await;
    scene.read().await;
    let after = scene.running.counters.books().acknowledged;

    assert_eq!((before.hosts, before.lines), (2, 1));
    assert!(before.retained_bytes > 0);
    assert_eq!((after.hosts, after.lines), (1, 3));
    assert_eq!(after.retained_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_what_is_gone_is_told_where_the_store_begins() {
    let mut scene = Scene::set(|_| {}).await;
    scene.messages(3).await;
    scene.peer.acknowledge(1, 2).await;

    scene.peer.ask(2, 1..=1).await;
    let answer = scene.peer.message().await;

    assert_eq!(answer.groups, [host(2)]);
    assert_eq!(answer.service, Service::Fifo);
    let Ok(Notice::Control(control)) = Notice::parse(&answer.body) else {
        panic!("{answer:?}");
    };
    assert_eq!((control.retained.get(), control.next.get()), (3, 4));
}

/// What was sent and is pushed out is no loss yet: the others have it.
#[tokio::test(start_paused = true)]
async fn a_host_that_acknowledges_nothing_more_does_not_make_the_store_grow() {
    let mut scene = Scene::set(|options| options.buffer_bytes = 128 * 1024).await;
    scene.peer.acknowledge(1, 0).await;
    scene.read().await;
    for i in 0..20 {
        log_lines(&mut scene.log, i * 200..(i + 1) * 200);
        scene.peer.messages_of(200).await;
    }
    scene.read().await;
    let books = scene.running.counters.books();

    assert_eq!(books.lost.total(), 0);
    assert!(books.acknowledged.retained_bytes <= 128 * 1024);
    assert!(books.acknowledged.retained_bytes > 64 * 1024);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_hosts_that_were_heard_lately() {
    let mut scene = Scene::set(|_| {}).await;
    scene.peer.acknowledge(1, 0).await;
    scene.messages(3).await;
    drop(scene.log);
    scene.running.stop();
    let (messages, last) = scene.peer.messages_until_last().await;
    scene.peer.deliver(last).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!scene.running.task.is_finished());

    scene.peer.acknowledge(1, 3).await;
    scene.peer.until_disconnect().await;
    drop(scene.peer);
    let books = scene.running.task.await.unwrap();

    assert!(messages.is_empty());
    assert_eq!((books.lines, books.acknowledged.lines), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_nobody_where_nobody_has_ever_acknowledged() {
    let mut scene = Scene::set(|_| {}).await;
    scene.messages(3).await;
    drop(scene.log);
    let began = Instant::now();

    scene.running.stop();
    let messages = scene.peer.until_the_end().await;
    drop(scene.peer);
    scene.running.task.await.unwrap();

    assert!(messages.is_empty());
    let took = began.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_on_a_new_connection_waits_for_nobody_either() {
    let mut scene = Scene::set(|_| {}).await;
    let began = Instant::now();
    log_lines(&mut scene.log, 0..10);
    drop(scene.log);

    scene.running.stop();
    let messages = scene.peer.until_the_end().await;
    drop(scene.peer);
    scene.running.task.await.unwrap();

    assert_eq!(numbers(&messages), [1]);
    let took = began.elapsed();
    assert!(took < Duration::from_millis(200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_stays_unacknowledged_is_named_at_the_stop() {
    let (told, _guard) = told();
    let mut scene = Scene::set(|_| {}).await;
    scene.peer.acknowledge(1, 0).await;
    scene.messages(3).await;
    scene.peer.acknowledge(1, 1).await;
    drop(scene.log);
    let began = Instant::now();

    scene.running.stop();
    scene.peer.until_the_end().await;
    drop(scene.peer);
    scene.running.task.await.unwrap();

    assert!(began.elapsed() <= Duration::from_millis(10_100));
    let said = sentences(&told);
    assert_eq!(
        said.last().unwrap(),
        "WARN stopped with 2 log lines to group access_log that were sent and that a logging host \
         has not acknowledged: they are there only if Spread has delivered them"
    );
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_sends_nothing_back_is_given_up_for_the_next() {
    let dir = TempDir::new().unwrap();
    let (dead, other) = (dir.path().join("dead"), dir.path().join("other"));
    let (dead_daemon, other_daemon) = (Daemon::bind(&dead), Daemon::bind(&other));
    let (mut log, drain) = ring(&RingOptions::default());
    let mut running = Running::start(options(&[&dead, &other]), vec![drain]);
    let mut peer = dead_daemon.accept().await;
    let began = Instant::now();

    // It takes everything, acknowledges even, and echoes nothing.
    peer.acknowledge(1, 0).await;
    log_lines(&mut log, 0..10);
    let reading = tokio::spawn(async move { while peer.request().await.is_some() {} });
    let mut next = other_daemon.accept().await;
    let took = began.elapsed();
    let control = next.any_message().await;
    next.ask(1, 1..=1).await;
    let again = next.message().await;

    assert!((30..32).contains(&took.as_secs()), "{took:?}");
    assert!(matches!(
        Notice::parse(&control.body),
        Ok(Notice::Control(control)) if control.next.get() == 2
    ));
    assert_eq!(again.groups[0], host(1), "what it took can still be had");
    reading.await.unwrap();
    drop(log);
    running.stop();
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_once_when_nobody_acknowledges() {
    let (told, _guard) = told();
    let mut scene = Scene::set(|_| {}).await;
    for i in 0..100 {
        log_lines(&mut scene.log, i..i + 1);
        scene.peer.message().await;
        sleep(Duration::from_secs(1)).await;
    }
    let missing = scene.running.counters.books().acknowledged.is_missing;
    scene.peer.acknowledge(1, 100).await;
    scene.read().await;
    let missing_then = scene.running.counters.books().acknowledged.is_missing;

    assert_eq!((missing, missing_then), (true, false));
    let warnings: Vec<_> = sentences(&told)
        .into_iter()
        .filter(|said| said.starts_with("WARN"))
        .collect();
    assert_eq!(
        warnings,
        [
            "WARN nobody has acknowledged lines to group access_log for 30 s: is spreadlogd \
             running? (The original spreadlogd never acknowledges.) Up to 64 MiB of lines are \
             kept to be sent again"
        ]
    );
}
