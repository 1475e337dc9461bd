//! The library in another program's process: what rthttpd's embedded mode uses.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use spread::{Addresses, GroupName};
use spreadlogd::{Command, Config, Counters, Options, RunError, Spreadlogd, Summary};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::support::{DEADLINE, Dir, Publisher, TestHub, runtime};

/// A logging host on a thread and runtime of its own.
pub(crate) struct Embedded {
    pub(crate) counters: Arc<Counters>,
    runtime: Runtime,
    commands: mpsc::Sender<Command>,
    /// Ends the thread's runtime without a word to the logging host.
    abort: oneshot::Sender<()>,
    thread: JoinHandle<Option<Result<Summary, RunError>>>,
}

impl Embedded {
    /// Returns when it has joined its group.
    fn start(hub: &TestHub, file: &Path, options: &Options) -> Self {
        Self::start_with(&config(hub, file), options)
    }

    /// Returns when the one Spread block of `config` has joined its groups.
    pub(crate) fn start_with(config: &Config, options: &Options) -> Self {
        let spreadlogd = Spreadlogd::open(config, options).unwrap();
        let counters = spreadlogd.counters();
        let mut joined = spreadlogd.joined();
        let (commands, receiver) = mpsc::channel(1);
        let (abort, aborted) = oneshot::channel::<()>();
        let run = async {
            tokio::select! {
                ended = spreadlogd.run(receiver) => Some(ended),
                Ok(()) = aborted => None,
            }
        };
        let runtime = runtime();
        let thread = thread::spawn(|| self::runtime().block_on(run));
        let joined = async { joined.wait_for(|&sessions| sessions == 1).await.is_ok() };
        assert!(runtime.block_on(within(joined)));
        Self {
            counters,
            runtime,
            commands,
            abort,
            thread,
        }
    }

    pub(crate) fn stop(self) -> Summary {
        self.commands.blocking_send(Command::Stop).unwrap();
        self.thread.join().unwrap().unwrap().unwrap()
    }
}

fn config(hub: &TestHub, file: &Path) -> Config {
    let addresses: Addresses = hub.address().parse().unwrap();
    Config::single(addresses, GroupName::new("g").unwrap(), file)
}

async fn within<T>(event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap()
}

#[test]
fn the_first_lines_are_shown_as_they_land() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let (tap, mut tapped) = mpsc::channel(2);
    let options = Options {
        tap: Some(tap),
        ..Options::default()
    };
    let embedded = Embedded::start(&hub, &dir.join("log"), &options);
    let mut publisher = Publisher::connect(&hub);

    for body in ["1\n", "2\n3\n", "4\n"] {
        publisher.send(&["g"], body);
    }
    let first = embedded.runtime.block_on(within(tapped.recv()));
    let second = embedded.runtime.block_on(within(tapped.recv()));

    assert_eq!(
        (first.unwrap(), second.unwrap()),
        ("1\n".into(), "2\n3\n".into())
    );
    embedded.stop();
    assert_eq!(dir.read("log"), "1\n2\n3\n4\n");
}

/// Each line is written or counted as lost, whatever the memory and the file allow.
#[cfg(target_os = "linux")]
#[test]
fn received_is_written_and_lost() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let (dir, hub) = (Dir::new(), TestHub::start());
    let options = Options {
        receive_bytes_max: 100_000,
        stop_timeout: Duration::from_secs(1),
        ..Options::default()
    };
    // It takes a pipe's buffer of lines, and no more.
    let fifo = dir.join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let embedded = Embedded::start(&hub, &fifo, &options);
    let mut publisher = Publisher::connect(&hub);

    for n in 0..1_000 {
        publisher.queue(&["g"], format!("{n}\n{}\n", "x".repeat(n)));
    }
    publisher.sync();
    let summary = embedded.stop();

    assert_eq!(summary.lines, 2_000);
    assert_eq!(summary.lines_written + summary.lines_lost, 2_000);
    assert!(
        summary.lines_written > 0 && summary.lines_lost > 0,
        "{summary}"
    );
}

/// Dropped, it ends what it started: the file is free for another.
#[test]
fn what_is_dropped_lets_go_of_its_files() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let embedded = Embedded::start(&hub, &dir.join("log"), &Options::default());

    embedded.abort.send(()).unwrap();
    assert!(embedded.thread.join().unwrap().is_none());

    let config = config(&hub, &dir.join("log"));
    let reopened = async {
        while Spreadlogd::open(&config, &Options::default()).is_err() {
            tokio::task::yield_now().await;
        }
    };
    embedded.runtime.block_on(within(reopened));
}
