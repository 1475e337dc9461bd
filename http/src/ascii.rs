//! The character classes of RFC 9110 section 5.6 and RFC 3986, one function each, and how a byte
//! of some class is looked for.

use core::ops::BitOr;

/// A character of a token (RFC 9110 5.6.2): methods, field names, parameters.
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// A byte that may stand inside a field value (RFC 9110 5.5): visible, blank or obs-text.
pub(crate) const fn is_field_value(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// `unreserved` of RFC 3986 2.3: never needs an escape.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// `sub-delims` of RFC 3986 2.2: a delimiter for some schemes, plain data in an `http` path.
pub(crate) const fn is_sub_delim(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

/// `OWS` of RFC 9110 5.6.3, one character of it.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The value of one hexadecimal digit, of either case.
pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Eight bytes, the first the lowest.
#[derive(Clone, Copy)]
pub(crate) struct Word(u64);

/// Bytes of a word, each by its highest bit. Behind the first of them more may be marked than
/// should be.
#[derive(Clone, Copy)]
pub(crate) struct Marks(u64);

impl Word {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);

    /// The bytes below `limit`, which is ASCII: taken from them, it borrows.
    pub(crate) const fn below(self, limit: u8) -> Marks {
        let less = self.0.wrapping_sub(Self::ONES * limit as u64);
        Marks(less & !self.0 & Self::HIGHEST)
    }

    /// The bytes that are `byte`.
    pub(crate) const fn equal(self, byte: u8) -> Marks {
        Self(self.0 ^ (Self::ONES * byte as u64)).below(1)
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where the first byte is that `stops` marks. Eight at once: long targets are cheap even when
/// they arrive byte by byte, and most values of fields are decided with a word or two.
#[inline]
pub(crate) fn position(bytes: &[u8], stops: impl Fn(Word) -> Marks) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    let first = |marks: Marks| (marks.0.trailing_zeros() / 8) as usize;
    for (at, word) in words.iter().enumerate() {
        let marks = stops(Word(u64::from_le_bytes(*word)));
        if marks.0 != 0 {
            return Some(at * 8 + first(marks));
        }
    }
    // The last eight again, some of which were among those before; or fewer, if there are no eight.
    if let Some(word) = bytes.last_chunk::<8>() {
        let at = first(stops(Word(u64::from_le_bytes(*word))));
        return (at < 8).then_some(bytes.len() - 8 + at);
    }
    let at = first(stops(short(rest)));
    (at < rest.len()).then_some(at)
}

/// Whether behind a byte that `first` marks is one that `second` marks. It may be said to be so where it
/// is not, as words may have more marks than they should.
#[inline]
pub(crate) fn may_follow(
    bytes: &[u8],
    first: impl Fn(Word) -> Marks,
    second: impl Fn(Word) -> Marks,
) -> bool {
    let both = |word: u64, next: u64| first(Word(word)).0 & second(Word(next)).0 != 0;
    // Eight bytes and the one behind them.
    let nine = |nine: &[u8; 9]| {
        let [word @ .., last] = *nine;
        let word = u64::from_le_bytes(word);
        both(word, word >> 8 | u64::from(last) << 56)
    };
    let Some(end) = bytes.last_chunk::<9>() else {
        let word = match bytes.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => short(bytes).0,
        };
        return both(word, word >> 8);
    };
    let mut rest = bytes;
    while let Some((part, _)) = rest.split_first_chunk::<9>() {
        if nine(part) {
            return true;
        }
        rest = rest.get(8..).unwrap_or_default();
    }
    nine(end)
}

/// Fewer than eight bytes, and others behind them. Put together from parts that overlap: a word that
/// was stored byte by byte is not there to be read for some time.
fn short(bytes: &[u8]) -> Word {
    let mut word = 0;
    if let (Some(low), Some(high)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        word = u64::from(u32::from_le_bytes(*low));
        word |= u64::from(u32::from_le_bytes(*high)) << (8 * (bytes.len() - 4));
    } else {
        for &byte in bytes.iter().rev() {
            word = word << 8 | u64::from(byte);
        }
    }
    Word(word)
}

/// Where the first byte is that may not stand inside a field value.
#[inline]
pub(crate) fn value_end(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    loop {
        let rest = bytes.get(begin..)?;
        let at = begin + position(rest, |word| word.below(b' ') | word.equal(0x7f))?;
        if bytes.get(at) != Some(&b'\t') {
            return Some(at);
        }
        begin = at + 1;
    }
}

/// `bytes` without the white space around it. Only `OWS` counts: trimming more than that
/// is how `\x0bchunked` becomes a coding that another server did not see.
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    // Before nearly all values there is one space, and nothing behind them.
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    match bytes {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => trim_more(bytes),
        _ => bytes,
    }
}

fn trim_more(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The members of a comma-separated list without quoted strings, trimmed; empty ones too.
pub(crate) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// A decimal number of digits alone: no sign, no blank. One too large for a `u64` is
/// `u64::MAX`, which is over every limit and past the end of every file.
pub(crate) fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::{is_field_value, may_follow, position, trim, value_end};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_position_is_that_of_the_first(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            limit in 0_u8..128,
            rare in any::<u8>(),
        ) {
            let rare = rare % 128;
            let found = position(&bytes, |word| word.below(limit) | word.equal(rare));
            let first = bytes.iter().position(|&byte| byte < limit || byte == rare);
            prop_assert_eq!(found, first);
        }

        #[test]
        fn what_follows_is_seen(bytes in "[/.a]{0,40}") {
            let bytes = bytes.as_bytes();
            let may = may_follow(bytes, |word| word.equal(b'/'), |word| word.equal(b'.'));
            let does = bytes.windows(2).any(|pair| pair == b"/.");
            prop_assert!(may || !does);
            // Where no marks are wrong, there is nothing but the truth.
            prop_assert!(!may || bytes.contains(&b'/'));
        }

        #[test]
        fn a_value_ends_before_what_may_not_stand_in_it(bytes in prop::collection::vec(0_u8.., 0..40)) {
            let end = bytes.iter().position(|&byte| !is_field_value(byte));
            prop_assert_eq!(value_end(&bytes), end);
        }

        #[test]
        fn what_is_trimmed_is_blank(bytes in "[ \ta]{0,6}") {
            let blanks: &[char] = &[' ', '\t'];
            prop_assert_eq!(trim(bytes.as_bytes()), bytes.trim_matches(blanks).as_bytes());
        }
    }
}
