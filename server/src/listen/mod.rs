//! The listening sockets, as many of each place as there are workers.
//!
//! Of a TCP port each worker has a socket of its own (`tcp.rs`). A socket in the file
//! system (`unix.rs`), and one that another program has made, can only be shared: each
//! worker has a descriptor of it, and the first to come takes the connection.

mod address;
mod error;
mod owner;
mod tcp;
mod unix;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use socket2::SockRef;

pub use self::address::{Inherited, Listener, ListenerError, Place};
pub use self::error::ListenError;
pub(crate) use self::unix::SocketFile;

/// Connections the kernel may hold ready for `accept`, if `net.core.somaxconn` allows
/// as many; its default is 4,096.
const BACKLOG: i32 = 4096;

/// The sockets of a server.
#[derive(Debug)]
pub(crate) struct Bound {
    /// Those of each worker.
    pub(crate) sockets: Vec<Vec<ListeningSocket>>,
    pub(crate) places: Vec<BoundPlace>,
}

/// A socket that one worker accepts from.
#[derive(Debug)]
pub(crate) struct ListeningSocket {
    /// First, so that a file is gone before nobody listens on it.
    pub(crate) end: End,
    pub(crate) socket: AnySocket,
    /// Its connections begin with a PROXY header.
    pub(crate) is_proxied: bool,
}

/// A listening socket of either kind, which does not wait.
#[derive(Debug)]
pub(crate) enum AnySocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// What becomes of a socket, and of those who wait to be accepted, when the server stops.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// It is gone, so everybody is let in before.
    Closed,
    /// The same, and its file goes first.
    Removed(Arc<SocketFile>),
    /// Another program keeps it for the next server, which will let them in.
    Kept,
}

/// Where the server listens, as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct BoundPlace {
    pub(crate) address: BoundAddress,
    /// All addresses are listened on because none was asked for.
    pub(crate) is_any: bool,
    pub(crate) is_inherited: bool,
    pub(crate) is_proxied: bool,
}

/// An address that is listened on.
#[derive(Clone, Debug)]
pub(crate) enum BoundAddress {
    Tcp(SocketAddr),
    /// A socket in the file system; without a path when its maker did not say it.
    Unix(Option<PathBuf>),
}

/// Listens on all of `listeners`, once for each worker.
///
/// # Errors
///
/// When one of them cannot be listened on.
pub(crate) fn bind(listeners: &[Listener], workers: usize) -> Result<Bound, ListenError> {
    let mut bound = Bound {
        sockets: (0..workers).map(|_| Vec::new()).collect(),
        places: Vec::new(),
    };
    for listener in listeners {
        bound.add(listener)?;
    }
    Ok(bound)
}

impl Bound {
    fn add(&mut self, listener: &Listener) -> Result<(), ListenError> {
        let workers = self.sockets.len();
        match &listener.place {
            Place::Tcp { host, port } => {
                for (address, sockets) in tcp::listen(host.as_deref(), *port, workers)? {
                    let place = BoundPlace {
                        address: BoundAddress::Tcp(address),
                        is_any: host.is_none(),
                        is_inherited: false,
                        is_proxied: listener.is_proxied,
                    };
                    let sockets = sockets.into_iter().map(AnySocket::Tcp);
                    self.share_out(sockets.collect(), &End::Closed, place);
                }
            }
            Place::Unix { path, mode } => {
                let (socket, file) = unix::listen(path, *mode)?;
                let sockets = share(workers, || socket.try_clone().map(AnySocket::Unix));
                let sockets = sockets.map_err(|source| ListenError::Path {
                    path: path.clone(),
                    source,
                })?;
                let place = BoundPlace {
                    address: BoundAddress::Unix(Some(path.clone())),
                    is_any: false,
                    is_inherited: false,
                    is_proxied: listener.is_proxied,
                };
                self.share_out(sockets, &End::Removed(Arc::new(file)), place);
            }
            Place::Inherited(socket) => {
                let (sockets, address) =
                    inherit(socket, workers).map_err(|source| ListenError::Inherited { source })?;
                let place = BoundPlace {
                    is_any: matches!(address, BoundAddress::Tcp(address) if address.ip().is_unspecified()),
                    address,
                    is_inherited: true,
                    is_proxied: listener.is_proxied,
                };
                self.share_out(sockets, &End::Kept, place);
            }
        }
        Ok(())
    }

    /// One of `sockets` to each worker.
    fn share_out(&mut self, sockets: Vec<AnySocket>, end: &End, place: BoundPlace) {
        for (worker, socket) in self.sockets.iter_mut().zip(sockets) {
            worker.push(ListeningSocket {
                end: end.clone(),
                socket,
                is_proxied: place.is_proxied,
            });
        }
        self.places.push(place);
    }
}

fn inherit(socket: &Inherited, workers: usize) -> io::Result<(Vec<AnySocket>, BoundAddress)> {
    match socket {
        Inherited::Tcp(socket) => {
            socket.set_nonblocking(true)?;
            // As for our own: what is accepted inherits it.
            SockRef::from(&**socket).set_tcp_nodelay(true)?;
            let sockets = share(workers, || socket.try_clone().map(AnySocket::Tcp))?;
            Ok((sockets, BoundAddress::Tcp(socket.local_addr()?)))
        }
        Inherited::Unix(socket) => {
            socket.set_nonblocking(true)?;
            let sockets = share(workers, || socket.try_clone().map(AnySocket::Unix))?;
            let path = socket.local_addr()?.as_pathname().map(Into::into);
            Ok((sockets, BoundAddress::Unix(path)))
        }
    }
}

/// A descriptor of one socket for each worker.
fn share(
    workers: usize,
    descriptor: impl Fn() -> io::Result<AnySocket>,
) -> io::Result<Vec<AnySocket>> {
    (0..workers).map(|_| descriptor()).collect()
}
