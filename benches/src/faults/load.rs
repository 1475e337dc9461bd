//! The clients: a steady load on each web server, and a record of what came back whole.
//!
//! Each web server has one client with one connection, so that its lines have the order of its
//! requests. Requests go out in small bursts, several in one write, at a steady rate; a server
//! that is away is waited for. What was asked and not answered whole is known as such: it may be
//! in the log or not.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::FaultError;

/// What became of one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    /// Whether the response came to its last byte.
    pub(super) is_whole: bool,
    /// When, in milliseconds since the load began.
    pub(super) at: u64,
}

/// Clients at work, one for each web server.
#[derive(Debug)]
pub(super) struct Load {
    began: Instant,
    rate: u64,
    stop: Arc<AtomicBool>,
    seats: Vec<Arc<Seat>>,
    threads: Vec<JoinHandle<Vec<Answer>>>,
}

/// Between a client and the rest.
#[derive(Debug, Default)]
struct Seat {
    server: Mutex<Option<SocketAddr>>,
    answered: AtomicU64,
    asked: AtomicU64,
}

/// Requests go out so often: at 500 requests a second, 5 in one write.
const BURST_EVERY: Duration = Duration::from_millis(10);

/// A server that does not answer for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The file that is asked for.
pub(super) const FILE: &str = "f";

/// The target of a request: unique in the run.
pub(super) fn target(publisher: usize, number: usize) -> String {
    format!("/{FILE}?{publisher}-{number}")
}

impl Load {
    /// Starts the clients of web servers that are at `servers`.
    pub(super) fn start(servers: &[Option<SocketAddr>], rate: u64) -> Self {
        let began = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let mut load = Self {
            began,
            rate,
            stop,
            seats: Vec::new(),
            threads: Vec::new(),
        };
        for (number, server) in servers.iter().enumerate() {
            let seat = Arc::new(Seat::default());
            *seat.server.lock().unwrap_or_else(PoisonError::into_inner) = *server;
            let client = Client {
                number,
                began,
                burst: burst(rate),
                stop: Arc::clone(&load.stop),
                seat: Arc::clone(&seat),
                answers: Vec::new(),
            };
            load.seats.push(seat);
            load.threads.push(thread::spawn(move || client.run()));
        }
        load
    }

    /// Now, as answers have it.
    pub(super) fn now(&self) -> u64 {
        milliseconds(self.began)
    }

    /// Where a web server is from now on; none: nowhere.
    pub(super) fn move_to(&self, publisher: usize, server: Option<SocketAddr>) {
        if let Some(seat) = self.seats.get(publisher) {
            *seat.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
        }
    }

    /// How many requests have been sent to each web server.
    pub(super) fn asked(&self) -> Vec<usize> {
        let asked = |seat: &Arc<Seat>| seat.asked.load(Ordering::Acquire);
        let asked = self.seats.iter().map(asked);
        asked
            .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
            .collect()
    }

    fn answered(&self) -> u64 {
        let answered = |seat: &Arc<Seat>| seat.answered.load(Ordering::Acquire);
        self.seats.iter().map(answered).sum()
    }

    /// Blocks until as many responses have come as the load has in `time` on `servers` servers.
    pub(super) fn await_answers(&self, time: Duration, servers: usize) -> Result<(), FaultError> {
        let per_server = u128::from(self.rate) * time.as_millis() / 1000;
        let per_server = u64::try_from(per_server).unwrap_or(u64::MAX);
        let first = self.answered();
        let expected = per_server.saturating_mul(servers as u64);
        let deadline = Instant::now() + time * SLOWNESS_MAX + SILENCE_MAX;
        loop {
            let answered = self.answered() - first;
            if answered >= expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(FaultError::NotServed { answered, expected });
            }
            thread::sleep(BURST_EVERY);
        }
    }

    /// Ends it: what became of every request, for each web server.
    pub(super) fn finish(mut self) -> Vec<Vec<Answer>> {
        self.stop.store(true, Ordering::Release);
        let threads = self.threads.drain(..);
        threads
            .map(|thread| thread.join().unwrap_or_default())
            .collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// A machine that is busy with other things may take so many times as long.
const SLOWNESS_MAX: u32 = 4;

fn burst(rate: u64) -> u64 {
    let milliseconds = u64::try_from(BURST_EVERY.as_millis()).unwrap_or(1);
    (rate * milliseconds / 1000).max(1)
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

struct Client {
    number: usize,
    began: Instant,
    burst: u64,
    stop: Arc<AtomicBool>,
    seat: Arc<Seat>,
    answers: Vec<Answer>,
}

impl Client {
    fn run(mut self) -> Vec<Answer> {
        let mut connection: Option<(SocketAddr, BufReader<TcpStream>)> = None;
        let mut next = Instant::now();
        while !self.stop.load(Ordering::Acquire) {
            next += BURST_EVERY;
            let server = *self
                .seat
                .server
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            connection = connection.filter(|(address, _)| Some(*address) == server);
            if connection.is_none() {
                connection = server.and_then(|server| Some((server, connect(server).ok()?)));
            }
            if let Some((_, stream)) = &mut connection
                && self.exchange(stream).is_err()
            {
                connection = None;
            }
            // What was missed is not made up for: the load stays steady.
            next = next.max(Instant::now());
            thread::sleep(
                next.saturating_duration_since(Instant::now())
                    .min(BURST_EVERY),
            );
        }
        self.answers
    }

    /// One burst; after an error, what was not answered is noted as such.
    fn exchange(&mut self, stream: &mut BufReader<TcpStream>) -> io::Result<()> {
        let first = self.answers.len();
        let burst = usize::try_from(self.burst).unwrap_or(1);
        let mut requests = Vec::new();
        for number in first..first + burst {
            let target = target(self.number, number);
            write!(requests, "GET {target} HTTP/1.1\r\nHost: farm\r\n\r\n")?;
        }
        self.seat.asked.fetch_add(self.burst, Ordering::AcqRel);
        let outcome = stream.get_mut().write_all(&requests).and_then(|()| {
            for _ in 0..burst {
                receive(stream)?;
                self.note(true);
            }
            Ok(())
        });
        while self.answers.len() < first + burst {
            self.note(false);
        }
        outcome
    }

    fn note(&mut self, is_whole: bool) {
        let at = milliseconds(self.began);
        self.answers.push(Answer { is_whole, at });
        if is_whole {
            self.seat.answered.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn connect(server: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(BufReader::new(stream))
}

/// One whole response: head and content by Content-Length.
fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    let mut content_len = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            content_len = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut content = vec![0; content_len];
    stream.read_exact(&mut content)
}
