//! tcpdump, which records, and a thread that reads what it has recorded.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use benches::cpu::CpuTimes;
use rustix::process::{Pid, Signal, kill_process};

use super::capture::{Capture, CaptureError};
use crate::run::timed;

/// A sniffer at work; dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Sniffer {
    child: Child,
    words: BufReader<ChildStderr>,
    reader: Option<JoinHandle<(Result<Capture, SniffError>, Duration)>>,
}

/// What it has recorded.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) requests: u64,
    pub(crate) answers: u64,
    /// Packets that the kernel had no room for.
    pub(crate) dropped: u64,
    /// Of the sniffer, and of reading what it has recorded.
    pub(crate) cpu: Duration,
}

/// Nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SniffError {
    #[error("cannot look after tcpdump")]
    System(#[from] io::Error),
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("who reads the capture has panicked")]
    Panicked,
}

/// 512: heads whole, contents not.
const CAPTURED: &str = "512";

/// What is read at once.
const READ_LEN: usize = 256 * 1024;

impl Sniffer {
    /// Starts it on the loopback device, for all of TCP with `port` in it: a log has the status of an answer and its
    /// length, and not the request alone. What it says is returned when it may not, or is not there.
    pub(crate) fn start(port: u16) -> Result<Result<Self, String>, SniffError> {
        let mut command = Command::new("tcpdump");
        command.args(["-i", "lo", "-n", "-s", CAPTURED, "-w", "-"]);
        command.args(["tcp", "port", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = match command.stderr(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err("tcpdump is not installed".to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        let none = || io::Error::other("no pipe");
        let output = child.stdout.take().ok_or_else(none)?;
        let words = child.stderr.take().ok_or_else(none)?;
        let reader = thread::spawn(move || timed(|| read(output)));
        let mut sniffer = Self {
            child,
            words: BufReader::new(words),
            reader: Some(reader),
        };
        let mut said = String::new();
        while !said.contains("listening on") {
            if sniffer.words.read_line(&mut said)? == 0 {
                return Ok(Err(said.trim_end().to_owned()));
            }
        }
        Ok(Ok(sniffer))
    }

    /// Stops it as an operator does, who then gets what is left and the numbers.
    pub(crate) fn stop(mut self) -> Result<Recorded, SniffError> {
        let used = CpuTimes::read(self.child.id())?.since(&CpuTimes::default());
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::INT).map_err(io::Error::from)?;
        }
        let mut said = String::new();
        self.words.read_to_string(&mut said)?;
        let reader = self.reader.take().ok_or(SniffError::Panicked)?;
        let (capture, reading) = reader.join().map_err(|_| SniffError::Panicked)?;
        let capture = capture?;
        Ok(Recorded {
            requests: capture.requests,
            answers: capture.answers,
            dropped: dropped(&said),
            cpu: used.total + reading,
        })
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        // Nobody is left to tell, and after `stop` there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(mut output: impl Read) -> Result<Capture, SniffError> {
    let mut capture = Capture::default();
    let mut buffer = vec![0; READ_LEN];
    loop {
        let read = output.read(&mut buffer)?;
        if read == 0 {
            return Ok(capture);
        }
        capture.take(buffer.get(..read).unwrap_or_default())?;
    }
}

/// As it says at its end.
fn dropped(said: &str) -> u64 {
    let line = said.lines().find(|line| line.contains("dropped by kernel"));
    let number = line.and_then(|line| line.split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packets_that_were_dropped_are_read() {
        let said =
            "10 packets captured\n20 packets received by filter\n7 packets dropped by kernel\n";

        assert_eq!(dropped(said), 7);
        assert_eq!(dropped("tcpdump: syntax error"), 0);
    }
}
