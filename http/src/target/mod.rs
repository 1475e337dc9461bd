//! Path and query of a request target, RFC 9112 3.2.1, the path decoded and clean.
//!
//! Percent escapes are decoded once, then dot segments are removed and empty segments merged,
//! in that order, so that `%2e%2e` is a `..` like any other. What is left is relative to the
//! document root and names nothing outside it. Whether it names anything is the server's to find
//! out.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::ascii::{self, Word};
use crate::{Reject, escape};

/// A path below the document root, and a query.
///
/// The path cannot hold NUL, `.` and `..` segments or empty ones, and does not begin with a
/// slash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target<'a> {
    /// With the slash at its end, if the target had it.
    path: Cow<'a, [u8]>,
    query: Option<&'a [u8]>,
    is_directory: bool,
}

impl<'a> Target<'a> {
    /// Reads [`Request::target`](crate::Request::target). Allocates only for a path that has
    /// escapes or is not clean.
    ///
    /// # Errors
    /// For a broken escape, a NUL, `..` above the root, an escaped slash (which would be part of
    /// a file's name, where no file can have one), or anything that does not begin with a slash.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Reject> {
        // The first of these says what there is to do; mostly there is none.
        let special = ascii::position(raw, |word| {
            word.equal(b'?') | word.equal(b'%') | word.equal(0)
        });
        let (path, query, is_literal) = match special.and_then(|at| raw.split_at_checked(at)) {
            None => (raw, None, true),
            Some((path, [b'?', query @ ..])) => (path, Some(query), true),
            Some(_) => {
                let mut parts = raw.splitn(2, |&byte| byte == b'?');
                (parts.next().unwrap_or_default(), parts.next(), false)
            }
        };
        let is_plain = is_literal && is_plain(path);
        let path = match path {
            // RFC 9110 4.2.3: an empty path is that of the root.
            [] => path,
            [b'/', rest @ ..] => rest,
            _ => return Err(Reject::TargetForm),
        };

        let name = path.strip_suffix(b"/").unwrap_or(path);
        if path.is_empty() || is_plain || (is_literal && is_clean(name)) {
            return Ok(Self {
                path: Cow::Borrowed(path),
                query,
                is_directory: name.len() < path.len() || path.is_empty(),
            });
        }
        let (path, is_directory) = clean(path)?;
        Ok(Self {
            path: Cow::Owned(path),
            query,
            is_directory,
        })
    }

    /// The path relative to the root, without slashes at its ends; empty for the root itself.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.path.strip_suffix(b"/").unwrap_or(&self.path)
    }

    /// What a [`Pattern`](crate::Pattern) is matched with: the path, with a slash at its end if
    /// the target had it, but for the root, which is empty.
    #[must_use]
    pub fn rule_path(&self) -> &[u8] {
        &self.path
    }

    /// The query, raw, without its `?`.
    #[must_use]
    pub const fn query(&self) -> Option<&'a [u8]> {
        self.query
    }

    /// Whether the path ended in a slash (or was one, or ended in a dot segment), so that it
    /// can name a directory only.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// The value of Location that leads to the same path with a slash after it, query kept.
    ///
    /// It is written from the clean path and begins with one slash and a name, so that no target
    /// makes it lead to another host (`//evil.example/..%2f`, `/\evil.example`) or end its line.
    #[must_use]
    pub fn location_with_slash(&self) -> Vec<u8> {
        let mut location = vec![b'/'];
        if !self.path.is_empty() {
            escape::path(&mut location, self.path());
            location.push(b'/');
        }
        if let Some(query) = self.query {
            location.push(b'?');
            escape::query(&mut location, query);
        }
        location
    }
}

/// Whether `path`, which has neither escapes nor a NUL, is certainly clean: behind no slash is another
/// or a dot.
fn is_plain(path: &[u8]) -> bool {
    let is_slash = |word: Word| word.equal(b'/');
    !ascii::may_follow(path, is_slash, |word| word.equal(b'/') | word.equal(b'.'))
}

/// Whether `path`, which has neither escapes nor a NUL, has no empty and no dot segment.
fn is_clean(path: &[u8]) -> bool {
    let mut segments = path.split(|&byte| byte == b'/');
    segments.all(|segment| !matches!(segment, b"" | b"." | b".."))
}

/// The clean path, and whether its last segment leaves a directory.
fn clean(path: &[u8]) -> Result<(Vec<u8>, bool), Reject> {
    let mut clean = Vec::with_capacity(path.len());
    let mut is_directory = false;
    for segment in path.split(|&byte| byte == b'/') {
        let start = clean.len();
        decode(segment, &mut clean)?;
        is_directory = true;
        match clean.get(start..).unwrap_or_default() {
            b"" => {}
            b"." => clean.truncate(start),
            b".." => {
                clean.truncate(start);
                remove_last(&mut clean)?;
            }
            _ => {
                is_directory = false;
                clean.push(b'/');
            }
        }
    }
    // Every segment has brought its slash.
    if !is_directory {
        clean.pop();
    }
    Ok((clean, is_directory))
}

/// Takes the last segment, with its slash, off a path that ends in one.
fn remove_last(path: &mut Vec<u8>) -> Result<(), Reject> {
    // RFC 3986 5.2.4 would stay at the root. No browser sends such a path, and who does is
    // looking for a way out.
    let name = path.strip_suffix(b"/").ok_or(Reject::TargetLeavesRoot)?;
    let end = name.iter().rposition(|&byte| byte == b'/');
    path.truncate(end.map_or(0, |end| end + 1));
    Ok(())
}

fn decode(segment: &[u8], out: &mut Vec<u8>) -> Result<(), Reject> {
    let mut rest = segment;
    while let [first, after @ ..] = rest {
        let byte;
        (byte, rest) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (escaped(*high, *low)?, after),
            (b'%', _) => return Err(Reject::TargetEscape),
            _ => (*first, after),
        };
        match byte {
            0 => return Err(Reject::TargetNul),
            b'/' => return Err(Reject::TargetSlash),
            _ => out.push(byte),
        }
    }
    Ok(())
}

fn escaped(high: u8, low: u8) -> Result<u8, Reject> {
    match (ascii::hex_digit(high), ascii::hex_digit(low)) {
        (Some(high), Some(low)) => Ok(high << 4 | low),
        _ => Err(Reject::TargetEscape),
    }
}
