//! The fields of a request that matter here, by where they stand in its head.

use crate::ascii;

/// The fields of a request that choose a response or go into the log, raw, and all its field lines.
///
/// A field that may stand only once, but did not, is here as an empty value, which is as invalid
/// for all of these as two values are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fields<'a> {
    lines: &'a [u8],
    places: Places,
}

/// Where in the field lines the values are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Places {
    pub(super) range: Place,
    pub(super) if_range: Place,
    pub(super) if_modified_since: Place,
    pub(super) if_unmodified_since: Place,
    pub(super) if_match: ListPlace,
    pub(super) if_none_match: ListPlace,
    pub(super) accept: ListPlace,
    pub(super) accept_encoding: ListPlace,
    pub(super) forwarded: ListPlace,
    pub(super) x_forwarded_for: ListPlace,
    pub(super) authorization: Place,
    pub(super) referer: Place,
    pub(super) user_agent: Place,
}

/// The place of a value within field lines. At their beginning is a name, so that is the place of a
/// field that is missing.
///
/// Half as long as a slice, and all heads have places for all fields.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    start: u32,
    len: u32,
}

/// The places of a list that may stand on several lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct ListPlace {
    first: Place,
    /// Where the second line begins, if there is one.
    second: u32,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(lines: &'a [u8], places: Places) -> Self {
        Self { lines, places }
    }

    /// All field lines as they stand, and the empty one after them: for who wants another field.
    #[must_use]
    pub const fn lines(&self) -> &'a [u8] {
        self.lines
    }

    /// Range.
    #[must_use]
    pub fn range(&self) -> Option<&'a [u8]> {
        self.places.range.value(self.lines)
    }

    /// If-Range.
    #[must_use]
    pub fn if_range(&self) -> Option<&'a [u8]> {
        self.places.if_range.value(self.lines)
    }

    /// If-Modified-Since.
    #[must_use]
    pub fn if_modified_since(&self) -> Option<&'a [u8]> {
        self.places.if_modified_since.value(self.lines)
    }

    /// If-Unmodified-Since.
    #[must_use]
    pub fn if_unmodified_since(&self) -> Option<&'a [u8]> {
        self.places.if_unmodified_since.value(self.lines)
    }

    /// If-Match.
    #[must_use]
    pub fn if_match(&self) -> FieldLines<'a> {
        self.places.if_match.value(self.lines)
    }

    /// If-None-Match.
    #[must_use]
    pub fn if_none_match(&self) -> FieldLines<'a> {
        self.places.if_none_match.value(self.lines)
    }

    /// Accept.
    #[must_use]
    pub fn accept(&self) -> FieldLines<'a> {
        self.places.accept.value(self.lines)
    }

    /// Accept-Encoding.
    #[must_use]
    pub fn accept_encoding(&self) -> FieldLines<'a> {
        self.places.accept_encoding.value(self.lines)
    }

    /// Forwarded.
    #[must_use]
    pub fn forwarded(&self) -> FieldLines<'a> {
        self.places.forwarded.value(self.lines)
    }

    /// X-Forwarded-For.
    #[must_use]
    pub fn x_forwarded_for(&self) -> FieldLines<'a> {
        self.places.x_forwarded_for.value(self.lines)
    }

    /// Authorization.
    #[must_use]
    pub fn authorization(&self) -> Option<&'a [u8]> {
        self.places.authorization.value(self.lines)
    }

    /// Referer, the first if there are several.
    #[must_use]
    pub fn referer(&self) -> Option<&'a [u8]> {
        self.places.referer.value(self.lines)
    }

    /// User-Agent, the first if there are several.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.places.user_agent.value(self.lines)
    }

    /// Whether there is no precondition and no range: whatever
    /// [`Representation::select`](crate::Representation::select) knows of a representation, it takes
    /// all of it.
    #[must_use]
    pub const fn want_whole(&self) -> bool {
        self.places.range.is_missing()
            && self.places.if_none_match.first.is_missing()
            && self.places.if_modified_since.is_missing()
            && self.places.if_match.first.is_missing()
            && self.places.if_unmodified_since.is_missing()
    }
}

impl Place {
    /// The place of `value` in `lines`, which it is a piece of.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no head is longer than HEAD_LEN_MAX"
    )]
    pub(super) fn of(value: &[u8], lines: &[u8]) -> Self {
        Self {
            start: (value.as_ptr().addr() - lines.as_ptr().addr()) as u32,
            len: value.len() as u32,
        }
    }

    pub(super) const fn is_missing(self) -> bool {
        self.start == 0
    }

    /// A value that is there, and empty.
    pub(super) const fn emptied(self) -> Self {
        Self { len: 0, ..self }
    }

    /// What stands there in `lines`.
    pub(super) fn value(self, lines: &[u8]) -> Option<&[u8]> {
        if self.is_missing() {
            return None;
        }
        let value = lines.get(self.start as usize..).unwrap_or_default();
        Some(value.get(..self.len as usize).unwrap_or_default())
    }
}

impl ListPlace {
    /// Adds `value`, on a line that begins with `name`.
    pub(super) const fn add(&mut self, value: Place, name: Place) {
        if self.first.is_missing() {
            self.first = value;
        } else if self.second == 0 {
            self.second = name.start;
        }
    }

    fn value(self, lines: &[u8]) -> FieldLines<'_> {
        let second = match self.second {
            0 => lines.len(),
            second => second as usize,
        };
        FieldLines {
            first: self.first.value(lines),
            later: lines.get(second..).unwrap_or_default(),
        }
    }
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
}

/// Name and value of a well-formed field line that lacks its LF.
fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(line.iter().position(|&byte| byte == b':')?)?;
    Some((
        name,
        ascii::trim(value.strip_prefix(b":")?.strip_suffix(b"\r")?),
    ))
}
