//! What was received, written and lost, counted while it happens.
//!
//! For every file: the lines of the groups routed to it = written + lost + returned + still
//! waiting.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use spread::{Address, Addresses, GroupName};

use crate::child::ChildCounters;
use crate::room::Room;

/// A number that only grows. Written by one thread, read by any.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it is now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of a whole [`Spreadlogd`](crate::Spreadlogd).
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) sessions: Vec<Arc<SessionCounters>>,
    pub(crate) groups: Vec<Arc<GroupCounters>>,
    pub(crate) files: Vec<Arc<FileCounters>>,
    /// One for each command, module and interpreter.
    pub(crate) children: Vec<Arc<ChildCounters>>,
    /// The index among `files` of what each Log writes to.
    pub(crate) logs: Vec<usize>,
    /// Messages that no Log asks for: to our private group, or to a group just left.
    pub unrouted: Count,
    /// What holds the lines that were received and not yet written.
    pub(crate) room: Arc<Room>,
    /// The ledger cannot be written.
    is_ledger_failing: AtomicBool,
}

impl Counters {
    /// One for each Spread block.
    #[must_use]
    pub fn sessions(&self) -> &[Arc<SessionCounters>] {
        &self.sessions
    }

    /// Memory of the lines that were received and not yet written, and how much it may be.
    #[must_use]
    pub fn waiting_bytes(&self) -> (usize, usize) {
        (self.room.held(), self.room.max())
    }

    /// Whether the ledger cannot be written, and so nothing is written at all.
    #[must_use]
    pub fn is_ledger_failing(&self) -> bool {
        self.is_ledger_failing.load(Ordering::Relaxed)
    }

    /// Takes note of that; whether it was so before.
    pub(crate) fn set_ledger_failing(&self, is_failing: bool) -> bool {
        self.is_ledger_failing.swap(is_failing, Ordering::Relaxed)
    }

    /// One for each group of each Spread block.
    #[must_use]
    pub fn groups(&self) -> &[Arc<GroupCounters>] {
        &self.groups
    }

    /// One for each file.
    #[must_use]
    pub fn files(&self) -> &[Arc<FileCounters>] {
        &self.files
    }

    /// One for each command, module and interpreter.
    #[must_use]
    pub fn children(&self) -> &[Arc<ChildCounters>] {
        &self.children
    }

    /// What these Logs write to, each file once.
    pub(crate) fn of_logs(&self, logs: &[usize]) -> impl Iterator<Item = &FileCounters> {
        let file = |log: &usize| self.logs.get(*log);
        let is_first = move |at: usize, log: &usize| {
            let before = logs.get(..at).unwrap_or_default();
            !before.iter().any(|other| file(other) == file(log))
        };
        let firsts = logs.iter().enumerate();
        let firsts = firsts.filter(move |(at, log)| is_first(*at, log));
        firsts.filter_map(move |(_, log)| Some(&**self.files.get(*file(log)?)?))
    }

    /// The totals of now.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let groups = |count: fn(&GroupCounters) -> &Count| {
            self.groups.iter().map(|group| count(group).now()).sum()
        };
        let files = |count: fn(&FileCounters) -> &Count| {
            self.files.iter().map(|file| count(file).now()).sum::<u64>()
        };
        let children = |count: fn(&ChildCounters) -> &Count| {
            let children = self.children.iter();
            children.map(|child| count(child).now()).sum::<u64>()
        };
        Summary {
            messages: groups(|group| &group.messages),
            lines: groups(|group| &group.lines),
            bytes: groups(|group| &group.bytes),
            lines_written: files(|file| &file.lines) + children(|child| &child.lines_written),
            lines_lost: files(|file| &file.lines_lost) + children(|child| &child.lines_lost),
            lines_unwritten: files(|file| &file.lines_unwritten)
                + children(|child| &child.lines_unwritten),
        }
    }
}

/// The totals of [`Counters`] at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Messages received, of all groups.
    pub messages: u64,
    /// Lines received.
    pub lines: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Lines written, or read by a program; those of a group with two files are written twice.
    pub lines_written: u64,
    /// Lines that are not where they belong.
    pub lines_lost: u64,
    /// Of these, the ones given up when it ended: their file or program still took none.
    pub lines_unwritten: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "received {} lines ({} bytes in {} messages); wrote {} lines, lost {}",
            self.lines, self.bytes, self.messages, self.lines_written, self.lines_lost
        )
    }
}

