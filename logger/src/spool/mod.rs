//! A publisher's messages in files, so that they outlive the process.
//!
//! ```text
//! DIR/Lq8w3kd0x/                        L and the instance; one directory for each run
//!   identity                            its control, as JSON; locked (flock) while it lives
//!   marks                               how far it was
//!   00000000000000000001.segment        records, named after the first number
//!   open                                the message that is being filled, twice
//! ```
//!
//! A message is written when it is sealed, before it is sent, and read back when it is needed. It
//! is written, not synced: that stands against the death of the process, and what the machine's
//! takes with it is the tail. The one that is being filled is written over and over as if it were
//! sealed now, in two places by turns: a death in the midst of it costs one turn. Segments are deleted when nothing in them is kept any more. `codec`
//! has the bytes; `directory` finds the spools of those who have died.
//!
//! Calls block for as long as the disk does; what that means is the publisher's to decide.

mod codec;
mod directory;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{FlockOperation, flock};
use spread::stream::{Instance, Number};

pub(crate) use codec::Marks;
use codec::{Header, SLOT_LEN};
pub(crate) use directory::{Orphan, orphans};

/// The body of a message: in memory, or in a file.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Memory(Bytes),
    Stored(Place),
}

/// Where a record stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    file: Arc<File>,
    number: u64,
    /// Of the body; its header stands before it.
    at: u64,
    len: usize,
}

impl Body {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Stored(place) => place.len,
        }
    }

    /// The bytes, read from the file if they are there.
    pub(crate) fn load(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Stored(place) => place.load(),
        }
    }
}

impl Place {
    fn load(&self) -> io::Result<Bytes> {
        let mut record = vec![0; Header::LEN + self.len];
        let at = self.at - Header::LEN as u64;
        self.file.read_exact_at(&mut record, at)?;
        match Header::decode(&record) {
            Some((header, _)) if header.number == self.number => {
                Ok(Bytes::from(record).split_off(Header::LEN))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The files of one instance, which is this process's as long as this lives.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    /// Its lock goes with it.
    _identity: File,
    marks: File,
    written: Marks,
    sequence: u64,
    segments: VecDeque<Segment>,
    segment_max: u64,
    /// The message that is being filled, as it was written last; `None` for one who has died.
    open: Option<File>,
    open_turn: u64,
    record: Vec<u8>,
}

#[derive(Debug)]
struct Segment {
    first: u64,
    file: Arc<File>,
    len: u64,
}

impl Spool {
    /// Makes the files of `instance` in `dir`; `identity` is its control.
    pub(crate) fn create(
        dir: &Path,
        instance: Instance,
        identity: &[u8],
        segment_max: u64,
    ) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(dir)?;
        // Under this name nobody looks for an orphan before it is locked.
        let nascent = dir.join(format!("new-{instance}"));
        DirBuilder::new().mode(DIR_MODE).create(&nascent)?;
        let file = create(&nascent.join(IDENTITY))?;
        file.write_all_at(identity, 0)?;
        lock(&file)?;
        let marks = create(&nascent.join(MARKS))?;
        let open = create(&nascent.join(OPEN))?;
        let path = dir.join(format!("L{instance}"));
        fs::rename(&nascent, &path)?;
        let mut spool = Self {
            path,
            _identity: file,
            marks,
            written: Marks::default(),
            sequence: 0,
            segments: VecDeque::new(),
            segment_max,
            open: Some(open),
            open_turn: 0,
            record: Vec::new(),
        };
        spool.mark(&Marks {
            retained: 1,
            ..Marks::default()
        })?;
        Ok(spool)
    }

    /// Writes the message of this number, which is behind all that were written before.
    pub(crate) fn append(&mut self, number: Number, lines: u64, body: &[u8]) -> io::Result<Place> {
        let is_full = |segment: &Segment| segment.len >= self.segment_max;
        if self.segments.back().is_none_or(is_full) {
            self.segments.push_back(Segment {
                first: number.get(),
                file: Arc::new(create(&segment_path(&self.path, number.get()))?),
                len: 0,
            });
        }
        let Some(segment) = self.segments.back_mut() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        self.record.clear();
        Header::encode(number.get(), lines, body, &mut self.record);
        // What is written in part is written over by the next attempt.
        segment.file.write_all_at(&self.record, segment.len)?;
        let place = Place {
            file: Arc::clone(&segment.file),
            number: number.get(),
            at: segment.len + Header::LEN as u64,
            len: body.len(),
        };
        segment.len += self.record.len() as u64;
        Ok(place)
    }

    /// Writes the message that is being filled, which will have this number.
    pub(crate) fn write_open(&mut self, number: Number, lines: u64, body: &[u8]) -> io::Result<()> {
        let Some(open) = &self.open else {
            return Ok(());
        };
        self.record.clear();
        Header::encode(number.get(), lines, body, &mut self.record);
        self.open_turn += 1;
        open.write_all_at(&self.record, (self.open_turn % 2) * OPEN_LEN)
    }

    /// Deletes the segments in which nothing from `retained` on stands.
    pub(crate) fn trim(&mut self, retained: Number) {
        while let [first, second, ..] = self.segments.make_contiguous()
            && second.first <= retained.get()
        {
            // A file that cannot be removed is in nobody's way until the spool is taken over.
            drop(fs::remove_file(segment_path(&self.path, first.first)));
            self.segments.pop_front();
        }
    }

    /// Notes how far the instance is, if that has changed.
    pub(crate) fn mark(&mut self, marks: &Marks) -> io::Result<()> {
        if self.sequence > 0 && *marks == self.written {
            return Ok(());
        }
        let sequence = self.sequence + 1;
        let slot = (sequence % 2) * SLOT_LEN as u64;
        self.marks.write_all_at(&marks.encode(sequence), slot)?;
        self.sequence = sequence;
        self.written.clone_from(marks);
        Ok(())
    }

    /// What was noted last.
    pub(crate) const fn marks(&self) -> &Marks {
        &self.written
    }

    /// Deletes all of it.
    pub(crate) fn delete(self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)
    }
}

fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.{SEGMENT}"))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    options.mode(FILE_MODE).open(path)
}

