//! How far a tool is, on a terminal.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A line on standard error, written anew now and then; none where that is no terminal.
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    /// Bytes of all files, as they lie on the disk.
    all: u64,
    began: Instant,
    shown: Option<Instant>,
    is_terminal: bool,
    /// Lines are printed on a terminal, which is most likely the same.
    is_disturbing: bool,
}

impl Progress {
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let lens = files.iter().filter_map(|path| fs::metadata(path).ok());
        Self {
            read: Arc::default(),
            all: lens.map(|metadata| metadata.len()).sum(),
            began: Instant::now(),
            shown: None,
            is_terminal: io::stderr().is_terminal(),
            is_disturbing: false,
        }
    }

    /// What counts the bytes that are read.
    pub(super) const fn read(&self) -> &Arc<AtomicU64> {
        &self.read
    }

    /// How many per cent have been read; a file that grows has never more than all of it.
    pub(super) fn per_cent(&self) -> u64 {
        let read = self.read.load(Ordering::Relaxed);
        (read.saturating_mul(100) / self.all.max(1)).min(100)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says what is done, if it is time for that.
    pub(super) fn show(&mut self, what: impl FnOnce(&Self) -> String) {
        if !self.is_terminal {
            return;
        }
        if self.shown.is_none_or(|at| at.elapsed() >= SHOW_EVERY) {
            self.shown = Some(Instant::now());
            // Who does not see it misses nothing else.
            let _ = write!(io::stderr(), "\r{}\x1b[K", what(self));
        }
    }

    /// From now on lines go to standard output.
    pub(super) fn printing(&mut self) {
        self.is_disturbing = io::stdout().is_terminal();
    }

    /// The same while lines are written.
    pub(super) fn show_writing(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.is_disturbing {
            self.clear();
        } else {
            self.show(what);
        }
    }

    /// Nothing more of it: the line is free for other words.
    pub(super) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// 250 ms: a moving number that can be read.
const SHOW_EVERY: Duration = Duration::from_millis(250);
