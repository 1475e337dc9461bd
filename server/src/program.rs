//! The program around the server: its descriptors, its signals, its words, its end.
//!
//! ```text
//! bind -> log -> banner -> serve ... TERM: exchanges finish -> the log is sent -> exit 0
//! ```
//!
//! Errors come back as values with an exit status; `main` prints them.

use std::io::{self, IsTerminal, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use http::serve::{self, Place, Process};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spread_logger::diagnostics::{Diagnostics, FLUSH_TIMEOUT, Forwarding, Outlet};
use spread_logger::notify::Notifier;
use tokio::sync::oneshot;

use crate::banner::Banner;
use crate::cli::{Args, LogSettings, Said, Settings, UsageError};
use crate::config::Config;
use crate::daemon::{Daemon, DaemonError, Settled};
use crate::listen::Listener;
use crate::logging::{LogError, Logging};
use crate::operator::Desk;
use crate::reload::Reloading;
use crate::server::{RunError, Server, StartError};
use crate::signals::{AtOnce, Signals};
use crate::statistics::Statistics;
use crate::status::Waiting;
use crate::systemd::{self, ActivationError};
use crate::worker::KEPT_MAX;

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The flags contradict each other.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The service manager has given what is no socket to listen on.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// The server cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server ended by itself.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Status cannot be had where it was asked for.
    #[error(transparent)]
    Status(#[from] serve::BindError),
    /// There is no log, or it could not be finished.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It cannot be the daemon it was to be.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The system refuses what every program needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A second signal asked to end at once.
    #[error("ended at once, as the second signal asked; what was under way is cut off")]
    Interrupted,
}

impl ProgramError {
    /// 2 for what the operator typed, 1 for everything else.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        let is_usage = match self {
            Self::Usage(_) => true,
            Self::Start(error) => error.is_usage(),
            Self::Log(error) => error.is_usage(),
            Self::Activation(_) => true,
            Self::Daemon(error) => error.is_usage(),
            Self::Status(_) | Self::Run(_) | Self::System { .. } | Self::Interrupted => false,
        };
        if is_usage { 2 } else { 1 }
    }
}

/// Does what the flags say, until a signal.
///
/// # Errors
///
/// When it cannot start, or ends otherwise than by one signal.
pub fn run(args: Args, diagnostics: &Diagnostics) -> Result<(), ProgramError> {
    let process = Process::started_now();
    let said = args.said().clone();
    let Settings {
        mut config,
        port,
        sockets,
        log,
        status,
        daemon,
        statistics,
        is_check,
    } = args.settings()?;
    refuse_whole_machine(&config.root)?;
    if is_check {
        Daemon::check(&daemon)?;
        return check(&config, log);
    }
    let daemon = Daemon::prepare(daemon)?;
    config.listeners.extend(systemd::listeners(&sockets)?);
    if config.listeners.is_empty() {
        config.listeners.push(Listener::from((None, port)));
    }
    let status_descriptors = match status.place {
        Place::Nowhere => 0,
        Place::At { .. } => serve::CONNECTIONS_MAX,
    };
    let kept_open = config.workers.get().saturating_mul(KEPT_MAX);
    let spare = DESCRIPTORS_SPARE + status_descriptors;
    raise_descriptor_limit(&mut config, spare.saturating_add(kept_open));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("start a runtime"))?;
    let server = Server::bind(config.clone())?;
    let status = Waiting::bind(&status, process, diagnostics.outlet())?;
    let (changes, is_chrooted) = (daemon.changes(), daemon.is_chrooted());
    config.root = daemon.seen(&config.root);
    let mut log = log;
    if let Some(log) = &mut log {
        daemon.hand_over(&log.local_files().collect::<Vec<_>>())?;
        log.relocate(|path| daemon.seen(path));
    }
    // From here on what is opened is opened as it can be opened again.
    let elsewhere = config.site.reads_elsewhere(&config.root);
    let settled = daemon.settle(&config.root, &elsewhere, log.as_ref())?;
    if changes {
        Server::check(&config)?;
    }
    let output = Outlet::open("stdout", io::stdout()).map_err(system("start a thread"))?;
    let words = match &log {
        // Whoever reads lines there wants nothing else.
        Some(log) if log.is_on_stdout() => diagnostics.outlet(),
        _ => output.clone(),
    };
    let mut around = Around {
        words,
        terminal: io::stdout().is_terminal().then(|| output.clone()),
        forwarding: diagnostics.forwarding(),
        settled,
        statistics,
        said: (!is_chrooted).then_some(said),
    };
    let outcome = runtime.block_on(serve(server, &config, log, status, &mut around));
    // Nobody reading it is no reason to stay.
    let _ = output.flush(FLUSH_TIMEOUT);
    outcome
}

