//! One connection: reading requests, writing responses, and when to stop.
//!
//! ```text
//!            +--------------------- turn ----------------------+
//!  socket -> | read once, answer all that is complete, write   | -> log
//!            +----+-----------------+---------------------+----+
//!                 | not all taken   | file not in memory  | last response
//!               send              look                   end (linger)
//! ```
//!
//! A turn is synchronous and works in the worker's own buffers, so that a request in
//! the cache costs one read, one write and no allocation, and an idle connection holds
//! no buffer. Bytes become a connection's own only while something is unfinished: a
//! request that has come in part, a response that was taken in part.
//!
//! A connection that waits for its client is the worker's, which gives it a turn when there is
//! something to read. What else has to be waited for is awaited in a task (`Connection::go_on`),
//! which gives it back.
//!
//! Whether a client may ask at all is found out in `access`; which response a request gets is
//! decided in `respond`, and `refuse` has those that end the connection; files too large for
//! memory are sent in `send`, what is throttled as `paced` allows; the goodbye is in `linger`.

mod access;
mod arriving;
mod cached;
mod chunk;
mod details;
mod entry;
mod host;
mod linger;
mod output;
mod paced;
mod program;
mod proxy;
mod refuse;
mod respond;
mod send;
mod stream;
mod turn;
mod untaken;
mod verify;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::Status;
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use spread_logger::Record;

use self::arriving::Arriving;
use self::details::Ends;
pub(crate) use self::entry::Entry;
pub(crate) use self::host::KnownHosts;
pub(crate) use self::output::Output;
use self::output::Unsent;
pub(crate) use self::respond::{ErrorPages, KnownGuards};
use self::respond::{Found, Look};
pub(crate) use self::stream::Stream;
use self::untaken::Untaken;
pub(crate) use self::verify::Verifying;
use crate::cgi::call::Script;
use crate::clients::Peer;
use crate::clock::Moment;
use crate::logs::Logs;
use crate::site::LookupError;
use crate::throttle::Share;
use crate::worker::{Phase, Presence, Readiness, Worker};

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    worker: Rc<Worker>,
    stream: Stream,
    peer: Peer,
    /// What came and has not been answered: the beginning of a request, or requests
    /// behind one whose answer takes time.
    received: Vec<u8>,
    /// `received` may hold a whole request.
    is_ready: bool,
    /// The content of the first request in `received`, which is answered when all of it has
    /// come.
    content: Option<Box<Arriving>>,
    /// The first request in `received` calls no program, though its path is one for programs.
    is_plain: bool,
    /// What the look for the first request in `received` has found.
    found: Option<Box<Found>>,
    /// What throttling rules leave to the first request in `received`, or to the response being
    /// sent; few have any.
    share: Option<Box<Share>>,
    /// How to end, once everything is sent.
    ending: Option<Ending>,
    /// What `deadline` is for; `None` after a request, when it must be set anew.
    stage: Option<Stage>,
    deadline: Moment,
    /// What the client had not taken of a response when it was last given more time.
    untaken: Untaken,
    /// When it was accepted.
    begun: Moment,
    /// Exchanges that have been logged.
    served: Cell<u32>,
    /// When the first request in `received` began to arrive, in microseconds since 1970, if a
    /// format of the log wants it.
    request_begun: Option<u64>,
    /// Its ends, if a format tells them.
    ends: Option<Box<Ends>>,
}

/// What comes first on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Opening {
    /// The first request.
    Request,
    /// A header of the PROXY protocol.
    ProxyHeader,
}

/// What a connection waits for from its client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// The first request to begin.
    Beginning,
    /// The next request to begin.
    Idle,
    /// A request that has begun to be complete.
    Request,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ending {
    /// Nobody waits for anything: it is closed.
    Close,
    /// The client may be sending still, which a plain close would answer with a reset,
    /// and that can destroy a response on its way.
    Linger,
}

/// Why a turn ended.
#[derive(Debug)]
enum Turn {
    /// It has not begun: first comes a header of the PROXY protocol.
    Introduce,
    /// It has not begun, and will not: the client has too many connections.
    SendAway,
    /// The client has not taken everything. Boxed, as each turn's end is passed on and few are
    /// this.
    Send(Box<Unsent>),
    /// The next answer is not in memory.
    Look(Look),
    /// A program is to answer.
    Run(Box<Script>),
    /// More has come already, for when the others have had their turn.
    Rest,
    /// The connection is done.
    End(Ending),
}

impl Connection {
    /// One that has been accepted.
    pub(crate) fn new(worker: Rc<Worker>, stream: Stream, peer: Peer) -> Self {
        let now = Moment::now();
        let deadline = now.after(worker.timeouts().request);
        let ends = worker.needs.addresses.then(|| Box::new(Ends::of(&stream)));
        Self {
            worker,
            stream,
            peer,
            received: Vec::new(),
            is_ready: false,
            content: None,
            is_plain: false,
            found: None,
            share: None,
            ending: None,
            stage: Some(Stage::Beginning),
            deadline,
            untaken: Untaken::default(),
            begun: now,
            served: Cell::new(0),
            request_begun: None,
            ends,
        }
    }

    pub(crate) const fn presence(&self) -> &Presence {
        self.stream.presence()
    }

    /// Until when a connection that waits for its client does so.
    pub(crate) const fn deadline(&self) -> Moment {
        self.deadline
    }

    /// Its socket has become ready for something.
    #[inline]
    pub(crate) fn tell(&mut self, ready: Readiness) {
        self.stream.tell(ready);
    }

