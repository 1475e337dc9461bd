//! The program around the server: its descriptors, its signals, its words, its end.
//!
//! ```text
//! settings -> bind -> banner -> serve ... TERM: finish exchanges -> exit 0
//! ```
//!
//! Errors come back as values with an exit status; `main` prints them.

use std::io::{self, IsTerminal, Write};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::banner::Banner;
use crate::cli::Settings;
use crate::config::Config;
use crate::server::{RunError, Server, StartError};

/// Why the program ends with a failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The server cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server ended by itself.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The system refuses what every program needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A second signal asked to end at once.
    #[error("ended at once, as the second signal asked")]
    Interrupted,
}

impl ProgramError {
    /// 2 for what the operator typed, 1 for everything else.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Start(error) if error.is_usage() => 2,
            _ => 1,
        }
    }
}

/// Does what the settings say, until a signal.
///
/// # Errors
///
/// When it cannot start, or ends otherwise than by one signal.
pub fn run(settings: Settings) -> Result<(), ProgramError> {
    let mut config = settings.config;
    raise_descriptor_limit(&mut config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("start a runtime"))?;
    let server = Server::bind(config.clone())?;
    runtime.block_on(serve(server, &config))
}

async fn serve(server: Server, config: &Config) -> Result<(), ProgramError> {
    // Before the banner: whoever reads it may send a signal.
    let mut signals = Signals::new().map_err(system("handle signals"))?;
    let stop = server.stop_handle();
    say(&Banner {
        root: &config.root,
        addresses: server.addresses(),
        host: config.host.as_deref(),
    });
    let (ended, mut end) = oneshot::channel();
    thread::Builder::new()
        .name("server".into())
        .spawn(move || ended.send(server.run()))
        .map_err(system("start a thread"))?;

    let mut is_stopping = false;
    loop {
        tokio::select! {
            outcome = &mut end => return Ok(outcome.unwrap_or(Err(RunError::Panicked))?),
            () = signals.stop() => {
                if is_stopping {
                    return Err(ProgramError::Interrupted);
                }
                is_stopping = true;
                stop.stop();
            }
        }
    }
}

/// The signals the program knows. PIPE is ignored by Rust's start-up.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// Kept so that a hang-up does not kill: there is nothing to do about one yet.
    _hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes as many descriptors as the system allows, and no more connections than they
/// are enough for.
fn raise_descriptor_limit(config: &mut Config) {
    let limit = getrlimit(Resource::Nofile);
    // The limit that stays is worked with; accepting says when it is reached.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    let Some(descriptors) = getrlimit(Resource::Nofile).current else {
        return;
    };
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let enough_for = descriptors.saturating_sub(DESCRIPTORS_SPARE) / 2;
    let enough_for = std::num::NonZeroUsize::new(enough_for).unwrap_or(std::num::NonZeroUsize::MIN);
    let limits = &mut config.limits;
    limits.connections_max = limits.connections_max.min(enough_for);
}

/// Descriptors beside the two of each connection, which are its socket and the file it
/// is sent: listeners, runtimes, the log.
const DESCRIPTORS_SPARE: usize = 64;

fn say(banner: &Banner<'_>) {
    let out = io::stdout();
    let text = banner.text(out.is_terminal());
    // Nobody listening is no reason not to serve.
    let _ = out.lock().write_all(text.as_bytes());
}

fn system(action: &'static str) -> impl FnOnce(io::Error) -> ProgramError {
    move |source| ProgramError::System { action, source }
}
