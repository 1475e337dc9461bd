//! One connection of the load: a socket, and the answers it awaits.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use super::answer::Progress;
use super::question::{Expected, Name};

#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    progress: Progress,
    /// Requests sent that are not answered.
    awaited: usize,
    /// Requests ever sent.
    sent: u64,
}

/// What one read was worth.
#[derive(Debug)]
pub(super) enum Came {
    /// So many answers are whole now, and all as they must be.
    Answers(usize),
    /// Something else than what is awaited.
    Wrong(Vec<u8>),
    /// The server has closed the connection, with nothing owed.
    End,
}

impl Connection {
    pub(super) fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            progress: Progress::default(),
            awaited: 0,
            sent: 0,
        })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) fn is_idle(&self) -> bool {
        self.awaited == 0
    }

    pub(super) fn is_used(&self) -> bool {
        self.sent > 0
    }

    /// Whether requests may be sent: nothing is awaited, and the connection is not to end.
    pub(super) fn may_ask(&self, expected: &Expected) -> bool {
        self.is_idle() && (expected.is_persistent || !self.is_used())
    }

    /// Requests are far smaller than a socket's buffer, which is empty here: they go out whole.
    pub(super) fn send(&mut self, requests: &[u8], count: usize) -> io::Result<()> {
        self.awaited += count;
        self.sent += count as u64;
        self.socket.write_all(requests)
    }

    /// Sends one request for one of many files.
    pub(super) fn send_named(&mut self, request: &[u8], name: Name) -> io::Result<()> {
        self.progress.name = name;
        self.send(request, 1)
    }

    /// One `recv`, through `buffer`.
    pub(super) fn receive(&mut self, buffer: &mut [u8], expected: &Expected) -> io::Result<Came> {
        let read = match rustix::io::read(&self.socket, &mut *buffer) {
            Ok(0) if self.is_idle() => return Ok(Came::End),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN) => 0,
            Err(error) => return Err(error.into()),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        Ok(match self.progress.take(bytes, expected, self.awaited) {
            Ok(completed) => {
                self.awaited -= completed;
                Came::Answers(completed)
            }
            Err(_) => Came::Wrong(bytes.to_vec()),
        })
    }
}
