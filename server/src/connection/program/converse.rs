//! What passes between a client and the program that answers it, both ways at once.
//!
//! Nothing is read from either side that the other has no room for, so that a slow client slows
//! the program down and a slow program the client.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::response::{self, Head};
use http::{Expectation, Framing, Method, Request, Version};
use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::pipe;

use super::super::Connection;
use super::super::output::{Asked, Exchange, Output};
use crate::cgi::head::{HeadError, RawHead, ScriptHead};
use crate::cgi::program::Program;
use crate::clock;
use crate::worker::{INPUT_LEN, Phase};

/// What is under way between a client and a program.
#[derive(Debug)]
pub(super) struct Exchanging {
    pub(super) program: Program,
    stdout: Option<pipe::Receiver>,
    /// `None` once the program has all of the content, or wants no more.
    stdin: Option<pipe::Sender>,
    /// How much of the content the program has not been given.
    content_left: u64,
    /// The client has gone before it had sent all of it.
    is_deserted: bool,
}

/// What the client has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The program's output is the response as it stands.
    is_raw: bool,
    /// The head, and what was gathered of the exchange.
    pub(super) output: Output,
    pub(super) has_begun: bool,
    /// The connection goes on.
    pub(super) keeps: bool,
    /// How much of the request's content has come.
    pub(super) received: u64,
    status: u16,
    time: u64,
    head_sent: u64,
    content_sent: u64,
}

/// Why a program's answer does not come, or not whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// There is none, or none that is a response.
    Output,
    /// The program has had its time.
    Late,
    /// The client broke off.
    Client,
    /// The server ends.
    Ending,
}

/// How the content of the response is framed (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Framed {
    /// There is none, and what the program says is not sent.
    None,
    /// So many bytes are left of what it has announced.
    Length(u64),
    Chunked,
    /// Until the connection ends.
    Close,
}

impl Exchanging {
    /// Of a `program` that has just been started for `request`.
    pub(super) fn new(mut program: Program, request: &Request<'_>) -> Self {
        Self {
            stdout: program.stdout(),
            stdin: program.stdin(),
            program,
            content_left: content_len(request),
            is_deserted: false,
        }
    }

    /// How much of the content of `request` the program has been given.
    pub(super) const fn content_received(&self, request: &Request<'_>) -> u64 {
        content_len(request).saturating_sub(self.content_left)
    }

    /// Whether it is the client that keeps the program waiting.
    pub(super) const fn waits_for_client(&self) -> bool {
        self.stdin.is_some() && self.content_left > 0
    }
}

/// How long the content of `request` is.
const fn content_len(request: &Request<'_>) -> u64 {
    match request.framing {
        Framing::Length(len) => len,
        Framing::None | Framing::Chunked => 0,
    }
}

impl Told {
    pub(super) fn new(is_raw: bool) -> Self {
        Self {
            is_raw,
            ..Self::default()
        }
    }
}

impl Framed {
    /// Appends `content`, or as much of it as was announced; says how much, and how many bytes
    /// stand before it.
    fn frame(&mut self, content: &[u8], out: &mut Vec<u8>) -> (usize, usize) {
        let content = match self {
            Self::None => &[],
            Self::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX);
                let content = content.get(..len).unwrap_or(content);
                *left -= content.len() as u64;
                content
            }
            Self::Chunked | Self::Close => content,
        };
        let is_chunk = *self == Self::Chunked && !content.is_empty();
        if is_chunk {
            out.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
        }
        let before = out.len();
        out.extend_from_slice(content);
        if is_chunk {
            out.extend_from_slice(b"\r\n");
        }
        (content.len(), before)
    }
}

