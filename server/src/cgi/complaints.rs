//! What a program says on standard error: to the operator, line by line, and only so much of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;

/// The end of a program's standard error that is read.
#[derive(Debug)]
pub(super) struct Complaints {
    stderr: Option<pipe::Receiver>,
    /// Whose they are.
    script: String,
    line: Vec<u8>,
    told: usize,
    untold: u64,
}

/// Longer lines are cut: nobody reads further than some lines of a terminal.
const LINE_MAX: usize = 1024;

/// Lines of one run. A trace of a failure has this many; a program that says more would drown
/// those of others.
const LINES_MAX: usize = 100;

/// As much as is read at a time.
const READ_LEN: usize = 4 * 1024;

impl Complaints {
    pub(super) const fn new(stderr: Option<pipe::Receiver>, script: String) -> Self {
        Self {
            stderr,
            script,
            line: Vec::new(),
            told: 0,
            untold: 0,
        }
    }

    pub(super) fn script(&self) -> &str {
        &self.script
    }

    /// Reads and tells all there is; the task is woken when there is more.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        let mut room = [0; READ_LEN];
        while let Some(stderr) = &mut self.stderr {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(stderr).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.take(buffer.filled()),
                Poll::Ready(_) => self.stderr = None,
                Poll::Pending => return,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let room = LINE_MAX.saturating_sub(self.line.len());
            self.line
                .extend_from_slice(text.get(..room).unwrap_or(text));
            if part.ends_with(b"\n") {
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.trim_ascii().is_empty() {
            return;
        }
        if self.told == LINES_MAX {
            self.untold += 1;
            return;
        }
        self.told += 1;
        // It is no text of ours: what would move a cursor is shown as an escape.
        let text = line.trim_ascii_end().escape_ascii();
        tracing::warn!("{}: {text}", self.script);
    }
}

impl Drop for Complaints {
    fn drop(&mut self) {
        self.tell();
        if self.untold > 0 {
            tracing::warn!("{}: {} more lines", self.script, self.untold);
        }
    }
}
