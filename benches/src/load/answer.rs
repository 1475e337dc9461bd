//! Answers as they come, in pieces of any size, compared with what is wanted. Pure.

use super::Expected;
use super::question::{HEAD_MAX, NAME_LEN, Name};

/// How far the answers of one connection have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Bytes of the answer that is coming.
    at: usize,
    /// Of these the head, where its length is not known before and it has come.
    head_len: Option<usize>,
    /// How much of a head's end the last bytes were, as long as it has not come.
    ending: u8,
    /// What the content begins with, if that is one of many files'.
    pub(super) name: Name,
}

/// A byte differs, or there are too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Differs;

impl Progress {
    /// Takes the next bytes; how many answers they complete.
    ///
    /// `awaited` are the answers that are to come: more than those differ from what is wanted.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        expected: &Expected,
        awaited: usize,
    ) -> Result<usize, Differs> {
        let mut completed = 0;
        while !bytes.is_empty() {
            if completed == awaited {
                return Err(Differs);
            }
            let head_len = expected.head_len.or_else(|| self.find_head_len(bytes));
            // Nothing but head so far, when its end has not come.
            let left = match head_len {
                Some(head_len) => head_len + expected.content.len() - self.at,
                None if self.at + bytes.len() > HEAD_MAX => return Err(Differs),
                None => usize::MAX,
            };
            let (part, rest) = bytes.split_at(bytes.len().min(left));
            if !self.is_right(part, head_len.unwrap_or(usize::MAX), expected) {
                return Err(Differs);
            }
            bytes = rest;
            self.at += part.len();
            if part.len() == left {
                self.at = 0;
                self.head_len = None;
                self.ending = 0;
                completed += 1;
            }
        }
        Ok(completed)
    }

    /// The length of the head, if it ends in `bytes` or has ended before.
    fn find_head_len(&mut self, bytes: &[u8]) -> Option<usize> {
        // Of an empty line behind another line's end.
        const END: u8 = 4;
        if self.head_len.is_none() {
            for (number, byte) in bytes.iter().enumerate() {
                self.ending = match (self.ending, byte) {
                    (0 | 2, b'\r') | (1 | 3, b'\n') => self.ending + 1,
                    (_, b'\r') => 1,
                    _ => 0,
                };
                if self.ending == END {
                    self.head_len = Some(self.at + number + 1);
                    break;
                }
            }
        }
        self.head_len
    }

    /// Of the head, the status is compared; the rest has the right length, or the content is not where it
    /// must be.
    fn is_right(self, part: &[u8], head_len: usize, expected: &Expected) -> bool {
        let begin = expected.begin.get(self.at..).unwrap_or_default();
        let begin_is_right = begin.iter().zip(part).all(|(wanted, got)| wanted == got);
        let of_head = head_len.saturating_sub(self.at);
        let content = part.get(of_head..).unwrap_or_default();
        let from = self.at.saturating_sub(head_len);
        begin_is_right && self.is_content(content, from, expected)
    }

    /// Whether `part` is what the content has from `from` on.
    fn is_content(self, part: &[u8], from: usize, expected: &Expected) -> bool {
        let Some(wanted) = expected.content.get(from..from + part.len()) else {
            return false;
        };
        if expected.named.is_none() {
            return part == wanted;
        }
        let of_name = part.len().min(NAME_LEN.saturating_sub(from));
        let name = self.name.get(from..from + of_name).unwrap_or_default();
        part.get(..of_name) == Some(name) && part.get(of_name..) == wanted.get(of_name..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::question::Named;

    fn expected() -> (Expected, Vec<u8>) {
        let answer = b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\nthe content".to_vec();
        let expected = Expected::of(&answer[..30], b"the content");
        (expected, answer)
    }

    #[test]
    fn answers_are_told_apart_however_they_are_cut() {
        let (expected, answer) = expected();
        let three = answer.repeat(3);
        for cut in 1..three.len() {
            let mut progress = Progress::default();
            let pieces = three.chunks(cut);

            let completed: usize = pieces
                .map(|piece| progress.take(piece, &expected, 3).unwrap())
                .sum();

            assert_eq!(completed, 3, "cut at {cut}");
        }
    }

    #[test]
    fn a_wrong_byte_of_status_or_content_is_seen_wherever_it_is_cut() {
        let (expected, answer) = expected();
        for wrong in (0..13).chain(30..answer.len()) {
            let mut answer = answer.clone();
            answer[wrong] ^= 1;
            for cut in 1..=answer.len() {
                let mut progress = Progress::default();

                let taken: Result<Vec<_>, _> = answer
                    .chunks(cut)
                    .map(|piece| progress.take(piece, &expected, 1))
                    .collect();

                assert_eq!(taken, Err(Differs), "byte {wrong}, cut at {cut}");
            }
        }
    }

    /// Heads of several lengths, each content with the name of its file.
    #[test]
    fn answers_of_many_files_are_told_apart_however_they_are_cut() {
        let (expected, answers) = many();
        let all = answers.concat();
        for cut in 1..all.len() {
            let mut progress = Progress::default();
            let mut completed = 0;
            // A connection awaits one of these at a time, so no piece has bytes of two.
            for (number, answer) in answers.iter().enumerate() {
                progress.name = NAMES[number];
                for piece in answer.chunks(cut) {
                    completed += progress.take(piece, &expected, 1).unwrap();
                }
            }

            assert_eq!(completed, answers.len(), "cut at {cut}");
        }
    }

    #[test]
    fn the_file_of_another_name_is_wrong_and_so_is_any_other_byte() {
        let (expected, answers) = many();
        for cut in 1..answers[0].len() {
            let mut progress = Progress {
                name: NAMES[1],
                ..Progress::default()
            };
            let mut pieces = answers[0].chunks(cut);
            assert!(
                pieces.any(|piece| progress.take(piece, &expected, 1) == Err(Differs)),
                "cut at {cut}"
            );
        }
        let mut answer = answers[1].clone();
        *answer.last_mut().unwrap() ^= 1;
        let mut progress = Progress {
            name: NAMES[1],
            ..Progress::default()
        };
        assert_eq!(progress.take(&answer, &expected, 1), Err(Differs));
    }

    #[test]
    fn a_head_without_an_end_is_wrong() {
        let (expected, _) = many();
        let mut progress = Progress::default();
        let mut endless = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        endless.resize(HEAD_MAX + 1, b'a');

        let mut pieces = endless.chunks(1000);

        assert!(pieces.any(|piece| progress.take(piece, &expected, 1) == Err(Differs)));
    }

    const NAMES: [Name; 3] = [*b"00/001", *b"99/002", *b"17/003"];

    fn many() -> (Expected, Vec<Vec<u8>>) {
        let head = |number: usize| {
            let tag = "\r".repeat(number);
            format!("HTTP/1.1 200 OK\r\nETag: {tag}\r\n\r\n").into_bytes()
        };
        let content = |name: &Name| [name.as_slice(), b", the file\r\n\r\n"].concat();
        let names = NAMES.iter().enumerate();
        let answers = names.map(|(number, name)| [head(number), content(name)].concat());
        let mut expected = Expected::of(&head(0), &content(&NAMES[0]));
        expected.head_len = None;
        expected.named = Some(Named::of(&NAMES));
        (expected, answers.collect())
    }

    #[test]
    fn an_answer_that_nobody_awaits_is_wrong() {
        let (expected, answer) = expected();

        let taken = Progress::default().take(&answer.repeat(2), &expected, 1);

        assert_eq!(taken, Err(Differs));
    }
}
