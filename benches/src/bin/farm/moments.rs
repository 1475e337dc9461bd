//! When each line was due to be seen, and when it was: moments by the number that every line carries.
//!
//! A line has no moment in it: the server's is known to who asked, and only when the answer is there. So both sides
//! note moments by number, and a delay is the difference of the two.

use std::time::Duration;

/// Moments of lines, by number, in microseconds from a beginning.
#[derive(Debug)]
pub(crate) struct Moments(Vec<u32>);

/// What became of the lines on their way to one file.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Seen {
    /// How long each took, in microseconds.
    pub(crate) delays: Vec<u32>,
    /// Lines that were sent and are not there.
    pub(crate) missing: u64,
}

/// No moment. It would be 71 minutes after the beginning; a run is over long before.
const NEVER: u32 = u32::MAX;

impl Moments {
    /// None yet, of `lines` lines.
    pub(crate) fn new(lines: u64) -> Self {
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        Self(vec![NEVER; lines])
    }

    /// Whether the line was awaited and has not been noted before.
    pub(crate) fn note(&mut self, number: u64, moment: Duration) -> bool {
        let place = usize::try_from(number).ok();
        let Some(place) = place.and_then(|number| self.0.get_mut(number)) else {
            return false;
        };
        let is_first = *place == NEVER;
        if is_first {
            *place = u32::try_from(moment.as_micros()).map_or(NEVER - 1, |at| at.min(NEVER - 1));
        }
        is_first
    }

    /// What is noted here and not in `other` is there, too.
    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, other) in self.0.iter_mut().zip(&other.0) {
            if *mine == NEVER {
                *mine = *other;
            }
        }
    }

    /// How many are noted.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().filter(|at| **at != NEVER).count() as u64
    }

    /// How long after these moments lines were `seen`. Who asks may learn of an answer later than its line is seen:
    /// that is no delay.
    pub(crate) fn until(&self, seen: &Self) -> Seen {
        let mut all = Seen::default();
        let sent = self.0.iter().zip(&seen.0).filter(|(at, _)| **at != NEVER);
        for (at, seen) in sent {
            if *seen == NEVER {
                all.missing += 1;
            } else {
                all.delays.push(seen.saturating_sub(*at));
            }
        }
        all
    }
}

/// The number in a line of ours: the digits at the end of its target.
pub(crate) fn number(line: &[u8]) -> Option<u64> {
    let target = line.split(|byte| *byte == b'"').nth(1)?;
    let target = target.strip_prefix(b"GET ")?;
    let end = target.iter().position(|byte| *byte == b' ')?;
    let target = target.get(..end)?;
    let begin = target.iter().rposition(|byte| !byte.is_ascii_digit())?;
    let digits = std::str::from_utf8(target.get(begin + 1..)?).ok()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn a_line_tells_its_number() {
        let line = |target| format!("192.0.2.1 - - [now] \"GET {target} HTTP/1.1\" 200 1 \"-\"");

        assert_eq!(number(line("/7/123").as_bytes()), Some(123));
        assert_eq!(number(line("/page?0").as_bytes()), Some(0));
        assert_eq!(number(line("/page").as_bytes()), None);
        assert_eq!(number(line("/99999999999999999999").as_bytes()), None);
        assert_eq!(number(b"nothing of ours"), None);
    }

    #[test]
    fn delays_are_of_lines_that_were_sent_and_seen() {
        let (mut sent, mut asked, mut seen) = (Moments::new(4), Moments::new(4), Moments::new(4));
        assert!(sent.note(0, micros(10)));
        assert!(asked.note(1, micros(20)) && asked.note(3, micros(50)));
        assert!(seen.note(0, micros(15)) && seen.note(1, micros(19)));
        sent.join(&asked);

        let all = sent.until(&seen);

        assert_eq!(sent.count(), 3);
        let delays = vec![5, 0];
        assert_eq!(all, Seen { delays, missing: 1 });
    }

    #[test]
    fn a_line_that_comes_again_or_that_nobody_sent_is_told_of() {
        let mut seen = Moments::new(2);

        assert!(seen.note(1, micros(1)));
        assert!(!seen.note(1, micros(2)));
        assert!(!seen.note(2, micros(3)));
    }
}
