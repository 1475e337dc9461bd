//! Taking connections from a listening socket.
//!
//! Two things make a server stop accepting for a while: its own limit of connections,
//! and the system's of descriptors. Either way connections wait in the kernel's queue,
//! and the task here waits for one of ours to end rather than trying again at once.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
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
            Err(error) if is_shortage(&error) => {
                if said.is_none_or(|said| said.elapsed() >= SHORTAGE_SAID_EVERY) {
                    said = Some(Instant::now());
                    tracing::warn!(
                        "cannot accept connections for now: {error}; \
                         raise the limit of open files (ulimit -n, LimitNOFILE=)"
                    );
                }
                let _ = timeout(SHORTAGE_WAIT, worker.left.notified()).await;
            }
            // A client that was gone before we came to it, or a network that failed.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Accepts those who are waiting now.
pub(super) fn rest(worker: &Rc<Worker>, listener: &TcpListener) {
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    while !worker.is_full() {
        let Poll::Ready(Ok((stream, peer))) = listener.poll_accept(&mut context) else {
            return;
        };
        begin(worker, stream, peer);
    }
}

fn begin(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr) {
    if let Some(counters) = worker.counters() {
        counters.connections.add(1);
    }
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        let presence = poll_fn(|cx| Poll::Ready(worker.enter(cx.waker().clone()))).await;
        Connection::new(Rc::clone(&worker), stream, peer.ip().to_canonical())
            .run()
            .await;
        drop(presence);
    });
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
