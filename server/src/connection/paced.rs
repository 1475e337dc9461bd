//! A response under throttling rules: let in, and sent slice by slice.
//!
//! What goes to the socket is what counts, heads too, at the moment when it goes: however much
//! the kernel holds for a client was within the limit when it was handed over. A response that
//! may go at once goes as any other does; any other waits in [`Connection::send`], each slice
//! for its moment.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Status, Target};

use super::Connection;
use super::respond::{Answer, Found, Response};
use crate::clock;
use crate::throttle::{Full, Matches};
use crate::worker::{Phase, State};

/// When a client may try again that cannot be given its minimum. Nobody knows when a download
/// ends; one that comes back much sooner mostly comes in vain, much later leaves places empty.
const RETRY_AFTER: &[u8] = b"10";

impl Connection {
    /// The rules about the next request, which is for `host` where hosts have directories, unless
    /// it has a share of them already. As with thttpd, the host's directory is part of the path.
    pub(super) fn rules_about(
        &self,
        state: &mut State,
        request: &Request<'_>,
        host: Option<&str>,
    ) -> Option<Box<Matches>> {
        let throttles = state.throttles.as_mut()?;
        if self.share.is_some() {
            return None;
        }
        let target = Target::parse(request.target).ok()?;
        let (table, path) = (throttles.table(), target.rule_path());
        let matches = match host {
            Some(host) => table.matches(&[host.as_bytes(), b"/", path].concat()),
            None => table.matches(path),
        };
        matches.map(Box::new)
    }

    /// Lets the response to a request in among those that the rules about it share out to. Who was
    /// refused, and had the page for that looked up, is not counted again.
    pub(super) fn enter(&mut self, rules: Option<Box<Matches>>) -> Result<(), Full> {
        if let Some(rules) = rules {
            if matches!(self.found.as_deref(), Some(Found::ErrorPages(_))) {
                return Err(Full);
            }
            self.share = Some(Box::new(rules.enter()?));
        }
        Ok(())
    }

    /// Whether `bytes`, which is all there is to be sent, may be sent at once.
    pub(super) fn is_free_to_send(&mut self, bytes: u64) -> bool {
        match &mut self.share {
            Some(share) if bytes > 0 => share.take_now(bytes, clock::nanos()),
            _ => true,
        }
    }

    /// Takes note that the socket took `bytes`.
    pub(super) fn note_sent(&mut self, bytes: u64) {
        if let Some(share) = &mut self.share {
            share.spend(bytes);
        }
    }

    /// How many of `bytes` may be sent now; waits until some may. An error when the server ends.
    pub(super) async fn allowance(&mut self, bytes: u64) -> io::Result<u64> {
        let Some(share) = &mut self.share else {
            return Ok(bytes);
        };
        if share.taken() == 0 {
            share.take(bytes, clock::nanos());
        }
        let taken = share.taken().min(bytes);
        match share.wait(clock::nanos()) {
            // Those who can send as well have their turn.
            0 => self.worker.rest().await,
            nanos => self.wait(Duration::from_nanos(nanos)).await?,
        }
        Ok(taken)
    }

    async fn wait(&mut self, time: Duration) -> io::Result<()> {
        let mut sleep = pin!(tokio::time::sleep(time));
        poll_fn(|cx| match self.worker.phase() {
            Phase::Ending => Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut))),
            _ => sleep.as_mut().poll(cx).map(Ok),
        })
        .await?;
        // It was not the client that took its time.
        self.renew_deadline();
        Ok(())
    }
}

impl Response<'_> {
    /// Sends away a client that cannot be given its minimum.
    pub(super) fn put_off(&mut self, found: Option<Box<Found>>) -> Answer {
        self.with_pages(found, |response, _| {
            response.page(Status::ServiceUnavailable, &[("Retry-After", RETRY_AFTER)]);
            Answer::Written
        })
    }
}