/// Fails with `WouldBlock` when another has it.
fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Reads a segment's records, each with where it stands.
fn read_segment(path: &Path, mut found: impl FnMut(u64, u64, Place)) -> io::Result<Segment> {
    let file = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
    let (mut first, mut len) = (u64::MAX, 0);
    codec::records(
        BufReader::with_capacity(READ_BYTES, &*file),
        |header, at| {
            let place = Place {
                file: Arc::clone(&file),
                number: header.number,
                at,
                len: header.len as usize,
            };
            first = first.min(header.number);
            len = at + u64::from(header.len);
            found(header.number, header.lines, place);
        },
    )?;
    Ok(Segment { first, file, len })
}

/// Reads the message that was being filled, if it is whole in one of its places: the later one.
fn read_open(path: &Path) -> io::Result<Option<(u64, u64, Place)>> {
    let file = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
    let mut latest: Option<(u64, u64, Place)> = None;
    for start in [0, OPEN_LEN] {
        let mut slot = &*file;
        slot.seek(SeekFrom::Start(start))?;
        let mut found = None;
        codec::records(BufReader::new(slot.take(OPEN_LEN)), |header, at| {
            // Behind it may be what is left of a longer one.
            found.get_or_insert((header, at));
        })?;
        let Some((header, at)) = found else {
            continue;
        };
        let is_later = latest
            .as_ref()
            .is_none_or(|(number, lines, _)| (header.number, header.lines) > (*number, *lines));
        if is_later {
            let place = Place {
                file: Arc::clone(&file),
                number: header.number,
                at: start + at,
                len: header.len as usize,
            };
            latest = Some((header.number, header.lines, place));
        }
    }
    Ok(latest)
}

/// 128 KiB for each of its two places: the largest message, and the longest line.
const OPEN_LEN: u64 = 128 * 1024;

/// Log lines are nobody else's.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

const IDENTITY: &str = "identity";
const MARKS: &str = "marks";
const SEGMENT: &str = "segment";
const OPEN: &str = "open";

/// 256 KiB: a gibibyte is read in some thousand calls.
const READ_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
