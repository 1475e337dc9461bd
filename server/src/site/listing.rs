//! The names of a directory, for a page of them.
//!
//! What is listed is what is served: hidden names are left out, as are FIFOs, devices,
//! and links that lead nowhere or out of the root. The page itself is written by
//! [`http::listing`].

use std::os::fd::OwnedFd;

use http::listing;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::root::{Patience, Root};

/// More names than anybody reads; the page of these is about a megabyte.
pub(super) const ENTRIES_MAX: usize = 10_000;

struct Entry {
    name: Vec<u8>,
    is_directory: bool,
    len: u64,
    modified: i64,
}

impl Entry {
    fn shown(&self) -> listing::Entry<'_> {
        listing::Entry {
            name: &self.name,
            is_directory: self.is_directory,
            len: self.len,
            modified: self.modified,
        }
    }
}

/// Writes the page of `directory`, which is at `path` beneath `root`.
pub(super) fn write(root: &Root, path: &[u8], directory: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let (mut entries, complete) = read(root, path, directory)?;
    entries.sort_unstable_by(|a, b| {
        let order = b.is_directory.cmp(&a.is_directory);
        order.then_with(|| a.name.cmp(&b.name))
    });
    let entries: Vec<_> = entries.iter().map(Entry::shown).collect();
    Ok(listing::page(path, &entries, complete))
}

fn read(root: &Root, path: &[u8], directory: &OwnedFd) -> Result<(Vec<Entry>, bool), Errno> {
    let mut entries = Vec::new();
    for item in Dir::read_from(directory)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        if name.starts_with(b".") {
            continue;
        }
        if entries.len() == ENTRIES_MAX {
            return Ok((entries, false));
        }
        // Gone meanwhile, or not for us: then it is not listed either.
        let Ok(status) = status_of(root, path, directory, name) else {
            continue;
        };
        let kind = FileType::from_raw_mode(status.st_mode);
        if !matches!(kind, FileType::Directory | FileType::RegularFile) {
            continue;
        }
        entries.push(Entry {
            name: name.to_vec(),
            is_directory: kind == FileType::Directory,
            len: u64::try_from(status.st_size).unwrap_or(0),
            modified: status.st_mtime,
        });
    }
    Ok((entries, true))
}

fn status_of(root: &Root, path: &[u8], directory: &OwnedFd, name: &[u8]) -> Result<Stat, Errno> {
    let status = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Symlink {
        return Ok(status);
    }
    // Only the root can tell whether a link stays inside.
    let look = OFlags::PATH | OFlags::CLOEXEC;
    let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
    let target = root.open_beneath(&[path, slash, name].concat(), look, Patience::Waiting)?;
    rustix::fs::fstat(&target)
}