/// The session of a Spread block.
#[derive(Debug)]
pub struct SessionCounters {
    /// Its daemons, in the order in which they are tried.
    pub addresses: Addresses,
    /// Sessions that have joined their groups.
    pub joined: Count,
    /// Messages of streams that were found missing.
    pub missing: Count,
    /// Messages that came again because they were asked for.
    pub repaired: Count,
    /// Messages that will not come any more.
    pub lost: Count,
    /// Notices that were none, or spoke for another's stream.
    pub refused_notices: Count,
    /// Streams that are not kept any more: silent for 30 days, or the oldest of too many.
    pub forgotten: Count,
    streams: AtomicU64,
    missing_now: AtomicU64,
    /// The index of the address it has joined at, and one more; 0 while it has at none.
    joined_at: AtomicU64,
}

impl SessionCounters {
    pub(crate) fn new(addresses: Addresses) -> Self {
        Self {
            addresses,
            joined: Count::default(),
            missing: Count::default(),
            repaired: Count::default(),
            lost: Count::default(),
            refused_notices: Count::default(),
            forgotten: Count::default(),
            streams: AtomicU64::new(0),
            missing_now: AtomicU64::new(0),
            joined_at: AtomicU64::new(0),
        }
    }

    /// The daemon at which it has joined its groups now.
    #[must_use]
    pub fn connected_to(&self) -> Option<&Address> {
        let index = self.joined_at.load(Ordering::Relaxed).checked_sub(1)?;
        self.addresses.iter().nth(usize::try_from(index).ok()?)
    }

    /// Streams that are known, and the messages of them that are missing now.
    #[must_use]
    pub fn streams(&self) -> (u64, u64) {
        let streams = self.streams.load(Ordering::Relaxed);
        (streams, self.missing_now.load(Ordering::Relaxed))
    }

    pub(crate) fn set_streams(&self, streams: u64, missing: u64) {
        self.streams.store(streams, Ordering::Relaxed);
        self.missing_now.store(missing, Ordering::Relaxed);
    }

    /// Takes note that the session has joined at the address of this index, or is gone.
    pub(crate) fn set_joined_at(&self, index: Option<usize>) {
        self.joined.add(u64::from(index.is_some()));
        let index = index.map_or(0, |index| index as u64 + 1);
        self.joined_at.store(index, Ordering::Relaxed);
    }
}

/// What was received of a group.
#[derive(Debug)]
pub struct GroupCounters {
    /// The group.
    pub group: GroupName,
    /// Messages, empty ones included.
    pub messages: Count,
    /// Messages of those that belong to a numbered stream.
    pub numbered: Count,
    /// Lines in them; a last one without its newline is one.
    pub lines: Count,
    /// Bytes of their bodies.
    pub bytes: Count,
}

impl GroupCounters {
    pub(crate) fn new(group: GroupName) -> Self {
        Self {
            group,
            messages: Count::default(),
            numbered: Count::default(),
            lines: Count::default(),
            bytes: Count::default(),
        }
    }
}

/// What became of the lines of a file, or of all files of a Log that lines name.
#[derive(Debug)]
pub struct FileCounters {
    /// The file, or the directory of the files.
    pub path: PathBuf,
    /// Lines written.
    pub lines: Count,
    /// Bytes written, the newlines that were added included.
    pub bytes: Count,
    /// Lines for which there was no room while the file could not be written, or not as fast, or for
    /// which no file could be opened.
    pub lines_lost: Count,
    /// Of these, the ones given up at the end.
    pub lines_unwritten: Count,
    /// Lines of numbered messages for which there was no room: asked for again, and counted again
    /// when they come.
    pub lines_returned: Count,
    /// Lines that the configuration leaves out.
    pub lines_left_out: Count,
    /// The last write has failed, and it is being tried again.
    is_failing: AtomicBool,
}

impl FileCounters {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            lines: Count::default(),
            bytes: Count::default(),
            lines_lost: Count::default(),
            lines_unwritten: Count::default(),
            lines_returned: Count::default(),
            lines_left_out: Count::default(),
            is_failing: AtomicBool::new(false),
        }
    }

    /// Whether the last write has failed: a full disk, a quota.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    pub(crate) fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::Relaxed);
    }
}
