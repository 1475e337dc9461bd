//! The servers: how each is started, and what it takes to be fair to it.
//!
//! rthttpd runs as a user gets it: only port, root, number of workers and log are given. The others get their
//! distribution's settings and then everything that makes them faster at this: no log unless the row has one,
//! files kept open, connections that last. The configurations are in `config.rs`, and printed.

mod config;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::program::ProgramError;

use crate::case::{Case, Floor, Special};
use crate::log::Destination;
use crate::site::Site;

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

/// A server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CandidateError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("cannot prepare {what}")]
    Prepare { what: String, source: io::Error },
}

impl Server {
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
        Some(said.lines().next()?.trim().to_owned())
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
        let port_text = port.to_string();
        let config = directory.join("server.conf");
        if let Some(text) = self.config(port, root, directory, log, case.shape.connections) {
            fs::write(&config, text).map_err(preparing("a configuration"))?;
        }
        match self {
            Self::Floor => {
                command.arg(port_text).arg(setup.site.path(case.file()));
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
            Self::StaticWebServer => {
                // It has a thread for each core that it may use: one.
                command.args(["-a", "127.0.0.1", "-p", &port_text]);
                command.args(["--log-level", "error", "-d"]).arg(root);
            }
            Self::Thttpd => {
                command.args(["-D", "-h", "127.0.0.1", "-p", &port_text]);
                command.args(["-l", "/dev/null", "-nor", "-d"]).arg(root);
            }
            Self::Rthttpd | Self::Before => {
                command.args(["-p", &port_text, "--workers", "1", "-d"]);
                command.arg(root);
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

    /// The text of its configuration file, if it has one.
    pub(crate) fn config(
        self,
        port: u16,
        root: &Path,
        directory: &Path,
        log: &Destination,
        connections: usize,
    ) -> Option<String> {
        match self {
            Self::Nginx => Some(config::nginx(port, root, log)),
            Self::Apache => Some(config::apache(port, root, directory, log, connections)),
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
