//! Telling a service manager how a program is: `NOTIFY_SOCKET`.
//!
//! Each message is one datagram of lines `NAME=value` (sd_notify(3)). Nothing comes back, and
//! nothing that goes wrong here is a reason not to work. Whoever tells may be kept for
//! [`SEND_TIMEOUT`]: a thread that must not wait has another do it.

use std::ffi::OsStr;
use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a manager that does not read may keep whoever tells it something.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The one to tell, if there is one.
#[derive(Debug)]
pub struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// Whom `NOTIFY_SOCKET` names.
    #[must_use]
    pub fn from_env() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self(None);
        };
        match open(&name) {
            Ok(manager) => Self(Some(manager)),
            Err(error) => {
                tracing::warn!("cannot tell the service manager at {name:?}: {error}");
                Self(None)
            }
        }
    }

    /// Whether there is somebody to tell.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// The program is at work, at first or again; `status` says what it does and where.
    pub fn ready(&self, status: &str) {
        self.tell("READY=1\n", status);
    }

    /// It reads its configuration again, and will be ready when that is done.
    pub fn reloading(&self, status: &str) {
        // The manager tells by the time that this is not the answer to an earlier wish
        // (Type=notify-reload).
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\n"), status);
    }

    /// Something has changed that does not change whether it is ready.
    pub fn status(&self, status: &str) {
        self.tell("", status);
    }

    /// It has begun to stop.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\n", "finishing what is under way");
    }

    /// `state` is whole lines.
    fn tell(&self, state: &str, status: &str) {
        let Some((socket, manager)) = &self.0 else {
            return;
        };
        // A newline in a path must not become a line of its own.
        let status = status.replace(char::is_control, "?");
        let message = format!("{state}STATUS={status}\n");
        // A signal that comes while the manager is slow to read is no reason to say nothing.
        let sent = loop {
            match socket.send_to_addr(message.as_bytes(), manager) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => break sent,
            }
        };
        if let Err(error) = sent {
            tracing::warn!(
                "cannot tell the service manager {:?}: {error}",
                state.trim_end()
            );
        }
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn told(manager: &UnixDatagram, name: &OsStr) -> String {
        let notifier = Notifier(Some(open(name).unwrap()));
        notifier.ready("a\nMAINPID=1");
        next(manager)
    }

    fn next(manager: &UnixDatagram) -> String {
        let mut message = [0; 100];
        let len = manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..len]).into_owned()
    }

    #[test]
    fn a_manager_is_told_at_its_path() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();

        let message = told(&manager, path.as_os_str());

        assert_eq!(message, "READY=1\nSTATUS=a?MAINPID=1\n");
    }

    #[test]
    fn a_reload_is_told_with_its_time() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier(Some(open(path.as_os_str()).unwrap()));
        let micros = || {
            notifier.reloading("again");
            let message = next(&manager);
            let rest = message
                .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
                .unwrap();
            let (micros, rest) = rest.split_once('\n').unwrap();
            assert_eq!(rest, "STATUS=again\n");
            micros.parse::<u64>().unwrap()
        };

        assert!(0 < micros() && micros() <= micros());
        notifier.status("well");
        assert_eq!(next(&manager), "STATUS=well\n");
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn a_manager_may_have_an_abstract_address() {
        let name = format!("rthttpd-notify-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();

        let message = told(&manager, OsStr::new(&format!("@{name}")));

        assert!(message.starts_with("READY=1\n"));
    }

    #[test]
    fn a_manager_elsewhere_is_not_known() {
        assert!(open(OsStr::new("vsock:2:1234")).is_err());
    }
}
