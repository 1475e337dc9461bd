//! What waits for company: lines of files that lines name, of all of them in one place, in the
//! order in which they came, until they are written together.
//!
//! ```text
//! bytes    | a1 | b1 | a2 | c1 | a3 |     pieces    a 0..  b 2..  a 4.. …
//! written    a1 a2 a3 | b1 | c1          sorted by file, each file's in the order they came
//! ```
//!
//! A system call for each line of each host would cost more than all else together, and with a
//! buffer for each of thousands of files every line would be added somewhere where no cache has
//! it. Here a line is copied behind the one before, and what it changes of its file is a few bytes
//! beside those of the other files. Each file's lines are put together when they are written, when
//! that they are apart in memory can be seen ahead.
//!
//! Of lines without a number nobody asks which of them is in the file, so that the journal has few
//! entries for all that a source has there. A numbered message has an entry for each of its files.

use std::mem;
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use spread::Name;

use crate::ledger::Entry;
use crate::sink::{Lines, Origin, Tagged};

/// What waits for company.
#[derive(Debug, Default)]
pub(super) struct Company {
    heap: Heap,
    /// How much there was lately, at most.
    peak: Peak,
    /// By file: how many pieces it has here.
    counts: Vec<u32>,
    /// The files that have any, in the order in which they came.
    files: Vec<u32>,
    /// When the first piece came.
    since: Option<Instant>,
    /// The source of the last piece, if that had no number.
    last: Option<u32>,
    /// Something was taken since it was last asked to rest.
    is_busy: bool,
}

/// Pieces as they came.
#[derive(Debug, Default)]
struct Heap {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// Where pieces come from, each for those from the one before it on.
    origins: Vec<Origin>,
}

/// The most that waited at a time: less by an eighth each time that it was less, so that a farm at
/// night does not hold the memory that it has at noon, nor one pause cost all of it.
#[derive(Debug, Default)]
struct Peak {
    bytes: usize,
    pieces: usize,
}

/// What a file gets of a message. It ends where the next one begins.
#[derive(Clone, Copy, Debug)]
struct Piece {
    file: u32,
    origin: u32,
    start: u32,
    lines: u32,
}

/// The same among those of its file, where each is read without looking at another.
#[derive(Clone, Copy, Debug, Default)]
struct Placed {
    start: u32,
    len: u32,
    origin: u32,
    lines: u32,
}

/// What waited, sorted by file.
#[derive(Debug, Default)]
pub(crate) struct Together {
    heap: Heap,
    /// The pieces, each file's together.
    placed: Vec<Placed>,
    shares: Vec<Share>,
}

/// What one file gets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Share {
    /// The index of the file.
    pub(crate) file: usize,
    of: Range<usize>,
}

impl Company {
    /// Adds a line, with its newline, of a sender without numbers; bytes of memory that it takes.
    pub(super) fn add_line(&mut self, file: usize, of: Tagged, line: &[u8], now: Instant) -> usize {
        let mut cost = 0;
        if self.last != Some(of.tag) {
            cost = self.begin(Origin {
                source: of.source,
                number: 0,
                files: 1,
                whole: None,
            });
            self.last = Some(of.tag);
        }
        cost + self.add(file, 1, &[line], now)
    }

    /// Adds a piece of a message; bytes of memory that it takes.
    pub(super) fn add_piece(&mut self, file: usize, piece: &Lines, now: Instant) -> usize {
        self.last = None;
        let lines = u32::try_from(piece.count).unwrap_or(u32::MAX);
        self.begin(piece.origin) + self.add(file, lines, &piece.parts(), now)
    }

    /// When the first of what waits came.
    pub(super) const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Bytes of memory that what waits takes.
    pub(super) const fn held(&self) -> usize {
        self.heap.bytes.len() + self.heap.pieces.len() * PIECE_COST
    }

    /// How many files they are for.
    pub(super) const fn files(&self) -> usize {
        self.files.len()
    }

