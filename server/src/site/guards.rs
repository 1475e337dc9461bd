//! Which password file guards a path.
//!
//! A directory's `.htpasswd` guards it and all beneath it; of several on the way the nearest
//! counts, as with Apache's AuthUserFile. (thttpd's guards the files of its own directory alone,
//! so that whoever makes a directory in it opens that to all.) With the options, the topmost
//! comes first, or one file somewhere guards everything.
//!
//! A file that is there and cannot be read guards nobody's entry: everything it would guard is
//! refused. What a file holds is read again when it has changed; what had been verified goes with
//! what it held before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::FileType;
use rustix::io::Errno;

use super::root::{Patience, READ, Root};
use super::{LookupError, PasswordScope, Place, Stamp};
use crate::clock;
use crate::passwords::{FILE_LEN_MAX, Guard, PasswordFile};

/// thttpd's `AUTH_FILE`.
const NAME: &[u8] = b".htpasswd";

/// What all files that are kept may have held: sixteen of the largest, or thousands of others.
const KEPT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The password files of a site.
#[derive(Debug)]
pub(super) struct Guards {
    scope: Scope,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
enum Scope {
    Nearest,
    Topmost,
    File(PathBuf),
}

#[derive(Debug, Default)]
struct Kept {
    bytes: u64,
    files: HashMap<Box<[u8]>, KeptFile>,
}

#[derive(Clone, Debug)]
struct KeptFile {
    /// The file's, before it was read.
    stamp: Stamp,
    /// When it was read, in seconds since 1970.
    second: u64,
    /// When it was last looked at.
    checked: u64,
    /// The operator knows that it cannot be read any more.
    is_told: bool,
    guard: Arc<Guard>,
}

impl Guards {
    /// `None` if no passwords are looked for.
    pub(super) fn new(scope: &PasswordScope) -> Option<Self> {
        let scope = match scope {
            PasswordScope::Nobody => return None,
            PasswordScope::Nearest => Scope::Nearest,
            PasswordScope::Topmost => Scope::Topmost,
            PasswordScope::File(path) => Scope::File(path.clone()),
        };
        let kept = Mutex::default();
        Some(Self { scope, kept })
    }

    /// Reads the one file that guards everything, if there is one.
    pub(super) fn begin(&self) -> io::Result<()> {
        match &self.scope {
            Scope::File(path) => self.read_everybodys(path).map(drop),
            Scope::Nearest | Scope::Topmost => Ok(()),
        }
    }

    /// The guard of `place`.
    pub(super) fn find(
        &self,
        root: &Root,
        place: Place<'_>,
        patience: Patience,
    ) -> Result<Option<Arc<Guard>>, LookupError> {
        let directory = place.directory();
        match &self.scope {
            Scope::File(path) => self.of_everybody(path, patience).map(Some),
            Scope::Nearest => self.nearest(root, place, directory, patience),
            Scope::Topmost => {
                let top = place.top();
                match self.of(root, place, top, patience)? {
                    Some(guard) => Ok(Some(guard)),
                    None => self.nearest(root, place, directory, patience),
                }
            }
        }
    }

    fn nearest(
        &self,
        root: &Root,
        place: Place<'_>,
        mut directory: &[u8],
        patience: Patience,
    ) -> Result<Option<Arc<Guard>>, LookupError> {
        loop {
            if let Some(guard) = self.of(root, place, directory, patience)? {
                return Ok(Some(guard));
            }
            if directory.is_empty() {
                return Ok(None);
            }
            let slash = directory.iter().rposition(|&byte| byte == b'/');
            directory = directory.get(..slash.unwrap_or(0)).unwrap_or_default();
        }
    }

