//! The document root as a set of resources: what a path names, and its content.
//!
//! - `root` opens files beneath the root and nowhere else, with `walk` on old kernels
//! - `media_type` says what a file is by its name
//! - `sides` knows the encodings of a file that lie beside it
//! - `gzip` makes one where there is none
//! - `listing` writes a directory as a page
//! - `cache` keeps the content of small files in memory
//!
//! Everything is synchronous and says by [`Patience`] whether it may wait for a
//! disk: the connection asks first with [`Patience::Cached`] on its own thread, and
//! only when the answer is [`LookupError::WouldBlock`] again on a thread that may
//! wait. Nothing here knows a request: methods, conditions and ranges are decided
//! in `connection/respond/`.

pub(crate) mod cache;
pub(crate) mod gzip;
mod listing;
mod media_type;
mod root;
mod sides;
mod walk;

use std::borrow::Cow;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use http::listing::View;
use http::{Accepted, Coding, Target};
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::{Errno, ReadWriteFlags};

pub(crate) use self::listing::ListingPage;
use self::listing::{Directory, Listings};
pub(crate) use self::media_type::MediaType;
pub(crate) use self::root::Patience;
use self::root::{READ, Root, is_memory};
pub(crate) use self::sides::{Sides, ending};

/// Files up to this size are served from memory, larger ones by `sendfile`.
///
/// Measured over loopback, microseconds of CPU for a request from memory and by
/// `sendfile`: 4 KiB 4 and 8, 32 KiB 6 and 9, 64 KiB 10 and 10, 512 KiB 92 and 52.
pub(crate) const SMALL_FILE_MAX: u64 = 64 * 1024;

/// What a path without a name at its end stands for, when it is there.
const INDEX: &[u8] = b"index.html";

/// The directory whose dot is an exception: RFC 8615 puts it into every root.
const WELL_KNOWN: &[u8] = b".well-known";

/// A document root.
#[derive(Debug)]
pub(crate) struct Site {
    root: Root,
    listings: Listings,
}

/// A path as [`http::Target`] has it: decoded, without slashes at its ends, empty for the root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a [u8],
    /// It was written with a slash at its end.
    pub(crate) is_directory: bool,
}

/// What a client wants of what it asks for, as far as there is a choice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Of a file.
    pub(crate) accepted: Accepted,
    /// Of a directory.
    pub(crate) view: View,
}

impl From<Accepted> for Wishes {
    fn from(accepted: Accepted) -> Self {
        Self {
            accepted,
            view: View::default(),
        }
    }
}

/// What a path names.
#[derive(Debug)]
pub(crate) enum Resource {
    /// A file, and how it can be encoded.
    File(Box<Loaded>),
    /// A directory without an index file, as a page.
    Listing(Arc<ListingPage>),
    /// A directory that was named without the slash at its end.
    SlashMissing,
}

/// A file, and what lies beside it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) file: File,
    pub(crate) sides: Sides,
    /// What the client likes better than the file.
    pub(crate) encoded: Option<(Coding, File)>,
    /// What came of compressing the file, if that was tried.
    pub(crate) made: Option<gzip::Made>,
}

/// A regular file.
#[derive(Debug)]
pub(crate) enum File {
    /// Small enough to be kept in memory, whole.
    Small(SmallFile),
    /// To be sent from its descriptor.
    Large(LargeFile),
}

/// A file in memory.
#[derive(Debug)]
pub(crate) struct SmallFile {
    pub(crate) stamp: Stamp,
    pub(crate) media_type: MediaType,
    pub(crate) content: Vec<u8>,
}

/// A file held open.
#[derive(Debug)]
pub(crate) struct LargeFile {
    pub(crate) stamp: Stamp,
    pub(crate) media_type: MediaType,
    pub(crate) descriptor: Arc<OwnedFd>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    /// The size in bytes.
    pub(crate) size: u64,
    /// The time of the last modification, in seconds since 1970.
    pub(crate) modified: i64,
    /// Its part below a second.
    pub(crate) modified_nanos: u32,
    /// The time of the last change of any kind, which nobody can set: seconds.
    changed: i64,
    changed_nanos: u32,
}

/// Why a path gives nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LookupError {
    /// The answer is not in the kernel's caches; ask where waiting is allowed.
    #[error("the answer is not in memory")]
    WouldBlock,
    /// There is no such file, or it is one that is never shown.
    #[error("no such file")]
    NotFound,
    /// It is there and not for us: no permission, not a regular file, or a link that
    /// leads out of the root.
    #[error("not served: {0}")]
    Forbidden(Errno),
    /// The process or the machine has run out of something.
    #[error("out of resources: {0}")]
    Exhausted(Errno),
    /// The disk or the file system failed.
    #[error("cannot be read: {0}")]
    Failed(Errno),
}

