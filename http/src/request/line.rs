//! The request line, RFC 9112 section 3: exactly `method SP request-target SP HTTP-version CRLF`.

use super::{Method, Rejection, Version, host};
use crate::{Reject, ascii};

/// RFC 9112 section 3: a method longer than any that is implemented gets 501. No registered
/// method is longer than 17 (UPDATEREDIRECTREF).
const METHOD_LEN_MAX: usize = 32;

pub(super) struct RequestLine<'a> {
    pub(super) method: Method,
    /// Path and query, without scheme and authority.
    pub(super) target: &'a [u8],
    /// The authority of an absolute target.
    authority: Option<&'a [u8]>,
    pub(super) version: Version,
    /// The line without its CRLF.
    pub(super) bytes: &'a [u8],
    /// Bytes of the line with its CRLF.
    pub(super) len: usize,
}

impl<'a> RequestLine<'a> {
    /// Reads the line at the beginning of `buf`; `Ok(None)` while it is not whole.
    pub(super) fn parse(buf: &'a [u8]) -> Result<Option<Self>, Reject> {
        let Some((method, after_method)) = method(buf)? else {
            return Ok(None);
        };
        let Some((target, after_target)) = target(after_method)? else {
            return Ok(None);
        };
        let Some(version) = version(after_target)? else {
            return Ok(None);
        };

        let method = method?;
        let (authority, target) = split_target(method, target)?;
        let len = buf.len() - after_target.len() + VERSION_LEN;
        Ok(Some(Self {
            method,
            target,
            authority,
            version,
            bytes: buf.get(..len - 2).unwrap_or_default(),
            len,
        }))
    }

    /// The host of the request, given the value of its Host field, which is valid.
    pub(super) fn host(&self, field: Option<&'a [u8]>) -> Result<Option<&'a [u8]>, Reject> {
        // RFC 9112 3.2: 400 for HTTP/1.1 without Host.
        if field.is_none() && self.version == Version::Http11 {
            return Err(Reject::HostMissing);
        }
        // RFC 9112 3.3: an empty authority may be replaced by the server's own.
        let host = self.authority.or(field).filter(|host| !host.is_empty());
        // RFC 9110 4.2.1: but no `http` URI has a port without a host, and that is what this
        // would be. (RFC 9112 3.2.2: an absolute target's is the one that counts.)
        if host.is_some_and(|host| host.starts_with(b":")) {
            return Err(Reject::HostInvalid);
        }
        Ok(host)
    }

    pub(super) fn rejection(&self, reject: Reject) -> Rejection<'a> {
        Rejection {
            reject,
            request_line: Some(self.bytes),
            head_only: self.method == Method::Head,
        }
    }
}

/// A part of the line, and what follows the space after it.
type Part<'a, T> = (T, &'a [u8]);

/// The method, which is refused only if nothing else in the line is wrong.
fn method(buf: &[u8]) -> Result<Option<Part<'_, Result<Method, Reject>>>, Reject> {
    // Nearly all are this one.
    if let Some(rest) = buf.strip_prefix(b"GET ") {
        return Ok(Some((Ok(Method::Get), rest)));
    }
    let end = buf.iter().position(|&byte| !ascii::is_token(byte));
    if end.unwrap_or(buf.len()) > METHOD_LEN_MAX {
        return Err(Reject::MethodUnknown);
    }
    let Some((method, rest)) = end.and_then(|end| buf.split_at_checked(end)) else {
        return Ok(None);
    };
    match rest {
        [b' ', rest @ ..] if !method.is_empty() => Ok(Some((known_method(method), rest))),
        _ => Err(Reject::RequestLine),
    }
}

fn known_method(name: &[u8]) -> Result<Method, Reject> {
    match name {
        b"GET" => Ok(Method::Get),
        b"HEAD" => Ok(Method::Head),
        b"OPTIONS" => Ok(Method::Options),
        b"POST" => Ok(Method::Post),
        b"PUT" => Ok(Method::Put),
        b"DELETE" => Ok(Method::Delete),
        b"PATCH" => Ok(Method::Patch),
        b"TRACE" => Ok(Method::Trace),
        // RFC 9110 9.1: 501 for what is not recognised, 405 for what is, but not allowed. CONNECT
        // is among the first: its target is no resource (RFC 9110 9.3.6), so there is nothing an
        // Allow field could be about.
        _ => Err(Reject::MethodUnknown),
    }
}

