//! The spools of publishers that have died: found, locked, read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use spread::stream::{Books, Control, Instance, Notice, Number, Store, Tally};

use super::{
    Body, IDENTITY, MARKS, Marks, OPEN, Place, SEGMENT, Spool, lock, read_open, read_segment,
};

/// A spool whose instance is gone, and which is now this process's.
#[derive(Debug)]
pub(crate) struct Orphan {
    /// Who it was.
    pub(crate) control: Control,
    /// What it kept.
    pub(crate) store: Store<Body>,
    pub(crate) spool: Spool,
    /// Numbers that should be there and cannot be read.
    pub(crate) unreadable: u64,
    /// For how long nothing has been written.
    pub(crate) age: Duration,
}

/// Why a spool cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("cannot read it")]
    Io(#[from] io::Error),
    #[error("its file `{IDENTITY}` does not tell of {instance}")]
    Identity { instance: Instance },
    #[error("its file `{MARKS}` is none")]
    Marks,
}

/// Locks the spools in `dir` that are nobody's, up to `max`; whether there are more is told too.
pub(crate) fn orphans(dir: &Path, max: usize) -> io::Result<(Vec<(PathBuf, File)>, bool)> {
    let mut locked = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if instance_of(&path).is_none() {
            continue;
        }
        // What cannot be opened or is locked is not ours to take.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path.join(IDENTITY));
        let Ok(file) = opened else {
            continue;
        };
        if lock(&file).is_err() {
            continue;
        }
        if locked.len() >= max {
            return Ok((locked, true));
        }
        locked.push((path, file));
    }
    Ok((locked, false))
}

/// The instance after which a spool is named.
fn instance_of(path: &Path) -> Option<Instance> {
    let name = path.file_name()?.as_encoded_bytes();
    Instance::of_characters(name.strip_prefix(b"L")?)
}

impl Orphan {
    /// Reads the spool at `path`, whose file `identity` is locked.
    pub(crate) fn read(path: PathBuf, identity: File) -> Result<Self, SpoolError> {
        let control = read_control(&path)?;
        let slots = fs::read(path.join(MARKS))?;
        let (sequence, marks) = Marks::of_slots(&slots).ok_or(SpoolError::Marks)?;
        let (mut records, mut segments) = (Vec::new(), Vec::new());
        let mut newest = modified(&path.join(IDENTITY));
        for segment in segment_paths(&path)? {
            newest = newest.max(modified(&segment));
            let read = read_segment(&segment, |number, lines, place| {
                records.push((number, lines, place));
            })?;
            segments.push(read);
        }
        // One without a record holds nothing.
        segments.retain(|segment| segment.first != u64::MAX);
        let last = records.last().map_or(0, |(number, ..)| *number);
        // One that was sealed since is among the records, and may have more lines there.
        let open = read_open(&path.join(OPEN))?;
        records.extend(open.filter(|(number, ..)| *number == last + 1 || last == 0));
        let (store, unreadable) = restored(records, &marks);
        let age = SystemTime::now().duration_since(newest);
        let spool = Spool {
            marks: OpenOptions::new().write(true).open(path.join(MARKS))?,
            path,
            _identity: identity,
            written: marks,
            sequence,
            segments: segments.into(),
            segment_max: 0,
            open: None,
            open_turn: 0,
            record: Vec::new(),
        };
        Ok(Self {
            control,
            store,
            spool,
            unreadable,
            age: age.unwrap_or_default(),
        })
    }
}

fn read_control(path: &Path) -> Result<Control, SpoolError> {
    let Some(instance) = instance_of(path) else {
        return Err(io::Error::from(io::ErrorKind::InvalidFilename).into());
    };
    match Notice::parse(&fs::read(path.join(IDENTITY))?) {
        Ok(Notice::Control(control)) if control.instance == instance => Ok(control),
        _ => Err(SpoolError::Identity { instance }),
    }
}

/// In the order of their numbers, as their names have leading zeros.
fn segment_paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == SEGMENT)
        {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn modified(path: &Path) -> SystemTime {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The store of the instance, and how many numbers are missing in it.
///
/// What it keeps must be one unbroken run: of a spool with a hole, which only a disk that lies
/// makes, it is the last, with what was most likely never sent.
pub(super) fn restored(records: Vec<(u64, u64, Place)>, marks: &Marks) -> (Store<Body>, u64) {
    let mut run: Vec<(u64, u64, Place)> = Vec::new();
    let mut unreadable = 0;
    let mut expected = marks.retained.max(1);
    for record in records {
        if record.0 < marks.retained || record.0 < expected {
            continue;
        }
        if record.0 != expected {
            unreadable += record.0 - expected + run.len() as u64;
            run.clear();
        }
        expected = record.0.saturating_add(1);
        run.push(record);
    }
    let first = run.first().map_or(expected, |(number, ..)| *number);
    let books = Books {
        written: marks.written,
        waiting: Tally::default(),
        lost: marks.lost,
    };
    let first = Number::new(first).unwrap_or(Number::FIRST);
    // Nothing is added to it.
    let mut store = Store::resumed(usize::MAX, first, books);
    for (number, lines, place) in run {
        let len = place.len;
        store.restore(Body::Stored(place), len, lines, number <= marks.handed);
    }
    (store, unreadable)
}
