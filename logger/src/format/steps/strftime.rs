//! Times by the conversions of strftime(3), in the C locale, read once and written without an
//! allocation.
//!
//! chrono has all of this, but allocates for each text with an offset in it. The name of a time
//! zone (`%Z`) is not known here, only its offset, which stands in its place.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike};

use super::super::TIME_LEN_MAX;
use super::super::error::FormatReason;
use crate::format::UtcOffset;

/// A text with conversions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::format) struct Pattern {
    pieces: Box<[Piece]>,
    len_max: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Text(Box<str>),
    /// One of the letters of [`expand`] or [`write`].
    Conversion(u8),
}

impl Pattern {
    pub(in crate::format) fn compile(text: &str) -> Result<Self, FormatReason> {
        if text
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(FormatReason::Control);
        }
        let mut pieces = Vec::new();
        compile(text, &mut pieces)?;
        let len_max = pieces.iter().map(Piece::len_max).sum();
        if len_max > TIME_LEN_MAX {
            return Err(FormatReason::TimeTooLong);
        }
        Ok(Self {
            pieces: pieces.into(),
            len_max,
        })
    }

    /// Bytes of its longest text.
    pub(in crate::format) const fn len_max(&self) -> usize {
        self.len_max
    }

    /// Appends the text of `time`, in seconds since 1970, as clocks say that are `offset` from UTC.
    pub(in crate::format) fn write(&self, time: u64, offset: UtcOffset, out: &mut Vec<u8>) {
        let unix = i64::try_from(time).map_or(TIME_MAX, |time| time.min(TIME_MAX));
        let local = unix + i64::from(offset.minutes()) * 60;
        let local = DateTime::from_timestamp(local, 0).unwrap_or_default();
        let moment = Moment {
            local: local.naive_utc(),
            unix,
            offset,
        };
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Conversion(letter) => moment.write(*letter, out),
            }
        }
    }
}

fn compile(text: &str, pieces: &mut Vec<Piece>) -> Result<(), FormatReason> {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, conversion) = rest.split_at(at);
        push_text(plain, pieces);
        let mut letters = conversion.char_indices().skip(1);
        // The C locale has no other forms.
        let letter = letters.find(|(_, letter)| !matches!(letter, 'E' | 'O'));
        let Some((at, letter)) = letter else {
            return Err(FormatReason::Conversion);
        };
        rest = conversion.get(at + letter.len_utf8()..).unwrap_or_default();
        match (expand(letter), u8::try_from(letter)) {
            (Some(expansion), _) => compile(expansion, pieces)?,
            (None, Ok(letter)) if LETTERS.contains(&letter) => {
                pieces.push(Piece::Conversion(letter));
            }
            (None, _) => return Err(FormatReason::Conversion),
        }
    }
    push_text(rest, pieces);
    Ok(())
}

fn push_text(text: &str, pieces: &mut Vec<Piece>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into()));
    }
}

/// What is short for others.
const fn expand(letter: char) -> Option<&'static str> {
    Some(match letter {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'h' => "%b",
        'r' => "%I:%M:%S %p",
        'R' => "%H:%M",
        'T' | 'X' => "%H:%M:%S",
        '+' => "%a %b %e %H:%M:%S %Z %Y",
        _ => return None,
    })
}

/// The conversions. A newline (`%n`) is none of them: a record is one line.
const LETTERS: &[u8] = b"aAbBCdegGHIjklmMpPsStuUVwWyYzZ%";

impl Piece {
    fn len_max(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            // Wednesday, September.
            Self::Conversion(b'A' | b'B') => 9,
            // 253402300799, and a sign would not make it longer.
            Self::Conversion(b's') => 12,
            Self::Conversion(_) => 5,
        }
    }
}

struct Moment {
    local: NaiveDateTime,
    unix: i64,
    offset: UtcOffset,
}