impl Site {
    /// Opens the document root.
    ///
    /// # Errors
    ///
    /// The kernel's, when the directory cannot be opened.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        Ok(Self::at(Root::open(path)?))
    }

    fn at(root: Root) -> Self {
        Self {
            root,
            listings: Listings::default(),
        }
    }

    /// Looks up `place`, and of a file the encoding, of a directory the listing that the client
    /// wishes for.
    pub(crate) fn load(
        &self,
        place: Place<'_>,
        wishes: &Wishes,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let path = place.path;
        if has_hidden_component(path) {
            return Err(LookupError::NotFound);
        }
        if place.is_directory {
            return self.load_directory(path, wishes, patience);
        }
        let opened = match self.root.open_beneath(path, READ, patience) {
            // A directory that may be entered but not read still has its index.
            Err(Errno::ACCESS) if self.is_directory(path, patience) => {
                return Ok(Resource::SlashMissing);
            }
            outcome => outcome?,
        };
        let status = rustix::fs::fstat(&opened)?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Directory {
            return Ok(Resource::SlashMissing);
        }
        let file = File::new(opened, &status, MediaType::of(path), patience)?;
        self.beside(path, file, &wishes.accepted, patience)
    }

    /// Opens the file at `place`, or its side file with `coding` if that is not older than
    /// `file`: what [`Self::load`] has found before.
    pub(crate) fn open_again(
        &self,
        place: Place<'_>,
        coding: Coding,
        file: &Stamp,
        patience: Patience,
    ) -> Result<File, LookupError> {
        let path = place.file();
        match coding {
            Coding::Identity => {
                let opened = self.root.open_beneath(&path, READ, patience)?;
                let status = rustix::fs::fstat(&opened)?;
                File::new(opened, &status, MediaType::of(&path), patience)
            }
            coding => {
                let (opened, status) = self.open_side(&path, coding, file, patience)?;
                File::new(opened, &status, MediaType::of(&path), patience)
            }
        }
    }

    /// The states now of the file that [`Self::load`] found and of its side files, without
    /// reading them.
    pub(crate) fn stamps(
        &self,
        place: Place<'_>,
        patience: Patience,
    ) -> Result<(Stamp, Sides), LookupError> {
        let path = place.file();
        let opened = self.root.open_beneath(&path, READ, patience)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&opened)?);
        Ok((stamp, self.sides(&path, &stamp, patience)?))
    }

    fn load_directory(
        &self,
        path: &[u8],
        wishes: &Wishes,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let index = index_of(path);
        match self.root.open_beneath(&index, READ, patience) {
            Ok(opened) => {
                let status = rustix::fs::fstat(&opened)?;
                let file = File::new(opened, &status, MediaType::of(&index), patience)?;
                return self.beside(&index, file, &wishes.accepted, patience);
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let descriptor = self
            .root
            .open_beneath(path, READ | OFlags::DIRECTORY, patience)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&descriptor)?);
        let directory = Directory { descriptor, stamp };
        let page = match patience {
            // Reading a directory may wait, and a page of it takes its time.
            Patience::Cached => {
                let kept = self.listings.kept(path, &directory, wishes.view);
                kept.ok_or(LookupError::WouldBlock)?
            }
            Patience::Waiting => {
                let listings = &self.listings;
                listings.make(&self.root, path, &directory, wishes.view)?
            }
        };
        Ok(Resource::Listing(page))
    }

    /// Looks beside `file`, which is at `path`.
    fn beside(
        &self,
        path: &[u8],
        file: File,
        accepted: &Accepted,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let stamp = *file.stamp();
        let sides = self.sides(path, &stamp, patience)?;
        let encoded = match accepted.choose(sides.codings()) {
            Coding::Identity => None,
            coding => match self.open_side(path, coding, &stamp, patience) {
                Ok((opened, status)) => {
                    let media_type = MediaType::of(path);
                    Some((coding, File::new(opened, &status, media_type, patience)?))
                }
                Err(LookupError::WouldBlock) => return Err(LookupError::WouldBlock),
                // Gone since it was seen: there is still the file.
                Err(_) => None,
            },
        };
        Ok(Resource::File(Box::new(Loaded {
            file,
            sides,
            encoded,
            made: None,
        })))
    }

    /// The side files of the file at `path`, which is in the state `file`.
    fn sides(&self, path: &[u8], file: &Stamp, patience: Patience) -> Result<Sides, LookupError> {
        let mut sides = Sides::default();
        if !MediaType::of(path).is_compressible() {
            return Ok(sides);
        }
        for coding in Coding::BY_PREFERENCE {
            match self.open_side(path, coding, file, patience) {
                Ok((_, status)) => sides.add(coding, Stamp::of(&status)),
                Err(LookupError::WouldBlock) => return Err(LookupError::WouldBlock),
                Err(_) => {}
            }
        }
        Ok(sides)
    }

    fn open_side(
        &self,
        path: &[u8],
        coding: Coding,
        file: &Stamp,
        patience: Patience,
    ) -> Result<(OwnedFd, Stat), LookupError> {
        let name = [path, b".", ending(coding).as_bytes()].concat();
        let opened = self.root.open_beneath(&name, READ, patience)?;
        let status = rustix::fs::fstat(&opened)?;
        let is_regular = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        if !is_regular || !sides::is_current(&Stamp::of(&status), file) {
            return Err(LookupError::NotFound);
        }
        Ok((opened, status))
    }

    fn is_directory(&self, path: &[u8], patience: Patience) -> bool {
        let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        self.root.open_beneath(path, look, patience).is_ok()
    }
}

