//! The head of a request: one pass over the bytes, no allocation, borrowed slices out.
//!
//! ```text
//! GET /style.css?v=2 HTTP/1.1\r\n    line.rs
//! Host: www.example:8080\r\n         section.rs, fields.rs, host.rs
//! \r\n                               <- head_len
//! ```
//!
//! Field lines that have come before are known by their bytes, and not read again (`known.rs`).
//!
//! What frames the content or names the host is checked here, so that a `Request` that exists
//! can be relied on: everything ambiguous in RFC 9112 is refused, and the connection closes,
//! rather than guessed at (two servers that guess differently are how requests are smuggled).
//! Fields that only choose a response are picked up raw and read when they matter.
//!
//! The answer depends on the bytes alone, never on how they were cut up on their way.

mod fields;
mod host;
mod known;
mod line;
mod section;

#[cfg(test)]
mod tests;

pub use fields::{FieldLines, Fields};
pub use known::KnownFields;

use crate::Reject;
use line::RequestLine;
use section::Section;

/// What a request may cost before it is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of the request line with its CRLF; 414 above.
    pub request_line_max: usize,
    /// Bytes of the whole head; 431 above.
    pub head_max: usize,
    /// Bytes of content, which is read only to be thrown away; 413 above.
    pub content_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // RFC 9112 section 3 recommends at least 8,000; 8 KiB is what Apache and nginx take.
            request_line_max: 8 * 1024,
            // Room for large cookies beside the longest request line.
            head_max: 32 * 1024,
            // A static server has no use for content: a client may send this much and keep its
            // connection, more is cheaper to refuse than to read.
            content_max: 1024 * 1024,
        }
    }
}

/// Bytes of the longest head, whatever is allowed: places in it are numbers of 32 bits.
const HEAD_LEN_MAX: usize = u32::MAX as usize;

/// A whole, valid request head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Request<'a> {
    /// The method, never CONNECT or an unknown one.
    pub method: Method,
    /// Path and query, raw, for [`Target::parse`](crate::Target::parse); `*` for OPTIONS alone.
    /// Of an absolute target this is the part after the authority (so it can be empty).
    pub target: &'a [u8],
    /// The version, as far as it makes a difference.
    pub version: Version,
    /// The request line as it came, without CRLF: for the log.
    pub request_line: &'a [u8],
    /// Host, or the authority of an absolute target, which is worth more (RFC 9112 3.2.2).
    /// `None` if missing (HTTP/1.0) or empty.
    pub host: Option<&'a [u8]>,
    /// What content follows the head.
    pub framing: Framing,
    /// Whether the client leaves the connection open for another request (RFC 9112 9.3).
    pub persistent: bool,
    /// What the client wants to be told before it goes on.
    pub expectation: Expectation,
    /// The fields that choose a response or go into the log, raw.
    pub fields: Fields<'a>,
    /// Bytes of the head, empty lines before it included: the content begins here.
    pub head_len: usize,
}

/// The methods of RFC 9110 section 9 and PATCH (RFC 5789).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// PATCH.
    Patch,
    /// TRACE.
    Trace,
}

/// The versions that are spoken. A higher minor version counts as 1.1 (RFC 9110 2.5).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// How the content of a request is framed (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes, at least one.
    Length(u64),
    /// Chunks, until the last of them.
    Chunked,
}

/// What Expect asks for (RFC 9110 10.1.1).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Expectation {
    /// Nothing.
    #[default]
    None,
    /// `100 Continue`, or a final status, before the content is sent.
    Continue,
    /// Something else, which cannot be met.
    Unknown,
}

/// A refused request: the connection closes after the response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rejection<'a> {
    /// Why.
    pub reject: Reject,
    /// The request line for the log, as far as it came; `None` when there was not a byte.
    pub request_line: Option<&'a [u8]>,
    /// Whether the method was HEAD: then the response must have no content either.
    pub head_only: bool,
}

