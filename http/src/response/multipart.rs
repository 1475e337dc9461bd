//! Several parts of a representation as one content: `multipart/byteranges`, RFC 9110 14.6.
//!
//! ```text
//! --0f1e2d3c4b5a6978\r\n
//! Content-Type: text/plain\r\n
//! Content-Range: bytes 0-9/1000\r\n
//! \r\n
//! ten bytes.\r\n--0f1e2d3c4b5a6978\r\n
//! ...
//! and others\r\n--0f1e2d3c4b5a6978--\r\n
//! ```
//!
//! The bytes of the representation are not in here: what stands between them is, and its length
//! is known before any of them has been read.

use std::ops::Range;

use bytes::BufMut;

use super::field;
use crate::{ByteRange, Representation};

/// What stands before, between and behind the parts of a `multipart/byteranges` content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Multipart {
    boundary: String,
    /// The heads of all parts, and the end.
    text: Vec<u8>,
    /// The place of a part's head in the text, and the part.
    parts: Vec<(Range<usize>, ByteRange)>,
    len: u64,
}

impl Multipart {
    /// The parts `ranges` of `representation`, in this order.
    ///
    /// `boundary` is what tells the parts from each other, so it must be a number that nobody
    /// could have foreseen: the content may have been written by a stranger.
    #[must_use]
    pub fn new(representation: &Representation<'_>, ranges: &[ByteRange], boundary: u64) -> Self {
        let boundary = format!("{boundary:016x}");
        let mut text = Vec::new();
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let start = text.len();
            if start > 0 {
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            let content_range = range.content_range(representation.len);
            // RFC 9110 15.3.7.2: both in every part, as the one part of another 206 has them.
            field::put(
                &mut text,
                "Content-Type",
                representation.content_type.as_bytes(),
            );
            field::put(&mut text, "Content-Range", content_range.as_bytes());
            text.extend_from_slice(b"\r\n");
            parts.push((start..text.len(), *range));
        }
        text.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());

        let content = ranges.iter().map(ByteRange::len);
        Self {
            boundary,
            len: content.fold(text.len() as u64, u64::saturating_add),
            text,
            parts,
        }
    }

    /// Its media type, with the boundary.
    #[must_use]
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// Bytes of the content: the parts and all that is around them.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it has an end at least")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// What is sent, in order, before the [end](Self::end): the head of a part, then the part.
    pub fn parts(&self) -> impl Iterator<Item = (&[u8], ByteRange)> {
        let parts = self.parts.iter();
        parts.map(|(head, range)| (self.text.get(head.clone()).unwrap_or_default(), *range))
    }

    /// What is sent behind the last part.
    #[must_use]
    pub fn end(&self) -> &[u8] {
        let start = self.parts.last().map_or(0, |(head, _)| head.end);
        self.text.get(start..).unwrap_or_default()
    }

    /// Writes the content, given all of the representation.
    pub fn write(&self, representation: &[u8], out: &mut impl BufMut) {
        for (head, range) in self.parts() {
            out.put_slice(head);
            let bounds = usize::try_from(range.first())
                .and_then(|first| Ok(first..=usize::try_from(range.last())?));
            let part = bounds.ok().and_then(|bounds| representation.get(bounds));
            out.put_slice(part.unwrap_or_default());
        }
        out.put_slice(self.end());
    }
}
