//! Whether a client may have what it asks for: clients and their limits, as a connection asks
//! about them.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Status, response};
use rustix::net::SendFlags;

use super::Connection;
use super::output::Asked;
use super::respond::Response;
use crate::clients::{Refusal, TooManyConnections};
use crate::clock::{self, Moment};

impl Connection {
    /// Finds out about the client, once it is known whose connection this is.
    pub(super) fn admit(&mut self) -> Result<(), TooManyConnections> {
        let worker = Rc::clone(&self.worker);
        if let Some(clients) = worker.clients() {
            self.peer = clients.admit(self.peer.address(), Moment::now())?;
        }
        Ok(())
    }

    /// Whose request it is.
    pub(super) fn client(&self, request: &Request<'_>) -> Option<IpAddr> {
        match self.worker.clients() {
            Some(clients) => clients.client(&self.peer, &request.fields),
            None => self.peer.address(),
        }
    }

    /// Whether the next request, which is `client`'s, may be answered. To be asked each time
    /// it comes up: one that had to be looked up counts once.
    pub(super) fn check(&self, client: Option<IpAddr>) -> Result<(), Refusal> {
        match self.worker.clients() {
            Some(clients) if self.found.is_none() && !self.is_plain => {
                clients.check(&self.peer, client, Moment::now())
            }
            _ => Ok(()),
        }
    }

    /// Tells a client, who has not been heard, that its address has too many connections. What
    /// the socket does not take at once is not waited for, and there is nothing to log.
    pub(super) async fn turn_away(&mut self) {
        let worker = Rc::clone(&self.worker);
        if let Some(counters) = worker.counters() {
            counters.turned_away.add(1);
        }
        self.write_too_many();
        // Its request is on the way, and would have the page lost to a reset. But those who come
        // in a flood are not heard out: they would be as many as if they were let in.
        if let Ok(_permit) = worker.turned_away.try_acquire() {
            self.linger().await;
        }
    }

    fn write_too_many(&self) {
        let mut state = self.worker.state.borrow_mut();
        state.output.clear();
        let mut response = Response {
            asked: Asked::default(),
            target: None,
            guard: None,
            is_miss: false,
            unseen_pages: None,
            fallback: None,
            connection: response::Connection::Close,
            head_only: false,
            now: clock::unix(),
            worker: &self.worker,
            state: &mut state,
        };
        response.turn_down(Refusal::TooMany(RETRY_AFTER));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let _ = rustix::net::send(&self.stream, &state.output.bytes, flags);
        state.output.clear();
    }
}

/// When a client with too many connections may try again. Nobody knows when one of them ends;
/// this keeps it from trying at once.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Response<'_> {
    /// Refuses a request for who makes it.
    pub(super) fn turn_down(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Denied => self.page(Status::Forbidden, &[]),
            Refusal::TooMany(wait) => {
                // Whole seconds (RFC 9110 10.2.3), and no earlier than it helps.
                let seconds = wait.as_millis().div_ceil(1_000).to_string();
                let fields: [(&str, &[u8]); 1] = [("Retry-After", seconds.as_bytes())];
                self.page(Status::TooManyRequests, &fields);
            }
        }
    }
}
