//! Who waits when all is full: nothing is lost, and it is told how far its lines are safe.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::fs;
use std::time::Duration;

use spread_logger::{Drain, LineLog, LineRefused, SpoolOptions, WhenFull, line_ring};
use support::{Daemon, Running, options};
use tempfile::TempDir;
use tokio::time::sleep;

struct Scene {
    dir: TempDir,
    daemon: Daemon,
    log: LineLog,
    drain: Option<Drain>,
}

impl Scene {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let daemon = Daemon::bind(&dir.path().join("4803"));
        let (log, drain) = line_ring(0);
        Self {
            dir,
            daemon,
            log,
            drain: Some(drain),
        }
    }

    fn start(&mut self, is_spooled: bool) -> Running {
        let mut options = options(&[&self.dir.path().join("4803")]);
        options.when_full = WhenFull::Wait;
        options.spool = is_spooled.then(|| SpoolOptions {
            dir: self.dir.path().join("spool"),
            bytes_max: 4 << 20,
        });
        // Less than the ring: it holds what comes all the same.
        options.buffer_bytes = 128 * 1024;
        Running::start(options, self.drain.take().into_iter().collect())
    }
}

/// The publisher's turns, long enough for everything to be sealed.
async fn a_while() {
    sleep(Duration::from_millis(300)).await;
}

#[tokio::test(start_paused = true)]
async fn lines_are_safe_when_every_logging_host_has_them() {
    let mut scene = Scene::new();
    let mut running = scene.start(false);
    let mut peer = scene.daemon.accept().await;
    peer.acknowledge(1, 0).await;

    for line in ["a", "b", "c"] {
        scene.log.offer(line.as_bytes()).unwrap();
    }
    peer.message().await;
    a_while().await;
    let sent = running.counters.secured();
    peer.acknowledge(1, 1).await;
    a_while().await;

    assert_eq!((sent, running.counters.secured()), (0, 3));
    drop(scene.log);
    running.stop();
}

#[tokio::test(start_paused = true)]
async fn where_nobody_acknowledges_they_are_when_a_daemon_has_them() {
    let mut scene = Scene::new();
    let mut running = scene.start(false);
    scene.log.offer(b"a").unwrap();
    a_while().await;
    let before = running.counters.secured();

    let mut peer = scene.daemon.accept().await;
    peer.message().await;
    a_while().await;

    assert_eq!((before, running.counters.secured()), (0, 1));
    drop(scene.log);
    running.stop();
}

#[tokio::test(start_paused = true)]
async fn with_a_spool_they_are_when_they_stand_in_it() {
    let mut scene = Scene::new();
    let mut running = scene.start(true);

    scene.log.offer(b"a").unwrap();
    sleep(Duration::from_millis(30)).await;
    let open = running.counters.secured();
    a_while().await;
    scene.log.offer(b"b").unwrap();
    a_while().await;

    assert_eq!((open, running.counters.secured()), (1, 2));
    drop(scene.log);
    running.stop();
}

/// A disk that fails, what stands for it being a directory that is gone, makes lines wait.
#[tokio::test(start_paused = true)]
async fn a_spool_that_fails_loses_nothing_of_who_waits() {
    let mut scene = Scene::new();
    let running = scene.start(true);
    a_while().await;
    fs::remove_dir_all(scene.dir.path().join("spool")).unwrap();

    let line = [b'x'; 1000];
    let mut given = 0;
    let mut refused = 0;
    while refused < 100 {
        match scene.log.offer(&line) {
            Ok(()) => (given, refused) = (given + 1, 0),
            Err(LineRefused::Full) => {
                refused += 1;
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let books = running.counters.books();

    assert_eq!((books.lost.total(), running.counters.secured()), (0, 0));
    let in_ring = running.counters.rings().bytes_max as u64 / 1001;
    assert!(books.lines + in_ring >= given, "{given} {books:?}");
    assert!(books.lines > in_ring, "{books:?}");
}

#[test]
fn what_was_dropped_or_cut_before_is_in_the_books() {
    let (log, drain) = line_ring(0);
    let publisher =
        spread_logger::Publisher::new(options(&[std::path::Path::new("/socket")]), vec![drain]);
    log.lose(3);
    log.note_cut();

    let books = publisher.unwrap().counters().books();
    assert_eq!((books.lost.queue_full, books.cut), (3, 1));
}
