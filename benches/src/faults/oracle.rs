//! The oracle: what the clients know, against what the files hold.

use std::fs;
use std::io;
use std::path::Path;

use spread_logger::Format;

use super::load::{Answer, FILE};

/// What a logging host's file holds, those of all rotations together.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// All lines.
    pub(super) lines: u64,
    /// How often each request is there, by publisher and number.
    requests: Vec<Vec<u8>>,
    /// How often each line of a stranger is there.
    strangers: Vec<u8>,
    /// Lines of liars.
    pub(super) lies: u64,
    /// Lines that are none of these: torn, run together, or asked by nobody.
    pub(super) wrong: u64,
    /// The first of those.
    pub(super) first_wrong: Option<String>,
}

/// How the lines of a stranger begin, before their number.
pub(super) const STRANGER: &str = "a stranger's line ";
/// How the lines of a liar begin.
pub(super) const LIAR: &str = "a liar's line ";

/// What is kept beside a log file of what was cut from it: not part of the log.
const CUT: &str = ".CUT";

impl Held {
    /// Reads the files in `dir` whose names begin with `name`, each in turn: those moved away are
    /// found by their names, the newest is the one without a number.
    pub(super) fn read(dir: &Path, name: &str) -> io::Result<Self> {
        let mut held = Self::default();
        for text in texts(dir, name)? {
            for line in text.split_inclusive(|&byte| byte == b'\n') {
                held.take(line);
            }
        }
        Ok(held)
    }

    fn take(&mut self, line: &[u8]) {
        self.lines += 1;
        let known = if line.starts_with(LIAR.as_bytes()) {
            self.lies += 1;
            true
        } else if let Some(number) = line.strip_prefix(STRANGER.as_bytes()) {
            let number = whole(number).and_then(|number| number.parse().ok());
            number.is_some_and(|number| note(&mut self.strangers, number))
        } else {
            self.take_request(line).is_some()
        };
        if !known {
            self.wrong += 1;
            let text = line.escape_ascii().to_string();
            self.first_wrong.get_or_insert(text);
        }
    }

    fn take_request(&mut self, line: &[u8]) -> Option<()> {
        let record = Format::Combined.parse(line).ok()?;
        let request = std::str::from_utf8(&record.request_line).ok()?;
        let target = request.split(' ').nth(1)?;
        let numbers = target
            .strip_prefix('/')?
            .strip_prefix(FILE)?
            .strip_prefix('?')?;
        let (publisher, number) = numbers.split_once('-')?;
        let (publisher, number): (usize, _) = (publisher.parse().ok()?, number.parse().ok()?);
        if publisher >= PUBLISHERS_MAX {
            return None;
        }
        if self.requests.len() <= publisher {
            self.requests.resize_with(publisher + 1, Vec::new);
        }
        let requests = self.requests.get_mut(publisher)?;
        note(requests, number).then_some(())
    }

    /// The lowest number of a publisher's requests that is there.
    fn first(&self, publisher: usize) -> Option<usize> {
        let requests = self.requests.get(publisher)?;
        requests.iter().position(|&count| count > 0)
    }
}

const PUBLISHERS_MAX: usize = 1024;

/// More than any load here sends, and no more memory than a test may take.
const NUMBERS_MAX: usize = 16 << 20;

fn note(counts: &mut Vec<u8>, number: usize) -> bool {
    if number >= NUMBERS_MAX {
        return false;
    }
    if counts.len() <= number {
        counts.resize(number + 1, 0);
    }
    if let Some(count) = counts.get_mut(number) {
        *count = count.saturating_add(1);
    }
    true
}

/// The text of a line that has its newline.
fn whole(line: &[u8]) -> Option<&str> {
    std::str::from_utf8(line.strip_suffix(b"\n")?).ok()
}

/// The texts of a log and of what was moved away from it, oldest first.
pub(super) fn texts(dir: &Path, name: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = file.strip_prefix(name) else {
            continue;
        };
        let number: Option<u32> = match rest.strip_prefix('.') {
            _ if file.ends_with(CUT) => continue,
            None if rest.is_empty() => Some(u32::MAX),
            None => None,
            Some(number) => number.parse().ok(),
        };
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort();
    found.into_iter().map(|(_, path)| fs::read(path)).collect()
}

/// What one file has too little and too much.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Lines in the file.
    pub(super) lines: u64,
    /// What must be there and is not: publisher and number.
    pub(super) missing: Vec<(usize, usize)>,
    /// Lines of strangers that must be there and are not.
    pub(super) strangers_missing: u64,
    /// Lines that are there more than once, of whomever.
    pub(super) double: u64,
    /// Lines that nobody asked for, and what is no line.
    pub(super) wrong: u64,
    /// The first of those, or the first that is double.
    pub(super) example: Option<String>,
}