    /// Lets the client in, if it is known who that is, and has the first turn.
    pub(crate) fn open(mut self: Box<Self>, opening: Opening) {
        match opening {
            Opening::ProxyHeader => self.spawn(Turn::Introduce),
            Opening::Request if self.admit().is_err() => self.spawn(Turn::SendAway),
            Opening::Request => self.have_turn(),
        }
    }

    /// Reads, and answers what can be answered at once. After that the connection waits for its
    /// client again, with the worker; or it has ended, or a task goes on with it.
    pub(crate) fn have_turn(mut self: Box<Self>) {
        match self.poll_turn(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Rc::clone(&self.worker).keep(self),
            Poll::Ready(Turn::End(Ending::Close)) => self.close(),
            Poll::Ready(turn) => self.spawn(turn),
        }
    }

    fn spawn(self: Box<Self>, turn: Turn) {
        // In a box of its own: what the runtime allocates for a task is a multiple of 128 bytes.
        tokio::task::spawn_local(Box::pin(self.go_on(turn)));
    }

    /// Goes on after a turn that has ended in something to be waited for.
    async fn go_on(mut self: Box<Self>, mut turn: Turn) {
        poll_fn(|cx| self.stream.leave(cx)).await;
        let ending = loop {
            match turn {
                Turn::Introduce => {
                    if !self.introduce().await {
                        return;
                    }
                    if self.admit().is_err() {
                        return self.turn_away().await;
                    }
                }
                Turn::SendAway => return self.turn_away().await,
                Turn::End(ending) => break ending,
                Turn::Look(look) => {
                    self.found = self.look(look).await.map(Box::new);
                    if self.found.is_none() {
                        self.refuse_now(Status::ServiceUnavailable).await;
                        break Ending::Close;
                    }
                }
                Turn::Run(script) => {
                    if let Some(ending) = self.run_program(&script).await {
                        break ending;
                    }
                }
                Turn::Rest => self.worker.rest().await,
                Turn::Send(mut unsent) => {
                    if !self.send(&mut unsent).await {
                        break Ending::Close;
                    }
                }
            }
            turn = match poll_fn(|cx| Poll::Ready(self.poll_turn(cx))).await {
                Poll::Ready(turn) => turn,
                Poll::Pending => {
                    self.stream.come_back();
                    return Rc::clone(&self.worker).keep(self);
                }
            };
        };
        if ending == Ending::Linger {
            self.linger().await;
        } else {
            self.close();
        }
    }

    /// Ends a connection that nobody waits for any more.
    fn close(&self) {
        if self.ending.is_some() {
            // What was written last may be held back until here. A close alone would drop it if
            // something has come meanwhile.
            let _ = shutdown(&self.stream, Shutdown::Write);
        }
    }

    /// Asks the site on a thread that may wait; `None` when the server ends first.
    async fn look(&mut self, look: Look) -> Option<Found> {
        let worker = Rc::clone(&self.worker);
        // Held until the password has been verified.
        let mut turn = None;
        if look.is_verifying()
            && let Some(verifying) = &worker.verifying
        {
            // Boxed, so that no connection holds room for it but one that waits.
            turn = Box::pin(self.turn_to_verify(verifying)).await?;
            if turn.is_none() {
                return Some(Found::busy());
            }
        }
        let site = Arc::clone(&worker.site);
        let mut task = tokio::task::spawn_blocking(move || look.run(&site));
        let found = poll_fn(|cx| match Pin::new(&mut task).poll(cx) {
            Poll::Ready(Ok(found)) => Poll::Ready(Some(found)),
            // It panicked, or the runtime is going down.
            Poll::Ready(Err(_)) => Poll::Ready(Some(LookupError::Failed(Errno::IO).into())),
            Poll::Pending if self.worker.phase() == Phase::Ending => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        drop(turn);
        found
    }

    /// Ready when the deadline has passed or the server ends; the task is woken for either.
    fn poll_patience(&self) -> Poll<()> {
        if self.worker.phase() == Phase::Ending || Moment::now() >= self.deadline {
            return Poll::Ready(());
        }
        self.presence().wake_at(self.deadline);
        Poll::Pending
    }

    /// Gives the exchanges of `output`, `sent` bytes of which went out, to the logs and
    /// the counters. `requests` are the bytes that the requests were read from.
    fn log(&self, logs: &mut Option<Logs>, output: &Output, requests: &[u8], sent: u64) {
        for (at, exchange) in output.exchanges.iter().enumerate() {
            let asked = &exchange.asked;
            let bytes = exchange.content_sent(sent);
            if let Some(logs) = logs {
                let record = Record {
                    client: asked.client,
                    user: asked.user().map(|user| &**user),
                    time: exchange.time,
                    request_line: asked.line.within(requests),
                    status: exchange.status,
                    bytes,
                    referer: asked.referer.map(|span| span.within(requests)),
                    user_agent: asked.user_agent.map(|span| span.within(requests)),
                    details: None,
                };
                match output.gathered.get(at) {
                    None => logs.log(&record),
                    Some(gathered) => {
                        let bytes = (output, requests, sent);
                        self.log_gathered(logs, record, gathered, exchange, bytes);
                    }
                }
            }
            self.served.set(self.served.get().wrapping_add(1));
            if let Some(counters) = self.worker.counters() {
                counters.count_exchange(exchange.status);
                counters.content_bytes.add(bytes);
                counters.cut_off.add(u64::from(!exchange.is_sent(sent)));
            }
        }
    }
}
