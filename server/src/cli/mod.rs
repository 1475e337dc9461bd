//! The command line: flags in, settings out.
//!
//! The short letters are thttpd's, so `-h` is the address to listen on and help is
//! `--help` alone. Whatever can be refused is refused here or when the server is bound,
//! before anything is served.

mod cgi;
mod clients;
pub(crate) mod conf;
mod daemon;
mod encodings;
mod listen;
mod log;
mod logs;
mod quantity;
mod rules;
mod said;
mod site;
mod spelling;
mod spread;
mod status;
mod throttle;
mod words;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::spread::GroupName;
use ::spread::stream::GroupTooLong;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser};
use spread_logger::SyslogOptions;

use self::cgi::CgiArgs;
use self::clients::ClientArgs;
use self::daemon::DaemonArgs;
pub(crate) use self::daemon::{DaemonSettings, Switch};
use self::encodings::EncodingArgs;
use self::listen::ListenArgs;
use self::log::LogArgs;
pub(crate) use self::log::{EmbeddedOptions, LogSettings, SpreadSettings};
pub(crate) use self::logs::LogDestination;
#[cfg(any(test, fuzzing))]
pub(crate) use self::logs::law as log_law;
use self::quantity::{Size, Time};
use self::rules::RuleArgs;
pub use self::rules::RuleError;
pub(crate) use self::said::Said;
use self::site::SiteArgs;
use self::spelling::System;
use self::status::StatusArgs;
pub(crate) use self::status::StatusSettings;
use self::throttle::ThrottleArgs;
use crate::config::{self, Config, Limits, Timeouts};
use crate::logs::{OUTPUTS_MAX, ServerNameError};
use crate::systemd;
use crate::throttle::ThrottleFileError;

/// The flags as they were typed.
#[derive(Debug, Parser)]
#[command(
    name = "rthttpd",
    version,
    about = "A light static web server that logs to a Spread group",
    after_help = EXAMPLES,
    disable_help_flag = true,
    // What is said last holds, as with thttpd.
    args_override_self = true,
    max_term_width = 80
)]
pub struct Args {
    /// The directory to serve
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Threads that serve [default: as many as processors, or as the CPU quota of the cgroup allows]
    #[arg(long, value_name = "N", value_parser = quantity::workers)]
    workers: Option<NonZeroUsize>,

    /// Connections at a time; more wait to be accepted
    #[arg(
        long,
        value_name = "N",
        value_parser = quantity::count::<NonZeroUsize>,
        default_value_t = config::CONNECTIONS_MAX
    )]
    connections_max: NonZeroUsize,

    /// Memory for small files, shared out among the workers; 0 for none
    #[arg(long, value_name = "SIZE", default_value_t = Size(config::CACHE_BYTES))]
    cache_size: Size,

    /// How long a connection may wait between two requests
    #[arg(long, value_name = "TIME", default_value_t = Time(config::IDLE_TIMEOUT))]
    idle_timeout: Time,

    /// How long a request may take to arrive, from its first byte
    #[arg(long, value_name = "TIME", default_value_t = Time(config::REQUEST_TIMEOUT))]
    request_timeout: Time,

    /// How long a client may take none of its response
    #[arg(long, value_name = "TIME", default_value_t = Time(config::SEND_TIMEOUT))]
    send_timeout: Time,

    /// How long, on TERM or INT, requests may take to finish, and then the log to be sent
    #[arg(long, value_name = "TIME", default_value_t = Time(config::STOP_TIMEOUT))]
    stop_timeout: Time,

    /// Read settings from here: `name=value` or `name`, where a name is any of these options or one
    /// of thttpd's; what is said later replaces what was said before
    #[arg(short = 'C', long, value_name = "FILE", action = ArgAction::Append)]
    config: Vec<PathBuf>,

    /// Where nothing is said be as thttpd is: at port 80, as the user nobody, in
    /// the background. The flag -C says this too, and so does
    /// being called thttpd
    #[arg(long)]
    thttpd_defaults: bool,

    /// Read everything, say what is wrong, and do nothing
    #[arg(long)]
    check: bool,

    /// Print this help
    #[arg(long, action = ArgAction::HelpShort)]
    help: Option<bool>,

    #[command(flatten)]
    listen: ListenArgs,

    #[command(flatten)]
    site: SiteArgs,

    #[command(flatten)]
    log: LogArgs,

    #[command(flatten)]
    clients: ClientArgs,

    #[command(flatten)]
    encodings: EncodingArgs,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    throttles: ThrottleArgs,

    #[command(flatten)]
    cgi: CgiArgs,

    #[command(flatten)]
    status: StatusArgs,

    #[command(flatten)]
    daemon: DaemonArgs,

    #[arg(skip)]
    said: Said,
}