impl Connection {
    /// Sends what the program answers, and gives it the content of `request` meanwhile.
    pub(super) async fn converse(
        &mut self,
        with: &mut Exchanging,
        request: &Request<'_>,
        told: &mut Told,
    ) -> Result<(), Failure> {
        if request.expectation == Expectation::Continue && with.content_left > 0 {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            self.put(with, interim, &mut 0).await?;
        }
        let mut content = Vec::new();
        let mut framed = self.hear_head(with, request, told, &mut content).await?;
        let mut frame = told.output.bytes.clone();
        let head_len = frame.len() as u64;
        told.has_begun = true;
        loop {
            let (len, before) = framed.frame(&content, &mut frame);
            let mut sent = 0;
            let outcome = self.put(with, &frame, &mut sent).await;
            if told.head_sent < head_len {
                told.head_sent = sent.min(head_len);
            }
            told.content_sent += sent.saturating_sub(before as u64).min(len as u64);
            outcome?;
            frame.clear();
            content.clear();
            if self.hear(with, &mut content).await? == 0 {
                break;
            }
        }
        match framed {
            Framed::Chunked => self.put(with, b"0\r\n\r\n", &mut 0).await,
            Framed::Length(1..) => {
                with.program
                    .complain("it has ended before the end of the content it announced");
                Err(Failure::Output)
            }
            Framed::None | Framed::Length(0) | Framed::Close => Ok(()),
        }
    }

    /// Waits for the head of the answer, and makes that of the response; leaves in `heard` what
    /// came behind it.
    async fn hear_head(
        &mut self,
        with: &mut Exchanging,
        request: &Request<'_>,
        told: &mut Told,
        heard: &mut Vec<u8>,
    ) -> Result<Framed, Failure> {
        loop {
            if self.hear(with, heard).await? == 0 {
                with.program.complain("it has ended before its head did");
                return Err(Failure::Output);
            }
            let made = if told.is_raw {
                RawHead::parse(heard).map(|head| head.map(|head| told.raw(head, heard)))
            } else {
                self.make_head(with, request, told, heard)
            };
            match made {
                Ok(None) => {}
                Ok(Some((framed, len))) => {
                    heard.drain(..len);
                    return Ok(framed);
                }
                Err(error) => {
                    with.program.complain(&error.to_string());
                    return Err(Failure::Output);
                }
            }
        }
    }

    /// Makes the head of the response from what was `heard`, once that has all of one.
    fn make_head(
        &self,
        with: &Exchanging,
        request: &Request<'_>,
        told: &mut Told,
        heard: &[u8],
    ) -> Result<Option<(Framed, usize)>, HeadError> {
        let Some(head) = ScriptHead::parse(heard)? else {
            return Ok(None);
        };
        // RFC 9110 6.4.1.
        let may_have_content = !matches!(head.status, 204 | 205 | 304);
        let framed = match (head.content_length, request.version) {
            _ if request.method == Method::Head || !may_have_content => Framed::None,
            (Some(len), _) => Framed::Length(len),
            (None, Version::Http11) => Framed::Chunked,
            (None, Version::Http10) => Framed::Close,
        };
        let is_serving = self.worker.phase() == Phase::Serving;
        // What the program leaves unread of the content stands before the next request.
        let is_read = with.content_left == 0;
        told.keeps = request.persistent && is_serving && is_read && framed != Framed::Close;
        let connection = match told.keeps {
            true => response::Connection::of(request),
            false => response::Connection::Close,
        };
        told.status = head.status;
        told.time = clock::unix();
        let fields = self.worker.rules().headers.of_target(Some(request.target));
        let mut state = self.worker.state.borrow_mut();
        let out = &mut told.output.bytes;
        let line = Head::with_code(out, head.status, &head.reason)
            .lines(&fields.without)
            .lines(&head.lines);
        let line = match (framed, head.content_length) {
            (Framed::Chunked, _) => line.field("Transfer-Encoding", "chunked"),
            (_, Some(len)) if may_have_content => line.number("Content-Length", len),
            (Framed::None, None) if head.status == 205 => line.number("Content-Length", 0),
            _ => line,
        };
        line.end(state.clock.date(told.time), connection);
        Ok(Some((framed, head.len)))
    }

