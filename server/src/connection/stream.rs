//! A client's socket, of TCP or in the file system.
//!
//! What it is ready for is remembered, and found out by trying. A request mostly follows its
//! connection closely, and many connections end with its answer, so the worker is asked to watch a
//! socket only when its client has to be waited for, and whether it can be written to only when it
//! once could not: one that is answered and closed at once costs no system call for it.
//!
//! A read that fills less than its place is taken to have been of all that is there. That is not so
//! before urgent data, or what comes with a descriptor over a unix socket; no client of HTTP sends
//! either, and who does waits for its own next byte.

use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

use crate::worker::{Presence, Readiness};

/// A client's socket, and its place among those of the worker.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Closed first, so that who is counted is there.
    descriptor: OwnedFd,
    presence: Presence,
    ready: Readiness,
    /// What the worker tells of it.
    watched: Watched,
    /// A task goes on with the connection, and has to ask what the socket is ready for.
    is_away: bool,
}

/// What is told of a socket.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Watched {
    Nothing,
    Reading,
    Writing,
}

/// Any of these makes a read worth trying.
const TO_READ: Readiness = Readiness::READABLE.or(Readiness::ENDED);

impl Stream {
    /// A connection that was accepted, and does not block.
    pub(crate) const fn new(descriptor: OwnedFd, presence: Presence) -> Self {
        Self {
            descriptor,
            presence,
            ready: Readiness::READABLE.or(Readiness::WRITABLE),
            watched: Watched::Nothing,
            is_away: false,
        }
    }

    pub(crate) const fn presence(&self) -> &Presence {
        &self.presence
    }

    /// It has become ready for something.
    #[inline]
    pub(crate) fn tell(&mut self, ready: Readiness) {
        self.ready |= ready;
    }

    /// Reads what has come.
    #[inline]
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        while self.is_ready(cx, TO_READ) {
            match receive(self.descriptor.as_fd(), into) {
                Err(Errno::AGAIN) => self.ready = self.ready.without(TO_READ),
                Ok(read) => {
                    // Whatever comes next is told of. The end is there already.
                    if read < into.len() {
                        self.ready = self.ready.without(Readiness::READABLE);
                    }
                    return Poll::Ready(Ok(read));
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        self.poll_watch(Watched::Reading)
    }

    /// Sends the beginning of two slices, either of which can be empty.
    #[inline]
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>; 2],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        while self.is_ready(cx, Readiness::WRITABLE) {
            let written = self.try_write(|socket| Ok(send(socket, slices, flags)?));
            if !matches!(&written, Err(error) if error.kind() == ErrorKind::WouldBlock) {
                return Poll::Ready(written);
            }
        }
        self.poll_watch(Watched::Writing)
    }

    /// Ready when a write is worth trying.
    pub(super) fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ready(cx, Readiness::WRITABLE) {
            return Poll::Ready(Ok(()));
        }
        self.poll_watch(Watched::Writing)
    }

    /// Tries a system call that writes; when it would wait, the socket is known not to be ready.
    #[inline]
    pub(super) fn try_write<T>(
        &mut self,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let outcome = call(self.descriptor.as_fd());
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.ready = self.ready.without(Readiness::WRITABLE);
        }
        outcome
    }

    /// The address of this machine that the client has connected to; a socket in the file system
    /// has none.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        let address = rustix::net::getsockname(&self.descriptor).ok()?;
        let address = SocketAddr::try_from(address).ok()?;
        Some(address.ip())
    }

    /// Goes with the connection to a task, which is woken from now on when the socket becomes
    /// ready, and when something has changed that concerns all connections.
    pub(super) fn leave(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.is_away = true;
        self.ready |= self.presence.told(cx);
        Poll::Ready(())
    }

    /// Goes back to where [`Stream::tell`] is called instead.
    pub(super) const fn come_back(&mut self) {
        self.is_away = false;
    }

    #[inline]
    fn is_ready(&mut self, cx: &Context<'_>, any: Readiness) -> bool {
        if self.is_away && !self.ready.has(any) {
            self.ready |= self.presence.told(cx);
        }
        self.ready.has(any)
    }

    /// Not ready, but told of when it is.
    #[inline]
    fn poll_watch<T>(&mut self, watched: Watched) -> Poll<io::Result<T>> {
        if self.watched >= watched {
            return Poll::Pending;
        }
        match self.watch(watched) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn watch(&mut self, watched: Watched) -> io::Result<()> {
        if self.watched == Watched::Nothing {
            self.presence.watch(&self.descriptor)?;
            self.watched = Watched::Reading;
        }
        if watched == Watched::Writing {
            self.presence.watch_writing(&self.descriptor)?;
            self.watched = Watched::Writing;
        }
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
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