/// What the program is to do.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// Where to listen when nobody says where.
    pub(crate) port: u16,
    /// Sockets that the service manager must have given.
    pub(crate) sockets: Vec<systemd::Choice>,
    pub(crate) log: Option<LogSettings>,
    pub(crate) status: StatusSettings,
    pub(crate) daemon: DaemonSettings,
    /// How often what was counted is told.
    pub(crate) statistics: Option<Duration>,
    /// Nothing but reading is wanted.
    pub(crate) is_check: bool,
}

/// Flags that contradict each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There is no spreadlogd here to write files.
    #[error(
        "--log-dir is for --spread embedded alone: with Spread daemons the files are \
         written where spreadlogd runs, as its own configuration says"
    )]
    LogDir,
    /// A log goes to a group, and there is no Spread.
    #[error("--log with group=NAME needs --spread, which says where Spread is")]
    GroupWithoutSpread,
    /// There is a Spread, and no log goes to a group.
    #[error(
        "--spread is given, but no --log says group=NAME: add it to one, or leave --spread out"
    )]
    SpreadWithoutGroup,
    /// Two logs would go to one place.
    #[error("two logs go to {name}: give each its own, as spreadlogd can write several as one")]
    SameLog {
        /// The group or the place.
        name: String,
    },
    /// More logs than there may be.
    #[error("{outputs} groups, files and other places of --log: at most {OUTPUTS_MAX}")]
    Outputs {
        /// How many times --log was given.
        logs: usize,
        /// How many rings each worker would have.
        outputs: usize,
    },
    /// What is shared out is not enough.
    #[error(
        "{flag} is {total} bytes for {groups} groups together: choose at least {least}, or fewer \
         groups"
    )]
    Share {
        /// Which total.
        flag: &'static str,
        /// What it is.
        total: usize,
        /// Among how many it is shared out.
        groups: usize,
        /// What it has to be.
        least: usize,
    },
    /// The lines of a format can be longer than a message.
    #[error(
        "a line of the log format {format} can have {least} bytes before any text of a client is \
         cut short, and may have {most}: make the format shorter, or --spread-message-max larger"
    )]
    Format {
        /// The format.
        format: String,
        /// What it needs.
        least: usize,
        /// What there is: a message, or the longest line.
        most: usize,
    },
    /// A group whose name is no file's.
    #[error(
        "group {group} cannot be a file in --log-dir: with --spread embedded choose a name without \
         / and that does not begin with a dot"
    )]
    GroupFile {
        /// The group.
        group: GroupName,
    },
    /// The name of a group is too long.
    #[error("cannot take --error-group")]
    ErrorGroup(#[from] GroupTooLong),
    /// A name of the server is none.
    #[error("cannot take --server-name")]
    ServerName(#[from] ServerNameError),
    /// The program was started in `/`, as a service manager does, and not told otherwise.
    #[error(
        "{} is /, so the whole machine would be served; \
         name the directory to serve with -d (-d / if that is it)",
        root.display()
    )]
    WholeMachine {
        /// What was to be served.
        root: PathBuf,
    },
    /// Looking an address up is quick in any number; this many were never meant.
    #[error("cannot take {count} networks for {flag}: at most {max}")]
    Networks {
        /// Which flag has them.
        flag: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Nobody would read it.
    #[error(
        "a log on standard output has no reader in the background: stay in the foreground with -D, \
         or log to a file"
    )]
    Unread,
    /// Each of them is looked for in each directory.
    #[error("cannot take {count} names for --index: at most {max}")]
    IndexNames {
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// Programs need what the sandbox takes away.
    #[error(
        "--sandbox on lets nothing be executed, and --cgi runs programs: leave one of them out"
    )]
    SandboxedPrograms,
    /// A rule for some paths is none.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The throttle file is none.
    #[error(transparent)]
    Throttles(#[from] ThrottleFileError),
}

