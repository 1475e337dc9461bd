//! The half of a session that receives.

use bytes::BytesMut;

use super::SessionError;
use super::socket::ReadHalf;
use crate::wire::{Delivery, Layout, Limits};

/// 64 KiB: two of a publisher's messages in one system call.
const READ_BYTES: usize = 64 << 10;

/// Gives what the daemon delivers, in its order.
///
/// Read it always: a daemon throws out a session that lets 1,000 messages wait.
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
            self.buffer.reserve(READ_BYTES);
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
