//! The program: its threads, its signals, its end.
//!
//! ```text
//! read ... the end: of the input, or TERM -> what is left is sent -> exit 0
//! ```

use std::io;
use std::thread;

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::cli::{Args, Settings, UsageError};
use super::handover::{Handover, Patience, Tally};
use super::publishing::Publishing;
use super::signals::{EndAtOnce, Signals};
use super::source::{Source, SourceError};
use super::stop::stop;
use crate::diagnostics::Chain;
use crate::notify::Notifier;
use crate::realtime::{self, Priority};
use crate::{OptionsError, Publisher, line_ring};

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The flags contradict each other.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// An option cannot be worked with.
    #[error("{}", flag(.0))]
    Options(#[from] OptionsError),
    /// There is nothing to read lines from.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Reading has failed.
    #[error("cannot read what there is to send")]
    Read(#[source] io::Error),
    /// Lines were lost; how, has been said.
    #[error("{lost} of {read} lines were lost")]
    Lost {
        /// How many.
        lost: u64,
        /// Of how many.
        read: u64,
    },
    /// The system refuses what every program needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A thread has panicked, which is a defect of this program.
    #[error("the {0} has panicked")]
    Panicked(&'static str),
    /// A second signal asked to end at once.
    #[error("ended at once, as the second signal asked; what was not sent yet is lost")]
    Interrupted,
}

impl From<EndAtOnce> for ProgramError {
    fn from(_: EndAtOnce) -> Self {
        Self::Interrupted
    }
}

/// The flag by which an option of the publisher was chosen.
const fn flag(error: &OptionsError) -> &'static str {
    match error {
        OptionsError::Group(_) => "--group",
        OptionsError::MessageMax { .. } => "--spread-message-max",
        OptionsError::Buffer { .. } => "--spread-buffer, shared out among the groups",
        OptionsError::Spool { .. } => "--spool-max, shared out among the groups",
        _ => "the flags for sending",
    }
}

impl ProgramError {
    /// 2 for what the operator typed, 1 for everything else.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Options(_) => 2,
            _ => 1,
        }
    }
}

/// Reads lines and sends them, to the end.
///
/// # Errors
///
/// When it cannot begin, when reading fails, and when lines were lost.
pub fn run(args: &Args) -> Result<(), ProgramError> {
    let settings = args.settings()?;
    let source = Source::open(&settings.source)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("start a runtime"))?;
    runtime.block_on(work(settings, source))
}

async fn work(settings: Settings, mut source: Source) -> Result<(), ProgramError> {
    let (stop, stopping) = stop().map_err(system("make a pipe"))?;
    let mut signals = Signals::catch(stop, source.outlives_stop(), settings.eof_timeout)
        .map_err(system("handle signals"))?;
    let (logs, drains): (Vec<_>, Vec<_>) = settings
        .publishers
        .iter()
        .map(|_| line_ring(settings.ring_bytes))
        .unzip();
    let publishers = settings.publishers.into_iter().zip(drains);
    let publishers = publishers.map(|(options, drain)| Publisher::new(options, vec![drain]));
    let publishers = publishers.collect::<Result<Vec<_>, _>>()?;
    let handover = Handover::new(settings.form, logs, stopping);
    let awaited = source.awaited();
    // Before it reads: what it hands over is taken as it comes.
    let publishing = Publishing::start(publishers);
    source.attach(publishing.counters());
    let reading = read(source, handover, settings.wait_max).map_err(system("start a thread"))?;
    // This thread alone: the one that reads began as an ordinary one.
    if let Some(priority) = settings.realtime {
        enter_realtime(priority);
    }
    let groups = publishing.groups();
    let manager = awaited.map(|what| {
        info!("taking {what} for {groups}");
        let manager = Notifier::from_env();
        manager.ready(&format!("{what} go to {groups}"));
        manager
    });
    let read = signals.attend(reading).await?;
    let mut read = read.map_err(|_| ProgramError::Panicked("thread that reads"))?;
    if let Some(manager) = manager {
        manager.stopping();
    }
    let sent = signals.attend(publishing.finish()).await?;
    let sent = sent.map_err(|_| ProgramError::Panicked("publisher"))?;
    read.source.settle();
    let unsent = read.tally.given.saturating_sub(sent);
    let is_kept = read.source.is_kept();
    if is_kept && unsent > 0 {
        info!("{unsent} lines were not sent, and are read again at the next start");
    }
    let lost = read.tally.lost + if is_kept { 0 } else { unsent };
    report(&read.tally, lost, &groups);
    read.outcome.map_err(ProgramError::Read)?;
    match lost {
        0 => Ok(()),
        lost => Err(ProgramError::Lost {
            lost,
            read: read.tally.given + read.tally.lost,
        }),
    }
}

/// What the thread that reads has done.
struct Read {
    outcome: io::Result<()>,
    source: Source,
    tally: Tally,
}

fn read(
    mut source: Source,
    mut handover: Handover,
    wait_max: Patience,
) -> io::Result<oneshot::Receiver<Read>> {
    let (ended, end) = oneshot::channel();
    thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            let outcome = source.run(&mut handover, wait_max);
            let tally = handover.tally();
            // Its rings have no writer any more, which is their end.
            drop(handover);
            // After a panic it is dropped, which tells as much.
            let _ = ended.send(Read {
                outcome,
                source,
                tally,
            });
        })?;
    Ok(end)
}

/// Reading goes on without: what the flag is for is rare.
fn enter_realtime(priority: Priority) {
    match realtime::enter(priority) {
        Ok(()) => info!("the log is sent at real-time priority {priority}"),
        Err(error) => warn!("the log is sent at ordinary priority: {}", Chain(&error)),
    }
}

/// Says what has become of the lines.
fn report(read: &Tally, lost: u64, groups: &str) {
    let all = read.given + read.lost;
    let what = [
        (lost, "lost"),
        (read.cut, "cut"),
        (read.escaped, "with control bytes, escaped"),
        (read.unended, "without a newline at the end"),
        (read.hostless, "without a virtual host"),
    ];
    let what = what.iter().filter(|(count, _)| *count > 0);
    let what: String = what
        .map(|(count, what)| format!(", {count} {what}"))
        .collect();
    if lost > 0 {
        warn!("{all} lines read for {groups}{what}");
    } else {
        info!("{all} lines read for {groups}{what}");
    }
}

fn system(action: &'static str) -> impl FnOnce(io::Error) -> ProgramError {
    move |source| ProgramError::System { action, source }
}
