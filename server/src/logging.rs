//! The log's side of the program: a publisher on a thread of its own, and where it sends.
//!
//! ```text
//! workers' rings -> publisher -> a Spread daemon
//!                             -> the hub and the spreadlogd in this process (embedded.rs)
//! ```
//!
//! It ends in the order in which lines travel.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use spread::{Addresses, GroupName};
use spread_logger::diagnostics::{Chain, Outlet};
use spread_logger::realtime::{self, Priority};
use spread_logger::{Books, Counters, OptionsError, Publisher};
use tokio::sync::oneshot;

use crate::cli::LogSettings;
use crate::embedded::{Embedded, EmbeddedError, Report};
use crate::server::Server;
use crate::statistics::Logged;

/// The log of a program at work.
#[derive(Debug)]
pub(crate) struct Logging {
    publishing: Publishing,
    addresses: Addresses,
    group: GroupName,
    counters: Arc<Counters>,
    embedded: Option<Embedded>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The publisher was asked for what it cannot do.
    #[error("cannot take {}", flag(.0))]
    Options(#[from] OptionsError),
    /// The system refuses a thread or what a runtime is made of.
    #[error("cannot start the publisher's thread")]
    Thread(#[from] io::Error),
    /// The publisher has panicked, which is a defect of this program.
    #[error("the publisher has panicked")]
    Panicked,
    /// The hub or the spreadlogd in this process failed.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// The flag by which an option of the publisher was chosen.
const fn flag(error: &OptionsError) -> &'static str {
    match error {
        OptionsError::Group(_) => "--spread-group",
        OptionsError::MessageMax { .. } => "--spread-message-max",
        OptionsError::Buffer { .. } => "--spread-buffer",
        OptionsError::Spool { .. } => "--spool-max",
        _ => "the flags of the log",
    }
}

impl LogError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Options(_) => true,
            Self::Embedded(error) => error.is_usage(),
            Self::Thread(_) | Self::Panicked => false,
        }
    }
}

impl Logging {
    /// Starts what the settings ask for, and has `server`, which serves `root`, log to it.
    pub(crate) async fn start(
        server: &mut Server,
        settings: LogSettings,
        root: &Path,
        shown_on: Option<Outlet>,
    ) -> Result<Self, LogError> {
        let mut publisher = settings.publisher;
        let group = publisher.group;
        let embedded = match &settings.embedded {
            Some(options) => {
                let embedded = Embedded::start(options, group, root, shown_on).await?;
                publisher.addresses = embedded.address().clone().into();
                Some(embedded)
            }
            None => None,
        };
        let addresses = publisher.addresses.clone();
        let drains = server.log_to(&settings.ring);
        let publisher = Publisher::new(publisher, drains)?;
        Ok(Self {
            counters: publisher.counters(),
            publishing: Publishing::start(publisher, settings.realtime)?,
            addresses,
            group,
            embedded,
        })
    }

    /// Looks whether it could be started so, and starts nothing.
    pub(crate) fn check(settings: LogSettings) -> Result<(), LogError> {
        Publisher::new(settings.publisher, Vec::new())?;
        Ok(())
    }

    /// Where the lines are sent.
    pub(crate) fn destination(&self) -> String {
        format!("group {} at {}", self.group, self.addresses)
    }

    /// The file they are written to, if that is done here.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.embedded.as_ref().map(Embedded::file)
    }

    /// What became of its lines.
    pub(crate) fn logged(&self) -> Logged {
        let books = self.counters.books();
        Logged {
            lines: books.lines,
            lost: books.lost.total(),
        }
    }

    /// The publisher's books.
    pub(crate) const fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// What tells how the hub and the spreadlogd in this process are.
    pub(crate) fn report(&self) -> Option<&Report> {
        self.embedded.as_ref().map(Embedded::report)
    }

    /// Opens the log file again by its name.
    pub(crate) fn reopen(&self) {
        if let Some(embedded) = &self.embedded {
            embedded.reopen();
        }
    }

    /// Sends, and writes if that is done here, everything the server has logged. To be
    /// called when the server is gone.
    pub(crate) async fn finish(self) -> Result<(), LogError> {
        let books = self.publishing.finish().await.ok_or(LogError::Panicked)?;
        let lost = books.lost.total();
        if lost > 0 {
            tracing::warn!("{} lines logged, {lost} lost", books.lines + lost);
        }
        if let Some(embedded) = self.embedded {
            embedded.finish().await?;
        }
        Ok(())
    }
}

/// A publisher at work on its thread.
#[derive(Debug)]
struct Publishing {
    stop: oneshot::Sender<()>,
    end: oneshot::Receiver<Books>,
}

impl Publishing {
    fn start(publisher: Publisher, priority: Option<Priority>) -> Result<Self, LogError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopping) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("publisher".into())
            .spawn(move || {
                if let Some(priority) = priority {
                    enter_realtime(priority);
                }
                // A task, because a runtime wakes its main future, even from its own timer, by
                // writing to an eventfd that it then has to read.
                let task = runtime.spawn(publisher.run(async {
                    // A sender that is gone means the same as a message.
                    let _ = stopping.await;
                }));
                // After a panic there are no books, and `ended` tells that by being dropped.
                if let Ok(books) = runtime.block_on(task) {
                    let _ = ended.send(books);
                }
            })?;
        Ok(Self { stop, end })
    }

    /// Sends what there is and gives the books; `None` if the publisher has panicked.
    async fn finish(self) -> Option<Books> {
        // One that has ended by itself needs no telling.
        let _ = self.stop.send(());
        self.end.await.ok()
    }
}

/// Serving goes on without: what the flag is for is rare, and a site that is away is not.
fn enter_realtime(priority: Priority) {
    match realtime::enter(priority) {
        Ok(()) => tracing::info!("the log is sent at real-time priority {priority}"),
        Err(error) => tracing::warn!("the log is sent at ordinary priority: {}", Chain(&error)),
    }
}