impl Args {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    ///
    /// When it is none, or asks for help; the error knows what to print and how to exit.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        command.build();
        let typed: Vec<_> = args.into_iter().collect();
        let mut system = System {
            open: &mut open,
            has_log: Path::new(SyslogOptions::PATH).exists(),
        };
        let words = spelling::respell(typed.clone(), &command, &mut system)
            .map_err(|error| command.error(ErrorKind::InvalidValue, error))?;
        let matches = command.try_get_matches_from_mut(words)?;
        let mut args = Self::from_arg_matches(&matches)?;
        args.said = Said::new(typed, &command, &matches);
        Ok(args)
    }

    /// All of it as it was said.
    pub(crate) const fn said(&self) -> &Said {
        &self.said
    }

    /// Whether another process is to serve, and this one to end when that does.
    #[must_use]
    pub fn goes_into_background(&self) -> bool {
        !self.check && self.daemon.goes_into_background(self.thttpd_defaults)
    }

    /// Whether this is that process.
    #[must_use]
    pub const fn is_detached(&self) -> bool {
        self.daemon.is_detached()
    }

    /// The settings that the flags come to.
    ///
    /// # Errors
    ///
    /// When they contradict each other.
    pub(crate) fn settings(self) -> Result<Settings, UsageError> {
        let log = self.log.settings(self.stop_timeout.0)?;
        let is_on_stdout = log.as_ref().is_some_and(LogSettings::is_on_stdout);
        let is_background = self.daemon.goes_into_background(self.thttpd_defaults);
        if is_on_stdout && (is_background || self.is_detached()) {
            return Err(UsageError::Unread);
        }
        let spread = log.as_ref().and_then(|log| log.spread.as_ref());
        let is_embedded = spread.is_some_and(|spread| spread.embedded.is_some());
        let status = self.status.settings(is_embedded);
        let defaults = Config::new(self.daemon.root(&self.dir));
        let port = if self.thttpd_defaults {
            config::THTTPD_PORT
        } else {
            config::PORT
        };
        let chosen = self.listen.chosen(port);
        let config = Config {
            listeners: chosen.listeners,
            workers: self.workers.unwrap_or(defaults.workers),
            limits: Limits {
                connections_max: self.connections_max,
                request: self.cgi.limits(),
            },
            timeouts: Timeouts {
                idle: self.idle_timeout.0,
                request: self.request_timeout.0,
                send: self.send_timeout.0,
                stop: self.stop_timeout.0,
            },
            cache_bytes: self.cache_size.0,
            clients: self.clients.options()?,
            encodings: self.encodings.encodings(),
            rules: self.rules.rules()?,
            names: self.log.names()?,
            throttles: self.throttles.throttles()?,
            site: self.site.options(self.thttpd_defaults)?,
            cgi: self.cgi.options(),
            ..defaults
        };
        let mut again = self.config;
        again.extend(self.throttles.file());
        let mut daemon = self.daemon.settings(&self.dir, again, self.thttpd_defaults);
        if config.cgi.is_some() && daemon.sandbox.replace(Switch::Off) == Some(Switch::On) {
            return Err(UsageError::SandboxedPrograms);
        }
        Ok(Settings {
            config,
            port,
            sockets: chosen.sockets,
            log,
            status,
            statistics: self.status.statistics(self.thttpd_defaults),
            daemon,
            is_check: self.check,
        })
    }
}

/// Reads a configuration file, or as much of it as shows that it is none.
fn open(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = u64::try_from(conf::LEN_MAX + 1).unwrap_or(u64::MAX);
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}

const EXAMPLES: &str = "\
Examples:
  rthttpd -d ./www                            serve at http://127.0.0.1:8080/
  rthttpd -d ./www -p 80 -h 192.0.2.7         at port 80 of one address
  rthttpd -d ./www --listen unix:/run/w.sock  at a socket in the file system
  rthttpd -d ./www --spread embedded          and write ./logs/access_log
  rthttpd -d ./www --spread 4803@localhost    and log to this machine's daemon
  rthttpd htpasswd --help                     set passwords for directories
  rthttpd -d ./www --spread 4803@a,4803@b     to that on a, or b while a is away
  rthttpd -C /etc/thttpd.conf                 as a thttpd
  rthttpd -d ./www --log file=/var/log/web    to a file, without any Spread
  rthttpd -d ./www --spread 4803 --log group=access_log \\
      --log 'group=errors status=5xx'         everything, and failures apart

Signals: TERM and INT finish what is under way, send the log and stop; a second
one ends at once. USR1 does so too, and takes the time that downloads need. HUP
opens the log files and reads the configuration again. USR2 tells what was
counted.

thttpd's flags, as it spells them; docs/from-thttpd.md tells what differs:
  -C FILE   --config, --thttpd-defaults    -h HOST     --host
  -p PORT   --port                         -l FILE     --log file=FILE
  -d DIR    --dir                          -i FILE     --pid-file
  -dd DIR   --data-dir                     -T CHARSET  --charset
  -r        --chroot, -nor not             -P TEXT     --p3p
  -nos      --no-symlink-check, -s not     -M SECONDS  --max-age
  -v        --vhosts, -nov not             -V          --version
  -g        --global-password, -nog not    -D          --foreground
  -u USER   --user                         -c PATTERN  --cgi
  -t FILE   --throttles

Exit status: 0 stopped, 1 a failure while running, 2 a mistake in the flags.";

#[cfg(test)]
mod tests;
