//! The document root: a directory held open, and files opened beneath it.
//!
//! The root is opened once; everything else is named relative to that
//! descriptor, so renaming or replacing the directory's path changes nothing
//! under a running server. One `openat2` with `RESOLVE_BENEATH` makes the
//! kernel itself refuse every way out: `..`, absolute links, links whose target
//! climbs too far, and races between looking and opening. Where the kernel
//! refuses the call (before Linux 5.6, or a container profile that answers
//! `EPERM`) the path is walked by hand in [`super::walk`], with the same answers.
//!
//! A link that begins at the root of the machine is as good as a relative one when it leads back
//! in, as thttpd has it. The kernel cannot be asked for that, so such a link is followed by hand
//! too: what stands behind the name of the root is looked up beneath the descriptor, wherever
//! that name leads by then.
//!
//! Nothing here knows HTTP: errors are the kernel's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::users::Gates;
use super::{Links, walk};

/// How a file is opened. A FIFO or a device must not hold the thread, take a
/// terminal, or leak into a child.
pub(super) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Whether a look-up may touch the disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Patience {
    /// Only what the kernel has in its caches; anything else is
    /// [`Errno::AGAIN`]. For threads that serve other connections too.
    Cached,
    /// Whatever it takes. For threads that may wait.
    Waiting,
}

/// The document root.
#[derive(Debug)]
pub(super) struct Root {
    directory: OwnedFd,
    way: Way,
    links: Links,
    /// Where links may lead out, though others may not.
    gates: Option<Gates>,
    /// What it is called from the root of the machine, without a slash at the end.
    names: Vec<Vec<u8>>,
    /// It is in a tmpfs.
    is_memory: bool,
}

/// How names below the root are looked up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// `openat2`, which can also be asked for cached look-ups alone (5.12).
    Kernel { cached: bool },
    /// One component at a time, following links ourselves.
    ByHand,
}

impl Root {
    /// Opens the root, and finds out once what the kernel offers.
    pub(super) fn open(path: &Path, links: Links, gates: Option<Gates>) -> Result<Self, Errno> {
        let directory = open_directory(path)?;
        let way = probe(directory.as_fd());
        Ok(Self {
            is_memory: is_memory(&directory),
            directory,
            way,
            links,
            gates,
            names: names_of(path),
        })
    }

    /// Opens the root and looks names up in the given way, for the tests.
    #[cfg(test)]
    pub(super) fn open_with(path: &Path, way: Way, gates: Option<Gates>) -> Result<Self, Errno> {
        Ok(Self {
            gates,
            directory: open_directory(path)?,
            way,
            links: Links::Within,
            names: names_of(path),
            is_memory: false,
        })
    }

    /// Whether look-ups never have to wait, for the tests.
    #[cfg(test)]
    pub(super) const fn is_memory(&self) -> bool {
        self.is_memory
    }

    /// The state of the directory itself.
    pub(super) fn status(&self) -> Result<Stat, Errno> {
        rustix::fs::fstat(&self.directory)
    }