    /// Whether anything waits for a file.
    pub(super) fn has(&self, file: usize) -> bool {
        self.counts.get(file).is_some_and(|count| *count > 0)
    }

    /// Takes all that waits into `together`, which is empty.
    pub(super) fn take(&mut self, together: &mut Together) {
        self.is_busy = true;
        mem::swap(&mut self.heap, &mut together.heap);
        let pieces = &together.heap.pieces;
        // Where each file's first piece goes, and then its next, in place of how many it has.
        let mut begin = 0;
        for &file in &self.files {
            let Some(count) = self.counts.get_mut(file as usize) else {
                continue;
            };
            let end = begin + *count;
            together.shares.push(Share {
                file: file as usize,
                of: begin as usize..end as usize,
            });
            *count = begin;
            begin = end;
        }
        together.placed.resize(pieces.len(), Placed::default());
        let ends = pieces.iter().skip(1).map(|next| next.start);
        let ends = ends.chain([small(together.heap.bytes.len())]);
        for (piece, end) in pieces.iter().zip(ends) {
            let next = self.counts.get_mut(piece.file as usize);
            if let Some(next) = next
                && let Some(place) = together.placed.get_mut(*next as usize)
            {
                *place = Placed {
                    start: piece.start,
                    len: end - piece.start,
                    origin: piece.origin,
                    lines: piece.lines,
                };
                *next += 1;
            }
        }
        for file in self.files.drain(..) {
            if let Some(count) = self.counts.get_mut(file as usize) {
                *count = 0;
            }
        }
        self.since = None;
        self.last = None;
    }

    /// Gets its memory back when what was taken is done with, if nothing has come since.
    pub(super) fn give_back(&mut self, together: &mut Together) {
        let Peak { bytes, pieces } = &mut self.peak;
        let (len, count) = (together.heap.bytes.len(), together.heap.pieces.len());
        *bytes = len.max(*bytes - *bytes / 8);
        *pieces = count.max(*pieces - *pieces / 8);
        clear(&mut together.heap.bytes, *bytes);
        clear(&mut together.heap.pieces, *pieces);
        clear(&mut together.heap.origins, *pieces);
        clear(&mut together.placed, *pieces);
        clear(&mut together.shares, *pieces);
        if self.since.is_none() {
            mem::swap(&mut self.heap, &mut together.heap);
        }
    }

    /// To be called every so often, while `together` is empty: gives back the memory of a peak if
    /// nothing was taken since the last call. It is less each time that less waits, but where
    /// nothing comes, that never is.
    pub(super) fn rest(&mut self, together: &mut Together) {
        if mem::take(&mut self.is_busy) || self.since.is_some() {
            return;
        }
        self.peak = Peak::default();
        for heap in [&mut self.heap, &mut together.heap] {
            heap.bytes.shrink_to(KEPT_BYTES);
            heap.pieces.shrink_to(KEPT_PIECES);
            heap.origins.shrink_to(KEPT_PIECES);
        }
        together.placed.shrink_to(KEPT_PIECES);
        together.shares.shrink_to(KEPT_PIECES);
    }

    /// The next pieces are of this message.
    fn begin(&mut self, origin: Origin) -> usize {
        if self.heap.origins.last() == Some(&origin) {
            return 0;
        }
        self.heap.origins.push(origin);
        size_of::<Origin>()
    }

    fn add(&mut self, file: usize, lines: u32, parts: &[&[u8]], now: Instant) -> usize {
        let heap = &mut self.heap;
        if self.counts.len() <= file {
            self.counts.resize(file + 1, 0);
        }
        let (Some(count), Ok(file)) = (self.counts.get_mut(file), u32::try_from(file)) else {
            return 0;
        };
        if *count == 0 {
            self.files.push(file);
        }
        *count += 1;
        let start = heap.bytes.len();
        heap.pieces.push(Piece {
            file,
            origin: small(heap.origins.len().saturating_sub(1)),
            start: small(start),
            lines,
        });
        for part in parts {
            heap.bytes.extend_from_slice(part);
        }
        self.since.get_or_insert(now);
        heap.bytes.len() - start + PIECE_COST
    }
}