impl Moment {
    fn write(&self, letter: u8, out: &mut Vec<u8>) {
        let local = &self.local;
        let (year, week_year) = (year(local.year()), year(local.iso_week().year()));
        let weekday = local.weekday();
        let (from_monday, from_sunday) = (
            weekday.num_days_from_monday(),
            weekday.num_days_from_sunday(),
        );
        let day = local.ordinal0();
        let (is_pm, hour) = local.hour12();
        match letter {
            b'a' => put(short(name(DAYS, from_sunday)), out),
            b'A' => put(name(DAYS, from_sunday), out),
            b'b' => put(short(name(MONTHS, local.month0())), out),
            b'B' => put(name(MONTHS, local.month0()), out),
            b'C' => digits::<2>(year / 100, b'0', out),
            b'd' => digits::<2>(local.day(), b'0', out),
            b'e' => digits::<2>(local.day(), b' ', out),
            b'g' => digits::<2>(week_year % 100, b'0', out),
            b'G' => digits::<4>(week_year, b'0', out),
            b'H' => digits::<2>(local.hour(), b'0', out),
            b'I' => digits::<2>(hour, b'0', out),
            b'j' => digits::<3>(day + 1, b'0', out),
            b'k' => digits::<2>(local.hour(), b' ', out),
            b'l' => digits::<2>(hour, b' ', out),
            b'm' => digits::<2>(local.month(), b'0', out),
            b'M' => digits::<2>(local.minute(), b'0', out),
            b'p' => put(if is_pm { "PM" } else { "AM" }, out),
            b'P' => put(if is_pm { "pm" } else { "am" }, out),
            b's' => put(itoa::Buffer::new().format(self.unix), out),
            b'S' => digits::<2>(local.second(), b'0', out),
            b't' => out.push(b'\t'),
            b'u' => digits::<1>(from_monday + 1, b'0', out),
            b'U' => digits::<2>((day + 7 - from_sunday) / 7, b'0', out),
            b'V' => digits::<2>(local.iso_week().week(), b'0', out),
            b'w' => digits::<1>(from_sunday, b'0', out),
            b'W' => digits::<2>((day + 7 - from_monday) / 7, b'0', out),
            b'y' => digits::<2>(year % 100, b'0', out),
            b'Y' => digits::<4>(year, b'0', out),
            b'z' | b'Z' => self.write_offset(out),
            _ => out.push(b'%'),
        }
    }

    fn write_offset(&self, out: &mut Vec<u8>) {
        let minutes = u32::from(self.offset.minutes().unsigned_abs());
        out.push(if self.offset.minutes() < 0 {
            b'-'
        } else {
            b'+'
        });
        digits::<4>(minutes / 60 * 100 + minutes % 60, b'0', out);
    }
}

/// Appends the last `LEN` digits of `number`, `fill` in place of leading zeros.
pub(in crate::format) fn digits<const LEN: usize>(number: u32, fill: u8, out: &mut Vec<u8>) {
    let mut text = [fill; LEN];
    let mut rest = number;
    for (place, digit) in text.iter_mut().rev().enumerate() {
        if rest > 0 || place == 0 {
            *digit = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
    }
    out.extend_from_slice(&text);
}

fn year(year: i32) -> u32 {
    year.clamp(0, 9999).unsigned_abs()
}

fn put(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

fn name(names: &'static [&'static str], at: u32) -> &'static str {
    let at = usize::try_from(at).unwrap_or_default();
    names.get(at).copied().unwrap_or_default()
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

const DAYS: &[&str] = &[
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The end of the year 9999, less a day for the offset.
const TIME_MAX: i64 = 253_402_300_799 - 86_400;

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;
    use proptest::prelude::*;

    use super::*;

    fn text(pattern: &str, time: u64, minutes: i16) -> String {
        let pattern = Pattern::compile(pattern).unwrap();
        let mut text = Vec::new();
        pattern.write(time, UtcOffset::from_minutes(minutes), &mut text);
        assert!(text.len() <= pattern.len_max());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_strftime_has_not_and_what_ends_a_line_is_refused() {
        for pattern in ["%", "%E", "%Q", "%n", "%-d", "%é", "a%"] {
            assert_eq!(
                Pattern::compile(pattern),
                Err(FormatReason::Conversion),
                "{pattern}"
            );
        }
        assert_eq!(Pattern::compile("a\nb"), Err(FormatReason::Control));
        let long = "%A".repeat(TIME_LEN_MAX / 9 + 1);
        assert_eq!(Pattern::compile(&long), Err(FormatReason::TimeTooLong));
    }

    #[test]
    fn texts_around_conversions_stay_as_they_are() {
        assert_eq!(text("é %% %Ey %Od%t|", 0, 0), "é % 70 01\t|");
        assert_eq!(text("%s %Z", 1_795_370_940, -90), "1795370940 -0130");
    }

    proptest! {
        /// chrono's names and numbers are strftime's; `%Z` is left to the test above.
        #[test]
        fn the_text_is_that_of_chrono(time in 0..TIME_MAX, minutes in -840_i16..=840) {
            for letter in "aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYz%".chars() {
                let pattern = format!("%{letter}");
                let offset = FixedOffset::east_opt(i32::from(minutes) * 60).unwrap();
                let local = DateTime::from_timestamp(time, 0).unwrap().with_timezone(&offset);

                let ours = text(&pattern, u64::try_from(time).unwrap(), minutes);

                prop_assert_eq!(ours, local.format(&pattern).to_string(), "{}", letter);
            }
        }
    }
}
