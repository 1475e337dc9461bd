//! HTTP dates, RFC 9110 5.6.7: seconds since 1970 in UTC, written in the one form and read in all
//! three.
//!
//! ```text
//! Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate, the one to send
//! Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
//! Sun Nov  6 08:49:37 1994         asctime
//! ```
//!
//! Dates are case-sensitive and nothing in them is optional. A day that does not exist is no date;
//! that it was another day of the week is overlooked, as other servers do (RFC 9110 5.6.7 asks to
//! be robust, and the rest of the date says the same without it).

#[cfg(test)]
mod tests;

/// Bytes of an IMF-fixdate.
pub const LEN: usize = 29;

/// The first and last second that four digits of a year can say.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

const DAY: i64 = 24 * 60 * 60;

const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const WEEKDAY_ENDS: [&str; 7] = ["day", "day", "sday", "nesday", "rsday", "day", "urday"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Writes a date. A time outside the years 0 to 9999 is moved to the nearest that is inside.
#[must_use]
pub fn format(unix: i64) -> [u8; LEN] {
    let unix = unix.clamp(FIRST, LAST);
    let (days, second) = (unix.div_euclid(DAY), unix.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let [w1, w2, w3] = *pick(&WEEKDAYS, weekday(days)).unwrap_or(b"Sun");
    let [m1, m2, m3] = *pick(&MONTHS, month - 1).unwrap_or(b"Jan");
    let [day1, day2] = two_digits(day);
    let ([y1, y2], [y3, y4]) = (two_digits(year / 100), two_digits(year));
    let [h1, h2] = two_digits(second / 3600);
    let [min1, min2] = two_digits(second / 60 % 60);
    let [s1, s2] = two_digits(second % 60);
    [
        w1, w2, w3, b',', b' ', day1, day2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', h1, h2,
        b':', min1, min2, b':', s1, s2, b' ', b'G', b'M', b'T',
    ]
}

/// Reads a date in any of the three forms; `None` if it is none. `now` decides the century of an
/// RFC 850 date.
#[must_use]
pub fn parse(date: &[u8], now: i64) -> Option<i64> {
    let (weekday_name, rest) = date.split_at_checked(3)?;
    let weekday_named = position(&WEEKDAYS, weekday_name)?;
    let mut rest = Rest(rest);
    let (year, month, day, second);
    if rest.take(b", ").is_some() {
        day = rest.two()?;
        rest.take(b" ")?;
        month = rest.month()?;
        rest.take(b" ")?;
        year = rest.two()? * 100 + rest.two()?;
        rest.take(b" ")?;
        second = rest.time()?;
        rest.take(b" GMT")?;
    } else if rest.take(b" ").is_some() {
        month = rest.month()?;
        rest.take(b" ")?;
        day = rest.day_with_blank()?;
        rest.take(b" ")?;
        second = rest.time()?;
        rest.take(b" ")?;
        year = rest.two()? * 100 + rest.two()?;
    } else {
        rest.take(pick(&WEEKDAY_ENDS, weekday_named)?.as_bytes())?;
        rest.take(b", ")?;
        day = rest.two()?;
        rest.take(b"-")?;
        month = rest.month()?;
        rest.take(b"-")?;
        let two_digits = rest.two()?;
        rest.take(b" ")?;
        second = rest.time()?;
        year = full_year(two_digits, (month, day, second), now);
        rest.take(b" GMT")?;
    }

    let days = days_from_civil(year, month, day);
    let exists = civil(days) == (year, month, day);
    (rest.0.is_empty() && exists).then_some(days * DAY + second)
}

/// `2024-02-29 23:59`, as directory listings have it.
pub(crate) fn to_minutes(unix: i64) -> String {
    let unix = unix.clamp(FIRST, LAST);
    let (days, second) = (unix.div_euclid(DAY), unix.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

/// RFC 9110 5.6.7: a time that seems to be more than 50 years in the future is that of the most
/// recent year in the past with the same two digits. `within` is what follows the year: month, day
/// and second.
fn full_year(two_digits: i64, within: (i64, i64, i64), now: i64) -> i64 {
    let now = now.clamp(FIRST, LAST);
    let (this_year, month, day) = civil(now.div_euclid(DAY));
    let is_later = within > (month, day, now.rem_euclid(DAY));
    let year = this_year - this_year.rem_euclid(100) + two_digits;
    match year - this_year {
        51.. => year - 100,
        50 if is_later => year - 100,
        -50 if !is_later => year + 100,
        ..-50 => year + 100,
        _ => year,
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    fn two(&mut self) -> Option<i64> {
        let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = self.0 else {
            return None;
        };
        self.0 = rest;
        Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    }

    /// `2DIGIT / ( SP 1DIGIT )`
    fn day_with_blank(&mut self) -> Option<i64> {
        let [b' ', ones @ b'0'..=b'9', rest @ ..] = self.0 else {
            return self.two();
        };
        self.0 = rest;
        Some(i64::from(ones - b'0'))
    }

    fn month(&mut self) -> Option<i64> {
        let (month, rest) = self.0.split_at_checked(3)?;
        self.0 = rest;
        Some(position(&MONTHS, month)? + 1)
    }

    /// Seconds of the day. A leap second is the second after it.
    fn time(&mut self) -> Option<i64> {
        let hour = self.two()?;
        self.take(b":")?;
        let minute = self.two()?;
        self.take(b":")?;
        let second = self.two()?;
        (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
    }
}

/// Days since 1970 as year, month and day. Howard Hinnant's `civil_from_days`: years begin in
/// March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// 0 for Sunday. The first day of 1970 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

fn position(names: &[&[u8; 3]], name: &[u8]) -> Option<i64> {
    let at = names
        .iter()
        .position(|candidate| candidate.as_slice() == name)?;
    i64::try_from(at).ok()
}

fn pick<T: Copy>(names: &[T], at: i64) -> Option<T> {
    names.get(usize::try_from(at).ok()?).copied()
}

fn two_digits(number: i64) -> [u8; 2] {
    let digit = |number: i64| b'0' + u8::try_from(number % 10).unwrap_or(0);
    [digit(number / 10), digit(number)]
}
