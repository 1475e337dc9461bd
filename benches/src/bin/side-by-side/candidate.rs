//! Who is measured: how each server is started, and what it takes to be fair to it.
//!
//! Every server has one worker and the same core, writes no log unless the row says so, and is started anew for
//! each round, with a directory of its own. rthttpd runs as a user gets it: only port, root, number of workers and Spread address are given.
//! nginx gets Debian's settings and then everything that makes it faster at this: no log, an open-file cache,
//! connections that last.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use benches::program::{Program, ProgramError, free_port};

use crate::case::{Case, Floor};
use crate::site::Site;

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Candidate {
    /// No server: one recv and one send per request, what none can go below
    Floor,
    /// nginx, without a log
    Nginx,
    /// rthttpd, without a log
    Rthttpd,
    /// rthttpd, its log through a hub in another process
    RthttpdLogged,
    /// The rthttpd that `--before` names, without a log
    Before,
    /// The same, its log through a hub in another process
    BeforeLogged,
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

/// A server that accepts connections.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    server: Program,
    log: Option<Log>,
}

/// The other end of the log: a hub and a log writer in one process.
#[derive(Debug)]
struct Log {
    spreadlogd: Program,
    file: PathBuf,
}

/// A server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CandidateError {
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("cannot prepare {what}")]
    Prepare { what: String, source: io::Error },
}

/// Lines are in the file 20 ms after they reach spreadlogd; this is for a machine that is busy otherwise.
const LINES_MAX: Duration = Duration::from_secs(10);

