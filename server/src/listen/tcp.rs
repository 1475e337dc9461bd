//! Ports of TCP: a set of sockets for each worker, on the same addresses.
//!
//! Each worker has sockets of its own with `SO_REUSEPORT`, among which the kernel
//! shares new connections out; no worker wakes for another's. Without an address the
//! server listens on all, IPv6 and IPv4 with one socket.
//!
//! With `SO_REUSEPORT` a second server of the same user could bind a taken port and
//! get half of the connections, silently. So each address is bound once without it
//! first, which the kernel refuses as long as anybody listens there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

use super::error::ListenError;
use super::{BACKLOG, owner};

/// Listens on `port` of `host` (all addresses without one), once for each worker.
pub(super) fn listen(
    host: Option<&str>,
    port: u16,
    workers: usize,
) -> Result<Vec<(SocketAddr, Vec<TcpListener>)>, ListenError> {
    let mut addresses = addresses(host, port)?;
    reserve(&mut addresses, host.is_none())?;
    let open_all = |address: SocketAddr| {
        let sockets = (0..workers).map(|_| open(address, Sharing::Workers).and_then(start));
        let sockets = sockets.collect::<io::Result<_>>();
        Ok((address, sockets.map_err(|source| explain(address, source))?))
    };
    addresses.into_iter().map(open_all).collect()
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
            .and_then(start)
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

fn start(socket: Socket) -> io::Result<TcpListener> {
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
        let places = listen(Some("127.0.0.1"), 0, 3).unwrap();

        let [(address, sockets)] = &places[..] else {
            panic!("{places:?}");
        };
        assert_eq!(sockets.len(), 3);
        assert_ne!(address.port(), 0);
        for socket in sockets {
            assert_eq!(socket.local_addr().unwrap(), *address);
        }
    }

    #[test]
    fn a_port_somebody_shares_with_us_is_taken_all_the_same() {
        let first = listen(Some("127.0.0.1"), 0, 2).unwrap();
        let port = first[0].0.port();

        let second = listen(Some("127.0.0.1"), port, 2).unwrap_err();

        assert!(matches!(second, ListenError::Taken { .. }), "{second:?}");
        assert!(!second.is_usage());
        let said = second.to_string();
        assert!(said.contains(&port.to_string()), "{said}");
        assert!(said.contains(&std::process::id().to_string()), "{said}");
    }

    #[test]
    fn without_a_host_ipv4_is_listened_on_as_well() {
        let places = listen(None, 0, 1).unwrap();

        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, places[0].0.port())).unwrap();
    }

    #[test]
    fn a_host_that_is_none_or_elsewhere_is_the_operators_mistake() {
        let none = listen(Some("not a host"), 0, 1).unwrap_err();
        // TEST-NET-1 of RFC 5737 is nobody's.
        let elsewhere = listen(Some("192.0.2.1"), 0, 1).unwrap_err();

        assert!(matches!(none, ListenError::Host { .. }), "{none:?}");
        assert!(
            matches!(elsewhere, ListenError::Elsewhere { .. }),
            "{elsewhere:?}"
        );
        assert!(none.is_usage() && elsewhere.is_usage());
    }
}
