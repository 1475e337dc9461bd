//! Messages in files: what outlives a publisher, and who delivers it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use spread::Message;
use spread::stream::{Control, Instance};
use spread_logger::{Log, PublisherOptions, RingOptions, SpoolOptions, ring};
use support::{Daemon, Peer, Running, log_lines, numbers, options, sentences, text, told};
use tempfile::TempDir;
use tokio::time::sleep;

/// A daemon, and a directory for spools.
struct Machine {
    dir: TempDir,
    daemon: Daemon,
}

impl Machine {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let daemon = Daemon::bind(&dir.path().join("4803"));
        Self { dir, daemon }
    }

    fn spools(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn options(&self) -> PublisherOptions {
        let mut options = options(&[&self.dir.path().join("4803")]);
        options.spool = Some(SpoolOptions {
            dir: self.spools(),
            bytes_max: 4 << 20,
        });
        options
    }

    fn start(&self) -> (Log, Running) {
        let (log, drain) = ring(&RingOptions::default());
        (log, Running::start(self.options(), vec![drain]))
    }

    /// The directories of instances.
    fn kept(&self) -> Vec<String> {
        names(&self.spools())
    }

    /// Accepts until `instance` connects; others, which have been new, come to `others`.
    async fn accept(&self, instance: Instance, others: &mut Vec<Peer>) -> Peer {
        loop {
            let peer = self.daemon.accept().await;
            if peer.instance() == instance {
                return peer;
            }
            others.push(peer);
        }
    }

    async fn until_kept(&self, count: usize) {
        while self.kept().len() != count {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// As SIGKILL does: it does nothing more.
async fn kill(running: Running) {
    running.task.abort();
    assert!(running.task.await.unwrap_err().is_cancelled());
}

/// Three messages are sent, of which a host has one, and two more are written only.
async fn crash(machine: &mut Machine) -> (Instance, Vec<Message>, u8) {
    let (mut log, running) = machine.start();
    let mut peer = machine.daemon.accept().await;
    peer.acknowledge(1, 0).await;
    let mut sent = Vec::new();
    for i in 0..3 {
        log_lines(&mut log, i..i + 1);
        sent.push(peer.message().await);
    }
    peer.acknowledge(1, 1).await;
    sleep(Duration::from_millis(50)).await;
    let (instance, last) = (peer.instance(), last_character(&peer));
    drop(peer);
    let socket = machine.dir.path().join("4803");
    fs::remove_file(&socket).unwrap();
    for i in 3..5 {
        // There is no daemon any more, so it waits, in the file.
        log_lines(&mut log, i..i + 1);
        sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(running.counters.books().waiting, 2);
    kill(running).await;
    machine.daemon = Daemon::bind(&socket);
    (instance, sent, last)
}

fn last_character(peer: &Peer) -> u8 {
    peer.private_group.private_name()[9]
}

#[tokio::test(start_paused = true)]
async fn the_next_start_sends_what_was_not_and_again_what_is_asked_for() {
    let mut machine = Machine::new();
    let (instance, sent, last) = crash(&mut machine).await;
    assert_eq!(machine.kept(), [format!("L{instance}")]);

    let (log, mut running) = machine.start();
    let mut others = Vec::new();
    let mut heir = machine.accept(instance, &mut others).await;
    heir.acknowledge(1, 1).await;
    let messages = [heir.message().await, heir.message().await];
    assert_eq!(
        numbers(&messages),
        [4, 5],
        "what a daemon had is not sent twice"
    );
    assert_eq!(text(&messages), ["000003", "000004"]);
    let control: Control = heir.controls[0].clone();
    assert_eq!((control.next.get(), control.retained.get()), (4, 2));
    assert_eq!((control.instance, control.lines), (instance, 3));
    assert_ne!(last_character(&heir), last);

    let (more, leaving) = heir.messages_until_last().await;
    assert!(more.is_empty());
    heir.deliver(leaving).await;
    heir.ask(1, 2..=3).await;
    let again = [heir.message().await, heir.message().await];
    assert_eq!(again[0].body, sent[1].body);
    assert_eq!(again[1].body, sent[2].body);
    assert_eq!(machine.kept().len(), 2);
    heir.acknowledge(1, 5).await;
    heir.until_disconnect().await;
    machine.until_kept(1).await;
    while running.counters.orphans().spools > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let orphans = running.counters.orphans();
    assert_eq!((orphans.lines, orphans.delivered), (0, 1));

    drop((log, heir));
    running.stop();
}

#[tokio::test(start_paused = true)]
async fn a_spool_that_nobody_has_acknowledged_stays_for_the_next() {
    let mut machine = Machine::new();
    let (instance, ..) = crash(&mut machine).await;
    for _ in 0..2 {
        let (log, mut running) = machine.start();
        let mut others = Vec::new();
        let mut heir = machine.accept(instance, &mut others).await;
        heir.any_message().await;
        drop(log);
        running.stop();
        let ended = async {
            while !running.task.is_finished() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let reading = async {
            while heir.request().await.is_some() {}
            drop(heir);
        };
        drop(others);
        tokio::join!(ended, reading);
        assert_eq!(machine.kept(), [format!("L{instance}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_of_a_run_whose_messages_are_all_acknowledged() {
    let machine = Machine::new();
    let (mut log, mut running) = machine.start();
    let mut peer = machine.daemon.accept().await;
    peer.acknowledge(1, 0).await;
    log_lines(&mut log, 0..10);
    let messages = peer.messages_of(10).await;
    assert_eq!(machine.kept().len(), 1);
    peer.acknowledge(1, 1).await;
    drop(log);
    running.stop();
    peer.until_the_end().await;
    drop(peer);
    running.task.await.unwrap();

    assert_eq!(numbers(&messages), [1]);
    assert!(machine.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_acknowledged_at_the_stop_stays() {
    let (told, _guard) = told();
    let machine = Machine::new();
    let (mut log, mut running) = machine.start();
    let mut peer = machine.daemon.accept().await;
    log_lines(&mut log, 0..10);
    peer.messages_of(10).await;
    drop(log);
    running.stop();
    peer.until_the_end().await;
    drop(peer);
    running.task.await.unwrap();

    assert_eq!(machine.kept().len(), 1);
    assert_eq!(
        sentences(&told).last().unwrap(),
        "INFO 10 log lines stay in the spool for the next to run, as not every logging host has \
         acknowledged them"
    );
}

/// As the one before a web server's restart ends, when the one after it runs already.
#[tokio::test(start_paused = true)]
async fn one_that_runs_takes_over_what_another_leaves_and_nothing_of_those_that_live() {
    let machine = Machine::new();
    let (mut log, mut running) = machine.start();
    let mut peer = machine.daemon.accept().await;
    let instance = peer.instance();
    let (other_log, mut other) = machine.start();
    let mut others = vec![machine.daemon.accept().await];
    log_lines(&mut log, 0..10);
    peer.messages_of(10).await;
    drop(log);
    running.stop();
    peer.until_the_end().await;
    drop(peer);
    running.task.await.unwrap();
    assert_eq!(machine.kept().len(), 2);

    let mut heir = machine.accept(instance, &mut others).await;
    let (more, leaving) = heir.messages_until_last().await;
    assert!(more.is_empty());
    heir.deliver(leaving).await;
    heir.acknowledge(1, 1).await;
    heir.until_disconnect().await;
    machine.until_kept(1).await;

    // The other may have connected again, as nobody here has answered it.
    let living = others[0].instance();
    assert!(others.iter().all(|peer| peer.instance() == living));
    drop(other_log);
    other.stop();
}

#[tokio::test(start_paused = true)]
async fn without_a_directory_lines_are_kept_in_memory() {
    let (told, _guard) = told();
    let machine = Machine::new();
    fs::write(machine.spools(), "a file").unwrap();
    let (mut log, mut running) = machine.start();
    let mut peer = machine.daemon.accept().await;
    log_lines(&mut log, 0..10);
    let messages = peer.messages_of(10).await;
    drop(log);
    running.stop();
    peer.until_the_end().await;
    drop(peer);
    let books = running.task.await.unwrap();

    assert_eq!(text(&messages).len(), 10);
    assert_eq!((books.lines, books.lost.total()), (10, 0));
    assert!(sentences(&told)[0].starts_with("WARN cannot make a spool in "));
}

/// The disk fails after the start: what stands there for it is a directory that is gone.
#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_costs_what_memory_cannot_hold_to_the_line() {
    let (told, _guard) = told();
    let machine = Machine::new();
    let (mut log, drain) = ring(&RingOptions::default());
    let mut options = machine.options();
    options.buffer_bytes = 128 * 1024;
    let mut running = Running::start(options, vec![drain]);
    let mut peer = machine.daemon.accept().await;
    fs::remove_dir_all(machine.spools()).unwrap();

    log_lines(&mut log, 0..8000);
    sleep(Duration::from_millis(500)).await;
    let books = running.counters.books();
    peer.acknowledge(1, 0).await;
    drop(log);
    running.stop();
    let messages = peer.until_the_end().await;
    drop(peer);
    let end = running.task.await.unwrap();

    let lost = books.lost.buffer_full;
    assert!(lost > 0);
    assert_eq!(books.lines + lost, 8000);
    assert_eq!((end.lines, end.lost.buffer_full), (books.lines, lost));
    assert_eq!(text(&messages).len() as u64, books.lines);
    assert!(numbers(&messages).into_iter().eq(1..=messages.len() as u64));
    let failing = sentences(&told);
    let failing = failing
        .iter()
        .filter(|said| said.contains("write to the spool"));
    assert_eq!(failing.count(), 1);
}

/// Nobody has acknowledged it and nobody asks: a week after the last write it goes, and no sooner,
/// however often a publisher is started meanwhile. The files are made as old as leaves a minute.
#[tokio::test(start_paused = true)]
async fn what_nobody_has_acknowledged_for_a_week_goes() {
    let (told, _guard) = told();
    let mut machine = Machine::new();
    let (instance, ..) = crash(&mut machine).await;
    fs::remove_file(machine.dir.path().join("4803")).unwrap();
    let own = format!("L{instance}");
    let spool = machine.spools().join(&own);
    let minute = Duration::from_secs(60);
    let written = SystemTime::now() - (Duration::from_secs(7 * 24 * 3600) - minute);
    for name in names(&spool) {
        let file = fs::File::options().append(true).open(spool.join(name));
        file.unwrap().set_modified(written).unwrap();
    }

    for (seconds, is_over) in [(30, false), (61, true)] {
        let (log, mut running) = machine.start();
        sleep(Duration::from_secs(seconds)).await;
        assert_eq!(!machine.kept().contains(&own), is_over);
        let orphans = running.counters.orphans();
        let expected = if is_over { (0, 0, 4) } else { (1, 4, 0) };
        let found = (orphans.spools, orphans.lines, orphans.expired_lines);
        assert_eq!(found, expected);
        drop(log);
        running.stop();
        running.task.await.unwrap();
    }

    let goes = format!(
        "WARN the spool {} is a week old: 4 lines that nobody acknowledged go",
        spool.display()
    );
    assert!(sentences(&told).contains(&goes), "{:#?}", sentences(&told));
}