impl Tally {
    /// Lines, missing, double.
    pub(super) fn in_short(&self) -> (u64, u64, u64) {
        let missing = self.missing.len() as u64 + self.strangers_missing;
        (self.lines, missing, self.double)
    }
}

/// Compares; a logging host that came late owes nothing before its first line of each publisher.
pub(super) fn compare(
    held: &Held,
    answers: &[Vec<Answer>],
    strangers: usize,
    is_late: bool,
) -> Tally {
    let mut tally = Tally {
        lines: held.lines,
        wrong: held.wrong,
        example: held.first_wrong.clone(),
        ..Tally::default()
    };
    for (publisher, answers) in answers.iter().enumerate() {
        let empty = Vec::new();
        let counts = held.requests.get(publisher).unwrap_or(&empty);
        let owed_from = match held.first(publisher) {
            Some(first) if is_late => first,
            _ => 0,
        };
        for (number, answer) in answers.iter().enumerate() {
            match counts.get(number).copied().unwrap_or_default() {
                0 if answer.is_whole && number >= owed_from => {
                    tally.missing.push((publisher, number));
                }
                0 | 1 => {}
                count => {
                    tally.double += u64::from(count) - 1;
                    let name = || format!("{count} × request {publisher}-{number}");
                    tally.example.get_or_insert_with(name);
                }
            }
        }
        // The log knows a request that was never sent.
        tally.wrong += counts.len().saturating_sub(answers.len()) as u64;
    }
    let unknown = held.requests.iter().skip(answers.len());
    tally.wrong += unknown.map(|counts| counts.len() as u64).sum::<u64>();
    for number in 0..strangers {
        match held.strangers.get(number).copied().unwrap_or_default() {
            0 => tally.strangers_missing += 1,
            1 => {}
            count => tally.double += u64::from(count) - 1,
        }
    }
    tally
}

impl Held {
    /// From which request on a host that came late has everything, by publisher.
    pub(super) fn firsts(&self, publishers: usize) -> Vec<Option<usize>> {
        (0..publishers)
            .map(|publisher| self.first(publisher))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Answer = Answer {
        is_whole: true,
        at: 0,
    };
    const CUT_OFF: Answer = Answer {
        is_whole: false,
        at: 0,
    };

    fn line(publisher: usize, number: usize) -> String {
        format!(
            "127.0.0.1 - - [28/Nov/2026:05:00:00 +0000] \"GET /f?{publisher}-{number} HTTP/1.1\" \
             200 3 \"-\" \"-\"\n"
        )
    }

    fn held(files: &[(&str, String)]) -> Held {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Held::read(dir.path(), "log").unwrap()
    }

    #[test]
    fn all_rotations_together_hold_each_line_once() {
        let held = held(&[
            ("log.2", line(0, 1)),
            ("log.10", line(1, 0)),
            ("log", line(0, 0)),
            ("log.CUT", "half a li".to_owned()),
        ]);

        let tally = compare(&held, &[vec![WHOLE; 2], vec![WHOLE]], 0, false);

        assert_eq!((tally.lines, tally.missing.len()), (3, 0));
        assert_eq!((tally.double, tally.wrong), (0, 0));
    }

    #[test]
    fn what_is_missing_double_or_nobodys_is_found() {
        let text = line(0, 0) + &line(0, 0) + &line(0, 3) + &line(7, 0) + "torn " + &line(0, 2);
        let held = held(&[("log", text)]);

        let tally = compare(&held, &[vec![WHOLE, WHOLE, CUT_OFF]], 0, false);

        assert_eq!(tally.missing, [(0, 1)]);
        assert_eq!(tally.double, 1);
        assert_eq!(
            tally.wrong, 3,
            "one unasked, one unknown publisher, one torn"
        );
    }

    #[test]
    fn what_came_before_a_late_host_is_not_owed() {
        let held = held(&[("log", line(0, 2) + &line(0, 4))]);

        let tally = compare(&held, &[vec![WHOLE; 5]], 0, true);

        assert_eq!(tally.missing, [(0, 3)]);
    }

    #[test]
    fn lines_of_strangers_are_counted_too() {
        let held = held(&[(
            "log",
            format!("{STRANGER}0\n{STRANGER}2\n{STRANGER}2\n{LIAR}x\n"),
        )]);

        let tally = compare(&held, &[], 3, false);

        assert_eq!((tally.strangers_missing, tally.double), (1, 1));
        assert_eq!((held.lies, tally.wrong), (1, 0));
    }
}