impl Candidate {
    pub(crate) const ALL: [Self; 6] = [
        Self::Floor,
        Self::Nginx,
        Self::Before,
        Self::Rthttpd,
        Self::BeforeLogged,
        Self::RthttpdLogged,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Nginx => "nginx",
            Self::Rthttpd => "rthttpd",
            Self::RthttpdLogged => "rthttpd-logged",
            Self::Before => "before",
            Self::BeforeLogged => "before-logged",
        }
    }

    /// Whether it can answer what the case asks.
    pub(crate) fn takes(self, case: &Case) -> bool {
        self != Self::Floor || case.floor.is_some()
    }

    /// The row this one's cost is compared with to tell what its log costs.
    pub(crate) fn unlogged(self) -> Option<Self> {
        match self {
            Self::RthttpdLogged => Some(Self::Rthttpd),
            Self::BeforeLogged => Some(Self::Before),
            Self::Floor | Self::Nginx | Self::Rthttpd | Self::Before => None,
        }
    }

    /// The row of the same kind that is measured with another commit's program.
    pub(crate) fn before(self) -> Option<Self> {
        match self {
            Self::Rthttpd => Some(Self::Before),
            Self::RthttpdLogged => Some(Self::BeforeLogged),
            Self::Floor | Self::Nginx | Self::Before | Self::BeforeLogged => None,
        }
    }

    /// Its program, if that is an rthttpd.
    fn rthttpd(self, setup: &Setup) -> Option<PathBuf> {
        match self {
            Self::Rthttpd | Self::RthttpdLogged => Some(setup.programs.join("rthttpd")),
            Self::Before | Self::BeforeLogged => setup.before.clone(),
            Self::Floor | Self::Nginx => None,
        }
    }

    /// What is running, in the server's own words; `None` when it is not installed.
    pub(crate) fn version(self, setup: &Setup) -> Option<String> {
        let output = match self {
            Self::Floor => {
                let program = setup.programs.join("floor");
                return program.exists().then(|| "recv, send".to_owned());
            }
            Self::Nginx => Command::new("nginx").arg("-v").output(),
            Self::Rthttpd | Self::RthttpdLogged | Self::Before | Self::BeforeLogged => {
                Command::new(self.rthttpd(setup)?).arg("-V").output()
            }
        };
        let output = output.ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Some(said.lines().next()?.trim().to_owned())
    }

    fn serve(self, setup: &Setup, port: u16) -> Command {
        let mut command = Command::new(self.rthttpd(setup).unwrap_or_default());
        command
            .args(["-p", &port.to_string(), "--workers", "1", "-d"])
            .arg(setup.site.root());
        command
    }

    pub(crate) fn start(self, setup: &Setup, case: &Case) -> Result<Running, CandidateError> {
        let port = free_port().map_err(preparing("a port"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (command, log) = match self {
            Self::Floor => (floor(setup, port, case), None),
            Self::Nginx => (nginx(setup, port)?, None),
            Self::Rthttpd | Self::Before => (self.serve(setup, port), None),
            Self::RthttpdLogged | Self::BeforeLogged => {
                let (log, hub) = Log::start(self, setup)?;
                let mut command = self.serve(setup, port);
                command.arg("--spread").arg(hub);
                (command, Some(log))
            }
        };
        let core = setup.server_core;
        let mut server = Program::start(self.name(), command, core, &setup.scratch)?;
        server.wait_until_ready(address)?;
        Ok(Running {
            address,
            server,
            log,
        })
    }
}

impl Running {
    /// The process whose CPU time counts, with its threads and children.
    pub(crate) fn process(&self) -> u32 {
        self.server.id()
    }

    /// Stops the server as an operator would and, where it logs, says how many lines arrived. `served` is what
    /// there should be: fewer are waited for, a little.
    pub(crate) fn stop(self, served: u64) -> Result<Option<u64>, CandidateError> {
        self.server.stop()?;
        self.log.map(|log| log.stop(served)).transpose()
    }
}

impl Log {
    /// Starts spreadlogd with the hub inside, and returns it with the hub's address for rthttpd. What the round
    /// before wrote is deleted.
    fn start(of: Candidate, setup: &Setup) -> Result<(Self, String), CandidateError> {
        let port = free_port().map_err(preparing("a port"))?;
        let directory = setup.scratch.join(format!("log-of-{}", of.name()));
        let remove = fs::remove_dir_all(&directory);
        if let Err(error) = remove
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(preparing("the log's directory")(error));
        }
        fs::create_dir(&directory).map_err(preparing("the log's directory"))?;
        let file = directory.join("access_log");
        let mut command = Command::new(setup.programs.join("spreadlogd"));
        command
            .arg("--hub")
            .arg(format!("{port}@127.0.0.1"))
            .arg("--group")
            .arg("access_log")
            .arg("--file")
            .arg(&file)
            .arg("--spread-socket-dir")
            .arg(&directory)
            .current_dir(&directory);
        let mut spreadlogd = Program::start("spreadlogd", command, setup.load_core, &directory)?;
        spreadlogd.wait_until_ready(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let hub = format!("{port}@127.0.0.1");
        Ok((Self { spreadlogd, file }, hub))
    }

    fn stop(self, served: u64) -> Result<u64, CandidateError> {
        let deadline = Instant::now() + LINES_MAX;
        while self.lines()? < served && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let Self { spreadlogd, file } = self;
        spreadlogd.stop()?;
        count_lines(&file).map_err(preparing("the log file"))
    }

    fn lines(&self) -> Result<u64, CandidateError> {
        count_lines(&self.file).map_err(preparing("the log file"))
    }
}

fn count_lines(file: &Path) -> io::Result<u64> {
    let bytes = fs::read(file)?;
    Ok(bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum())
}

fn floor(setup: &Setup, port: u16, case: &Case) -> Command {
    let mut command = Command::new(setup.programs.join("floor"));
    let file = setup.site.path(case.file());
    command.arg(port.to_string()).arg(file);
    match case.floor {
        Some(Floor::Pipelined) => command.arg("pipelined"),
        Some(Floor::Closing) => command.arg("closing"),
        Some(Floor::Plain) | None => &mut command,
    };
    command
}

fn nginx(setup: &Setup, port: u16) -> Result<Command, CandidateError> {
    let prefix = setup.scratch.join("nginx");
    let config = prefix.join("nginx.conf");
    fs::create_dir_all(&prefix)
        .and_then(|()| fs::write(&config, nginx_config(port, setup.site.root())))
        .map_err(preparing("nginx's configuration"))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&prefix).arg("-c").arg(&config);
    // Else messages from before the configuration is read go to a system directory.
    command.args(["-e", "stderr"]);
    Ok(command)
}

/// nginx as Debian sets it up (sendfile, tcp_nopush, types), one worker, and what helps it here.
pub(crate) fn nginx_config(port: u16, root: &Path) -> String {
    let root = root.display();
    format!(
        "daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{
    worker_connections 4096;
}}
http {{
    types {{ text/plain txt; }}
    default_type application/octet-stream;
    types_hash_max_size 2048;
    sendfile on;
    tcp_nopush on;
    access_log off;
    open_file_cache max=1000 inactive=60s;
    open_file_cache_valid 60s;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
    }}
}}
"
    )
}

fn preparing(what: &str) -> impl FnOnce(io::Error) -> CandidateError {
    let what = what.to_owned();
    |source| CandidateError::Prepare { what, source }
}
