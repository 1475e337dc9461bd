//! The bounded ring of bytes between one worker and the publisher.
//!
//! [`Log`] is the worker's end: it formats a line and commits it whole, or drops it and counts it
//! when the ring is full. It never waits, allocates, takes a lock or makes a system call, but for
//! one wake-up of the publisher when the ring passes half full, at most once per drain.
//! [`Drain`] is the publisher's end. Neither reads a clock on the way of a line.
//!
//! A line is formatted into the worker's scratch and copied into the ring as one slice, because
//! writing straight into a ring's uninitialised slots would need `unsafe` code; the copy of a
//! line that is in the first-level cache costs a few nanoseconds.

mod lines;
mod offset;

pub use lines::{LineLog, LineRefused, line_ring};
pub(crate) use offset::OffsetKeeper;

use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;

use crate::format::{Extent, Format, Formatter, LINE_LEN_MAX, UtcOffset};
use crate::record::Record;

/// How a ring is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RingOptions {
    /// The ring's bytes; at least two of the longest lines are taken.
    pub bytes: usize,
    /// The layout of its lines.
    pub format: Format,
    /// The longest line, its newline included; brought within [`Format::line_len_min`] and
    /// [`LINE_LEN_MAX`].
    pub line_len_max: usize,
}

impl Default for RingOptions {
    fn default() -> Self {
        Self {
            bytes: RING_BYTES,
            format: Format::Combined,
            line_len_max: LINE_LEN_MAX,
        }
    }
}

/// Makes the ring of one worker, its pages touched, so that no line pays for a page fault.
#[must_use]
pub fn ring(options: &RingOptions) -> (Log, Drain) {
    let formatter = Formatter::new(&options.format, options.line_len_max);
    let line_len_max = formatter.line_len_max();
    let (ends, drain) = bare(options.bytes.max(2 * line_len_max));
    let log = Log {
        formatter,
        line: Vec::with_capacity(HOST_LEN_MAX + 1 + line_len_max),
        ends,
    };
    (log, drain)
}

/// A ring for whole lines of any origin.
fn bare(bytes: usize) -> (Ends, Drain) {
    let (mut producer, consumer) = RingBuffer::new(bytes);
    // A chunk comes with its slots set to zero; it is dropped uncommitted.
    drop(producer.write_chunk(bytes));
    let shared = Arc::new(Shared {
        bytes_max: bytes,
        ..Shared::default()
    });
    shared.set_offset(offset::local());
    let ends = Ends {
        half: bytes / 2,
        producer,
        shared: Arc::clone(&shared),
    };
    (ends, Drain { consumer, shared })
}

/// What a writer of lines has of a ring.
#[derive(Debug)]
struct Ends {
    half: usize,
    producer: Producer<u8>,
    shared: Arc<Shared>,
}

impl Ends {
    /// Commits `line` whole, or not at all.
    #[inline]
    fn push(&mut self, line: &[u8]) -> bool {
        let is_in = self.producer.push_entire_slice(line).is_ok();
        // `cached_slots` may be too low but never too high, and costs no look at the other end.
        if self.producer.cached_slots() < self.half && self.producer.slots() < self.half {
            self.shared.wake();
        }
        is_in
    }
}

/// A worker's access log.
#[derive(Debug)]
pub struct Log {
    formatter: Formatter,
    line: Vec<u8>,
    ends: Ends,
}

