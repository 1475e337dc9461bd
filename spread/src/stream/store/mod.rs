//! A publisher's messages to one group, from sealing until a daemon has taken them.
//!
//! ```text
//!          +-- handed over ---+------- not yet -------+
//! written  |  5   6 (half of) |  8   9   10   11   12 |  <- push
//!          +------------------+-----------------------+
//!                               ^ pushed out when full: 7 went that way
//! ```
//!
//! A message has its number from the moment it is pushed, for good. Those handed over lie in the
//! connection's write queue. What the socket has wholly taken leaves the store; when the
//! connection ends, the rest is handed over again to the next, the half-written one too, each
//! under its old number. When the bound is reached the oldest not handed over is pushed out: its
//! lines are counted lost and its number is one that cannot be sent.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Number;

/// Messages waiting for a daemon, bounded in bytes.
#[derive(Debug)]
pub struct Store {
    bytes_max: usize,
    bytes: usize,
    next: Number,
    waiting: VecDeque<Sealed>,
    handed_over: usize,
    books: Books,
}

impl Store {
    /// Bytes of a frame beside its body: its header and the two names it is addressed to.
    pub const FRAME_OVERHEAD: usize = 48 + 2 * 32;

    /// An empty store for frames of `bytes_max` bytes together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            next: Number::FIRST,
            waiting: VecDeque::new(),
            handed_over: 0,
            books: Books::EMPTY,
        }
    }

    /// Takes a message of `lines` lines and numbers it; the oldest make room for it.
    pub fn push(&mut self, body: Bytes, lines: u64) -> Number {
        let number = self.next;
        self.next = number.next();
        let sealed = Sealed {
            number,
            body,
            lines,
        };
        self.bytes += sealed.frame_len();
        self.books.waiting.add(&sealed);
        self.waiting.push_back(sealed);
        while self.bytes > self.bytes_max
            // What is handed over may be half on the wire: to push it out would be to send it
            // and to count it lost.
            && let Some(lost) = self.waiting.remove(self.handed_over)
        {
            self.bytes -= lost.frame_len();
            self.books.waiting.remove(&lost);
            self.books.lost.add(&lost);
        }
        number
    }

    /// The next message to hand over to the connection, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<(Number, &Bytes)> {
        let sealed = self.waiting.get(self.handed_over)?;
        Some((sealed.number, &sealed.body))
    }

    /// The connection's write queue has taken what [`Store::peek`] shows.
    pub fn handed_over(&mut self) {
        self.handed_over = self.waiting.len().min(self.handed_over + 1);
    }

    /// The daemon's socket has wholly taken the `count` oldest of those handed over.
    pub fn written(&mut self, count: usize) {
        let count = count.min(self.handed_over);
        self.handed_over -= count;
        for written in self.waiting.drain(..count) {
            self.bytes -= written.frame_len();
            self.books.waiting.remove(&written);
            self.books.written.add(&written);
        }
    }

    /// The connection has ended: all that waits is to be handed over again.
    pub const fn disconnected(&mut self) {
        self.handed_over = 0;
    }

    /// Whether a daemon has taken everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What became of everything pushed so far.
    #[must_use]
    pub const fn books(&self) -> Books {
        self.books
    }
}

/// Where everything pushed into a store is: each message and line in exactly one of the three.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// Wholly taken by a daemon's socket.
    pub written: Tally,
    /// In the store.
    pub waiting: Tally,
    /// Pushed out when the store was full, never sent.
    pub lost: Tally,
}

impl Books {
    const EMPTY: Self = Self {
        written: Tally::EMPTY,
        waiting: Tally::EMPTY,
        lost: Tally::EMPTY,
    };
}

/// An amount of messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// How many messages.
    pub messages: u64,
    /// How many lines they hold.
    pub lines: u64,
    /// How many bytes their bodies have.
    pub bytes: u64,
}

impl Tally {
    const EMPTY: Self = Self {
        messages: 0,
        lines: 0,
        bytes: 0,
    };

    const fn add(&mut self, sealed: &Sealed) {
        self.messages += 1;
        self.lines += sealed.lines;
        self.bytes += sealed.body_len();
    }

    const fn remove(&mut self, sealed: &Sealed) {
        self.messages -= 1;
        self.lines -= sealed.lines;
        self.bytes -= sealed.body_len();
    }
}

#[derive(Debug)]
struct Sealed {
    number: Number,
    body: Bytes,
    lines: u64,
}

impl Sealed {
    const fn frame_len(&self) -> usize {
        self.body.len() + Store::FRAME_OVERHEAD
    }

    const fn body_len(&self) -> u64 {
        self.body.len() as u64
    }
}

#[cfg(test)]
mod tests;
