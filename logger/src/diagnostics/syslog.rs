//! Standard error and the system's log, for a program that nobody watches any more.
//!
//! While it starts, somebody may read the one; later nobody does. The other gets what `syslog(3)`
//! would send, `<PRI>Nov 28 11:00:00 tag[pid]: text`, a datagram for each line. A syslog daemon
//! that is away is nobody's reason to wait or to stop; it is looked for again with the next line.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use chrono::Local;

/// Where every syslog daemon listens, journald too.
const PATH: &str = "/dev/log";

/// How long one that is busy may keep the thread that writes.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes to standard error and to the system's log.
#[derive(Debug)]
pub struct StderrAndSyslog {
    program: &'static str,
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl StderrAndSyslog {
    /// As the program of this name. The socket is opened now, for those who will not see it in a
    /// chroot; where there is none yet, it is looked for later.
    #[must_use]
    pub fn open(program: &'static str) -> Self {
        Self::open_at(program, PATH.into())
    }

    fn open_at(program: &'static str, path: PathBuf) -> Self {
        let mut log = Self {
            program,
            path,
            socket: None,
        };
        log.connect();
        log
    }

    fn connect(&mut self) {
        let connected = || {
            let socket = UnixDatagram::unbound()?;
            socket.connect(&self.path)?;
            socket.set_write_timeout(Some(SEND_TIMEOUT))?;
            Ok::<_, io::Error>(socket)
        };
        self.socket = connected().ok();
    }

    fn send(&mut self, line: &str) {
        let (program, pid) = (self.program, std::process::id());
        let (severity, text) = severity_of(line);
        let time = Local::now().format("%b %e %H:%M:%S");
        let message = format!("<{}>{time} {program}[{pid}]: {text}", DAEMON + severity);
        let send = |socket: &UnixDatagram| socket.send(message.as_bytes()).is_ok();
        if self.socket.as_ref().is_some_and(send) {
            return;
        }
        // A daemon that was started again has another socket of the same name.
        self.connect();
        let _ = self.socket.as_ref().is_some_and(send);
    }
}

impl Write for StderrAndSyslog {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Each is told whether or not the other hears.
        let _ = io::stderr().write_all(text);
        for line in without_colours(&String::from_utf8_lossy(text)).lines() {
            if !line.trim().is_empty() {
                self.send(line.trim());
            }
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The facility *daemon* (RFC 5424 6.2.1), as thttpd has it.
const DAEMON: u8 = 3 << 3;

/// What the line's first word says of it, and the rest. Last words have none, and are errors.
fn severity_of(line: &str) -> (u8, &str) {
    const SEVERITIES: &[(&str, u8)] = &[
        ("ERROR ", 3),
        ("WARN ", 4),
        ("INFO ", 6),
        ("DEBUG ", 7),
        ("TRACE ", 7),
    ];
    let found = SEVERITIES.iter().find_map(|(word, severity)| {
        let text = line.strip_prefix(word)?;
        Some((*severity, text))
    });
    found.unwrap_or((3, line))
}

/// What a terminal would be told beside the text: `ESC [ … m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    rest.fold(first, |text, part| text + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_datagram_with_its_severity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = StderrAndSyslog::open_at("test", path.clone());
        // Nobody is there.
        log.write_all(b" WARN lost\n").unwrap();
        // Whoever comes is found.
        let daemon = UnixDatagram::bind(&path).unwrap();
        let heard = |daemon: &UnixDatagram| {
            let mut message = [0; 200];
            let len = daemon.recv(&mut message).unwrap();
            String::from_utf8(message[..len].to_vec()).unwrap()
        };

        log.write_all(b" WARN first\nrthttpd: last words\n\n")
            .unwrap();

        let tag = format!(" test[{}]: ", std::process::id());
        for (priority, text) in [("<28>", "first"), ("<27>", "rthttpd: last words")] {
            let message = heard(&daemon);
            assert!(message.starts_with(priority), "{message}");
            assert!(message.ends_with(&format!("{tag}{text}")), "{message}");
        }

        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        let again = UnixDatagram::bind(&path).unwrap();
        log.write_all(b"\x1b[32m INFO\x1b[0m again\n").unwrap();

        assert!(heard(&again).ends_with(": again"));
    }
}
