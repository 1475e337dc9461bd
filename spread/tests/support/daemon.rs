//! A real Spread daemon for the length of a test: the binary that `SPREAD_DAEMON` names.
//!
//! It runs in the foreground as the current user, alone in its configuration, and on loopback. As
//! root it insists on changing user and root directory; it is told to stay root, in a directory of
//! its own. There it cannot remove its Unix socket when it ends, so that is done here.

use std::fs::{self, File};
use std::io::{Error, Result};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How often another port is tried when somebody takes the chosen one first.
const PORT_TRIES: usize = 20;
/// How long a daemon may take until it accepts: much longer than it ever needs.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks at a daemon that is starting.
const START_POLL: Duration = Duration::from_millis(10);

/// A running daemon, killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    binary: PathBuf,
    directory: TempDir,
    port: u16,
    child: Child,
}

impl Daemon {
    /// Starts the daemon on a free port and waits until it accepts connections.
    ///
    /// Its ring forms about 1.75 s later; until then it takes requests and answers none.
    ///
    /// # Errors
    /// When `SPREAD_DAEMON` is not set, or what it names does not start.
    pub(crate) fn start() -> Result<Self> {
        let Some(binary) = std::env::var_os("SPREAD_DAEMON") else {
            return Err(Error::other(
                "set SPREAD_DAEMON to a Spread daemon's binary",
            ));
        };
        let binary = PathBuf::from(binary);
        let directory = TempDir::new()?;
        for _ in 0..PORT_TRIES {
            let Some(port) = free_port() else { continue };
            configure(directory.path(), port)?;
            if let Some(child) = run(&binary, directory.path(), port)? {
                return Ok(Self {
                    binary,
                    directory,
                    port,
                    child,
                });
            }
        }
        let log = fs::read_to_string(directory.path().join("log"))?;
        Err(Error::other(format!("the daemon does not start:\n{log}")))
    }

    /// Where it listens, on 127.0.0.1 and at [`Self::socket`].
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its Unix socket; the directory is built into the daemon.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.port)
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it is not running.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        fs::remove_file(self.socket())
    }

    /// Starts it again on the same port, with everything forgotten.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start_again(&mut self) -> Result<()> {
        let child = run(&self.binary, self.directory.path(), self.port)?;
        self.child = child.ok_or_else(|| Error::other("the daemon does not start again"))?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test that fails to tidy up after itself has nothing left to report to.
        let _ = self.stop();
    }
}

fn socket(port: u16) -> PathBuf {
    Path::new("/tmp").join(port.to_string())
}

/// A port that is free now: the daemon takes it in TCP and UDP, and the next in UDP.
fn free_port() -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let port = listener.local_addr().ok()?.port();
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port.checked_add(1)?)).ok()?;
    (!socket(port).exists()).then_some(port)
}

fn configure(directory: &Path, port: u16) -> Result<()> {
    let runtime = directory.display();
    let configuration = format!(
        "Spread_Segment 127.0.0.255:{port} {{
            localhost 127.0.0.1 {{
                D 127.0.0.1
                C 127.0.0.1
            }}
        }}
        DaemonUser = root
        DaemonGroup = root
        RuntimeDir = {runtime}
        MaxSessionMessages = 50000
        DebugFlags = {{ PRINT EXIT }}
        "
    );
    fs::write(directory.join("spread.conf"), configuration)
}

/// Starts the daemon; `None` when it ends at once, as it does when the port is taken.
fn run(binary: &Path, directory: &Path, port: u16) -> Result<Option<Child>> {
    let log = File::create(directory.join("log"))?;
    let mut child = Command::new(binary)
        .args(["-n", "localhost", "-c"])
        .arg(directory.join("spread.conf"))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        // A connection that says nothing keeps the daemon from its others for a second, so
        // look without connecting: its Unix socket is bound last.
        if socket(port).exists() {
            return Ok(Some(child));
        }
        thread::sleep(START_POLL);
    }
    child.kill()?;
    child.wait()?;
    Err(Error::other("the daemon neither ends nor accepts"))
}
