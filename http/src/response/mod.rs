//! The head of a response, RFC 9112 section 4, written into the caller's buffer.
//!
//! | for | use |
//! |---|---|
//! | a file from the cache | [`Prepared`]: all but date and connection written beforehand |
//! | an error or a redirect, with its small page | [`Page`] |
//! | several parts of a file | [`Head::multipart`] and [`Multipart`] |
//! | anything else | [`Head`] |

mod field;
mod multipart;
mod page;

#[cfg(test)]
mod tests;

pub use field::{Field, FieldError, Lines};
pub use multipart::Multipart;
pub use page::Page;

use bytes::BufMut;

use crate::{Coding, ETag, Representation, Request, Selection, Status, Version, ascii, date};

/// What a response says about its connection (RFC 9112 9.3 and 9.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Connection {
    /// It stays open, as HTTP/1.1 has it: there is nothing to say.
    Persistent,
    /// It stays open, as an HTTP/1.0 client asked for: `Connection: keep-alive`.
    KeepAlive,
    /// It is closed after this response: `Connection: close`.
    Close,
}

impl Connection {
    /// The answer to `request` if the server goes along with what the client wants.
    #[must_use]
    pub const fn of(request: &Request<'_>) -> Self {
        match (request.persistent, request.version) {
            (false, _) => Self::Close,
            (true, Version::Http11) => Self::Persistent,
            (true, Version::Http10) => Self::KeepAlive,
        }
    }

    /// Writes the end of a head: the rest of the line before it, its own line, and the empty line.
    #[inline]
    fn end(self, out: &mut impl BufMut) {
        match self {
            Self::Persistent => out.put_slice(b"\r\n\r\n"),
            Self::KeepAlive => out.put_slice(b"\r\nConnection: keep-alive\r\n\r\n"),
            Self::Close => out.put_slice(b"\r\nConnection: close\r\n\r\n"),
        }
    }
}

/// A head being written. Date and Connection come at its end, so that all before them can be
/// prepared.
#[derive(Debug)]
#[must_use = "a head is whole only after `end`"]
pub struct Head<'b, B> {
    out: &'b mut B,
}

impl<'b, B: BufMut> Head<'b, B> {
    /// Writes the status line.
    pub fn new(out: &'b mut B, status: Status) -> Self {
        out.put_slice(status.line().as_bytes());
        Self { out }
    }

    /// Writes the status line of a status that somebody else has chosen, who may have words of
    /// his own for it. A byte that no reason phrase may hold is written as a space.
    pub fn with_code(out: &'b mut B, code: u16, reason: &[u8]) -> Self {
        out.put_slice(b"HTTP/1.1 ");
        out.put_slice(itoa::Buffer::new().format(code).as_bytes());
        out.put_u8(b' ');
        for &byte in reason {
            let may_stand = ascii::is_field_value(byte);
            out.put_u8(if may_stand { byte } else { b' ' });
        }
        out.put_slice(b"\r\n");
        Self { out }
    }

    /// Adds a field line. A byte that no value may hold is written as a space.
    pub fn field(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        field::put(self.out, name, value.as_ref());
        self
    }

    /// Adds lines that were made beforehand.
    pub fn lines(self, lines: &Lines) -> Self {
        self.out.put_slice(lines.as_bytes());
        self
    }

    /// Adds the field of `tag`, no byte of which has to be looked at.
    fn etag(self, tag: &ETag) -> Self {
        self.out.put_slice(b"ETag: ");
        self.out.put_slice(tag.as_bytes());
        self.out.put_slice(b"\r\n");
        self
    }

    /// Adds a field line for each name and value.
    pub fn fields(self, fields: &[(&str, &[u8])]) -> Self {
        let mut head = self;
        for (name, value) in fields {
            head = head.field(name, value);
        }
        head
    }

    /// Adds a field whose value is a number.
    pub fn number(self, name: &str, value: u64) -> Self {
        let mut digits = itoa::Buffer::new();
        self.field(name, digits.format(value))
    }

    /// Adds the fields of `representation` that belong into the answer to `selection`.
    ///
    /// RFC 9110 15.3.7 would leave Content-Type and Last-Modified out of a 206 where the request
    /// had If-Range. They stay: all servers send them, and clients have come to count on them.
    pub fn representation(
        self,
        representation: &Representation<'_>,
        selection: &Selection,
    ) -> Self {
        let len = match selection {
            Selection::Whole => representation.len,
            Selection::Part(part) => part.len(),
            // RFC 9110 15.4.5: a 304 repeats the validator, and by what it was chosen, and nothing
            // that the client has.
            Selection::NotModified => {
                return self
                    .etag(&representation.etag)
                    .fields(representation.vary());
            }
            // The content has a type of its own, see `multipart`.
            Selection::Parts(_) => return self.rest_of(representation),
            // The answer is a page of its own, see `Page`.
            Selection::PreconditionFailed | Selection::Unsatisfiable => return self,
        };
        let head = self
            .field("Content-Type", representation.content_type)
            .number("Content-Length", len);
        let head = match selection.content_range(representation.len) {
            Some(range) => head.field("Content-Range", range),
            None => head,
        };
        head.rest_of(representation)
    }

    /// Adds the fields of `representation` that belong to `content`, several parts of it.
    pub fn multipart(self, representation: &Representation<'_>, content: &Multipart) -> Self {
        self.field("Content-Type", content.content_type())
            .number("Content-Length", content.len())
            .rest_of(representation)
    }

    /// Adds what a whole representation and its parts have in common.
    fn rest_of(self, representation: &Representation<'_>) -> Self {
        let head = match representation.coding {
            Coding::Identity => self,
            coding => self.field("Content-Encoding", coding.name()),
        };
        head.fields(representation.vary())
            .field("Last-Modified", date::format(representation.modified))
            .etag(&representation.etag)
            .field("Accept-Ranges", "bytes")
    }

    /// Writes Date and Connection, and the empty line.
    pub fn end(self, date: &[u8; date::LEN], connection: Connection) {
        self.out.put_slice(b"Date: ");
        self.out.put_slice(date);
        connection.end(self.out);
    }
}

/// A head without its Date and Connection, to be sent many times.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prepared {
    until_date: Box<[u8]>,
}

impl Prepared {
    /// Prepares the answer to `selection` with `lines` before the fields of the representation.
    #[must_use]
    pub fn new(representation: &Representation<'_>, selection: &Selection, lines: &Lines) -> Self {
        let mut head = Vec::with_capacity(256);
        let _ = Head::new(&mut head, selection.status())
            .lines(lines)
            .representation(representation, selection);
        head.extend_from_slice(b"Date: ");
        Self {
            until_date: head.into_boxed_slice(),
        }
    }

    /// Writes the whole head.
    pub fn write(&self, out: &mut impl BufMut, date: &[u8; date::LEN], connection: Connection) {
        out.put_slice(&self.until_date);
        out.put_slice(date);
        connection.end(out);
    }

    /// The prepared part, as a cache has to count it: the status line up to the date.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.until_date
    }
}
