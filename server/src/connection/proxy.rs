//! The PROXY header, on listeners that ask for it: whose connection this is.
//!
//! It comes before the first request, in the request's own time. A connection without a
//! valid one is closed without a word: whoever opened it is no HTTP client that would
//! understand one, and there has been no exchange to log.

use std::future::poll_fn;
use std::task::Poll;

use http::proxy_protocol::{self, Header, Reject};

use super::{Connection, Stage};
use crate::clients::Peer;

impl Connection {
    /// Reads the header and believes it; says whether there was one.
    pub(super) async fn introduce(&mut self) -> bool {
        let refused = match self.header().await {
            Ok(Some(header)) => {
                self.peer = Peer::new(header.source.client(self.peer.address()));
                self.received.drain(..header.len);
                self.is_ready = !self.received.is_empty();
                return true;
            }
            // Somebody who says nothing may be looking whether the port is open.
            Ok(None) if self.received.is_empty() => return false,
            Ok(None) => "it did not come whole".to_owned(),
            Err(reject) => reject.to_string(),
        };
        tracing::debug!(peer = ?self.peer.address(), "connection refused for its PROXY header: {refused}");
        if let Some(counters) = self.worker.counters() {
            counters.proxy_headers_refused.add(1);
        }
        false
    }

    /// The header, or `None` when the client ends or takes too long.
    async fn header(&mut self) -> Result<Option<Header>, Reject> {
        loop {
            if let Some(header) = proxy_protocol::decode(&self.received)? {
                return Ok(Some(header));
            }
            let read = poll_fn(|cx| match self.poll_read_more(cx) {
                Poll::Ready(outcome) => Poll::Ready(outcome.unwrap_or(0)),
                Poll::Pending if self.received.is_empty() && self.is_left(Stage::Beginning) => {
                    Poll::Ready(0)
                }
                Poll::Pending => self.poll_patience().map(|()| 0),
            });
            if read.await == 0 {
                return Ok(None);
            }
        }
    }
}
