//! A turn: one read, the answers to all that is complete, and one write.
//!
//! Most of what is here is bookkeeping of bytes: how far the received ones have been
//! answered, how far the answers have been taken, and which of both must be kept until
//! later. What an answer is, is decided in `respond`.

use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::response;
use http::{Framing, Request, Status};
use rustix::net::{RecvFlags, SendFlags};

use super::output::{Asked, Tail, Unsent};
use super::respond::{Answer, Look, Response};
use super::{Connection, Ending, Stage, Turn};
use crate::cgi::call::Script;
use crate::clock::{self, Moment};
use crate::throttle::Full;
use crate::worker::{INPUT_LEN, Phase, State};

/// When so many bytes of responses have come together they are sent before the next
/// request is answered.
const BATCH_LEN: usize = 64 * 1024;

/// How much of an unfinished request's room grows at a time.
const RECEIVED_STEP: usize = 4 * 1024;

/// How long after its connection a client's first request is waited for though the server
/// stops or is full: it is on its way. After a second a lost packet is sent again (RFC 6298 2.1).
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Why no further request was answered into the output.
#[derive(Debug)]
enum Pause {
    /// The output is full, or ends in content that was not copied.
    Full,
    /// The next request is not complete.
    Input,
    /// The next answer is not in memory.
    Look(Look),
    /// A program is to answer the next request.
    Run(Box<Script>),
    /// There will be no next request.
    End(Ending),
}

/// What became of an attempt to write.
pub(super) enum Written {
    All,
    /// The client has taken so much and must be waited for.
    Part(u64),
    /// The client is gone, having taken so much.
    Gone(u64),
}

