//! The half of a session that sends.

use std::io::IoSlice;

use tokio::task::coop::consume_budget;

use super::socket::WriteHalf;
use super::write_queue::{SLICES_MAX, WriteQueue};
use super::{SendError, SessionError};
use crate::name::{GroupName, Name, PrivateGroup};
use crate::wire::{Frame, GROUPS_MAX, Outgoing, Request};

/// 143,000: a 5.0.1 daemon aborts at body and groups of 143,152 bytes and more, though it means
/// to take 143,952 and its library sends 144,000.
pub const FRAME_BYTES_MAX: usize = 143_000;

/// Queues frames, and writes them when flushed.
///
/// There is no answer to anything that is sent: Spread's only success is that the bytes were
/// written, [`Sender::frames_written`]. To know that the daemon has everything, send something to
/// the session's own private group and wait until it comes back.
#[derive(Debug)]
pub struct Sender {
    socket: WriteHalf,
    queue: WriteQueue,
    queue_bytes_max: usize,
    private_group: PrivateGroup,
}

impl Sender {
    pub(super) fn new(
        socket: WriteHalf,
        queue_bytes_max: usize,
        private_group: PrivateGroup,
    ) -> Self {
        Self {
            socket,
            queue: WriteQueue::default(),
            queue_bytes_max,
            private_group,
        }
    }

    /// Queues a request to become a member. The join is effective when its membership message
    /// comes, on a membership session; on others there is no sign of it.
    ///
    /// # Errors
    /// When the write queue is full.
    pub fn join(&mut self, group: GroupName) -> Result<(), SendError> {
        self.push(Request::Join(group).encode(self.private_group))
    }

    /// Queues a request to be a member no longer.
    ///
    /// # Errors
    /// When the write queue is full.
    pub fn leave(&mut self, group: GroupName) -> Result<(), SendError> {
        self.push(Request::Leave(group).encode(self.private_group))
    }

    /// Queues a message. The sender need not be a member of any group it sends to.
    ///
    /// # Errors
    /// When it cannot be sent by anybody, or the write queue is full.
    pub fn multicast(&mut self, outgoing: &Outgoing<'_>) -> Result<(), SendError> {
        let count = outgoing.groups.len();
        if count == 0 || count > GROUPS_MAX {
            return Err(SendError::GroupCount(count));
        }
        let len = count * Name::FIELD_LEN + outgoing.body.len();
        if len > FRAME_BYTES_MAX {
            let max = FRAME_BYTES_MAX;
            return Err(SendError::TooLong { len, max });
        }
        self.push(outgoing.encode(self.private_group))
    }

    /// Writes until nothing is queued. Cancel-safe: what was written stays written.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn flush(&mut self) -> Result<(), SessionError> {
        while self.queue.bytes() > 0 {
            consume_budget().await;
            let written = {
                let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                let filled = self.queue.fill(&mut slices);
                self.socket
                    .try_write(slices.get(..filled).unwrap_or_default())?
            };
            match written {
                Some(count) => self.queue.advance(count),
                None => self.socket.writable().await?,
            }
        }
        Ok(())
    }

    /// Ends the session in good order: writes what is queued, says goodbye, and closes this
    /// direction. Read the [`super::Receiver`] to its end before dropping it: unread input resets a
    /// connection, and a reset can overtake what was just written. A daemon that reads nothing keeps
    /// this waiting; dropped, it closes the connection with the rest unwritten.
    ///
    /// # Errors
    /// When the session was over before.
    pub async fn disconnect(mut self) -> Result<(), SessionError> {
        self.queue
            .push(Request::Disconnect.encode(self.private_group));
        self.flush().await?;
        Ok(self.socket.shutdown()?)
    }

    /// The session's address.
    #[must_use]
    pub const fn private_group(&self) -> PrivateGroup {
        self.private_group
    }

    /// Bytes queued and not written yet.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Frames of which the socket has taken the last byte, since the session was opened. A frame
    /// half written is not among them, and no receiver will ever see it.
    #[must_use]
    pub const fn frames_written(&self) -> u64 {
        self.queue.frames_written()
    }

    fn push(&mut self, frame: Frame) -> Result<(), SendError> {
        let queued = self.queue.bytes();
        // One frame always has room, however low the limit.
        if queued > 0 && queued + frame.len() > self.queue_bytes_max {
            let max = self.queue_bytes_max;
            return Err(SendError::QueueFull { queued, max });
        }
        self.queue.push(frame);
        Ok(())
    }
}
