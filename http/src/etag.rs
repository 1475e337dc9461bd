//! Entity tags, RFC 9110 8.8.3: made from a file's facts, compared with a client's list.

use crate::{FieldLines, ascii};

/// Bytes of the longest tag: two numbers of 16 hexadecimal digits, one of 8, a hyphen, quotes,
/// and a hyphen before the suffix.
const LEN_MAX: usize = 16 + 8 + 16 + 3 + 1 + SUFFIX_LEN_MAX;

/// Bytes of a suffix; what is longer is cut off. The name of a coding has room.
const SUFFIX_LEN_MAX: usize = 8;

/// A strong entity tag, quotes included.
///
/// Made from the time of modification to the nanosecond and the length. Not from the inode:
/// the machines of a farm that serve copies of one tree must agree on it. Two contents of one
/// length, written in place within one tick of the file system's clock, are not told apart.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ETag {
    bytes: [u8; LEN_MAX],
    len: usize,
}

impl ETag {
    /// The tag of a file of `len` bytes, modified `seconds` and `nanoseconds` after 1970.
    #[must_use]
    pub fn new(seconds: i64, nanoseconds: u32, len: u64) -> Self {
        let mut tag = Self {
            bytes: [0; LEN_MAX],
            len: 0,
        };
        tag.push(b'"');
        // A time before 1970 becomes a large number, which is as good a tag as any.
        tag.push_hex(seconds.cast_unsigned(), 1);
        tag.push_hex(u64::from(nanoseconds), 8);
        tag.push(b'-');
        tag.push_hex(len, 1);
        tag.push(b'"');
        tag
    }

    /// This tag with `suffix` at its end, for an encoding of what it is the tag of: strong tags
    /// must tell encodings apart (RFC 9110 8.8.3.3). A character that no tag may hold is left
    /// out.
    #[must_use]
    pub fn with_suffix(mut self, suffix: &str) -> Self {
        // Over the closing quote.
        self.len = self.len.saturating_sub(1);
        self.push(b'-');
        let characters = suffix.bytes().filter(|&byte| ascii::is_token(byte));
        for byte in characters.take(SUFFIX_LEN_MAX) {
            self.push(byte);
        }
        self.push(b'"');
        self
    }

    /// The tag as it stands in a field.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(end) = self.bytes.get_mut(self.len) {
            *end = byte;
            self.len += 1;
        }
    }

    fn push_hex(&mut self, number: u64, digits_min: u32) {
        let digits = (u64::BITS - number.leading_zeros())
            .div_ceil(4)
            .max(digits_min);
        for place in (0..digits).rev() {
            let digit = u8::try_from(number >> (4 * place) & 15).unwrap_or(0);
            self.push(if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            });
        }
    }
}

impl std::fmt::Debug for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ETag({})", self.as_bytes().escape_ascii())
    }
}

/// How two tags are compared (RFC 9110 8.8.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    /// Equal, and neither is weak.
    Strong,
    /// Equal but for the weakness.
    Weak,
}

/// Whether `field`, the value of If-Match or If-None-Match, is `*` or lists `tag`. A list is read
/// up to its first mistake.
pub(crate) fn is_listed(field: &FieldLines<'_>, tag: &ETag, comparison: Comparison) -> bool {
    let mut values = field.iter();
    // Mostly it is the one tag that was sent.
    values.any(|value| value == tag.as_bytes() || value == b"*" || lists(value, tag, comparison))
}

/// Whether `value`, one tag as in If-Range, is `tag` by the strong comparison.
pub(crate) fn is_same(value: &[u8], tag: &ETag) -> bool {
    value == tag.as_bytes()
}

fn lists(value: &[u8], tag: &ETag, comparison: Comparison) -> bool {
    let mut rest = value;
    loop {
        // RFC 9110 5.6.1.2: empty members are skipped.
        while let [b',' | b' ' | b'\t', after @ ..] = rest {
            rest = after;
        }
        let Some((is_weak, candidate, after)) = next_tag(rest) else {
            return false;
        };
        if candidate == tag.as_bytes() && (!is_weak || comparison == Comparison::Weak) {
            return true;
        }
        rest = after;
        while let [b' ' | b'\t', after @ ..] = rest {
            rest = after;
        }
        if !rest.starts_with(b",") {
            return false;
        }
    }
}

