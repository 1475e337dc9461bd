//! A socket that does not block, and the runtime's watch over it, from when there has to be one.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A socket, watched or not.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Before the descriptor: fields are dropped in order.
    watch: Option<Watch>,
    descriptor: OwnedFd,
}

/// The runtime tells when something can be done with the socket.
pub(crate) type Watch = AsyncFd<RawFd>;

impl Socket {
    /// One that the runtime does not know of.
    pub(crate) const fn new(descriptor: OwnedFd) -> Self {
        Self {
            watch: None,
            descriptor,
        }
    }

    /// The runtime's watch over it, for `interest` from the first time on.
    #[inline]
    pub(crate) fn watch(&mut self, interest: Interest) -> io::Result<&Watch> {
        if self.watch.is_none() {
            self.watch = Some(register(&self.descriptor, interest)?);
        }
        self.watched()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The same, if there is one already.
    #[inline]
    pub(crate) const fn watched(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }
}

impl AsFd for Socket {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// To be kept beside `descriptor`, and no longer than it.
fn register(descriptor: &OwnedFd, interest: Interest) -> io::Result<Watch> {
    #[expect(
        unsafe_code,
        reason = "a runtime that takes the socket itself could not be left out"
    )]
    // SAFETY: the number is that of a descriptor that stays open, and the same, while it is watched:
    // `Socket::watch` keeps both in one `Socket`, which is never taken apart, never exchanges the
    // descriptor, and drops the watch first.
    let watch = unsafe { AsyncFd::register_with_interest(descriptor.as_raw_fd(), interest) };
    Ok(watch?)
}
