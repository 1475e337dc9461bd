//! What a child is given at a time: bytes on its standard input, and the lines they count for.
//!
//! A `|command` reads the lines as they are. Modules and interpreters read frames
//! (`docs/modules.md`): `u32` length of the rest, `u8` kind, payload; integers are big-endian.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Some bytes that are given whole, or again whole to the next process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    head: Bytes,
    body: Bytes,
    tail: &'static [u8],
    lines: u64,
    sort: Sort,
}

impl Record {
    /// Lines for a command; a last one without its newline gets one.
    pub(crate) fn lines(body: Bytes) -> Self {
        let is_unended = body.last().is_some_and(|&last| last != b'\n');
        Self {
            head: Bytes::new(),
            lines: count(&body),
            body,
            tail: if is_unended { b"\n" } else { b"" },
            sort: Sort::Given,
        }
    }

    /// A message for a module.
    pub(crate) fn message(sender: &str, group: &str, body: Bytes) -> Self {
        Self::frame(Kind::Message, &[sender, group], body)
    }

    /// A line for an interpreter, and the function that it is to call with it.
    pub(crate) fn call(function: &str, sender: &str, group: &str, body: Bytes) -> Self {
        Self::frame(Kind::Call, &[function, sender, group], body)
    }

    /// The first frame for every process.
    pub(super) fn hello() -> Self {
        let version = Bytes::copy_from_slice(&VERSION.to_be_bytes());
        Self {
            lines: 0,
            ..Self::frame(Kind::Hello, &[], version)
        }
    }

    /// The log writer was told to open its files again.
    pub(super) fn hup() -> Self {
        Self::frame(Kind::Hup, &[], Bytes::new())
    }

    /// Nothing more will come.
    pub(super) fn stop() -> Self {
        Self::frame(Kind::Stop, &[], Bytes::new())
    }

    fn frame(kind: Kind, fields: &[&str], body: Bytes) -> Self {
        let fields: Vec<&[u8]> = fields.iter().map(|field| clip(field)).collect();
        let len: usize = fields.iter().map(|field| 2 + field.len()).sum();
        let mut head = BytesMut::with_capacity(5 + len);
        // A message is 128 KiB at most, a field 64 KiB.
        head.put_u32(u32::try_from(1 + len + body.len()).unwrap_or(u32::MAX));
        head.put_u8(kind as u8);
        for field in fields {
            head.put_u16(u16::try_from(field.len()).unwrap_or(u16::MAX));
            head.put_slice(field);
        }
        Self {
            head: head.freeze(),
            lines: count(&body),
            body,
            tail: b"",
            sort: match kind {
                Kind::Message | Kind::Call => Sort::Given,
                Kind::Hello => Sort::Hello,
                Kind::Hup | Kind::Stop => Sort::Sign,
            },
        }
    }

    /// Lines in it; a last one without its newline is one.
    pub(crate) const fn count(&self) -> u64 {
        self.lines
    }

    /// Bytes in the pipe.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.body.len() + self.tail.len()
    }

    /// Bytes of memory while it waits; ours are few, and cost nothing.
    pub(super) fn cost(&self) -> usize {
        match self.sort {
            Sort::Given => self.len() + COST,
            Sort::Hello | Sort::Sign => 0,
        }
    }

    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [&self.head, &self.body, self.tail]
    }

    /// It is for one process, and not given to the next.
    pub(super) const fn is_hello(&self) -> bool {
        matches!(self.sort, Sort::Hello)
    }

    /// It is ours, and says the same twice in a row as once.
    pub(super) const fn is_sign(&self) -> bool {
        matches!(self.sort, Sort::Sign)
    }
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sort {
    /// From those who give us messages.
    Given,
    Hello,
    Sign,
}

/// The kinds of frames, by the number in them.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Hello = 1,
    Message = 2,
    Hup = 3,
    Stop = 4,
    Call = 5,
}

fn count(body: &[u8]) -> u64 {
    let is_unended = body.last().is_some_and(|&last| last != b'\n');
    (memchr::memchr_iter(b'\n', body).count() + usize::from(is_unended)) as u64
}

/// Spread's names are 64 bytes at most, so that this is for a function's name of the operator's.
fn clip(field: &str) -> &[u8] {
    let field = field.as_bytes();
    field.get(..usize::from(u16::MAX)).unwrap_or(field)
}

/// Of the frames; a reader refuses others.
const VERSION: u16 = 1;

/// What a waiting record takes beside its bytes: its queue entry, and what of a receive buffer it
/// keeps from being freed.
const COST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_laid_out_as_documented() {
        let cases: &[(Record, &[u8])] = &[
            (Record::hello(), b"\0\0\0\x03\x01\0\x01"),
            (
                Record::message("#u#h", "g", Bytes::from_static(b"line\n")),
                b"\0\0\0\x0f\x02\0\x04#u#h\0\x01gline\n",
            ),
            (Record::hup(), b"\0\0\0\x01\x03"),
            (Record::stop(), b"\0\0\0\x01\x04"),
            (
                Record::call("f", "s", "g", Bytes::from_static(b"x")),
                b"\0\0\0\x0b\x05\0\x01f\0\x01s\0\x01gx",
            ),
        ];

        for (record, bytes) in cases {
            assert_eq!(record.parts().concat(), *bytes);
            assert_eq!(record.len(), bytes.len());
        }
    }

    #[test]
    fn a_last_line_without_its_newline_gets_one_and_counts() {
        let record = Record::lines(Bytes::from_static(b"one\ntwo"));

        assert_eq!(record.parts().concat(), b"one\ntwo\n");
        assert_eq!(record.count(), 2);
        assert_eq!(Record::lines(Bytes::new()).count(), 0);
    }
}
