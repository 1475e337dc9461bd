//! One of the built programs, running; killed if the test ends without having stopped it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(crate) struct Program {
    child: Child,
    said: Vec<String>,
    lines: mpsc::Receiver<String>,
}

/// A hang is a failure; a slow machine is not.
const PATIENCE: Duration = Duration::from_secs(60);

impl Program {
    /// Starts rthttpd.
    pub(crate) fn start(options: &[String]) -> Self {
        Self::spawn(Path::new(env!("CARGO_BIN_EXE_rthttpd")), options)
    }

    /// Starts spreadlogd, building it where the test runs without the rest of the workspace.
    pub(crate) fn start_spreadlogd(options: &[String]) -> Self {
        Self::spawn(&spreadlogd(), options)
    }

    fn spawn(program: &Path, options: &[String]) -> Self {
        let mut child = Command::new(program)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Self {
            child,
            said: Vec::new(),
            lines,
        }
    }

    /// Where it serves, as it says at its start.
    pub(crate) fn http_address(&mut self) -> SocketAddr {
        let url = self.word_with("http://");
        url.trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()
            .unwrap()
    }

    /// Where its hub listens, as it says at its start: `PORT@ADDRESS`.
    pub(crate) fn daemon_address(&mut self) -> String {
        self.word_with("@localhost")
    }

    /// Waits until it says `text`, in what has not been listened to yet.
    pub(crate) fn hear(&mut self, text: &str) {
        loop {
            let line = self.next_line(text);
            let heard = line.contains(text);
            self.said.push(line);
            if heard {
                return;
            }
        }
    }

    /// Asks it to stop, and sees that it does so as asked: exit status 0.
    pub(crate) fn terminate(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line);
        }
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.said.join("\n"));
    }

    fn word_with(&mut self, text: &str) -> String {
        loop {
            let words = self.said.iter().flat_map(|line| line.split_whitespace());
            if let Some(word) = words.into_iter().find(|word| word.contains(text)) {
                return word.to_owned();
            }
            let line = self.next_line(text);
            self.said.push(line);
        }
    }

    fn next_line(&self, awaited: &str) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.unwrap_or_else(|end| panic!("no {awaited} ({end}): {}", self.said.join("\n")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already waited for in `terminate`; then this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The spreadlogd of the same build: cargo names only the programs of this package.
pub(crate) fn spreadlogd() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_rthttpd")).with_file_name("spreadlogd");
    if !beside.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "-p", "spreadlogd"])
            .status()
            .unwrap();
        assert!(built.success(), "spreadlogd does not build");
    }
    beside
}

fn forward(from: impl Read + Send + 'static, to: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(line).is_err() {
                return;
            }
        }
    });
}
