//! A load generator that checks what it gets.
//!
//! A fixed number of requests goes over a fixed number of persistent connections, one at a time on each, from
//! one thread over epoll; it ends by itself. Three things set it apart from `wrk`, and are why it is the default: it
//! sends an exact number of requests, which the lines of a log can be compared with; it compares every answer
//! with the file; and it needs nothing installed, so that figures from two machines come from the same tool.
//!
//! It does not pipeline, reconnect, or measure delays. A server that closes a connection, answers with another
//! length or falls silent ends the run with an error: such figures would not be comparable.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

/// What is asked for, and what must come back.
#[derive(Clone, Debug)]
pub struct Expected {
    request: Vec<u8>,
    content: Vec<u8>,
    /// Bytes of head and content together: the same for every answer, since a date has one length.
    answer_len: usize,
    /// The whole head of the first answer, for the reader's eyes.
    head: String,
}

/// The measured part of one round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Requests answered, all of them as expected.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

/// The server did not do what a figure needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The connection failed, or was closed.
    #[error("connection to {server} failed after {answered} answers")]
    Connection {
        /// The server's address.
        server: SocketAddr,
        /// Answers received on all connections until then.
        answered: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing came for [`SILENCE_MAX`].
    #[error("{server} sent nothing for {} s after {answered} answers", SILENCE_MAX.as_secs())]
    Silent {
        /// The server's address.
        server: SocketAddr,
        /// Answers received on all connections until then.
        answered: u64,
    },
    /// An answer is not what the file says it must be.
    #[error("{server} answered with something else than the file: {answer:?}")]
    Wrong {
        /// The server's address.
        server: SocketAddr,
        /// How the answer begins.
        answer: String,
    },
}

/// Longer than any server under load takes for one of its answers, shorter than a person's patience.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Room for a head and a content of a few KB; a longer answer is read in pieces of this size.
const BUFFER_LEN: usize = 64 * 1024;

/// How much of a wrong answer an error shows.
const SHOWN_MAX: usize = 300;

/// Each event is one ready connection, and there are seldom more of them than this.
const EVENTS_MAX: usize = 256;

