//! Answers as they come, in pieces of any size, compared with what is wanted. Pure.

use super::Expected;

/// How far the answers of one connection have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Bytes of the answer that is coming.
    at: usize,
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
            let len = bytes.len().min(expected.answer_len() - self.at);
            let (part, rest) = bytes.split_at(len);
            if !self.is_right(part, expected) {
                return Err(Differs);
            }
            bytes = rest;
            self.at += len;
            if self.at == expected.answer_len() {
                self.at = 0;
                completed += 1;
            }
        }
        Ok(completed)
    }

    /// Of the head, the status is compared; the rest has the right length, or the content is not where it
    /// must be.
    fn is_right(self, part: &[u8], expected: &Expected) -> bool {
        let begin = expected.begin.get(self.at..).unwrap_or_default();
        let begin_is_right = begin.iter().zip(part).all(|(wanted, got)| wanted == got);
        let of_head = expected.head_len.saturating_sub(self.at);
        let content = part.get(of_head..).unwrap_or_default();
        let from = self.at.saturating_sub(expected.head_len);
        let wanted = expected.content.get(from..from + content.len());
        begin_is_right && wanted == Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn an_answer_that_nobody_awaits_is_wrong() {
        let (expected, answer) = expected();

        let taken = Progress::default().take(&answer.repeat(2), &expected, 1);

        assert_eq!(taken, Err(Differs));
    }
}
