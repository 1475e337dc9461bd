//! A real Spread daemon, alone on loopback: the program that `SPREAD_DAEMON` names.
//!
//! It runs in the foreground as the user who measures. As root it insists on changing user and root directory; it is
//! told to stay root, in a directory of its own. There it cannot remove its Unix socket, so that is done here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt::{self, Interrupted};
use crate::program::{Program, ProgramError, free_port};

/// A daemon that runs, killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    program: Program,
    port: u16,
}

/// There is no daemon.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DaemonError {
    #[error("cannot prepare a daemon")]
    System(#[from] io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("the daemon accepts nobody after {} s; it said:\n{said}", START_MAX.as_secs())]
    NotReady { said: String },
}

/// It has its socket within a moment, or never.
const START_MAX: Duration = Duration::from_secs(20);

/// Between two looks at a daemon that starts.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Daemon {
    /// The program that `SPREAD_DAEMON` names, if it names one.
    #[must_use]
    pub fn named() -> Option<PathBuf> {
        let program = std::env::var_os("SPREAD_DAEMON")?;
        (!program.is_empty()).then(|| program.into())
    }

    /// Starts `program` on a free port, on `core`, with its files in `scratch`, and waits until it accepts
    /// connections. It answers nobody until its ring has formed, some two seconds later.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, core: Option<usize>, scratch: &Path) -> Result<Self, DaemonError> {
        let directory = scratch.join("daemon");
        fs::create_dir(&directory)?;
        let port = free_port()?;
        let configuration = directory.join("spread.conf");
        fs::write(&configuration, conf(port, &directory))?;
        let mut command = Command::new(program);
        command.args(["-n", "localhost", "-c"]).arg(configuration);
        command.current_dir(&directory);
        let program = Program::start("spread", command, core, &directory)?;
        let daemon = Self { program, port };
        let deadline = Instant::now() + START_MAX;
        // A connection that says nothing keeps the daemon from its others for a second, so look without connecting:
        // its Unix socket is bound last.
        while !daemon.socket().exists() {
            if Instant::now() > deadline {
                let said = daemon.program.said();
                return Err(DaemonError::NotReady { said });
            }
            interrupt::check()?;
            thread::sleep(LOOK_EVERY);
        }
        Ok(daemon)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory is built into the daemon.
    fn socket(&self) -> PathBuf {
        Path::new("/tmp").join(self.port.to_string())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is not there if the daemon did not come so far.
        fs::remove_file(self.socket()).ok();
    }
}

fn conf(port: u16, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "Spread_Segment 127.0.0.255:{port} {{\n\
         localhost 127.0.0.1 {{\nD 127.0.0.1\nC 127.0.0.1\n}}\n}}\n\
         DaemonUser = root\nDaemonGroup = root\nRuntimeDir = {directory}\n\
         MaxSessionMessages = 50000\nDebugFlags = {{ PRINT EXIT }}\n"
    )
}
