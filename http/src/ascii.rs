//! The character classes of RFC 9110 section 5.6 and RFC 3986, one function each.

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

/// Where the first byte is that `stops`. Sixteen at once, without a branch between them, which
/// the compiler makes one vector: long targets are cheap even when they arrive byte by byte.
pub(crate) fn position(bytes: &[u8], stops: impl Fn(u8) -> bool) -> Option<usize> {
    let (chunks, _) = bytes.as_chunks::<16>();
    let has_stop = |chunk: &[u8; 16]| chunk.iter().fold(false, |any, &byte| any | stops(byte));
    let skipped = chunks.iter().take_while(|chunk| !has_stop(chunk)).count() * 16;
    let rest = bytes.get(skipped..).unwrap_or_default();
    rest.iter()
        .position(|&byte| stops(byte))
        .map(|at| skipped + at)
}

/// `bytes` without the white space around it. Only `OWS` counts: trimming more than that
/// is how `\x0bchunked` becomes a coding that another server did not see.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
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
    use super::position;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn a_position_is_that_of_the_first(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            rare in any::<u8>(),
        ) {
            let stops = |byte| byte <= rare / 32;
            prop_assert_eq!(position(&bytes, stops), bytes.iter().position(|&byte| stops(byte)));
        }
    }
}
