//! Random numbers where any will do: private names and the jitter of retries.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use spread::{NameError, PrivateName};

/// 64 bits that nobody can foretell: the standard library's hash keys, which it takes from the
/// system.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A private name for one session, `d` and nine random characters: sessions of one daemon never
/// have the same, whatever the number of Spread blocks and logging hosts, and a session never
/// meets its predecessor's. (The original's was made of the pid, the same for all its blocks.)
pub(crate) fn private_name() -> Result<PrivateName, NameError> {
    let mut bits = random();
    let mut name = *b"d.........";
    for letter in name.iter_mut().skip(1) {
        let index = usize::try_from(bits % LETTERS.len() as u64).unwrap_or(0);
        bits /= LETTERS.len() as u64;
        *letter = LETTERS.get(index).copied().unwrap_or(b'.');
    }
    PrivateName::new(name)
}

/// How long to wait before the next of several attempts: doubling, and never twice the same, so
/// that the logging hosts of a farm do not come back to a daemon all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The wait before the first attempt again.
    const MIN: Duration = Duration::from_millis(100);
    /// 1 s: publishers wait 2 s for us when a daemon has come back, and logging hosts are few.
    const MAX: Duration = Duration::from_secs(1);

    pub(crate) const fn new() -> Self {
        Self { next: Self::MIN }
    }

    /// Between half and all of what it has grown to.
    pub(crate) fn next(&mut self) -> Duration {
        let half = self.next / 2;
        self.next = Self::MAX.min(self.next * 2);
        let share = u32::try_from(random() >> 32).unwrap_or(u32::MAX);
        half + half.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_private_names_are_the_same() {
        let names: std::collections::HashSet<_> =
            (0..1_000).map(|_| private_name().unwrap()).collect();

        assert_eq!(names.len(), 1_000);
    }

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let mut backoff = Backoff::new();
        let mut full = Backoff::MIN;
        for _ in 0..12 {
            let wait = backoff.next();

            assert!(full / 2 <= wait && wait <= full, "{wait:?} of {full:?}");
            full = (full * 2).min(Backoff::MAX);
        }
        assert_eq!(full, Backoff::MAX);
    }
}