/// A small request as a command-line client sends it. Persistence is HTTP/1.1's default.
#[must_use]
pub fn request(server: SocketAddr, target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: side-by-side/{}\r\nAccept: */*\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    )
    .into_bytes()
}

impl Expected {
    /// How many requests [`Expected::learn`] sends.
    pub const LEARNING_REQUESTS: u64 = 3;

    /// Asks `server` for `target` three times over one connection and compares each answer with `content`.
    ///
    /// # Errors
    /// When the server does not answer 200 with just that content, each time at the same length.
    pub fn learn(server: SocketAddr, target: &str, content: &[u8]) -> Result<Self, LoadError> {
        let request = request(server, target);
        let failed = |answered| {
            move |source| LoadError::Connection {
                server,
                answered,
                source,
            }
        };
        let mut socket = TcpStream::connect(server).map_err(failed(0))?;
        socket
            .set_read_timeout(Some(SILENCE_MAX))
            .map_err(failed(0))?;

        let mut first: Option<(usize, String)> = None;
        for answered in 0..Self::LEARNING_REQUESTS {
            socket.write_all(&request).map_err(failed(answered))?;
            let answer = read_answer(&mut socket, content.len()).map_err(failed(answered))?;
            let wrong = || wrong(server, &answer);
            let (head, body) = split_head(&answer).ok_or_else(wrong)?;
            let same_len = first.as_ref().is_none_or(|(len, _)| *len == answer.len());
            if !head.starts_with(b"HTTP/1.1 200 ") || body != content || !same_len {
                return Err(wrong());
            }
            let head = String::from_utf8_lossy(head).into_owned();
            first.get_or_insert((answer.len(), head));
        }
        let (answer_len, head) = first.unwrap_or_default();
        Ok(Self {
            request,
            content: content.to_vec(),
            answer_len,
            head,
        })
    }

    /// The head the server sends with the content.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    fn is_met_by(&self, answer: &[u8]) -> bool {
        answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(&self.content)
    }
}

/// Reads one answer, up to `content_len` bytes after its head. What comes beyond that stays unread and makes
/// the next answer wrong.
fn read_answer(socket: &mut TcpStream, content_len: usize) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < BUFFER_LEN {
        socket.read_exact(&mut byte)?;
        answer.extend_from_slice(&byte);
    }
    let head_len = answer.len();
    answer.resize(head_len + content_len, 0);
    let (_, content) = answer.split_at_mut(head_len);
    socket.read_exact(content)?;
    Ok(answer)
}

fn split_head(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    answer.split_at_checked(end + 4)
}

fn wrong(server: SocketAddr, answer: &[u8]) -> LoadError {
    let shown = answer.get(..SHOWN_MAX).unwrap_or(answer);
    LoadError::Wrong {
        server,
        answer: String::from_utf8_lossy(shown).into_owned(),
    }
}

/// Persistent connections to one server, ready to be driven.
#[derive(Debug)]
pub struct Load {
    server: SocketAddr,
    expected: Expected,
    connections: Vec<Connection>,
    epoll: rustix::fd::OwnedFd,
    /// Answers received in this process, on all connections, in all rounds.
    answered: u64,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Load {
    /// Opens `count` connections to `server`.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn connect(
        server: SocketAddr,
        count: usize,
        expected: Expected,
    ) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Connection {
            server,
            answered: 0,
            source,
        };
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        let mut connections = Vec::with_capacity(count);
        for index in 0..count {
            let connection = Connection::open(server).map_err(failed)?;
            epoll::add(
                &epoll,
                connection.socket.as_fd(),
                epoll::EventData::new_u64(index as u64),
                epoll::EventFlags::IN,
            )
            .map_err(|e| failed(e.into()))?;
            connections.push(connection);
        }
        Ok(Self {
            server,
            expected,
            connections,
            epoll,
            answered: 0,
        })
    }

    /// Sends `requests` requests, one at a time on each connection, and returns when all are answered.
    ///
    /// # Errors
    /// At the first answer that is wrong, missing or cut off.
    pub fn run(&mut self, requests: u64) -> Result<Round, LoadError> {
        let started = Instant::now();
        let end = self.answered + requests;
        let mut unsent = requests;
        for index in 0..self.connections.len() {
            self.send(index, &mut unsent)?;
        }

        let mut events = Vec::with_capacity(EVENTS_MAX);
        while self.answered < end {
            events.clear();
            self.wait(&mut events)?;
            for event in &events {
                #[expect(clippy::cast_possible_truncation, reason = "an index we registered")]
                let index = event.data.u64() as usize;
                if self.receive(index)? {
                    self.send(index, &mut unsent)?;
                }
            }
        }
        Ok(Round {
            requests,
            elapsed: started.elapsed(),
        })
    }

    /// Answers received so far, over all rounds.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered
    }

    fn wait(&self, events: &mut Vec<epoll::Event>) -> Result<(), LoadError> {
        let timeout = Timespec::try_from(SILENCE_MAX).ok();
        let room = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(0) => Err(LoadError::Silent {
                server: self.server,
                answered: self.answered,
            }),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    /// Reads what has come on a connection; true when that completes the answer.
    fn receive(&mut self, index: usize) -> Result<bool, LoadError> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(false);
        };
        if let Err(error) = connection.read_more() {
            return Err(self.failed(error));
        }
        let answer = &mut connection.received;
        if answer.len() < self.expected.answer_len {
            return Ok(false);
        }
        if answer.len() > self.expected.answer_len || !self.expected.is_met_by(answer) {
            return Err(wrong(self.server, answer));
        }
        answer.clear();
        self.answered += 1;
        Ok(true)
    }

    fn send(&mut self, index: usize, unsent: &mut u64) -> Result<(), LoadError> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        if *unsent == 0 {
            return Ok(());
        }
        *unsent -= 1;
        // A request is far smaller than a socket's buffer, which is empty here: it goes out whole.
        let sent = connection.socket.write_all(&self.expected.request);
        sent.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> LoadError {
        LoadError::Connection {
            server: self.server,
            answered: self.answered,
            source,
        }
    }
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            received: Vec::with_capacity(BUFFER_LEN),
        })
    }

    /// One `recv` into the room that is left.
    fn read_more(&mut self) -> io::Result<()> {
        if self.received.len() == self.received.capacity() {
            self.received.reserve(BUFFER_LEN);
        }
        let room = rustix::buffer::spare_capacity(&mut self.received);
        match rustix::io::read(&self.socket, room) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