impl Together {
    /// What each file gets.
    pub(crate) fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// As the journal has it: sums for what has no number, and each message else.
    pub(crate) fn entries(&self, share: &Share, entries: &mut Vec<Entry>) {
        let (first, mut before) = (entries.len(), None);
        for piece in self.placed(share) {
            let origin = self.heap.origins.get(piece.origin as usize);
            let Some(origin) = origin else {
                continue;
            };
            let last = entries.get_mut(first..).and_then(<[Entry]>::last_mut);
            let belongs = |last: &&mut Entry| {
                origin.number == 0
                    && last.number == 0
                    && last.len < SUM_MAX
                    && (before == Some(piece.origin) || last.source == origin.source)
            };
            if let Some(last) = last.filter(belongs) {
                for (sum, more) in [
                    (&mut last.lines, piece.lines),
                    (&mut last.len, piece.len),
                    (&mut last.message_lines, piece.lines),
                    (&mut last.message_len, piece.len),
                ] {
                    *sum = sum.saturating_add(more);
                }
            } else {
                let whole = origin.whole.filter(|_| origin.number > 0);
                let (message_lines, message_len) = whole.unwrap_or((piece.lines, piece.len));
                entries.push(Entry {
                    source: origin.source,
                    number: origin.number,
                    lines: piece.lines,
                    len: piece.len,
                    files: origin.files,
                    message_lines,
                    message_len,
                });
            }
            before = Some(piece.origin);
        }
    }

    /// The bytes, in order.
    pub(crate) fn pieces(&self, share: &Share) -> impl Iterator<Item = &[u8]> {
        let bytes = |piece: &Placed| {
            let start = piece.start as usize;
            self.heap.bytes.get(start..start + piece.len as usize)
        };
        self.placed(share).iter().filter_map(bytes)
    }

    /// The same as messages, one for each of the `entries` made of it.
    pub(crate) fn messages(&self, share: &Share, entries: &[Entry]) -> Vec<Lines> {
        let mut all = Vec::with_capacity(entries.iter().map(|entry| entry.len as usize).sum());
        self.pieces(share)
            .for_each(|bytes| all.extend_from_slice(bytes));
        let mut all = Bytes::from(all);
        let message = |entry: &Entry| Lines {
            body: all.split_to((entry.len as usize).min(all.len())),
            count: entry.lines.into(),
            is_unended: false,
            sender: Name::EMPTY,
            origin: Origin {
                source: entry.source,
                number: entry.number,
                files: entry.files,
                whole: (entry.number > 0).then_some((entry.message_lines, entry.message_len)),
            },
        };
        entries.iter().map(message).collect()
    }

    /// Bytes of memory that were taken for it.
    pub(crate) fn cost(&self) -> usize {
        let Heap {
            bytes,
            pieces,
            origins,
        } = &self.heap;
        bytes.len() + pieces.len() * PIECE_COST + size_of_val(origins.as_slice())
    }

    fn placed(&self, share: &Share) -> &[Placed] {
        self.placed.get(share.of.clone()).unwrap_or_default()
    }
}

/// Empties, and frees what is much more than `peak` needs.
fn clear<T>(list: &mut Vec<T>, peak: usize) {
    list.clear();
    list.shrink_to(2 * peak);
}

/// 64 KiB: what a crash tears in the midst, and has to be looked through, is not much more.
const SUM_MAX: u32 = 64 << 10;

/// 64 KiB, and room for as many pieces as are in it, are kept in quiet times: some 300 KiB in all.
const KEPT_BYTES: usize = 64 << 10;
const KEPT_PIECES: usize = 1 << 10;

/// What a piece takes beside its bytes: its place here, and that among those of its file.
const PIECE_COST: usize = size_of::<Piece>() + size_of::<Placed>();

/// Less than 4 GiB wait: the room for all lines is smaller by far.
fn small(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
