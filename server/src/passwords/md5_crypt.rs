//! MD5-crypt: `$1$` as FreeBSD made it in 1994, and Apache's `$apr1$`, which differs by that name.
//!
//! Long too weak to make new ones of; files are full of old ones.

use md5::{Digest, Md5};

use super::crypt64;

/// More than this of a salt was never looked at.
const SALT_LEN_MAX: usize = 8;

/// The digits of an MD5 digest.
pub(super) const DIGITS: usize = 22;

/// The digits that `password` gives with `salt`, under the name `magic`.
pub(super) fn digits(password: &[u8], magic: &[u8], salt: &[u8]) -> String {
    let salt = salt.get(..SALT_LEN_MAX).unwrap_or(salt);
    let first = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();

    let mut hasher = Md5::new();
    hasher.update(password);
    hasher.update(magic);
    hasher.update(salt);
    for chunk in password.chunks(first.len()) {
        hasher.update(first.get(..chunk.len()).unwrap_or_default());
    }
    let mut bits = password.len();
    while bits > 0 {
        // That the first byte stands for a zero bit, and NUL for a one, is how it has always been.
        let byte: &[u8] = if bits & 1 == 1 { &[0] } else { password };
        hasher.update(byte.get(..1).unwrap_or_default());
        bits >>= 1;
    }

    let mut digest = hasher.finalize();
    for round in 0..1_000 {
        let mut hasher = Md5::new();
        let is_odd = round % 2 == 1;
        hasher.update(if is_odd { password } else { &digest });
        if round % 3 != 0 {
            hasher.update(salt);
        }
        if round % 7 != 0 {
            hasher.update(password);
        }
        hasher.update(if is_odd { &digest } else { password });
        digest = hasher.finalize();
    }

    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = digest.into();
    let mut text = String::with_capacity(DIGITS);
    for three in [[a, g, m], [b, h, n], [c, i, o], [d, j, p], [e, k, f]] {
        crypt64::push(&mut text, three, 4);
    }
    crypt64::push(&mut text, [0, 0, l], 2);
    text
}
