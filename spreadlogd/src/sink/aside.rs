//! What becomes of files that were put aside: compressed, or deleted when there are enough.
//!
//! A thread of its own does it, one file after another, so that neither receiving nor writing
//! waits. A compressed file is there whole or not at all: it is written under another name, made
//! safe, and moved into its place before the original goes.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use spread_logger::diagnostics::Chain;
use tracing::{debug, warn};

use super::care::{Care, is_aside, surplus};
use crate::config::Compression;

/// A file that was put aside.
#[derive(Debug)]
pub(crate) struct Aside {
    /// Where it was.
    pub(crate) of: PathBuf,
    /// Where it is.
    pub(crate) path: PathBuf,
    pub(crate) care: Care,
}

/// The thread that looks after files that were put aside.
#[derive(Debug)]
pub(crate) struct Asides {
    jobs: Option<mpsc::Sender<Aside>>,
    thread: Option<JoinHandle<()>>,
}

impl Asides {
    /// None has been put aside yet; the thread begins with the first.
    pub(crate) const fn new() -> Self {
        Self {
            jobs: None,
            thread: None,
        }
    }

    /// Hands a file over. Without a thread it stays as it is.
    pub(crate) fn give(&mut self, aside: Aside) {
        if aside.care.compress.is_none() && aside.care.keep.is_all() {
            return;
        }
        if self.jobs.is_none() {
            let (sender, receiver) = mpsc::channel::<Aside>();
            let work = move || receiver.iter().for_each(|aside| aside.settle());
            match thread::Builder::new()
                .name("spreadlogd-old".to_owned())
                .spawn(work)
            {
                Ok(thread) => {
                    self.jobs = Some(sender);
                    self.thread = Some(thread);
                }
                Err(error) => {
                    warn!("cannot start a thread for files that were put aside: {error}");
                    return;
                }
            }
        }
        if let Some(jobs) = &self.jobs {
            // It ends with us.
            let _ = jobs.send(aside);
        }
    }

    /// Waits until all is done, for compressing is soon over and nobody comes back to it.
    pub(crate) fn finish(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, that has been said.
            let _ = thread.join();
        }
    }
}

impl Aside {
    fn settle(&self) {
        if let Some(compression) = self.care.compress
            && let Err(error) = self.compress(compression)
        {
            warn!("{} stays as it is: {}", self.path.display(), Chain(&error));
        }
        if let Err(error) = self.prune() {
            warn!(
                "cannot delete old files of {}: {}",
                self.of.display(),
                Chain(&error)
            );
        }
    }

    fn compress(&self, compression: Compression) -> io::Result<()> {
        let from = File::open(&self.path)?;
        let mode = from.metadata()?.permissions().mode();
        let partial = with_suffix(&self.path, ".tmp");
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(mode);
        let to = options.open(&partial)?;
        let (suffix, written) = match compression {
            Compression::Gzip => (".gz", gzip(&from, to)),
            Compression::Zstd => (".zst", zstd(&from, to)),
        };
        let whole = with_suffix(&self.path, suffix);
        let moved = written
            .and_then(|to| to.sync_all())
            .and_then(|()| fs::rename(&partial, &whole));
        if let Err(error) = moved {
            // What is half there is of no use; if it cannot be deleted, the warning tells enough.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        debug!("compressed {}", whole.display());
        fs::remove_file(&self.path)
    }

    fn prune(&self) -> io::Result<()> {
        let (Some(directory), Some(name)) = (self.of.parent(), self.of.file_name()) else {
            return Ok(());
        };
        if self.care.keep.is_all() {
            return Ok(());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if is_aside(entry.file_name().as_bytes(), name.as_bytes()) {
                let modified = entry.metadata()?.modified()?;
                let age = SystemTime::now().duration_since(modified);
                files.push((entry.path(), age.unwrap_or_default()));
            }
        }
        for path in surplus(self.care.keep, files) {
            debug!("deleting {}", path.display());
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn gzip(mut from: &File, to: File) -> io::Result<File> {
    let mut encoder = GzEncoder::new(BufWriter::new(to), flate2::Compression::default());
    io::copy(&mut from, &mut encoder)?;
    Ok(encoder.finish()?.into_inner()?)
}

/// One frame for each chunk, which is a whole file of the format as well: the encoder panics where
/// reading or writing fails, and memory does neither.
fn zstd(from: &File, mut to: File) -> io::Result<File> {
    loop {
        let mut chunk = Vec::new();
        from.take(CHUNK_LEN).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(to);
        }
        to.write_all(&compress_to_vec(&*chunk, CompressionLevel::Fastest))?;
    }
}

/// 4 MiB: far beyond what the encoder looks back, so that smaller files would not be smaller.
const CHUNK_LEN: u64 = 4 << 20;

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
