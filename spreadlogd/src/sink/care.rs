//! What a Log asks of its files beside the lines: their mode, when they are put aside, what
//! becomes of them then, and when what was written is safe.
//!
//! A file that is put aside keeps its name and gets the time: `access_log` becomes
//! `access_log.20261128T093000`. The capital letter is in no virtual host's name, so that no host
//! can be called like another's old file.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Local};

use crate::config::{Compression, Every, Keep, Rotate, Sync};

/// What a Log asks of its files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Care {
    pub(crate) mode: Option<u32>,
    pub(crate) sync: Sync,
    pub(crate) rotate: Rotate,
    pub(crate) compress: Option<Compression>,
    pub(crate) keep: Keep,
}

impl Care {
    /// Whether a file is to be put aside before more is written to it: it was begun at `begun`,
    /// and has `len` bytes, to which `more` come.
    pub(crate) fn is_over(
        &self,
        begun: SystemTime,
        (len, more): (u64, u64),
        now: SystemTime,
    ) -> bool {
        if len == 0 {
            return false;
        }
        let is_full = |size: u64| len.saturating_add(more) > size;
        let is_old = |every: Every| match every {
            Every::Duration(age) => now.duration_since(begun).is_ok_and(|passed| passed >= age),
            calendar => period(calendar, begun) < period(calendar, now),
        };
        self.rotate.size.is_some_and(is_full) || self.rotate.every.is_some_and(is_old)
    }
}

/// Which hour, day or week of local time it is, in an order.
fn period(every: Every, time: SystemTime) -> String {
    let form = match every {
        Every::Hourly => "%Y%m%d%H",
        Every::Daily => "%Y%m%d",
        Every::Weekly => "%G%V",
        Every::Duration(_) => "",
    };
    DateTime::<Local>::from(time).format(form).to_string()
}

/// The path for a file that is put aside at `now`, the `n`th in the same second.
pub(crate) fn aside(path: &Path, now: SystemTime, n: u32) -> PathBuf {
    let stamp = DateTime::<Local>::from(now).format(STAMP);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{stamp}"));
    if n > 0 {
        name.push(format!("-{n}"));
    }
    name.into()
}

/// Whether no file that was put aside has this path, compressed or not.
pub(crate) fn is_free(path: &Path) -> bool {
    ["", ".gz", ".zst"].iter().all(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        !Path::new(&name).exists()
    })
}

/// Whether `name` is that of a file that was put aside from the one called `of`, compressed or not.
pub(crate) fn is_aside(name: &[u8], of: &[u8]) -> bool {
    let rest = name
        .strip_prefix(of)
        .and_then(|rest| rest.strip_prefix(b"."));
    let Some((stamp, rest)) = rest.and_then(|rest| rest.split_at_checked(STAMP_LEN)) else {
        return false;
    };
    let is_stamp = stamp.iter().enumerate().all(|(at, byte)| match at {
        8 => *byte == b'T',
        _ => byte.is_ascii_digit(),
    });
    let rest = rest
        .strip_suffix(b".gz")
        .or_else(|| rest.strip_suffix(b".zst"))
        .unwrap_or(rest);
    let is_number = |n: &[u8]| !n.is_empty() && n.iter().all(u8::is_ascii_digit);
    is_stamp && (rest.is_empty() || rest.strip_prefix(b"-").is_some_and(is_number))
}

/// What the file was called that was put aside as `name` and is not compressed.
pub(crate) fn put_aside_of(name: &[u8]) -> Option<&[u8]> {
    let dot = memchr::memrchr(b'.', name)?;
    name.get(..dot).filter(|of| is_aside(name, of))
}

const STAMP: &str = "%Y%m%dT%H%M%S";
const STAMP_LEN: usize = 15;

/// Which of the files put aside are to be deleted: `files` by their names, and how old each is.
pub(crate) fn surplus(keep: Keep, mut files: Vec<(PathBuf, Duration)>) -> Vec<PathBuf> {
    files.sort_by_cached_key(|(path, _)| Reverse(turn(path)));
    let count_max = keep.files.map_or(usize::MAX, |files| files as usize);
    let is_surplus =
        |at: usize, age: Duration| at >= count_max || keep.age.is_some_and(|max| age > max);
    let files = files.into_iter().enumerate();
    files
        .filter(|(at, (_, age))| is_surplus(*at, *age))
        .map(|(_, (path, _))| path)
        .collect()
}

