//! Log files as lines, whether they are compressed with gzip or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::error::ToolError;

/// The lines of a file.
pub(super) struct Input {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    /// Lines read.
    number: u64,
}

impl Input {
    /// Opens a file; what is read of it, compressed or not, is added to `read`.
    pub(super) fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<Self, ToolError> {
        let file = File::open(path).map_err(ToolError::read(path))?;
        let counted = Counted {
            file,
            read: Arc::clone(read),
        };
        let mut reader = BufReader::with_capacity(BUFFER, counted);
        let start = reader.fill_buf().map_err(ToolError::read(path))?;
        if start.starts_with(ZSTD) {
            return Err(ToolError::Zstd {
                path: path.to_owned(),
            });
        }
        if !start.starts_with(GZIP) {
            return Ok(Self::of(path, reader));
        }
        // Several, one behind the other, are what appending to a .gz makes.
        let unpacked = MultiGzDecoder::new(reader);
        Ok(Self::of(path, BufReader::with_capacity(BUFFER, unpacked)))
    }

    /// The lines of `reader`; `path` is for errors.
    pub(super) fn of(path: &Path, reader: impl BufRead + Send + 'static) -> Self {
        Self {
            path: path.to_owned(),
            reader: Box::new(reader),
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next line with its newline, which the last may lack.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, ToolError> {
        self.line.clear();
        let limit = LINE_MAX as u64 + 1;
        let reader = self.reader.by_ref();
        let len = reader.take(limit).read_until(b'\n', &mut self.line);
        let len = len.map_err(ToolError::read(&self.path))?;
        if len == 0 {
            return Ok(None);
        }
        self.number += 1;
        if len > LINE_MAX {
            return Err(ToolError::LineTooLong {
                path: self.path.clone(),
                line: self.number,
            });
        }
        Ok(Some(&self.line))
    }
}

/// A file, and how much of it has been read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// 1 MiB with its newline: sixteen times what fits into a message.
pub(super) const LINE_MAX: usize = 1 << 20;

/// 256 KiB: some hundred lines of a log at a time.
const BUFFER: usize = 256 * 1024;

/// RFC 1952 §2.3.1.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// RFC 8878 §3.1.1.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
