//! The head of a request: one pass over the bytes, no allocation, borrowed slices out.
//!
//! ```text
//! GET /style.css?v=2 HTTP/1.1\r\n    line.rs
//! Host: www.example:8080\r\n         fields.rs, host.rs
//! \r\n                               <- head_len
//! ```
//!
//! What frames the content or names the host is checked here, so that a `Request` that exists
//! can be relied on: everything ambiguous in RFC 9112 is refused, and the connection closes,
//! rather than guessed at (two servers that guess differently are how requests are smuggled).
//! Fields that only choose a response are picked up raw and read when they matter.
//!
//! The answer depends on the bytes alone, never on how they were cut up on their way.

mod fields;
mod host;
mod line;

#[cfg(test)]
mod tests;

pub use fields::{FIELDS_MAX, FieldLines, Fields};

use crate::Reject;
use fields::Section;
use line::RequestLine;

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
    /// Whether the client waits for `100 Continue` before it sends its content.
    pub expects_continue: bool,
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
    /// As soon as what has arrived cannot become a request that is answered.
    pub fn parse(buf: &'a [u8], limits: &Limits) -> Result<Option<Self>, Rejection<'a>> {
        // RFC 9112 2.2: empty lines before a request line are skipped. All of them, since the
        // limit of the head counts them too.
        let mut start = 0;
        while buf
            .get(start..)
            .is_some_and(|rest| rest.starts_with(b"\r\n"))
        {
            start += 2;
        }
        // Beyond the limit nothing is looked at, so that more bytes do not change the answer.
        let window = buf.get(..limits.head_max).unwrap_or(buf);
        let rest = window.get(start..).unwrap_or_default();
        if rest == b"\r" && window.len() < limits.head_max {
            return Ok(None);
        }
        let full = window.len() == limits.head_max;

        let line_window = rest.get(..limits.request_line_max).unwrap_or(rest);
        let line = match RequestLine::parse(line_window) {
            Ok(Some(line)) => line,
            Ok(None) if line_window.len() == limits.request_line_max => {
                let max = limits.request_line_max;
                return Err(Rejection::early(
                    line_window,
                    Reject::RequestLineTooLong { max },
                ));
            }
            Ok(None) if full => {
                let max = limits.head_max;
                return Err(Rejection::early(line_window, Reject::HeadTooLong { max }));
            }
            Ok(None) => return Ok(None),
            Err(reject) => return Err(Rejection::early(line_window, reject)),
        };

        let section = rest.get(line.len..).unwrap_or_default();
        match Section::parse(section) {
            Ok(Some(section)) => Self::new(&line, &section, start, limits)
                .map(Some)
                .map_err(|reject| line.rejection(reject)),
            Ok(None) if full => {
                let max = limits.head_max;
                Err(line.rejection(Reject::HeadTooLong { max }))
            }
            Ok(None) => Ok(None),
            Err(reject) => Err(line.rejection(reject)),
        }
    }

    /// Whether this asks about the server rather than a resource (`OPTIONS *`).
    #[must_use]
    pub fn is_asterisk(&self) -> bool {
        self.target == b"*"
    }

    fn new(
        line: &RequestLine<'a>,
        section: &Section<'a>,
        start: usize,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let host = line.host(section.host)?;
        let framing = section.framing(line.version, limits.content_max)?;
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
            // RFC 9110 10.1.1: ignored in HTTP/1.0, and without content there is nothing to
            // wait for.
            expects_continue: section.expects_continue
                && line.version == Version::Http11
                && framing != Framing::None,
            fields: section.fields,
            head_len: start + line.len + section.len,
        })
    }
}

impl Method {
    /// The value of the Allow field for everything this server has.
    pub const ALLOW: &'static str = "GET, HEAD";

    /// Its name, as in a request line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Trace => "TRACE",
        }
    }

    /// Refuses what is not among [`Method::ALLOW`]. The connection can stay open: the content of
    /// such a request is framed like any other.
    ///
    /// # Errors
    /// [`Reject::MethodNotAllowed`] for all but GET and HEAD.
    pub const fn check(self) -> Result<(), Reject> {
        match self {
            Self::Get | Self::Head => Ok(()),
            _ => Err(Reject::MethodNotAllowed),
        }
    }
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
