//! Both sides of the books of a logging host: what publishers say they served, and what is here.
//!
//! ```text
//! served   =  lost there  +  written  +  not here        lines, for each stream and in all
//!                                        = missing + lost here + before its time
//! ```
//!
//! A publisher says how many lines its messages up to a number hold, and what it lost itself; the
//! ledger knows which of these messages are written, with how many lines. What is in messages that
//! are not here is the rest, so that a line which nobody accounts for shows.
//!
//! - `stream`: the books of one stream. `totals`: their sums, and what is to be said of them.
//! - `file`: what a file was found to hold.
//! - `text`, `json`: for people and for programs. `when`: a moment as text.
//!
//! It is made from a ledger that others have read, and reads no file and no clock.

mod file;
mod json;
#[cfg(any(test, fuzzing))]
pub(crate) mod laws;
mod stream;
mod text;
mod totals;
mod when;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::journal::Keeper;
use crate::ledger::{Account, Ledger, Source};
use file::FileBooks;
pub(crate) use file::{Recount, WhyNot};
use stream::StreamBooks;
use totals::Totals;

/// The books of a logging host at one moment.
#[derive(Debug, Serialize)]
pub struct Audit {
    v: u64,
    /// The ledger's directory.
    ledger: String,
    /// When it was looked at, in seconds since 1970.
    at: u64,
    keeper: KeeperBooks,
    /// What was over before that is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_since: Option<u64>,
    blocks: Vec<BlockBooks>,
    files: Vec<FileBooks>,
    totals: Totals,
}

/// From where and when a ledger is looked at, and what else is known.
#[derive(Debug)]
pub(crate) struct Look {
    /// The ledger's directory.
    pub(crate) place: String,
    /// Seconds since 1970.
    pub(crate) now: u64,
    pub(crate) keeper: Keeper,
    /// How far each stream was known a moment ago: what came since may be on its way into a file.
    /// `None`: nothing is.
    pub(crate) settled: Option<BTreeMap<Source, u64>>,
    /// What was over before that is left out, of the ledger already, and of streams here.
    pub(crate) since: Option<u64>,
    /// What the files hold, in the order of the ledger's; empty if they were not looked at.
    pub(crate) recounts: Vec<Recount>,
}

/// Who keeps the ledger.
#[derive(Debug, Serialize)]
struct KeeperBooks {
    is_running: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    /// When nobody does: when it was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

/// A Spread block.
#[derive(Debug, Serialize)]
struct BlockBooks {
    daemons: String,
    host_id: String,
    groups: Vec<GroupBooks>,
}

/// A group of a Spread block.
#[derive(Debug, Serialize)]
struct GroupBooks {
    group: String,
    streams: Vec<StreamBooks>,
    /// Lines of all senders without numbers.
    unnumbered_lines: u64,
    totals: Totals,
}

impl Audit {
    /// The books that `ledger` holds.
    pub(crate) fn of(ledger: &Ledger, look: Look) -> Self {
        let moment = Moment {
            is_running: matches!(look.keeper, Keeper::Runs(_)),
            heard_to: match look.keeper {
                Keeper::Runs(_) => look.now,
                Keeper::Gone(until) => until,
            },
            since: ledger.since,
            asked_since: look.since.unwrap_or_default(),
        };
        let mut by_block: BTreeMap<u16, BTreeMap<String, GroupBooks>> = BTreeMap::new();
        for (source, account) in &ledger.accounts {
            let groups = by_block.entry(source.block).or_default();
            let name = source.group.to_string();
            let group = groups.entry(name.clone());
            let group = group.or_insert_with(|| GroupBooks::new(name));
            let settled = look.settled.as_ref().map(|settled| {
                // Of a stream that was not known then, all may be on its way.
                settled.get(source).copied().unwrap_or_default()
            });
            group.add(source, account, &moment, settled);
        }
        let mut totals = Totals::default();
        let mut blocks = Vec::new();
        for (index, groups) in by_block {
            let block = ledger.blocks.get(usize::from(index));
            let groups: Vec<GroupBooks> = groups.into_values().collect();
            groups.iter().for_each(|group| totals.add(&group.totals));
            blocks.push(BlockBooks {
                daemons: block.map_or_else(String::new, |block| block.name.clone()),
                host_id: block.map_or_else(String::new, |block| block.host.to_string()),
                groups,
            });
        }
        let mut recounts = look.recounts.into_iter();
        let files = ledger.files.iter();
        let files: Vec<FileBooks> = files
            .map(|file| FileBooks::new(file, recounts.next()))
            .collect();
        totals.files_that_differ = files.iter().filter(|file| file.differs()).count() as u64;
        Self {
            v: VERSION,
            ledger: look.place,
            at: look.now,
            keeper: KeeperBooks::new(look.keeper),
            asked_since: look.since,
            blocks,
            files,
            totals,
        }
    }

    /// Whether nothing is missing, lost or in doubt here; `is_strict`: nor the end of any stream.
    #[must_use]
    pub const fn is_whole(&self, is_strict: bool) -> bool {
        self.totals.is_whole() && !(is_strict && self.totals.tails_unknown > 0)
    }

    /// As a table for people, 100 columns wide.
    #[must_use]
    pub fn text(&self) -> String {
        text::write(self)
    }

    /// As JSON, with everything.
    #[must_use]
    pub fn json(&self) -> String {
        json::write(self)
    }
}

/// What tells how long a publisher has been silent.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// Whether the logging host runs.
    is_running: bool,
    /// Until when it has been listening.
    heard_to: u64,
    /// Since when.
    since: u64,
    /// What was given up before that is left out.
    asked_since: u64,
}

impl KeeperBooks {
    fn new(keeper: Keeper) -> Self {
        match keeper {
            Keeper::Runs(holder) => Self {
                is_running: true,
                pid: holder.map(|holder| holder.pid),
                until: None,
            },
            Keeper::Gone(until) => Self {
                is_running: false,
                pid: None,
                until: Some(until),
            },
        }
    }
}

impl GroupBooks {
    fn new(group: String) -> Self {
        Self {
            group,
            streams: Vec::new(),
            unnumbered_lines: 0,
            totals: Totals::default(),
        }
    }

    fn add(&mut self, source: &Source, account: &Account, moment: &Moment, settled: Option<u64>) {
        match source.instance {
            Some(instance) => {
                let stream = StreamBooks::new(instance, account, moment, settled);
                self.totals.add_stream(&stream, moment);
                self.streams.push(stream);
            }
            None => {
                self.unnumbered_lines = account.lines;
                self.totals.unnumbered_lines = account.lines;
            }
        }
    }
}

const VERSION: u64 = 1;

#[cfg(test)]
mod tests;
