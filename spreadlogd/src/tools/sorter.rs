//! Sorts any number of lines within bounded memory.
//!
//! ```text
//! push -> memory, until it is full -> sorted -> a run, a file without a name
//!                                      16 runs -> merged into one of the next level
//! finish -> all runs and what is in memory, merged while they are read
//! ```
//!
//! The files have no names any more when they are written, so that none is left behind, however
//! this ends.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering as AtomicOrdering};

use super::record::{Order, Record, View};

/// Lines in some order.
pub(super) trait Source {
    /// Gives the next; false when there is none.
    fn next(&mut self, into: &mut Record) -> io::Result<bool>;
}

/// Takes lines, and gives them sorted.
#[derive(Debug)]
pub(super) struct Sorter {
    order: Order,
    /// Bytes of memory.
    limit: usize,
    dir: PathBuf,
    lines: Lines,
    /// Runs of each level, one of which is 16 of the level below.
    levels: Vec<Vec<File>>,
}

/// Lines in memory.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: u64,
    nth: u64,
    start: usize,
    anchor: usize,
    text: usize,
}

impl Lines {
    fn view(&self, entry: &Entry) -> View<'_> {
        let bytes = self.bytes.get(entry.start..).unwrap_or_default();
        let (anchor, rest) = bytes.split_at_checked(entry.anchor).unwrap_or((bytes, &[]));
        View {
            time: entry.time,
            anchor,
            nth: entry.nth,
            text: rest.get(..entry.text).unwrap_or(rest),
        }
    }

    fn sort(&mut self, order: Order) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|a, b| self.view(a).cmp(&self.view(b), order));
        self.entries = entries;
    }

    const fn used(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    /// `step`: memory is taken in such pieces, and not doubled, so that the limit is one.
    fn push(&mut self, view: View<'_>, step: usize) {
        let more = view.anchor.len() + view.text.len();
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more.max(step));
        }
        if self.entries.capacity() == self.entries.len() {
            self.entries.reserve_exact(1 + step / size_of::<Entry>());
        }
        self.entries.push(Entry {
            time: view.time,
            nth: view.nth,
            start: self.bytes.len(),
            anchor: view.anchor.len(),
            text: view.text.len(),
        });
        self.bytes.extend_from_slice(view.anchor);
        self.bytes.extend_from_slice(view.text);
    }
}

impl Sorter {
    /// One that uses `limit` bytes of memory, and files in `dir`.
    pub(super) fn new(order: Order, limit: usize, dir: &Path) -> Self {
        Self {
            order,
            limit,
            dir: dir.to_owned(),
            lines: Lines::default(),
            levels: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, view: View<'_>) -> io::Result<()> {
        let cost = view.anchor.len() + view.text.len() + size_of::<Entry>();
        if self.lines.used() + cost > self.limit && !self.lines.entries.is_empty() {
            self.spill()?;
        }
        self.lines.push(view, self.limit / MEMORY_STEPS);
        Ok(())
    }

    /// What was pushed, sorted.
    pub(super) fn finish(mut self) -> io::Result<Box<dyn Source>> {
        self.lines.sort(self.order);
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for run in self.levels.into_iter().flatten() {
            sources.push(Box::new(BufReader::new(run)));
        }
        sources.push(Box::new(InMemory {
            lines: self.lines,
            next: 0,
        }));
        merged(sources, self.order)
    }

    /// Writes what is in memory as a run.
    fn spill(&mut self) -> io::Result<()> {
        self.lines.sort(self.order);
        let mut writer = BufWriter::new(nameless(&self.dir)?);
        for entry in &self.lines.entries {
            self.lines.view(entry).write(&mut writer)?;
        }
        self.lines.bytes.clear();
        self.lines.entries.clear();
        let run = rewound(writer)?;
        self.add(run, 0)
    }

    fn add(&mut self, run: File, level: usize) -> io::Result<()> {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(runs) = self.levels.get_mut(level) else {
            return Ok(());
        };
        runs.push(run);
        if runs.len() < RUNS_MAX {
            return Ok(());
        }
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for run in runs.drain(..) {
            sources.push(Box::new(BufReader::new(run)));
        }
        let mut all = merged(sources, self.order)?;
        let mut writer = BufWriter::new(nameless(&self.dir)?);
        let mut record = Record::default();
        while all.next(&mut record)? {
            record.view().write(&mut writer)?;
        }
        let run = rewound(writer)?;
        self.add(run, level + 1)
    }
}

fn rewound(writer: BufWriter<File>) -> io::Result<File> {
    let mut file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.flush()?;
    file.rewind()?;
    Ok(file)
}

/// A file that goes with its last descriptor.
fn nameless(dir: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, AtomicOrdering::Relaxed);
    let path = dir.join(format!(".spreadlogd-{}-{number}.run", process::id()));
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl Source for BufReader<File> {
    fn next(&mut self, into: &mut Record) -> io::Result<bool> {
        into.read(self)
    }
}

/// Sorted lines in memory.
struct InMemory {
    lines: Lines,
    next: usize,
}

impl Source for InMemory {
    fn next(&mut self, into: &mut Record) -> io::Result<bool> {
        let Some(entry) = self.lines.entries.get(self.next) else {
            return Ok(false);
        };
        self.next += 1;
        into.set(self.lines.view(entry));
        Ok(true)
    }
}

/// All lines of sorted sources, sorted.
pub(super) fn merged(sources: Vec<Box<dyn Source>>, order: Order) -> io::Result<Box<dyn Source>> {
    let mut heads = BinaryHeap::new();
    for mut source in sources {
        let mut record = Record::default();
        if source.next(&mut record)? {
            heads.push(Head {
                order,
                record,
                source,
            });
        }
    }
    Ok(Box::new(Merged { heads }))
}

struct Merged {
    heads: BinaryHeap<Head>,
}

impl Source for Merged {
    fn next(&mut self, into: &mut Record) -> io::Result<bool> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(false);
        };
        let Head { record, source, .. } = &mut *head;
        std::mem::swap(into, record);
        if !source.next(record)? {
            PeekMut::pop(head);
        }
        Ok(true)
    }
}

/// The next line of a source.
struct Head {
    order: Order,
    record: Record,
    source: Box<dyn Source>,
}

impl Ord for Head {
    /// The heap gives the greatest first, and it is the least that is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        other.record.view().cmp(&self.record.view(), self.order)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

/// Runs that are read at a time: as many descriptors for each of a few levels, files and orders.
const RUNS_MAX: usize = 16;

/// Pieces in which memory is taken: an eighth may be unused.
const MEMORY_STEPS: usize = 8;
