//! The link to whichever daemon answers.
//!
//! The addresses are tried in order, one after the other; when all have failed there is a wait
//! (`backoff`), then the first is tried again. After a connection that was lost there is a wait
//! too; then the first is tried, or the next after one that was no good. While another than the
//! first is in use, the first is tried every 30 s, and taken when it answers: then the old
//! connection is given nothing more, emptied and closed.
//!
//! The link says what happened ([`Event`]) and decides nothing about messages.

mod connection;
mod dial;

pub(super) use connection::LostError;
pub(super) use dial::random;

use std::future::{Future, pending};
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use spread::address::Addresses;
use spread::client::{ConnectError, Session};
use spread::stream::Instance;
use spread::{Delivery, Name, PrivateGroup, Service};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use connection::Connection;
use dial::{Attempt, Dialler};

/// What happened on the link.
pub(super) enum Event {
    /// A connection is up, after none or another one.
    Connected,
    /// Every address has been tried and failed, the last for this reason.
    Unreachable(ConnectError),
    /// The connection is gone.
    Lost(LostError),
    /// The daemon has sent something.
    Delivered(Delivery),
    /// Everything offered is written.
    Written,
}

/// At most one connection, and the way to the next.
pub(super) struct Link {
    dialler: Dialler,
    backoff: Backoff,
    state: State,
    /// Frames of connections that are gone, not yet told by `take_written`.
    written: u64,
    /// The connection that the first daemon's has replaced.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

enum State {
    /// Until then; then the address of this index is tried.
    Waiting(Instant, usize),
    Connecting(Attempt),
    Up(Box<Connection>),
}

impl Link {
    /// A link for `instance`, which has tried so many connections before.
    pub(super) fn new(
        addresses: Addresses,
        socket_dir: &Path,
        instance: Instance,
        connections: u64,
    ) -> Self {
        let mut dialler = Dialler::new(addresses, socket_dir, instance, connections);
        Self {
            state: State::Connecting(dialler.dial(0)),
            dialler,
            backoff: Backoff::default(),
            written: 0,
            closing: None,
        }
    }

    /// Waits for the next event. Cancel-safe: what is under way is kept in the link.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            let step = tokio::select! {
                () = finish(&mut self.closing) => {
                    self.closing = None;
                    continue;
                }
                step = self.state.step() => step,
            };
            if let Some(event) = self.handle(step) {
                return event;
            }
        }
    }

    /// Queues a message; `false` when there was no room for it.
    pub(super) fn offer(&mut self, service: Service, groups: &[Name], body: Bytes) -> bool {
        self.has_room()
            && self
                .connection_mut()
                .is_some_and(|connection| connection.send(service, groups, body).is_ok())
    }

    /// Ends the connection, which is open and no good.
    pub(super) fn give_up(&mut self, reason: &LostError) {
        self.ended(reason);
    }

    /// From now on a connection that is up is kept.
    pub(super) fn stay(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.stay();
        }
    }

    /// Frames that sockets have wholly taken since the last call.
    pub(super) fn take_written(&mut self) -> u64 {
        let newly = self.connection_mut().map_or(0, Connection::newly_written);
        std::mem::take(&mut self.written) + newly
    }

    /// Connections that this instance has tried.
    pub(super) const fn connections(&self) -> u64 {
        self.dialler.connections()
    }

    /// Whether there is a connection.
    pub(super) const fn is_up(&self) -> bool {
        self.connection().is_some()
    }

    /// Whether there is a connection, and it takes a message now.
    pub(super) fn has_room(&self) -> bool {
        self.connection().is_some_and(Connection::has_room)
    }

    /// The index of the address of the daemon it is connected to.
    pub(super) fn connected_to(&self) -> Option<usize> {
        self.connection().map(Connection::index)
    }

    /// The private group of the connection that is up.
    pub(super) fn private_group(&self) -> Option<PrivateGroup> {
        self.connection().map(Connection::private_group)
    }

    /// Ends what there is in good order.
    pub(super) async fn close(self) {
        if let State::Up(connection) = self.state {
            connection.close().await;
        }
        if let Some(closing) = self.closing {
            closing.await;
        }
    }

    fn handle(&mut self, step: Step) -> Option<Event> {
        match step {
            Step::Waited(next) => {
                self.state = State::Connecting(self.dialler.dial(next));
                None
            }
            Step::Dialled(index, Ok(session)) => {
                self.state = State::Up(Connection::new(index, session));
                Some(Event::Connected)
            }
            Step::Dialled(index, Err(error)) => self.failed(index, error),
            Step::Up(connection::Step::Ended(reason)) => {
                self.ended(&reason);
                Some(Event::Lost(reason))
            }
            Step::Up(connection::Step::Delivered(delivery)) => Some(Event::Delivered(delivery)),
            Step::Up(connection::Step::Written) => Some(Event::Written),
            Step::Up(connection::Step::FirstDue) => {
                if let State::Up(connection) = &mut self.state {
                    connection.try_first(&mut self.dialler);
                }
                None
            }
            Step::Up(connection::Step::FirstReady(session)) => {
                self.change_over(session);
                Some(Event::Connected)
            }
        }
    }

    fn failed(&mut self, index: usize, error: ConnectError) -> Option<Event> {
        if let Some(next) = self.dialler.after(index) {
            self.state = State::Connecting(self.dialler.dial(next));
            return None;
        }
        self.wait(0);
        Some(Event::Unreachable(error))
    }

    /// A wait comes first here too: a daemon that takes connections only to end them would
    /// otherwise be asked again and again without a pause.
    fn ended(&mut self, reason: &LostError) {
        self.written = self.take_written();
        let Some(connection) = self.connection() else {
            return;
        };
        let good = connection.is_settled() && !reason.is_of_this_daemon();
        let next = self.dialler.after(connection.index()).unwrap_or(0);
        if good {
            self.backoff.succeeded();
        }
        self.wait(if good { 0 } else { next });
    }

    fn wait(&mut self, next: usize) {
        let wait = self.backoff.failed(random());
        self.state = State::Waiting(Instant::now() + wait, next);
    }

    fn change_over(&mut self, session: Session) {
        self.written = self.take_written();
        let new = State::Up(Connection::new(0, session));
        if let State::Up(old) = std::mem::replace(&mut self.state, new) {
            self.closing = Some(Box::pin(old.close()));
        }
    }

    const fn connection(&self) -> Option<&Connection> {
        match &self.state {
            State::Up(connection) => Some(connection),
            State::Waiting(..) | State::Connecting(_) => None,
        }
    }

    const fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Up(connection) => Some(connection),
            State::Waiting(..) | State::Connecting(_) => None,
        }
    }
}

/// What the link has come to.
enum Step {
    Waited(usize),
    Dialled(usize, Result<Session, ConnectError>),
    Up(connection::Step),
}

impl State {
    /// Cancel-safe.
    async fn step(&mut self) -> Step {
        match self {
            Self::Waiting(until, next) => {
                sleep_until(*until).await;
                Step::Waited(*next)
            }
            Self::Connecting(attempt) => Step::Dialled(attempt.index(), attempt.outcome().await),
            Self::Up(connection) => Step::Up(connection.step().await),
        }
    }
}

async fn finish(closing: &mut Option<impl Future<Output = ()> + Unpin>) {
    match closing {
        Some(closing) => closing.await,
        None => pending().await,
    }
}
