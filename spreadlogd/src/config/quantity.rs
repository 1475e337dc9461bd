//! Sizes, times, counts and modes as they are written: a number and its unit.

use std::time::Duration;

/// The smallest size at which a file may be rotated. 1 KiB: beneath the length of a line, each
/// line would be a file.
pub(super) const ROTATE_BYTES_MIN: u64 = 1 << 10;

/// The most files that `Keep` may keep. 100,000: eleven years of hourly ones; their directory
/// is listed at each rotation.
pub(super) const KEEP_FILES_MAX: u32 = 100_000;

/// The longest time. 36,500 days, a hundred years: what is added to a clock must not overflow.
pub(super) const TIME_MAX: Duration = Duration::from_secs(36_500 * DAY);

const DAY: u64 = 86_400;

/// A number of bytes with K, M, G or T, which are powers of 1,024.
pub(super) fn size(word: &[u8]) -> Option<u64> {
    let (unit, number) = word.split_last()?;
    let shift = match unit {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ => return None,
    };
    // No file is longer than an offset can say.
    let bytes = number_of(number)?.checked_mul(1 << shift)?;
    Some(bytes).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// A time with s, m, h or d, one second or more.
pub(super) fn time(word: &[u8]) -> Option<Duration> {
    let (unit, number) = word.split_last()?;
    let seconds = match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3_600,
        b'd' => DAY,
        _ => return None,
    };
    let time = Duration::from_secs(number_of(number)?.checked_mul(seconds)?);
    Some(time).filter(|time| !time.is_zero() && *time <= TIME_MAX)
}

/// A number of files, one or more.
pub(super) fn files(word: &[u8]) -> Option<u32> {
    let count = u32::try_from(number_of(word)?).ok()?;
    Some(count).filter(|count| (1..=KEEP_FILES_MAX).contains(count))
}

/// The permissions of a file in octal digits.
pub(super) fn mode(word: &[u8]) -> Option<u32> {
    let digits = str::from_utf8(word).ok()?;
    // The standard library takes a sign, too.
    let is_octal = digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    let mode = u32::from_str_radix(digits, 8).ok()?;
    Some(mode).filter(|mode| is_octal && *mode <= 0o7777)
}

fn number_of(digits: &[u8]) -> Option<u64> {
    let text = str::from_utf8(digits).ok()?;
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_have_their_units() {
        assert_eq!(size(b"64K"), Some(65_536));
        assert_eq!(size(b"1G"), Some(1 << 30));
        assert_eq!(time(b"90d"), Some(Duration::from_secs(90 * DAY)));
        assert_eq!(time(b"10m"), Some(Duration::from_secs(600)));
        assert_eq!(files(b"30"), Some(30));
        assert_eq!(mode(b"0640"), Some(0o640));
        assert_eq!(mode(b"7777"), Some(0o7777));
    }

    #[test]
    fn anything_else_is_none() {
        for word in ["", "K", "10", "+1K", "-1K", "1 K", "1k", "1.5G", "9999999T"] {
            assert_eq!(size(word.as_bytes()), None, "{word}");
        }
        for word in ["", "s", "5", "0s", "+5s", "5ms", "36501d", "5S"] {
            assert_eq!(time(word.as_bytes()), None, "{word}");
        }
        for word in ["", "0", "100001", "+1", "99999999999999999999"] {
            assert_eq!(files(word.as_bytes()), None, "{word}");
        }
        for word in ["", "0o640", "0680", "+640", "10000", "rw-r-----"] {
            assert_eq!(mode(word.as_bytes()), None, "{word}");
        }
    }

    proptest! {
        /// No word is a size and a time, so that `Rotate` and `Keep` know which is meant.
        #[test]
        fn a_word_is_one_quantity(word in "[0-9]{0,6}[KMGTsmhd]?") {
            let word = word.as_bytes();
            let readings = [size(word).is_some(), time(word).is_some(), files(word).is_some()];

            prop_assert!(readings.iter().filter(|reading| **reading).count() <= 1);
        }
    }
}
