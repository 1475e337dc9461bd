//! What a logging host has of everything that was ever sent to it: a value, without I/O.
//!
//! ```text
//! Block     a Spread block of the configuration, with the id under which it acknowledges
//! Source    a stream of a publisher to a group, or all unnumbered senders of a group
//! Account   what is written of a source, what is missing, what its publisher says
//! FileAccount  a file by device and inode: how long it is, and how many lines are ours
//! ```
//!
//! It changes by [`Event`]s only. The journal keeps them on disk (`event` is their form there),
//! and [`Replay`] repeats them after a crash, with what the files turn out to hold. So what runs
//! and what is restored are the same by construction.

mod account;
mod event;
mod files;
mod image;
mod replay;

use std::collections::{BTreeMap, BTreeSet};

use spread::stream::{HostId, Instance, Key, StreamGroup};
use spread::{GroupName, Name};

pub(crate) use account::{Account, Fate, Gap, reason};
pub(crate) use event::{Decoder, Encoder, Entry, Event};
pub(crate) use files::{FileAccount, Files};
pub use image::ImageError;
pub(crate) use image::{read as read_image, write as write_image};
pub(crate) use replay::{Found, Replay, Tail};

/// The books of a logging host.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) blocks: Vec<Block>,
    pub(crate) accounts: BTreeMap<Source, Account>,
    pub(crate) files: Files,
    /// Since when this logging host has been listening, in seconds since 1970.
    pub(crate) since: u64,
    /// Messages that are in some of their files and not in all, and in which.
    partials: BTreeMap<(Source, u64), BTreeSet<usize>>,
}

/// A Spread block, over all configurations that it has been part of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Block {
    /// Its daemons, for people, and to find it again.
    pub(crate) name: String,
    /// Under which it acknowledges: two blocks on one farm are two logging hosts.
    pub(crate) host: HostId,
}

/// Whose lines.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Source {
    /// Index of the block.
    pub(crate) block: u16,
    /// `None` for all senders without numbers together.
    pub(crate) instance: Option<Instance>,
    pub(crate) group: GroupName,
}

impl Source {
    /// A numbered stream.
    pub(crate) fn of_stream(block: u16, key: Key) -> Self {
        Self {
            block,
            instance: Some(key.instance),
            group: key.group.name(),
        }
    }

    /// The stream, if it is one.
    pub(crate) fn key(self) -> Option<Key> {
        Some(Key {
            instance: self.instance?,
            group: StreamGroup::try_from(self.group).ok()?,
        })
    }

    /// The group as it stands in an address.
    pub(crate) fn name(self) -> Name {
        self.group.into()
    }
}

impl Ledger {
    /// The account of `source`, which is opened if there is none.
    pub(crate) fn account(&mut self, source: Source) -> &mut Account {
        self.accounts.entry(source).or_default()
    }

    /// Applies what is no matter of files.
    pub(crate) fn apply(&mut self, event: &Event, at: u64) {
        match event {
            Event::Begun { source, base } => self.account(*source).begin(*base, at),
            Event::Heard { source, control } => self.account(*source).hear(control, at),
            Event::Missing { source, range } => self.account(*source).miss(range.clone(), at),
            Event::Lost {
                source,
                range,
                cause,
            } => self.account(*source).lose(range.clone(), *cause, at),
            Event::Forgotten { source } => {
                self.accounts.remove(source);
            }
            Event::LeftOut {
                source,
                number,
                lines,
                len,
            } => {
                self.partials.remove(&(*source, *number));
                let amount = (u64::from(*lines), u64::from(*len));
                self.account(*source).write(*number, amount, at);
            }
            Event::Unplaced {
                source,
                number,
                lines,
            } => self.account(*source).unplace(*number, (*lines).into(), at),
            Event::Opened { .. } | Event::Write { .. } | Event::Cut { .. } => {}
        }
    }

    /// A message has been written to `file`, all of it. Whether it is in all its files now.
    pub(crate) fn written(&mut self, file: usize, entry: &Entry, at: u64) -> bool {
        if let Some(file) = self.files.get_mut(file) {
            file.length = file.length.saturating_add(entry.len.into());
            file.lines = file.lines.saturating_add(entry.lines.into());
            file.used = at;
        }
        let place = (entry.source, entry.number);
        if entry.files > 1 && entry.number > 0 {
            let written = self.partials.entry(place).or_default();
            written.insert(file);
            if written.len() < usize::from(entry.files) {
                if self.partials.len() > PARTIALS_MAX {
                    // Should it come again, it is in the file that took it twice.
                    self.partials.pop_first();
                }
                return false;
            }
        }
        if !self.partials.is_empty() {
            self.partials.remove(&place);
        }
        // Without a number nobody knows what belongs together, and each file counts its own.
        let (lines, len) = if entry.number > 0 {
            (entry.message_lines, entry.message_len)
        } else {
            (entry.lines, entry.len)
        };
        let amount = (u64::from(lines), u64::from(len));
        self.account(entry.source).write(entry.number, amount, at);
        true
    }

    /// How many files have a message that is not in all its files, and are none of `files`: when it
    /// came before, it was for other ones.
    pub(crate) fn elsewhere(&self, source: Source, number: u64, files: &[usize]) -> u16 {
        let partial = self.partials.get(&(source, number));
        let is_other = |before: &&usize| !files.iter().any(|file| self.is_same(**before, *file));
        let count = partial.map_or(0, |before| before.iter().filter(is_other).count());
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// Of a message without a number that was torn, these whole lines stay in its file.
    pub(crate) fn keep_lines(&mut self, tail: &Tail, lines: u64, bytes: u64) {
        let Some(entry) = tail.keeps_lines else {
            return;
        };
        if let Some(file) = self.files.get_mut(tail.file) {
            file.length = file.length.saturating_add(bytes);
            file.lines = file.lines.saturating_add(lines);
        }
        let account = self.account(entry.source);
        account.lines = account.lines.saturating_add(lines);
        account.bytes = account.bytes.saturating_add(bytes);
    }

    /// Whether a message is in some of its files and not in all.
    pub(crate) fn is_partial(&self, source: Source, number: u64) -> bool {
        self.partials.contains_key(&(source, number))
    }

    /// Whether a message that is not in all its files is in `file`, or in one that was there before
    /// it and has been put aside or moved away since.
    pub(crate) fn is_in(&self, source: Source, number: u64, file: usize) -> bool {
        let partial = self.partials.get(&(source, number));
        partial.is_some_and(|files| files.iter().any(|before| self.is_same(*before, file)))
    }

    /// Whether a file is another, or was there before it.
    fn is_same(&self, before: usize, file: usize) -> bool {
        let path = |file: usize| self.files.get(file).map(|file| &file.path);
        before == file || path(file).is_some_and(|it| path(before) == Some(it))
    }

    /// Leaves out whatever has ended before `since`: to look at the rest.
    pub(crate) fn leave_out_before(&mut self, since: u64) {
        self.accounts
            .retain(|_, account| account.is_of_since(since));
        self.files.leave_out_before(since);
    }

    /// Forgets files that are done with, of too many; to be called where a journal begins anew.
    pub(crate) fn forget_old_files(&mut self) {
        let needed = self.partials.values().flatten().copied().collect();
        self.files.forget_old(&needed);
    }
}

/// 100,000: an hour of a busy farm while one of two files cannot be written.
const PARTIALS_MAX: usize = 100_000;

#[cfg(test)]
mod tests;
