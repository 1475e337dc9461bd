//! Lines in, messages out: where a message ends.
//!
//! A message holds whole lines and nothing else. It is sealed when the next line would bring it
//! over its limit of bytes, when it has its number of lines, or when its oldest line has waited
//! long enough: readers are thrown out by Spread at 1,000 messages, whatever their size, so many
//! small ones are what hurts. Pure: time comes as an argument, counted from when the publisher
//! began.

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memrchr};

use crate::buffers::Buffers;

/// When a message is sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Bytes of a message; a longer line goes alone.
    pub(crate) bytes: usize,
    /// Lines of a message, if that is limited too.
    pub(crate) lines: Option<NonZeroU64>,
    /// Age of a message's oldest line.
    pub(crate) age: Duration,
}

/// The message that is being filled.
#[derive(Debug)]
pub(crate) struct Batch {
    limits: Limits,
    buffers: Buffers,
    /// Whole lines, then perhaps the beginning of one.
    open: Vec<u8>,
    /// Bytes of the whole lines.
    whole: usize,
    /// Whole lines.
    lines: u64,
    /// The age of the oldest line counts from here.
    since: Duration,
}

impl Batch {
    pub(crate) fn new(limits: Limits) -> Self {
        let buffers = Buffers::new(limits.bytes);
        Self {
            limits,
            open: buffers.take(),
            buffers,
            whole: 0,
            lines: 0,
            since: Duration::ZERO,
        }
    }

    /// Takes the next `piece` of the lines, which may end anywhere; none of it is older than
    /// `since`. Every message that is full goes to `seal` with its number of lines.
    pub(crate) fn push(
        &mut self,
        mut piece: &[u8],
        since: Duration,
        mut seal: impl FnMut(Bytes, u64),
    ) {
        while !piece.is_empty() {
            if self.open.is_empty() {
                self.since = since;
            }
            let fit = self.fit(piece);
            let (taken, rest) = piece.split_at_checked(fit.len).unwrap_or((piece, &[]));
            if fit.whole > 0 {
                self.whole = self.open.len() + fit.whole;
                self.lines += fit.lines;
            }
            self.open.extend_from_slice(taken);
            piece = rest;
            if fit.full && self.lines > 0 {
                seal_whole(self, &mut seal);
                self.since = since;
            }
        }
    }

    /// Seals what is there if its oldest line is old enough.
    pub(crate) fn seal_aged(&mut self, now: Duration, seal: impl FnMut(Bytes, u64)) {
        self.buffers.thin(now);
        if now.saturating_sub(self.since) >= self.limits.age {
            self.seal(seal);
        }
    }

    /// Seals what is there.
    pub(crate) fn seal(&mut self, mut seal: impl FnMut(Bytes, u64)) {
        if self.lines > 0 {
            seal_whole(self, &mut seal);
        }
    }

    /// Whole lines not sealed yet.
    pub(crate) const fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes of the whole lines not sealed yet.
    pub(crate) const fn bytes(&self) -> usize {
        self.whole
    }

    /// The whole lines not sealed yet.
    pub(crate) fn whole(&self) -> &[u8] {
        self.open.get(..self.whole).unwrap_or_default()
    }

    /// How much of `piece` goes into this message.
    fn fit(&self, piece: &[u8]) -> Fit {
        let room = self.limits.bytes.saturating_sub(self.open.len());
        let window = piece.get(..room).unwrap_or(piece);
        let lines_left = self.limits.lines.map(|max| max.get() - self.lines);
        let (whole, lines) = whole_lines(window, lines_left);
        if lines_left == Some(lines) {
            return Fit::full(whole, lines);
        }
        if piece.len() <= room {
            // The beginning of a line, if there is one, waits here for the rest of it.
            return Fit {
                len: piece.len(),
                full: false,
                ..Fit::full(whole, lines)
            };
        }
        if whole > 0 || self.whole > 0 {
            return Fit::full(whole, lines);
        }
        // A line longer than a message goes alone, whole.
        match memchr(b'\n', piece) {
            Some(end) => Fit::full(end + 1, 1),
            None => Fit {
                len: piece.len(),
                ..Fit::full(0, 0)
            },
        }
    }
}

/// What of a piece goes into the message that is open.
struct Fit {
    /// Bytes to take.
    len: usize,
    /// Bytes up to the end of the last whole line among them.
    whole: usize,
    /// Line ends among them.
    lines: u64,
    /// Nothing more goes into this message.
    full: bool,
}

impl Fit {
    const fn full(whole: usize, lines: u64) -> Self {
        Self {
            len: whole,
            whole,
            lines,
            full: true,
        }
    }
}

/// The length and the number of the whole lines in `window`, at most `max` of them.
fn whole_lines(window: &[u8], max: Option<u64>) -> (usize, u64) {
    let Some(max) = max else {
        let whole = memrchr(b'\n', window).map_or(0, |end| end + 1);
        let lines = memchr_iter(b'\n', window).count();
        return (whole, lines as u64);
    };
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let ends = memchr_iter(b'\n', window).take(max);
    ends.fold((0, 0), |(_, lines), end| (end + 1, lines + 1))
}