/// Taken are all visible characters but `#`, and bytes above ASCII: stricter servers refuse the
/// `|` and `{}` that browsers leave in queries and the UTF-8 that curl leaves in paths, and
/// neither can be mistaken for anything else. A fragment is never sent (RFC 9110 7.1), and a
/// cache before us that cut it off would see another target.
fn target(buf: &[u8]) -> Result<Option<Part<'_, &[u8]>>, Reject> {
    let end = ascii::position(buf, |word| {
        word.below(b' ' + 1) | word.equal(b'#') | word.equal(0x7f)
    });
    let Some((target, rest)) = end.and_then(|end| buf.split_at_checked(end)) else {
        return Ok(None);
    };
    match rest {
        [b' ', rest @ ..] if !target.is_empty() => Ok(Some((target, rest))),
        _ => Err(Reject::RequestLine),
    }
}

const VERSION_LEN: usize = b"HTTP/1.1\r\n".len();

/// The version and the end of the line.
fn version(buf: &[u8]) -> Result<Option<Version>, Reject> {
    if buf.starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some(Version::Http11));
    }
    let mut digits = [0; 2];
    for (at, &byte) in buf.iter().take(VERSION_LEN).enumerate() {
        let fits = match (at, &mut digits) {
            (5, [major, _]) => store_digit(major, byte),
            (7, [_, minor]) => store_digit(minor, byte),
            (8, _) if byte != b'\r' => return Err(line_end_or_more(byte)),
            (9, _) if byte != b'\n' => return Err(Reject::LineEnd),
            _ => b"HTTP/?.?\r\n".get(at) == Some(&byte),
        };
        if !fits {
            return Err(Reject::RequestLine);
        }
    }
    if buf.len() < VERSION_LEN {
        return Ok(None);
    }
    match digits {
        [1, 0] => Ok(Some(Version::Http10)),
        [1, _] => Ok(Some(Version::Http11)),
        [major, minor] => Err(Reject::Version { major, minor }),
    }
}

fn store_digit(to: &mut u8, byte: u8) -> bool {
    *to = byte.wrapping_sub(b'0');
    byte.is_ascii_digit()
}

fn line_end_or_more(byte: u8) -> Reject {
    if byte == b'\n' {
        Reject::LineEnd
    } else {
        Reject::RequestLine
    }
}

/// The authority, if there is one, and path with query (RFC 9112 3.2).
#[inline]
fn split_target(method: Method, target: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Reject> {
    if target.starts_with(b"/") || (target == b"*" && method == Method::Options) {
        return Ok((None, target));
    }
    split_absolute(target)
}

fn split_absolute(target: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Reject> {
    let scheme_len = target.iter().position(|&byte| byte == b':');
    let (scheme, rest) = scheme_len
        .and_then(|len| target.split_at_checked(len))
        .ok_or(Reject::TargetForm)?;
    let rest = rest.strip_prefix(b"://").ok_or(Reject::TargetForm)?;
    // RFC 9110 7.4: nothing secured this connection. A gateway that has secured another one
    // asks for a path, as RFC 9112 3.2.1 has it.
    if scheme.eq_ignore_ascii_case(b"https") {
        return Err(Reject::TargetInsecure);
    }
    if !scheme.eq_ignore_ascii_case(b"http") {
        return Err(Reject::TargetForm);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let (authority, path) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .ok_or(Reject::TargetForm)?;
    // RFC 9110 4.2.1 and 4.2.4: an empty host and user information are refused; the rule for
    // Host knows no `@`.
    if authority.is_empty() || authority.starts_with(b":") || !host::is_valid(authority) {
        return Err(Reject::HostInvalid);
    }
    Ok((Some(authority), path))
}
