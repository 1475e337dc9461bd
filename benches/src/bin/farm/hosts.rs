//! Who writes: logging hosts as processes, their files read as they grow.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use benches::program::Program;

use crate::publishers::moment;
use crate::{GROUP, JOIN_MAX, RunError};

/// A spreadlogd that has joined.
#[derive(Debug)]
pub(crate) struct Host {
    program: Program,
    number: usize,
    file: PathBuf,
    state: PathBuf,
}

/// Reads a file as it grows.
#[derive(Debug)]
pub(crate) struct Follower(JoinHandle<(Vec<Duration>, Instant)>);

/// A file is looked at so often: what a delay may be too long by.
const LOOK_EVERY: Duration = Duration::from_millis(1);

impl Host {
    pub(crate) fn start(
        spreadlogd: &Path,
        number: usize,
        daemon: &str,
        folder: &Path,
    ) -> Result<Self, RunError> {
        fs::create_dir(folder)?;
        let file = folder.join("access_log");
        let state = folder.join("state");
        let mut command = Command::new(spreadlogd);
        command.args(["--group", GROUP, "--spread", daemon]);
        command.arg("--file").arg(&file).arg("--state").arg(&state);
        command.current_dir(folder);
        let program = Program::start("spreadlogd", command, None, folder)?;
        let deadline = Instant::now() + JOIN_MAX;
        while !program.said().contains("joined ") {
            if Instant::now() > deadline {
                return Err(RunError::NotJoined {
                    number,
                    said: program.said(),
                });
            }
            thread::sleep(LOOK_EVERY * 10);
        }
        Ok(Self {
            program,
            number,
            file,
            state,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Reads its file from now on until `lines` are there, or it is too late; moments in lines are counted from
    /// `began`.
    pub(crate) fn follow(&self, began: Instant, lines: u64, deadline: Instant) -> Follower {
        let file = self.file.clone();
        Follower(thread::spawn(move || follow(&file, began, lines, deadline)))
    }

    /// Ends it, has its ledger audited, and reads its file.
    pub(crate) fn finish(self, spreadlogd: &Path) -> Result<Vec<u8>, RunError> {
        self.program.stop()?;
        let mut audit = Command::new(spreadlogd);
        audit
            .args(["audit", "--verify", "--state"])
            .arg(&self.state);
        let output = audit.output()?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            let number = self.number;
            return Err(RunError::Lost(format!(
                "host {number}'s books do not add up:\n{said}"
            )));
        }
        Ok(fs::read(&self.file)?)
    }
}

impl Follower {
    /// The delay of each line, and when the last one was there.
    pub(crate) fn finish(self) -> (Vec<Duration>, Instant) {
        self.0
            .join()
            .unwrap_or_else(|_| (Vec::new(), Instant::now()))
    }
}

fn follow(file: &Path, began: Instant, lines: u64, deadline: Instant) -> (Vec<Duration>, Instant) {
    let mut delays = Vec::new();
    let mut reader: Option<BufReader<File>> = None;
    let mut line = String::new();
    while (delays.len() as u64) < lines && Instant::now() < deadline {
        reader = reader.or_else(|| Some(BufReader::new(File::open(file).ok()?)));
        if let Some(reader) = &mut reader {
            // What cannot be read shows as lines that are missing.
            take(reader, &mut line, began, &mut delays).ok();
        }
        thread::sleep(LOOK_EVERY);
    }
    (delays, Instant::now())
}

/// Takes the whole lines there are; a part of one stays in `line` for the next time.
fn take(
    reader: &mut BufReader<File>,
    line: &mut String,
    began: Instant,
    delays: &mut Vec<Duration>,
) -> io::Result<()> {
    let now = began.elapsed();
    while reader.read_line(line)? > 0 && line.ends_with('\n') {
        delays.extend(moment(line).map(|moment| now.saturating_sub(moment)));
        line.clear();
    }
    Ok(())
}
