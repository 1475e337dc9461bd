//! Who logs and is a web server: rthttpd as a user gets it, asked at a steady rate from one thread.
//!
//! Each has one connection, over which requests go when they are due, whether or not those before are answered.
//! No target is asked for twice, so that every line is known by its number; the moment of a line is that at which
//! its answer was read here.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use benches::interrupt;
use benches::program::Program;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use crate::load::Share;
use crate::moments::Moments;
use crate::{JOIN_MAX, RunError, WRITE_MAX};

/// Servers that are there.
#[derive(Debug)]
pub(crate) struct Servers {
    programs: Vec<Program>,
    connections: Vec<Connection>,
    epoll: OwnedFd,
}

/// A connection to one server, and what it is to answer.
#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    /// Numbers of requests that are not answered yet.
    awaited: VecDeque<u64>,
    /// Bytes of the next answer that have come.
    came: usize,
    /// Bytes of an answer: all are for the same file.
    answer_len: usize,
}

/// What is served.
const CONTENT: [u8; 1024] = [b'x'; 1024];

/// How each answer begins.
const BEGIN: &[u8] = b"HTTP/1.1 200 ";

/// Longer than 2 s, after which a publisher sends though no logging host has answered it.
const SETTLE: Duration = Duration::from_millis(2_500);

/// A server is looked at so often while it starts.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is read at once.
const BUFFER_LEN: usize = 64 * 1024;

const EVENTS_MAX: usize = 128;

impl Servers {
    /// Starts `count` servers, which use `daemons` in turn, and connects to all.
    pub(crate) fn start(
        count: usize,
        rthttpd: &Path,
        daemons: &[String],
        scratch: &Path,
    ) -> Result<Self, RunError> {
        let root = scratch.join("www");
        fs::create_dir_all(&root)?;
        fs::write(root.join("page"), CONTENT)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?;
        let mut servers = Self {
            programs: Vec::new(),
            connections: Vec::new(),
            epoll,
        };
        for (number, daemon) in (0..count).zip(daemons.iter().cycle()) {
            interrupt::check()?;
            let mut command = Command::new(rthttpd);
            command.args(["-h", "127.0.0.1", "-p", "0", "--workers", "1", "-d"]);
            command.arg(&root).args(["--spread", daemon]);
            let name = format!("rthttpd-{number}");
            let program = Program::start(&name, command, None, scratch)?;
            servers.programs.push(program);
        }
        for number in 0..count {
            let connection = servers.connect(number)?;
            let data = epoll::EventData::new_u64(number as u64);
            let flags = epoll::EventFlags::IN;
            epoll::add(&servers.epoll, &connection.socket, data, flags).map_err(io::Error::from)?;
            servers.connections.push(connection);
        }
        if count > 0 {
            thread::sleep(SETTLE);
        }
        Ok(servers)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.programs.iter().map(Program::id)
    }

    /// Asks for their share of the lines, evenly over the time; the moment of each answer.
    pub(crate) fn ask(&mut self, share: Share, began: Instant) -> Result<Moments, RunError> {
        let mut moments = Moments::new(share.lines);
        let mut buffer = vec![0; BUFFER_LEN];
        let mut next = (0..share.lines)
            .filter(|number| share.of_server(*number).is_some())
            .peekable();
        let (mut awaited, mut heard) = (0_u64, Instant::now());
        while awaited > 0 || next.peek().is_some() {
            interrupt::check()?;
            while let Some(number) =
                next.next_if(|number| share.due(*number, began) <= Instant::now())
            {
                let server = share.of_server(number).unwrap_or_default();
                if let Some(connection) = self.connections.get_mut(server) {
                    connection.ask(number).map_err(unasked)?;
                    awaited += 1;
                }
            }
            let wait = next.peek().map_or(LOOK_EVERY, |number| {
                let due = share.due(*number, began);
                due.saturating_duration_since(Instant::now())
                    .min(LOOK_EVERY)
            });
            for index in self.ready(wait)? {
                let Some(connection) = self.connections.get_mut(index) else {
                    continue;
                };
                heard = Instant::now();
                awaited -= connection.read(&mut buffer, |number| {
                    moments.note(number, began.elapsed());
                })?;
            }
            if awaited > 0 && heard.elapsed() > WRITE_MAX {
                return Err(RunError::Server(
                    "some requests are not answered".to_owned(),
                ));
            }
        }
        Ok(moments)
    }

    /// Stops all, each as an operator would, at the same time.
    pub(crate) fn stop(self) -> Result<(), RunError> {
        drop(self.connections);
        self.programs.into_iter().try_for_each(Program::stop)?;
        Ok(())
    }

