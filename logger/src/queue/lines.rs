//! A ring for who has lines already, and time to wait: nothing is formatted, and nothing dropped.
//!
//! Where a worker drops a line that finds no room and counts it, [`LineLog::offer`] leaves it with
//! its caller, to be offered again. That is for programs that read lines from a file or a pipe,
//! which keep them meanwhile.

use std::sync::atomic::Ordering;

use super::{Drain, Ends, bare};

/// Makes a ring of `bytes`, but of twice [`LineLog::LEN_MAX`] at least, for lines as they are.
#[must_use]
pub fn line_ring(bytes: usize) -> (LineLog, Drain) {
    let (ends, drain) = bare(bytes.max(2 * LineLog::LEN_MAX));
    let log = LineLog {
        ends,
        line: Vec::new(),
    };
    (log, drain)
}

/// The end of a ring that takes lines.
#[derive(Debug)]
pub struct LineLog {
    ends: Ends,
    /// A line that had no newline.
    line: Vec<u8>,
}

impl LineLog {
    /// 64 KiB with its newline: more does not fit into one message.
    pub const LEN_MAX: usize = crate::MESSAGE_MAX;

    /// Hands a line over, or drops it and counts it as lost: for who cannot wait.
    pub fn log(&mut self, line: &[u8]) {
        if self.offer(line).is_err() {
            self.lose(1);
        }
    }

    /// Hands a line over, with the newline that it may lack. It must hold no other.
    ///
    /// # Errors
    /// When there is no room now; the publisher empties the ring every 20 ms, if it takes anything.
    /// And when the line is longer than [`Self::LEN_MAX`].
    pub fn offer(&mut self, line: &[u8]) -> Result<(), LineRefused> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.len() >= Self::LEN_MAX {
            return Err(LineRefused::TooLong {
                refused: text.len(),
            });
        }
        let is_in = if text.len() < line.len() {
            self.ends.push(line)
        } else {
            self.line.clear();
            self.line.extend_from_slice(text);
            self.line.push(b'\n');
            self.ends.push(&self.line)
        };
        if is_in {
            Ok(())
        } else {
            Err(LineRefused::Full)
        }
    }
}

// What happened to lines before they were offered: it goes into the same books.
impl LineLog {
    /// So many lines were dropped, as there was no room and no time to wait.
    pub fn lose(&self, lines: u64) {
        let lost = &self.ends.shared.queue_full;
        lost.fetch_add(lines, Ordering::Relaxed);
    }

    /// A line was shortened.
    pub fn note_cut(&self) {
        self.ends.shared.cut.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a line was not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineRefused {
    /// There is no room; the same line may be offered again.
    #[error("there is no room for a line now")]
    Full,
    /// It never fits.
    #[error(
        "a line of {refused} bytes is too long for a message, which has {} at most",
        LineLog::LEN_MAX
    )]
    TooLong {
        /// Its bytes.
        refused: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(drain: &mut Drain) -> String {
        let mut text = Vec::new();
        drain.drain(|piece| text.extend_from_slice(piece));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn lines_come_out_as_they_went_in_each_with_its_newline() {
        let (mut log, mut drain) = line_ring(0);

        for line in ["a\n", "", "b c", "\n"] {
            log.offer(line.as_bytes()).unwrap();
        }

        assert_eq!(drained(&mut drain), "a\n\nb c\n\n");
    }

    #[test]
    fn what_finds_no_room_is_not_lost_but_refused() {
        let (mut log, mut drain) = line_ring(0);
        let line = vec![b'x'; LineLog::LEN_MAX - 1];
        log.offer(&line).unwrap();
        log.offer(&line).unwrap();

        assert_eq!(log.offer(b"y"), Err(LineRefused::Full));

        assert_eq!(drained(&mut drain).len(), 2 * LineLog::LEN_MAX);
        assert_eq!(log.offer(b"y"), Ok(()));
        let refused = LineLog::LEN_MAX;
        let long = vec![b'x'; refused];
        assert_eq!(log.offer(&long), Err(LineRefused::TooLong { refused }));
        drop(log);
        assert_eq!(drained(&mut drain), "y\n");
        assert!(drain.is_finished());
    }
}
