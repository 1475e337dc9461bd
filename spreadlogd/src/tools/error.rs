//! What can go wrong with a tool.

use std::io;
use std::path::{Path, PathBuf};

use spread_logger::LineRefused;

use super::input::LINE_MAX;

/// Why a tool has not done what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is compressed with zstd: unpack it first, with `zstd -d`")]
    Zstd { path: PathBuf },
    #[error("line {line} of {path} is longer than {LINE_MAX} bytes: this is no log")]
    LineTooLong { path: PathBuf, line: u64 },
    #[error("cannot sort with temporary files in {dir}; choose another place with --temp")]
    Sort { dir: PathBuf, source: io::Error },
    #[error("cannot write {to}")]
    Write { to: String, source: io::Error },
    #[error("{path} is no file that could be replaced; standard output goes anywhere")]
    NoFile { path: PathBuf },
    #[error("{count} files at a time; {max} is the most")]
    TooMany { count: usize, max: usize },
    #[error("in {path}: {refused}; --from {next} is behind it")]
    Refused {
        path: PathBuf,
        next: u64,
        refused: LineRefused,
    },
}

impl ToolError {
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write {
            to: path.display().to_string(),
            source,
        }
    }

    pub(super) fn sort(dir: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::Sort {
            dir: dir.to_owned(),
            source,
        }
    }

    /// Whoever read the output has seen enough, as `head` does.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
