//! The servers: how each is started, and what it takes to be fair to it.
//!
//! rthttpd runs as a user gets it: only port, root, number of workers and log are given. The others get their
//! distribution's settings and then everything that makes them faster at this: no log unless the row has one,
//! files kept open, connections that last. The configurations are in `config.rs`, and printed.

mod config;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::program::ProgramError;

use crate::case::{Case, Floor, Special};
use crate::log::Destination;
use crate::site::{File, Site};

/// A program that answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::enum_variant_names, reason = "static-web-server is one's name")]
pub(crate) enum Server {
    Floor,
    Nginx,
    Apache,
    Lighttpd,
    StaticWebServer,
    Thttpd,
    Rthttpd,
    Before,
}

/// Where things are and where they run.
#[derive(Debug)]
pub(crate) struct Setup {
    /// A directory of this run, deleted at its end.
    pub(crate) scratch: PathBuf,
    /// What is served, inside it.
    pub(crate) site: Site,
    /// Where cargo put the release programs.
    pub(crate) programs: PathBuf,
    /// An rthttpd of another commit.
    pub(crate) before: Option<PathBuf>,
    /// The servers' core, unless there is only one core.
    pub(crate) server_core: Option<usize>,
    /// The core of the load and of the hub.
    pub(crate) load_core: Option<usize>,
}

/// What a configuration has to know of the case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    connections: usize,
    /// Whether more files are asked for than are kept open otherwise.
    is_many: bool,
}

impl Conditions {
    pub(crate) fn of(case: &Case) -> Self {
        Self {
            connections: case.shape.connections,
            is_many: case.special == Some(Special::Many),
        }
    }

    /// Those of the case that asks for most.
    pub(crate) fn most(cases: &[Case]) -> Self {
        let all = cases.iter().map(Self::of);
        all.fold(NONE, |most, case| Self {
            connections: most.connections.max(case.connections),
            is_many: most.is_many || case.is_many,
        })
    }
}

const NONE: Conditions = Conditions {
    connections: 0,
    is_many: false,
};

/// A server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CandidateError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("cannot prepare {what}")]
    Prepare { what: String, source: io::Error },
}

impl Server {
    pub(crate) const ALL: [Self; 8] = [
        Self::Floor,
        Self::Nginx,
        Self::Apache,
        Self::Lighttpd,
        Self::StaticWebServer,
        Self::Thttpd,
        Self::Rthttpd,
        Self::Before,
    ];

    /// How it is set up, for a reader: the text of its configuration, or the words it is started with.
    pub(crate) fn shown(self, setup: &Setup, conditions: Conditions) -> String {
        let directory = setup.scratch.join("DIRECTORY");
        let root = setup.site.root();
        let log = Destination::Nowhere;
        if let Some(config) = self.config(0, root, &directory, &log, conditions) {
            return format!("{self:?}:\n{config}");
        }
        let words = self.words("PORT", root, &setup.site.path(File::Small));
        format!("{self:?}: {}", words.join(OsStr::new(" ")).display())
    }

    /// Its program, if it is there.
    fn program(self, setup: &Setup) -> Option<PathBuf> {
        match self {
            Self::Floor => existing(setup.programs.join("floor")),
            Self::Rthttpd => existing(setup.programs.join("rthttpd")),
            Self::Before => setup.before.clone(),
            Self::Nginx => installed("nginx"),
            Self::Apache => installed("apache2"),
            Self::Lighttpd => installed("lighttpd"),
            Self::StaticWebServer => installed("static-web-server"),
            Self::Thttpd => installed("thttpd"),
        }
    }

    /// What is running, in the server's own words; `None` when it is not installed.
    pub(crate) fn version(self, setup: &Setup) -> Option<String> {
        let program = self.program(setup)?;
        let flag = match self {
            Self::Floor => return Some("recv, send".to_owned()),
            Self::Nginx | Self::Apache | Self::Lighttpd => "-v",
            Self::StaticWebServer | Self::Thttpd | Self::Rthttpd | Self::Before => "-V",
        };
        let output = Command::new(program).arg(flag).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let words = said.lines().next()?.split_whitespace();
        Some(words.collect::<Vec<_>>().join(" "))
    }

