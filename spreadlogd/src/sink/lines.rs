//! A message on its way into files, and where it comes from.

use bytes::Bytes;
use spread::Name;

use crate::ledger::{Entry, Source};

/// The body of a message: lines, the last of them perhaps without its end.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) body: Bytes,
    /// How many, a last one without its newline included.
    pub(crate) count: u64,
    /// The last one has no newline: it gets one, or the next message would be glued to it.
    pub(crate) is_unended: bool,
    /// Whose it is, by its private name.
    pub(crate) sender: Name,
    pub(crate) origin: Origin,
}

/// Where a message comes from, and to how many files it goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    pub(crate) source: Source,
    /// 0 without one.
    pub(crate) number: u64,
    pub(crate) files: u16,
    /// Lines and bytes of the message as it came, where this is not all of it.
    pub(crate) whole: Option<(u32, u32)>,
}

impl Lines {
    pub(crate) fn new(body: Bytes, sender: Name, origin: Origin) -> Self {
        let ends = memchr::memchr_iter(b'\n', &body).count();
        let is_unended = body.last().is_some_and(|&last| last != b'\n');
        Self {
            count: (ends + usize::from(is_unended)) as u64,
            is_unended,
            body,
            sender,
            origin,
        }
    }

    /// What a sender without numbers has sent to one file.
    #[cfg(test)]
    pub(crate) fn of_stranger(body: Bytes) -> Self {
        let group = spread::GroupName::new("g").unwrap();
        let source = Source {
            block: 0,
            instance: None,
            group,
        };
        let origin = Origin {
            source,
            number: 0,
            files: 1,
            whole: None,
        };
        Self::new(body, Name::EMPTY, origin)
    }

    /// As the journal has it. A message is 128 KiB at most.
    pub(crate) fn entry(&self) -> Entry {
        let (lines, len) = self.amount();
        let (message_lines, message_len) = self.origin.whole.unwrap_or((lines, len));
        Entry {
            source: self.origin.source,
            number: self.origin.number,
            lines,
            len,
            files: self.origin.files,
            message_lines,
            message_len,
        }
    }

    /// Lines and bytes in the file.
    pub(crate) fn amount(&self) -> (u32, u32) {
        (
            u32::try_from(self.count).unwrap_or(u32::MAX),
            u32::try_from(self.len()).unwrap_or(u32::MAX),
        )
    }

    /// Bytes in the file.
    pub(super) fn len(&self) -> usize {
        self.body.len() + usize::from(self.is_unended)
    }

    /// Bytes of memory while it waits.
    pub(crate) fn cost(&self) -> usize {
        self.body.len() + COST
    }

    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.body, if self.is_unended { b"\n" } else { b"" }]
    }
}

/// What a waiting message takes beside its body: its queue entry, and what of a receive buffer
/// it keeps from being freed.
pub(super) const COST: usize = 256;
