//! Taking connections from a listening socket.
//!
//! Two things make a server stop accepting for a while: its own limit of connections,
//! and the system's, of descriptors or memory. Either way connections wait in the kernel's queue,
//! and the task here waits for one of ours to end rather than trying again at once. At the limit
//! of our own, idle connections end for it, oldest first.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::attend::contain;
use super::{Presence, Worker};
use crate::clients::Peer;
use crate::connection::{Connection, Opening, Stream};
use crate::listen::{AnySocket, End, ListeningSocket};

/// How long to wait, out of descriptors, when none of ours comes free: another process
/// may have taken them.
const SHORTAGE_WAIT: Duration = Duration::from_millis(100);

/// How often a worker that has all its connections looks whether anybody else has come.
const CROWD_LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often a shortage is worth a line.
const SHORTAGE_SAID_EVERY: Duration = Duration::from_secs(10);

/// What a worker accepts from.
#[derive(Debug)]
pub(super) struct Listener {
    end: End,
    socket: OwnedFd,
    opening: Opening,
    /// Somebody has come, or may have.
    is_ready: Cell<bool>,
    /// Told when somebody has.
    come: Notify,
}

/// A connection's socket, and its client's address if it has one.
type Arrived = (OwnedFd, Option<IpAddr>);

/// Connections that are accepted before the first of them is read from, whose request then has
/// mostly come. Workers that share a socket share out what comes by no more than this.
const ACCEPTED_MAX: usize = 16;

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Listener {
    pub(super) fn new(listening: ListeningSocket) -> Self {
        let socket = match listening.socket {
            AnySocket::Tcp(socket) => OwnedFd::from(socket),
            AnySocket::Unix(socket) => OwnedFd::from(socket),
        };
        Self {
            end: listening.end,
            socket,
            is_ready: Cell::new(true),
            come: Notify::new(),
            opening: if listening.is_proxied {
                Opening::ProxyHeader
            } else {
                Opening::Request
            },
        }
    }

    /// Somebody has come.
    pub(super) fn tell(&self) {
        self.is_ready.set(true);
        self.come.notify_one();
    }

    /// Accepts until it is aborted.
    pub(super) async fn run(self: Rc<Self>, worker: Rc<Worker>) {
        let mut said: Option<Instant> = None;
        let mut arrived = Vec::new();
        loop {
            if worker.is_full() {
                self.wait_for_room(&worker).await;
            }
            let outcome = self.next(&worker, &mut arrived).await;
            let is_full = arrived.len() == ACCEPTED_MAX;
            for connection in arrived.drain(..) {
                self.open(connection);
            }
            match outcome {
                Ok(()) if is_full => worker.rest().await,
                Ok(()) => {}
                Err(error) => {
                    if said.is_none_or(|said| said.elapsed() >= SHORTAGE_SAID_EVERY) {
                        said = Some(Instant::now());
                        tracing::warn!(
                            "cannot accept connections for now: {error}; \
                             raise the limit of open files (ulimit -n, LimitNOFILE=)"
                        );
                    }
                    let _ = timeout(SHORTAGE_WAIT, worker.left.notified()).await;
                }
            }
        }
    }

    /// Waits until there are fewer connections than allowed. Idle ones give way to whoever
    /// comes: their clients open a new one when they need it, and those who come cannot wait.
    async fn wait_for_room(&self, worker: &Rc<Worker>) {
        while worker.is_full() {
            let is_wanted = self.has_waiting();
            // Who becomes idle from now on gives way without being asked.
            worker.is_crowded.set(is_wanted);
            if is_wanted && worker.ask_for_room().await {
                break;
            }
            let _ = timeout(CROWD_LOOK_EVERY, worker.left.notified()).await;
        }
        worker.is_crowded.set(false);
    }

    /// Lets in those who are waiting, unless there will be another server for them.
    pub(super) fn end(&self, worker: &Rc<Worker>) {
        match &self.end {
            End::Kept => return,
            End::Removed(file) => file.remove(),
            End::Closed => {}
        }
        // Closing would reset those who have been let in by the kernel already.
        while !worker.is_full() {
            match accept(self.socket.as_fd()) {
                Ok(arrived) => self.open(self.admit(worker, arrived)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    /// The next to come.
    async fn next(&self, worker: &Rc<Worker>, into: &mut Vec<Connection>) -> io::Result<()> {
        while !self.is_ready.get() {
            self.come.notified().await;
        }
        while into.len() < ACCEPTED_MAX && !worker.is_full() {
            match accept(self.socket.as_fd()) {
                Ok(arrived) => into.push(self.admit(worker, arrived)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_ready.set(false);
                    break;
                }
                // It has taken one connection from the queue, so this is not for ever.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether there is somebody to accept.
    fn has_waiting(&self) -> bool {
        let descriptor = self.socket.as_fd();
        let mut sockets = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
        poll(&mut sockets, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Counted from here on, though it has not had a turn yet.
    fn admit(&self, worker: &Rc<Worker>, (socket, client): Arrived) -> Connection {
        if let Some(counters) = worker.counters() {
            counters.connections.add(1);
        }
        let stream = Stream::new(socket, Presence::new(worker));
        Connection::new(Rc::clone(worker), stream, Peer::new(client))
    }

    fn open(&self, connection: Connection) {
        let connection = Box::new(connection);
        contain(|| connection.open(self.opening));
    }
}

/// The next who is waiting, whether or not the runtime has told of it.
fn accept(socket: BorrowedFd<'_>) -> io::Result<Arrived> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (stream, peer) = acceptfrom_with(socket, flags)?;
    let client = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((stream, client.map(|client| client.ip().to_canonical())))
}

/// Whether the client was gone before we came to it, its network failed, or a firewall
/// refused it (accept(2)); anything else would be the same again at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::INTR
                | Errno::PERM
                | Errno::PROTO
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
        )
    )
}
