//! Looking a path up beneath a directory by hand, for kernels without `openat2`.
//!
//! One component at a time, never letting the kernel follow a link or a `..`:
//! each component is opened with `O_PATH | O_NOFOLLOW`, a link is read and its
//! target put in front of what remains, and `..` goes back to a directory that is
//! still held open rather than to whatever is above it by now. The answers are
//! those of `openat2(RESOLVE_BENEATH)`: `EXDEV` for every way out. But a link to what is called as
//! the directory itself is, or as something in it, goes on there.
//!
//! The homes of users, which are outside, are found without any links, in the same way.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// As many links as the kernel itself follows in one path (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// As deep as a path of 4,096 bytes (`PATH_MAX`) can go is 2,048; each level holds
/// a descriptor while the look-up runs, so stop well before.
const DEPTH_MAX: usize = 128;

const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens `path` beneath `root`, which absolute links call by one of `names`, with `flags`.
pub(super) fn open_beneath(
    root: BorrowedFd<'_>,
    names: &[Vec<u8>],
    path: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    if path.first() == Some(&b'/') {
        return Err(Errno::XDEV);
    }
    let mut walk = Walk {
        root,
        names,
        below: Vec::new(),
        // The next component is at the end.
        remaining: Vec::new(),
        links: 0,
    };
    walk.push(path);
    walk.run(flags)
}

/// Opens the directory `path`, which begins in `base` or at the root of the machine, as a place: by
/// itself, as a link on the way, be it the last component, is `EXDEV`.
pub(super) fn open_without_links(base: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let look = LOOK | OFlags::DIRECTORY;
    let first: &[u8] = if path.first() == Some(&b'/') {
        b"/"
    } else {
        b"."
    };
    let mut place = rustix::fs::openat(base, first, look, Mode::empty())?;
    for name in path
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
    {
        let next = rustix::fs::openat(&place, name, LOOK, Mode::empty())?;
        let status = rustix::fs::fstat(&next)?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Symlink {
            return Err(Errno::XDEV);
        }
        place = next;
    }
    rustix::fs::openat(&place, ".", look, Mode::empty())
}

struct Walk<'a> {
    root: BorrowedFd<'a>,
    names: &'a [Vec<u8>],
    /// The directories between the root and where we are.
    below: Vec<OwnedFd>,
    remaining: Vec<Vec<u8>>,
    links: usize,
}

impl Walk<'_> {
    fn run(mut self, flags: OFlags) -> Result<OwnedFd, Errno> {
        while let Some(component) = self.remaining.pop() {
            match component.as_slice() {
                b"." => {}
                b".." => {
                    self.below.pop().ok_or(Errno::XDEV)?;
                }
                name => {
                    if let Some(opened) = self.step(name, flags)? {
                        return Ok(opened);
                    }
                }
            }
        }
        // The path ended at a directory that is open already, but as a mere
        // place: open it for what the caller wants.
        rustix::fs::openat(self.here(), ".", flags, Mode::empty())
    }

    /// Takes one component; the file, when it was the last and is not a directory.
    fn step(&mut self, name: &[u8], flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
        let place = rustix::fs::openat(self.here(), name, LOOK, Mode::empty())?;
        let status = rustix::fs::fstat(&place)?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => {
                if self.below.len() == DEPTH_MAX {
                    return Err(Errno::NAMETOOLONG);
                }
                self.below.push(place);
                Ok(None)
            }
            FileType::Symlink => {
                self.links += 1;
                if self.links > LINKS_MAX {
                    return Err(Errno::LOOP);
                }
                let target = rustix::fs::readlinkat(&place, "", Vec::new())?;
                let mut target = target.as_bytes();
                if target.first() == Some(&b'/') {
                    target = self.behind_root(target).ok_or(Errno::XDEV)?;
                    self.below.clear();
                }
                self.push(target);
                Ok(None)
            }
            _ if self.remaining.is_empty() => {
                let flags = flags | OFlags::NOFOLLOW;
                rustix::fs::openat(self.here(), name, flags, Mode::empty()).map(Some)
            }
            _ => Err(Errno::NOTDIR),
        }
    }

    /// What an absolute link names beneath the root, if it does.
    fn behind_root<'t>(&self, target: &'t [u8]) -> Option<&'t [u8]> {
        let mut names = self.names.iter();
        names.find_map(|name| {
            let rest = target.strip_prefix(name.as_slice())?;
            (rest.is_empty() || rest.first() == Some(&b'/')).then_some(rest)
        })
    }

    /// Puts the components of `path` in front of what remains. A slash at the end
    /// asks for a directory, which a "." after it does too.
    fn push(&mut self, path: &[u8]) {
        if path.last() == Some(&b'/') {
            self.remaining.push(b".".to_vec());
        }
        let components = path.split(|byte| *byte == b'/').rev();
        self.remaining.extend(
            components
                .filter(|part| !part.is_empty())
                .map(<[u8]>::to_vec),
        );
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.below.last().map_or(self.root, AsFd::as_fd)
    }
}
