//! Where a server's lines go, and how many arrive.
//!
//! What belongs to a machine with a web server (a spreadcat that reads its lines) runs on the servers' core and
//! counts; spreadlogd and its hub run on the load's, as they would elsewhere.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use benches::program::{Program, free_port};

use crate::server::{CandidateError, Setup, preparing};

/// A way from the server to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogWay {
    None,
    /// The server writes each line at once, or as it sees fit where there is no choice.
    File,
    /// It gathers lines before.
    Buffered,
    /// Into the standard input of a spreadcat that it starts.
    Pipe,
    /// In datagrams, to a spreadcat beside it.
    Syslog,
    /// By itself, over Spread.
    Spread,
}

/// What the server is told.
#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Nowhere,
    File { path: PathBuf, is_buffered: bool },
    Pipe { command: String },
    Syslog { port: u16 },
    Spread { hub: String },
}

/// The other end of a log.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) destination: Destination,
    file: PathBuf,
    spreadcat: Option<Program>,
    spreadlogd: Option<Program>,
}

/// Lines are in the file 20 ms after they reach spreadlogd; this is for a machine that is busy otherwise.
const LINES_MAX: Duration = Duration::from_secs(10);

/// How long nothing may arrive of datagrams until the rest are lost.
const QUIET_MAX: Duration = Duration::from_secs(1);

const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Log {
    /// Starts what the way needs, in `directory`, which is made. What the round before wrote is deleted.
    pub(crate) fn start(
        way: LogWay,
        setup: &Setup,
        directory: &Path,
    ) -> Result<Self, CandidateError> {
        let remove = fs::remove_dir_all(directory);
        if let Err(error) = remove
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(preparing("the server's directory")(error));
        }
        fs::create_dir(directory).map_err(preparing("the server's directory"))?;
        let file = directory.join("access_log");
        let mut log = Self {
            destination: Destination::Nowhere,
            file: file.clone(),
            spreadcat: None,
            spreadlogd: None,
        };
        let is_buffered = way == LogWay::Buffered;
        match way {
            LogWay::None => {}
            LogWay::File | LogWay::Buffered => {
                log.destination = Destination::File {
                    path: file,
                    is_buffered,
                };
            }
            LogWay::Spread => {
                let hub = log.start_hub(setup, directory)?;
                log.destination = Destination::Spread { hub };
            }
            LogWay::Pipe => {
                let hub = log.start_hub(setup, directory)?;
                let program = setup.programs.join("spreadcat");
                let command = format!("{} --spread {hub} --group {GROUP}", program.display());
                log.destination = Destination::Pipe { command };
            }
            LogWay::Syslog => {
                let hub = log.start_hub(setup, directory)?;
                let port = free_udp_port().map_err(preparing("a port"))?;
                let mut command = Command::new(setup.programs.join("spreadcat"));
                command
                    .args(["--spread", &hub, "--group", GROUP, "--syslog"])
                    .arg(format!("udp:{port}"))
                    .current_dir(directory);
                let core = setup.server_core;
                let spreadcat = Program::start("spreadcat", command, core, directory)?;
                wait_until_bound(port).map_err(preparing("spreadcat"))?;
                log.spreadcat = Some(spreadcat);
                log.destination = Destination::Syslog { port };
            }
        }
        Ok(log)
    }

    /// Starts spreadlogd with the hub inside; the hub's address.
    fn start_hub(&mut self, setup: &Setup, directory: &Path) -> Result<String, CandidateError> {
        let port = free_port().map_err(preparing("a port"))?;
        let hub = format!("{port}@127.0.0.1");
        let mut command = Command::new(setup.programs.join("spreadlogd"));
        command
            .args(["--hub", &hub, "--group", GROUP, "--file"])
            .arg(&self.file)
            .arg("--spread-socket-dir")
            .arg(directory)
            .current_dir(directory);
        let mut spreadlogd = Program::start("spreadlogd", command, setup.load_core, directory)?;
        spreadlogd.wait_until_ready(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        self.spreadlogd = Some(spreadlogd);
        Ok(hub)
    }

    /// The process that reads the server's lines, if that is not its child.
    pub(crate) fn reader(&self) -> Option<u32> {
        self.spreadcat.as_ref().map(Program::id)
    }

    /// Ends it when `served` lines are there, or no more come; how many there are.
    pub(crate) fn stop(self, served: u64) -> Result<Option<u64>, CandidateError> {
        if matches!(self.destination, Destination::Nowhere) {
            return Ok(None);
        }
        let deadline = Instant::now() + LINES_MAX;
        let mut seen = (self.lines()?, Instant::now());
        while seen.0 < served && Instant::now() < deadline && self.spreadlogd.is_some() {
            std::thread::sleep(LOOK_EVERY);
            let lines = self.lines()?;
            if lines > seen.0 {
                seen = (lines, Instant::now());
            } else if self.spreadcat.is_some() && seen.1.elapsed() > QUIET_MAX {
                break;
            }
        }
        let file = self.file;
        for program in [self.spreadcat, self.spreadlogd].into_iter().flatten() {
            program.stop()?;
        }
        count_lines(&file).map(Some).map_err(preparing("the log"))
    }

    fn lines(&self) -> Result<u64, CandidateError> {
        count_lines(&self.file).map_err(preparing("the log"))
    }
}

const GROUP: &str = "access_log";

fn count_lines(file: &Path) -> io::Result<u64> {
    let bytes = fs::read(file)?;
    Ok(bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum())
}

fn free_udp_port() -> io::Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}

/// A port that can be bound is nobody's yet.
fn wait_until_bound(port: u16) -> io::Result<()> {
    let deadline = Instant::now() + LINES_MAX;
    while UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
