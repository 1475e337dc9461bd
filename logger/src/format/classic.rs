//! Common and Combined, written by hand: nearly every log is one of the two, and the steps of a
//! format of one's own would take twice or three times as long for them.

use super::client::{self, CLIENT_LEN_MAX};
use super::escape::{ESCAPE_LEN_MAX, Place, escape, escape_always, escape_within, escaped_len};
use super::shares::fair_part;
use super::stamp::{NO_USER, STAMP_LEN, Stamp, UtcOffset};
use super::usual::Usual;
use super::{CUT_MARK, Extent};
use crate::record::Record;

/// Writes the lines of one worker in Common or Combined Log Format.
#[derive(Clone, Debug)]
pub(super) struct Classic {
    is_combined: bool,
    stamp: Stamp,
    usual: Usual,
}

impl Classic {
    pub(super) fn new(is_combined: bool) -> Self {
        Self {
            is_combined,
            stamp: Stamp::new(),
            usual: Usual::new(),
        }
    }

    /// The line of `record`, if it is a usual one.
    #[inline]
    pub(super) fn usual(
        &mut self,
        record: &Record<'_>,
        offset: impl FnOnce() -> UtcOffset,
        line_len_max: usize,
    ) -> Option<&[u8]> {
        let between = self.stamp.text(record.time, offset);
        self.usual
            .write(record, self.is_combined, between, line_len_max)
    }

    /// Appends the line of `record`, of at most `line_len_max` bytes.
    #[inline]
    pub(super) fn write(
        &mut self,
        record: &Record<'_>,
        offset: impl FnOnce() -> UtcOffset,
        line_len_max: usize,
        line: &mut Vec<u8>,
    ) -> Extent {
        let fields = Fields::of(self.is_combined, record);
        let room = line_len_max - FIXED_LEN_MAX;
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
        if self.is_combined {
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
    fn of(is_combined: bool, record: &Record<'a>) -> Self {
        Self {
            user: record.user,
            request_line: Some(record.request_line).filter(|line| !line.is_empty()),
            referer: record.referer.filter(|_| is_combined),
            user_agent: record.user_agent.filter(|_| is_combined),
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

    fn of(lens: &[usize; 4], room: usize) -> Self {
        let Some(part) = fair_part(&mut { *lens }, room) else {
            return Self::UNLIMITED;
        };
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
    if let Some(text) = status_text(status) {
        line.extend_from_slice(&text);
    } else {
        line.extend_from_slice(b"\" ");
        line.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
        line.push(b' ');
    }
}

/// The same, of a status of three digits.
#[inline]
pub(super) fn status_text(status: u16) -> Option<[u8; 6]> {
    let digit = |of: u16| b'0' + (of % 10) as u8;
    let digits = [digit(status / 100), digit(status / 10), digit(status)];
    let [a, b, c] = digits;
    let is_usual = (100..1000).contains(&status);
    is_usual.then_some([b'"', b' ', a, b, c, b' '])
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

/// 128: the longest address 39, stamp 28, status 5, bytes 20, the rest at most 27.
pub(super) const FIXED_LEN_MAX: usize = 128;

const _: () = assert!(CLIENT_LEN_MAX + STAMP_LEN + 5 + 20 + 27 <= FIXED_LEN_MAX);
