//! SHA-crypt, `$5$` and `$6$`, as Ulrich Drepper specified it: the text around what the crate
//! `sha-crypt` computes.

use sha_crypt::{Params, sha256_crypt, sha512_crypt};

use super::crypt64;

/// More than this of a salt is not looked at.
const SALT_LEN_MAX: usize = 16;

/// What is meant when no number is written.
const ROUNDS: u32 = 5_000;

/// Less is taken for this.
const ROUNDS_MIN: u32 = 1_000;

/// A second or so. The specification has 999,999,999, which is half an hour.
pub(super) const ROUNDS_MAX: u32 = 1_000_000;

/// Which of both.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Width {
    /// `$5$`.
    Sha256,
    /// `$6$`.
    Sha512,
}

/// A hash as it is written, behind its `$5$` or `$6$`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ShaCrypt {
    width: Width,
    rounds: Option<u32>,
    salt: Box<str>,
    digits: Box<str>,
}

impl ShaCrypt {
    /// `None` if it is not written so, or has more than [`ROUNDS_MAX`].
    pub(super) fn parse(width: Width, text: &str) -> Option<Self> {
        let (rounds, text) = match text.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$')?;
                let rounds: u32 = rounds.parse().ok().filter(|&rounds| rounds <= ROUNDS_MAX)?;
                (Some(rounds.max(ROUNDS_MIN)), rest)
            }
            None => (None, text),
        };
        let (salt, digits) = text.split_once('$')?;
        if digits.len() != width.digits() || !crypt64::is_digits(digits) {
            return None;
        }
        let salt = salt.get(..SALT_LEN_MAX).unwrap_or(salt);
        Some(Self {
            width,
            rounds,
            salt: salt.into(),
            digits: digits.into(),
        })
    }

    /// What is to be compared with [`Self::digits`].
    pub(super) fn digits_of(&self, password: &[u8]) -> String {
        digits(
            self.width,
            password,
            &self.salt,
            self.rounds.unwrap_or(ROUNDS),
        )
    }

    pub(super) fn digits(&self) -> &str {
        &self.digits
    }
}

impl Width {
    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 43,
            Self::Sha512 => 86,
        }
    }
}

/// A hash of `password` as it is written, made with SHA-512.
pub(super) fn make(password: &[u8], salt: &str) -> String {
    let digits = digits(Width::Sha512, password, salt, ROUNDS);
    format!("$6${salt}${digits}")
}

fn digits(width: Width, password: &[u8], salt: &str, rounds: u32) -> String {
    let params = Params::new(rounds).unwrap_or_default();
    let mut text = String::with_capacity(width.digits());
    match width {
        Width::Sha256 => {
            let digest = sha256_crypt(password, salt.as_bytes(), params);
            encode(&mut text, &digest, 10, [0, 10, 20]);
            let [.., last, end] = digest;
            crypt64::push(&mut text, [0, end, last], 3);
        }
        Width::Sha512 => {
            let digest = sha512_crypt(password, salt.as_bytes(), params);
            encode(&mut text, &digest, 21, [0, 21, 42]);
            let [.., end] = digest;
            crypt64::push(&mut text, [0, 0, end], 2);
        }
    }
    text
}

/// The digits of all threes: the bytes are taken from three thirds, each three one further on, and
/// the thirds change places each time.
fn encode(text: &mut String, digest: &[u8], threes: usize, first: [usize; 3]) {
    let byte = |index: usize| digest.get(index).copied().unwrap_or(0);
    let [mut a, mut b, mut c] = first;
    // SHA-256 turns them one way, SHA-512 the other.
    let is_short = threes == 10;
    for _ in 0..threes {
        crypt64::push(text, [byte(a), byte(b), byte(c)], 4);
        [a, b, c] = if is_short {
            [c + 1, a + 1, b + 1]
        } else {
            [b + 1, c + 1, a + 1]
        };
    }
}
