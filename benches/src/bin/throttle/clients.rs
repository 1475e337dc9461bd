//! Clients that take all they can get, and write down when they got it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// What a client asks for, and when.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) target: &'static str,
    /// After the beginning of the run.
    pub(crate) comes: Duration,
    pub(crate) goes: Duration,
}

/// What a client got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Got {
    /// Bytes of heads and contents, in each stretch of [`BIN`] since the beginning of the run.
    pub(crate) bins: Vec<u64>,
    pub(crate) responses: u64,
    /// It was answered with 503, and went.
    pub(crate) is_refused: bool,
}

/// What a rate is told for: a few slices.
pub(crate) const BIN: Duration = Duration::from_millis(500);

/// Runs all clients, each on a thread of its own.
///
/// # Errors
/// When the server does not answer, or answers what is no response.
pub(crate) fn run(server: SocketAddr, clients: &[Client]) -> io::Result<Vec<Got>> {
    // Threads take a moment to start.
    let begins = Instant::now() + Duration::from_millis(200);
    let threads: Vec<_> = clients
        .iter()
        .cloned()
        .map(|client| thread::spawn(move || client.run(server, begins)))
        .collect();
    let join = |thread: thread::JoinHandle<io::Result<Got>>| {
        let ended = thread.join();
        ended.map_err(|_| io::Error::other("a client has panicked"))?
    };
    threads.into_iter().map(join).collect()
}

impl Client {
    fn run(&self, server: SocketAddr, begins: Instant) -> io::Result<Got> {
        let (comes, goes) = (begins + self.comes, begins + self.goes);
        thread::sleep(comes.saturating_duration_since(Instant::now()));
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.target);
        stream.write_all(request.as_bytes())?;

        let mut got = Got::default();
        let mut buffer = vec![0; 64 * 1024];
        // Of the response that is coming: its head, and what is missing of its content.
        let (mut head, mut missing) = (Vec::new(), None);
        loop {
            let now = Instant::now();
            let left = goes.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(got);
            }
            stream.set_read_timeout(Some(left))?;
            let read = match stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(got),
                Err(error) => return Err(error),
            };
            got.note(begins.elapsed(), read as u64);
            let part = buffer.get(..read).unwrap_or_default();
            let more = match missing {
                Some(missing) => missing,
                None => {
                    head.extend_from_slice(part);
                    let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                        continue;
                    };
                    got.is_refused = head.starts_with(b"HTTP/1.1 503");
                    let len = content_len(&head).ok_or(ErrorKind::InvalidData)?;
                    let come = (head.len() - end - 4) as u64;
                    len - come.min(len) + read as u64
                }
            };
            let more = more.saturating_sub(read as u64);
            missing = Some(more);
            if more == 0 {
                got.responses += 1;
                if got.is_refused {
                    return Ok(got);
                }
                (missing, head) = (None, Vec::new());
                stream.write_all(request.as_bytes())?;
            }
        }
    }
}

impl Got {
    pub(crate) fn bytes(&self) -> u64 {
        self.bins.iter().sum()
    }

    fn note(&mut self, when: Duration, bytes: u64) {
        let bin = usize::try_from(when.as_millis() / BIN.as_millis()).unwrap_or(usize::MAX);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        if let Some(counted) = self.bins.get_mut(bin) {
            *counted += bytes;
        }
    }
}

fn content_len(head: &[u8]) -> Option<u64> {
    let head = String::from_utf8_lossy(head);
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    line?.trim().parse().ok()
}
