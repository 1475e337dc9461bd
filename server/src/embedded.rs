//! The whole log on one machine: a hub and a spreadlogd in this process.
//!
//! They meet the web server as they would on a network of their own: the publisher sends
//! through the hub's real socket, spreadlogd reads from it, and so may anybody else on the
//! machine. Both run on one thread, apart from those that serve. This is the only file of
//! the server that knows either of them.
//!
//! Stopping goes with the stream: the publisher has sent everything and seen it come
//! back, then spreadlogd writes what it has been sent, then the hub ends.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use spread::hub::{BindError, Hub, HubOptions, Listen};
use spread::{Address, Addresses, GroupName};
use spread_logger::diagnostics::{Chain, Outlet};
pub(crate) use spreadlogd::Report;
use spreadlogd::{Command, Config, Spreadlogd};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::cli::EmbeddedOptions;
use crate::logging::{PlaceError, check_outside};

/// How many lines are shown as they land, so that whoever tries it sees it work.
const SHOWN_LINES: usize = 5;

/// Messages that may wait to be shown; those that find no room are not shown.
const SHOWN_WAITING_MAX: usize = 8;

/// How long spreadlogd may take to join its group: it is in the same process.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A hub and a spreadlogd at work.
#[derive(Debug)]
pub(crate) struct Embedded {
    address: Address,
    report: Report,
    commands: mpsc::Sender<Command>,
    stop_hub: oneshot::Sender<()>,
    written: oneshot::Receiver<Result<(), spreadlogd::RunError>>,
    end: oneshot::Receiver<()>,
}

/// Why they cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The lines would be served.
    #[error(
        "the log directory {} is inside the document root {}, where anybody could read it; \
         give another one with --log-dir, or serve a directory beside it with -d",
        directory.display(), root.display()
    )]
    InsideRoot {
        /// Where the log was to be.
        directory: PathBuf,
        /// What is served.
        root: PathBuf,
    },
    /// The log directory cannot be made or looked at.
    #[error("cannot use the log directory {}; give another one with --log-dir", directory.display())]
    Directory {
        /// Where the log was to be.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A daemon or hub is there already.
    #[error(
        "port {port} is taken by a Spread daemon or another hub; \
         log to it with --spread {port}@localhost, \
         or choose a port for this hub with --spread embedded:{}",
        port.checked_add(1).unwrap_or(HubOptions::PORT)
    )]
    SpreadRunning {
        /// The hub's port.
        port: u16,
    },
    /// The hub cannot listen for another reason.
    #[error(
        "the hub cannot start; choose a port for it with --spread embedded:{}",
        port.checked_add(1).unwrap_or(HubOptions::PORT)
    )]
    Hub {
        /// The hub's port.
        port: u16,
        /// Why.
        source: BindError,
    },
    /// The log file cannot be written.
    #[error(transparent)]
    File(#[from] spreadlogd::StartError),
    /// spreadlogd has given up.
    #[error("the log is not written any more")]
    Writing(#[from] spreadlogd::RunError),
    /// The system refuses a thread or what a runtime is made of.
    #[error("cannot start the thread of the hub")]
    Thread(#[from] io::Error),
    /// The thread has panicked, or the hub never let spreadlogd in.
    #[error("the embedded hub does not answer")]
    Hangs,
}

impl EmbeddedError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::InsideRoot { .. } | Self::Directory { .. })
    }
}

