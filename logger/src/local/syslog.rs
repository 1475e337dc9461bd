//! The system's log: a datagram to the socket where a syslog daemon listens, for each line.
//!
//! What is sent is what `syslog(3)` sends: `<PRI>Nov 28 11:00:00 tag[pid]: line`, in local time and
//! without the host, which the daemon adds. A daemon that is away is tried again, and one that is
//! busy is waited for a little, which is why this has a thread of its own.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::Local;
use rustix::io::Errno;

use super::{LocalCounters, Pending};

/// Where the system's log is, and as what lines go there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyslogOptions {
    /// The daemon's socket.
    pub path: PathBuf,
    /// What part of the system speaks.
    pub facility: Facility,
    /// The program's name.
    pub tag: String,
}

impl SyslogOptions {
    /// Where every syslog daemon listens, journald too.
    pub const PATH: &str = "/dev/log";
}

/// A facility of syslog; [`Facility::LOCAL7`] is what nginx takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Facility(u8);

/// A word that names no facility.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "no facility `{0}` of syslog: write one of kern user mail daemon auth syslog lpr news uucp cron \
     authpriv ftp local0 to local7"
)]
pub struct UnknownFacility(String);

impl Facility {
    /// `local7`
    pub const LOCAL7: Self = Self(23);

    /// What stands in front of a message of the severity *info* (RFC 5424 6.2.1).
    const fn priority(self) -> u16 {
        self.0 as u16 * 8 + 6
    }
}

impl FromStr for Facility {
    type Err = UnknownFacility;

    fn from_str(text: &str) -> Result<Self, UnknownFacility> {
        let found = FACILITIES.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, number)| Self(*number))
            .ok_or_else(|| UnknownFacility(text.to_owned()))
    }
}

/// RFC 5424 6.2.1, with the names of `syslog.h`.
const FACILITIES: &[(&str, u8)] = &[
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

/// The way to a syslog daemon.
#[derive(Debug)]
pub(super) struct Syslog {
    options: SyslogOptions,
    socket: Option<UnixDatagram>,
    /// Where a message is put together.
    message: Vec<u8>,
}

impl Syslog {
    pub(super) const fn new(options: SyslogOptions) -> Self {
        Self {
            options,
            socket: None,
            message: Vec::new(),
        }
    }

    /// Sends each line that waits.
    pub(super) fn write(
        &mut self,
        pending: &mut Pending,
        counters: &LocalCounters,
    ) -> io::Result<()> {
        self.message.clear();
        write!(
            self.message,
            "<{}>{} {}[{}]: ",
            self.options.facility.priority(),
            Local::now().format("%b %e %H:%M:%S"),
            self.options.tag,
            std::process::id()
        )?;
        let header_len = self.message.len();
        while !pending.is_empty() {
            let rest = pending.rest();
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.message.truncate(header_len);
            self.message
                .extend_from_slice(rest.get(..end).unwrap_or_default());
            match self.send() {
                Ok(()) => counters.written(1, end + 1),
                // It would never be taken.
                Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                    counters.refused(1);
                }
                // It is busy; what it has not taken waits.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            pending.advance(end + 1);
        }
        Ok(())
    }

    /// Sends the message; a daemon that has been started again is found at the second attempt.
    fn send(&mut self) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(&self.message) {
                Ok(_) => return Ok(()),
                Err(error) if !is_gone(&error) => return Err(error),
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.options.path)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let sent = socket.send(&self.message);
        self.socket = Some(socket);
        sent.map(drop)
    }
}

/// Whether a socket that says so is no longer that of the daemon.
fn is_gone(error: &io::Error) -> bool {
    let is_too_long = error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error());
    !is_too_long && error.kind() != io::ErrorKind::WouldBlock
}

/// A tenth of a second: the stop is not late for a daemon that has stopped reading.
const PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_have_the_numbers_of_the_standard() {
        for (name, priority) in [("kern", 6), ("user", 14), ("local0", 134), ("local7", 190)] {
            assert_eq!(name.parse::<Facility>().unwrap().priority(), priority);
        }
        assert_eq!("local7".parse(), Ok(Facility::LOCAL7));
        let error = "local8".parse::<Facility>().unwrap_err();
        assert!(error.to_string().contains("`local8`"), "{error}");
    }
}