/// `[ "W/" ] DQUOTE *etagc DQUOTE` at the beginning of `bytes`. A tag may hold commas and
/// backslashes.
fn next_tag(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (is_weak, quoted) = match bytes {
        [b'W', b'/', quoted @ ..] => (true, quoted),
        quoted => (false, quoted),
    };
    let opaque = quoted.strip_prefix(b"\"")?;
    let end = ascii::position(opaque, |word| {
        word.below(b' ' + 1) | word.equal(b'"') | word.equal(0x7f)
    })?;
    if opaque.get(end) != Some(&b'"') {
        return None;
    }
    let (tag, rest) = quoted.split_at_checked(end + 2)?;
    Some((is_weak, tag, rest))
}

#[cfg(test)]
mod tests {
    use super::{Comparison, ETag, is_listed, is_same};
    use crate::FieldLines;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn lists_are_compared_as_rfc_9110_8_8_3_2_has_it() {
        const CASES: &[(&str, bool, bool)] = &[
            // value, strong, weak; the tag is "10000002a-7"
            ("\"10000002a-7\"", true, true),
            ("W/\"10000002a-7\"", false, true),
            ("*", true, true),
            ("\"x\", \"10000002a-7\"", true, true),
            ("\"x\",\"10000002a-7\",\"y\"", true, true),
            (" , ,\"x\" ,, \"10000002a-7\"", true, true),
            ("W/\"x\", W/\"10000002a-7\"", false, true),
            ("W/\"10000002a-7\", \"10000002a-7\"", true, true),
            ("\"a,b\", \"10000002a-7\"", true, true),
            ("\"a\\\", \"10000002a-7\"", true, true),
            ("\"\u{fc}\", \"10000002a-7\"", true, true),
            ("\"10000002A-7\"", false, false),
            ("10000002a-7", false, false),
            ("w/\"10000002a-7\"", false, false),
            ("\"x\" \"10000002a-7\"", false, false),
            ("x, \"10000002a-7\"", false, false),
            ("\"x, 10000002a-7", false, false),
            ("\"10000002a-7", false, false),
            ("\"x ,\"10000002a-7\"", false, false),
            ("\"\"", false, false),
            ("", false, false),
            (",", false, false),
            ("**", false, false),
            ("W/", false, false),
        ];
        let tag = ETag::new(1, 42, 7);
        assert_eq!(tag.as_bytes(), b"\"10000002a-7\"");
        for (value, strong, weak) in CASES {
            let field = FieldLines::one(value.as_bytes());
            assert_eq!(
                is_listed(&field, &tag, Comparison::Strong),
                *strong,
                "{value}"
            );
            assert_eq!(is_listed(&field, &tag, Comparison::Weak), *weak, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_is_whole_and_found_in_its_own_list(
            seconds in any::<i64>(),
            nanoseconds in 0..1_000_000_000u32,
            len in any::<u64>(),
        ) {
            let tag = ETag::new(seconds, nanoseconds, len);

            let seconds = seconds.cast_unsigned();
            let expected = format!("\"{seconds:x}{nanoseconds:08x}-{len:x}\"");
            prop_assert_eq!(tag.as_bytes(), expected.as_bytes());
            let field = FieldLines::one(tag.as_bytes());
            prop_assert!(is_listed(&field, &tag, Comparison::Strong));
            prop_assert!(is_same(tag.as_bytes(), &tag));
        }

        #[test]
        fn tags_with_different_suffixes_differ_and_are_tags(
            seconds in any::<i64>(),
            len in any::<u64>(),
            suffix in "[!-}]{0,12}",
        ) {
            let tag = ETag::new(seconds, 999_999_999, len);
            let encoded = tag.with_suffix(&suffix);

            prop_assert!(encoded != tag && encoded != tag.with_suffix("~"));
            let field = FieldLines::one(encoded.as_bytes());
            prop_assert!(is_listed(&field, &encoded, Comparison::Strong));
            prop_assert!(!is_listed(&field, &tag, Comparison::Weak));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let field = FieldLines::one(&bytes);
            is_listed(&field, &ETag::new(0, 0, 0), Comparison::Weak);
        }
    }
}
