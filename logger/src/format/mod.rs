//! The text of a record: Common and Combined Log Format, as Apache writes them.
//!
//! ```text
//! Common    %h %l %u %t "%r" %>s %b
//! Combined  %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"
//! ```
//!
//! One record is one line, whatever bytes it holds, and [`Format::parse`] gives the record back
//! exactly. For the second promise two things are written as Apache would not: a field that is
//! there and reads `-` becomes `\x2d`, and a space in a user's name `\x20`.
//!
//! A line has a limit. The fields of one that would be longer are cut to fair shares of the room
//! and end in `...`; it is still one whole line that parses.

mod client;
mod escape;
mod parse;
mod stamp;

pub use parse::ParseError;
pub use stamp::{STAMP_LEN, UtcOffset, parse as parse_stamp, text_of as stamp};

use memchr::memchr_iter;

use client::CLIENT_LEN_MAX;
use escape::{Place, escape, escape_always, escape_within, escaped_len};
use stamp::{NO_USER, Stamp};

use crate::record::{OwnedRecord, Record};

/// 8 KiB with its newline: room for any head that servers accept by default unless most of it
/// needs escapes, and as long as the original spreadlogd reads by default.
pub const LINE_LEN_MAX: usize = 8 * 1024;

/// 512: the fixed parts and a fair share of each field.
pub const LINE_LEN_MIN: usize = 512;

/// The layout of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// The Common Log Format of CERN and NCSA.
    Common,
    /// Common, then the fields `Referer` and `User-Agent`.
    #[default]
    Combined,
}

impl Format {
    /// Reads a line back, with or without its newline. Of a line cut to its limit the fields are
    /// what is left of them.
    ///
    /// # Errors
    /// When it is not a line of this format; Common has no `Referer` and `User-Agent`.
    pub fn parse(self, line: &[u8]) -> Result<OwnedRecord, ParseError> {
        parse::parse(self, line)
    }
}

/// The time of a line of any layout, in Unix seconds: of the first `[22/Nov/2026:18:09:00 +0000]`
/// in it, as Common and Combined have it, and what is made of these. A line without one has none.
#[must_use]
pub fn time_of(line: &[u8]) -> Option<u64> {
    let mut starts = memchr_iter(b'[', line);
    starts.find_map(|at| stamp::parse(line.get(at..at + STAMP_LEN)?))
}

/// Whether a line holds its record whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All bytes of all fields.
    Whole,
    /// Fields were cut to bring the line within its limit.
    Cut,
}

/// Writes the lines of one worker.
#[derive(Clone, Debug)]
pub struct Formatter {
    format: Format,
    line_len_max: usize,
    stamp: Stamp,
}

impl Formatter {
    /// Writes lines of at most `line_len_max` bytes, which is brought within [`LINE_LEN_MIN`] and
    /// [`LINE_LEN_MAX`].
    #[must_use]
    pub fn new(format: Format, line_len_max: usize) -> Self {
        Self {
            format,
            line_len_max: line_len_max.clamp(LINE_LEN_MIN, LINE_LEN_MAX),
            stamp: Stamp::new(),
        }
    }

    /// Appends the line of `record` with its newline; allocates nothing while `line` has room.
    ///
    /// `offset` is asked for local time's offset only when the second is a new one.
    #[inline]
    pub fn write(
        &mut self,
        record: &Record<'_>,
        offset: impl FnOnce() -> UtcOffset,
        line: &mut Vec<u8>,
    ) -> Extent {
        let fields = Fields::of(self.format, record);
        let room = self.line_len_max - FIXED_LEN_MAX;
        let shares = if fields.raw_len() * ESCAPE_LEN_MAX <= room {
            Shares::UNLIMITED
        } else {
            Shares::of(&fields.text_lens(), room)
        };

        client::write(record.client, line);
        let stamp = self.stamp.text(record.time, offset);
        match fields.user {
            // Between the client and the request nothing changes within a second then.
            None => line.extend_from_slice(stamp),
            user => {
                line.extend_from_slice(b" - ");
                write_user(user, shares.user, line);
                line.extend_from_slice(stamp.get(NO_USER.len()..).unwrap_or(stamp));
            }
        }
        write_text(fields.request_line, shares.request_line, line);
        write_status(record.status, line);
        match record.bytes {
            0 => line.push(b'-'),
            bytes => line.extend_from_slice(itoa::Buffer::new().format(bytes).as_bytes()),
        }
        if self.format == Format::Combined {
            line.extend_from_slice(b" \"");
            write_text(fields.referer, shares.referer, line);
            line.extend_from_slice(b"\" \"");
            write_text(fields.user_agent, shares.user_agent, line);
            line.push(b'"');
        }
        line.push(b'\n');
        shares.extent
    }
}

