//! `spreadlogd diff A B`: which lines one log file has and another has not, wherever they stand.
//!
//! Two logging hosts that have everything have the same lines, but after a fault not in the same
//! order: so `diff` of other fame finds differences where there are none.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::error::ToolError;
use super::groups::Groups;
use super::input::Input;
use super::merge::{Sorting, open, say};
use super::output::Output;
use super::progress::Progress;
use super::record::{Order, Record};
use super::sorted::{Shares, sort};

/// `spreadlogd diff A B [--summary] [--memory SIZE] [--temp DIR]`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// One file; gzip is unpacked
    #[arg(value_name = "A")]
    left: PathBuf,

    /// The other
    #[arg(value_name = "B")]
    right: PathBuf,

    /// Print how many lines differ, and not which
    #[arg(long)]
    summary: bool,

    #[command(flatten)]
    sorting: Sorting,
}

const EXAMPLES: &str = "\
Prints `< LINE` for each line that A has and B has not, `> LINE` for each of B, as often as one
has it more than the other: those with a time in order, then those without. Where lines stand
makes no difference. Exit status: 0 when both have the same lines, 1 when not, 2 when something
went wrong.

Examples:
  spreadlogd diff host1/access_log host2/access_log
      what one of two logging hosts has missed
  spreadlogd diff --summary access_log.1.gz copy/access_log.1.gz
      is the copy complete?";

/// Whose a line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Left,
    Right,
}

/// How many lines are where.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) left: u64,
    pub(super) right: u64,
    pub(super) both: u64,
}

impl DiffArgs {
    /// 0 when there is no difference, 1 when there is, 2 when that is not known.
    pub(crate) fn run(&self) -> ExitCode {
        match self.diff() {
            Ok(counts) if counts.left + counts.right == 0 => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => {
                say(&error);
                ExitCode::from(2)
            }
        }
    }

    fn diff(&self) -> Result<Counts, ToolError> {
        let files = [self.left.clone(), self.right.clone()];
        let mut progress = Progress::of(&files);
        let inputs = open(&files, &progress)?;
        let mut output = Output::to(None)?;
        progress.printing();
        let dir = self.sorting.dir(None);
        let memory = self.sorting.memory.0;
        let counts = diff(inputs, memory, &dir, &mut progress, |side, line| {
            if self.summary {
                return Ok(());
            }
            let before: &[u8] = match side {
                Side::Left => b"< ",
                Side::Right => b"> ",
            };
            output.line(before, line)
        })?;
        let summary = format!(
            "lines only in {}: {}; only in {}: {}; in both: {}",
            self.left.display(),
            counts.left,
            self.right.display(),
            counts.right,
            counts.both
        );
        if self.summary {
            output.line(b"", summary.as_bytes())?;
        }
        output.commit()?;
        progress.clear();
        if !self.summary {
            // Not among the lines, which may go to another program.
            let _ = writeln!(io::stderr(), "{summary}");
        }
        Ok(counts)
    }
}

/// The lines in which two files differ.
pub(super) fn diff(
    inputs: Vec<Input>,
    memory: usize,
    dir: &Path,
    progress: &mut Progress,
    mut out: impl FnMut(Side, &[u8]) -> Result<(), ToolError>,
) -> Result<Counts, ToolError> {
    let shares = Shares::of(memory, inputs.len());
    let sorted = sort(inputs, shares, dir, progress)?;
    let mut counts = Counts::default();
    let parts = [(sorted.timed, Order::Place), (sorted.untimed, Order::Text)];
    for (sources, order) in parts {
        let mut groups = Groups::new(sources, order).map_err(ToolError::sort(dir))?;
        let mut record = Record::default();
        while let Some(having) = groups.next(&mut record).map_err(ToolError::sort(dir))? {
            let compared = counts.left + counts.right + counts.both;
            progress.show_writing(|_| format!("comparing: {compared} lines"));
            let line = record.view();
            match having {
                LEFT => {
                    counts.left += 1;
                    out(Side::Left, line.line())?;
                }
                RIGHT => {
                    counts.right += 1;
                    out(Side::Right, line.line())?;
                }
                _ => counts.both += 1,
            }
        }
    }
    Ok(counts)
}

/// The bits of a group.
const LEFT: u64 = 1;
const RIGHT: u64 = 2;
