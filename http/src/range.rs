//! Range of bytes, RFC 9110 section 14: one range at a time.
//!
//! A request for several gets the whole representation, which a server may always send
//! (RFC 9110 14.2).

use crate::ascii;

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
}

/// What a Range field asks of a representation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// Nothing that is understood: the field is ignored.
    Ignored,
    /// This part of it.
    Part(ByteRange),
    /// A part that lies behind its end.
    Unsatisfiable,
}

/// Reads the value of Range for a representation of `len` bytes.
pub(crate) fn parse(value: &[u8], len: u64) -> Asked {
    parse_valid(value, len).unwrap_or(Asked::Ignored)
}

fn parse_valid(value: &[u8], len: u64) -> Option<Asked> {
    // Range units are case-insensitive (RFC 9110 14.1).
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let mut specs = ascii::members(set).filter(|spec| !spec.is_empty());
    let (spec, None) = (specs.next()?, specs.next()) else {
        return None;
    };

    let hyphen = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = spec.split_at_checked(hyphen)?;
    match (first, last.get(1..)?) {
        ([], suffix) => Some(suffix_range(ascii::decimal(suffix)?, len)),
        (first, []) => Some(int_range(ascii::decimal(first)?, u64::MAX, len)),
        (first, last) => {
            let (first, last) = (ascii::decimal(first)?, ascii::decimal(last)?);
            // RFC 9110 14.1.1: a range that ends before it begins is invalid.
            (first <= last).then(|| int_range(first, last, len))
        }
    }
}

fn int_range(first: u64, last: u64, len: u64) -> Asked {
    match len.checked_sub(1) {
        Some(end) if first <= end => Asked::Part(ByteRange {
            first,
            last: last.min(end),
        }),
        _ => Asked::Unsatisfiable,
    }
}

/// The last `suffix` bytes, or all if there are fewer.
fn suffix_range(suffix: u64, len: u64) -> Asked {
    match (suffix, len.checked_sub(1)) {
        (0, _) => Asked::Unsatisfiable,
        // Satisfiable, but there is no Content-Range that could say so.
        (_, None) => Asked::Ignored,
        (_, Some(end)) => Asked::Part(ByteRange {
            first: len.saturating_sub(suffix),
            last: end,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, ByteRange, parse};
    use proptest::prelude::{any, prop_assert, proptest};

    #[test]
    fn ranges_are_those_of_rfc_9110_14_1() {
        const IGNORED: Asked = Asked::Ignored;
        const BEHIND: Asked = Asked::Unsatisfiable;
        const fn part(first: u64, last: u64) -> Asked {
            Asked::Part(ByteRange { first, last })
        }
        const CASES: &[(&str, u64, Asked)] = &[
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=0-4", 10, part(0, 4)),
            ("bytes=0-9", 10, part(0, 9)),
            ("bytes=3-", 10, part(3, 9)),
            ("bytes=3-99", 10, part(3, 9)),
            ("bytes=9-9", 10, part(9, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-10", 10, part(0, 9)),
            ("bytes=-11", 10, part(0, 9)),
            ("BYTES=0-4", 10, part(0, 4)),
            ("bytes= 0-4 ", 10, part(0, 4)),
            ("bytes=,0-4,", 10, part(0, 4)),
            ("bytes=00-04", 10, part(0, 4)),
            ("bytes=0-99999999999999999999999", 10, part(0, 9)),
            ("bytes=-99999999999999999999999", 10, part(0, 9)),
            ("bytes=0-", u64::MAX, part(0, u64::MAX - 1)),
            ("bytes=10-", 10, BEHIND),
            ("bytes=10-20", 10, BEHIND),
            ("bytes=99999999999999999999999-", 10, BEHIND),
            ("bytes=-0", 10, BEHIND),
            ("bytes=0-", 0, BEHIND),
            ("bytes=-0", 0, BEHIND),
            ("bytes=-1", 0, IGNORED),
            ("bytes=0-1,3-4", 10, IGNORED),
            ("bytes=4-3", 10, IGNORED),
            ("bytes=20-19", 10, IGNORED),
            ("bytes=", 10, IGNORED),
            ("bytes", 10, IGNORED),
            ("bytes=-", 10, IGNORED),
            ("bytes=--1", 10, IGNORED),
            ("bytes=0", 10, IGNORED),
            ("bytes=0 - 4", 10, IGNORED),
            ("bytes =0-4", 10, IGNORED),
            ("bytes=+0-4", 10, IGNORED),
            ("bytes=\u{b}0-4", 10, IGNORED),
            ("bytes=0-4-5", 10, IGNORED),
            ("bytes=0x1-4", 10, IGNORED),
            ("bytes=a-b", 10, IGNORED),
            ("lines=0-4", 10, IGNORED),
            ("", 10, IGNORED),
        ];
        for (value, len, asked) in CASES {
            assert_eq!(parse(value.as_bytes(), *len), *asked, "{value:?} of {len}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_inside_and_not_empty(
            first in "[0-9]{0,20}",
            last in "[0-9]{0,20}",
            len in any::<u64>(),
        ) {
            if let Asked::Part(part) = parse(format!("bytes={first}-{last}").as_bytes(), len) {
                prop_assert!(part.first() <= part.last() && part.last() < len);
                prop_assert!(part.len() >= 1 && part.len() <= len);
            }
        }
    }
}
