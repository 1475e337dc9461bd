//! Sizes as people write them: `256M`, `64KiB`, `1000000`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes for sorting in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Memory(pub(super) usize);

/// No size, or too small a one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no size from 1M: write a number of bytes, or one with K, M or G, as in 256M")]
pub(super) struct SizeError(String);

impl Memory {
    /// 256 MiB: what a logging host has to spare.
    pub(super) const DEFAULT: Self = Self(256 << 20);
    /// 1 MiB: less makes more temporary files than it saves.
    const MIN: usize = 1 << 20;
}

impl FromStr for Memory {
    type Err = SizeError;

    /// `K`, `M` and `G` are powers of 1,024, with or without `iB`.
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let refused = || SizeError(text.to_owned());
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let unit: usize = match unit {
            "" | "B" => 1,
            "K" | "KiB" => 1 << 10,
            "M" | "MiB" => 1 << 20,
            "G" | "GiB" => 1 << 30,
            _ => return Err(refused()),
        };
        let number: usize = number.parse().map_err(|_| refused())?;
        let bytes = number.checked_mul(unit).ok_or_else(refused)?;
        if bytes < Self::MIN {
            return Err(refused());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}M", bytes >> 20),
            bytes => write!(f, "{bytes}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        const CASES: &[(&str, Option<usize>)] = &[
            ("256M", Some(256 << 20)),
            ("1GiB", Some(1 << 30)),
            ("2048K", Some(2 << 20)),
            ("1048576", Some(1 << 20)),
            ("1048575", None),
            ("1m", None),
            ("M", None),
            ("", None),
            ("99999999999999999999", None),
            ("99999999999G", None),
        ];
        for (text, bytes) in CASES {
            let size = text.parse::<Memory>().ok().map(|memory| memory.0);
            assert_eq!(size, *bytes, "{text}");
        }
        assert_eq!(Memory::DEFAULT.to_string(), "256M");
    }
}
