//! From a connection to a session: accepting, and the handshakes under way.
//!
//! Nobody waits for a client that is slow to introduce itself. Each handshake is a task with a
//! deadline, and when there are too many, those that have taken longest are given up: an honest
//! client is done after two round trips, so it is hardly ever among them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::Hub;
use super::core::Core;
use super::options::HubOptions;
use super::session::{self, Session};
use super::socket::Socket;

/// 1,024: as many as may be waiting to be accepted as well; each takes some kilobytes.
const HANDSHAKES_MAX: usize = 1_024;

/// 100 ms: how long nobody is accepted after the system refused, for want of descriptors, say.
/// Those who wait are accepted then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections from all listeners of a hub.
#[derive(Debug, Default)]
pub(super) struct Acceptor {
    turn: usize,
    /// Whether the last attempt failed: an outage is reported once, not ten times a second.
    failing: bool,
    /// Before this nobody is accepted.
    resume: Option<Instant>,
}

impl Acceptor {
    /// The next connection. Cancel-safe.
    ///
    /// # Errors
    /// When the system refuses to accept; the next call then waits a while before it tries.
    pub(super) async fn accept(&mut self, hub: &Hub) -> io::Result<Socket> {
        if let Some(resume) = self.resume {
            sleep_until(resume).await;
            self.resume = None;
        }
        let accepted = poll_fn(|cx| self.poll_accept(cx, hub)).await;
        let failed_before = std::mem::replace(&mut self.failing, accepted.is_err());
        match &accepted {
            Ok(_) if failed_before => tracing::info!("accepting connections again"),
            Ok(_) => {}
            Err(error) => {
                self.resume = Some(Instant::now() + ACCEPT_PAUSE);
                if !failed_before {
                    tracing::warn!(
                        "cannot accept connections at the moment: {error}; if too many files \
                         are open, raise their limit (ulimit -n)"
                    );
                }
            }
        }
        accepted
    }

    /// Asks each listener in turn, so that none of them starves.
    fn poll_accept(&mut self, cx: &mut Context<'_>, hub: &Hub) -> Poll<io::Result<Socket>> {
        let count = hub.listeners.len() + 1;
        for _ in 0..count {
            self.turn = (self.turn + 1) % count;
            let accepted = match (hub.listeners.get(self.turn), &hub.socket_file) {
                (Some(listener), _) => listener
                    .poll_accept(cx)
                    .map_ok(|(stream, _)| Socket::tcp(stream)),
                (None, Some(file)) => file
                    .listener
                    .poll_accept(cx)
                    .map_ok(|(stream, _)| Socket::Unix(stream)),
                (None, None) => Poll::Pending,
            };
            if accepted.is_ready() {
                return accepted;
            }
        }
        Poll::Pending
    }
}

/// The handshakes under way.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    tasks: JoinSet<Option<Session>>,
    /// In the order in which they began, with some that are over.
    order: VecDeque<AbortHandle>,
}

impl Handshakes {
    /// Begins a handshake, giving up old ones if there are too many.
    pub(super) fn start(
        &mut self,
        socket: Socket,
        core: &Arc<Mutex<Core>>,
        options: &Arc<HubOptions>,
    ) {
        if self.tasks.len() >= HANDSHAKES_MAX {
            self.give_up_older_half();
        } else if self.order.len() >= 2 * HANDSHAKES_MAX {
            self.order.retain(|task| !task.is_finished());
        }
        let core = Arc::clone(core);
        let options = Arc::clone(options);
        let task = self.tasks.spawn(async move {
            let shaken = session::shake_hands(socket, core, &options);
            match timeout(options.handshake_timeout, shaken).await {
                Ok(Ok(session)) => session,
                Ok(Err(_)) | Err(_) => None,
            }
        });
        self.order.push_back(task);
    }

    /// The next session that is ready to be served. Cancel-safe.
    pub(super) async fn next(&mut self) -> Session {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Some(session))) => return session,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Ends the half of the handshakes that have taken longest.
    pub(super) fn give_up_older_half(&mut self) {
        self.order.retain(|task| !task.is_finished());
        let half = self.order.len().div_ceil(2);
        self.order.drain(..half).for_each(|task| task.abort());
    }
}
