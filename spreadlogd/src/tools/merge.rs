//! `spreadlogd merge A B`: what several logging hosts have written, in one file.
//!
//! Each line is there as often as in the file that has it most: what all hosts have once is there
//! once, and what one has missed is not missed. Lines stand in the order of their time fields, and
//! within a second in the order of their bytes; one without a time stays behind the line that it
//! stood behind. So merging is symmetric, and merging again changes nothing.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use spread_logger::diagnostics::Chain;

use super::error::ToolError;
use super::groups::Groups;
use super::input::Input;
use super::output::Output;
use super::progress::Progress;
use super::record::{Order, Record};
use super::size::Memory;
use super::sorted::{Shares, sort};
use super::sorter::{Sorter, Source, merged};

/// `spreadlogd merge FILE FILE… [-o OUT] [--memory SIZE] [--temp DIR]`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct MergeArgs {
    /// The files; gzip is unpacked
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Write here, whole or not at all [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,

    #[command(flatten)]
    sorting: Sorting,
}

/// How lines are sorted.
#[derive(Clone, Debug, Args)]
pub(super) struct Sorting {
    /// Memory for sorting; what does not fit goes into temporary files
    #[arg(long, value_name = "SIZE", default_value_t = Memory::DEFAULT)]
    pub(super) memory: Memory,

    /// Where these are [default: beside the output, or the system's place]
    #[arg(long, value_name = "DIR")]
    pub(super) temp: Option<PathBuf>,
}

impl Sorting {
    pub(super) fn dir(&self, output: Option<&Path>) -> PathBuf {
        let beside = output.map(|output| match output.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        let dir = self.temp.clone().or(beside);
        dir.unwrap_or_else(env::temp_dir)
    }
}

const EXAMPLES: &str = "\
Lines are ordered by their time fields, then by bytes. Each is there as often as in the file that
has it most.

Examples:
  spreadlogd merge host1/access_log host2/access_log -o access_log
      the logs of two logging hosts in one, each exchange once
  spreadlogd merge access_log.*.gz access_log | goaccess -
      rotated files in order";

impl MergeArgs {
    /// 0 when it is done, 1 when not.
    pub(crate) fn run(&self) -> ExitCode {
        match self.merge() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&error);
                ExitCode::FAILURE
            }
        }
    }

    fn merge(&self) -> Result<(), ToolError> {
        let mut progress = Progress::of(&self.files);
        let mut output = Output::to(self.output.as_deref())?;
        let inputs = open(&self.files, &progress)?;
        let dir = self.sorting.dir(self.output.as_deref());
        if self.output.is_none() {
            progress.printing();
        }
        let memory = self.sorting.memory.0;
        merge(inputs, memory, &dir, &mut progress, |line| {
            output.line(b"", line)
        })?;
        output.commit()
    }
}

/// Says why nothing came of it, unless nobody wants to know.
pub(super) fn say(error: &ToolError) {
    if !error.is_broken_pipe() {
        let chain: &(dyn Error + 'static) = error;
        let _ = writeln!(io::stderr(), "spreadlogd: {}", Chain(chain));
    }
}

pub(super) fn open(files: &[PathBuf], progress: &Progress) -> Result<Vec<Input>, ToolError> {
    if files.len() > FILES_MAX {
        return Err(ToolError::TooMany {
            count: files.len(),
            max: FILES_MAX,
        });
    }
    let inputs = files.iter().map(|path| Input::open(path, progress.read()));
    inputs.collect()
}

/// The union of `inputs`, in order.
pub(super) fn merge(
    inputs: Vec<Input>,
    memory: usize,
    dir: &Path,
    progress: &mut Progress,
    mut out: impl FnMut(&[u8]) -> Result<(), ToolError>,
) -> Result<(), ToolError> {
    let shares = Shares::of(memory, inputs.len());
    let sorted = sort(inputs, shares, dir, progress)?;
    let mut all =
        union(sorted.timed, sorted.untimed, shares.placed, dir).map_err(ToolError::sort(dir))?;
    let (mut record, mut lines) = (Record::default(), 0_u64);
    while all.next(&mut record).map_err(ToolError::sort(dir))? {
        lines += 1;
        progress.show_writing(|_| format!("writing: {lines} lines"));
        out(record.view().line())?;
    }
    Ok(())
}

/// Lines with a time come sorted; those without are put back where they stood first.
fn union(
    timed: Vec<Box<dyn Source>>,
    untimed: Vec<Box<dyn Source>>,
    memory: usize,
    dir: &Path,
) -> io::Result<Box<dyn Source>> {
    let mut placed = Sorter::new(Order::Place, memory, dir);
    let mut groups = Groups::new(untimed, Order::Text)?;
    let mut record = Record::default();
    while groups.next(&mut record)?.is_some() {
        placed.push(record.view())?;
    }
    let timed = Groups::new(timed, Order::Place)?;
    merged(vec![Box::new(timed), placed.finish()?], Order::Place)
}

impl Source for Groups {
    fn next(&mut self, into: &mut Record) -> io::Result<bool> {
        Ok(Self::next(self, into)?.is_some())
    }
}

/// As many as a group has bits for; each costs descriptors and a share of the memory.
pub(super) const FILES_MAX: usize = 64;
