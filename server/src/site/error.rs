//! Why a path gives nothing: what the kernel said, as what it means to who asked.

use rustix::io::Errno;

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
