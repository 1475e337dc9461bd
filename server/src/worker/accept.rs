//! Taking connections from a listening socket.
//!
//! Two things make a server stop accepting for a while: its own limit of connections,
//! and the system's, of descriptors or memory. Either way connections wait in the kernel's queue,
//! and the task here waits for one of ours to end rather than trying again at once.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::SocketFlags;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::Worker;
use crate::connection::Connection;

/// How long to wait, out of descriptors, when none of ours comes free: another process
/// may have taken them.
const SHORTAGE_WAIT: Duration = Duration::from_millis(100);

/// How often a shortage is worth a line.
const SHORTAGE_SAID_EVERY: Duration = Duration::from_secs(10);

/// Accepts until it is aborted.
pub(super) async fn run(worker: Rc<Worker>, listener: Rc<TcpListener>) {
    let mut said: Option<Instant> = None;
    loop {
        while worker.is_full() {
            worker.left.notified().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => begin(&worker, stream, peer),
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

/// Accepts those who are waiting now, whether or not the runtime has told of them.
pub(super) fn rest(worker: &Rc<Worker>, listener: &TcpListener) {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    while !worker.is_full() {
        let Ok(socket) = rustix::net::accept_with(listener, flags) else {
            return;
        };
        let stream = std::net::TcpStream::from(socket);
        if let Ok(peer) = stream.peer_addr()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            begin(worker, stream, peer);
        }
    }
}

fn begin(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    if let Some(counters) = worker.counters() {
        counters.connections.add(1);
    }
    // Counted from here on, though its task has not run yet.
    let presence = worker.enter();
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        poll_fn(|cx| {
            presence.wake_by(cx.waker());
            Poll::Ready(())
        })
        .await;
        Connection::new(worker, stream, Some(peer.ip().to_canonical()))
            .run()
            .await;
        drop(presence);
    });
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