    /// What starts it in the foreground, with whatever it needs in `directory`.
    pub(crate) fn command(
        self,
        setup: &Setup,
        case: &Case,
        port: u16,
        directory: &Path,
        log: &Destination,
    ) -> Result<Command, CandidateError> {
        let mut command = Command::new(self.program(setup).unwrap_or_default());
        let root = setup.site.root();
        command.args(self.words(&port.to_string(), root, &setup.site.path(case.file())));
        let config = directory.join("server.conf");
        if let Some(text) = self.config(port, root, directory, log, Conditions::of(case)) {
            fs::write(&config, text).map_err(preparing("a configuration"))?;
        }
        match self {
            Self::Floor => {
                match case.floor {
                    Some(Floor::Pipelined) => command.arg("pipelined"),
                    Some(Floor::Closing) => command.arg("closing"),
                    Some(Floor::Plain) | None => &mut command,
                };
            }
            Self::Nginx => {
                command.arg("-p").arg(directory).arg("-c").arg(config);
                // Else messages from before the configuration is read go to a system directory.
                command.args(["-e", "stderr"]);
            }
            Self::Apache => {
                command.arg("-DFOREGROUND").arg("-d").arg(directory);
                command.arg("-f").arg(config);
            }
            Self::Lighttpd => {
                command.arg("-D").arg("-f").arg(config);
            }
            Self::StaticWebServer | Self::Thttpd => {}
            Self::Rthttpd | Self::Before => {
                if case.special == Some(Special::Throttled) {
                    let rules = directory.join("throttles");
                    fs::write(&rules, "** 10G\n").map_err(preparing("a rule"))?;
                    command.arg("--throttles").arg(rules);
                }
                match log {
                    Destination::Spread { hub } => {
                        command.args(["--spread", hub]);
                    }
                    Destination::File { path, .. } => {
                        command.arg("--log").arg(format!("file={}", path.display()));
                    }
                    _ => {}
                }
            }
        }
        Ok(command)
    }

    /// The words it is started with where it has no configuration: in every case the same.
    fn words(self, port: &str, root: &Path, file: &Path) -> Vec<OsString> {
        let words = match self {
            Self::Floor => port.to_owned(),
            // It has a thread for each core that it may use: one.
            Self::StaticWebServer => format!("-a 127.0.0.1 -p {port} --log-level error -d"),
            Self::Thttpd => format!("-D -h 127.0.0.1 -p {port} -l /dev/null -nor -d"),
            Self::Rthttpd | Self::Before => format!("-p {port} --workers 1 -d"),
            Self::Nginx | Self::Apache | Self::Lighttpd => return Vec::new(),
        };
        let last = if self == Self::Floor { file } else { root };
        let words = words.split_whitespace().map(OsString::from);
        words.chain([last.into()]).collect()
    }

    /// The text of its configuration file, if it has one.
    pub(crate) fn config(
        self,
        port: u16,
        root: &Path,
        directory: &Path,
        log: &Destination,
        conditions: Conditions,
    ) -> Option<String> {
        match self {
            Self::Nginx => Some(config::nginx(port, root, log, conditions)),
            Self::Apache => Some(config::apache(port, root, directory, log, conditions)),
            Self::Lighttpd => Some(config::lighttpd(port, root, directory)),
            _ => None,
        }
    }
}

/// Finds a server where systems keep them, though a user's PATH may not name that place.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path);
    let places = places.chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places.map(|place| place.join(name)).find_map(existing)
}

fn existing(program: PathBuf) -> Option<PathBuf> {
    program.is_file().then_some(program)
}

pub(crate) fn preparing(what: &str) -> impl FnOnce(io::Error) -> CandidateError {
    let what = what.to_owned();
    |source| CandidateError::Prepare { what, source }
}
