//! Small pieces of messages without numbers, gathered in one buffer until they are written.
//!
//! Nobody asks which of them is in the file, so the journal has one entry for all of them, and the
//! kernel one part of a write. A numbered message is acknowledged by itself and stays by itself.

use bytes::Bytes;
use spread::Name;

use crate::ledger::Source;
use crate::sink::{Lines, Origin};

/// Lines of one source that were gathered.
#[derive(Debug)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    lines: u64,
    tag: u32,
    source: Source,
}

/// A source, and a number for it that is quicker to compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tagged {
    pub(crate) source: Source,
    pub(crate) tag: u32,
}

impl Gathered {
    /// Room is made for `expected` bytes, if those are not more than it takes.
    pub(super) fn new(Tagged { source, tag }: Tagged, expected: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(expected.min(GATHERED_MAX)),
            lines: 0,
            tag,
            source,
        }
    }

    /// Whether `len` bytes more of `source` belong to it.
    pub(super) const fn takes(&self, source: Tagged, len: usize) -> bool {
        self.bytes.len() + len <= GATHERED_MAX && self.tag == source.tag
    }

    pub(super) fn add(&mut self, lines: u64, parts: &[&[u8]]) {
        self.lines += lines;
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
    }

    /// One for all of it, as large as the journal and the writing want it.
    pub(super) fn seal(self) -> Lines {
        Lines {
            body: Bytes::from(self.bytes),
            count: self.lines,
            is_unended: false,
            sender: Name::EMPTY,
            origin: Origin {
                source: self.source,
                number: 0,
                files: 1,
                whole: None,
            },
        }
    }
}

/// 64 KiB: as much as is worth a system call.
const GATHERED_MAX: usize = 64 << 10;

/// 4 KiB: up to here copying costs less than an entry in the journal and in all that follows.
pub(super) const SMALL_MAX: usize = 4 << 10;
