//! Files as sorted lines: those with a time, and those without one.

use std::path::Path;

use spread_logger::format::time_of;

use super::error::ToolError;
use super::input::Input;
use super::progress::Progress;
use super::record::{Order, View};
use super::sorter::{Sorter, Source};

/// The lines of several files, each file sorted for itself.
pub(super) struct Sorted {
    /// Lines with a time, by place.
    pub(super) timed: Vec<Box<dyn Source>>,
    /// Lines without one, by text.
    pub(super) untimed: Vec<Box<dyn Source>>,
}

/// How memory is shared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    timed: usize,
    untimed: usize,
    /// For lines without a time that are sorted by place.
    pub(super) placed: usize,
}

impl Shares {
    /// Of `bytes` for `files`: half for lines with a time, a quarter for those without, and another
    /// for these at the end.
    pub(super) fn of(bytes: usize, files: usize) -> Self {
        let files = files.max(1);
        Self {
            timed: bytes / 2 / files,
            untimed: bytes / 4 / files,
            placed: bytes / 4,
        }
    }
}

/// Reads and sorts files.
pub(super) fn sort(
    inputs: Vec<Input>,
    shares: Shares,
    dir: &Path,
    progress: &mut Progress,
) -> Result<Sorted, ToolError> {
    let mut sorted = Sorted {
        timed: Vec::new(),
        untimed: Vec::new(),
    };
    for mut input in inputs {
        let mut timed = Sorter::new(Order::Place, shares.timed, dir);
        let mut untimed = Sorter::new(Order::Text, shares.untimed, dir);
        let mut anchor = Anchor::default();
        while let Some(line) = input.next()? {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let pushed = match time_of(line) {
                Some(time) => timed.push(anchor.at(time, line)),
                None => untimed.push(anchor.behind(line)),
            };
            pushed.map_err(ToolError::sort(dir))?;
            progress.show(|progress| format!("reading: {} %", progress.per_cent()));
        }
        let failed = ToolError::sort(dir);
        let finished = timed.finish().and_then(|t| Ok((t, untimed.finish()?)));
        let (timed, untimed) = finished.map_err(failed)?;
        sorted.timed.push(timed);
        sorted.untimed.push(untimed);
    }
    Ok(sorted)
}

/// The last line with a time, behind which those without one stand.
#[derive(Debug, Default)]
struct Anchor {
    time: u64,
    line: Vec<u8>,
    behind: u64,
}

impl Anchor {
    fn at(&mut self, time: u64, line: &[u8]) -> View<'_> {
        self.time = time.saturating_add(1);
        self.line.clear();
        self.line.extend_from_slice(line);
        self.behind = 0;
        self.view(&[])
    }

    fn behind<'a>(&'a mut self, line: &'a [u8]) -> View<'a> {
        self.behind += 1;
        self.view(line)
    }

    fn view<'a>(&'a self, text: &'a [u8]) -> View<'a> {
        View {
            time: self.time,
            anchor: &self.line,
            nth: self.behind,
            text,
        }
    }
}
