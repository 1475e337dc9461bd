//! Sizes and times as people write them: `64MiB`, `64M`, `10s`, `500ms`.
//!
//! A number of bytes may stand alone; a time must say its unit, because programs
//! disagree about what a bare number of it means.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size(pub usize);

/// A stretch of time, never none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Time(pub Duration);

/// Why a quantity cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// It is no size.
    #[error("write a number of bytes, or one with K, M or G, as in 64M or 64MiB")]
    Size,
    /// It is no time.
    #[error("write a number from 1 with ms, s, m or h, as in 10s")]
    Time,
}

impl FromStr for Size {
    type Err = QuantityError;

    /// Reads a number of bytes. `K`, `M` and `G` are powers of 1,024, with or without `iB`.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text);
        let unit: usize = match unit {
            "" | "B" => 1,
            "K" | "k" | "KiB" => 1 << 10,
            "M" | "MiB" => 1 << 20,
            "G" | "GiB" => 1 << 30,
            _ => return Err(QuantityError::Size),
        };
        let number: usize = number.parse().map_err(|_| QuantityError::Size)?;
        let bytes = number.checked_mul(unit).ok_or(QuantityError::Size)?;
        Ok(Self(bytes))
    }
}

impl FromStr for Time {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (number, unit) = split(text);
        let unit: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(QuantityError::Time),
        };
        let number: u64 = number.parse().map_err(|_| QuantityError::Time)?;
        match number.checked_mul(unit) {
            None | Some(0) => Err(QuantityError::Time),
            Some(millis) => Ok(Self(Duration::from_millis(millis))),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 > 0 && self.0.trailing_zeros() >= shift {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1_000) {
            write!(f, "{}s", millis / 1_000)
        } else {
            write!(f, "{millis}ms")
        }
    }
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        const CASES: &[(&str, Option<usize>)] = &[
            ("0", Some(0)),
            ("100", Some(100)),
            ("64K", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("64M", Some(67_108_864)),
            ("1GiB", Some(1_073_741_824)),
            ("", None),
            ("M", None),
            ("-1", None),
            ("1.5M", None),
            ("64 MB", None),
            ("99999999999999999999", None),
            ("18446744073709551615G", None),
        ];
        for (text, expected) in CASES {
            assert_eq!(text.parse().ok(), expected.map(Size), "{text}");
        }
    }

    #[test]
    fn times_need_their_unit() {
        const CASES: &[(&str, Option<u64>)] = &[
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("10", None),
            ("0s", None),
            ("s", None),
            ("1d", None),
        ];
        for (text, expected) in CASES {
            let time = expected.map(|millis| Time(Duration::from_millis(millis)));
            assert_eq!(text.parse().ok(), time, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for bytes in [0, 1, 1000, 1024, 65_536, 3 << 20, 1 << 30] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        for millis in [1, 500, 1_000, 60_000] {
            let time = Time(Duration::from_millis(millis));
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
