//! What becomes of files that were put aside: compressed, or deleted when there are enough.
//!
//! A thread of its own does it, one file after another, so that neither receiving nor writing
//! waits. A compressed file is there whole or not at all: it is written under another name, made
//! safe, and moved into its place before the original goes. At a stop what is being compressed is
//! left as it was, for the next start.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use spread_logger::diagnostics::Chain;
use tracing::{debug, warn};

use super::care::{Care, is_aside, put_aside_of, surplus};
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
    /// Directories in which it was looked what an earlier process has left.
    listed: HashSet<PathBuf>,
    /// What that is, by what it was put aside from.
    left: HashMap<PathBuf, Vec<PathBuf>>,
    jobs: Option<mpsc::Sender<Aside>>,
    thread: Option<JoinHandle<()>>,
    /// What it is at is to be left.
    is_over: Arc<AtomicBool>,
}

impl Asides {
    /// None has been put aside yet; the thread begins with the first.
    pub(crate) fn new() -> Self {
        Self {
            listed: HashSet::new(),
            left: HashMap::new(),
            jobs: None,
            thread: None,
            is_over: Arc::default(),
        }
    }

    /// A file is opened: what was put aside of it by a process that was killed before it could
    /// compress that, is compressed now. To be called before it is put aside itself.
    pub(crate) fn catch_up(&mut self, of: &Path, care: Care) {
        let Some(directory) = of.parent().filter(|_| care.compress.is_some()) else {
            return;
        };
        if !self.listed.contains(directory) {
            self.listed.insert(directory.to_owned());
            // Where nothing can be listed, it stays as it is.
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if let Some(of) = put_aside_of(name.as_bytes()) {
                    let of = directory.join(OsStr::from_bytes(of));
                    self.left.entry(of).or_default().push(entry.path());
                }
            }
        }
        for path in self.left.remove(of).unwrap_or_default() {
            let of = of.to_owned();
            self.give(Aside { of, path, care });
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
            && let Err(error) = self.compress(compression, is_over)
            && !is_over.load(Ordering::Relaxed)
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

    fn compress(&self, compression: Compression, is_over: &AtomicBool) -> io::Result<()> {
        let is_there = |suffix| with_suffix(&self.path, suffix).exists();
        if is_there(".gz") || is_there(".zst") {
            // That is whole, and this was to be deleted when a process was killed.
            return fs::remove_file(&self.path);
        }
        let from = File::open(&self.path)?;
        let mode = from.metadata()?.permissions().mode();
        let partial = with_suffix(&self.path, ".tmp");
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(mode);
        let to = options.open(&partial)?;
        let from = Unhurried { from, is_over };
        let (suffix, written) = match compression {
            Compression::Gzip => (".gz", gzip(from, to)),
            Compression::Zstd => (".zst", zstd(from, to)),
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
            path: dir.join("log.20261128T093000"),
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
        fs::write(dir.path().join("log.1"), "not ours\n").unwrap();

        aside.settle(&AtomicBool::new(true));
        assert_eq!(names(dir.path()), ["log.1", "log.20261128T093000"]);

        aside.settle(&AtomicBool::new(false));
        assert_eq!(names(dir.path()), ["log.1", "log.20261128T093000.gz"]);
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
