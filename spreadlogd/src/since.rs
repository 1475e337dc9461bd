//! A moment in the past, as it is written on a command line.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};

/// Since when something is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Since {
    /// Seconds since 1970.
    pub(crate) seconds: u64,
}

/// It is no moment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no moment: it is a time ago (90m, 24h, 7d), a date, or a date and a time \
     (2026-11-28, 2026-11-28 09:30, 2026-11-28T09:30:00Z), of this machine's zone without Z"
)]
pub(crate) struct SinceError(String);

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let seconds = ago(text, now).or_else(|| moment(text));
        let seconds = seconds.ok_or_else(|| SinceError(text.to_owned()))?;
        Ok(Self { seconds })
    }
}

/// So long before `now`.
fn ago(text: &str, now: u64) -> Option<u64> {
    let (at, unit) = text.char_indices().next_back()?;
    let second = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.get(..at)?;
    let number: u64 = number
        .parse()
        .ok()
        .filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(now.saturating_sub(number.checked_mul(second)?))
}

/// By the calendar.
fn moment(text: &str) -> Option<u64> {
    let (text, is_utc) = match text.strip_suffix('Z') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let date = |text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let parsed = FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let moment = parsed.or_else(|| Some(date(text)?.and_time(NaiveTime::MIN)))?;
    let seconds = if is_utc {
        Utc.from_utc_datetime(&moment).timestamp()
    } else {
        // An hour that is there twice begins with the first; in one that is not, none is meant.
        Local.from_local_datetime(&moment).earliest()?.timestamp()
    };
    u64::try_from(seconds).ok()
}

const FORMS: [&str; 4] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_people_and_programs_do() {
        // From `date -u -d @SECONDS`.
        for text in [
            "2026-11-28T05:50:01Z",
            "2026-11-28 05:50:01Z",
            "2026-11-28T05:50:01Z",
        ] {
            assert_eq!(moment(text), Some(1_795_845_001), "{text}");
        }
        assert_eq!(moment("2026-11-28T05:50Z"), Some(1_795_845_000));
        assert_eq!(moment("1970-01-02Z"), Some(86_400));
        let noon = Local.with_ymd_and_hms(2026, 11, 28, 12, 0, 0).unwrap();
        let noon = u64::try_from(noon.timestamp()).ok();
        assert_eq!(moment("2026-11-28 12:00"), noon);
        assert_eq!(moment("2026-11-28").map(|day| day + 12 * 3_600), noon);
        for (text, seconds) in [("90m", 5_400), ("24h", 86_400), ("7d", 7 * 86_400)] {
            assert_eq!(ago(text, 1_000_000), Some(1_000_000 - seconds), "{text}");
        }
        assert_eq!(ago("9d", 5), Some(0));
    }

    #[test]
    fn what_is_none_is_refused_with_what_would_be() {
        for text in [
            "",
            "d",
            "-1d",
            "+1d",
            "1w",
            "yesterday",
            "2026-13-01",
            "1\u{e9}",
            "1969-12-31Z",
        ] {
            let error = text.parse::<Since>().unwrap_err();
            assert_eq!(error, SinceError(text.to_owned()));
            assert!(error.to_string().contains("24h"));
        }
    }
}
