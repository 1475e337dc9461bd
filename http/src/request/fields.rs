//! The field lines of a head, RFC 9112 section 5, and what is picked up from them.
//!
//! httparse splits the lines. It is lenient where RFC 9112 2.2 allows it to be, with bare LF
//! as a line end, and there this is stricter. One pass over its result then takes the fields
//! that matter; all others are only known to be well formed.

use super::{Expectation, Framing, Version};
use crate::{Reject, ascii};

/// Field lines of one head; Apache has the same limit.
const FIELDS_MAX: usize = 100;

/// Field lines that nearly all heads keep to. Room for [`FIELDS_MAX`] is cleared only for the
/// others: it takes as long as reading a small head.
const FIELDS_USUAL: usize = 24;

/// The fields of a request that choose a response or go into the log, raw.
///
/// A field that may stand only once, but did not, is here as an empty value, which is as invalid
/// for all of these as two values are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fields<'a> {
    /// Range.
    pub range: Option<&'a [u8]>,
    /// If-Range.
    pub if_range: Option<&'a [u8]>,
    /// If-Modified-Since.
    pub if_modified_since: Option<&'a [u8]>,
    /// If-Unmodified-Since.
    pub if_unmodified_since: Option<&'a [u8]>,
    /// If-Match.
    pub if_match: FieldLines<'a>,
    /// If-None-Match.
    pub if_none_match: FieldLines<'a>,
    /// Accept.
    pub accept: FieldLines<'a>,
    /// Accept-Encoding.
    pub accept_encoding: FieldLines<'a>,
    /// Forwarded.
    pub forwarded: FieldLines<'a>,
    /// X-Forwarded-For.
    pub x_forwarded_for: FieldLines<'a>,
    /// Authorization.
    pub authorization: Option<&'a [u8]>,
    /// Referer, the first if there are several.
    pub referer: Option<&'a [u8]>,
    /// User-Agent, the first if there are several.
    pub user_agent: Option<&'a [u8]>,
}

/// The values of a field that may stand on several lines, in order.
///
/// Together they are one comma-separated list (RFC 9110 5.3). The first is kept; the others,
/// which hardly anybody sends, are looked up when they are asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FieldLines<'a> {
    first: Option<&'a [u8]>,
    /// The field lines from the second one of this name on, if there is one.
    later: &'a [u8],
}

impl<'a> FieldLines<'a> {
    /// A field that stands on one line.
    #[must_use]
    pub const fn one(value: &'a [u8]) -> Self {
        Self {
            first: Some(value),
            later: &[],
        }
    }

    /// Whether the field is missing.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.first.is_none()
    }

    /// The values, one for each line.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a> {
        let lines = self.later.split(|&byte| byte == b'\n').map(split_line);
        let second = lines.clone().next().flatten();
        let later = lines.filter_map(move |line| {
            let (name, value) = line?;
            name.eq_ignore_ascii_case(second?.0).then_some(value)
        });
        self.first.into_iter().chain(later)
    }

    fn add(&mut self, line: &Line<'a>, section: &'a [u8]) {
        if self.first.is_none() {
            self.first = Some(line.value);
        } else if self.later.is_empty() {
            self.later = section.get(line.at..).unwrap_or_default();
        }
    }
}

/// Name and value of a well-formed field line that lacks its LF.
fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    Some((
        name,
        ascii::trim(value.strip_prefix(b":")?.strip_suffix(b"\r")?),
    ))
}

/// Everything taken from the field lines.
#[derive(Default)]
pub(super) struct Section<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) host: Option<&'a [u8]>,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) expectation: Expectation,
    content_length: Option<&'a [u8]>,
    codings: Codings,
    /// The field lines and the empty line after them.
    pub(super) lines: &'a [u8],
}

struct Line<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Where it begins in the section.
    at: usize,
}