    /// The connections on which there is something to read within `wait`.
    fn ready(&self, wait: Duration) -> io::Result<Vec<usize>> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let timeout = Timespec::try_from(wait).ok();
        let room = rustix::buffer::spare_capacity(&mut events);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let index = |event: &epoll::Event| usize::try_from(event.data.u64()).ok();
        Ok(events.iter().filter_map(index).collect())
    }

    /// Connects when the server says where it is, and learns how long its answers are.
    fn connect(&self, number: usize) -> Result<Connection, RunError> {
        let deadline = Instant::now() + JOIN_MAX;
        let said = || {
            let program = self.programs.get(number);
            program.map(Program::said).unwrap_or_default()
        };
        let address = loop {
            if let Some(address) = address(&said()) {
                break address;
            }
            if Instant::now() > deadline {
                return Err(RunError::Server(format!(
                    "one does not start; it said:\n{}",
                    said()
                )));
            }
            interrupt::check()?;
            thread::sleep(LOOK_EVERY);
        };
        Ok(Connection::open(address)?)
    }
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let answer_len = learn(server)?;
        let socket = TcpStream::connect(server)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            awaited: VecDeque::new(),
            came: 0,
            answer_len,
        })
    }

    /// A request fits into the socket's buffer, unless thousands are on their way.
    fn ask(&mut self, number: u64) -> io::Result<()> {
        self.awaited.push_back(number);
        self.socket.write_all(&request(Some(number), ""))
    }

    /// Reads once; tells of each answer that is complete, and how many these are.
    fn read(&mut self, buffer: &mut [u8], mut answered: impl FnMut(u64)) -> io::Result<u64> {
        let read = match rustix::io::read(&self.socket, &mut *buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = buffer.get(..read).unwrap_or_default();
        let mut count = 0;
        while !bytes.is_empty() {
            let len = bytes.len().min(self.answer_len - self.came);
            let (part, rest) = bytes.split_at(len);
            let begin = BEGIN.get(self.came..).unwrap_or_default();
            if begin.iter().zip(part).any(|(wanted, came)| wanted != came) {
                return Err(io::Error::other("an answer is not 200"));
            }
            bytes = rest;
            self.came += len;
            if self.came == self.answer_len {
                self.came = 0;
                let number = self.awaited.pop_front();
                answered(number.ok_or_else(|| io::Error::other("an answer that nobody awaits"))?);
                count += 1;
            }
        }
        Ok(count)
    }
}

/// A server that does not even read any more what it is asked.
fn unasked(error: io::Error) -> RunError {
    match error.kind() {
        io::ErrorKind::WouldBlock => RunError::Server(
            "one leaves so many requests unanswered that no more fit: choose a lower --rate"
                .to_owned(),
        ),
        _ => error.into(),
    }
}

/// Asks once, without a number; the length of the answer.
fn learn(server: SocketAddr) -> io::Result<usize> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(JOIN_MAX))?;
    socket.write_all(&request(None, "Connection: close\r\n"))?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    if !answer.starts_with(BEGIN) || !answer.ends_with(&CONTENT) {
        return Err(io::Error::other("the first answer is not the page"));
    }
    // A connection that lasts is not said to close.
    Ok(answer.len() - CLOSE_LEN)
}

/// `Connection: close` and its line's end.
const CLOSE_LEN: usize = 19;

/// As a browser asks, so that a line has some 200 bytes.
fn request(number: Option<u64>, fields: &str) -> Vec<u8> {
    let number = number.map_or_else(String::new, |number| format!("?{number}"));
    format!(
        "GET /page{number} HTTP/1.1\r\nHost: farm.example\r\n{fields}Referer: http://farm.example/articles/\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\r\n"
    )
    .into_bytes()
}

/// Where a server says it is.
fn address(said: &str) -> Option<SocketAddr> {
    let (_, after) = said.split_once("http://")?;
    let (address, _) = after.split_once('/')?;
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_is_where_it_says() {
        let said = "serving  /www\nat       http://127.0.0.1:8080/\nlog      none\n";

        assert_eq!(address(said), "127.0.0.1:8080".parse().ok());
        assert_eq!(address("serving  /www\nat       http://127.0.0.1:80"), None);
    }

    /// Of two answers the second comes in two parts.
    #[test]
    fn answers_are_told_by_their_numbers_when_they_are_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let answer = [BEGIN, b"OK\r\n\r\ncontent"].concat();
        let mut connection = Connection {
            socket,
            awaited: VecDeque::new(),
            came: 0,
            answer_len: answer.len(),
        };
        let mut answered = Vec::new();
        let mut read = |connection: &mut Connection, part: &[u8]| {
            peer.write_all(part).unwrap();
            let read = connection.read(&mut [0; 1024], |number| answered.push(number));
            (read.map_err(|error| error.to_string()), answered.clone())
        };
        connection.ask(7).unwrap();
        connection.ask(11).unwrap();
        let (first, second) = (answer.clone(), answer.split_at(15));

        assert_eq!(
            read(&mut connection, &[&first[..], second.0].concat()),
            (Ok(1), vec![7])
        );
        assert_eq!(read(&mut connection, second.1), (Ok(1), vec![7, 11]));
        let (unasked, _) = read(&mut connection, &answer);
        assert_eq!(unasked, Err("an answer that nobody awaits".to_owned()));
        connection.came = 0;
        let (wrong, _) = read(&mut connection, b"HTTP/1.1 404 ");
        assert_eq!(wrong, Err("an answer is not 200".to_owned()));
    }
}
