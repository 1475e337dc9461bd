//! A client's socket, of TCP or in the file system.
//!
//! A request mostly follows its connection closely, and many connections end with its answer. So
//! the runtime is asked to watch a socket only when its client has to be waited for: one that is
//! answered and closed at once costs neither the two system calls nor the memory for it.
//!
//! A read that fills less than its place is taken to have been of all that is there. That is not so
//! before urgent data, or what comes with a descriptor over a unix socket; no client of HTTP sends
//! either, and who does waits for its own next byte.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use tokio::io::Interest;

use crate::socket::{Socket, Watch};

/// A client's socket.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    /// All that had come was read before it was watched: what comes next is told of.
    is_emptied: bool,
}

impl Stream {
    /// A connection that was accepted, and does not block.
    pub(crate) const fn new(socket: OwnedFd) -> Self {
        Self {
            socket: Socket::new(socket),
            is_emptied: false,
        }
    }

    #[inline]
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.socket.watched().is_none() && !self.is_emptied {
            match receive(self.socket.as_fd(), into) {
                Err(Errno::AGAIN) => {}
                outcome => {
                    self.is_emptied = outcome.is_ok_and(|read| read < into.len());
                    return Poll::Ready(Ok(outcome?));
                }
            }
        }
        let watch = self.watch()?;
        loop {
            let mut guard = ready!(watch.poll_read_ready(cx))?;
            let outcome = receive(watch.as_fd(), into);
            // After a short read as well: whatever comes next is told of.
            match outcome {
                Err(Errno::AGAIN) => guard.clear_ready(),
                Ok(read) if 0 < read && read < into.len() => guard.clear_ready(),
                _ => {}
            }
            if outcome != Err(Errno::AGAIN) {
                return Poll::Ready(Ok(outcome?));
            }
        }
    }

    /// The same for a turn, which ends when nothing more is there: a socket known to be ready is
    /// read without the task's share of time being asked for, and without its being waited for.
    #[inline]
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(watch) = self.socket.watched() {
            match watch.try_io(Interest::READABLE, |_| Ok(receive(watch.as_fd(), into)?)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Ok(read) if 0 < read && read < into.len() => {
                    let waits = |_: &RawFd| Err::<(), _>(ErrorKind::WouldBlock.into());
                    let _ = watch.try_io(Interest::READABLE, waits);
                    return Poll::Ready(Ok(read));
                }
                outcome => return Poll::Ready(outcome),
            }
        }
        self.poll_read(cx, into)
    }

    /// Sends the beginning of two slices, either of which can be empty.
    #[inline]
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>; 2],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        if self.socket.watched().is_none() {
            match send(self.socket.as_fd(), slices, flags) {
                Err(Errno::AGAIN) => {}
                outcome => return Poll::Ready(Ok(outcome?)),
            }
        }
        let watch = self.watch()?;
        loop {
            let mut guard = ready!(watch.poll_write_ready(cx))?;
            match send(watch.as_fd(), slices, flags) {
                Err(Errno::AGAIN) => guard.clear_ready(),
                outcome => return Poll::Ready(Ok(outcome?)),
            }
        }
    }

    /// The same for a turn, which goes on without what is not taken at once.
    #[inline]
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>; 2],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        if let Some(watch) = self.socket.watched() {
            match watch.try_io(Interest::WRITABLE, |_| {
                Ok(send(watch.as_fd(), slices, flags)?)
            }) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
        self.poll_write(cx, slices, flags)
    }

    pub(super) fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_write_ready(cx).map_ok(|_| ())
    }

    /// Tries a system call that writes, to a socket that was ready for one; when it would wait, it
    /// is known not to be.
    pub(super) fn try_write<T>(
        &self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        match self.socket.watched() {
            Some(watch) => watch.try_io(Interest::WRITABLE, |_| call(watch.as_fd())),
            None => call(self.socket.as_fd()),
        }
    }

    /// The address of this machine that the client has connected to; a socket in the file system
    /// has none.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        let address = rustix::net::getsockname(&self.socket).ok()?;
        let address = SocketAddr::try_from(address).ok()?;
        Some(address.ip())
    }

    fn watch(&mut self) -> io::Result<&Watch> {
        self.socket.watch(Interest::READABLE | Interest::WRITABLE)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn receive(socket: BorrowedFd<'_>, into: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::net::recv(socket, &mut *into, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            outcome => return outcome.map(|(_, read)| read),
        }
    }
}

fn send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>; 2],
    flags: SendFlags,
) -> Result<usize, Errno> {
    let flags = flags | SendFlags::NOSIGNAL;
    loop {
        let outcome = match slices {
            [bytes, more] if more.is_empty() => rustix::net::send(socket, bytes, flags),
            slices => {
                let mut nothing = SendAncillaryBuffer::default();
                rustix::net::sendmsg(socket, slices, &mut nothing, flags)
            }
        };
        match outcome {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}