impl<'a> Section<'a> {
    /// Reads the field lines at the beginning of `buf` into this empty section; `false` until the
    /// empty line that ends them has come.
    ///
    /// In place, as a section is half a kilobyte and would be copied on its way out.
    pub(super) fn read(&mut self, buf: &'a [u8]) -> Result<bool, Reject> {
        match self.read_with::<FIELDS_USUAL>(buf) {
            Err(Reject::TooManyFields { .. }) => self.read_with::<FIELDS_MAX>(buf),
            other => other,
        }
    }

    fn read_with<const MAX: usize>(&mut self, buf: &'a [u8]) -> Result<bool, Reject> {
        let mut lines = [httparse::EMPTY_HEADER; MAX];
        let (len, lines) = match httparse::parse_headers(buf, &mut lines) {
            Ok(httparse::Status::Complete(complete)) => complete,
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Reject::TooManyFields { max: MAX });
            }
            Err(httparse::Error::HeaderName) => return Err(Reject::FieldName),
            Err(httparse::Error::HeaderValue) => return Err(Reject::FieldValue),
            Err(_) => return Err(Reject::LineEnd),
        };

        let bytes = buf.get(..len).unwrap_or_default();
        self.lines = bytes;
        let start = bytes.as_ptr().addr();
        for header in lines {
            let line = Line {
                name: header.name.as_bytes(),
                value: header.value,
                at: header.name.as_ptr().addr() - start,
            };
            // What is before a line ends in the end of the line before it. (That of the request
            // line, before the first, has been checked.)
            let before = bytes.get(..line.at).unwrap_or_default();
            if !before.is_empty() && !before.ends_with(b"\r\n") {
                return Err(Reject::LineEnd);
            }
            self.add(&line, bytes)?;
        }
        let end: &[u8] = if lines.is_empty() {
            b"\r\n"
        } else {
            b"\r\n\r\n"
        };
        if !bytes.ends_with(end) {
            return Err(Reject::LineEnd);
        }
        Ok(true)
    }

    fn add(&mut self, line: &Line<'a>, section: &'a [u8]) -> Result<(), Reject> {
        let value = line.value;
        let fields = &mut self.fields;
        // By length first: most names of a head are decided by that alone.
        match line.name.len() {
            4 if is(line, b"host") => once(&mut self.host, value, Reject::HostRepeated)?,
            5 if is(line, b"range") => only(&mut fields.range, value),
            6 if is(line, b"accept") => fields.accept.add(line, section),
            6 if is(line, b"expect") => self.expect(value),
            7 if is(line, b"referer") => first(&mut fields.referer, value),
            8 if is(line, b"if-match") => fields.if_match.add(line, section),
            8 if is(line, b"if-range") => only(&mut fields.if_range, value),
            9 if is(line, b"forwarded") => fields.forwarded.add(line, section),
            10 if is(line, b"user-agent") => first(&mut fields.user_agent, value),
            10 if is(line, b"connection") => self.connection(value),
            13 if is(line, b"authorization") => only(&mut fields.authorization, value),
            13 if is(line, b"if-none-match") => fields.if_none_match.add(line, section),
            14 if is(line, b"content-length") => {
                once(
                    &mut self.content_length,
                    value,
                    Reject::ContentLengthRepeated,
                )?;
            }
            15 if is(line, b"accept-encoding") => fields.accept_encoding.add(line, section),
            15 if is(line, b"x-forwarded-for") => fields.x_forwarded_for.add(line, section),
            17 if is(line, b"if-modified-since") => only(&mut fields.if_modified_since, value),
            17 if is(line, b"transfer-encoding") => self.codings.add(value),
            19 if is(line, b"if-unmodified-since") => only(&mut fields.if_unmodified_since, value),
            _ => {}
        }
        Ok(())
    }

    /// The options of a Connection field (RFC 9110 7.6.1).
    fn connection(&mut self, value: &[u8]) {
        for option in ascii::members(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// The expectations of an Expect field (RFC 9110 10.1.1). None but one is defined; whatever
    /// has a value or parameters, quoted commas in them included, is another.
    fn expect(&mut self, value: &[u8]) {
        for member in ascii::members(value).filter(|member| !member.is_empty()) {
            let expectation = if member.eq_ignore_ascii_case(b"100-continue") {
                Expectation::Continue
            } else {
                Expectation::Unknown
            };
            self.expectation = self.expectation.max(expectation);
        }
    }

    /// What content follows, by the rules of RFC 9112 6.3 for requests.
    pub(super) fn framing(&self, version: Version, max: u64) -> Result<Framing, Reject> {
        // Rules 1 and 2 are about responses.
        if self.codings != Codings::Absent {
            // Rule 3 would let Transfer-Encoding win; a sender of both is broken or malicious.
            if self.content_length.is_some() {
                return Err(Reject::FramingTwice);
            }
            // RFC 9112 6.1: faulty framing in HTTP/1.0.
            if version == Version::Http10 {
                return Err(Reject::TransferEncodingVersion);
            }
        }
        match (self.codings, self.content_length) {
            // Rule 4: chunked is the final coding, or 400.
            (Codings::Chunked, _) => Ok(Framing::Chunked),
            (Codings::UnknownThenChunked, _) => Err(Reject::TransferCodingUnknown),
            (Codings::Unknown | Codings::Invalid, _) => Err(Reject::TransferEncodingInvalid),
            // Rule 5: an invalid Content-Length is 400. Rule 5 would allow `5, 5`, and two
            // equal fields, to be taken for one: refused, nobody sends them for a good reason.
            (Codings::Absent, Some(value)) => match ascii::decimal(value) {
                None => Err(Reject::ContentLengthInvalid),
                Some(0) => Ok(Framing::None),
                Some(length) if length > max => Err(Reject::ContentTooLarge { max }),
                // Rule 6.
                Some(length) => Ok(Framing::Length(length)),
            },
            // Rule 7.
            (Codings::Absent, None) => Ok(Framing::None),
        }
    }
}

/// Whether `line` is the field `name`, which is of letters and hyphens and given in lower case.
///
/// A name is a token, and of all characters of a token only a letter's other case becomes the
/// letter with this bit set. All bytes at once: this is asked about every line of every head.
fn is<const LEN: usize>(line: &Line<'_>, name: &[u8; LEN]) -> bool {
    let differences = |seen: &[u8; LEN]| {
        let pairs = seen.iter().zip(name);
        pairs.fold(0, |sum, (seen, wanted)| sum | ((seen | 0x20) ^ wanted))
    };
    <&[u8; LEN]>::try_from(line.name).is_ok_and(|seen| differences(seen) == 0)
}

/// A field that makes the whole request ambiguous if it is there twice.
fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], reject: Reject) -> Result<(), Reject> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(reject),
    }
}

