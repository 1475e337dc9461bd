//! A file that is written whole, or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::error::ToolError;

/// Where lines go.
pub(super) struct Output {
    /// The name it gets in the end, and the one that it has until then; none: standard output.
    names: Option<(PathBuf, PathBuf)>,
    writer: BufWriter<Box<dyn Write>>,
    /// The same file, for the disk.
    file: Option<File>,
}

impl Output {
    /// `path` is there when it has been [`Self::commit`]ted, and as it was before until then.
    pub(super) fn to(path: Option<&Path>) -> Result<Self, ToolError> {
        let Some(path) = path else {
            return Ok(Self {
                names: None,
                writer: BufWriter::with_capacity(BUFFER, Box::new(io::stdout())),
                file: None,
            });
        };
        let path = place(path)?;
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.tmp", process::id()));
        let temporary = path.with_file_name(name);
        let failed = |source| ToolError::write(&temporary, source);
        remove_when_told_to_stop(temporary.clone()).map_err(failed)?;
        let file = File::create_new(&temporary).map_err(failed)?;
        let writer = file.try_clone().map_err(failed)?;
        let output = Self {
            names: Some((path.clone(), temporary.clone())),
            writer: BufWriter::with_capacity(BUFFER, Box::new(writer)),
            file: Some(file),
        };
        if let (Ok(before), Some(file)) = (fs::metadata(&path), &output.file) {
            // Whoever may read it may read what replaces it, and nobody else.
            file.set_permissions(before.permissions()).map_err(failed)?;
        }
        Ok(output)
    }

    /// Writes a line and its newline.
    pub(super) fn line(&mut self, before: &[u8], line: &[u8]) -> Result<(), ToolError> {
        let written = self
            .writer
            .write_all(before)
            .and_then(|()| self.writer.write_all(line))
            .and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(|source| self.failed(source))
    }

    /// All of it is there, on the disk too, and gets its name.
    pub(super) fn commit(mut self) -> Result<(), ToolError> {
        self.writer.flush().map_err(|source| self.failed(source))?;
        if let Some(file) = &self.file {
            file.sync_all().map_err(|source| self.failed(source))?;
        }
        if let Some((path, temporary)) = &self.names {
            fs::rename(temporary, path).map_err(|source| self.failed(source))?;
        }
        self.names = None;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ToolError {
        let to = match &self.names {
            Some((path, _)) => path.display().to_string(),
            None => "standard output".to_owned(),
        };
        ToolError::Write { to, source }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((_, temporary)) = &self.names {
            // It was made for this alone, and is not what was wanted.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// The file itself behind links, where there is one; nothing but a file can be replaced.
fn place(path: &Path) -> Result<PathBuf, ToolError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            fs::canonicalize(path).map_err(|source| ToolError::write(path, source))
        }
        Ok(_) => Err(ToolError::NoFile {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(source) => Err(ToolError::write(path, source)),
    }
}

/// INT and TERM end the program as ever, but leave no part of a file behind.
fn remove_when_told_to_stop(temporary: PathBuf) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut int, mut term) = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let wait = move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = int.recv() => SignalKind::interrupt(),
                _ = term.recv() => SignalKind::terminate(),
            }
        });
        // It may have its name already.
        let _ = fs::remove_file(temporary);
        process::exit(128 + number.as_raw_value());
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// 256 KiB: some thousand lines in a system call.
const BUFFER: usize = 256 * 1024;
