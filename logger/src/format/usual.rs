//! The usual line of Common and Combined: an IPv4 client, no user, and fields of which nothing has
//! to be escaped or cut.
//!
//! Fields are copied and looked through at once, eight bytes at a time, into a place that has room
//! for all of it: much of what a line costs otherwise is asking for room and calling a copy for
//! each of its pieces. Whoever gets `None` has the line written by [`super::classic`], which writes
//! the same.

use std::net::IpAddr;

use super::classic::{FIXED_LEN_MAX, status_text};
use super::client;
use super::escape::{Place, is_plain};
use super::stamp::TEXT_LEN;
use crate::record::Record;

/// A place for one line.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    text: Box<[u8; LEN_MAX]>,
}

impl Usual {
    pub(super) fn new() -> Self {
        Self {
            text: Box::new([0; LEN_MAX]),
        }
    }

    /// The line of `record` with its newline, if it is a usual one of at most `line_len_max` bytes;
    /// `between` stands between the client and the request.
    #[inline]
    pub(super) fn write(
        &mut self,
        record: &Record<'_>,
        is_combined: bool,
        between: &[u8; TEXT_LEN],
        line_len_max: usize,
    ) -> Option<&[u8]> {
        let Some(IpAddr::V4(client)) = record.client else {
            return None;
        };
        let (request_line, status) = (record.request_line, status_text(record.status)?);
        let others = [record.referer, record.user_agent];
        let [referer, user_agent] = others.map(|field| field.unwrap_or(NONE));
        let len = request_line.len() + referer.len() + user_agent.len();
        let is_usual = record.user.is_none()
            && !request_line.is_empty()
            && request_line != NONE
            // One that is there and reads `-` is written in another way.
            && others.iter().all(|field| *field != Some(NONE))
            && len + FIXED_LEN_MAX <= LEN_MAX.min(line_len_max);
        if !is_usual {
            return None;
        }

        let mut text = Text {
            bytes: &mut self.text,
            len: 0,
            is_plain: true,
        };
        let octets = client.octets().map(client::octet);
        octets
            .iter()
            .for_each(|(digits, len)| text.put_part(*digits, *len));
        // Without the dot of the last.
        text.len -= 1;
        text.put(*between);
        text.put_field(request_line);
        text.put(status);
        match record.bytes {
            0 => text.put(*NONE),
            bytes => text.put_field(itoa::Buffer::new().format(bytes).as_bytes()),
        }
        if is_combined {
            text.put(*b" \"");
            text.put_field(referer);
            text.put(*b"\" \"");
            text.put_field(user_agent);
            text.put(*b"\"\n");
        } else {
            text.put(*b"\n");
        }
        let Text { len, is_plain, .. } = text;
        self.text.get(..len).filter(|_| is_plain)
    }
}

/// A line being put together; there is room for all of it.
struct Text<'a> {
    bytes: &'a mut [u8; LEN_MAX],
    len: usize,
    is_plain: bool,
}

impl Text<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.put_part(bytes, N);
    }

    /// The first `len` of `bytes`; what is put next is written over the others.
    #[inline]
    fn put_part<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        if let Some(to) = self.bytes.get_mut(self.len..self.len + N) {
            to.copy_from_slice(&bytes);
        }
        self.len += len;
    }

    /// A field, and whether all of it is plain.
    #[inline]
    fn put_field(&mut self, field: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.len..self.len + field.len()) {
            self.is_plain &= copy(field, to);
        }
        self.len += field.len();
    }
}

/// Copies `from` to `to`, which is as long, and says whether all of it is plain between quotes.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) -> bool {
    let (Some(last), Some(to_last)) = (from.last_chunk(), to.last_chunk_mut()) else {
        to.copy_from_slice(from);
        return from.iter().all(|byte| Place::Quoted.is_plain(*byte));
    };
    // The last word overlaps the one before.
    *to_last = *last;
    let mut others = Place::Quoted.others(*last);
    for (word, to) in from.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
        *to = *word;
        others |= Place::Quoted.others(*word);
    }
    is_plain(others)
}

/// What is written of a field that is not there.
const NONE: &[u8; 1] = b"-";

/// 1 KiB: what browsers send takes half of that.
const LEN_MAX: usize = 1024;
