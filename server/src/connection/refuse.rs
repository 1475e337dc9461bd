//! Refusals after which there is no further request: of bytes that are none, of a content that
//! breaks the rules, and of what does not come or cannot be answered in time.
//!
//! Of a request whose head is whole everything is known, its client among it. Of any other only
//! what its line shows is; it has not said on whose behalf it comes.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::{Method, Rejection, Request, Status, response};

use super::Connection;
use super::output::{Asked, Span};
use super::respond::Response;
use super::turn::Written;
use crate::clock;
use crate::worker::State;

/// What is known of a refused request.
struct Refused<'a> {
    asked: Asked,
    target: Option<&'a [u8]>,
    head_only: bool,
}

impl Connection {
    /// Refuses what is no request, in `bytes`.
    pub(super) fn refuse(&mut self, state: &mut State, rejection: &Rejection<'_>, bytes: &[u8]) {
        let line = rejection.request_line.unwrap_or_default();
        let refused = self.headless(state, line, bytes, rejection.head_only);
        self.write_refusal(state, &refused, rejection.reject.status());
    }

    /// Refuses `request`, in `bytes`, for what comes or does not come behind its head.
    pub(super) fn refuse_request(
        &mut self,
        state: &mut State,
        request: &Request<'_>,
        bytes: &[u8],
        status: Status,
    ) {
        if self.worker.needs.details {
            self.gather(request, bytes, &mut state.output);
        }
        let refused = Refused {
            asked: Asked::of(
                request,
                self.client(request),
                bytes,
                self.host(state, request),
            ),
            target: Some(request.target),
            head_only: request.method == Method::Head,
        };
        self.write_refusal(state, &refused, status);
    }

    /// Refuses the request that is waiting for an answer.
    pub(super) async fn refuse_now(&mut self, status: Status) {
        let worker = Rc::clone(&self.worker);
        poll_fn(|cx| {
            self.refuse_received(cx, &mut worker.state.borrow_mut(), status);
            Poll::Ready(())
        })
        .await;
    }

    /// Refuses the request that has come, or come in part, as well as it can be done without
    /// waiting any more.
    pub(super) fn refuse_received(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut State,
        status: Status,
    ) {
        self.share = None;
        let received = std::mem::take(&mut self.received);
        if let Ok(Some(request)) = Request::parse(&received, &self.worker.limits) {
            self.refuse_request(state, &request, &received, status);
        } else {
            let line = received
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .find(|line| !line.is_empty())
                .unwrap_or_default();
            let refused = self.headless(state, line, &received, line.starts_with(b"HEAD "));
            self.write_refusal(state, &refused, status);
        }
        let sent = match self.write(cx, state) {
            Written::All => u64::MAX,
            Written::Part(sent) | Written::Gone(sent) => sent,
        };
        self.log_and_clear(state, &received, sent);
    }

    /// What is known without a whole head.
    fn headless(
        &mut self,
        state: &mut State,
        line: &[u8],
        bytes: &[u8],
        head_only: bool,
    ) -> Refused<'static> {
        let span = Span::of(line, bytes);
        if self.worker.needs.details {
            self.gather_headless(bytes.len() - span.start(), &mut state.output);
        }
        Refused {
            asked: Asked::headless(self.peer.address(), span),
            target: None,
            head_only,
        }
    }

    fn write_refusal(&self, state: &mut State, refused: &Refused<'_>, status: Status) {
        let mut response = Response {
            asked: refused.asked.clone(),
            target: refused.target,
            guard: None,
            is_miss: false,
            unseen_pages: None,
            fallback: None,
            connection: response::Connection::Close,
            head_only: refused.head_only,
            now: clock::unix(),
            worker: &self.worker,
            state,
        };
        // What there was no room for may find some the next moment.
        let again: [(&str, &[u8]); 1] = [("Retry-After", b"1")];
        let is_full = status == Status::ServiceUnavailable;
        response.page(status, if is_full { &again } else { &[] });
    }
}
