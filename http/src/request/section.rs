//! The field lines of a head, RFC 9112 section 5, and what is picked up from them.
//!
//! httparse splits the lines. It is lenient where RFC 9112 2.2 allows it to be, with bare LF
//! as a line end, and there this is stricter. One pass over its result then takes the fields
//! that matter; all others are only known to be well formed.

use super::fields::{Place, Places};
use super::{Expectation, Framing, Version, host};
use crate::{Reject, ascii};

/// Field lines of one head; Apache has the same limit.
const FIELDS_MAX: usize = 100;

/// Field lines that nearly all heads keep to. Room for [`FIELDS_MAX`] is cleared only for the
/// others: it takes as long as reading a small head.
const FIELDS_USUAL: usize = 24;

/// Everything taken from field lines, by its place in them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Section {
    pub(super) places: Places,
    pub(super) host: Place,
    content_length: Place,
    codings: Codings,
    pub(super) expectation: Expectation,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    /// Bytes of the field lines and of the empty line after them.
    pub(super) len: usize,
}

type Line<'a> = httparse::Header<'a>;

impl Section {
    /// Reads the field lines at the beginning of `buf` into this empty section; `false` until the
    /// empty line that ends them has come.
    ///
    /// In place, as a section would be copied on its way out.
    #[inline(never)]
    pub(super) fn read(&mut self, buf: &[u8]) -> Result<bool, Reject> {
        let is_whole = match self.read_with::<FIELDS_USUAL>(buf) {
            Err(Reject::TooManyFields { .. }) => self.read_with::<FIELDS_MAX>(buf),
            other => other,
        };
        // RFC 9112 3.2: 400 for an invalid Host in any version, even if an absolute target
        // overrides it.
        if is_whole == Ok(true)
            && self
                .host
                .value(buf)
                .is_some_and(|host| !host::is_valid(host))
        {
            return Err(Reject::HostInvalid);
        }
        is_whole
    }

    /// Whether somebody tells who he is.
    pub(super) const fn has_password(&self) -> bool {
        !self.places.authorization.is_missing()
    }

    fn read_with<const MAX: usize>(&mut self, buf: &[u8]) -> Result<bool, Reject> {
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

        self.len = len;
        let bytes = buf.get(..len).unwrap_or_default();
        let start = bytes.as_ptr().addr();
        for header in lines {
            // What is before a line ends in the end of the line before it. (That of the request
            // line, before the first, has been checked.)
            let at = header.name.as_ptr().addr() - start;
            let before = bytes.get(..at).unwrap_or_default();
            if !before.is_empty() && !before.ends_with(b"\r\n") {
                return Err(Reject::LineEnd);
            }
            self.add(header, bytes)?;
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

    fn add(&mut self, line: &Line<'_>, section: &[u8]) -> Result<(), Reject> {
        let value = line.value;
        let place = || Place::of(value, section);
        let name = || Place::of(line.name.as_bytes(), section);
        let fields = &mut self.places;
        // By length first: most names of a head are decided by that alone.
        match line.name.len() {
            4 if is(line, b"host") => once(&mut self.host, place(), Reject::HostRepeated)?,
            5 if is(line, b"range") => only(&mut fields.range, place()),
            6 if is(line, b"accept") => fields.accept.add(place(), name()),
            6 if is(line, b"expect") => self.expect(value),
            7 if is(line, b"referer") => first(&mut fields.referer, place()),
            8 if is(line, b"if-match") => fields.if_match.add(place(), name()),
            8 if is(line, b"if-range") => only(&mut fields.if_range, place()),
            9 if is(line, b"forwarded") => fields.forwarded.add(place(), name()),
            10 if is(line, b"user-agent") => first(&mut fields.user_agent, place()),
            10 if is(line, b"connection") => self.connection(value),
            13 if is(line, b"authorization") => only(&mut fields.authorization, place()),
            13 if is(line, b"if-none-match") => fields.if_none_match.add(place(), name()),
            14 if is(line, b"content-length") => {
                once(
                    &mut self.content_length,
                    place(),
                    Reject::ContentLengthRepeated,
                )?;
            }
            15 if is(line, b"accept-encoding") => fields.accept_encoding.add(place(), name()),
            15 if is(line, b"x-forwarded-for") => fields.x_forwarded_for.add(place(), name()),
            17 if is(line, b"if-modified-since") => only(&mut fields.if_modified_since, place()),
            17 if is(line, b"transfer-encoding") => self.codings.add(value),
            19 if is(line, b"if-unmodified-since") => {
                only(&mut fields.if_unmodified_since, place());
            }
            _ => {}
        }
        Ok(())
    }

    /// The options of a Connection field (RFC 9110 7.6.1).
    fn connection(&mut self, value: &[u8]) {
        // All browsers say so, though it is what HTTP/1.1 has without it.
        if value == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
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

    /// What content follows `lines`, by the rules of RFC 9112 6.3 for requests.
    pub(super) fn framing(
        &self,
        lines: &[u8],
        version: Version,
        max: u64,
    ) -> Result<Framing, Reject> {
        // Rules 1 and 2 are about responses.
        if self.codings != Codings::Absent {
            // Rule 3 would let Transfer-Encoding win; a sender of both is broken or malicious.
            if !self.content_length.is_missing() {
                return Err(Reject::FramingTwice);
            }
            // RFC 9112 6.1: faulty framing in HTTP/1.0.
            if version == Version::Http10 {
                return Err(Reject::TransferEncodingVersion);
            }
        }
        match (self.codings, self.content_length.value(lines)) {
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
    <&[u8; LEN]>::try_from(line.name.as_bytes()).is_ok_and(|seen| differences(seen) == 0)
}

/// A field that makes the whole request ambiguous if it is there twice.
fn once(slot: &mut Place, place: Place, reject: Reject) -> Result<(), Reject> {
    if !slot.is_missing() {
        return Err(reject);
    }
    *slot = place;
    Ok(())
}

/// A field that is invalid if it is there twice, and otherwise harmless.
const fn only(slot: &mut Place, place: Place) {
    *slot = if slot.is_missing() {
        place
    } else {
        place.emptied()
    };
}

/// A field of which the first line is enough.
const fn first(slot: &mut Place, place: Place) {
    if slot.is_missing() {
        *slot = place;
    }
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
