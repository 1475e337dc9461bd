//! A program that is measured: started on its core, stopped as an operator would, its words kept.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A running program. Dropped, it is killed; [`Program::stop`] is the polite way.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    output: PathBuf,
}

/// A program did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ProgramError {
    #[error("cannot start {name}")]
    Start { name: String, source: io::Error },
    #[error("{name} ended with {status} before it accepted a connection; it said:\n{said}")]
    EndedEarly {
        name: String,
        status: ExitStatus,
        said: String,
    },
    #[error("{name} accepted no connection at {address} for {} s; it said:\n{said}", START_MAX.as_secs())]
    NotReady {
        name: String,
        address: SocketAddr,
        said: String,
    },
    #[error("{name} did not end within {} s after TERM; it said:\n{said}", STOP_MAX.as_secs())]
    NotStopped { name: String, said: String },
    #[error("{name} ended with {status} after TERM; it said:\n{said}")]
    EndedBadly {
        name: String,
        status: ExitStatus,
        said: String,
    },
    #[error("cannot look after {name}")]
    System { name: String, source: io::Error },
}

const TERM: i32 = Signal::TERM.as_raw();

/// A server that is not there by then will not come.
const START_MAX: Duration = Duration::from_secs(10);

/// rthttpd allows itself 10 s for exchanges and 10 s for the log.
const STOP_MAX: Duration = Duration::from_secs(25);

/// Neither start nor stop can be waited for as an event from outside, so they are asked for at this interval.
const ASK_EVERY: Duration = Duration::from_millis(5);

impl Program {
    /// Starts `command` on `core`, with its output in a file of `scratch`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        name: &str,
        mut command: Command,
        core: Option<usize>,
        scratch: &Path,
    ) -> Result<Self, ProgramError> {
        let output = scratch.join(format!("{name}.output"));
        let mut start = || -> io::Result<Child> {
            let file = File::create(&output)?;
            command
                .stdin(std::process::Stdio::null())
                .stdout(file.try_clone()?)
                .stderr(file);
            spawn_on(core, &mut command)
        };
        match start() {
            Ok(child) => Ok(Self {
                name: name.to_owned(),
                child,
                output,
            }),
            Err(source) => Err(ProgramError::Start {
                name: name.to_owned(),
                source,
            }),
        }
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something accepts connections at `address`.
    ///
    /// # Errors
    /// When it ends before, or nothing does for too long.
    pub fn wait_until_ready(&mut self, address: SocketAddr) -> Result<(), ProgramError> {
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.ended()? {
                return Err(ProgramError::EndedEarly {
                    name: self.name.clone(),
                    status,
                    said: self.said(),
                });
            }
            if Instant::now() > deadline {
                return Err(ProgramError::NotReady {
                    name: self.name.clone(),
                    address,
                    said: self.said(),
                });
            }
            thread::sleep(ASK_EVERY);
        }
        Ok(())
    }

    /// Sends TERM and waits for the end: exit status 0, or TERM itself where a program does not catch it.
    ///
    /// # Errors
    /// When it does not end, or badly.
    pub fn stop(self) -> Result<(), ProgramError> {
        self.stop_with(0)
    }

    /// The same of a program whose exit status is `code` when all was well.
    ///
    /// # Errors
    /// When it does not end, or otherwise.
    pub fn stop_with(mut self, code: i32) -> Result<(), ProgramError> {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).map_err(|error| self.system(error.into()))?;
        }
        let deadline = Instant::now() + STOP_MAX;
        loop {
            match self.ended()? {
                Some(status) if status.code() == Some(code) || status.signal() == Some(TERM) => {
                    return Ok(());
                }
                Some(status) => {
                    return Err(ProgramError::EndedBadly {
                        name: self.name.clone(),
                        status,
                        said: self.said(),
                    });
                }
                None if Instant::now() > deadline => {
                    return Err(ProgramError::NotStopped {
                        name: self.name.clone(),
                        said: self.said(),
                    });
                }
                None => thread::sleep(ASK_EVERY),
            }
        }
    }

    /// Everything the program has printed.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, ProgramError> {
        self.child.try_wait().map_err(|source| self.system(source))
    }

    fn system(&self, source: io::Error) -> ProgramError {
        ProgramError::System {
            name: self.name.clone(),
            source,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // After a failure nobody is left to tell; after `stop` there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port that was free a moment ago. The programs take a port by number, so somebody else may be faster; then
/// the run fails with the program's own words.
///
/// # Errors
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Lets this process, and what it starts from now on, have as many descriptors as the system allows it.
///
/// # Errors
/// When the system does not allow what it said it would.
pub fn raise_descriptors() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Restricts the calling thread, and what it starts from now on, to one core.
///
/// # Errors
/// When the system does not allow it.
pub fn stay_on(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// The first two cores this process may use: one for the servers, one for the load. With a single core there
/// is nothing to choose.
///
/// # Errors
/// When the system does not tell.
pub fn two_cores() -> io::Result<Option<(usize, usize)>> {
    let set = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core));
    Ok(cores.next().zip(cores.next()))
}

/// A child inherits its parent's affinity, so that all its threads are where they belong from their first
/// instruction.
fn spawn_on(core: Option<usize>, command: &mut Command) -> io::Result<Child> {
    let Some(core) = core else {
        return command.spawn();
    };
    let mine = sched_getaffinity(None)?;
    stay_on(core)?;
    let child = command.spawn();
    sched_setaffinity(None, &mine)?;
    child
}
