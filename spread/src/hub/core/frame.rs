//! A delivery as bytes, made once and shared by all who are to have it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::wire::{self, Delivery, Message};

use super::ledger::{Held, Ledger};

/// 16 KiB: a smaller body is copied behind its header, once, however many receive it. That
/// makes one slice to write instead of two, and lets go of the buffer it was received in,
/// which is four times as large; a body that keeps such a buffer is at least a quarter of it.
const SHARED_BODY_MIN: usize = 16 << 10;

/// What a frame takes beyond its bytes: allocations of its own and a place in each queue. It
/// makes a million empty messages weigh what they do.
const OVERHEAD: usize = 128;

/// The bytes of one delivery.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Header and group names, and the body if that is small.
    head: Bytes,
    /// The body, if it is large: that which was received, not a copy.
    body: Bytes,
    held: Held,
}

impl Frame {
    /// A regular message, as it is delivered to everybody it reaches.
    pub(super) fn message(message: &Message, ledger: &Ledger) -> Arc<Self> {
        Self::new(message.encode(message.sender), ledger)
    }

    /// Any other delivery.
    pub(super) fn encode(delivery: &Delivery, ledger: &Ledger) -> Arc<Self> {
        Self::new(delivery.encode(), ledger)
    }

    fn new(frame: wire::Frame, ledger: &Ledger) -> Arc<Self> {
        let held = ledger.hold(OVERHEAD + frame.len());
        let wire::Frame { mut head, mut body } = frame;
        if body.len() < SHARED_BODY_MIN {
            let mut both = BytesMut::with_capacity(head.len() + body.len());
            both.extend_from_slice(&head);
            both.extend_from_slice(&body);
            (head, body) = (both.freeze(), Bytes::new());
        }
        Arc::new(Self { head, body, held })
    }

    /// The memory it takes, as it is counted against the limits.
    pub(super) fn weight(&self) -> usize {
        self.held.bytes()
    }

    /// Its bytes on the wire.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// The bytes to write, in order.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        [&self.head, &self.body]
    }
}
