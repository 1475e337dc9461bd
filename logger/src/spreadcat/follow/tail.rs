//! One file that is read while others write to it, and how far its lines are safe.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use memchr::memchr;

use super::super::handover::Handover;
use super::super::text::Raw;
use super::place::{Head, Place};

/// An open file.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    /// Where the next line begins.
    offset: u64,
    /// What has been looked at: the beginning of a line is not looked at again before it grows.
    seen: u64,
    /// When it had been written last, as of the last look at what it begins with.
    modified: (i64, i64),
    /// The line that goes on at `offset` was cut, and the rest of it is passed over.
    skips: bool,
    head: Head,
    /// Places that are safe when so many lines of each group are.
    marks: VecDeque<Mark>,
    safe: u64,
    grew_at: Instant,
}

#[derive(Debug)]
struct Mark {
    given: Box<[u64]>,
    offset: u64,
}

/// How reading has gone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Turn {
    /// There is nothing more now.
    AtEnd,
    /// There is more.
    More,
    /// There is more, and no room for it now.
    NoRoom,
}

impl Tail {
    /// The file, from its beginning on.
    ///
    /// # Errors
    /// When it cannot be opened, or is no file.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no regular file",
            ));
        }
        Ok(Self {
            file,
            identity: (metadata.dev(), metadata.ino()),
            offset: 0,
            seen: 0,
            modified: (0, 0),
            skips: false,
            head: Head::default(),
            marks: VecDeque::new(),
            safe: 0,
            grew_at: Instant::now(),
        })
    }

    /// Goes to a place that was remembered; whether this is the file it is in.
    pub(super) fn resume(&mut self, place: &Place) -> io::Result<bool> {
        let is_it = self.file.metadata()?.len() >= place.offset && self.begins_with(place.head)?;
        if is_it {
            self.offset = place.offset;
            self.seen = place.offset;
            self.head = place.head;
            self.safe = self.offset;
        }
        Ok(is_it)
    }

    /// Goes to the first line that begins from now on.
    pub(super) fn resume_at_end(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            self.file.read_exact_at(&mut last, size - 1)?;
        }
        self.skips = last != *b"\n";
        self.offset = size;
        self.seen = size;
        self.extend_head(size)?;
        self.safe = self.offset;
        Ok(())
    }

    /// Takes over where another stood of which this is a copy: what was read of that is not to be
    /// read again, and may not be safe yet.
    pub(super) fn succeed(&mut self, other: &mut Self) {
        self.safe = other.safe;
        self.marks = std::mem::take(&mut other.marks);
    }

    /// Learns what it begins with, for who cannot read it yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        self.extend_head(size)
    }

    /// Hands over what has come.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&mut self, handover: &mut Handover, buffer: &mut [u8]) -> io::Result<Turn> {
        let size = self.file.metadata()?.len();
        if size == self.seen {
            return Ok(Turn::AtEnd);
        }
        self.grew_at = Instant::now();
        // Also of what is not read for long, as there is no room: a copy is known by it.
        self.extend_head(size)?;
        let len = self.file.read_at(buffer, self.offset)?;
        let bytes = buffer.get(..len).unwrap_or_default();
        let is_full = len == buffer.len();
        let (taken, is_refused) = self.give_lines(handover, bytes, is_full);
        self.offset += taken as u64;
        // A line that was refused is to be looked at again.
        let left = if is_refused { 0 } else { len - taken };
        self.seen = self.offset + left as u64;
        if taken > 0 && !self.skips {
            self.mark(handover.given());
        }
        Ok(if is_refused {
            Turn::NoRoom
        } else if is_full {
            Turn::More
        } else {
            Turn::AtEnd
        })
    }

    /// Hands over the whole lines of `bytes`; gives how many bytes are done with, and whether there
    /// was no room for the others.
    fn give_lines(
        &mut self,
        handover: &mut Handover,
        bytes: &[u8],
        is_full: bool,
    ) -> (usize, bool) {
        let len_max = handover.len_max();
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            let given = if self.skips {
                Ok(())
            } else {
                handover.give(Raw::new(line, len_max))
            };
            if given.is_err() {
                return (bytes.len() - rest.len(), true);
            }
            self.skips = false;
            rest = after.get(1..).unwrap_or_default();
        }
        let is_endless = rest.len() == bytes.len() && is_full;
        if !is_endless {
            return (bytes.len() - rest.len(), false);
        }
        // No line is as long as the buffer: what fits of this one goes, and its end is looked for.
        if !self.skips && handover.give(Raw::new(rest, len_max)).is_err() {
            return (0, true);
        }
        self.skips = true;
        (bytes.len(), false)
    }

    /// Nobody writes to it any more: hands over what has no newline. Whether that was all.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn finish(
        &mut self,
        handover: &mut Handover,
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        let len = self.file.read_at(buffer, self.offset)?;
        let text = buffer.get(..len).unwrap_or_default();
        if text.is_empty() {
            return Ok(true);
        }
        // It is not read that far.
        if memchr(b'\n', text).is_some() || len == buffer.len() {
            return Ok(false);
        }
        let raw = Raw {
            is_ended: false,
            ..Raw::new(text, handover.len_max())
        };
        if !self.skips && handover.give(raw).is_err() {
            return Ok(false);
        }
        self.offset += len as u64;
        self.seen = self.offset;
        self.skips = false;
        self.mark(handover.given());
        Ok(true)
    }

    /// Whether it has become shorter, or another, without its name changing: truncated, and perhaps
    /// written again beyond where it was.
    pub(super) fn is_rewritten(&mut self) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        let (size, modified) = (metadata.len(), (metadata.mtime(), metadata.mtime_nsec()));
        if size == self.seen && modified == self.modified {
            return Ok(false);
        }
        let is_rewritten = size < self.seen || !self.begins_with(self.head)?;
        self.modified = modified;
        Ok(is_rewritten)
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) {
        self.offset = 0;
        self.seen = 0;
        self.skips = false;
        self.head = Head::default();
        self.marks.clear();
        self.safe = self.offset;
    }

    /// Lets go of the marks up to which all lines are safe, of which `secured` are.
    pub(super) fn settle(&mut self, secured: &[u64]) {
        let is_safe = |mark: &Mark| {
            mark.given
                .iter()
                .zip(secured)
                .all(|(given, all)| given <= all)
        };
        while self.marks.front().is_some_and(is_safe) {
            if let Some(mark) = self.marks.pop_front() {
                self.safe = mark.offset;
            }
        }
    }

    /// Whether all that was read is safe.
    pub(super) fn is_settled(&self) -> bool {
        self.marks.is_empty()
    }

    /// From where it has to be read again, if this process ends now.
    pub(super) const fn safe_place(&self) -> Place {
        Place {
            offset: self.safe,
            ..self.place()
        }
    }

    /// How far it is read.
    pub(super) const fn place(&self) -> Place {
        Place {
            inode: self.identity.1,
            offset: self.offset,
            head: self.head,
        }
    }

    pub(super) const fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// For how long it has not grown.
    pub(super) fn idle(&self) -> Duration {
        self.grew_at.elapsed()
    }

    fn begins_with(&self, head: Head) -> io::Result<bool> {
        Ok(self.head_of(head.len)? == head)
    }

    fn head_of(&self, len: u64) -> io::Result<Head> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
        match self.file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Head::of(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Head::of(&[])),
            Err(error) => Err(error),
        }
    }

    fn extend_head(&mut self, size: u64) -> io::Result<()> {
        let len = size.min(Head::LEN_MAX);
        if len > self.head.len {
            self.head = self.head_of(len)?;
        }
        Ok(())
    }

    fn mark(&mut self, given: &[u64]) {
        let mark = Mark {
            given: given.into(),
            offset: self.offset,
        };
        if self.marks.len() >= MARKS_MAX {
            self.marks.pop_back();
        }
        self.marks.push_back(mark);
    }
}

/// 4,096: then places are remembered less often, not more memory used.
const MARKS_MAX: usize = 4096;