impl Embedded {
    /// Starts both, and waits until spreadlogd listens to the groups, each of which goes into the
    /// file of this name in the log directory.
    pub(crate) async fn start(
        options: &EmbeddedOptions,
        files: &[(GroupName, String)],
        root: &Path,
        shown_on: Option<Outlet>,
    ) -> Result<Self, EmbeddedError> {
        let directory = prepare(&options.log_dir, root)?;
        let files = files
            .iter()
            .map(|(group, file)| (*group, directory.join(file)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (ready, is_ready) = oneshot::channel();
        let parts = Parts {
            hub: HubOptions {
                listen: options.address.map_or(Listen::Localhost, Listen::Address),
                port: options.port,
                socket_dir: Some(options.socket_dir.clone()),
                ..HubOptions::default()
            },
            files: files.collect(),
            stop_timeout: options.stop_timeout,
            shown_on,
        };
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("embedded".into())
            .spawn(move || {
                runtime.block_on(parts.run(ready));
                ended.send(())
            })?;
        let started = is_ready.await.map_err(|_| EmbeddedError::Hangs)??;
        Ok(Self {
            address: started.address,
            report: started.report,
            commands: started.commands,
            stop_hub: started.stop_hub,
            written: started.written,
            end,
        })
    }

    /// Where the hub is, for the publisher and for everybody else on the machine.
    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    /// What tells how both are.
    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    /// Opens the log files again by their names: they may have been moved away.
    pub(crate) fn reopen(&self) {
        // Full when several were asked for already; one is as good.
        let _ = self.commands.try_send(Command::Reopen);
    }

    /// Writes what has been sent, and ends both.
    pub(crate) async fn finish(self) -> Result<(), EmbeddedError> {
        // They are gone only if it has ended, which shows next.
        let _ = self.commands.send(Command::Stop).await;
        let outcome = self.written.await.map_err(|_| EmbeddedError::Hangs)?;
        let _ = self.stop_hub.send(());
        let _ = self.end.await;
        Ok(outcome?)
    }
}

/// What the thread is started with.
struct Parts {
    hub: HubOptions,
    files: Vec<(GroupName, PathBuf)>,
    stop_timeout: Duration,
    shown_on: Option<Outlet>,
}

/// What is known once both work.
struct Started {
    address: Address,
    report: Report,
    commands: mpsc::Sender<Command>,
    stop_hub: oneshot::Sender<()>,
    written: oneshot::Receiver<Result<(), spreadlogd::RunError>>,
}

impl Parts {
    /// Runs both until they are stopped.
    async fn run(self, ready: oneshot::Sender<Result<Started, EmbeddedError>>) {
        let (stop_hub, stopping) = oneshot::channel();
        let (hub, address) = match self.open_hub().await {
            Ok(opened) => opened,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let reader = hub.reader();
        let hub = tokio::spawn(hub.run(async {
            // A sender that is gone means the same as a message.
            let _ = stopping.await;
        }));
        let tap = self.shown_on.clone().map(|outlet| {
            let (tap, messages) = mpsc::channel(SHOWN_WAITING_MAX);
            tokio::spawn(show(messages, outlet));
            tap
        });
        let spreadlogd = match self.open_spreadlogd(&address, tap) {
            Ok(spreadlogd) => spreadlogd,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let report = Report::new(&spreadlogd, Some(reader));
        let mut joined = spreadlogd.joined();
        let (commands, received) = mpsc::channel(2);
        let (ended, written) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = spreadlogd.run(received).await;
            if let Err(error) = &outcome {
                // The server goes on: that is its first duty.
                tracing::error!("the log is not written any more: {}", Chain(error));
            }
            drop(ended.send(outcome.map(|_| ())));
        });
        // A line sent before it has joined would reach nobody.
        let joining = timeout(JOIN_TIMEOUT, joined.wait_for(|joined| *joined > 0));
        // What a wait returns is a lock on the number, which leaving changes.
        let has_joined = joining.await.is_ok_and(|outcome| outcome.is_ok());
        let started = if has_joined {
            Ok(Started {
                address,
                report,
                commands,
                stop_hub,
                written,
            })
        } else {
            Err(EmbeddedError::Hangs)
        };
        if ready.send(started).is_ok() {
            let _ = hub.await;
        }
    }

    async fn open_hub(&self) -> Result<(Hub, Address), EmbeddedError> {
        let port = self.hub.port;
        let listen = self.hub.listen;
        let hub = Hub::bind(self.hub.clone())
            .await
            .map_err(|source| match source {
                BindError::SpreadRunning { .. } => EmbeddedError::SpreadRunning { port },
                source => EmbeddedError::Hub { port, source },
            })?;
        let bound = hub.addresses().first().copied();
        let bound = bound.ok_or(EmbeddedError::Hangs)?;
        let host = match listen {
            Listen::Address(address) if !address.is_unspecified() => address.to_string(),
            _ => "localhost".to_owned(),
        };
        let address = Address::Host {
            port: bound.port(),
            host,
        };
        Ok((hub, address))
    }

    fn open_spreadlogd(
        &self,
        address: &Address,
        tap: Option<mpsc::Sender<Bytes>>,
    ) -> Result<Spreadlogd, EmbeddedError> {
        let addresses = Addresses::from(address.clone());
        let config = Config::of_files(addresses, self.files.iter().cloned());
        let options = spreadlogd::Options {
            stop_timeout: self.stop_timeout,
            tap,
            ..spreadlogd::Options::default()
        };
        Ok(Spreadlogd::open(&config, &options)?)
    }
}

/// Shows the first lines of what is sent, then no more.
async fn show(mut messages: mpsc::Receiver<Bytes>, outlet: Outlet) {
    let mut shown = 0;
    while let Some(lines) = messages.recv().await {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            outlet.say(&fit_for_a_terminal(line));
            shown += 1;
            if shown == SHOWN_LINES {
                return;
            }
        }
    }
}

/// Our own lines are text; other senders' may hold what a terminal obeys (CVE-2009-4491).
fn fit_for_a_terminal(line: &[u8]) -> Vec<u8> {
    let fit = |byte: &u8| match byte {
        b' '..=b'~' | b'\n' => *byte,
        _ => b'?',
    };
    line.iter().map(fit).collect()
}

/// Makes the log directory, unless it would be served.
fn prepare(directory: &Path, root: &Path) -> Result<PathBuf, EmbeddedError> {
    let failed = |source| EmbeddedError::Directory {
        directory: directory.to_owned(),
        source,
    };
    check_outside(directory, root).map_err(|error| match error {
        PlaceError::InsideRoot { root } => EmbeddedError::InsideRoot {
            directory: directory.to_owned(),
            root,
        },
        PlaceError::Unknown(source) => failed(source),
    })?;
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        // Log lines are nobody's business: CVE-2013-0348 was thttpd's.
        .mode(0o750)
        .create(directory)
        .map_err(failed)?;
    Ok(directory.to_owned())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_log_directory_inside_the_root_is_refused() {
        let place = TempDir::new().unwrap();

        let outcome = prepare(&place.path().join("logs"), place.path());

        assert!(matches!(outcome, Err(EmbeddedError::InsideRoot { .. })));
        assert!(!place.path().join("logs").exists());
    }

    #[test]
    fn a_terminal_is_shown_no_escape_sequences() {
        assert_eq!(fit_for_a_terminal(b"a\x1b[2Jb\xff\r\n"), b"a?[2Jb??\n");
    }

    #[tokio::test]
    async fn the_first_lines_are_shown_and_no_more() {
        let (reader, terminal) = io::pipe().unwrap();
        let outlet = Outlet::open("terminal", terminal).unwrap();
        let (tap, messages) = mpsc::channel(SHOWN_WAITING_MAX);
        for body in [&b"1\n2\n"[..], b"3\n4\n5\n6\n", b"7\n"] {
            tap.try_send(Bytes::from_static(body)).unwrap();
        }

        show(messages, outlet).await;

        assert_eq!(io::read_to_string(reader).unwrap(), "1\n2\n3\n4\n5\n");
    }

    #[test]
    fn a_log_directory_beside_the_root_is_made() {
        let place = TempDir::new().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let logs = place.path().join("rooted/logs");

        prepare(&logs, &root).unwrap();

        assert!(logs.is_dir());
    }
}
