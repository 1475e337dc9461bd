//! The program `spreadlogd`: options, signals and the exit status around the library.
//!
//! Exit status: 0 when it was asked to stop; 1 when something failed, or lines could not be
//! written at the end; 2 when the options or the configuration are wrong.

mod auditing;
mod cli;
mod conf;
mod hub;
mod realtime;
mod reload;
mod signals;
mod since;
mod status;
mod stops;
mod systemd;
mod tailing;
mod tools;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::time::Duration;

use clap::Parser as _;
use http::serve::Process;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use spread::{AddressError, Addresses, GroupName, NameError};
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps, is_coloured};
use spread_logger::pid_file::PidFile;
use spreadlogd::config::{FILE_DEFAULT, GROUP_DEFAULT, SPREAD_DEFAULT};
use spreadlogd::{Config, Counters, Locking, Options, RECEIVE_ERRORS, Spreadlogd};
use tokio::runtime;
use tracing::{debug, error, info};
use tracing_subscriber::filter::{LevelFilter, Targets};

use cli::{Args, Tool};
use conf::Conf;
use hub::HubThread;
use reload::{Ended, Life};
use signals::Signals;
use status::{Shown, Sources};
use systemd::Manager;

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
    let read = args.config.as_ref();
    let read = read.map(|path| Conf::read(path, &diagnostics));
    let conf = match read.transpose() {
        Ok(conf) => conf,
        Err(text) => {
            diagnostics.say(&text);
            return ExitCode::from(2);
        }
    };
    if args.check {
        let missing = conf.is_none().then(|| single(&args, None));
        let missing = missing.and_then(|config| config.ok()?.missing());
        return match missing {
            // What a file names was looked for when it was read.
            None => ExitCode::SUCCESS,
            Some(errors) => {
                diagnostics.say(&errors.render(is_coloured()));
                ExitCode::from(2)
            }
        };
    }
    match start(&args, conf, &diagnostics) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            error!("{}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Opens, connects, and runs until it is told to stop; whether everything was written.
fn start(
    args: &Args,
    conf: Option<Conf>,
    diagnostics: &Diagnostics,
) -> Result<bool, Box<dyn Error>> {
    let process = Process::started_now();
    let files_max = raise_descriptor_limit();
    if let Some(path) = &args.pid_file {
        PidFile::check(path)?;
    }
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
    let conf = match conf {
        Some(conf) => conf,
        None => Conf::of_options(single(args, hub.as_ref())?),
    };
    let options = options(args, files_max);
    let spreadlogd = Spreadlogd::open(&conf.config, &options)?;
    tell_files(&spreadlogd.counters());
    let pid_file = args.pid_file.as_deref().map(PidFile::write).transpose()?;
    let shown = Shown::new(&spreadlogd, hub.as_ref().map(HubThread::reader));
    // It answers until everything has ended, as a stop is what one may want to watch.
    let _status = match status {
        Some(status) => {
            info!("status is at http://{}/", status.address());
            Some(status.start(&Sources {
                process,
                diagnostics: diagnostics.outlet(),
                shown: shown.clone(),
            })?)
        }
        None => None,
    };
    if let Some(priority) = args.realtime {
        // This thread is the one that reads: the files are written by another.
        realtime::enter(priority);
    }
    let life = Life {
        path: args.config.clone(),
        options,
        diagnostics,
        manager: Manager::from_env()?,
        shown,
        signals,
    };
    let is_whole = match runtime.block_on(life.live(spreadlogd, conf)) {
        Err(ended @ Ended::AtOnce) => {
            // Nothing of what is under way is waited for.
            error!("{ended}");
            drop(pid_file);
            diagnostics.flush();
            process::exit(1);
        }
        outcome => outcome?,
    };
    if let Some(hub) = hub {
        hub.stop();
    }
    Ok(is_whole)
}

/// What the configuration does not say.
fn options(args: &Args, files_max: usize) -> Options {
    Options {
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
    }
}

pub(crate) fn tell_files(counters: &Counters) {
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
    use std::path::Path;

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
