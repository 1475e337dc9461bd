//! The table that holds now. It can be replaced while the server runs.
//!
//! A worker keeps the table that it last saw and its number, so that a request reads one number
//! that hardly ever changes; only when it has is the lock taken, once by each worker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ThrottleRules;
use super::meter::{LOOK_EVERY, ThrottleReading};
use super::table::Table;

/// The rules of a server about how fast it sends. A cheap clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Throttles(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The number of the table; each that replaces another has the next.
    number: AtomicU64,
    table: Mutex<Arc<Table>>,
}

/// The table as one worker has it.
#[derive(Debug)]
pub(crate) struct Current {
    throttles: Throttles,
    number: u64,
    table: Arc<Table>,
}

impl Throttles {
    /// Throttles by `rules`.
    #[must_use]
    pub fn new(rules: &ThrottleRules) -> Self {
        Self(Arc::new(Shared {
            number: AtomicU64::new(0),
            table: Mutex::new(Arc::new(Table::new(rules, &Table::default()))),
        }))
    }

    /// Throttles by `rules` from now on. A rule whose pattern was there before goes on with what
    /// it has given away, for downloads under way too; those of a rule that is gone are free.
    pub fn replace(&self, rules: &ThrottleRules) {
        let mut table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
        *table = Arc::new(Table::new(rules, &table));
        self.0.number.fetch_add(1, Ordering::Release);
    }

    /// What each rule has done.
    #[must_use]
    pub fn readings(&self) -> Vec<ThrottleReading> {
        self.table().readings()
    }

    /// What they are throttled by now.
    #[must_use]
    pub fn rules(&self) -> ThrottleRules {
        self.table().rules()
    }

    /// Takes note of what each rule has sent by `now`, for its rate; to be called once in
    /// [`Self::LOOK_EVERY`].
    pub(crate) fn look(&self, now: u64) {
        self.table().look(now);
    }

    /// How often rates are looked at.
    pub(crate) const LOOK_EVERY: Duration = Duration::from_nanos(LOOK_EVERY);

    pub(crate) fn current(&self) -> Current {
        let mut current = Current {
            throttles: self.clone(),
            number: 0,
            table: Arc::default(),
        };
        current.renew();
        current
    }

    fn table(&self) -> Arc<Table> {
        let table = self.0.table.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&table)
    }
}

impl Current {
    /// The table that holds now.
    pub(crate) fn table(&mut self) -> &Arc<Table> {
        if self.throttles.0.number.load(Ordering::Acquire) != self.number {
            self.renew();
        }
        &self.table
    }

    fn renew(&mut self) {
        // The number first: a table that comes in between is looked for once more.
        self.number = self.throttles.0.number.load(Ordering::Acquire);
        self.table = self.throttles.table();
    }
}
