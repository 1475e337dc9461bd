//! Taking connections from a listening socket.
//!
//! Two things make a server stop accepting for a while: its own limit of connections,
//! and the system's, of descriptors or memory. Either way connections wait in the kernel's queue,
//! and the task here waits for one of ours to end rather than trying again at once. At the limit
//! of our own, idle connections end for it, oldest first.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::time::{Instant, timeout};

use super::Worker;
use crate::clients::Peer;
use crate::connection::{Connection, Opening, Stream};
use crate::listen::{AnySocket, End, ListeningSocket};
use crate::socket::Socket;

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
    socket: Socket,
    opening: Opening,
}

/// A connection, and its client's address if it has one.
type Arrived = (Stream, Option<IpAddr>);

impl Listener {
    pub(super) fn new(listening: ListeningSocket) -> io::Result<Self> {
        let mut socket = Socket::new(match listening.socket {
            AnySocket::Tcp(socket) => OwnedFd::from(socket),
            AnySocket::Unix(socket) => OwnedFd::from(socket),
        });
        socket.watch(Interest::READABLE)?;
        Ok(Self {
            end: listening.end,
            socket,
            opening: if listening.is_proxied {
                Opening::ProxyHeader
            } else {
                Opening::Request
            },
        })
    }

    /// Accepts until it is aborted.
    pub(super) async fn run(self: Rc<Self>, worker: Rc<Worker>) {
        let mut said: Option<Instant> = None;
        loop {
            if worker.is_full() {
                self.wait_for_room(&worker).await;
            }
            match self.next().await {
                Ok(arrived) => self.begin(&worker, arrived),
                // It has taken one connection from the queue, so this is not for ever.
                Err(error) if is_of_one_connection(&error) => tokio::task::yield_now().await,
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
                Ok(arrived) => self.begin(worker, arrived),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    /// The next to come.
    async fn next(&self) -> io::Result<Arrived> {
        match self.socket.watched() {
            Some(watch) => {
                let accept = |_: &RawFd| accept(self.socket.as_fd());
                watch.async_io(Interest::READABLE, accept).await
            }
            None => accept(self.socket.as_fd()),
        }
    }

    /// Whether there is somebody to accept.
    fn has_waiting(&self) -> bool {
        let descriptor = self.socket.as_fd();
        let mut sockets = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
        poll(&mut sockets, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    fn begin(&self, worker: &Rc<Worker>, (stream, client): Arrived) {
        if let Some(counters) = worker.counters() {
            counters.connections.add(1);
        }
        // Counted from here on, though its task has not run yet.
        let presence = worker.enter();
        let mut connection = Connection::new(Rc::clone(worker), stream, Peer::new(client));
        let opening = self.opening;
        // In a box of its own: what the runtime allocates for a task is a multiple of 128 bytes.
        tokio::task::spawn_local(Box::pin(async move {
            poll_fn(|cx| {
                presence.wake_by(cx.waker());
                Poll::Ready(())
            })
            .await;
            connection.run(opening).await;
            drop(connection);
            drop(presence);
        }));
    }
}

/// The next who is waiting, whether or not the runtime has told of it.
fn accept(socket: BorrowedFd<'_>) -> io::Result<Arrived> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (stream, peer) = acceptfrom_with(socket, flags)?;
    let client = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((
        Stream::new(stream),
        client.map(|client| client.ip().to_canonical()),
    ))
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
