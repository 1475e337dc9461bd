//! Finding a file again that does not have its name any more.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::place::Place;
use super::tail::Tail;

/// Looks for the file of `place` beside `path`: for the one with its inode, whatever it is called
/// now; else for one that begins with the same bytes, and whose name begins as that of `path` does,
/// which is a copy. `None` if there is neither.
pub(super) fn find(path: &Path, place: &Place) -> io::Result<Option<(PathBuf, Tail)>> {
    let mut candidates = candidates(path, place.inode)?;
    candidates.sort_by_key(|(_, inode)| *inode != place.inode);
    for (candidate, inode) in candidates {
        // Of a file of which nothing was read nothing tells a copy.
        if inode != place.inode && place.head.len == 0 {
            continue;
        }
        let Ok(mut tail) = Tail::open(&candidate) else {
            continue;
        };
        if tail.resume(place)? {
            return Ok(Some((candidate, tail)));
        }
    }
    Ok(None)
}

fn candidates(path: &Path, inode: u64) -> io::Result<Vec<(PathBuf, u64)>> {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)?.take(ENTRIES_MAX) {
        let entry = entry?;
        let candidate = directory.join(entry.file_name());
        let has_name = entry.file_name().as_bytes().starts_with(name.as_bytes());
        if (has_name || entry.ino() == inode)
            && let Ok(metadata) = fs::metadata(&candidate)
        {
            found.push((candidate, metadata.ino()));
        }
    }
    Ok(found)
}

/// 100,000: a directory of logs that has more is searched in vain, but not for minutes.
const ENTRIES_MAX: usize = 100_000;
