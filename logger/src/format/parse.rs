//! Reading lines back: the inverse of the formatter, and of Apache's and nginx's own lines.

use std::net::IpAddr;
use std::str::FromStr;

use super::{Format, escape, stamp};
use crate::record::OwnedRecord;

/// Bytes that are not a line of the format asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no {expected} at byte {at} of the line")]
pub struct ParseError {
    /// What should have stood there.
    pub expected: &'static str,
    /// Where it should have begun, from 0.
    pub at: usize,
}

pub(super) fn parse(format: Format, line: &[u8]) -> Result<OwnedRecord, ParseError> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let mut rest = Rest {
        len: text.len(),
        text,
    };

    let client = rest.read("client address", Rest::token, client)?;
    rest.read("space", Rest::space, Some)?;
    rest.read("identity", Rest::token, Some)?;
    rest.read("space", Rest::space, Some)?;
    let user = rest.read("user", Rest::token, user)?;
    rest.read("space", Rest::space, Some)?;
    let time = rest.read("time in brackets", Rest::bracketed, stamp::parse)?;
    rest.read("space", Rest::space, Some)?;
    let request_line = rest.read("quoted request line", Rest::quoted, field)?;
    rest.read("space", Rest::space, Some)?;
    let status = rest.read("status", Rest::token, number)?;
    rest.read("space", Rest::space, Some)?;
    let bytes = rest.read("number of bytes", Rest::token, |text| match text {
        b"-" => Some(0),
        text => number(text),
    })?;
    let (mut referer, mut user_agent) = (None, None);
    if format == Format::Combined {
        rest.read("space", Rest::space, Some)?;
        referer = rest.read("quoted referer", Rest::quoted, field)?;
        rest.read("space", Rest::space, Some)?;
        user_agent = rest.read("quoted user agent", Rest::quoted, field)?;
    }
    rest.read("line end", Rest::end, Some)?;
    Ok(OwnedRecord {
        client,
        user,
        time,
        request_line: request_line.unwrap_or_default(),
        status,
        bytes,
        referer,
        user_agent,
    })
}

/// What of the line is not read yet.
struct Rest<'a> {
    text: &'a [u8],
    len: usize,
}

impl<'a> Rest<'a> {
    /// Takes what `extent` says is next, and gives what `meaning` makes of it.
    fn read<T>(
        &mut self,
        expected: &'static str,
        extent: fn(&Self) -> Option<usize>,
        meaning: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<T, ParseError> {
        let at = self.len - self.text.len();
        let split = extent(self).and_then(|len| self.text.split_at_checked(len));
        let read = split.and_then(|(text, rest)| Some((meaning(text)?, rest)));
        let (value, rest) = read.ok_or(ParseError { expected, at })?;
        self.text = rest;
        Ok(value)
    }

    fn space(&self) -> Option<usize> {
        self.text.starts_with(b" ").then_some(1)
    }

    fn end(&self) -> Option<usize> {
        self.text.is_empty().then_some(0)
    }

    fn token(&self) -> Option<usize> {
        let len = self.text.iter().position(|&b| b == b' ');
        Some(len.unwrap_or(self.text.len())).filter(|len| *len > 0)
    }

    fn bracketed(&self) -> Option<usize> {
        Some(self.text.iter().position(|&b| b == b']')? + 1)
    }

    /// From a quote to the next that no backslash precedes.
    fn quoted(&self) -> Option<usize> {
        let mut escaped = false;
        let inside = self.text.strip_prefix(b"\"")?;
        let len = inside.iter().position(|&b| {
            let end = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            end
        });
        Some(len? + 2)
    }
}

fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    // `FromStr` of integers takes a sign, which no log has.
    let text = text.first().filter(|b| **b != b'+').and(Some(text))?;
    str::from_utf8(text).ok()?.parse().ok()
}

fn client(text: &[u8]) -> Option<Option<IpAddr>> {
    match text {
        b"-" => Some(None),
        text => number(text).map(Some),
    }
}

fn user(text: &[u8]) -> Option<Option<Vec<u8>>> {
    match text {
        b"-" => Some(None),
        b"\"\"" => Some(Some(Vec::new())),
        text => escape::unescape(text).map(Some),
    }
}

fn field(quoted: &[u8]) -> Option<Option<Vec<u8>>> {
    match quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")? {
        b"-" => Some(None),
        text => escape::unescape(text).map(Some),
    }
}