fn seal_whole(batch: &mut Batch, seal: &mut impl FnMut(Bytes, u64)) {
    let whole = batch.whole;
    let body = if whole < batch.limits.bytes - batch.limits.bytes / 4 {
        // In a buffer of its own it would take a third more, or worse, than the store counts.
        let body = Bytes::copy_from_slice(batch.whole());
        batch.open.drain(..whole);
        body
    } else {
        let mut next = batch.buffers.take();
        next.extend_from_slice(batch.open.get(whole..).unwrap_or_default());
        let mut full = std::mem::replace(&mut batch.open, next);
        full.truncate(whole);
        batch.buffers.lend(full)
    };
    seal(body, batch.lines);
    batch.whole = 0;
    batch.lines = 0;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(bytes: usize, lines: Option<u64>) -> Limits {
        Limits {
            bytes,
            lines: lines.and_then(NonZeroU64::new),
            age: Duration::from_millis(100),
        }
    }

    fn pushed(batch: &mut Batch, piece: &str, at: u64) -> Vec<(Bytes, u64)> {
        let mut sealed = Vec::new();
        batch.push(
            piece.as_bytes(),
            Duration::from_millis(at),
            |body, lines| {
                sealed.push((body, lines));
            },
        );
        sealed
    }

    fn aged(batch: &mut Batch, now: u64) -> Vec<(Bytes, u64)> {
        let mut sealed = Vec::new();
        batch.seal_aged(Duration::from_millis(now), |body, lines| {
            sealed.push((body, lines));
        });
        sealed
    }

    fn message(text: &'static str, lines: u64) -> (Bytes, u64) {
        (Bytes::from_static(text.as_bytes()), lines)
    }

    #[test]
    fn a_message_is_sealed_before_the_line_that_does_not_fit() {
        let mut batch = Batch::new(limits(8, None));

        assert_eq!(pushed(&mut batch, "aa\nbb\n", 0), []);
        assert_eq!(pushed(&mut batch, "cc\n", 0), [message("aa\nbb\n", 2)]);
        assert_eq!(batch.lines(), 1);
    }

    #[test]
    fn a_message_is_sealed_when_its_oldest_line_is_old_enough() {
        let mut batch = Batch::new(limits(100, None));

        pushed(&mut batch, "a\n", 1000);
        pushed(&mut batch, "b\n", 1090);

        assert_eq!(aged(&mut batch, 1099), []);
        assert_eq!(aged(&mut batch, 1100), [message("a\nb\n", 2)]);
        assert_eq!(aged(&mut batch, 9000), [], "nothing is no message");
    }

    #[test]
    fn the_age_begins_anew_with_each_message() {
        let mut batch = Batch::new(limits(4, None));

        pushed(&mut batch, "a\nb\n", 0);
        pushed(&mut batch, "c\n", 90);

        assert_eq!(aged(&mut batch, 110), []);
        assert_eq!(aged(&mut batch, 190), [message("c\n", 1)]);
    }

    #[test]
    fn a_line_per_message_for_readers_that_know_no_more() {
        let mut batch = Batch::new(limits(100, Some(1)));

        let sealed = pushed(&mut batch, "a\nbb\nccc\n", 0);

        assert_eq!(
            sealed,
            [message("a\n", 1), message("bb\n", 1), message("ccc\n", 1)]
        );
    }

    #[test]
    fn a_line_longer_than_a_message_goes_alone() {
        let mut batch = Batch::new(limits(4, None));

        let mut sealed = pushed(&mut batch, "a\nlong", 0);
        sealed.extend(pushed(&mut batch, "er\nb\n", 0));

        assert_eq!(sealed, [message("a\n", 1), message("longer\n", 1)]);
        assert_eq!(batch.lines(), 1);
    }

    fn cut_at(text: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
        at.sort_unstable();
        let ends = at.into_iter().chain([text.len()]);
        let mut from = 0;
        ends.map(|end| {
            let piece = &text[from..end];
            from = end;
            piece
        })
        .collect()
    }

    proptest! {
        /// However the lines are cut into pieces: all of them, in order, in whole lines, each
        /// message within its limits and no smaller than it needs to be.
        #[test]
        fn messages_are_the_lines(
            lines in proptest::collection::vec("[a-z]{0,30}", 1..80),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
            bytes in 1_usize..200,
            lines_max in proptest::option::of(1_u64..5),
        ) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let cuts = cuts.iter().map(|cut| cut.index(text.len())).collect();
            let mut batch = Batch::new(limits(bytes, lines_max));
            let mut sealed = Vec::new();
            for piece in cut_at(text.as_bytes(), cuts) {
                batch.push(piece, Duration::ZERO, |body, count| sealed.push((body, count)));
            }
            batch.seal(|body, count| sealed.push((body, count)));

            prop_assert_eq!(batch.lines(), 0);
            prop_assert_eq!(batch.bytes(), 0);
            let all: Vec<u8> = sealed.iter().flat_map(|(body, _)| body.to_vec()).collect();
            prop_assert_eq!(String::from_utf8(all).unwrap(), text);
            for (body, count) in &sealed {
                prop_assert!(body.ends_with(b"\n"));
                let ends = body.iter().filter(|b| **b == b'\n').count();
                prop_assert_eq!(u64::try_from(ends).unwrap(), *count);
                prop_assert!(body.len() <= bytes || *count == 1);
                prop_assert!(*count <= lines_max.unwrap_or(u64::MAX));
            }
            for pair in sealed.windows(2) {
                let next_line = pair[1].0.split_inclusive(|b| *b == b'\n').next().unwrap();
                prop_assert!(
                    pair[0].0.len() + next_line.len() > bytes || Some(pair[0].1) == lines_max
                );
            }
        }
    }
}