/// Reads what is read at a start, and says that it can be taken.
fn check(config: &Config, log: Option<LogSettings>) -> Result<(), ProgramError> {
    Server::check(config)?;
    if let Some(log) = log {
        Logging::check(&log, &config.root)?;
    }
    let said = io::stdout().write_all(b"rthttpd: the configuration is in order\n");
    said.map_err(system("write to standard output"))
}

/// Whoever means `/` can say so; whoever says nothing was started there (CVE-2007-0664).
fn refuse_whole_machine(root: &Path) -> Result<(), UsageError> {
    let is_whole = root.canonicalize().is_ok_and(|real| real == Path::new("/"));
    if root.is_relative() && is_whole {
        let root = root.to_owned();
        return Err(UsageError::WholeMachine { root });
    }
    Ok(())
}

/// What is there for as long as it serves.
#[derive(Debug)]
struct Around {
    /// Where the words of the start go.
    words: Outlet,
    /// A terminal to show the first log lines on.
    terminal: Option<Outlet>,
    /// What the diagnostics go to besides, if that is asked for.
    forwarding: Forwarding,
    settled: Settled,
    /// How often what was counted is told.
    statistics: Option<Duration>,
    /// The command line, unless its files are out of sight.
    said: Option<Said>,
}

async fn serve(
    mut server: Server,
    config: &Config,
    log: Option<LogSettings>,
    status: Waiting,
    around: &mut Around,
) -> Result<(), ProgramError> {
    // Before the banner: whoever reads it may send a signal.
    let mut signals = Signals::new(around.statistics).map_err(system("handle signals"))?;
    let is_terminal = around.terminal.is_some();
    let log = match log {
        Some(log) => {
            let outlets = (around.terminal.clone(), around.forwarding.clone());
            Some(Logging::start(&mut server, log, &config.root, outlets).await?)
        }
        None => None,
    };
    let banner = Banner {
        root: server.root(),
        places: server.places(),
        status: status.address(),
        logs: log.as_ref().map_or(&[], |log| log.outputs()),
    };
    around.words.say(banner.text(is_terminal).as_bytes());
    let (manager, summary) = (Notifier::from_env(), banner.status());

    // It answers until everything has ended, as a stop is what one may want to watch.
    let _status = status
        .start(server.counters(), config, log.as_ref())
        .map_err(system("start the status page"))?;
    let (stop, counters) = (server.stop_handle(), server.counters());
    let said = around.said.take();
    let reloading = said.map(|said| Reloading::new(said, server.reload_handle()));
    let (ended, end) = oneshot::channel();
    thread::Builder::new()
        .name("server".into())
        .spawn(move || ended.send(server.run()))
        .map_err(system("start a thread"))?;
    manager.ready(&summary);
    let left = around.settled.let_go(&around.words);
    left.map_err(system("leave the terminal"))?;
    let mut desk = Desk {
        manager: &manager,
        summary: &summary,
        stop,
        counters,
        log: log.as_ref(),
        reloading,
        statistics: Statistics::default(),
        began: Instant::now(),
    };
    let outcome = signals.attend(end, |heard| desk.heed(heard)).await?;
    if around.statistics.is_some() {
        desk.tell();
    }
    if let Some(log) = log {
        signals.attend(log.finish(), |_| ()).await??;
    }
    Ok(outcome.unwrap_or(Err(RunError::Panicked))?)
}

/// Takes as many descriptors as the system allows, and no more connections than they
/// are enough for with so many to spare.
fn raise_descriptor_limit(config: &mut Config, spare: usize) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // A limit that stays is worked with.
    let _ = setrlimit(Resource::Nofile, raised);
    let Some(descriptors) = getrlimit(Resource::Nofile).current else {
        return;
    };
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let spare = spare.min(descriptors / 2);
    let connections = (descriptors - spare) / 2;
    let connections = NonZeroUsize::new(connections).unwrap_or(NonZeroUsize::MIN);
    let limits = &mut config.limits;
    limits.connections_max = limits.connections_max.min(connections);
}

/// Descriptors beside the two of each connection, which are its socket and the file it
/// is sent: listeners, runtimes, the log. Half of all where there are few.
const DESCRIPTORS_SPARE: usize = 64;

impl From<AtOnce> for ProgramError {
    fn from(_: AtOnce) -> Self {
        Self::Interrupted
    }
}

fn system(action: &'static str) -> impl FnOnce(io::Error) -> ProgramError {
    move |source| ProgramError::System { action, source }
}
