//! The content of a request, on its way in.
//!
//! It is thrown away, but a request is whole only with it: what breaks its framing, or does not
//! come in time, is refused with a status, and no answer depends on how far it had come. So the
//! head stays, what follows it is counted as it comes, and then the request is answered.

use http::{Content, Framing, Reject, Request};

use super::Connection;

/// The content of the first request in what a connection has received.
#[derive(Debug)]
pub(super) struct Arriving {
    content: Content,
    /// The head that it follows.
    head_len: usize,
    /// How much of what lies behind the head belongs to it.
    taken: usize,
    /// How much of it has come.
    total: u64,
}

impl Arriving {
    /// How many bytes of it have come, its framing among them.
    pub(super) const fn total(&self) -> u64 {
        self.total
    }
}

impl Connection {
    /// Counts what has come of the content of `request`, the first in `bytes`; says how much of
    /// them it is once it is whole.
    pub(super) fn take_content(
        &mut self,
        request: &Request<'_>,
        bytes: &[u8],
    ) -> Result<Option<usize>, Reject> {
        if request.framing == Framing::None || request.may_keep_content() {
            return Ok(Some(0));
        }
        let max = self.worker.limits.content_max;
        let arriving = self.content.get_or_insert_with(|| {
            Box::new(Arriving {
                content: Content::new(request.framing, max),
                head_len: request.head_len,
                taken: 0,
                total: 0,
            })
        });
        // It can have been whole before, if the answer had to be looked for.
        if !arriving.content.is_done() {
            let fresh = bytes.get(request.head_len..).unwrap_or_default();
            arriving.taken = arriving.content.discard(fresh)?;
            arriving.total += arriving.taken as u64;
        }
        Ok(arriving.content.is_done().then_some(arriving.taken))
    }

    /// Drops what has come of a content: it has been counted, and its request has its head.
    pub(super) fn forget_content(&mut self) {
        if let Some(arriving) = &self.content
            && !arriving.content.is_done()
        {
            self.received.truncate(arriving.head_len);
        }
    }
}