impl<'a> Request<'a> {
    /// Reads the head at the beginning of `buf`; `Ok(None)` while it is not whole.
    ///
    /// # Errors
    /// When it is no valid head or passes a limit. That is known as soon as the limit is passed,
    /// and of most mistakes before the head is whole.
    pub fn parse(buf: &'a [u8], limits: &Limits) -> Result<Option<Self>, Rejection<'a>> {
        Self::read(buf, limits, None)
    }

    /// The same, with less work if its field lines have come before.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_knowing(
        buf: &'a [u8],
        limits: &Limits,
        known: &mut KnownFields,
    ) -> Result<Option<Self>, Rejection<'a>> {
        Self::read(buf, limits, Some(known))
    }

    #[inline]
    fn read(
        buf: &'a [u8],
        limits: &Limits,
        mut known: Option<&mut KnownFields>,
    ) -> Result<Option<Self>, Rejection<'a>> {
        // Beyond the limit nothing is looked at, so that more bytes do not change the answer.
        let max = limits.head_max.min(HEAD_LEN_MAX);
        let window = buf.get(..max).unwrap_or(buf);
        let is_full = window.len() == max;
        let head_too_long = is_full.then_some(Reject::HeadTooLong { max });

        // RFC 9112 2.2: empty lines before a request line are skipped. All of them, since the
        // limit of the head counts them too.
        let mut rest = window;
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        }
        if rest == b"\r" && !is_full {
            return Ok(None);
        }
        let start = window.len() - rest.len();

        let max = limits.request_line_max;
        let received = rest.get(..max).unwrap_or(rest);
        let too_long = if received.len() == max {
            Some(Reject::RequestLineTooLong { max })
        } else {
            head_too_long
        };
        let line = match (RequestLine::parse(received), too_long) {
            (Ok(Some(line)), _) => line,
            (Ok(None), None) => return Ok(None),
            (Err(reject), _) | (Ok(None), Some(reject)) => {
                return Err(Rejection::early(received, reject));
            }
        };

        let fields = rest.get(line.len..).unwrap_or_default();
        let mut new;
        let section = match known.as_ref().and_then(|known| known.find(fields)) {
            Some(section) => section,
            None => {
                new = Section::default();
                match (new.read(fields), head_too_long) {
                    (Ok(true), _) => {}
                    (Ok(false), None) => return Ok(None),
                    (Err(reject), _) | (Ok(false), Some(reject)) => {
                        return Err(line.rejection(reject));
                    }
                }
                if let Some(known) = &mut known {
                    known.keep(fields, &new);
                }
                &new
            }
        };
        let lines = fields.get(..section.len).unwrap_or_default();
        match Self::new(&line, lines, section, start, limits) {
            Ok(request) => Ok(Some(request)),
            Err(reject) => Err(line.rejection(reject)),
        }
    }

    fn new(
        line: &RequestLine<'a>,
        lines: &'a [u8],
        section: &Section,
        start: usize,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let host = line.host(section.host.value(lines))?;
        let framing = section.framing(lines, line.version, limits.content_max)?;
        let persistent = match line.version {
            Version::Http11 => !section.close,
            Version::Http10 => section.keep_alive && !section.close,
        };
        Ok(Self {
            method: line.method,
            target: line.target,
            version: line.version,
            request_line: line.bytes,
            host,
            framing,
            persistent,
            // RFC 9110 10.1.1: HTTP/1.0 has no expectations, and without content there is
            // nothing to wait for.
            expectation: match (line.version, section.expectation, framing) {
                (Version::Http10, ..) | (_, Expectation::Continue, Framing::None) => {
                    Expectation::None
                }
                (_, expectation, _) => expectation,
            },
            fields: Fields::new(lines, section.places),
            head_len: start + line.len + lines.len(),
        })
    }
}

impl Request<'_> {
    /// Refuses what no target here could be asked for: a method that is not among
    /// [`Method::ALLOW`], and an expectation that cannot be met. The connection can stay open:
    /// the content of such a request is framed like any other.
    ///
    /// # Errors
    /// [`Reject::MethodNotAllowed`] or [`Reject::Expectation`].
    pub const fn check(&self) -> Result<(), Reject> {
        match (self.method, self.expectation) {
            (Method::Get | Method::Head | Method::Options, Expectation::Unknown) => {
                Err(Reject::Expectation)
            }
            (Method::Get | Method::Head | Method::Options, _) => Ok(()),
            // TRACE too: it would send credentials back to whoever can make a browser ask.
            _ => Err(Reject::MethodNotAllowed),
        }
    }

    /// Whether the client may never send the content that it has announced: a final status in
    /// place of 100 tells it not to, and it may do so nevertheless (RFC 9110 10.1.1). What
    /// comes next on the connection, nobody can tell.
    #[must_use]
    pub fn may_keep_content(&self) -> bool {
        self.expectation != Expectation::None && self.framing != Framing::None
    }
}

impl Method {
    /// The value of the Allow field for everything this server has.
    pub const ALLOW: &'static str = "GET, HEAD, OPTIONS";
}

impl<'a> Rejection<'a> {
    /// A refusal inside the request line: the log gets what there is of it.
    fn early(received: &'a [u8], reject: Reject) -> Self {
        let mut ends = received.iter();
        let end = ends.position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = end.map_or(received, |end| received.get(..end).unwrap_or_default());
        Self {
            reject,
            request_line: (!line.is_empty()).then_some(line),
            head_only: line.starts_with(b"HEAD "),
        }
    }
}
