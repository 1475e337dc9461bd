//! What is counted of a child: lines given = written + lost + waiting.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::counters::Count;

/// What became of the lines that a child was given.
#[derive(Debug)]
pub struct ChildCounters {
    /// What it is called in messages: `|command`, `module tail`, `Perl`.
    pub name: String,
    /// Lines given.
    pub lines: Count,
    /// Lines that one of its processes has read.
    pub lines_written: Count,
    /// Lines for which there was no room, or no time at the end.
    pub lines_lost: Count,
    /// Of these, the ones for which there was no room as it had ended, and was not started again
    /// yet.
    pub lines_lost_down: Count,
    /// Of those lost too, the ones given up at the end.
    pub lines_unwritten: Count,
    /// Of those written: the ones on which an interpreter has ended, so far as is known.
    pub lines_failed: Count,
    /// Processes started.
    pub starts: Count,
    pid: AtomicU32,
}

impl ChildCounters {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            lines: Count::default(),
            lines_written: Count::default(),
            lines_lost: Count::default(),
            lines_lost_down: Count::default(),
            lines_unwritten: Count::default(),
            lines_failed: Count::default(),
            starts: Count::default(),
            pid: AtomicU32::new(0),
        }
    }

    /// Processes started after the first.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.starts.now().saturating_sub(1)
    }

    /// Lines for which there was no room as it read too slowly.
    #[must_use]
    pub fn lines_lost_slow(&self) -> u64 {
        let others = self.lines_lost_down.now() + self.lines_unwritten.now();
        self.lines_lost.now().saturating_sub(others)
    }

    /// The process that runs now.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|&pid| pid > 0)
    }

    pub(super) fn set_pid(&self, pid: Option<u32>) {
        self.starts.add(u64::from(pid.is_some()));
        self.pid.store(pid.unwrap_or(0), Ordering::Relaxed);
    }
}
