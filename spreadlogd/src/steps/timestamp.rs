//! `RewriteTimestamp`: the time of a line becomes the time it was received here.
//!
//! Only the time itself is replaced: the text in brackets that is a time of the Common Log Format
//! and stands at its place ([`Head`]). The original replaced whatever stood between the first `[`
//! and the next `]`, which destroyed IPv6 addresses, called local time `+0000`, and cut the end
//! of a line that grew (timefuncs.c). A line without a time stays as it is.
//!
//! Two forms, as in the original: `CommonLogFormat`, which is `[dd/Mon/yyyy:hh:mm:ss +zzzz]` of
//! local time with its zone; or the text of strftime, whose brackets are the user's to add. The
//! letters of strftime are those of the crate `chrono`: all of C's but the modifiers `%E` and `%O`;
//! names are English, `%Z` is an offset like `%:z`, and no fraction of a second is known.
//!
//! The text is made once a second. No clock is read: the time is handed in, and of the machine
//! only its time zone is asked.

use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset, Local, Utc};
use spread_logger::format::{STAMP_LEN, UtcOffset, stamp};

use super::line::{Head, is_object};

/// What the time of a line becomes.
#[derive(Clone, Debug)]
pub struct Rewrite {
    form: Form,
    /// The second whose text this is.
    second: Option<u64>,
    text: Vec<u8>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Form {
    CommonLog,
    Strftime {
        text: String,
        items: Vec<Item<'static>>,
    },
}

impl Rewrite {
    /// Reads `CommonLogFormat`, or the text of strftime.
    ///
    /// # Errors
    /// When strftime has no such letter, or the text would not fit into a line.
    pub fn parse(text: &[u8]) -> Result<Self, RewriteError> {
        let form = if text == COMMON_LOG {
            Form::CommonLog
        } else {
            strftime(text)?
        };
        Ok(Self {
            form,
            second: None,
            text: Vec::new(),
        })
    }

    /// Appends `line` to `out`, its time, if it has one, replaced by that of `now`.
    pub fn rewrite(&mut self, line: &[u8], now: SystemTime, out: &mut Vec<u8>) {
        self.rewrite_in(local, line, now, out);
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.form {
            Form::CommonLog => "CommonLogFormat",
            Form::Strftime { text, .. } => text,
        }
    }

    fn rewrite_in(
        &mut self,
        zone: impl FnOnce(DateTime<Utc>) -> DateTime<FixedOffset>,
        line: &[u8],
        now: SystemTime,
        out: &mut Vec<u8>,
    ) {
        let head = Head::of(line).filter(|_| !is_object(line));
        let split = head.and_then(|head| {
            let (before, rest) = line.split_at_checked(head.time_at)?;
            Some((before, rest.get(STAMP_LEN..)?))
        });
        let Some((before, after)) = split else {
            out.extend_from_slice(line);
            return;
        };
        let second = seconds(now);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            self.form.write(zone(utc(second)), &mut self.text);
        }
        out.reserve(before.len() + self.text.len() + after.len());
        out.extend_from_slice(before);
        out.extend_from_slice(&self.text);
        out.extend_from_slice(after);
    }
}

impl PartialEq for Rewrite {
    fn eq(&self, other: &Self) -> bool {
        self.form == other.form
    }
}

impl Eq for Rewrite {}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Form {
    fn write(&self, time: DateTime<FixedOffset>, out: &mut Vec<u8>) {
        match self {
            Self::CommonLog => {
                let minutes = time.offset().local_minus_utc().div_euclid(60);
                let offset = UtcOffset::from_minutes(i16::try_from(minutes).unwrap_or_default());
                let second = u64::try_from(time.timestamp()).unwrap_or_default();
                out.extend_from_slice(&stamp(second, offset));
            }
            Self::Strftime { items, .. } => {
                out.extend_from_slice(formatted(time, items).unwrap_or_default().as_bytes());
            }
        }
    }
}

fn strftime(text: &[u8]) -> Result<Form, RewriteError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(RewriteError::TooLong(text.len()));
    }
    let text = str::from_utf8(text)
        .map_err(|_| RewriteError::NotText(String::from_utf8_lossy(text).into_owned()))?
        .to_owned();
    let items = StrftimeItems::new(&text).parse_to_owned();
    let Some((items, sample)) = items
        .ok()
        .and_then(|items| formatted(utc(0).fixed_offset(), &items).map(|text| (items, text)))
    else {
        return Err(RewriteError::Letter(text));
    };
    // Only what was written, or `%n`, can be a newline: the same for every time.
    if sample.contains('\n') {
        return Err(RewriteError::Newline(text));
    }
    Ok(Form::Strftime { text, items })
}

/// The text of `items`; `None` if there is an item that `time` cannot say.
pub(super) fn formatted(time: DateTime<FixedOffset>, items: &[Item<'_>]) -> Option<String> {
    let mut text = String::new();
    write!(text, "{}", time.format_with_items(items.iter())).ok()?;
    Some(text)
}

/// A text that no time is written as.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// It is longer than a time needs to be.
    #[error("a time's text of {0} bytes is over the limit of {TEXT_LEN_MAX}")]
    TooLong(usize),
    /// It has bytes outside UTF-8.
    #[error("`{0}` is not text in UTF-8")]
    NotText(String),
    /// It has a letter after `%` that means nothing.
    #[error("`{0}` is neither CommonLogFormat nor a text of strftime")]
    Letter(String),
    /// It would make two lines of one.
    #[error("`{0}` has a newline, which would end the line")]
    Newline(String),
}

/// Whole seconds since 1970; a time before that is 1970, one after the year 9999 its end.
pub(super) fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        .min(SECONDS_MAX)
}