impl<'a> Place<'a> {
    /// What `target` names.
    pub(crate) fn of(target: &'a Target<'_>) -> Self {
        Self {
            path: target.path(),
            is_directory: target.is_directory(),
        }
    }

    /// The path of the file, if it is one or has an index.
    fn file(self) -> Cow<'a, [u8]> {
        if self.is_directory {
            index_of(self.path).into()
        } else {
            self.path.into()
        }
    }
}

impl File {
    fn new(
        descriptor: OwnedFd,
        status: &Stat,
        media_type: MediaType,
        patience: Patience,
    ) -> Result<Self, LookupError> {
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(LookupError::Forbidden(Errno::NXIO));
        }
        let mut stamp = Stamp::of(status);
        if stamp.size > SMALL_FILE_MAX {
            return Ok(Self::Large(LargeFile {
                stamp,
                media_type,
                descriptor: Arc::new(descriptor),
            }));
        }
        let size = usize::try_from(stamp.size).unwrap_or(usize::MAX);
        let mut content = vec![0; size];
        let read = read_at(&descriptor, &mut content, 0, patience)?;
        // Whoever writes it anew in place has cut it since: then it is what it is now.
        content.truncate(read);
        stamp.size = read as u64;
        Ok(Self::Small(SmallFile {
            stamp,
            media_type,
            content,
        }))
    }

    /// The state it is in.
    pub(crate) const fn stamp(&self) -> &Stamp {
        match self {
            Self::Small(file) => &file.stamp,
            Self::Large(file) => &file.stamp,
        }
    }

    /// What it is.
    pub(crate) const fn media_type(&self) -> MediaType {
        match self {
            Self::Small(file) => file.media_type,
            Self::Large(file) => file.media_type,
        }
    }
}

impl Stamp {
    fn of(status: &Stat) -> Self {
        Self {
            device: status.st_dev,
            inode: status.st_ino,
            size: u64::try_from(status.st_size).unwrap_or(0),
            modified: status.st_mtime,
            modified_nanos: u32::try_from(status.st_mtime_nsec).unwrap_or(0),
            changed: status.st_ctime,
            changed_nanos: u32::try_from(status.st_ctime_nsec).unwrap_or(0),
        }
    }

    /// Whether the file was last changed so shortly before `now` (seconds since
    /// 1970) that another change could carry the same times: the clock of a file
    /// system ticks in milliseconds, some in whole seconds.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.changed.max(self.modified) >= now.saturating_sub(2)
    }
}

impl From<Errno> for LookupError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::AGAIN => Self::WouldBlock,
            // ENAMETOOLONG: a name that long cannot be there.
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Self::NotFound,
            // EXDEV: a link that leads out. ENXIO: a socket cannot be opened.
            Errno::ACCESS | Errno::PERM | Errno::LOOP | Errno::XDEV | Errno::NXIO => {
                Self::Forbidden(errno)
            }
            Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::BUSY => Self::Exhausted(errno),
            _ => Self::Failed(errno),
        }
    }
}

/// Whether a component begins with a dot: `.git`, `.env` and `.htpasswd` are in a
/// document root by mistake more often than on purpose.
fn has_hidden_component(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(is_hidden)
}

/// The same for one component, or one name in a directory.
fn is_hidden(name: &[u8]) -> bool {
    name.first() == Some(&b'.') && name != WELL_KNOWN
}

fn index_of(directory: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    [directory, slash, INDEX].concat()
}

/// Fills `into` from `offset` on, or as much of it as there is; says how much.
///
/// # Errors
///
/// [`LookupError::WouldBlock`] when it is not all in memory and must be.
pub(crate) fn read_at(
    descriptor: &OwnedFd,
    into: &mut [u8],
    offset: u64,
    patience: Patience,
) -> Result<usize, LookupError> {
    let mut flags = match patience {
        Patience::Cached => ReadWriteFlags::NOWAIT,
        Patience::Waiting => ReadWriteFlags::empty(),
    };
    let mut done = 0;
    while let Some(rest @ [_, ..]) = into.get_mut(done..) {
        let at = offset + done as u64;
        match rustix::io::preadv2(descriptor, &mut [IoSliceMut::new(rest)], at, flags) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(Errno::INTR) => {}
            // Not every file system can say whether it would wait.
            Err(Errno::OPNOTSUPP) if is_memory(descriptor) => flags = ReadWriteFlags::empty(),
            Err(Errno::OPNOTSUPP) => return Err(LookupError::WouldBlock),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