    /// Opens `path`; the empty path is the root itself.
    ///
    /// The descriptor may be of anything at all, a FIFO or a device included:
    /// the caller looks before it reads.
    pub(super) fn open_beneath(
        &self,
        path: &[u8],
        flags: OFlags,
        patience: Patience,
    ) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { b"." } else { path };
        match self.open_inside(path, flags, patience) {
            Err(Errno::XDEV) => self.open_through_gate(path, flags),
            outcome => outcome,
        }
    }

    /// Opens what is where a link leads that may lead out, and not beyond that. It is the one link
    /// that is followed: where it leads may be in a directory of the user's, who could put a link
    /// to anywhere in its place.
    fn open_through_gate(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let gate = self.gates.as_ref().and_then(|gates| gates.on(path));
        let (directory, name, rest) = gate.ok_or(Errno::XDEV)?;
        let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = self.open_inside(directory, look, Patience::Waiting)?;
        let home = match rustix::fs::readlinkat(&directory, name, Vec::new()) {
            Ok(home) => walk::open_without_links(directory.as_fd(), home.as_bytes())?,
            // It is a directory, out of which a link has led.
            Err(Errno::INVAL) => return Err(Errno::XDEV),
            Err(errno) => return Err(errno),
        };
        let rest = if rest.is_empty() { b"." } else { rest };
        match self.way {
            Way::Kernel { .. } => retry(|| openat2(home.as_fd(), rest, flags, BENEATH)),
            Way::ByHand => walk::open_beneath(home.as_fd(), &[], rest, flags),
        }
    }

    fn open_inside(
        &self,
        path: &[u8],
        flags: OFlags,
        patience: Patience,
    ) -> Result<OwnedFd, Errno> {
        match (self.way, patience) {
            (Way::Kernel { cached: true }, Patience::Cached) => self.open_cached(path, flags),
            (_, Patience::Cached) => Err(Errno::AGAIN),
            (Way::Kernel { .. }, Patience::Waiting) => {
                match retry(|| openat2(self.directory.as_fd(), path, flags, self.resolve())) {
                    Err(Errno::XDEV) => self.walk(path, flags),
                    outcome => outcome,
                }
            }
            (Way::ByHand, Patience::Waiting) if self.links == Links::Anywhere => {
                rustix::fs::openat(&self.directory, path, flags, Mode::empty())
            }
            (Way::ByHand, Patience::Waiting) => self.walk(path, flags),
        }
    }

    fn walk(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        walk::open_beneath(self.directory.as_fd(), &self.names, path, flags)
    }

    /// What the kernel follows. A path has no `..` of its own; a link may have, and may begin at
    /// the root of the machine.
    const fn resolve(&self) -> ResolveFlags {
        match self.links {
            Links::Within => BENEATH,
            Links::Anywhere => ResolveFlags::NO_MAGICLINKS,
        }
    }

    fn open_cached(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let directory = self.directory.as_fd();
        let open = |resolve| openat2(directory, path, flags, self.resolve().union(resolve));
        match open(ResolveFlags::CACHED) {
            // Out of the root, or a link that is to be followed by hand.
            Err(Errno::XDEV) => Err(Errno::AGAIN),
            // A tmpfs keeps no note of names that are not there, so that they are never in the
            // caches. It has no disk to wait for; only what is mounted in it may have one.
            Err(Errno::AGAIN) if self.is_memory => match open(ResolveFlags::NO_XDEV) {
                // There, or out of the root.
                Err(Errno::XDEV) => Err(Errno::AGAIN),
                outcome => outcome,
            },
            outcome => outcome,
        }
    }
}

/// Whether the file is in a tmpfs, which has no disk to wait for.
pub(super) fn is_memory(descriptor: &OwnedFd) -> bool {
    rustix::fs::fstatfs(descriptor).is_ok_and(|status| status.f_type == TMPFS_MAGIC)
}

/// `TMPFS_MAGIC` of `linux/magic.h`.
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// A look-up that meets `..` (inside a link) while something beneath the root is
/// renamed is answered `EAGAIN`. Somebody who renames in a loop may hold up one
/// request, not for ever.
const RENAME_RACES_MAX: usize = 64;

fn retry(mut open: impl FnMut() -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    for _ in 1..RENAME_RACES_MAX {
        match open() {
            Err(Errno::AGAIN | Errno::INTR) => {}
            outcome => return outcome,
        }
    }
    // Not EAGAIN, which means "ask a patient thread" to the callers.
    open().map_err(|errno| match errno {
        Errno::AGAIN | Errno::INTR => Errno::BUSY,
        other => other,
    })
}

/// The ways to write `path` from the root of the machine, as links may.
fn names_of(path: &Path) -> Vec<Vec<u8>> {
    let forms = [std::path::absolute(path).ok(), path.canonicalize().ok()];
    let mut names: Vec<_> = forms
        .into_iter()
        .flatten()
        .map(|path| {
            let name = path.as_os_str().as_bytes();
            name.strip_suffix(b"/").unwrap_or(name).to_vec()
        })
        .collect();
    names.dedup();
    names
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

fn openat2(
    directory: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(directory, path, flags, Mode::empty(), resolve)
}

fn probe(root: BorrowedFd<'_>) -> Way {
    let look = OFlags::PATH | OFlags::CLOEXEC;
    // ENOSYS: an old kernel. EPERM: an old seccomp profile, which does not know the
    // number of the call.
    let outcome = openat2(root, b".", look, BENEATH);
    if matches!(outcome, Err(Errno::NOSYS | Errno::PERM)) {
        return Way::ByHand;
    }
    // EINVAL: a kernel that does not know the flag. "." is always cached.
    let cached = openat2(root, b".", look, BENEATH.union(ResolveFlags::CACHED)).is_ok();
    Way::Kernel { cached }
}