/// The four fields that hold bytes from outside, as far as the format shows them.
struct Fields<'a> {
    user: Option<&'a [u8]>,
    request_line: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn of(format: Format, record: &Record<'a>) -> Self {
        let combined = format == Format::Combined;
        Self {
            user: record.user,
            request_line: Some(record.request_line).filter(|line| !line.is_empty()),
            referer: record.referer.filter(|_| combined),
            user_agent: record.user_agent.filter(|_| combined),
        }
    }

    fn all(&self) -> [&'a [u8]; 4] {
        [self.user, self.request_line, self.referer, self.user_agent].map(Option::unwrap_or_default)
    }

    fn raw_len(&self) -> usize {
        self.all().iter().map(|field| field.len()).sum()
    }

    /// What each field takes in the line.
    fn text_lens(&self) -> [usize; 4] {
        let [user, others @ ..] = self.all();
        let [request_line, referer, user_agent] =
            others.map(|field| escaped_len(field, Place::Quoted));
        [
            escaped_len(user, Place::Word),
            request_line,
            referer,
            user_agent,
        ]
    }
}

/// What each field may take in the line.
struct Shares {
    user: Share,
    request_line: Share,
    referer: Share,
    user_agent: Share,
    extent: Extent,
}

impl Shares {
    const UNLIMITED: Self = Self {
        user: Share::Whole,
        request_line: Share::Whole,
        referer: Share::Whole,
        user_agent: Share::Whole,
        extent: Extent::Whole,
    };

    /// Shares `room` out: who needs less than an equal part leaves the rest to the others.
    fn of(lens: &[usize; 4], room: usize) -> Self {
        if lens.iter().sum::<usize>() <= room {
            return Self::UNLIMITED;
        }
        let mut ascending = *lens;
        ascending.sort_unstable();
        let mut left = room;
        let mut part = 0;
        for (sharers, len) in (1..=lens.len()).rev().zip(ascending) {
            part = left / sharers;
            if len > part {
                break;
            }
            left -= len;
        }
        let share = |len| {
            if len <= part {
                Share::Whole
            } else {
                Share::Cut(part)
            }
        };
        let [user, request_line, referer, user_agent] = lens.map(share);
        Self {
            user,
            request_line,
            referer,
            user_agent,
            extent: Extent::Cut,
        }
    }
}

#[derive(Clone, Copy)]
enum Share {
    Whole,
    /// At most so many bytes, mark included.
    Cut(usize),
}

/// The user is the one field without quotes: a space would end it, so it is escaped too, and an
/// empty name is `""` (mod_log_config.c: log_remote_user).
fn write_user(user: Option<&[u8]>, share: Share, line: &mut Vec<u8>) {
    match user {
        None => line.push(b'-'),
        Some(b"") => line.extend_from_slice(b"\"\""),
        Some(user) => write_field(user, Place::Word, share, line),
    }
}

/// What stands between quotes, without them.
fn write_text(field: Option<&[u8]>, share: Share, line: &mut Vec<u8>) {
    match field {
        None => line.push(b'-'),
        Some(field) => write_field(field, Place::Quoted, share, line),
    }
}

/// The quote that ends the request, and the status between spaces.
fn write_status(status: u16, line: &mut Vec<u8>) {
    let digit = |of: u16| b'0' + (of % 10) as u8;
    if (100..1000).contains(&status) {
        let digits = [digit(status / 100), digit(status / 10), digit(status)];
        let [a, b, c] = digits;
        line.extend_from_slice(&[b'"', b' ', a, b, c, b' ']);
    } else {
        line.extend_from_slice(b"\" ");
        line.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
        line.push(b' ');
    }
}

fn write_field(field: &[u8], place: Place, share: Share, line: &mut Vec<u8>) {
    match share {
        // A field that is there and reads `-` is told from one that is not.
        Share::Whole if field == b"-" => escape_always(b'-', line),
        Share::Whole => escape(field, place, line),
        Share::Cut(part) => {
            escape_within(field, place, part - CUT_MARK.len(), line);
            line.extend_from_slice(CUT_MARK);
        }
    }
}

/// What a field ends in when it was cut.
const CUT_MARK: &[u8] = b"...";

/// `\xhh`.
const ESCAPE_LEN_MAX: usize = 4;

/// 128: the longest address 39, stamp 28, status 5, bytes 20, the rest at most 27.
const FIXED_LEN_MAX: usize = 128;

const _: () = assert!(CLIENT_LEN_MAX + STAMP_LEN + 5 + 20 + 27 <= FIXED_LEN_MAX);

#[cfg(test)]
mod tests;
