//! Reading lines back: the inverse of the formatter, and of Apache's and nginx's own lines.

use std::mem;
use std::net::IpAddr;
use std::str::FromStr;

use super::object::{self, Style};
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

pub(super) fn parse(format: &Format, line: &[u8]) -> Result<OwnedRecord, ParseError> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let mut rest = Rest {
        len: text.len(),
        text,
    };
    let mut record = OwnedRecord::default();
    match format {
        Format::Common => rest.common(&mut record)?,
        Format::Combined => {
            rest.common(&mut record)?;
            rest.referer_and_agent(&mut record)?;
        }
        Format::VhostCombined => {
            (record.host, record.port) = rest.read("virtual host and port", Rest::token, host)?;
            rest.space()?;
            rest.common(&mut record)?;
            // What stands there are the bytes of the whole response.
            record.sent = Some(mem::take(&mut record.bytes));
            rest.referer_and_agent(&mut record)?;
        }
        Format::Json => return object::read(Style::Json, text),
        Format::Logfmt => return object::read(Style::Logfmt, text),
        Format::Custom(_) => {
            return Err(ParseError {
                expected: "way to read lines of a format of one's own",
                at: 0,
            });
        }
    }
    rest.read("line end", Rest::end, Some)?;
    Ok(record)
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
        extent: impl FnOnce(&Self) -> Option<usize>,
        meaning: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<T, ParseError> {
        let at = self.len - self.text.len();
        let split = extent(self).and_then(|len| self.text.split_at_checked(len));
        let read = split.and_then(|(text, rest)| Some((meaning(text)?, rest)));
        let (value, rest) = read.ok_or(ParseError { expected, at })?;
        self.text = rest;
        Ok(value)
    }

    /// Takes `%h %l %u %t "%r" %>s %b`.
    fn common(&mut self, record: &mut OwnedRecord) -> Result<(), ParseError> {
        record.client = self.read("client address", Self::token, client)?;
        self.space()?;
        self.read("identity", Self::token, Some)?;
        self.space()?;
        record.user = self.read("user", Self::token, word)?;
        self.space()?;
        record.time = self.read("time in brackets", Self::bracketed, stamp::parse)?;
        self.space()?;
        let request_line = self.read("quoted request line", Self::quoted, field)?;
        record.request_line = request_line.unwrap_or_default();
        self.space()?;
        record.status = self.read("status", Self::token, number)?;
        self.space()?;
        record.bytes = self.read("number of bytes", Self::token, |text| match text {
            b"-" => Some(0),
            text => number(text),
        })?;
        Ok(())
    }

    /// Takes ` "%{Referer}i" "%{User-Agent}i"`.
    fn referer_and_agent(&mut self, record: &mut OwnedRecord) -> Result<(), ParseError> {
        self.space()?;
        record.referer = self.read("quoted referer", Self::quoted, field)?;
        self.space()?;
        record.user_agent = self.read("quoted user agent", Self::quoted, field)?;
        Ok(())
    }

    fn space(&mut self) -> Result<(), ParseError> {
        let space = |rest: &Self| rest.text.starts_with(b" ").then_some(1);
        self.read("space", space, |_| Some(()))
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

/// Everything up to the last colon, and what follows it: an IPv6 address has colons too.
fn host(text: &[u8]) -> Option<(Option<Vec<u8>>, Option<u16>)> {
    let colon = text.iter().rposition(|&b| b == b':')?;
    let (host, port) = text.split_at_checked(colon)?;
    let host = word(host)?;
    let port = match port.get(1..)? {
        b"-" => None,
        port => Some(number(port)?),
    };
    Some((host, port))
}

fn word(text: &[u8]) -> Option<Option<Vec<u8>>> {
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
