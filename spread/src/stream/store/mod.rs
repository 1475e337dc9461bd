//! A publisher's messages to one group, from sealing until everybody who keeps them has them.
//!
//! ```text
//!        +---- written ----+-- in flight --+----- not yet -----+
//! gone   |  5   6   7   8  |  9  10 (half) |  11   12   13  14 |  <- push
//!        +-----------------+---------------+-------------------+
//!   ^ released, or pushed out when full
//! ```
//!
//! A message has its number from the moment it is pushed, for good. Those in flight lie in the
//! connection's write queue. What the socket has wholly taken stays until it is released, so that
//! it can be sent again to who asks; when the connection ends, what was in flight is handed over
//! again to the next, the half-written one too, each under its old number.
//!
//! When the bound is reached the oldest is pushed out, whatever it is, so that what is kept is
//! always one unbroken run of numbers, and one number tells where it begins. One that no daemon
//! has taken is lost, and counted; of one in flight that is known when the connection has taken
//! it, or has ended.
//!
//! What the bodies are is the user's: bytes in memory, or where they lie in a file.

use std::collections::VecDeque;
use std::ops::{Add, AddAssign, SubAssign};

use bytes::Bytes;

use super::Number;

/// Messages until they are released, bounded in bytes.
#[derive(Debug)]
pub struct Store<B = Bytes> {
    bytes_max: usize,
    bytes: usize,
    /// Lines of the messages that are kept.
    lines: u64,
    next: Number,
    kept: VecDeque<Sealed<B>>,
    /// How many of them a daemon has taken.
    written: usize,
    /// How many of them this connection or an earlier one has been given, those written included.
    handed_over: usize,
    /// In flight when they were pushed out: whether they are lost is not known yet.
    pushed_out: VecDeque<Tally>,
    in_flight: Tally,
    released: Tally,
    books: Books,
}

impl<B> Store<B> {
    /// Bytes of a frame beside its body: its header and the two names it is addressed to.
    pub const FRAME_OVERHEAD: usize = 48 + 2 * 32;

