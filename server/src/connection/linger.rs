//! The lingering close: saying the last word without cutting it off.
//!
//! Closing a socket that holds unread bytes makes the kernel send a reset, and a
//! client that gets one throws away what it has received but not yet read: an error page
//! would be lost just when it explains why. So our side is closed first, and what the
//! client still sends is read and dropped until it closes too (RFC 9112 9.6).
//!
//! A server that stops does not wait for those who keep still: what they sent before they
//! saw our side close has arrived by then.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::net::Shutdown;

use super::Connection;
use crate::clock::Moment;
use crate::worker::Phase;

/// For a client that says nothing; as long as nginx waits.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// For one that goes on sending; as long as nginx waits, too. Some look for an answer only when
/// they have sent everything, however much that is.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);

/// The same two when the server stops. Bytes that were on their way when our side closed come
/// within a round trip, and there are none this long.
const LINGER_SILENCE_STOPPING: Duration = Duration::from_secs(1);
const LINGER_TIMEOUT_STOPPING: Duration = Duration::from_secs(5);

impl Connection {
    /// Closes our side and waits for the client to close its own, for a while.
    pub(super) async fn linger(&mut self) {
        if rustix::net::shutdown(&self.stream, Shutdown::Write).is_err() {
            return;
        }
        self.received = Vec::new();
        let began = Moment::now();
        let mut heard = began;
        loop {
            let read = poll_fn(|cx| {
                let worker = Rc::clone(&self.worker);
                let mut state = worker.state.borrow_mut();
                match self.stream.poll_read(cx, &mut state.input) {
                    Poll::Ready(read) => Poll::Ready(read.unwrap_or(0)),
                    Poll::Pending => {
                        self.deadline = self.linger_until(began, heard);
                        self.poll_patience().map(|()| 0)
                    }
                }
            })
            .await;
            heard = Moment::now();
            let is_late = heard >= self.linger_until(began, heard);
            if read == 0 || is_late || self.worker.phase() == Phase::Ending {
                return;
            }
        }
    }

    /// Until when to wait for a client to close, having closed our side when it `began`, and
    /// `heard` something last.
    fn linger_until(&self, began: Moment, heard: Moment) -> Moment {
        let (timeout, silence) = match self.worker.phase() {
            Phase::Serving => (LINGER_TIMEOUT, LINGER_SILENCE),
            Phase::Finishing | Phase::Stopping | Phase::Ending => {
                (LINGER_TIMEOUT_STOPPING, LINGER_SILENCE_STOPPING)
            }
        };
        began.after(timeout).min(heard.after(silence))
    }
}
