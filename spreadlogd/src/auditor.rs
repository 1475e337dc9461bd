//! An [`Audit`] from a ledger's directory: what is read for it, and when.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::audit::{Audit, Look};
use crate::journal::{Inspected, Keeper, StateError, inspect, seconds};
use crate::ledger::{Ledger, Source};
use crate::recount::recount;

impl Audit {
    /// Reads the ledger in the directory `place`, without a lock and also while a spreadlogd works
    /// with it; `recounts`: and counts the lines of its files.
    ///
    /// Where something seems to be missing while a spreadlogd runs, it looks again a second later:
    /// what has come meanwhile was on its way into a file.
    ///
    /// # Errors
    /// When there is no ledger, or it cannot be read.
    pub fn read(place: &Path, recounts: bool) -> Result<Self, StateError> {
        let mut found = inspect(place)?;
        let mut settled = None;
        if matches!(found.keeper, Keeper::Runs(_)) && is_lacking(&found.ledger) {
            settled = Some(known_to(&found.ledger));
            thread::sleep(ON_ITS_WAY);
            found = inspect(place)?;
        }
        let Inspected { ledger, keeper } = found;
        let files = ledger.files.iter().filter(|_| recounts);
        let look = Look {
            place: place.display().to_string(),
            now: seconds(),
            keeper,
            settled,
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
