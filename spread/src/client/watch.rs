//! A connected stream that the runtime watches, so that it can be waited for, or not.

use std::io::{self, IoSlice, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdUnixStream;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UnixStream};

#[derive(Debug)]
pub(super) enum Stream {
    Watched(Watched),
    Unwatched(Unwatched),
    /// The system refused to watch it; the connection is closed.
    Gone,
}

#[derive(Debug)]
pub(super) enum Watched {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[derive(Debug)]
pub(super) enum Unwatched {
    Tcp(std::net::TcpStream),
    Unix(StdUnixStream),
}

impl From<std::net::TcpStream> for Stream {
    fn from(stream: std::net::TcpStream) -> Self {
        Self::Unwatched(Unwatched::Tcp(stream))
    }
}

impl From<StdUnixStream> for Stream {
    fn from(stream: StdUnixStream) -> Self {
        Self::Unwatched(Unwatched::Unix(stream))
    }
}

impl Stream {
    /// It is watched from now on, if it was not.
    pub(super) fn watch(&mut self) -> io::Result<&mut Watched> {
        if let Self::Unwatched(_) = self {
            *self = match std::mem::replace(self, Self::Gone) {
                Self::Unwatched(Unwatched::Tcp(stream)) => {
                    Self::Watched(Watched::Tcp(TcpStream::from_std(stream)?))
                }
                Self::Unwatched(Unwatched::Unix(stream)) => {
                    Self::Watched(Watched::Unix(UnixStream::from_std(stream)?))
                }
                stream => stream,
            };
        }
        match self {
            Self::Watched(watched) => Ok(watched),
            Self::Unwatched(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// It is not watched any more.
    pub(super) fn unwatch(&mut self) -> io::Result<()> {
        if let Self::Watched(_) = self {
            *self = match std::mem::replace(self, Self::Gone) {
                Self::Watched(Watched::Tcp(stream)) => stream.into_std()?.into(),
                Self::Watched(Watched::Unix(stream)) => stream.into_std()?.into(),
                stream => stream,
            };
        }
        Ok(())
    }

    /// Writes what it takes now.
    pub(super) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Watched(Watched::Tcp(stream)) => stream.try_write_vectored(slices),
            Self::Watched(Watched::Unix(stream)) => stream.try_write_vectored(slices),
            Self::Unwatched(Unwatched::Tcp(stream)) => stream.write_vectored(slices),
            Self::Unwatched(Unwatched::Unix(stream)) => stream.write_vectored(slices),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Watched(Watched::Tcp(stream)) => SockRef::from(stream).shutdown(how),
            Self::Watched(Watched::Unix(stream)) => SockRef::from(stream).shutdown(how),
            Self::Unwatched(Unwatched::Tcp(stream)) => stream.shutdown(how),
            Self::Unwatched(Unwatched::Unix(stream)) => stream.shutdown(how),
            Self::Gone => Ok(()),
        }
    }
}

impl Watched {
    /// Reads what is there, once something is; 0 at the end. Cancel-safe.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
        }
    }
}
