//! After a crash: what the files really hold, and the cutting of what is torn.
//!
//! A file is known by device and inode, so one that was moved away by rotation is found under its
//! new name, if that is in the same directory. What is cut off is kept beside it in `NAME.CUT`.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirEntryExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use spread_logger::diagnostics::Chain;
use tracing::{info, warn};

use super::Kept;
use crate::ledger::{FileAccount, Found, Ledger, Replay, Tail};
use crate::sink::Identity;

/// Repeats what has happened since the last checkpoint, and cuts off the files what is not wholly in them.
///
/// All log files must be locked by us already.
pub(crate) fn recover(kept: Kept) -> Ledger {
    let (mut ledger, tails) = replay(kept);
    ledger.files.close_all();
    for tail in tails {
        let Some(file) = ledger.files.get(tail.file).cloned() else {
            continue;
        };
        let cut = place_of(&file).ok_or_else(|| io::ErrorKind::NotFound.into());
        match cut.and_then(|path| cut_off(&path, &tail)) {
            Ok(stays) => {
                ledger.keep_lines(&tail, stays.lines as u64, stays.bytes as u64);
                info!(
                    "cut a message off {} that a crash had torn; it comes again",
                    file.path.display()
                );
            }
            Err(error) => warn!(
                "cannot cut the torn end off {}: {}; a line of it is not whole",
                file.path.display(),
                Chain(&error)
            ),
        }
    }
    ledger
}

/// Repeats what has happened since the last checkpoint, by what the files are now; what is to be
/// cut off them, which is not done here.
pub(super) fn replay(kept: Kept) -> (Ledger, Vec<Tail>) {
    let mut replay = Replay::new(kept.ledger);
    for (event, at) in kept.events {
        replay.apply(event, at);
    }
    replay.finish(look)
}

/// What a file turns out to be.
fn look(file: &FileAccount) -> Found {
    if !file.is_ours {
        return Found::Unknowable;
    }
    let length = place_of(file).and_then(|path| path.metadata().ok());
    length.map_or(Found::Gone, |metadata| Found::Length(metadata.len()))
}

/// Where a file is now: where it was, or under another name in the same directory.
pub(crate) fn place_of(file: &FileAccount) -> Option<PathBuf> {
    let is_it = |path: &Path| Identity::of_path(path).is_ok_and(|found| found == file.identity);
    if is_it(&file.path) {
        return Some(file.path.clone());
    }
    let entries = fs::read_dir(file.path.parent()?).ok()?;
    entries
        .flatten()
        .filter(|entry| entry.ino() == file.identity.inode)
        .map(|entry| entry.path())
        .find(|path| is_it(path))
}

/// Cuts `tail` off, after it was copied away; the bytes of it that stay.
fn cut_off(path: &Path, tail: &Tail) -> io::Result<Stays> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut torn = Vec::new();
    let length = file.metadata()?.len().saturating_sub(tail.cut_at);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    // What was torn is one flush; more behind it would be another's.
    torn.resize(length.min(CUT_BYTES_MAX), 0);
    file.read_exact_at(&mut torn, tail.cut_at)?;
    let mut stays = Stays::default();
    if let Some(entry) = tail.keeps_lines {
        let of_it = usize::try_from(entry.len).unwrap_or(usize::MAX);
        let part = torn.get(..of_it.min(torn.len())).unwrap_or_default();
        stays.bytes = memchr::memrchr(b'\n', part).map_or(0, |end| end + 1);
        let whole = part.get(..stays.bytes).unwrap_or_default();
        stays.lines = memchr::memchr_iter(b'\n', whole).count();
    }
    let rest = torn.get(stays.bytes..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(stays);
    }
    keep(path, rest)?;
    file.set_len(tail.cut_at + stays.bytes as u64)?;
    Ok(stays)
}

/// What stays of a torn message of a sender without numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Stays {
    bytes: usize,
    lines: usize,
}

/// Appends what was cut off to `NAME.CUT`: in capitals, as no virtual host's file is called so.
fn keep(path: &Path, torn: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".CUT");
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FILE_MODE);
    let mut cut = options.open(path.with_file_name(name))?;
    cut.write_all(torn)?;
    cut.write_all(b"\n")
}

/// 64 MiB: more than a flush holds.
const CUT_BYTES_MAX: usize = 64 << 20;

/// As the log.
const FILE_MODE: u32 = 0o640;
