//! The time of a line, `[22/Nov/2026:18:09:00 +0000]`, as text made once a second.
//!
//! It reads no clock and no time zone: the second comes with each record, the offset from the
//! publisher's thread (`queue`), because asking for the local offset reads files and allocates.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Timelike};

/// Bytes of the text of a time, brackets included.
pub const STAMP_LEN: usize = 28;

/// No identity and no user, and the space before them.
pub(super) const NO_USER: &[u8; 4] = b" - -";

/// Those, a space, the stamp, a space and a quote.
pub(super) const TEXT_LEN: usize = NO_USER.len() + 1 + STAMP_LEN + 2;

/// The offset of local time from UTC, in whole minutes; east of Greenwich is positive.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// The offset of `minutes`, brought within a day, since the text has two digits for hours.
    #[must_use]
    pub fn from_minutes(minutes: i16) -> Self {
        Self {
            minutes: minutes.clamp(-MINUTES_MAX, MINUTES_MAX),
        }
    }

    /// The offset in minutes.
    #[must_use]
    pub const fn minutes(self) -> i16 {
        self.minutes
    }
}

/// The text of the last second asked for.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    time: u64,
    text: [u8; TEXT_LEN],
}

impl Stamp {
    pub(super) fn new() -> Self {
        Self {
            time: 0,
            text: between(0, UtcOffset::default()),
        }
    }

    /// What stands between the client and the request when no user is known: [`NO_USER`], the
    /// text of `time` and ` "`. The offset is looked at only when the second is a new one.
    pub(super) fn text(
        &mut self,
        time: u64,
        offset: impl FnOnce() -> UtcOffset,
    ) -> &[u8; TEXT_LEN] {
        if time != self.time {
            self.time = time;
            self.text = between(time, offset());
        }
        &self.text
    }
}

fn between(time: u64, offset: UtcOffset) -> [u8; TEXT_LEN] {
    let mut text = [b' '; TEXT_LEN];
    let parts = NO_USER.iter().chain(b" ");
    let stamp = text_of(time, offset);
    for (to, from) in text.iter_mut().zip(parts.chain(&stamp).chain(b" \"")) {
        *to = *from;
    }
    text
}

/// The text of `time`, in seconds since 1970, as the clocks say that are `offset` from UTC; times
/// after the year 9999 are its end.
#[must_use]
pub fn text_of(time: u64, offset: UtcOffset) -> [u8; STAMP_LEN] {
    let time = i64::try_from(time).map_or(TIME_MAX, |time| time.min(TIME_MAX));
    let local = time + i64::from(offset.minutes) * 60;
    let local = DateTime::from_timestamp(local, 0).unwrap_or_default();

    let mut text = *b"[00/Jan/0000:00:00:00 +0000]";
    put_number(&mut text, 1, 2, local.day());
    put(&mut text, 4, month_name(local.month0()));
    put_number(&mut text, 8, 4, local.year().unsigned_abs());
    put_number(&mut text, 13, 2, local.hour());
    put_number(&mut text, 16, 2, local.minute());
    put_number(&mut text, 19, 2, local.second());
    if offset.minutes < 0 {
        put(&mut text, 22, b"-");
    }
    let ahead = u32::from(offset.minutes.unsigned_abs());
    put_number(&mut text, 23, 4, ahead / 60 * 100 + ahead % 60);
    text
}

/// The Unix seconds of a text, brackets included; `None` when it is not one.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u64> {
    let text: &[u8; STAMP_LEN] = text.try_into().ok()?;
    let [
        b'[',
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        oh1,
        oh2,
        om1,
        om2,
        b']',
    ] = *text
    else {
        return None;
    };
    let month = (1..).zip(MONTHS).find(|(_, name)| **name == [m1, m2, m3]);
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(number(&[y1, y2, y3, y4])?).ok()?,
        month?.0,
        number(&[d1, d2])?,
    )?;
    let local: NaiveDateTime =
        date.and_hms_opt(number(&[h1, h2])?, number(&[i1, i2])?, number(&[s1, s2])?)?;
    let minutes = number(&[om1, om2]).filter(|minutes| *minutes < 60)?;
    let ahead = TimeDelta::minutes(i64::from(number(&[oh1, oh2])? * 60 + minutes));
    let utc = match sign {
        b'+' => local.checked_sub_signed(ahead)?,
        b'-' => local.checked_add_signed(ahead)?,
        _ => return None,
    };
    u64::try_from(utc.and_utc().timestamp()).ok()
}

fn put(text: &mut [u8; STAMP_LEN], at: usize, bytes: &[u8]) {
    for (to, from) in text.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

fn put_number(text: &mut [u8; STAMP_LEN], at: usize, digits: usize, mut number: u32) {
    for to in text.iter_mut().skip(at).take(digits).rev() {
        *to = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + u32::from(digit - b'0'))
    })
}

fn month_name(month0: u32) -> &'static [u8] {
    let name = usize::try_from(month0).ok().and_then(|i| MONTHS.get(i));
    name.map_or(b"", |name| name.as_slice())
}

const MONTHS: &[[u8; 3]; 12] = &[
    *b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct",
    *b"Nov", *b"Dec",
];

/// 30 December 9999, 23:59:59 UTC: with any offset the year still has four digits.
const TIME_MAX: i64 = 253_402_214_399;

/// 23:59, the most that `+hhmm` should say.
const MINUTES_MAX: i16 = 23 * 60 + 59;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CASES: &[(u64, i16, &str)] = &[
        (0, 0, "[01/Jan/1970:00:00:00 +0000]"),
        (0, -300, "[31/Dec/1969:19:00:00 -0500]"),
        (1_795_370_940, 0, "[22/Nov/2026:18:09:00 +0000]"),
        (1_795_370_940, 330, "[22/Nov/2026:23:39:00 +0530]"),
        (1_709_164_800, 0, "[29/Feb/2024:00:00:00 +0000]"),
        (u64::MAX, 14 * 60, "[31/Dec/9999:13:59:59 +1400]"),
    ];

    #[test]
    fn the_text_is_apaches() {
        for &(time, minutes, expected) in CASES {
            let text = text_of(time, UtcOffset::from_minutes(minutes));

            assert_eq!(text.escape_ascii().to_string(), expected);
        }
    }

    #[test]
    fn the_offset_is_asked_for_once_a_second() {
        let mut asked = 0;
        let mut stamp = Stamp::new();
        for time in [7, 7, 7, 8, 8, 7] {
            stamp.text(time, || {
                asked += 1;
                UtcOffset::default()
            });
        }

        assert_eq!(asked, 3);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "[22/Nov/2026:18:09:00 +0000",
            "[30/Feb/2026:18:09:00 +0000]",
            "[22/nov/2026:18:09:00 +0000]",
            "[22/Nov/2026:24:09:00 +0000]",
            "[22/Nov/2026:18:09:00 +0060]",
            "[22/Nov/2026:18:09:00 00000]",
            "[+2/Nov/2026:18:09:00 +0000]",
            "[31/Dec/1969:23:59:59 +0000]",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_undoes_text(time in 0..=TIME_MAX, minutes in -MINUTES_MAX..=MINUTES_MAX) {
            let time = u64::try_from(time).unwrap();

            let text = text_of(time, UtcOffset::from_minutes(minutes));

            prop_assert_eq!(parse(&text), Some(time));
        }
    }
}