    /// Waits for more of the program's output; nothing when that has ended.
    async fn hear(&mut self, with: &mut Exchanging, into: &mut Vec<u8>) -> Result<usize, Failure> {
        let worker = Rc::clone(&self.worker);
        poll_fn(|cx| {
            self.poll_feed(cx, with);
            with.program.poll_complaints(cx);
            if with.is_deserted {
                return Poll::Ready(Err(Failure::Client));
            }
            let Some(stdout) = &mut with.stdout else {
                return Poll::Ready(Ok(0));
            };
            let mut state = worker.state.borrow_mut();
            // Shorter only when a panic has taken it away.
            state.input.resize(INPUT_LEN, 0);
            let mut buffer = ReadBuf::new(&mut state.input);
            match Pin::new(stdout).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) => {
                    into.extend_from_slice(buffer.filled());
                    Poll::Ready(Ok(buffer.filled().len()))
                }
                Poll::Ready(Err(_)) => Poll::Ready(Err(Failure::Output)),
                Poll::Pending if worker.phase() == Phase::Ending => {
                    Poll::Ready(Err(Failure::Ending))
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Sends all of `bytes`, as fast as the client and the throttling rules have it.
    async fn put(
        &mut self,
        with: &mut Exchanging,
        mut bytes: &[u8],
        sent: &mut u64,
    ) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let part = self.part(bytes.len() as u64).await;
            let part = bytes.get(..part.map_err(|_| Failure::Ending)?);
            let part = part.unwrap_or(bytes);
            let written = poll_fn(|cx| {
                self.poll_feed(cx, with);
                with.program.poll_complaints(cx);
                let part = [IoSlice::new(part), IoSlice::new(&[])];
                match self.stream.poll_write(cx, &part, SendFlags::empty()) {
                    Poll::Pending => self.poll_standstill().map(Err),
                    ready => ready,
                }
            });
            match written.await {
                Ok(written @ 1..) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    self.took(written, sent);
                }
                Ok(0) | Err(_) if self.worker.phase() == Phase::Ending => {
                    return Err(Failure::Ending);
                }
                Ok(0) | Err(_) => return Err(Failure::Client),
            }
        }
        Ok(())
    }

    /// Gives the program as much of the content as it takes now; the task is woken when it takes
    /// more, or more has come.
    fn poll_feed(&mut self, cx: &mut Context<'_>, with: &mut Exchanging) {
        while with.content_left > 0 && !with.is_deserted {
            // A program that has closed its end wants none of the rest; nor do we.
            let Some(stdin) = &mut with.stdin else {
                return;
            };
            if self.received.is_empty() {
                match self.poll_read_more(cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0) | Err(_)) => with.is_deserted = true,
                    Poll::Pending => return,
                }
                continue;
            }
            let len = usize::try_from(with.content_left).unwrap_or(usize::MAX);
            let content = self.received.get(..len).unwrap_or(&self.received);
            match Pin::new(stdin).poll_write(cx, content) {
                Poll::Ready(Ok(written @ 1..)) => {
                    self.received.drain(..written);
                    with.content_left -= written as u64;
                }
                Poll::Ready(Ok(0) | Err(_)) => with.stdin = None,
                Poll::Pending => return,
            }
        }
        with.stdin = None;
    }

    /// Gives the exchange to the logs.
    pub(super) fn log_told(&self, told: Told, asked: Asked, requests: &[u8], is_whole: bool) {
        let mut output = told.output;
        output.exchanges.push(Exchange {
            asked,
            time: told.time,
            status: told.status,
            content_at: output.bytes.len() as u64,
            // Of what was cut off nobody knows how long it would have been.
            content_len: told.content_sent + u64::from(!is_whole),
        });
        for gathered in &mut output.gathered {
            gathered.by_program(!told.keeps, told.received);
        }
        let sent = told.head_sent + told.content_sent;
        let mut state = self.worker.state.borrow_mut();
        self.log(&mut state.logs, &output, requests, sent);
    }
}

impl Told {
    /// Takes the head as it stands.
    fn raw(&mut self, head: RawHead, heard: &[u8]) -> (Framed, usize) {
        let bytes = heard.get(..head.len).unwrap_or(heard);
        self.output.bytes.extend_from_slice(bytes);
        self.status = head.status;
        self.time = clock::unix();
        (Framed::Close, head.len)
    }
}