/// A field that is invalid if it is there twice, and otherwise harmless.
fn only<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) {
    *slot = Some(if slot.is_some() { &[] } else { value });
}

/// A field of which the first line is enough.
fn first<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) {
    slot.get_or_insert(value);
}

/// The transfer codings of a request, in the order of its lines (RFC 9112 6.1).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Codings {
    #[default]
    Absent,
    Chunked,
    Unknown,
    UnknownThenChunked,
    Invalid,
}

impl Codings {
    /// Takes another line. RFC 9110 5.6.1.2 would have empty members ignored; not here, where
    /// servers differ in what they make of `chunked,` and no client sends it.
    fn add(&mut self, value: &[u8]) {
        for member in ascii::members(value) {
            let end = member.iter().position(|&byte| !ascii::is_token(byte));
            let name = end.map_or(member, |end| member.get(..end).unwrap_or_default());
            let is_chunked = name.eq_ignore_ascii_case(b"chunked");
            // RFC 9112 7.1: a parameter of chunked is an error.
            let is_valid = !name.is_empty() && (!is_chunked || end.is_none());
            *self = match *self {
                Self::Absent if is_valid && is_chunked => Self::Chunked,
                Self::Absent | Self::Unknown if is_valid && !is_chunked => Self::Unknown,
                Self::Unknown if is_valid => Self::UnknownThenChunked,
                // Anything after chunked, itself included, or no coding at all.
                _ => Self::Invalid,
            };
        }
    }
}