impl Connection {
    /// Reads and answers until something has to be waited for that is not the next
    /// request.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if let Some(ending) = self.ending {
            return Poll::Ready(Turn::End(ending));
        }
        let worker = Rc::clone(&self.worker);
        let mut state = worker.state.borrow_mut();
        // Otherwise a panic has left another client's responses there.
        if !state.output.is_clear() {
            state.output.clear();
        }
        if self.is_ready {
            self.is_ready = false;
            if let Some(turn) = self.work_on_received(cx, &mut state) {
                return Poll::Ready(turn);
            }
        }
        let mut input = mem::take(&mut state.input);
        // Shorter only when a panic has taken it away.
        input.resize(INPUT_LEN, 0);
        let outcome = self.poll_input(cx, &mut state, &mut input);
        state.input = input;
        outcome
    }

    fn poll_input(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut State,
        input: &mut [u8],
    ) -> Poll<Turn> {
        loop {
            let is_new = self.received.is_empty();
            let room = if is_new { input.len() } else { RECEIVED_STEP };
            let read = if is_new {
                self.stream.poll_read(cx, input)
            } else {
                self.poll_read_more(cx)
            };
            let read = match read {
                Poll::Ready(Ok(read)) => read,
                Poll::Ready(Err(_)) => 0,
                Poll::Pending => return self.poll_waiting(cx, state),
            };
            if read == 0 {
                return Poll::Ready(Turn::End(self.input_ended(cx, state)));
            }
            let turn = if is_new {
                let (done, turn) = self.work(cx, state, input.get(..read).unwrap_or_default());
                let rest = input.get(done..read).unwrap_or_default();
                self.received.extend_from_slice(rest);
                self.forget_content();
                turn
            } else {
                self.work_on_received(cx, state)
            };
            if let Some(turn) = turn {
                return Poll::Ready(turn);
            }
            // A client that sends as fast as it is answered must not keep the others waiting.
            // After a shorter read the next says without a system call that nothing is there.
            if read == room {
                return Poll::Ready(Turn::Rest);
            }
        }
    }

    /// Reads what comes next behind the beginning of a request that is there already.
    pub(super) fn poll_read_more(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let len = self.received.len();
        self.received.resize(len + RECEIVED_STEP, 0);
        let room = self.received.get_mut(len..).unwrap_or_default();
        let outcome = self.stream.poll_read(cx, room);
        let read = match outcome {
            Poll::Ready(Ok(read)) => read,
            _ => 0,
        };
        self.received.truncate(len + read);
        outcome
    }

    /// Nothing has come: until when to wait for it? It is the worker that waits.
    fn poll_waiting(&mut self, cx: &mut Context<'_>, state: &mut State) -> Poll<Turn> {
        let is_idle = is_blank(&self.received);
        let stage = match (is_idle, self.stage) {
            (true, Some(Stage::Beginning)) => Stage::Beginning,
            (true, _) => Stage::Idle,
            (false, _) => Stage::Request,
        };
        let is_new = self.stage != Some(stage);
        if is_new {
            self.stage = Some(stage);
            let timeouts = self.worker.timeouts();
            self.deadline = Moment::now().after(match stage {
                Stage::Idle => timeouts.idle,
                Stage::Beginning | Stage::Request => timeouts.request,
            });
        }
        if is_idle && self.is_left(stage) {
            return Poll::Ready(Turn::End(Ending::Close));
        }
        let is_ending = self.worker.phase() == Phase::Ending;
        if !is_ending && (is_new || Moment::now() < self.deadline) {
            return Poll::Pending;
        }
        if is_idle || is_ending {
            return Poll::Ready(Turn::End(Ending::Close));
        }
        self.refuse_received(cx, state, Status::RequestTimeout);
        Poll::Ready(Turn::End(Ending::Linger))
    }

    /// Whether a client that has sent nothing is waited for no longer: the server stops, or
    /// others want its place.
    pub(super) fn is_left(&mut self, stage: Stage) -> bool {
        let is_stopping = self.worker.phase() != Phase::Serving;
        if !(is_stopping || self.worker.wants_room()) || self.has_unread() {
            return false;
        }
        let arrived = self.begun.after(ARRIVAL_TIMEOUT);
        if stage != Stage::Beginning || Moment::now() >= arrived {
            return true;
        }
        if is_stopping {
            self.deadline = arrived;
        }
        false
    }

    /// Whether something has come that the runtime has not told of yet: a request that
    /// was there before the stop is answered.
    fn has_unread(&self) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        rustix::net::recv(&self.stream, &mut [0_u8; 1][..], flags)
            .is_ok_and(|(_, received)| received > 0)
    }

    /// The client sends no more, or is gone. Half a request is an exchange all the same.
    fn input_ended(&mut self, cx: &mut Context<'_>, state: &mut State) -> Ending {
        if !is_blank(&self.received) {
            self.refuse_received(cx, state, Status::BadRequest);
        }
        Ending::Close
    }

    fn work_on_received(&mut self, cx: &mut Context<'_>, state: &mut State) -> Option<Turn> {
        let mut received = mem::take(&mut self.received);
        let (done, turn) = self.work(cx, state, &received);
        if done < received.len() {
            received.drain(..done);
            self.received = received;
            self.forget_content();
        }
        turn
    }

    /// Answers the requests in `bytes` and sends the answers; says how many bytes were
    /// used up, and what has to be waited for, unless that is more bytes.
    fn work(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut State,
        bytes: &[u8],
    ) -> (usize, Option<Turn>) {
        let mut done = 0;
        loop {
            let pause = self.fill(state, bytes, &mut done);
            if let Pause::End(ending) = pause {
                self.ending = Some(ending);
            }
            let is_file = !state.output.is_in_memory();
            match self.write(cx, state) {
                Written::All => {
                    self.log_and_clear(state, bytes, u64::MAX);
                    // The answer that is still to come has its share yet to use.
                    if !matches!(pause, Pause::Look(_) | Pause::Run(_)) {
                        self.share = None;
                    }
                }
                Written::Part(sent) => {
                    let unsent = Unsent {
                        output: mem::take(&mut state.output),
                        requests: bytes.get(..done).unwrap_or_default().to_vec(),
                        sent,
                    };
                    self.is_ready = true;
                    return (done, Some(Turn::Send(Box::new(unsent))));
                }
                Written::Gone(sent) => {
                    self.log_and_clear(state, bytes, sent);
                    return (done, Some(Turn::End(Ending::Close)));
                }
            }
            match pause {
                // A file is as much as others wait for at a time.
                Pause::Full if is_file && done < bytes.len() => {
                    self.is_ready = true;
                    return (done, Some(Turn::Rest));
                }
                Pause::Full => {}
                Pause::Input => return (done, None),
                Pause::Look(look) => {
                    self.is_ready = true;
                    return (done, Some(Turn::Look(look)));
                }
                Pause::Run(script) => return (done, Some(Turn::Run(script))),
                Pause::End(ending) => return (done, Some(Turn::End(ending))),
            }
        }
    }

    /// Answers requests into the output until there is a reason to pause.
    fn fill(&mut self, state: &mut State, bytes: &[u8], done: &mut usize) -> Pause {
        let now = clock::unix();
        while !state.output.is_full(BATCH_LEN) {
            let rest = bytes.get(*done..).unwrap_or_default();
            if rest.is_empty() {
                return Pause::Input;
            }
            self.note_beginning(rest);
            // By reference, as a request is half a kilobyte.
            match &Request::parse_knowing(rest, &self.worker.limits, &mut state.known) {
                Ok(None) => return Pause::Input,
                Ok(Some(request)) => {
                    // Programs and rules may be those of a host.
                    if let Some(look) = self.refresh_hosts(state) {
                        return Pause::Look(look);
                    }
                    let is_call = self.calls_program(state, request);
                    let taken = match is_call {
                        // The content is the program's to read.
                        true => Ok(Some(0)),
                        false => self.take_content(request, rest),
                    };
                    let content_len = match taken {
                        Ok(Some(len)) => len,
                        Ok(None) => return Pause::Input,
                        Err(reject) => {
                            self.refuse_request(state, request, bytes, reject.status());
                            *done = bytes.len();
                            return Pause::End(Ending::Linger);
                        }
                    };
                    if let Some(pause) = self.answer(state, request, bytes, now, is_call) {
                        return pause;
                    }
                    if is_call && request.framing != Framing::None {
                        // No program has read it, and the client may be sending it.
                        *done = bytes.len();
                        return Pause::End(Ending::Linger);
                    }
                    *done += request.head_len + content_len;
                    if let Some(ending) = self.after(request, *done == bytes.len()) {
                        return Pause::End(ending);
                    }
                    // It goes at its own pace.
                    if self.share.is_some() {
                        return Pause::Full;
                    }
                }
                Err(rejection) => {
                    self.refuse(state, rejection, bytes);
                    *done = bytes.len();
                    return Pause::End(Ending::Linger);
                }
            }
        }
        Pause::Full
    }

    fn answer(
        &mut self,
        state: &mut State,
        request: &Request<'_>,
        bytes: &[u8],
        now: u64,
        is_call: bool,
    ) -> Option<Pause> {
        let is_unread = is_call && request.framing != Framing::None;
        let connection = if is_unread || self.is_last(request) {
            response::Connection::Close
        } else {
            response::Connection::of(request)
        };
        let host = self.host(state, request);
        let rules = self.rules_about(state, request, host.as_deref());
        if rules.is_some() && state.output.len() > 0 {
            // What comes before it is not to wait with it.
            return Some(Pause::Full);
        }
        let client = self.client(request);
        let welcome = self.check(client);
        let entered = match welcome {
            Ok(()) => self.enter(rules),
            Err(_) => Ok(()),
        };
        if self.worker.needs.details {
            self.gather(request, bytes, &mut state.output);
        }
        let mut response = Response {
            asked: Asked::of(request, client, bytes, host),
            target: Some(request.target),
            guard: None,
            is_miss: false,
            unseen_pages: None,
            fallback: None,
            connection,
            head_only: request.method == http::Method::Head,
            now,
            worker: &self.worker,
            state,
        };
        if let Err(refusal) = welcome {
            response.turn_down(refusal);
            return None;
        }
        let found = self.found.take();
        let answer = match entered {
            Ok(()) => response.answer(request, found, is_call),
            Err(Full) => response.put_off(found),
        };
        match answer {
            Answer::Written => None,
            Answer::Run(script) => {
                self.ungather(&mut state.output);
                Some(Pause::Run(script))
            }
            Answer::Look(look) => {
                self.ungather(&mut state.output);
                Some(Pause::Look(*look))
            }
        }
    }

    /// Prepares for what follows an answered request, or says how to end.
    fn after(&mut self, request: &Request<'_>, is_all: bool) -> Option<Ending> {
        // Whatever comes next has its own time.
        self.stage = None;
        self.content = None;
        self.is_plain = false;
        if !self.is_last(request) {
            return None;
        }
        // A client that has more to say must be heard out before the close; one that did not
        // ask for it may be saying it already.
        let is_silent = is_all && !request.persistent && !request.may_keep_content();
        Some(if is_silent {
            Ending::Close
        } else {
            Ending::Linger
        })
    }

    /// Whether the connection ends with this request's response.
    fn is_last(&self, request: &Request<'_>) -> bool {
        !request.persistent || request.may_keep_content() || self.worker.phase() != Phase::Serving
    }

    /// Writes the output, if the client takes it.
    pub(super) fn write(&mut self, cx: &mut Context<'_>, state: &State) -> Written {
        let output = &state.output;
        let len = output.len();
        let mut sent = 0;
        if let Tail::File(file, first, _) = &output.tail
            && self.share.is_none()
        {
            return self.write_file(cx, output, file, *first);
        }
        if !output.is_in_memory() || !self.is_free_to_send(len) {
            return Written::Part(sent);
        }
        let flags = match self.ending {
            // Our side is closed at once: the last segment says so too.
            Some(_) => SendFlags::MORE,
            None => SendFlags::empty(),
        };
        while sent < len {
            match self.stream.poll_write(cx, &output.slices(sent), flags) {
                Poll::Ready(Ok(written @ 1..)) => {
                    sent += written as u64;
                    self.note_sent(written as u64);
                }
                Poll::Ready(Ok(0) | Err(_)) => return Written::Gone(sent),
                Poll::Pending => return Written::Part(sent),
            }
        }
        Written::All
    }

    pub(super) fn log_and_clear(&self, state: &mut State, requests: &[u8], sent: u64) {
        self.log(&mut state.logs, &state.output, requests, sent);
        state.output.clear();
    }
}

/// Whether there is no more than the empty lines that may stand before a request
/// (RFC 9112 2.2).
pub(super) fn is_blank(received: &[u8]) -> bool {
    received.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}
