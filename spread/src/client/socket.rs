//! The two kinds of stream socket a daemon listens on, as one.
//!
//! Its halves are descriptors of their own, so that the runtime need not watch both: it is woken by
//! every arrival on one that it watches, whatever is waited for.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep_until};

use super::gather::Gather;
use super::watch::{Stream, Watched};

pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(super) async fn tcp(address: std::net::SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // Both as Spread's own library sets them; a message is written whole, so there is nothing
        // for Nagle to gather, and a dead peer must be noticed.
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(IDLE_TIME))?;
        Ok(Self::Tcp(stream))
    }

    pub(super) async fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self::Unix(UnixStream::connect(path).await?))
    }

    /// The half that reads lets small arrivals `gather`.
    pub(super) fn into_split(self, gather: Option<Duration>) -> io::Result<(ReadHalf, WriteHalf)> {
        let (read, write) = match self {
            Self::Tcp(stream) => {
                let stream = stream.into_std()?;
                let write = Stream::from(stream.try_clone()?);
                (Stream::from(stream), write)
            }
            Self::Unix(stream) => {
                let stream = stream.into_std()?;
                let write = Stream::from(stream.try_clone()?);
                (Stream::from(stream), write)
            }
        };
        let read = ReadHalf {
            stream: read,
            gather: gather.map(|time| Box::new(Gather::new(time))),
        };
        let write = WriteHalf {
            stream: write,
            is_unwatched: gather.is_some(),
        };
        Ok((read, write))
    }
}

#[derive(Debug)]
pub(super) struct ReadHalf {
    stream: Stream,
    gather: Option<Box<Gather>>,
}

impl ReadHalf {
    /// Reads what is there, once something is; 0 at the end. Cancel-safe, and lets other tasks have
    /// their turn when a daemon sends as fast as this reads.
    ///
    /// After a read of all that was there, which soon followed another, it waits for as long as was asked for, and
    /// takes the socket from what the runtime watches meanwhile: with a timer alone the thread is
    /// woken by every arrival all the same.
    pub(super) async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        if let Some(gather) = &mut self.gather
            && let Some(at) = gather.not_before()
        {
            sleep_until(at).await;
            gather.is_over();
        }
        let room = buffer.capacity() - buffer.len();
        let count = self.stream.watch()?.read(buffer).await?;
        // Nothing below waits, so nothing is lost here by a caller that gives up.
        if let Some(gather) = &mut self.gather
            && gather.waits_after(count < room, Instant::now())
        {
            self.stream.unwatch()?;
        }
        Ok(count)
    }
}

/// Ends the connection's one direction when it is dropped, though the other half has it too.
#[derive(Debug)]
pub(super) struct WriteHalf {
    stream: Stream,
    /// It is watched only while it is waited for.
    is_unwatched: bool,
}

impl WriteHalf {
    /// Waits until it takes something, or has failed. Cancel-safe.
    pub(super) async fn writable(&mut self) -> io::Result<()> {
        match self.stream.watch()? {
            Watched::Tcp(stream) => stream.writable().await,
            Watched::Unix(stream) => stream.writable().await,
        }
    }

    /// Writes what it takes now; `None` when that is nothing.
    pub(super) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        let written = self.stream.try_write(slices);
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => {
                if self.is_unwatched {
                    self.stream.unwatch()?;
                }
                written.map(Some)
            }
        }
    }

    /// Says that nothing more comes; what the daemon still sends can be read.
    pub(super) fn shutdown(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            // The daemon was quicker to close.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            shut => shut,
        }
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // Whatever it says, the connection is over.
        let _ = self.shutdown();
    }
}

/// 60 s: a session that only receives learns from nothing else that its daemon's machine is gone,
/// and systems probe for the first time after two hours.
const IDLE_TIME: Duration = Duration::from_secs(60);
