//! Lines from syslog sockets: nginx's `access_log syslog:…`, and whatever else speaks it.
//!
//! Nobody is kept by a datagram's reader: a sender whose datagram finds no room in the socket goes
//! on without, and mostly says nothing. So datagrams are read as fast as they come, and what finds
//! no room further on is dropped here, where it is counted. What the kernel had to drop is counted
//! too, as far as it tells, which is for UDP.

mod address;
mod datagram;
mod drops;

use std::fs::{self, Permissions};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use self::drops::drops;
use super::handover::{Handover, Patience};
use super::text::Raw;
pub(super) use address::Place;
pub(crate) use datagram::{Datagram, Keep};

/// The sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    sockets: Vec<Socket>,
    keep: Keep,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyslogError {
    /// The system refuses it.
    #[error("cannot take datagrams at {place}")]
    Bind {
        /// Where.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// Another process takes datagrams there.
    #[error("cannot take datagrams at {}: another process does", path.display())]
    Taken {
        /// Where.
        path: PathBuf,
    },
    /// Something else is there.
    #[error(
        "cannot take datagrams at {}: it is there and no socket; choose another name or remove it",
        path.display()
    )]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
}

impl Sockets {
    /// Opens a socket at each of `places`.
    ///
    /// # Errors
    /// When one cannot be had.
    pub(super) fn bind(places: &[Place], keep: Keep) -> Result<Self, SyslogError> {
        let sockets = places.iter().map(Socket::bind).collect::<Result<_, _>>()?;
        Ok(Self { sockets, keep })
    }

    /// Where they really are.
    pub(super) fn places(&self) -> String {
        let places = self.sockets.iter().map(Socket::place);
        places.collect::<Vec<_>>().join(", ")
    }

    /// Takes datagrams until it is to stop, and then those that are there.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(super) fn run(&mut self, handover: &mut Handover) -> io::Result<()> {
        handover.set_patience(Patience::Within(Duration::ZERO));
        let (mut buffer, mut scratch) = (vec![0; BUFFER_BYTES], Vec::new());
        let mut counted_at = Instant::now();
        loop {
            let sources: Vec<BorrowedFd<'_>> = self.sockets.iter().map(AsFd::as_fd).collect();
            let awoken = handover.stopping().wait_for(&sources, Some(COUNT_EVERY));
            drop(sources);
            let is_last = awoken.is_stopping;
            let turns = if is_last { LAST_TURNS } else { 1 };
            for (socket, is_ready) in self.sockets.iter().zip(awoken.ready) {
                if is_ready || is_last {
                    socket.take(turns * TURN_MAX, &mut buffer, |datagram, is_over| {
                        let datagram = Datagram::parse(datagram);
                        let line = datagram.line(self.keep, &mut scratch);
                        let raw = Raw {
                            text: line,
                            is_over,
                            is_ended: true,
                        };
                        // It does not wait, so it is never told to.
                        let _ = handover.give(raw);
                    })?;
                }
            }
            if is_last || counted_at.elapsed() >= COUNT_EVERY {
                counted_at = Instant::now();
                handover.lose(self.sockets.iter_mut().map(Socket::new_drops).sum());
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

#[derive(Debug)]
enum Socket {
    Unix(UnixDatagram, SocketFile),
    /// With the datagrams that are known to be lost.
    Udp(UdpSocket, u64),
}

impl Socket {
    fn bind(place: &Place) -> Result<Self, SyslogError> {
        let failed = |source| SyslogError::Bind {
            place: place.to_string(),
            source,
        };
        let socket = match place {
            Place::Unix { path, mode } => {
                make_way(path, failed)?;
                let socket = UnixDatagram::bind(path).map_err(failed)?;
                let file = SocketFile::of(path).map_err(failed)?;
                fs::set_permissions(path, Permissions::from_mode(*mode)).map_err(failed)?;
                socket.set_nonblocking(true).map_err(failed)?;
                Self::Unix(socket, file)
            }
            Place::Udp { host, port } => {
                let socket = UdpSocket::bind((host.as_str(), *port)).map_err(failed)?;
                socket.set_nonblocking(true).map_err(failed)?;
                Self::Udp(socket, 0)
            }
        };
        // As much as the system lets.
        let _ = set_socket_recv_buffer_size(&socket, RECEIVE_BYTES);
        Ok(socket)
    }

    fn place(&self) -> String {
        match self {
            Self::Unix(_, file) => format!("unix:{}", file.path.display()),
            Self::Udp(socket, _) => socket
                .local_addr()
                .map_or_else(|_| "udp".to_owned(), |address| format!("udp:{address}")),
        }
    }

    /// Gives the datagrams that are there, up to `max`, to `each`, and whether one had more.
    fn take(
        &self,
        max: usize,
        buffer: &mut [u8],
        mut each: impl FnMut(&[u8], bool),
    ) -> io::Result<()> {
        for _ in 0..max {
            let received = match self {
                Self::Unix(socket, _) => socket.recv(buffer),
                Self::Udp(socket, _) => socket.recv(buffer),
            };
            match received {
                // Nobody has said anything by it.
                Ok(0) => {}
                Ok(len) => {
                    let is_over = len == buffer.len();
                    each(buffer.get(..len).unwrap_or_default(), is_over);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    // The latter is an answer to nothing that was sent from here.
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// Datagrams that the kernel has dropped since the last time.
    fn new_drops(&mut self) -> u64 {
        let Self::Udp(socket, known) = self else {
            return 0;
        };
        let all = drops(&*socket).unwrap_or(*known);
        let before = std::mem::replace(known, all);
        all.saturating_sub(before)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(socket, _) => socket.as_fd(),
            Self::Udp(socket, _) => socket.as_fd(),
        }
    }
}

/// A socket's name, which goes with it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another may have taken the name over.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Removes a socket that nobody takes datagrams from any more.
fn make_way(path: &Path, failed: impl Fn(io::Error) -> SyslogError) -> Result<(), SyslogError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let path_buf = || path.to_owned();
    if !metadata.file_type().is_socket() {
        return Err(SyslogError::NoSocket { path: path_buf() });
    }
    let caller = UnixDatagram::unbound().map_err(&failed)?;
    match caller.connect(path) {
        Ok(()) => Err(SyslogError::Taken { path: path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// 256 KiB: no datagram of UDP is longer, and no other with what Linux gives sockets.
const BUFFER_BYTES: usize = 256 * 1024;

/// 4 MiB: some 10,000 lines, while this process does not get to run.
const RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// 1,024: then the other sockets have their turn.
const TURN_MAX: usize = 1024;

/// 64 turns at the end: more than sockets hold.
const LAST_TURNS: usize = 64;

/// 1 s: reading the table costs as much as a few lines.
const COUNT_EVERY: Duration = Duration::from_secs(1);
