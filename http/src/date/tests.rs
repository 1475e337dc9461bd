//! Dates beside their forms, and the law of the round trip.

use super::{
    DAY, FIRST, LAST, WEEKDAY_ENDS, WEEKDAYS, days_from_civil, format, parse, pick, weekday,
};
use proptest::prelude::{prop_assert_eq, proptest};

const NOW: i64 = 1_795_000_000; // in November 2026

#[test]
fn all_three_forms_are_read() {
    const CASES: &[(&str, Option<i64>)] = &[
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
        ("Sun Nov 06 08:49:37 1994", Some(784_111_777)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
        ("Thu, 29 Feb 2024 23:59:60 GMT", Some(1_709_251_200)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LAST)),
        ("Sat, 01 Jan 0000 00:00:00 GMT", Some(FIRST)),
        // Another day of the week.
        ("Mon, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        ("Monday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
        ("Mon Nov  6 08:49:37 1994", Some(784_111_777)),
        // 50 years after `NOW`, and a second more.
        ("Wednesday, 18-Nov-76 11:06:40 GMT", Some(3_372_923_200)),
        ("Thursday, 18-Nov-76 11:06:41 GMT", Some(217_163_201)),
        // Not a date.
        ("", None),
        ("Sun", None),
        ("Thu, 30 Feb 2023 00:00:00 GMT", None),
        ("Wed, 29 Feb 2023 00:00:00 GMT", None),
        ("Sun, 00 Nov 1994 08:49:37 GMT", None),
        ("Sun, 6 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ("Sun, 06 Nov 1994 08:60:00 GMT", None),
        ("Sun, 06 Nov 1994 08:49:61 GMT", None),
        ("sun, 06 nov 1994 08:49:37 gmt", None),
        ("Sun, 06 Nov 1994 08:49:37 UTC", None),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT ", None),
        (" Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37", None),
        ("Sun,  6 Nov 1994 08:49:37 GMT", None),
        ("Sunday, 06-Nov-1994 08:49:37 GMT", None),
        ("Sun, 06-Nov-94 08:49:37 GMT", None),
        ("Sun Nov 6 08:49:37 1994", None),
        ("Sun Nov  6 08:49:37 1994 GMT", None),
        ("Xyz, 06 Nov 1994 08:49:37 GMT", None),
        ("Monnday, 06-Nov-94 08:49:37 GMT", None),
        ("784111777", None),
    ];
    for (text, seconds) in CASES {
        assert_eq!(parse(text.as_bytes(), NOW), *seconds, "{text:?}");
    }
}

/// Never more than 50 years from now, whatever century that lies in.
#[test]
fn two_digits_of_a_year_are_the_nearest_year() {
    const CASES: &[(&str, i64, i64, i64)] = &[
        // What is read in a date of November, year and month that it is, the year it means.
        ("94", 2026, 6, 1994),
        ("75", 2026, 6, 2075),
        ("76", 2026, 6, 1976),
        ("76", 2026, 12, 2076),
        ("77", 2026, 12, 1977),
        ("00", 2026, 6, 2000),
        ("00", 2099, 6, 2100),
        ("48", 2099, 6, 2148),
        ("49", 2099, 6, 2049),
        ("49", 2099, 12, 2149),
        ("50", 2099, 12, 2050),
        ("26", 1970, 6, 1926),
    ];
    for (digits, this_year, month, year) in CASES {
        let now = days_from_civil(*this_year, *month, 15) * DAY;
        let day = days_from_civil(*year, 11, 6);
        let day_of_week = pick(&WEEKDAYS, weekday(day)).unwrap();
        let end = pick(&WEEKDAY_ENDS, weekday(day)).unwrap();
        let day_of_week = str::from_utf8(day_of_week).unwrap();
        let date = format!("{day_of_week}{end}, 06-Nov-{digits} 00:00:00 GMT");
        assert_eq!(
            parse(date.as_bytes(), now),
            Some(day * DAY),
            "{date} in {this_year}"
        );
    }
}

#[test]
fn a_time_that_four_digits_cannot_say_is_moved_inside() {
    assert_eq!(format(i64::MAX), *b"Fri, 31 Dec 9999 23:59:59 GMT");
    assert_eq!(format(i64::MIN), *b"Sat, 01 Jan 0000 00:00:00 GMT");
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(seconds in FIRST..=LAST, now in FIRST..=LAST) {
        prop_assert_eq!(parse(&format(seconds), now), Some(seconds));
    }

    /// With the year of the date itself as now, every RFC 850 date names that year.
    #[test]
    fn an_rfc_850_date_of_this_year_is_read_back(seconds in 0..LAST) {
        let date = String::from_utf8(format(seconds).to_vec()).unwrap();
        let end = pick(&WEEKDAY_ENDS, weekday(seconds.div_euclid(DAY))).unwrap();
        let old = format!(
            "{}{end}, {}-{}-{}{}",
            &date[..3], &date[5..7], &date[8..11], &date[14..16], &date[16..]
        );
        prop_assert_eq!(parse(old.as_bytes(), seconds), Some(seconds));
    }

    #[test]
    fn no_bytes_and_no_time_panic(
        bytes in proptest::collection::vec(0u8.., 0..40),
        now in i64::MIN..,
    ) {
        let _ = parse(&bytes, now);
        let _ = format(now);
    }
}
