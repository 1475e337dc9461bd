//! Who writes: logging hosts as processes, their files read as they grow.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use benches::interrupt;
use benches::program::Program;

use crate::moments::{Moments, number};
use crate::run::timed;
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
pub(crate) struct Follower(JoinHandle<Followed>);

/// What was read.
#[derive(Debug)]
pub(crate) struct Followed {
    /// When each line was there.
    pub(crate) seen: Moments,
    /// Lines that were there before, or are none of ours.
    pub(crate) wrong: u64,
    /// When the last one was there.
    pub(crate) ended: Instant,
    /// What reading took.
    pub(crate) cpu: Duration,
}

/// A file is looked at so often: what a delay may be too long by.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What is compared at once.
const COMPARED_LEN: usize = 256 * 1024;

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
            interrupt::check()?;
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

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads its file from now on until `lines` are there, or it is too late; moments are counted from `began`.
    pub(crate) fn follow(&self, began: Instant, lines: u64, deadline: Instant) -> Follower {
        let file = self.file.clone();
        Follower(thread::spawn(move || {
            let (followed, cpu) = timed(|| follow(&file, began, lines, deadline));
            Followed { cpu, ..followed }
        }))
    }

    /// Ends it, and has its ledger audited.
    pub(crate) fn finish(self, spreadlogd: &Path) -> Result<(), RunError> {
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
        Ok(())
    }
}

impl Follower {
    pub(crate) fn finish(self) -> Result<Followed, RunError> {
        let ended = self.0.join();
        ended.map_err(|_| RunError::Lost("who read a file has panicked".to_owned()))
    }
}

fn follow(file: &Path, began: Instant, lines: u64, deadline: Instant) -> Followed {
    let mut followed = Followed {
        seen: Moments::new(lines),
        wrong: 0,
        ended: began,
        cpu: Duration::ZERO,
    };
    let mut reader: Option<BufReader<File>> = None;
    let mut line = Vec::new();
    let mut count = 0;
    while count < lines && Instant::now() < deadline && interrupt::check().is_ok() {
        reader = reader.or_else(|| Some(BufReader::new(File::open(file).ok()?)));
        if let Some(reader) = &mut reader {
            // What cannot be read shows as lines that are missing.
            count += take(reader, &mut line, began.elapsed(), &mut followed).unwrap_or(0);
        }
        followed.ended = Instant::now();
        thread::sleep(LOOK_EVERY);
    }
    followed
}

/// Takes the whole lines there are, and tells how many; a part of one stays in `line` for the next time.
fn take(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
    now: Duration,
    followed: &mut Followed,
) -> io::Result<u64> {
    let mut count = 0;
    while reader.read_until(b'\n', line)? > 0 && line.ends_with(b"\n") {
        match number(line).map(|number| followed.seen.note(number, now)) {
            Some(true) => count += 1,
            // Of a server, to which no number was given: it was asked once before.
            None if line.windows(LEARNED.len()).any(|part| part == LEARNED) => {}
            _ => followed.wrong += 1,
        }
        line.clear();
    }
    Ok(count)
}

/// In the line of a server's first request, by which its answers were learned.
const LEARNED: &[u8] = b"GET /page HTTP";

/// Whether two files hold the same.
pub(crate) fn are_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut mine, mut its) = (vec![0; COMPARED_LEN], vec![0; COMPARED_LEN]);
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let read = one.read(&mut mine)?;
        if read == 0 {
            return Ok(true);
        }
        let (mine, its) = (mine.get(..read), its.get_mut(..read));
        let its = its.unwrap_or_default();
        other.read_exact(its)?;
        if mine != Some(its) {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_whole_and_once() {
        let mut followed = Followed {
            seen: Moments::new(3),
            wrong: 0,
            ended: Instant::now(),
            cpu: Duration::ZERO,
        };
        let mut line = Vec::new();
        let mut take = |part: &str, millis| {
            let now = Duration::from_millis(millis);
            take(&mut part.as_bytes(), &mut line, now, &mut followed).unwrap()
        };

        let first = take(
            "- \"GET /page HTTP/1.1\" 200\n- \"GET /page?1 HTTP/1.1\" 200\n- \"GET",
            1,
        );
        let rest = take(" /0/0 HTTP/1.1\" 200\n- \"GET /page?1 HTTP/1.1\" 200\n", 2);

        assert_eq!((first, rest), (1, 1));
        assert_eq!((followed.seen.count(), followed.wrong), (2, 1));
    }

    #[test]
    fn files_are_the_same_when_every_byte_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            fs::write(dir.path().join(name), text).unwrap();
            dir.path().join(name)
        };
        let long = vec![b'x'; COMPARED_LEN + 5];
        let mut other = long.clone();
        let one = file("one", &long);

        assert!(are_same(&one, &file("two", &long)).unwrap());
        assert!(!are_same(&one, &file("shorter", &long[1..])).unwrap());
        *other.last_mut().unwrap() = b'y';
        assert!(!are_same(&one, &file("other", &other)).unwrap());
    }
}
