//! The listening sockets: a set for each worker, on the same addresses.
//!
//! Each worker has sockets of its own with `SO_REUSEPORT`, among which the kernel
//! shares new connections out; no worker wakes for another's. Without an address the
//! server listens on all, IPv6 and IPv4 with one socket.
//!
//! With `SO_REUSEPORT` a second server of the same user could bind a taken port and
//! get half of the connections, silently. So each address is bound once without it
//! first, which the kernel refuses as long as anybody listens there.

mod owner;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel may hold ready for `accept`, if `net.core.somaxconn` allows
/// as many; its default is 4,096.
const BACKLOG: i32 = 4096;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The operator named a host that has no address.
    #[error(
        "cannot listen on {host:?}: it is no address and no name with one; \
         give -h an address of this machine, or leave it out to listen on all"
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
         give -h one that it has, or leave it out to listen on all"
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
}

impl ListenError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Host { .. } | Self::Elsewhere { .. })
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

/// Listens on `port` of `host` (all addresses without one), once for each worker.
///
/// # Errors
///
/// When one of the addresses cannot be listened on.
pub(crate) fn bind(
    host: Option<&str>,
    port: u16,
    workers: usize,
) -> Result<Vec<Vec<TcpListener>>, ListenError> {
    let mut addresses = addresses(host, port)?;
    reserve(&mut addresses, host.is_none())?;
    (0..workers)
        .map(|_| {
            let sockets = addresses.iter().map(|address| {
                open(*address, Sharing::Workers)
                    .and_then(|socket| start(socket, *address))
                    .map_err(|source| explain(*address, source))
            });
            sockets.collect()
        })
        .collect()
}

fn addresses(host: Option<&str>, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    let Some(host) = host else {
        return Ok(vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))]);
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::from((address, port))]);
    }
    let failed = |source| ListenError::Host {
        host: host.to_owned(),
        source,
    };
    let mut found: Vec<_> = (bare, port).to_socket_addrs().map_err(failed)?.collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    Ok(found)
}

/// Makes sure that nobody listens on the addresses, and finds out what they come to:
/// port 0 becomes a free one, and all addresses become those of IPv4 where there is no
/// IPv6.
fn reserve(addresses: &mut [SocketAddr], any: bool) -> Result<(), ListenError> {
    let mut chosen = None;
    for address in addresses {
        if let Some(port) = chosen.filter(|_| address.port() == 0) {
            address.set_port(port);
        }
        let socket = match open(*address, Sharing::Nobody) {
            Err(error) if any && lacks_ipv6(&error) => {
                *address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
                open(*address, Sharing::Nobody)
            }
            outcome => outcome,
        };
        // Listening, not binding alone, finds out about those with SO_REUSEPORT.
        let listener = socket
            .and_then(|socket| start(socket, *address))
            .map_err(|source| explain(*address, source))?;
        if address.port() == 0 {
            let bound = listener
                .local_addr()
                .map_err(|source| explain(*address, source))?;
            address.set_port(bound.port());
            chosen = Some(bound.port());
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    Nobody,
    Workers,
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] is for IPv4 too; any other IPv6 address has no use for it.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Connections of an earlier run that are still closing are no reason to refuse.
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Workers {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit it: a response goes out in one piece, and waiting for
    // the acknowledgement of the one before would only delay it.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn start(socket: Socket, _address: SocketAddr) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn lacks_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL)
    )
}

fn explain(address: SocketAddr, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken {
            address,
            owner: owner::of_port(address.port()),
        },
        io::ErrorKind::AddrNotAvailable => ListenError::Elsewhere { address },
        io::ErrorKind::PermissionDenied => ListenError::Denied { address },
        _ => ListenError::System { address, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_gets_the_same_addresses() {
        let sockets = bind(Some("127.0.0.1"), 0, 3).unwrap();

        let mut addresses: Vec<_> = sockets
            .iter()
            .flatten()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        assert_eq!(addresses.len(), 3);
        addresses.dedup();
        assert_eq!(addresses.len(), 1);
        assert_ne!(addresses[0].port(), 0);
    }

    #[test]
    fn a_port_somebody_shares_with_us_is_taken_all_the_same() {
        let first = bind(Some("127.0.0.1"), 0, 2).unwrap();
        let address = first[0][0].local_addr().unwrap();

        let second = bind(Some("127.0.0.1"), address.port(), 2).unwrap_err();

        assert!(matches!(second, ListenError::Taken { .. }), "{second:?}");
        assert!(!second.is_usage());
        let said = second.to_string();
        assert!(said.contains(&address.port().to_string()), "{said}");
        assert!(said.contains(&std::process::id().to_string()), "{said}");
    }

    #[test]
    fn without_a_host_ipv4_is_listened_on_as_well() {
        let sockets = bind(None, 0, 1).unwrap();
        let port = sockets[0][0].local_addr().unwrap().port();

        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn a_host_that_is_none_or_elsewhere_is_the_operators_mistake() {
        let none = bind(Some("not a host"), 0, 1).unwrap_err();
        // TEST-NET-1 of RFC 5737 is nobody's.
        let elsewhere = bind(Some("192.0.2.1"), 0, 1).unwrap_err();

        assert!(matches!(none, ListenError::Host { .. }), "{none:?}");
        assert!(
            matches!(elsewhere, ListenError::Elsewhere { .. }),
            "{elsewhere:?}"
        );
        assert!(none.is_usage() && elsewhere.is_usage());
    }
}