/// When a file was put aside, as something to sort by: its time, and which of one second it was.
fn turn(path: &Path) -> (String, u32) {
    let name = path.to_string_lossy();
    let name = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    let numbered = name
        .rsplit_once('-')
        .and_then(|(time, n)| Some((time, n.parse().ok()?)));
    let (time, n) = numbered.unwrap_or((name, 0));
    (time.to_owned(), n)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_is_over_by_its_size_or_its_age() {
        let by_size = Care {
            rotate: Rotate {
                size: Some(100),
                every: None,
            },
            ..Care::default()
        };
        assert!(!by_size.is_over(at(0), (60, 40), at(9)));
        assert!(by_size.is_over(at(0), (60, 41), at(9)));
        assert!(
            !by_size.is_over(at(0), (0, 1_000), at(9)),
            "an empty file stays"
        );

        let by_age = |every| Care {
            rotate: Rotate {
                size: None,
                every: Some(every),
            },
            ..Care::default()
        };
        let (hour, day) = (3_600, 86_400);
        // Days and hours of local time begin on whole quarters of an hour everywhere.
        let noon = 1_790_000_000 / day * day;
        assert!(by_age(Every::Duration(Duration::from_secs(60))).is_over(
            at(noon),
            (1, 0),
            at(noon + 60)
        ));
        assert!(!by_age(Every::Duration(Duration::from_secs(60))).is_over(
            at(noon),
            (1, 0),
            at(noon + 59)
        ));
        assert!(by_age(Every::Hourly).is_over(at(noon), (1, 0), at(noon + hour)));
        assert!(by_age(Every::Daily).is_over(at(noon), (1, 0), at(noon + day)));
        assert!(by_age(Every::Weekly).is_over(at(noon), (1, 0), at(noon + 7 * day)));
        assert!(!by_age(Every::Hourly).is_over(at(noon), (1, 0), at(noon)));
    }

    #[test]
    fn what_was_put_aside_is_known_by_its_name() {
        let path = aside(Path::new("/logs/access_log"), at(1_790_000_000), 2);
        let name = path.file_name().unwrap().as_encoded_bytes();

        assert!(is_aside(name, b"access_log"));
        assert!(is_aside(&[name, b".gz"].concat(), b"access_log"));
        assert!(!is_aside(name, b"access"));
        for other in [
            "access_log",
            "access_log.1",
            "access_log.20261128T0930",
            "access_log.20261128T093000.tmp",
            "access_log.20261128T093000-",
            "access_log.20261128t093000",
        ] {
            assert!(!is_aside(other.as_bytes(), b"access_log"), "{other}");
        }
    }

    #[test]
    fn the_newest_are_kept() {
        let file = |n: u64| {
            (
                PathBuf::from(format!("l.2026112{n}T000000")),
                Duration::from_secs(86_400 * (9 - n)),
            )
        };
        let files: Vec<_> = (1..=5).map(file).collect();
        let names = |keep| surplus(keep, files.clone()).len();

        assert_eq!(
            names(Keep {
                files: Some(3),
                age: None
            }),
            2
        );
        assert_eq!(
            names(Keep {
                files: None,
                age: Some(Duration::from_secs(5 * 86_400))
            }),
            3
        );
        assert_eq!(names(Keep::default()), 0);
        let oldest = surplus(
            Keep {
                files: Some(4),
                age: None,
            },
            files.clone(),
        );
        assert_eq!(oldest, [PathBuf::from("l.20261121T000000")]);

        // All of one second.
        let of_a_second =
            ["", "-1.gz", "-2.zst", "-10.gz"].map(|end| format!("l.20261121T000000{end}"));
        let files = of_a_second.map(|name| (PathBuf::from(name), Duration::ZERO));
        let keep = Keep {
            files: Some(2),
            age: None,
        };
        let names = surplus(keep, files.to_vec());
        assert_eq!(names, [&files[1].0, &files[0].0].map(Clone::clone));
    }
}
