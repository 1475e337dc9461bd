//! A port of this machine that is a test's own: somebody is to listen there later, or again, or
//! nobody at all.
//!
//! A port that was free a moment ago may be anybody's by now: another test's, or that of a
//! connection on its way out. So it is held, by sockets that do not listen: the system gives it to
//! nobody then who asks for any, refuses those who connect, and lets those listen who ask for it
//! by its number (`SO_REUSEADDR`, as servers do).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, ipproto, socket_with,
};

/// A port of loopback that nobody else is given.
#[derive(Debug)]
pub(crate) struct HeldPort {
    port: u16,
    _held: Vec<OwnedFd>,
}

impl HeldPort {
    /// One at which nobody listens.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn hold() -> io::Result<Self> {
        for _ in 0..TRIES {
            let first = held((Ipv4Addr::LOCALHOST, 0).into())?;
            let port = SocketAddr::try_from(getsockname(&first)?)?.port();
            match held((Ipv6Addr::LOCALHOST, port).into()) {
                Ok(second) => {
                    let _held = vec![first, second];
                    return Ok(Self { port, _held });
                }
                Err(Errno::ADDRINUSE) => {}
                // There is no IPv6 here.
                Err(_) => {
                    let _held = vec![first];
                    return Ok(Self { port, _held });
                }
            }
        }
        Err(Errno::ADDRINUSE.into())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

fn held(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let tcp = Some(ipproto::TCP);
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, tcp)?;
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    Ok(socket)
}

/// A port that is free on one address is seldom taken on the other.
const TRIES: usize = 16;
