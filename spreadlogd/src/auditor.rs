//! An [`Audit`] from a ledger's directory: what is read for it, and when.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::audit::{Audit, Look};
use crate::journal::{Inspected, Keeper, StateError, inspect, seconds};
use crate::ledger::{Ledger, Source};
use crate::recount::recount;

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuditOptions {
    /// Whether the lines of the files are counted again.
    pub recounts: bool,
    /// Only what was heard, given up or written since then, in seconds since 1970. The numbers of a
    /// stream are of all its life nevertheless: nobody has them by the hour.
    pub since: Option<u64>,
}

impl Audit {
    /// Reads the ledger in the directory `place`, without a lock and also while a spreadlogd works
    /// with it.
    ///
    /// Where something seems to be missing while a spreadlogd runs, it looks again a second later:
    /// what has come meanwhile was on its way into a file.
    ///
    /// # Errors
    /// When there is no ledger, or it cannot be read.
    pub fn read(place: &Path, options: AuditOptions) -> Result<Self, StateError> {
        let mut found = inspect(place)?;
        let mut settled = None;
        if matches!(found.keeper, Keeper::Runs(_)) && is_lacking(&found.ledger) {
            settled = Some(known_to(&found.ledger));
            thread::sleep(ON_ITS_WAY);
            found = inspect(place)?;
        }
        let Inspected { mut ledger, keeper } = found;
        if let Some(since) = options.since {
            ledger.leave_out_before(since);
        }
        let files = ledger.files.iter().filter(|_| options.recounts);
        let look = Look {
            place: place.display().to_string(),
            now: seconds(),
            keeper,
            settled,
            since: options.since,
            recounts: files.map(recount).collect(),
        };
        Ok(Self::of(&ledger, look))
    }
}

fn is_lacking(ledger: &Ledger) -> bool {
    let mut accounts = ledger.accounts.values();
    accounts.any(|account| account.missing_count() > 0)
}

fn known_to(ledger: &Ledger) -> BTreeMap<Source, u64> {
    let accounts = ledger.accounts.iter();
    accounts
        .map(|(source, account)| (*source, account.known_to()))
        .collect()
}

/// 1 s: what has been received is written within milliseconds, unless its file takes nothing.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
