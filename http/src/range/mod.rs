//! Ranges of bytes, RFC 9110 section 14: one, or a set of them.
//!
//! A set is made cheap before anybody answers it: what overlaps or nearly touches becomes one
//! part (RFC 9110 15.3.7.2), so that no byte is sent twice and no answer is longer than the
//! whole and a few heads. A set of too many ranges is ignored, and with that answered with the
//! whole representation, which a server may always send (RFC 9110 14.2).

#[cfg(test)]
mod tests;

use crate::ascii;

/// Ranges in one set; none of the others is looked at. Download tools ask for some twenty at
/// once. RFC 9110 14.2 takes many small ranges for a broken client or an attack: each part costs
/// a head of ours and two system calls, for a few bytes of the request.
const RANGES_MAX: usize = 64;

/// Parts that leave out less than this between them are sent as one: the head of a part costs at
/// least as much (RFC 9110 15.3.7.2 reckons with 80, too).
const GAP_MAX: u64 = 80;

/// A part of a representation, never empty: `first..=last`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// The first byte's position.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The last byte's position.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// How many bytes it has, at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it cannot be empty")]
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// The value of Content-Range (RFC 9110 14.4) for this part of `len` bytes.
    #[must_use]
    pub fn content_range(&self, len: u64) -> String {
        format!("bytes {}-{}/{len}", self.first, self.last)
    }
}

/// What a Range field asks of a representation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// Nothing that is understood: the field is ignored.
    Ignored,
    /// This part of it.
    Part(ByteRange),
    /// These parts of it, two at least, in the order in which they were asked for.
    Parts(Vec<ByteRange>),
    /// Parts that all lie behind its end.
    Unsatisfiable,
}

/// Reads the value of Range for a representation of `len` bytes.
pub(crate) fn parse(value: &[u8], len: u64) -> Asked {
    parse_valid(value, len).unwrap_or(Asked::Ignored)
}

/// `None` for a value that is not to be followed. One invalid range makes the whole set invalid
/// (RFC 9110 14.2).
fn parse_valid(value: &[u8], len: u64) -> Option<Asked> {
    // Range units are case-insensitive (RFC 9110 14.1).
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut count = 0;
    let mut parts = Vec::new();
    for spec in ascii::members(set).filter(|spec| !spec.is_empty()) {
        count += 1;
        if count > RANGES_MAX {
            return None;
        }
        parts.extend(parse_spec(spec, len)?);
    }
    match (count, coalesce(parts).as_slice()) {
        (0, _) => None,
        (_, []) => Some(Asked::Unsatisfiable),
        (_, [part]) => Some(Asked::Part(*part)),
        (_, parts) => Some(Asked::Parts(parts.to_vec())),
    }
}

/// `Some(None)` for a range that is valid and cannot be satisfied.
fn parse_spec(spec: &[u8], len: u64) -> Option<Option<ByteRange>> {
    let hyphen = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = spec.split_at_checked(hyphen)?;
    match (first, last.get(1..)?) {
        ([], suffix) => suffix_range(ascii::decimal(suffix)?, len),
        (first, []) => Some(int_range(ascii::decimal(first)?, u64::MAX, len)),
        (first, last) => {
            let (first, last) = (ascii::decimal(first)?, ascii::decimal(last)?);
            // RFC 9110 14.1.1: a range that ends before it begins is invalid.
            (first <= last).then(|| int_range(first, last, len))
        }
    }
}

fn int_range(first: u64, last: u64, len: u64) -> Option<ByteRange> {
    let end = len.checked_sub(1)?;
    (first <= end).then(|| ByteRange {
        first,
        last: last.min(end),
    })
}

/// The last `suffix` bytes, or all if there are fewer.
fn suffix_range(suffix: u64, len: u64) -> Option<Option<ByteRange>> {
    match (suffix, len.checked_sub(1)) {
        (0, _) => Some(None),
        // Satisfiable, but there is no Content-Range that could say so.
        (_, None) => None,
        (_, Some(end)) => Some(Some(ByteRange {
            first: len.saturating_sub(suffix),
            last: end,
        })),
    }
}

/// Makes one of all that overlap or are nearer to each other than a head is long. What comes of
/// it stands where the first of them stood (RFC 9110 15.3.7.2).
fn coalesce(parts: Vec<ByteRange>) -> Vec<ByteRange> {
    let mut by_position: Vec<_> = parts.into_iter().enumerate().collect();
    by_position.sort_by_key(|(_, part)| part.first);
    let mut merged: Vec<(usize, ByteRange)> = Vec::with_capacity(by_position.len());
    for (place, part) in by_position {
        match merged.last_mut() {
            Some((first_place, before)) if part.first.saturating_sub(before.last) <= GAP_MAX => {
                before.last = before.last.max(part.last);
                *first_place = place.min(*first_place);
            }
            _ => merged.push((place, part)),
        }
    }
    merged.sort_by_key(|(place, _)| *place);
    merged.into_iter().map(|(_, part)| part).collect()
}
