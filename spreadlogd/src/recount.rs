//! The lines of a log file counted again, to hold them against the ledger.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::audit::{Recount, WhyNot};
use crate::journal::place_of;
use crate::ledger::FileAccount;

/// Counts the lines in the part of `file` that was written by us.
pub(crate) fn recount(file: &FileAccount) -> Recount {
    if !file.is_ours {
        return Recount::Not(WhyNot::Others);
    }
    let Some(path) = place_of(file) else {
        return Recount::Not(WhyNot::Gone);
    };
    match File::open(&path).and_then(|open| count(&open, file.start, file.length)) {
        Ok(Some(lines)) => Recount::Lines { lines, path },
        Ok(None) => Recount::Not(WhyNot::Shorter),
        Err(error) => Recount::Not(WhyNot::Unreadable(error.to_string())),
    }
}

/// Ends of lines from `start` to `end`; `None` where the file ends before.
fn count(file: &File, start: u64, end: u64) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; CHUNK];
    let (mut at, mut lines) = (start, 0);
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let part = buffer.get_mut(..wanted).unwrap_or_default();
        let read = file.read_at(part, at)?;
        if read == 0 {
            return Ok(None);
        }
        let read_part = part.get(..read).unwrap_or_default();
        lines += memchr::memchr_iter(b'\n', read_part).count() as u64;
        at += read as u64;
    }
    Ok(Some(lines))
}

/// 1 MiB at a time: a log may be larger than the memory.
const CHUNK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sink::Identity;

    fn account(path: &Path, start: u64, length: u64) -> FileAccount {
        FileAccount {
            path: path.to_owned(),
            identity: Identity::of_path(path).unwrap(),
            is_ours: true,
            start,
            length,
            lines: 0,
            is_open: true,
            used: 0,
        }
    }

    #[test]
    fn only_our_part_of_a_file_is_counted_under_whatever_name() {
        let dir = tempfile::tempdir().unwrap();
        let (log, moved) = (dir.path().join("log"), dir.path().join("log.1"));
        let ours = "line\n".repeat(300_000);
        fs::write(&log, format!("old\nold\n{ours}torn")).unwrap();
        let account = account(&log, 8, 8 + ours.len() as u64);
        fs::rename(&log, &moved).unwrap();
        fs::write(&log, "new\n").unwrap();

        let Recount::Lines { lines, path } = recount(&account) else {
            panic!("not counted");
        };

        assert_eq!((lines, path), (300_000, moved));
    }

    #[test]
    fn what_cannot_be_counted_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, "a\n").unwrap();
        let good = account(&log, 0, 2);
        let others = FileAccount {
            is_ours: false,
            ..good.clone()
        };
        let longer = account(&log, 0, 3);

        assert!(matches!(recount(&others), Recount::Not(WhyNot::Others)));
        assert!(matches!(recount(&longer), Recount::Not(WhyNot::Shorter)));
        fs::remove_file(&log).unwrap();
        assert!(matches!(recount(&good), Recount::Not(WhyNot::Gone)));
    }
}
