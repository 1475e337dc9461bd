//! The half of a session that receives.

use bytes::BytesMut;

use super::SessionError;
use super::socket::ReadHalf;
use crate::wire::{Delivery, Layout, Limits};

/// 64 KiB: two of a publisher's messages in one system call.
const READ_BYTES: usize = 64 << 10;

/// 8 KiB: while there is as much room, a read goes on where the last one ended. A new buffer for
/// each read would be one for each small message that the caller keeps.
const ROOM_MIN: usize = 8 << 10;

/// Gives what the daemon delivers, in its order.
///
/// Read it always: a daemon throws out a session that lets 1,000 messages wait. Bodies are parts of
/// the buffer they were read into and keep it, all 64 KiB of it: copy what is to stay.
#[derive(Debug)]
pub struct Receiver {
    socket: ReadHalf,
    buffer: BytesMut,
    layout: Layout,
    limits: Limits,
}

impl Receiver {
    pub(super) const fn new(
        socket: ReadHalf,
        buffer: BytesMut,
        layout: Layout,
        limits: Limits,
    ) -> Self {
        Self {
            socket,
            buffer,
            layout,
            limits,
        }
    }

    /// The next delivery. Cancel-safe: nothing read is lost.
    ///
    /// # Errors
    /// When the session is over, or the daemon breaks the protocol and it has to be.
    pub async fn recv(&mut self) -> Result<Delivery, SessionError> {
        loop {
            if let Some(delivery) = self.try_recv()? {
                return Ok(delivery);
            }
            if self.buffer.capacity() - self.buffer.len() < ROOM_MIN {
                self.buffer.reserve(READ_BYTES);
            }
            if self.socket.read(&mut self.buffer).await? == 0 {
                return Err(SessionError::Closed);
            }
        }
    }

    /// The next delivery of those that have been read already, without waiting for the daemon.
    ///
    /// # Errors
    /// When the daemon breaks the protocol.
    pub fn try_recv(&mut self) -> Result<Option<Delivery>, SessionError> {
        Ok(Delivery::decode(
            &mut self.buffer,
            self.layout,
            &self.limits,
        )?)
    }
}