impl Log {
    /// Hands over the line of `record`, or drops and counts it when the ring is full.
    #[inline]
    pub fn log(&mut self, record: &Record<'_>) {
        if let Some(line) = self.formatter.usual(record, || self.ends.shared.offset()) {
            if !self.ends.push(line) {
                self.ends.shared.queue_full.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        self.log_unusual(record);
    }

    /// By itself, so that the way of most lines stays small.
    #[inline(never)]
    fn log_unusual(&mut self, record: &Record<'_>) {
        self.line.clear();
        self.push(record);
    }

    /// The same with the virtual host and a space in front of the line, as `VhostDir` of spreadlogd
    /// reads it; of a longer name its first [`HOST_LEN_MAX`] bytes. They come on top of the limit
    /// of the line.
    pub fn log_of_host(&mut self, host: &[u8], record: &Record<'_>) {
        self.line.clear();
        // One word, whatever it holds.
        let bytes = host.iter().take(HOST_LEN_MAX);
        let word = bytes.map(|&byte| if byte.is_ascii_graphic() { byte } else { b'_' });
        self.line.extend(word);
        if self.line.is_empty() {
            self.line.push(b'-');
        }
        self.line.push(b' ');
        self.push(record);
    }

    fn push(&mut self, record: &Record<'_>) {
        let extent = self
            .formatter
            .write(record, || self.ends.shared.offset(), &mut self.line);
        if !self.ends.push(&self.line) {
            self.ends.shared.queue_full.fetch_add(1, Ordering::Relaxed);
        } else if extent == Extent::Cut {
            self.ends.shared.cut.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The publisher's end of a ring.
#[derive(Debug)]
pub struct Drain {
    consumer: Consumer<u8>,
    shared: Arc<Shared>,
}

impl Drain {
    /// Takes all lines that are there, as at most two pieces: whole lines together, but a line
    /// may go over from the first piece into the second.
    pub fn drain(&mut self, mut take: impl FnMut(&[u8])) {
        // Before the look at the ring: a worker that passes half from now on wakes again.
        self.shared.woken.store(false, Ordering::Relaxed);
        let Ok(chunk) = self.consumer.read_chunk(self.consumer.slots()) else {
            return;
        };
        self.shared.note_fill(chunk.len());
        let (first, second) = chunk.as_slices();
        take(first);
        take(second);
        chunk.commit_all();
    }

    /// Has the worker wake `publisher`, and gives what the publisher counts and sets.
    pub(crate) fn attach(&self, publisher: &Arc<Notify>) -> Arc<Shared> {
        // A drain belongs to one publisher; were there a second, the first would be woken.
        drop(self.shared.publisher.set(Arc::clone(publisher)));
        Arc::clone(&self.shared)
    }

    /// Sets local time's offset for the lines from the next second on.
    pub(crate) fn set_offset(&self, offset: UtcOffset) {
        self.shared.set_offset(offset);
    }

    /// Whether the `Log` is gone and everything it wrote has been taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        // In this order: nothing is written after the `Log` was found gone.
        self.consumer.is_abandoned() && self.consumer.is_empty()
    }
}

/// What the two ends share beside the ring.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Lines dropped because the ring was full.
    pub(crate) queue_full: AtomicU64,
    /// Lines cut to the limit.
    pub(crate) cut: AtomicU64,
    /// Bytes that waited when the ring was last emptied, and the most that ever did; both written
    /// by the publisher, so that they cost the worker nothing.
    pub(crate) bytes: AtomicUsize,
    pub(crate) bytes_peak: AtomicUsize,
    /// What the ring holds.
    pub(crate) bytes_max: usize,
    /// Local time's offset, written by the publisher.
    offset_minutes: AtomicI16,
    /// The publisher was woken and has not drained since.
    woken: AtomicBool,
    /// The publisher, once there is one.
    publisher: OnceLock<Arc<Notify>>,
}

impl Shared {
    fn offset(&self) -> UtcOffset {
        UtcOffset::from_minutes(self.offset_minutes.load(Ordering::Relaxed))
    }

    fn set_offset(&self, offset: UtcOffset) {
        self.offset_minutes
            .store(offset.minutes(), Ordering::Relaxed);
    }

    fn note_fill(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.bytes_peak.fetch_max(bytes, Ordering::Relaxed);
    }

    fn wake(&self) {
        if self.woken.load(Ordering::Relaxed) {
            return;
        }
        // Only the worker sets it, so no exchange is needed.
        self.woken.store(true, Ordering::Relaxed);
        if let Some(publisher) = self.publisher.get() {
            publisher.notify_one();
        }
    }
}

/// 255: no name in the DNS is longer.
pub const HOST_LEN_MAX: usize = 255;

/// 1 MiB: of a server's 4 MiB, one of four workers'.
const RING_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