    /// The guard in `directory`, on the way to `place`.
    fn of(
        &self,
        root: &Root,
        place: Place<'_>,
        directory: &[u8],
        patience: Patience,
    ) -> Result<Option<Arc<Guard>>, LookupError> {
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let path = [directory, slash, NAME].concat();
        let opened = match root.open_beneath(&path, READ, patience) {
            Ok(opened) => opened,
            // It is not there, or the directory is none.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let status = rustix::fs::fstat(&opened)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(LookupError::Forbidden(Errno::NXIO));
        }
        let stamp = Stamp::of(&status);
        if let Some(guard) = self.current(&path, &stamp) {
            return Ok(Some(guard));
        }
        if patience == Patience::Cached {
            return Err(LookupError::WouldBlock);
        }
        let shown = place.shown_of(directory);
        let told = String::from_utf8_lossy(&path);
        let guard = self.read(&path, &shown, stamp, opened.into(), &told);
        guard
            .map(Some)
            .map_err(|_| LookupError::Forbidden(Errno::IO))
    }

    /// The guard of everything. Nobody waits for the file on a thread that serves; it is looked at
    /// once a second, by one that may wait.
    fn of_everybody(&self, path: &Path, patience: Patience) -> Result<Arc<Guard>, LookupError> {
        let kept = self.lock().files.get(&b""[..]).cloned();
        if let Some(kept) = &kept
            && kept.checked == clock::unix()
        {
            return Ok(Arc::clone(&kept.guard));
        }
        if patience == Patience::Cached {
            return Err(LookupError::WouldBlock);
        }
        match (self.read_everybodys(path), kept) {
            (Ok(guard), _) => Ok(guard),
            // What it held before goes on to count.
            (Err(error), Some(kept)) => {
                if let Some(kept) = self.lock().files.get_mut(&b""[..]) {
                    kept.checked = clock::unix();
                    kept.is_told = true;
                }
                if !kept.is_told {
                    tracing::warn!(
                        "cannot read {} any more: {error}; the passwords in it before still count",
                        path.display()
                    );
                }
                Ok(kept.guard)
            }
            (Err(_), None) => Err(LookupError::Failed(Errno::IO)),
        }
    }

    fn read_everybodys(&self, path: &Path) -> io::Result<Arc<Guard>> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&file)?);
        match self.current(b"", &stamp) {
            Some(guard) => Ok(guard),
            None => self.read(b"", b"", stamp, file, &path.to_string_lossy()),
        }
    }

    /// What is kept of the file at `path`, if it is in the state `stamp`.
    fn current(&self, path: &[u8], stamp: &Stamp) -> Option<Arc<Guard>> {
        let now = clock::unix();
        let mut kept = self.lock();
        let file = kept.files.get_mut(path)?;
        let is_settled = file.second == now || !file.stamp.is_fresh(file.second);
        if file.stamp != *stamp || !is_settled {
            return None;
        }
        file.checked = now;
        file.is_told = false;
        Some(Arc::clone(&file.guard))
    }

    /// Reads `file`, which is in the state `stamp`, and keeps what is in it at `path`.
    fn read(
        &self,
        path: &[u8],
        shown: &[u8],
        stamp: Stamp,
        file: File,
        told: &str,
    ) -> io::Result<Arc<Guard>> {
        let second = clock::unix();
        let bytes = read_whole(file).inspect_err(|error| {
            tracing::warn!("cannot read {told}: {error}; nobody gets what it guards");
        })?;
        let (passwords, errors) = PasswordFile::parse(&bytes);
        let mut kept = self.lock();
        let is_news = kept.files.get(path).is_none_or(|old| old.stamp != stamp);
        if is_news {
            for error in errors {
                tracing::warn!("{told}: {error}");
            }
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let guard = Arc::new(Guard::new(passwords, shown, key));
        if let Some(old) = kept.files.remove(path) {
            kept.bytes = kept.bytes.saturating_sub(old.stamp.size);
        }
        kept.bytes += stamp.size;
        if kept.bytes > KEPT_BYTES_MAX {
            *kept = Kept {
                bytes: stamp.size,
                ..Kept::default()
            };
        }
        kept.files.insert(
            path.into(),
            KeptFile {
                stamp,
                second,
                checked: second,
                is_told: false,
                guard: Arc::clone(&guard),
            },
        );
        Ok(guard)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_whole(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_LEN_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_LEN_MAX {
        let message = format!("it is larger than {FILE_LEN_MAX} bytes");
        return Err(io::Error::other(message));
    }
    Ok(bytes)
}
