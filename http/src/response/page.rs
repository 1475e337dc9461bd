//! Errors and redirects, each with a small page that says in words what the status says in
//! digits.

use bytes::BufMut;

use super::{Connection, Head, Lines};
use crate::{Status, date};

/// A response that consists of its status.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The status, which is all that the page says.
    pub status: Status,
    /// The fields of every response: Server, and what the operator wants.
    pub lines: &'a Lines,
    /// Further fields: Location, Allow, Content-Range.
    pub fields: &'a [(&'a str, &'a [u8])],
    /// For the Date field.
    pub date: &'a [u8; date::LEN],
    /// What becomes of the connection.
    pub connection: Connection,
    /// Whether the request was HEAD: the head alone is written, as it would be for GET.
    pub head_only: bool,
}

impl Page<'_> {
    /// Writes head and content, and says how many bytes of content, for the log.
    pub fn write(&self, out: &mut impl BufMut) -> usize {
        let [start, text, end] = [
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>",
            "</title></head>\n<body><h1>",
            "</h1></body></html>\n",
        ];
        let status = self.status.text();
        let len = start.len() + status.len() + text.len() + status.len() + end.len();

        if !self.write_head(out, "text/html; charset=utf-8", len) {
            return 0;
        }
        for part in [start, status, text, status, end] {
            out.put_slice(part.as_bytes());
        }
        len
    }

    /// The same with a content that somebody else has written.
    pub fn write_with(&self, out: &mut impl BufMut, content_type: &str, content: &[u8]) -> usize {
        if !self.write_head(out, content_type, content.len()) {
            return 0;
        }
        out.put_slice(content);
        content.len()
    }

    /// Writes the head, and says whether content follows.
    fn write_head(&self, out: &mut impl BufMut, content_type: &str, len: usize) -> bool {
        let head = Head::new(out, self.status)
            .lines(self.lines)
            .fields(self.fields);
        if !self.status.may_have_content() {
            head.end(self.date, self.connection);
            return false;
        }
        head.field("Content-Type", content_type)
            .number("Content-Length", u64::try_from(len).unwrap_or(0))
            .end(self.date, self.connection);
        !self.head_only
    }
}
