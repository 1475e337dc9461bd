//! The base 64 of crypt(3): its own alphabet, and the low bits first.

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Adds `count` digits of the number whose bytes are `high`, `middle` and `low`.
pub(super) fn push(text: &mut String, [high, middle, low]: [u8; 3], count: usize) {
    let mut bits = u32::from(high) << 16 | u32::from(middle) << 8 | u32::from(low);
    for _ in 0..count {
        let digit = usize::try_from(bits & 0x3f).unwrap_or(0);
        text.extend(ALPHABET.get(digit).map(|&digit| char::from(digit)));
        bits >>= 6;
    }
}

/// Whether `text` consists of such digits.
pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// Digits made of random bytes, for a salt.
pub(super) fn salt(random: &[u8]) -> String {
    let digits = random.iter();
    let digits = digits.filter_map(|byte| ALPHABET.get(usize::from(byte & 0x3f)));
    digits.map(|&digit| char::from(digit)).collect()
}