pub(super) fn utc(second: u64) -> DateTime<Utc> {
    let second = i64::try_from(second).unwrap_or_default();
    DateTime::from_timestamp(second, 0).unwrap_or_default()
}

/// The time that the machine's clocks show.
pub(super) fn local(time: DateTime<Utc>) -> DateTime<FixedOffset> {
    time.with_timezone(&Local).fixed_offset()
}

const COMMON_LOG: &[u8] = b"CommonLogFormat";

/// 127: what the original had room for.
const TEXT_LEN_MAX: usize = 127;

/// 30 December 9999, 23:59:59 UTC: a year has four digits everywhere.
const SECONDS_MAX: u64 = 253_402_214_399;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use spread_logger::format::parse_stamp;

    use super::*;

    const OLD: &str = "[22/Nov/2006:18:09:00 +0000]";

    /// 2026-11-28 16:51:54 UTC.
    const WINTER: u64 = 1_795_884_714;
    /// 2026-07-28 15:51:54 UTC.
    const SUMMER: u64 = 1_785_253_914;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    /// As the clocks in New York go in the two seconds above.
    fn new_york(time: DateTime<Utc>) -> DateTime<FixedOffset> {
        let hours = if time.timestamp() == 1_785_253_914 {
            4
        } else {
            5
        };
        time.with_timezone(&FixedOffset::west_opt(hours * 3_600).unwrap())
    }

    fn rewritten(form: &str, line: &str, second: u64) -> String {
        let mut out = Vec::new();
        Rewrite::parse(form.as_bytes()).unwrap().rewrite_in(
            new_york,
            line.as_bytes(),
            at(second),
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    /// The original wrote New York's time as `+0000`, in summer and in winter.
    #[test]
    fn the_zone_is_that_of_the_time() {
        for (second, expected) in [
            (WINTER, "[28/Nov/2026:11:51:54 -0500]"),
            (SUMMER, "[28/Jul/2026:11:51:54 -0400]"),
        ] {
            let line = format!("192.0.2.7 - - {OLD} \"GET / HTTP/1.1\" 200 5\n");

            let new = rewritten("CommonLogFormat", &line, second);

            assert_eq!(new, line.replace(OLD, expected));
        }
    }

    #[test]
    fn only_the_time_is_replaced() {
        let form = "[%Y-%m-%d %H:%M:%S]";
        let new = "[2026-11-28 11:51:54]";
        for line in [
            format!("[2001:db8::1] - - {OLD} \"GET /[a] HTTP/1.1\" 200 5 \"{OLD}\" \"-\"\n"),
            format!("www.example.org 192.0.2.7 - [x {OLD} \"GET / HTTP/1.1\" 200 5"),
        ] {
            assert_eq!(rewritten(form, &line, WINTER), line.replacen(OLD, new, 1));
        }
        for line in [
            "no time\n",
            "[a] b\n",
            "a - - [time] \"GET / HTTP/1.1\" 200 5\n",
            "a \"GET / HTTP/1.1\" [22/Nov/2006:18:09:00 +0000]\n",
            "",
            "\n",
        ] {
            assert_eq!(rewritten(form, line, WINTER), line);
        }
    }

    /// The original clipped a line that grew, and left old bytes behind one that shrank.
    #[test]
    fn the_rest_of_a_line_is_never_cut() {
        let rest = "x".repeat(100_000);
        for form in ["", &"T".repeat(TEXT_LEN_MAX)] {
            let line = format!("a - - {OLD} {rest}\n");

            assert_eq!(rewritten(form, &line, WINTER), line.replace(OLD, form));
        }
    }

    #[test]
    fn the_text_is_that_of_the_second() {
        let mut rewrite = Rewrite::parse(b"%s").unwrap();
        for second in [7, 7, 8, 7] {
            let mut out = Vec::new();

            rewrite.rewrite(format!("a - - {OLD}").as_bytes(), at(second), &mut out);

            assert_eq!(out, format!("a - - {second}").as_bytes());
        }
    }

    #[test]
    fn what_is_no_text_of_strftime_is_refused() {
        for text in [
            &b"%"[..],
            b"%Q",
            b"%Ey",
            b"a\nb",
            b"%n",
            b"\xff",
            &[b'x'; 128],
        ] {
            assert!(Rewrite::parse(text).is_err(), "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_rewritten_line_says_when_it_was_received(
            second in 0..SECONDS_MAX,
            before in "[^ \n\"]{1,10} [^ \n\"]{1,10} [^ \n\"]{1,10} ",
            after in "( [^\n]{0,40})?\n?",
        ) {
            let (mut rewrite, mut out) = (Rewrite::parse(COMMON_LOG).unwrap(), Vec::new());

            rewrite.rewrite(format!("{before}{OLD}{after}").as_bytes(), at(second), &mut out);

            prop_assert!(out.starts_with(before.as_bytes()));
            prop_assert!(out.ends_with(after.as_bytes()));
            let new = &out[before.len()..out.len() - after.len()];
            prop_assert_eq!(parse_stamp(new), Some(second));
        }

        #[test]
        fn a_line_without_a_time_stays(
            line in proptest::collection::vec(any::<u8>(), 0..60),
            form in "[%YmdHIS:]{0,6}",
        ) {
            let line: Vec<u8> = line.into_iter().filter(|byte| *byte != b'[').collect();
            let mut out = b"kept".to_vec();
            if let Ok(mut rewrite) = Rewrite::parse(form.as_bytes()) {
                rewrite.rewrite(&line, at(7), &mut out);

                prop_assert_eq!(&out[4..], &line[..]);
            }
        }
    }
}