    /// An empty store for frames of `bytes_max` bytes together.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            lines: 0,
            next: Number::FIRST,
            kept: VecDeque::new(),
            written: 0,
            handed_over: 0,
            pushed_out: VecDeque::new(),
            in_flight: Tally::EMPTY,
            released: Tally::EMPTY,
            books: Books::EMPTY,
        }
    }

    /// A store that goes on where another, of before a crash, has ended: it had made of everything
    /// what `books` say, and the oldest that it kept was `first`. What it kept comes in with
    /// [`Store::restore`].
    #[must_use]
    pub const fn resumed(bytes_max: usize, first: Number, books: Books) -> Self {
        let mut store = Self::new(bytes_max);
        store.next = first;
        store.books = books;
        store
    }

    /// Takes back a message, in the order of numbers; what was written is in the books already.
    pub fn restore(&mut self, body: B, len: usize, lines: u64, is_written: bool) -> Number {
        let number = self.push(body, len, lines);
        if is_written && let Some(sealed) = self.kept.back() {
            self.books.waiting -= sealed.tally();
            self.written += 1;
            self.handed_over += 1;
        }
        number
    }

    /// A message of `len` bytes and `lines` lines cannot be kept at all: it is lost, and has no
    /// number.
    pub fn lose(&mut self, len: usize, lines: u64) {
        self.books.lost += Tally {
            messages: 1,
            lines,
            bytes: len as u64,
        };
    }

    /// Drops the messages up to `number`, as one of them can no longer be had.
    pub fn give_up(&mut self, number: Number) {
        while let Some(oldest) = self.kept.front()
            && oldest.number <= number
        {
            let tally = oldest.tally();
            self.push_out(tally);
        }
    }

    /// The body of a message that is kept, to be put elsewhere.
    pub fn body_mut(&mut self, number: Number) -> Option<&mut B> {
        let index = number.get().checked_sub(self.retained().get())?;
        let sealed = self.kept.get_mut(usize::try_from(index).ok()?)?;
        Some(&mut sealed.body)
    }

    /// Lines of a message that is kept.
    #[must_use]
    pub fn lines(&self, number: Number) -> Option<u64> {
        let index = number.get().checked_sub(self.retained().get())?;
        Some(self.kept.get(usize::try_from(index).ok()?)?.lines)
    }

    /// The number of the first message that no daemon has taken.
    #[must_use]
    pub fn unwritten(&self) -> Number {
        let unwritten = self.kept.get(self.written);
        unwritten.map_or(self.next, |sealed| sealed.number)
    }

    /// The number of the next message to be pushed.
    #[must_use]
    pub const fn next(&self) -> Number {
        self.next
    }

    /// Takes a message whose body has `len` bytes and `lines` lines, and numbers it; the oldest
    /// make room for it.
    pub fn push(&mut self, body: B, len: usize, lines: u64) -> Number {
        let number = self.next;
        self.next = number.next();
        let sealed = Sealed {
            number,
            body,
            len,
            lines,
        };
        self.bytes += sealed.frame_len();
        self.lines += sealed.lines;
        self.books.waiting += sealed.tally();
        self.kept.push_back(sealed);
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.kept.front().map(Sealed::tally)
        {
            self.push_out(oldest);
        }
        number
    }

    /// The next message to hand over to the connection, if there is one.
    #[must_use]
    pub fn peek(&self) -> Option<(Number, &B)> {
        let sealed = self.kept.get(self.handed_over)?;
        Some((sealed.number, &sealed.body))
    }

    /// The connection's write queue has taken what [`Store::peek`] shows.
    pub fn handed_over(&mut self) {
        if let Some(sealed) = self.kept.get(self.handed_over) {
            self.in_flight += sealed.tally();
            self.handed_over += 1;
        }
    }

    /// The daemon's socket has wholly taken the `count` oldest of those in flight.
    pub fn written(&mut self, count: usize) {
        for _ in 0..count {
            let written = match self.pushed_out.pop_front() {
                Some(pushed_out) => pushed_out,
                None if self.written < self.handed_over => {
                    let sealed = self.kept.get(self.written);
                    self.written += 1;
                    sealed.map_or(Tally::EMPTY, Sealed::tally)
                }
                None => return,
            };
            self.in_flight -= written;
            self.books.waiting -= written;
            self.books.written += written;
        }
    }

    /// The connection has ended: what it had not taken is to be handed over again.
    pub fn disconnected(&mut self) {
        self.handed_over = self.written;
        self.in_flight = Tally::EMPTY;
        for lost in self.pushed_out.drain(..) {
            self.books.waiting -= lost;
            self.books.lost += lost;
        }
    }

    /// Everybody has the messages up to `number`, as far as a daemon has taken them.
    pub fn release(&mut self, number: u64) {
        while self.written > 0
            && let Some(oldest) = self.kept.front()
            && oldest.number.get() <= number
        {
            self.bytes -= oldest.frame_len();
            self.lines -= oldest.lines;
            self.released += oldest.tally();
            self.kept.pop_front();
            self.written -= 1;
            self.handed_over -= 1;
        }
    }

    /// A message that has been handed over and is still kept, to be sent again.
    #[must_use]
    pub fn find(&self, number: Number) -> Option<&B> {
        let index = number.get().checked_sub(self.retained().get())?;
        let index = usize::try_from(index).ok()?;
        let sealed = self.kept.get(index)?;
        (index < self.handed_over).then_some(&sealed.body)
    }

    /// The oldest number that is kept; the next one to be given if there is none.
    #[must_use]
    pub fn retained(&self) -> Number {
        self.kept.front().map_or(self.next, |sealed| sealed.number)
    }

    /// The number of the next message to be handed over.
    #[must_use]
    pub fn next_on_wire(&self) -> Number {
        self.peek().map_or(self.next, |(number, _)| number)
    }

    /// What is in the messages below [`Store::next_on_wire`], without those lost.
    #[must_use]
    pub fn on_wire(&self) -> Tally {
        self.books.written + self.in_flight
    }

    /// What was released so far.
    #[must_use]
    pub const fn released(&self) -> Tally {
        self.released
    }

    /// What is kept of the messages above `number`.
    #[must_use]
    pub fn above(&self, number: u64) -> Tally {
        let above = self.kept.iter().rev();
        let above = above.take_while(|kept| kept.number.get() > number);
        above.fold(Tally::EMPTY, |sum, kept| sum + kept.tally())
    }

    /// Bytes of the frames that are kept.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lines of the messages that are kept.
    #[must_use]
    pub const fn kept_lines(&self) -> u64 {
        self.lines
    }

    /// Whether a daemon has taken everything.
    #[must_use]
    pub const fn is_written(&self) -> bool {
        self.books.waiting.messages == 0
    }

    /// What became of everything pushed so far.
    #[must_use]
    pub const fn books(&self) -> Books {
        self.books
    }

    /// Makes room by the oldest, which has `tally`.
    fn push_out(&mut self, tally: Tally) {
        let Some(oldest) = self.kept.pop_front() else {
            return;
        };
        self.bytes -= oldest.frame_len();
        self.lines -= oldest.lines;
        if self.written > 0 {
            self.written -= 1;
            self.handed_over -= 1;
        } else if self.handed_over > 0 {
            self.handed_over -= 1;
            self.pushed_out.push_back(tally);
        } else {
            self.books.waiting -= tally;
            self.books.lost += tally;
        }
    }
}

impl Store<Bytes> {
    /// Takes a message that is kept in memory.
    pub fn push_bytes(&mut self, body: Bytes, lines: u64) -> Number {
        let len = body.len();
        self.push(body, len, lines)
    }
}

/// Where everything pushed into a store is: each message and line in exactly one of the three.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// Wholly taken by a daemon's socket.
    pub written: Tally,
    /// Not yet, and not lost.
    pub waiting: Tally,
    /// Pushed out when the store was full, before a daemon had taken them.
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
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            lines: self.lines + other.lines,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.lines -= other.lines;
        self.bytes -= other.bytes;
    }
}

#[derive(Debug)]
struct Sealed<B> {
    number: Number,
    body: B,
    len: usize,
    lines: u64,
}

impl<B> Sealed<B> {
    const fn frame_len(&self) -> usize {
        self.len + Store::<B>::FRAME_OVERHEAD
    }

    const fn tally(&self) -> Tally {
        Tally {
            messages: 1,
            lines: self.lines,
            bytes: self.len as u64,
        }
    }
}

#[cfg(test)]
mod tests;
