//! The floor under every web server: one `recv` and one `send` per request, and nothing in between.
//!
//! `floor PORT FILE` answers every read on every connection with one prepared response. It parses nothing, so it
//! serves nobody but the load generator, which asks one thing at a time; what a real server costs above it is what
//! its own work costs. With a third word, `pipelined`, it counts the heads of a read and sends as many responses in
//! one call; with `closing` it closes behind each. It ends by TERM, without a word.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use rustix::event::epoll;

/// As many as `nginx` takes at once.
const EVENTS_MAX: usize = 512;

const REQUEST_MAX: usize = 4096;

/// The listener's place; the connections are counted from zero.
const LISTENER: u64 = u64::MAX;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(file)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let Ok(port) = port.parse() else {
        return ExitCode::from(2);
    };
    let manner = match arguments.next().as_deref() {
        None => Manner::Plain,
        Some("pipelined") => Manner::Pipelined,
        Some("closing") => Manner::Closing,
        Some(_) => return ExitCode::from(2),
    };
    match Floor::bind(port, &file, manner).and_then(Floor::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct Floor {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Option<TcpStream>>,
    /// Places in it whose connection has gone.
    free: Vec<usize>,
    /// As many responses as a read can hold requests; one, unless they are pipelined.
    responses: Vec<u8>,
    response_len: usize,
    manner: Manner,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Manner {
    Plain,
    Pipelined,
    Closing,
}

/// What the load generator sends in one write at most.
const PIPELINED_MAX: usize = 16;

impl Floor {
    fn bind(port: u16, file: &str, manner: Manner) -> io::Result<Self> {
        let content = fs::read(file)?;
        // The fields that rthttpd and nginx send, too: the same bytes on the wire, give or take a few.
        let mut response = format!(
            "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\nETag: \"6745f1c3075bcd15-400\"\r\n\
             Accept-Ranges: bytes\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n\r\n",
            content.len()
        )
        .into_bytes();
        response.extend_from_slice(&content);

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        add(&epoll, listener.as_fd(), LISTENER)?;
        Ok(Self {
            epoll,
            listener,
            connections: Vec::new(),
            free: Vec::new(),
            response_len: response.len(),
            responses: match manner {
                Manner::Pipelined => response.repeat(PIPELINED_MAX),
                Manner::Plain | Manner::Closing => response,
            },
            manner,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            events.clear();
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                None,
            ) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    index => self.answer(usize::try_from(index).unwrap_or(usize::MAX)),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (socket, _) = self.listener.accept()?;
        socket.set_nodelay(true)?;
        // With a connection for each request, they would become many.
        let free = self.free.pop().unwrap_or(self.connections.len());
        add(&self.epoll, socket.as_fd(), free as u64)?;
        match self.connections.get_mut(free) {
            Some(place) => *place = Some(socket),
            None => self.connections.push(Some(socket)),
        }
        Ok(())
    }

    /// Whatever came is a request; when nothing comes any more, the connection goes.
    fn answer(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let Some(socket) = connection else { return };
        let mut request = [0_u8; REQUEST_MAX];
        let received =
            rustix::net::recv(&*socket, &mut request[..], rustix::net::RecvFlags::empty());
        let answered = match received {
            Ok((len @ 1.., _)) => {
                let count = match self.manner {
                    Manner::Pipelined => heads(request.get(..len).unwrap_or_default()),
                    Manner::Plain | Manner::Closing => 1,
                };
                let responses = self.responses.get(..self.response_len * count);
                let responses = responses.unwrap_or_default();
                let sent = rustix::net::send(&*socket, responses, rustix::net::SendFlags::NOSIGNAL);
                sent == Ok(responses.len()) && self.manner != Manner::Closing
            }
            _ => false,
        };
        if !answered {
            *connection = None;
            self.free.push(index);
        }
    }
}

/// How many heads end in `request`: no other line of a head is empty.
fn heads(request: &[u8]) -> usize {
    let ends = request.windows(4).filter(|four| four == b"\r\n\r\n");
    ends.count().min(PIPELINED_MAX)
}

fn add(epoll: &OwnedFd, socket: impl AsFd, place: u64) -> rustix::io::Result<()> {
    epoll::add(
        epoll,
        socket,
        epoll::EventData::new_u64(place),
        epoll::EventFlags::IN,
    )
}
