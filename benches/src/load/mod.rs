//! A load generator that checks what it gets.
//!
//! A fixed number of requests goes over a fixed number of connections from one thread over epoll; it ends by itself.
//! Three things set it apart from `wrk`, and are why it is the default: it sends an exact number of requests, which
//! the lines of a log can be compared with; it compares every answer with the file; and it needs nothing installed,
//! so that figures from two machines come from the same tool.
//!
//! - `question.rs`: the request, and what must come back, learned from a server's first answers;
//! - `answer.rs`: answers as they come, in pieces, compared with that;
//! - `connection.rs`: one socket, and what it awaits;
//! - `pace.rs`: requests at a fixed rate, and how long each took.
//!
//! [`Load::run`] sends the next requests of a connection when all before are answered: it measures what a request
//! costs, not how long one waits; that is what [`Load::run_at`] is for. A server that closes a connection unasked, answers with anything else or falls
//! silent ends the run with an error: such figures would not be comparable.

mod answer;
mod connection;
mod pace;
mod question;

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

pub use self::question::{Content, Expected, NAME_LEN, NAME_MARK, Name, Names, Question, Wanted};

use self::connection::{Came, Connection};
use self::question::wrong;

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
    /// An answer is not what it must be.
    #[error("{server} answered with something else than it should: {answer:?}")]
    Wrong {
        /// The server's address.
        server: SocketAddr,
        /// How the answer begins.
        answer: String,
    },
}

/// Longer than any server under load takes for one of its answers, shorter than a person's patience.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What is read at once: a small answer whole, a large one in a bearable number of calls.
const BUFFER_LEN: usize = 256 * 1024;

/// Each event is one ready connection, and there are seldom more of them than this.
const EVENTS_MAX: usize = 256;

/// How requests are spread over connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// Connections open at the same time.
    pub connections: usize,
    /// Requests sent in one write on each, before the first is answered. 1 unless connections last, and of many
    /// files.
    pub pipelined: usize,
}

/// Connections to one server, ready to be driven.
#[derive(Debug)]
pub struct Load {
    server: SocketAddr,
    expected: Expected,
    shape: Shape,
    /// As many requests as are sent in one write.
    requests: Vec<u8>,
    connections: Vec<Connection>,
    epoll: rustix::fd::OwnedFd,
    buffer: Vec<u8>,
    /// Answers received in this process, on all connections, in all rounds.
    answered: u64,
}

impl Load {
    /// Opens connections to `server`.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn connect(
        server: SocketAddr,
        shape: Shape,
        expected: Expected,
    ) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Connection {
            server,
            answered: 0,
            source,
        };
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        let mut load = Self {
            server,
            requests: expected.request.repeat(shape.pipelined),
            expected,
            shape,
            connections: Vec::with_capacity(shape.connections),
            epoll,
            buffer: vec![0; BUFFER_LEN],
            answered: 0,
        };
        for index in 0..shape.connections {
            let connection = load.open(index)?;
            load.connections.push(connection);
        }
        Ok(load)
    }

    /// Sends `requests` requests and returns when all are answered.
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
            self.wait(&mut events)?;
            for event in &events {
                let index = index_of(event);
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
        if self.wait_for(events, SILENCE_MAX)? {
            Ok(())
        } else {
            Err(self.silent())
        }
    }

    /// True when there is anything to be read within `time`, or there may be.
    fn wait_for(&self, events: &mut Vec<epoll::Event>, time: Duration) -> Result<bool, LoadError> {
        events.clear();
        let timeout = Timespec::try_from(time).ok();
        let room = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    fn silent(&self) -> LoadError {
        LoadError::Silent {
            server: self.server,
            answered: self.answered,
        }
    }

    /// Reads what has come on a connection; true when it awaits nothing more. One that the server closes as
    /// it was asked to is opened anew.
    fn receive(&mut self, index: usize) -> Result<bool, LoadError> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(false);
        };
        match connection.receive(&mut self.buffer, &self.expected) {
            Ok(Came::Answers(completed)) => {
                self.answered += completed as u64;
                Ok(completed > 0 && connection.is_idle() && self.expected.is_persistent)
            }
            Ok(Came::Wrong(answer)) => Err(wrong(self.server, &answer)),
            Ok(Came::End) if !self.expected.is_persistent && connection.is_used() => {
                let opened = self.open(index)?;
                if let Some(connection) = self.connections.get_mut(index) {
                    *connection = opened;
                }
                Ok(true)
            }
            Ok(Came::End) => Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn send(&mut self, index: usize, unsent: &mut u64) -> Result<(), LoadError> {
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        let count = usize::try_from(*unsent).unwrap_or(usize::MAX);
        let count = count.min(self.shape.pipelined);
        if count == 0 || !connection.may_ask(&self.expected) {
            return Ok(());
        }
        let sent = if let Some(named) = &mut self.expected.named {
            let len = self.expected.request.len();
            let request = self.requests.get_mut(..len).unwrap_or_default();
            let name = named.put(request);
            *unsent -= 1;
            connection.send_named(request, name)
        } else {
            *unsent -= count as u64;
            let len = self.expected.request.len() * count;
            connection.send(self.requests.get(..len).unwrap_or_default(), count)
        };
        sent.map_err(|error| self.failed(error))
    }

    fn open(&self, index: usize) -> Result<Connection, LoadError> {
        let open = || -> io::Result<Connection> {
            let connection = Connection::open(self.server)?;
            let data = epoll::EventData::new_u64(index as u64);
            let socket = connection.socket().as_fd();
            epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN)?;
            Ok(connection)
        };
        open().map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> LoadError {
        LoadError::Connection {
            server: self.server,
            answered: self.answered,
            source,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an index we registered")]
fn index_of(event: &epoll::Event) -> usize {
    event.data.u64() as usize
}

#[cfg(test)]
mod tests;
