//! One client of the loop: heads in, answers out, each within its time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::Routes;
use super::respond::{Answer, respond};
use crate::{Limits, Request};

/// 8 KiB: what browsers and scrapers send is a tenth of it.
const HEAD_MAX: usize = 8 * 1024;

/// Nothing here reads content.
const LIMITS: Limits = Limits {
    request_line_max: HEAD_MAX,
    head_max: HEAD_MAX,
    content_max: 0,
};

/// 5 s: a whole head, from its first byte; and the first head from the beginning.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// 2 min: the usual intervals of scrapers are shorter, and they keep their connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// 10 s: a whole answer, however long, to whoever takes it.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// 1 s: for what a refused client is still sending. Closed before, its connection would be
/// reset, and the answer might be lost with it.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// How much is read at a time.
const READ_LEN: usize = 1024;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    routes: Arc<Routes>,
    /// It listens on loopback: see [`respond`].
    is_local: bool,
    received: Vec<u8>,
    deadline: Instant,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, routes: Arc<Routes>, is_local: bool) -> Self {
        Self {
            stream,
            routes,
            is_local,
            received: Vec::new(),
            deadline: Instant::now() + HEAD_TIMEOUT,
        }
    }

    /// Answers until one of both has had enough. A client that breaks off is nobody's concern.
    pub(super) async fn run(mut self) {
        if self
            .exchange()
            .await
            .is_ok_and(|ending| ending == Ending::Linger)
        {
            // It has had its time, whatever came of it.
            let _ = timeout(LINGER_TIMEOUT, self.linger()).await;
        }
    }

    async fn exchange(&mut self) -> io::Result<Ending> {
        loop {
            let parsed = Request::parse(&self.received, &LIMITS);
            let Some(answer) = respond(parsed, &self.routes, self.is_local) else {
                if !self.receive().await? {
                    return Ok(Ending::Close);
                }
                continue;
            };
            let Answer { bytes, head_len } = answer;
            timeout(SEND_TIMEOUT, self.stream.write_all(&bytes)).await??;
            let Some(head_len) = head_len else {
                return Ok(Ending::Linger);
            };
            self.received.drain(..head_len);
            let wait = if self.received.is_empty() {
                IDLE_TIMEOUT
            } else {
                HEAD_TIMEOUT
            };
            self.deadline = Instant::now() + wait;
            // One that sends as fast as it is answered lets the others have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Reads until another line has come, or more than a head may be; `false` at the end.
    async fn receive(&mut self) -> io::Result<bool> {
        loop {
            let before = self.received.len();
            self.received.reserve(READ_LEN);
            let read = self.stream.read_buf(&mut self.received);
            if timeout_at(self.deadline, read).await?? == 0 {
                return Ok(false);
            }
            if before == 0 {
                self.deadline = Instant::now() + HEAD_TIMEOUT;
            }
            let news = self.received.get(before..).unwrap_or_default();
            // A head ends with a line: one that comes byte by byte is not parsed at every byte.
            if news.contains(&b'\n') || self.received.len() >= HEAD_MAX {
                return Ok(true);
            }
        }
    }

    /// Says that nothing more comes, and hears the client out.
    async fn linger(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let mut thrown_away = [0; READ_LEN];
        while self.stream.read(&mut thrown_away).await? > 0 {}
        Ok(())
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ending {
    /// The client has nothing more to say.
    Close,
    /// It may be sending still.
    Linger,
}
