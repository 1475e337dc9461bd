//! The program `spreadlogd`: options, signals and the exit status around the library.
//!
//! Exit status: 0 when it was asked to stop; 1 when something failed, or lines could not be
//! written at the end; 2 when the options or the configuration are wrong.

mod auditing;
mod cli;
mod hub;
mod realtime;
mod status;
mod stops;
mod tailing;
mod tools;

use std::convert::Infallible;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser as _;
use http::serve::Process;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use spread::{AddressError, Addresses, GroupName, NameError};
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps, is_coloured};
use spreadlogd::config::{BYTES_MAX, FILE_DEFAULT, GROUP_DEFAULT, SPREAD_DEFAULT};
use spreadlogd::{
    Command, Config, Counters, Locking, Options, RECEIVE_ERRORS, Report, RunError, Spreadlogd,
    Summary,
};
use tokio::runtime;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{debug, error, info};
use tracing_subscriber::filter::{LevelFilter, Targets};

use cli::{Args, Tool};
use hub::HubThread;
use status::Sources;
use stops::{Stops, Wish};

fn main() -> ExitCode {
    let args = Args::parse();
    match &args.tool {
        Some(Tool::Realtime(tool)) => return tool.run(),
        Some(Tool::Audit(tool)) => return tool.run(),
        Some(Tool::Tail(tool)) => return tool.run(),
        Some(Tool::Merge(tool)) => {
            let _ = raise_descriptor_limit();
            return tool.run();
        }
        Some(Tool::Diff(tool)) => {
            let _ = raise_descriptor_limit();
            return tool.run();
        }
        Some(Tool::Replay(tool)) => return tool.run(),
        None => {}
    }
    let diagnostics = match Diagnostics::start(filter(&args), Stamps::Shown) {
        Ok(diagnostics) => diagnostics,
        Err(error) => {
            let _ = writeln!(io::stderr(), "spreadlogd: cannot start a thread: {error}");
            return ExitCode::FAILURE;
        }
    };
    let parsed = match parse(&args, &diagnostics) {
        Ok(parsed) => parsed,
        Err(text) => {
            diagnostics.say(&text);
            return ExitCode::from(2);
        }
    };
    if args.check {
        return ExitCode::SUCCESS;
    }
    match start(&args, parsed, &diagnostics) {
        Ok(summary) if summary.lines_unwritten == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            error!("{}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// The configuration file, if there is one; the error is the text for the operator.
fn parse(args: &Args, diagnostics: &Diagnostics) -> Result<Option<Config>, String> {
    let Some(path) = &args.config else {
        return Ok(None);
    };
    let coloured = is_coloured();
    let name = path.display().to_string();
    let text = read(path).map_err(|error| format!("error: cannot read {name}: {error}\n"))?;
    let config = Config::parse(&text, &name).map_err(|errors| errors.render(coloured))?;
    diagnostics.say(&config.warnings().render(coloured));
    Ok(Some(config))
}

/// The text of a file, one byte more than is allowed at most: the parser says that it is too long.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

/// Opens, connects, and runs until it is told to stop.
fn start(
    args: &Args,
    parsed: Option<Config>,
    diagnostics: &Diagnostics,
) -> Result<Summary, Box<dyn Error>> {
    let process = Process::started_now();
    let files_max = raise_descriptor_limit();
    let status = status::Waiting::bind(&args.status)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // First of all, so that none of them ends us from here on.
    let signals = runtime.block_on(async { Signals::catch() })?;
    let hub = match args.hub {
        Some(address) => Some(HubThread::start(address, &args.spread_socket_dir)?),
        None => None,
    };
    if let Some(hub) = &hub {
        info!("a hub for this machine is at {}", hub.address());
    }
    let config = match parsed {
        Some(config) => config,
        None => single(args, hub.as_ref())?,
    };
    let options = Options {
        locking: if args.unlocked {
            Locking::None
        } else {
            Locking::Exclusive
        },
        socket_dir: args.spread_socket_dir.clone(),
        stop_timeout: Duration::from_secs(args.stop_timeout.into()),
        state_dir: args.state.clone(),
        says_farewell: args.farewell,
        files_max,
        ..Options::default()
    };
    let spreadlogd = Spreadlogd::open(&config, &options)?;
    tell_files(&spreadlogd.counters());
    // It answers until everything has ended, as a stop is what one may want to watch.
    let _status = match status {
        Some(status) => {
            info!("status is at http://{}/", status.address());
            let hub = hub.as_ref().map(HubThread::reader);
            Some(status.start(&Sources {
                process,
                diagnostics: diagnostics.outlet(),
                report: Report::new(spreadlogd.counters(), hub),
                online: spreadlogd.online(),
            })?)
        }
        None => None,
    };
    if let Some(priority) = args.realtime {
        // This thread is the one that reads: the files are written by another.
        realtime::enter(priority);
    }
    let summary = runtime.block_on(run(spreadlogd, signals, diagnostics))?;
    if let Some(hub) = hub {
        hub.stop();
    }
    Ok(summary)
}

fn tell_files(counters: &Counters) {
    let files = counters.files();
    match files.len() {
        0..=FILES_TOLD_MAX => files
            .iter()
            .for_each(|file| info!("writing to {}", file.path.display())),
        count => info!("writing to {count} files"),
    }
}

/// One group into one file, from the options and their defaults.
fn single(args: &Args, hub: Option<&HubThread>) -> Result<Config, BadDefault> {
    let addresses = match (&args.spread, hub) {
        (Some(addresses), _) => addresses.clone(),
        (None, Some(hub)) => Addresses::from(hub.address()),
        (None, None) => SPREAD_DEFAULT.parse()?,
    };
    let group = match args.group {
        Some(group) => group,
        None => GroupName::new(GROUP_DEFAULT)?,
    };
    let file = args
        .file
        .clone()
        .unwrap_or_else(|| PathBuf::from(FILE_DEFAULT));
    Ok(Config::single(addresses, group, file))
}

/// A default of ours that we would refuse from a user; a test shows that there is none.
#[derive(Debug, thiserror::Error)]
enum BadDefault {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Group(#[from] NameError),
}

/// Runs it under the signals: HUP opens the files again, TERM and INT stop it.
async fn run(
    spreadlogd: Spreadlogd,
    signals: Signals,
    diagnostics: &Diagnostics,
) -> Result<Summary, RunError> {
    let (commands, receiver) = mpsc::channel(1);
    tokio::select! {
        summary = spreadlogd.run(receiver) => summary,
        never = signals.pass_on(commands, diagnostics) => match never {},
    }
}

/// The signals that are commands.
struct Signals {
    hup: unix::Signal,
    term: unix::Signal,
    int: unix::Signal,
}

impl Signals {
    /// Catches them from now on, in the current runtime.
    fn catch() -> io::Result<Self> {
        // Caught, and no more: a limit on the size of files is a failed write and not the end.
        let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    async fn pass_on(
        mut self,
        commands: mpsc::Sender<Command>,
        diagnostics: &Diagnostics,
    ) -> Infallible {
        let (mut stops, began) = (Stops::default(), Instant::now());
        loop {
            let stop = tokio::select! {
                _ = self.hup.recv() => None,
                _ = self.term.recv() => Some(SignalKind::terminate()),
                _ = self.int.recv() => Some(SignalKind::interrupt()),
            };
            let command = match stop.map(|signal| stops.on(signal, began.elapsed())) {
                None => Command::Reopen,
                Some(Wish::Stop) => Command::Stop,
                Some(Wish::Same) => continue,
                Some(Wish::EndAtOnce) => {
                    error!("told to stop a second time: ending at once");
                    diagnostics.flush();
                    process::exit(1);
                }
            };
            // While it stops it takes no more, and needs none.
            let _ = commands.send(command).await;
        }
    }
}

/// What is said, of all that could be.
fn filter(args: &Args) -> Targets {
    let level = if args.verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    let receive_errors = if args.receive_errors {
        LevelFilter::DEBUG
    } else {
        LevelFilter::OFF
    };
    Targets::new()
        .with_target("spreadlogd", level)
        .with_target("spread", level)
        .with_target(RECEIVE_ERRORS, receive_errors)
}

/// As many open files as the system lets us have: each Log may be one. How many those may be that
/// lines name: half of all.
fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        debug!("the limit on open files stays as it is: {error}");
    }
    // Without a limit there is none to keep to.
    let all = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(all / 2).unwrap_or(usize::MAX)
}

/// Files named at start; with -v all are.
const FILES_TOLD_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_options_at_all_are_the_defaults_of_the_manual() {
        let args = Args::parse_from(["spreadlogd"]);

        let config = single(&args, None).unwrap();

        let [spread] = config.spreads() else {
            panic!("{config:?}");
        };
        assert_eq!(spread.addresses().to_string(), "4803@localhost");
        assert_eq!(spread.logs()[0].group().to_string(), "access_log");
        let file = spread.logs()[0].destination().unwrap().fixed();
        assert_eq!(file.as_deref(), Some(Path::new("./logs/access_log")));
    }
}
