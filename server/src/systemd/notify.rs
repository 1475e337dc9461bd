//! Telling a service manager how the server is: `NOTIFY_SOCKET`.
//!
//! Each message is one datagram of lines `NAME=value` (sd_notify(3)). Nothing comes
//! back, and nothing that goes wrong here is a reason not to serve.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a manager that does not read may keep the server.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The one to tell, if there is one.
#[derive(Debug)]
pub(crate) struct Notifier(Option<(UnixDatagram, SocketAddr)>);

impl Notifier {
    /// Whom `NOTIFY_SOCKET` names.
    pub(crate) fn from_env() -> Self {
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

    /// The server serves; `status` says what and where.
    pub(crate) fn ready(&self, status: &str) {
        self.tell("READY=1", status);
    }

    /// The server has begun to stop.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1", "finishing what is under way");
    }

    fn tell(&self, state: &str, status: &str) {
        let Some((socket, manager)) = &self.0 else {
            return;
        };
        // A newline in a path must not become a line of its own.
        let status = status.replace(char::is_control, "?");
        let message = format!("{state}\nSTATUS={status}\n");
        // A signal that comes while the manager is slow to read is no reason to say nothing.
        let sent = loop {
            match socket.send_to_addr(message.as_bytes(), manager) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => break sent,
            }
        };
        if let Err(error) = sent {
            tracing::warn!("cannot tell the service manager {state}: {error}");
        }
    }
}

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
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
        Notifier(Some(open(name).unwrap())).ready("a\nMAINPID=1");
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
