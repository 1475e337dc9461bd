//! Why the server cannot listen: whose fault it is, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The operator named a host that has no address.
    #[error(
        "cannot listen on {host:?}: it is no address and no name with one; \
         give an address of this machine, or none to listen on all"
    )]
    Host {
        /// What was given.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The address belongs to another machine.
    #[error(
        "cannot listen on {address}: no interface of this machine has that address; \
         give one that it has, or none to listen on all"
    )]
    Elsewhere {
        /// What was given, resolved.
        address: SocketAddr,
    },
    /// Somebody else listens there.
    #[error("port {} is taken{}; choose another, as in -p {}", address.port(), by(owner), next(*address))]
    Taken {
        /// Where.
        address: SocketAddr,
        /// The name and pid of the program, when it can be known.
        owner: Option<String>,
    },
    /// A port below 1024, and no right to it.
    #[error(
        "cannot listen on {address}: permission denied \
         (ports below 1024 need CAP_NET_BIND_SERVICE; 8080 does not: -p 8080)"
    )]
    Denied {
        /// Where.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address}")]
    System {
        /// Where.
        address: SocketAddr,
        /// What it said.
        source: io::Error,
    },
    /// The path is too long for a socket.
    #[error(
        "cannot listen on unix:{}: a socket's path has at most 107 bytes, and this one {}",
        path.display(),
        path.as_os_str().len()
    )]
    PathTooLong {
        /// What was given.
        path: PathBuf,
    },
    /// Somebody else listens on the socket.
    #[error("unix:{} is taken{}; choose another path", path.display(), by(owner))]
    PathTaken {
        /// Where.
        path: PathBuf,
        /// The name and pid of the program, when it can be known.
        owner: Option<String>,
    },
    /// A file that was not made by listening is in the way.
    #[error(
        "cannot listen on unix:{}: a file that is no socket is there; \
         remove it, or choose another path",
        path.display()
    )]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// The system does not let us make a socket there.
    #[error("cannot listen on unix:{}{}", path.display(), hint(source))]
    Path {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A socket that another program has made cannot be used.
    #[error("cannot use a socket that was inherited")]
    Inherited {
        /// What the system said.
        source: io::Error,
    },
}

impl ListenError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Host { .. } | Self::Elsewhere { .. } | Self::PathTooLong { .. }
        )
    }
}

fn by(owner: &Option<String>) -> String {
    owner
        .as_ref()
        .map_or_else(String::new, |owner| format!(" by {owner}"))
}

fn next(address: SocketAddr) -> u16 {
    address.port().checked_add(1).unwrap_or(8080)
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => " (its directory must exist)",
        io::ErrorKind::PermissionDenied => {
            " (its directory must be writable for the user that serves)"
        }
        _ => "",
    }
}
