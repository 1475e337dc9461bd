//! `json` and `logfmt`: a record as keys and values, each of its own type.
//!
//! ```text
//! {"time":"2026-11-22T18:09:00.045678Z","client":"192.0.2.7","method":"GET","path":"/a","status":200,"bytes":1043,"duration_us":118}
//! time=2026-11-22T18:09:00.045678Z client=192.0.2.7 method=GET path=/a status=200 bytes=1043 duration_us=118
//! ```
//!
//! What is absent is left out. The request line is there in its parts, or whole as `request` where
//! it has no parts, so that it can be put together again exactly. How bytes become text is in
//! `string`.

mod read;
mod string;

pub(super) use read::{read, time_of};

use std::net::IpAddr;

use chrono::{DateTime, Datelike, Timelike};

use super::client::{self, CLIENT_LEN_MAX};
use super::escape::{Place, is_plain_text};
use super::shares::fair_part;
use super::steps::digits;
use super::{CUT_MARK, Extent, LINE_LEN_MIN};
use crate::record::Record;
use string::{ESCAPE_LEN_MAX, is_bare};

/// How keys and values are set apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    /// A JSON object (RFC 8259).
    Json,
    /// `key=value` between spaces.
    Logfmt,
}

/// Writes the lines of one worker as objects.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    style: Style,
    second: u64,
    /// `2026-11-22T18:09:00`, of that second.
    second_text: [u8; SECOND_LEN],
}

impl Writer {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            second: 0,
            second_text: second_text(0),
        }
    }

    /// Appends the line of `record`, of at most `line_len_max` bytes.
    pub(super) fn write(
        &mut self,
        record: &Record<'_>,
        line_len_max: usize,
        line: &mut Vec<u8>,
    ) -> Extent {
        if record.time != self.second {
            self.second = record.time;
            self.second_text = second_text(record.time);
        }
        // Twice the code, so that each key is a constant in it.
        match self.style {
            Style::Json => self.write_as::<true>(record, line_len_max, line),
            Style::Logfmt => self.write_as::<false>(record, line_len_max, line),
        }
    }

    fn write_as<const JSON: bool>(
        &self,
        record: &Record<'_>,
        line_len_max: usize,
        line: &mut Vec<u8>,
    ) -> Extent {
        let texts = Texts::of(record);
        let room = line_len_max - FIXED_LEN_MAX;
        let part = if texts.raw_len() * ESCAPE_LEN_MAX <= room {
            None
        } else {
            let mut lens = texts.0.map(Option::unwrap_or_default).map(string::len);
            fair_part(&mut lens, room)
        };
        let mut object = Object::<JSON> {
            part: part.unwrap_or(usize::MAX),
            line,
        };

        object.time(
            &self.second_text,
            record.details.map(|details| details.micros),
        );
        if let Some(client) = record.client {
            object.client(client);
        }
        let [
            user,
            host,
            method,
            path,
            query,
            protocol,
            referer,
            user_agent,
        ] = texts.0;
        object.text(&USER, user);
        object.text(&HOST, host);
        if let Some(port) = record.details.and_then(|details| details.port) {
            object.number(&PORT, port.into());
        }
        if texts.is_split() {
            object.text(&METHOD, method);
            object.text(&PATH, path);
            object.text(&QUERY, query);
            object.text(&PROTOCOL, protocol);
        } else {
            object.text(&REQUEST, method);
        }
        object.number(&STATUS, record.status.into());
        object.number(&BYTES, record.bytes);
        if let Some(details) = record.details {
            let micros = details.duration.as_micros();
            object.number(&DURATION, u64::try_from(micros).unwrap_or(u64::MAX));
        }
        object.text(&REFERER, referer);
        object.text(&USER_AGENT, user_agent);
        object.put(if JSON { b"}\n" } else { b"\n" });
        part.map_or(Extent::Whole, |_| Extent::Cut)
    }
}

/// The texts of clients in a record: user, host, the four parts of the request line, or instead of
/// them, in place of the method, the line; referer and user agent.
struct Texts<'a>([Option<&'a [u8]>; 8]);

impl<'a> Texts<'a> {
    fn of(record: &Record<'a>) -> Self {
        let host = record.details.and_then(|details| details.host);
        let (method, [path, query, protocol]) = match Parts::of(record.request_line) {
            Some(parts) => (
                Some(parts.method),
                [Some(parts.path), parts.query, Some(parts.protocol)],
            ),
            None => {
                let line = Some(record.request_line).filter(|line| !line.is_empty());
                (line, [None; 3])
            }
        };
        Self([
            record.user,
            host,
            method,
            path,
            query,
            protocol,
            record.referer,
            record.user_agent,
        ])
    }

    fn is_split(&self) -> bool {
        let [_, _, _, path, ..] = self.0;
        path.is_some()
    }

    fn raw_len(&self) -> usize {
        let lens = self.0.map(|text| text.map_or(0, <[u8]>::len));
        lens.iter().sum()
    }
}

/// A request line that its parts can be put together to again.
struct Parts<'a> {
    method: &'a [u8],
    path: &'a [u8],
    /// Without its `?`.
    query: Option<&'a [u8]>,
    protocol: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Exactly three words.
    fn of(line: &'a [u8]) -> Option<Self> {
        let (method, rest) = split_at(line, memchr::memchr(b' ', line)?)?;
        let (target, protocol) = split_at(rest, memchr::memchr(b' ', rest)?)?;
        let is_whole = !method.is_empty() && !target.is_empty() && !protocol.is_empty();
        if !is_whole || protocol.contains(&b' ') {
            return None;
        }
        let (path, query) = match memchr::memchr(b'?', target) {
            Some(at) => split_at(target, at).map(|(path, query)| (path, Some(query)))?,
            None => (target, None),
        };
        Some(Self {
            method,
            path,
            query,
            protocol,
        })
    }
}

