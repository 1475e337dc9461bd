//! One connection, over TCP or over the Unix socket: reading and writing without waiting.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// A connected stream of either kind.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Sets a TCP stream up as both sides of Spread do: small messages leave at once, and a
    /// peer that vanished is noticed. Neither is worth refusing a client for.
    pub(super) fn tcp(stream: TcpStream) -> Self {
        let options = socket2::SockRef::from(&stream);
        let set = options.set_tcp_nodelay(true);
        if let Err(error) = set.and_then(|()| options.set_keepalive(true)) {
            tracing::debug!(%error, "cannot set the options of a connection");
        }
        Self::Tcp(stream)
    }

    /// Reads once into the spare capacity of `buffer`; 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        // A future of `read_buf` keeps nothing between polls, so a new one can take over.
        match self {
            Self::Tcp(stream) => pin!(stream.read_buf(buffer)).poll(cx),
            Self::Unix(stream) => pin!(stream.read_buf(buffer)).poll(cx),
        }
    }

    /// Writes once, as much as the system takes.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        });
        Poll::Ready(match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        })
    }

    /// Writes all of `bytes`.
    pub(super) async fn write_all(&mut self, bytes: &mut Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.poll_write(cx, &[IoSlice::new(bytes)])).await?;
            bytes.advance(written);
        }
        Ok(())
    }
}
