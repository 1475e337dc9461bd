//! A program of the farm: started, listened to, signalled, and killed when it is dropped.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::FaultError;

/// A running program.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    child: Child,
    words: Arc<Words>,
}

/// What it has said on both outputs.
#[derive(Debug)]
struct Words {
    said: Mutex<Said>,
    changed: Condvar,
}

#[derive(Debug)]
struct Said {
    lines: Vec<String>,
    /// Outputs that are not closed yet.
    open: usize,
}

/// A hang is a failure; a slow machine is not.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that says more than that repeats itself.
const LINES_MAX: usize = 10_000;

/// How much of it an error shows.
const LINES_SHOWN: usize = 30;

impl Program {
    pub(super) fn start(name: String, command: &mut Command) -> Result<Self, FaultError> {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(source) => return Err(FaultError::Start { name, source }),
        };
        let words = Arc::new(Words {
            said: Mutex::new(Said {
                lines: Vec::new(),
                open: 2,
            }),
            changed: Condvar::new(),
        });
        listen(child.stdout.take(), &words);
        listen(child.stderr.take(), &words);
        Ok(Self { name, child, words })
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        Some(Pid::from_child(&self.child))
    }

    /// Blocks until it has said a line with `text`, which is returned: the first one it ever said.
    pub(super) fn hear(&self, text: &str) -> Result<String, FaultError> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = self.words.lock();
        loop {
            if let Some(line) = said.lines.iter().find(|line| line.contains(text)) {
                return Ok(line.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if said.open == 0 || left.is_zero() {
                drop(said);
                return Err(FaultError::Unsaid {
                    name: self.name.clone(),
                    awaited: text.to_owned(),
                    said: self.said(),
                });
            }
            said = self.words.wait(said, left);
        }
    }

    /// The last it has said.
    pub(super) fn said(&self) -> String {
        let said = self.words.lock();
        let shown = said.lines.len().saturating_sub(LINES_SHOWN);
        said.lines.get(shown..).unwrap_or_default().join("\n")
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<(), FaultError> {
        let signalled = kill_process(Pid::from_child(&self.child), signal);
        signalled.map_err(|error| FaultError::System {
            action: "send a signal",
            source: error.into(),
        })
    }

    /// Ends it as a crash does.
    pub(super) fn kill(mut self) -> Result<(), FaultError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(FaultError::system("kill"))
    }

    /// Asks it to stop, and waits until it has, in good order.
    pub(super) fn terminate(self) -> Result<(), FaultError> {
        self.signal(Signal::TERM)?;
        let (name, said, status) = self.end()?;
        if status.success() {
            return Ok(());
        }
        Err(FaultError::EndedBadly { name, status, said })
    }

    /// Waits for its end: what it said last, and its status.
    fn end(mut self) -> Result<(String, String, ExitStatus), FaultError> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = self.words.lock();
        while said.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(said);
                return Err(FaultError::Endless {
                    name: self.name.clone(),
                    said: self.said(),
                });
            }
            said = self.words.wait(said, left);
        }
        drop(said);
        let status = self.child.wait().map_err(FaultError::system("wait"))?;
        Ok((self.name.clone(), self.said(), status))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // KILL ends one that is stopped, too. After `terminate` there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Words {
    fn lock(&self) -> std::sync::MutexGuard<'_, Said> {
        // A listener that panicked leaves whole lines behind.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        said: std::sync::MutexGuard<'a, Said>,
        at_most: Duration,
    ) -> std::sync::MutexGuard<'a, Said> {
        let woken = self.changed.wait_timeout(said, at_most);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn listen(output: Option<impl Read + Send + 'static>, words: &Arc<Words>) {
    let words = Arc::clone(words);
    thread::spawn(move || {
        let lines = output.map(|output| BufReader::new(output).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            let mut said = words.lock();
            if said.lines.len() < LINES_MAX {
                said.lines.push(line);
            }
            words.changed.notify_all();
        }
        words.lock().open -= 1;
        words.changed.notify_all();
    });
}