/// What is before and behind the byte at `at`.
fn split_at(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(at)?;
    Some((before, rest.get(1..)?))
}

/// A line being written.
struct Object<'l, const JSON: bool> {
    /// The most that a text may take.
    part: usize,
    line: &'l mut Vec<u8>,
}

impl<const JSON: bool> Object<'_, JSON> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.line.extend_from_slice(bytes);
    }

    fn time(&mut self, second: &[u8; SECOND_LEN], micros: Option<u32>) {
        self.put(if JSON { JSON_BEGIN } else { LOGFMT_BEGIN });
        self.put(second);
        if let Some(micros) = micros {
            self.line.push(b'.');
            digits::<6>(micros, b'0', self.line);
        }
        self.put(if JSON { b"Z\"" } else { b"Z" });
    }

    #[inline(always)]
    fn number(&mut self, key: &Key, number: u64) {
        self.put(if JSON { key.json } else { key.logfmt });
        self.put(itoa::Buffer::new().format(number).as_bytes());
    }

    #[inline(always)]
    fn client(&mut self, client: IpAddr) {
        self.put(if JSON {
            CLIENT.json_text
        } else {
            CLIENT.logfmt
        });
        client::write(Some(client), self.line);
        self.put(if JSON { b"\"" } else { b"" });
    }

    #[inline(always)]
    fn text(&mut self, key: &Key, text: Option<&[u8]>) {
        let Some(text) = text else {
            return;
        };
        // What needs no escapes is as long as it is.
        let is_plain = text.len() <= self.part
            && if JSON {
                is_plain_text(text, Place::Quoted)
            } else {
                is_bare(text)
            };
        if is_plain {
            self.put(if JSON { key.json_text } else { key.logfmt });
            self.put(text);
            self.put(if JSON { b"\"" } else { b"" });
        } else {
            self.put(if JSON { key.json_text } else { key.logfmt_text });
            self.escaped(text);
        }
    }

    /// A text behind its quote, and the one that ends it.
    #[inline(never)]
    fn escaped(&mut self, text: &[u8]) {
        if self.part < usize::MAX && string::len(text) > self.part {
            let room = self.part.saturating_sub(CUT_MARK.len());
            string::write_within(text, room, self.line);
            self.put(CUT_MARK);
        } else {
            string::write(text, self.line);
        }
        self.put(b"\"");
    }
}

/// A key with all that stands around it, of a number and of a text in quotes.
struct Key {
    json: &'static [u8],
    json_text: &'static [u8],
    logfmt: &'static [u8],
    logfmt_text: &'static [u8],
}

macro_rules! key {
    ($name:literal) => {
        Key {
            json: concat!(",\"", $name, "\":").as_bytes(),
            json_text: concat!(",\"", $name, "\":\"").as_bytes(),
            logfmt: concat!(" ", $name, "=").as_bytes(),
            logfmt_text: concat!(" ", $name, "=\"").as_bytes(),
        }
    };
}

const JSON_BEGIN: &[u8] = b"{\"time\":\"";
const LOGFMT_BEGIN: &[u8] = b"time=";
const CLIENT: Key = key!("client");
const USER: Key = key!("user");
const HOST: Key = key!("host");
const PORT: Key = key!("port");
const METHOD: Key = key!("method");
const REQUEST: Key = key!("request");
const PATH: Key = key!("path");
const QUERY: Key = key!("query");
const PROTOCOL: Key = key!("protocol");
const STATUS: Key = key!("status");
const BYTES: Key = key!("bytes");
const DURATION: Key = key!("duration_us");
const REFERER: Key = key!("referer");
const USER_AGENT: Key = key!("user_agent");

/// 320: all keys, of which each has four bytes around it, and its quotes; the time 27, the
/// longest address, numbers of 5, 5, 20 and 20 digits.
const FIXED_LEN_MAX: usize = 320;

const _: () = {
    let keys = "time client user host port request path query protocol status bytes duration_us \
                referer user_agent method";
    let marks = 15 * 4 + 11 * 2 + 4;
    let values = 27 + CLIENT_LEN_MAX + 5 + 5 + 20 + 20;
    assert!(keys.len() + marks + values <= FIXED_LEN_MAX);
    // Each text of a client has some room in the shortest line.
    assert!(LINE_LEN_MIN - FIXED_LEN_MAX >= 8 * 16);
};

/// Bytes of a time in seconds without its zone.
const SECOND_LEN: usize = 19;

fn second_text(time: u64) -> [u8; SECOND_LEN] {
    let time = i64::try_from(time).map_or(TIME_MAX, |time| time.min(TIME_MAX));
    let utc = DateTime::from_timestamp(time, 0).unwrap_or_default();
    let mut text = *b"0000-00-00T00:00:00";
    let parts = [
        (0..4, utc.year().unsigned_abs()),
        (5..7, utc.month()),
        (8..10, utc.day()),
        (11..13, utc.hour()),
        (14..16, utc.minute()),
        (17..19, utc.second()),
    ];
    for (place, mut number) in parts {
        for to in text.get_mut(place).unwrap_or_default().iter_mut().rev() {
            *to = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    text
}

/// The end of the year 9999.
const TIME_MAX: i64 = 253_402_300_799;

#[cfg(test)]
mod tests;
