//! What becomes of files that were put aside: compressed, or deleted when there are enough.
//!
//! A thread of its own does it, one file after another, so that neither receiving nor writing
//! waits. A compressed file is there whole or not at all: it is written under another name, made
//! safe, and moved into its place before the original goes. At a stop what is being compressed is
//! left as it was; the next time that the same file is put aside, what was left is done as well.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

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
    pub(crate) care: Care,
}

/// The thread that looks after files that were put aside.
#[derive(Debug)]
pub(crate) struct Asides {
    jobs: Option<mpsc::Sender<Aside>>,
    thread: Option<JoinHandle<()>>,
    /// What it is at is to be left.
    is_over: Arc<AtomicBool>,
}

impl Asides {
    /// None has been put aside yet; the thread begins with the first.
    pub(crate) fn new() -> Self {
        Self {
            jobs: None,
            thread: None,
            is_over: Arc::default(),
        }
    }

    /// Hands a file over. Without a thread it stays as it is.
    pub(crate) fn give(&mut self, aside: Aside) {
        if aside.care.compress.is_none() && aside.care.keep.is_all() {
            return;
        }
        if self.jobs.is_none() {
            let (sender, receiver) = mpsc::channel::<Aside>();
            let is_over = Arc::clone(&self.is_over);
            let work = move || receiver.iter().for_each(|aside| aside.settle(&is_over));
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

    /// Ends the thread, soon.
    pub(crate) fn finish(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, that has been said.
            let _ = thread.join();
        }
    }
}

impl Aside {
    fn settle(&self, is_over: &AtomicBool) {
        if let Some(compression) = self.care.compress
            && let Err(error) = self.compress_all(compression, is_over)
            && !is_over.load(Ordering::Relaxed)
        {
            warn!(
                "cannot compress old files of {}: {}",
                self.of.display(),
                Chain(&error)
            );
        }
        if let Err(error) = self.prune() {
            warn!(
                "cannot delete old files of {}: {}",
                self.of.display(),
                Chain(&error)
            );
        }
    }

    /// This one, and what was left before.
    fn compress_all(&self, compression: Compression, is_over: &AtomicBool) -> io::Result<()> {
        let is_plain = |path: &Path| {
            let extension = path.extension();
            extension.is_none_or(|extension| extension != "gz" && extension != "zst")
        };
        for (path, _) in self.all()? {
            if is_plain(&path) {
                compress(&path, compression, is_over)?;
            }
        }
        Ok(())
    }

    /// All that were put aside from the same file, and how old each is.
    fn all(&self) -> io::Result<Vec<(PathBuf, Duration)>> {
        let (Some(directory), Some(name)) = (self.of.parent(), self.of.file_name()) else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if is_aside(entry.file_name().as_bytes(), name.as_bytes()) {
                let modified = entry.metadata()?.modified()?;
                let age = SystemTime::now().duration_since(modified);
                files.push((entry.path(), age.unwrap_or_default()));
            }
        }
        Ok(files)
    }

    fn prune(&self) -> io::Result<()> {
        if self.care.keep.is_all() {
            return Ok(());
        }
        for path in surplus(self.care.keep, self.all()?) {
            debug!("deleting {}", path.display());
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Puts a compressed file in the place of one.
fn compress(path: &Path, compression: Compression, is_over: &AtomicBool) -> io::Result<()> {
    let from = File::open(path)?;
    let mode = from.metadata()?.permissions().mode();
    let partial = with_suffix(path, ".tmp");
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(mode);
    let to = options.open(&partial)?;
    let from = Unhurried { from, is_over };
    let (suffix, written) = match compression {
        Compression::Gzip => (".gz", gzip(from, to)),
        Compression::Zstd => (".zst", zstd(from, to)),
    };
    let whole = with_suffix(path, suffix);
    let moved = written
        .and_then(|to| to.sync_all())
        .and_then(|()| fs::rename(&partial, &whole));
    if let Err(error) = moved {
        // What is half there is of no use; if it cannot be deleted, the error tells enough.
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    debug!("compressed {}", whole.display());
    fs::remove_file(path)
}

/// A file that is read until it is over.
struct Unhurried<'a> {
    from: File,
    is_over: &'a AtomicBool,
}

impl Read for Unhurried<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over.load(Ordering::Relaxed) {
            return Err(io::Error::other("there is no time left for it"));
        }
        self.from.read(buffer)
    }
}

fn gzip(mut from: impl Read, to: File) -> io::Result<File> {
    let mut encoder = GzEncoder::new(BufWriter::new(to), flate2::Compression::default());
    io::copy(&mut from, &mut encoder)?;
    Ok(encoder.finish()?.into_inner()?)
}

/// One frame for each chunk, which is a whole file of the format as well: the encoder panics where
/// reading or writing fails, and memory does neither.
fn zstd(mut from: impl Read, mut to: File) -> io::Result<File> {
    loop {
        let mut chunk = Vec::new();
        from.by_ref().take(CHUNK_LEN).read_to_end(&mut chunk)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Keep;

    fn aside(dir: &Path, compress: Compression) -> Aside {
        Aside {
            of: dir.join("log"),
            care: Care {
                compress: Some(compress),
                keep: Keep {
                    files: Some(2),
                    age: None,
                },
                ..Care::default()
            },
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_stop_leaves_the_file_and_the_next_time_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let aside = aside(dir.path(), Compression::Gzip);
        let path = dir.path().join("log.20261128T093000");
        fs::write(path, "one\n").unwrap();
        fs::write(dir.path().join("log.20261128T093001"), "two\n").unwrap();
        fs::write(dir.path().join("log.1"), "not ours\n").unwrap();

        aside.settle(&AtomicBool::new(true));
        assert_eq!(
            names(dir.path()),
            ["log.1", "log.20261128T093000", "log.20261128T093001"]
        );

        aside.settle(&AtomicBool::new(false));
        assert_eq!(
            names(dir.path()),
            ["log.1", "log.20261128T093000.gz", "log.20261128T093001.gz"]
        );
    }

    /// More than one chunk, which are frames one behind the other.
    #[test]
    fn a_file_of_zstd_is_read_back_by_others() {
        let dir = tempfile::tempdir().unwrap();
        let aside = aside(dir.path(), Compression::Zstd);
        let path = dir.path().join("log.20261128T093000");
        let text = "a line like many others\n".repeat(200_000);
        fs::write(&path, &text).unwrap();

        aside.settle(&AtomicBool::new(false));

        let mut left = &*fs::read(with_suffix(&path, ".zst")).unwrap();
        let mut read = String::new();
        while !left.is_empty() {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(&mut left).unwrap();
            decoder.read_to_string(&mut read).unwrap();
        }
        assert!(read == text);
    }
}
