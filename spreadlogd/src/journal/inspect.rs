//! A ledger and its journal looked at from outside: nothing is locked, made, cut or written.

use std::fs::{self, File};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::directory::{LOCK, read_only};
use super::{StateError, recover};
use crate::ledger::Ledger;
use crate::sink::{Holder, held};

/// A ledger as it is now.
#[derive(Debug)]
pub(crate) struct Inspected {
    pub(crate) ledger: Ledger,
    pub(crate) keeper: Keeper,
}

/// Who keeps a ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Keeper {
    /// A process that runs; which, where the system tells.
    Runs(Option<Holder>),
    /// Nobody. It was written last at this time, in seconds since 1970.
    Gone(u64),
}

/// Reads what is in the directory `path`, also while a spreadlogd works with it. The journal is
/// repeated by what the files are now.
///
/// # Errors
/// When there is no ledger, or it cannot be read.
pub(crate) fn inspect(path: &Path) -> Result<Inspected, StateError> {
    // Asked before it is read: one that begins meanwhile has written nothing that counts.
    let holder = File::open(path.join(LOCK)).ok().and_then(|f| held(&f));
    let kept = read_only(path)?;
    let (ledger, _) = recover::replay(kept);
    let keeper = holder.map_or_else(|| Keeper::Gone(last_written(path)), Keeper::Runs);
    Ok(Inspected { ledger, keeper })
}

/// The newest time of a file in the directory.
fn last_written(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| {
        let time = entry.metadata().ok()?.modified().ok()?;
        Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
    });
    times.max().unwrap_or_default()
}
