//! Small messages without numbers, gathered on their way to the writer as if they were one.
//!
//! Where each line is a message, most of what it costs is spent once for each message: a place in
//! the queue, an allocation, what the writer looks up. That is saved where nobody asks which
//! message a line came with: on the way into files, and to Logs that take lines alone.

use std::mem;
use std::sync::Arc;

use crate::sink::{Lines, Origin};

/// What was gathered, for the same Logs from the same source.
#[derive(Debug, Default)]
pub(crate) struct Small {
    body: Vec<u8>,
    lines: u64,
    of: Option<(Origin, Arc<[usize]>)>,
}

impl Small {
    /// Whether a message may be gathered at all.
    pub(crate) const fn may_be(lines: &Lines) -> bool {
        lines.origin.number == 0 && lines.body.len() <= SMALL_MAX
    }

    /// Whether it belongs to what was gathered before.
    pub(crate) fn belongs(&self, lines: &Lines, logs: &[usize]) -> bool {
        let is_same =
            |(origin, of): &(Origin, Arc<[usize]>)| *origin == lines.origin && **of == *logs;
        self.body.len() + lines.body.len() < GATHERED_MAX
            && self.lines + lines.count <= LINES_MAX
            && self.of.as_ref().is_some_and(is_same)
    }

    /// Adds a message that belongs there, or is the first.
    pub(crate) fn add(&mut self, lines: &Lines, logs: &Arc<[usize]>) {
        if self.of.is_none() {
            self.of = Some((lines.origin, Arc::clone(logs)));
        }
        self.lines += lines.count;
        for part in lines.parts() {
            self.body.extend_from_slice(part);
        }
    }

    /// What was gathered, by a sender that is none of theirs: they may be several.
    pub(crate) fn take(&mut self) -> Option<(Lines, Arc<[usize]>)> {
        let (origin, logs) = self.of.take()?;
        self.lines = 0;
        let mut body = mem::take(&mut self.body);
        // It counts as no more than its length while it waits.
        body.shrink_to_fit();
        Some((Lines::new(body.into(), spread::Name::EMPTY, origin), logs))
    }
}

/// 4 KiB: up to here copying costs less.
const SMALL_MAX: usize = 4 << 10;

/// 128 lines, so that not many more hosts than files can be open are named at once.
pub(crate) const LINES_MAX: u64 = 128;

/// 16 KiB: fifty lines or more share what a message costs, and what finds no room and is lost is
/// no more than one that a publisher packs.
const GATHERED_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn lines(body: &'static str, block: u16) -> Lines {
        let mut lines = Lines::of_stranger(Bytes::from_static(body.as_bytes()));
        lines.origin.source.block = block;
        lines
    }

    #[test]
    fn what_is_gathered_is_of_one_source_for_the_same_logs() {
        let (first, second): (Arc<[usize]>, Arc<[usize]>) = (Arc::new([0]), Arc::new([0, 1]));
        let mut small = Small::default();
        assert!(!small.belongs(&lines("a\n", 0), &first));

        small.add(&lines("a\n", 0), &first);
        small.add(&lines("b", 0), &first);

        assert!(small.belongs(&lines("c\n", 0), &first));
        assert!(!small.belongs(&lines("c\n", 1), &first));
        assert!(!small.belongs(&lines("c\n", 0), &second));
        let (all, logs) = small.take().unwrap();
        assert_eq!((&all.body[..], all.count), (&b"a\nb\n"[..], 2));
        assert_eq!(logs, first);
        assert!(small.take().is_none());
    }

    #[test]
    fn what_is_gathered_is_bounded() {
        let logs: Arc<[usize]> = Arc::new([0]);
        let line = Lines::of_stranger(Bytes::from(vec![b'x'; SMALL_MAX]));
        let mut small = Small::default();
        small.add(&line, &logs);

        while small.belongs(&line, &logs) {
            small.add(&line, &logs);
        }

        assert!(small.body.len() <= GATHERED_MAX);
        let (mut small, line) = (Small::default(), lines("\n", 0));
        small.add(&line, &logs);
        while small.belongs(&line, &logs) {
            small.add(&line, &logs);
        }
        assert_eq!(small.take().unwrap().0.count, LINES_MAX);
        assert!(!Small::may_be(&Lines::of_stranger(
            vec![b'x'; SMALL_MAX + 1].into()
        )));
    }
}
