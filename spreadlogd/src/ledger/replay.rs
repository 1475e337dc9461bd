//! A journal repeated after a crash: which messages are in their files, and what is to be cut.
//!
//! An [`Event::Write`] is in the journal before the file is touched, and the next one of the same
//! file only after it was over. So of each file only the last can be in doubt, and the file itself
//! tells: a message that is wholly inside stands, the first one that is not is cut off, with all
//! behind it, and asked for again.
//!
//! A file that is not the journal's (another inode, or shorter than it was at the last checkpoint)
//! says nothing and is never cut: what was written to it since counts as written, and is counted
//! as uncertain.

use std::collections::{BTreeMap, HashMap};

use super::{Entry, Event, FileAccount, Ledger, Source};

/// A ledger on its way to what it was.
#[derive(Debug)]
pub(crate) struct Replay {
    ledger: Ledger,
    /// By what the journal calls them.
    files: HashMap<u32, Written>,
}

/// What the journal says of a file.
#[derive(Debug)]
struct Written {
    /// Its index in the ledger.
    file: usize,
    /// Its length when it was opened: at the last checkpoint or since.
    length: u64,
    /// The last write, which may not be over, and where it begins.
    last: Option<(u64, Vec<Entry>, u64)>,
    /// Lines written since it was opened, by source: in doubt altogether if the file turns out to
    /// be another's.
    stood: BTreeMap<Source, u64>,
}

/// What a file turns out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// The one that was written to, of this length.
    Length(u64),
    /// A pipe or a device, or a file that others write to: what it got last nobody knows.
    Unknowable,
    /// Nowhere to be found.
    Gone,
}

/// What is to be done to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tail {
    /// Its index in the ledger.
    pub(crate) file: usize,
    /// Where the first message begins that is not wholly in it.
    pub(crate) cut_at: u64,
    /// That message is of a sender without numbers and will not come again: its whole lines stay.
    pub(crate) keeps_lines: Option<Entry>,
}

impl Replay {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            files: HashMap::new(),
        }
    }

    /// Repeats what happened next.
    pub(crate) fn apply(&mut self, event: Event, at: u64) {
        match event {
            Event::Opened {
                file,
                identity,
                is_ours,
                length,
                path,
            } => {
                // Closed and opened again: what was written before was over.
                self.settle(file, u64::MAX);
                let index = self.ledger.files.open(FileAccount {
                    path,
                    identity,
                    is_ours,
                    start: length,
                    length,
                    lines: 0,
                    is_open: true,
                    used: at,
                });
                let opened = Written {
                    file: index,
                    length,
                    last: None,
                    stood: BTreeMap::new(),
                };
                self.files.insert(file, opened);
            }
            Event::Write {
                file,
                offset,
                entries,
            } => {
                self.settle(file, u64::MAX);
                if let Some(written) = self.files.get_mut(&file) {
                    written.last = Some((offset, entries, at));
                }
            }
            Event::Cut { file, at: end } => self.settle(file, end),
            other => self.ledger.apply(&other, at),
        }
    }

    /// Of the last write to `file` what ends at `end` or before is written, and the rest is not.
    fn settle(&mut self, file: u32, end: u64) {
        let Some(written) = self.files.get_mut(&file) else {
            return;
        };
        let Some((offset, entries, at)) = written.last.take() else {
            return;
        };
        let mut reached = offset;
        for entry in entries {
            reached = reached.saturating_add(entry.len.into());
            if reached > end {
                break;
            }
            self.ledger.written(written.file, &entry, at);
            let stood = written.stood.entry(entry.source).or_default();
            *stood = stood.saturating_add(entry.lines.into());
        }
    }

    /// Of the last write to `file`, which may be over or not, what has no number counts.
    fn settle_unnumbered(&mut self, file: u32) {
        if let Some((_, entries, _)) = self.files.get_mut(&file).and_then(|it| it.last.as_mut()) {
            entries.retain(|entry| entry.number == 0);
        }
        self.settle(file, u64::MAX);
    }

    /// The journal has ended. `find` says what each file turns out to be; returned are the ledger
    /// and what is to be cut.
    pub(crate) fn finish(mut self, find: impl Fn(&FileAccount) -> Found) -> (Ledger, Vec<Tail>) {
        let mut tails = Vec::new();
        let mut files: Vec<u32> = self.files.keys().copied().collect();
        files.sort_unstable();
        for file in files {
            tails.extend(self.finish_file(file, &find));
        }
        (self.ledger, tails)
    }

    fn finish_file(&mut self, id: u32, find: &impl Fn(&FileAccount) -> Found) -> Option<Tail> {
        let written = self.files.get(&id)?;
        let (file, opened_at) = (written.file, written.length);
        let account = self.ledger.files.get(file)?;
        let length = match find(account) {
            Found::Length(length) if length >= opened_at => length,
            Found::Unknowable => {
                // Once more is better than not at all; what has no number does not come again.
                self.settle_unnumbered(id);
                return None;
            }
            Found::Length(_) | Found::Gone => {
                self.settle(id, u64::MAX);
                let stood = self.files.remove(&id).map(|written| written.stood);
                for (source, lines) in stood.unwrap_or_default() {
                    let account = self.ledger.account(source);
                    account.uncertain = account.uncertain.saturating_add(lines);
                }
                return None;
            }
        };
        let (offset, entries, _) = written.last.as_ref()?;
        let mut start = *offset;
        let mut first_torn = None;
        for entry in entries {
            let end = start.saturating_add(entry.len.into());
            if end > length {
                first_torn = Some(*entry);
                break;
            }
            start = end;
        }
        self.settle(id, length);
        let torn = first_torn.filter(|_| length > start)?;
        Some(Tail {
            file,
            cut_at: start,
            keeps_lines: Some(torn).filter(|entry| entry.number == 0),
        })
    }
}
