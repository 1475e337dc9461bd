//! A request that a program answers.
//!
//! ```text
//!  client -> received -> stdin | program | stdout -> framed -> client
//! ```
//!
//! Here it is started, and done with; what passes between both meanwhile is in `converse`.
//! All of it ends with the program's time. Once the output has begun nothing can be refused any
//! more: what goes wrong then cuts the response off, which the client can see.

mod converse;

use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use http::{Framing, Method, Request, Status, Target};
use rustix::io::Errno;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};
use tokio::time::{Instant, timeout_at};

use self::converse::{Exchanging, Failure, Told};
use super::output::Asked;
use super::respond::{Found, Look};
use super::{Connection, Ending};
use crate::cgi::Cgi;
use crate::cgi::call::{Call, Script};
use crate::cgi::child::Child;
use crate::cgi::environment::{Facts, environment};
use crate::cgi::program::{Program, Start};
use crate::clock;
use crate::worker::{Phase, State};

impl Connection {
    /// Whether `request` calls a program; never without `--cgi`.
    #[inline]
    pub(super) fn calls_program(&mut self, state: &State, request: &Request<'_>) -> bool {
        match &self.worker.cgi {
            Some(cgi) => {
                if let Some(Found::Program(seen)) = self.found.as_deref() {
                    let is_program = !seen.is_none();
                    if !is_program {
                        // What is there is a directory, or nothing: as anywhere else.
                        self.found = None;
                        self.is_plain = true;
                    }
                    return is_program;
                }
                let host = self.host(state, request);
                let host = host.as_deref();
                !self.is_plain
                    && Target::parse(request.target).is_ok_and(|target| {
                        Call::is_one(&cgi.options.pattern, host, target.rule_path())
                            || self.is_for_index(request, &target, host)
                    })
            }
            None => false,
        }
    }

    /// Whether only a program could be meant by `request`, if the directory at `target` stands for
    /// one. Otherwise the directory says so when it is looked at, and keeps nobody else waiting.
    fn is_for_index(&self, request: &Request<'_>, target: &Target<'_>, host: Option<&str>) -> bool {
        let is_plain = matches!(request.method, Method::Get | Method::Head)
            && request.framing == Framing::None;
        let host = host.map(str::as_bytes);
        !is_plain
            && target.is_directory()
            && self.worker.site.may_have_index_script(host, target.path())
    }

    /// Has `script` answer the first request in `received`; says how to end, if the connection
    /// does.
    pub(super) async fn run_program(&mut self, script: &Script) -> Option<Ending> {
        let cgi = Arc::clone(self.worker.cgi.as_ref()?);
        let Some(place) = cgi.place() else {
            self.count_failed();
            return self.refuse_call(Status::ServiceUnavailable).await;
        };
        let deadline = Instant::now() + cgi.options.timeout;
        let Some(start) = self.start(&cgi, script) else {
            return self.refuse_call(Status::BadRequest).await;
        };
        match self.begin(start, place).await {
            Ok((child, place)) => {
                let worker = Rc::clone(&self.worker);
                let program = Program::new(child, script.shown(), deadline, worker, place);
                self.exchange(program, deadline, script).await
            }
            Err(error) => {
                tracing::error!("cannot run {}: {error}", script.shown());
                self.count_failed();
                let status = match error.kind() {
                    io::ErrorKind::PermissionDenied => Status::Forbidden,
                    // Processes, memory, a file that is just being written: it may pass.
                    io::ErrorKind::WouldBlock
                    | io::ErrorKind::OutOfMemory
                    | io::ErrorKind::ExecutableFileBusy => Status::ServiceUnavailable,
                    _ if is_out_of_descriptors(&error) => Status::ServiceUnavailable,
                    _ => Status::InternalServerError,
                };
                self.refuse_call(status).await
            }
        }
    }

    /// What `script` is started as for the first request in `received`.
    fn start(&self, cgi: &Cgi, script: &Script) -> Option<Start> {
        let request = Request::parse(&self.received, &self.worker.limits).ok()??;
        let target = Target::parse(request.target).ok()?;
        let root = cgi.root.as_os_str().as_bytes();
        let root = root.strip_suffix(b"/").unwrap_or(root);
        let file = [root, b"/", &script.path].concat();
        let host = script.path.get(..script.host_len).unwrap_or_default();
        let root: Cow<'_, [u8]> = match host {
            [] => root.into(),
            host => [root, b"/", host].concat().into(),
        };
        let names = &self.worker.own.names;
        let own_name = || names.of(request.host);
        let client = self.client(&request);
        let peer = rustix::net::getpeername(&self.stream).ok().flatten();
        let peer = peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok());
        let peer = peer.filter(|peer| client == Some(peer.ip().to_canonical()));
        let local = rustix::net::getsockname(&self.stream).ok();
        let local = local.and_then(|local| std::net::SocketAddr::try_from(local).ok());
        let environment = environment(&Facts {
            request: &request,
            query: target.query().unwrap_or_default(),
            script: &script.name,
            path_info: &script.path_info,
            root: &root,
            file: &file,
            server_name: script.host.as_deref().unwrap_or_else(own_name),
            port: local.map(|local| local.port()).or(self.worker.own.port),
            client,
            client_port: peer.map(|peer| peer.port()),
            user: script.user.as_deref(),
            pattern: cgi.options.pattern.as_str(),
            time_zone: cgi.time_zone.as_deref().map(OsStrExt::as_bytes),
        });
        Some(Start {
            file: OsStringExt::from_vec(file),
            environment,
            has_content: request.framing != Framing::None,
        })
    }

    /// Starts it on a thread that may wait. Should this end meanwhile, so does what was started.
    async fn begin(
        &self,
        start: Start,
        place: OwnedSemaphorePermit,
    ) -> io::Result<(Child, OwnedSemaphorePermit)> {
        let task = spawn_blocking(move || Ok((start.run()?, place)));
        match self.unless_ending(task).await {
            Some(Ok(started)) => started,
            Some(Err(error)) => Err(io::Error::other(error)),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// What comes of `task`; `None` when the server ends first.
    async fn unless_ending<T>(
        &self,
        mut task: JoinHandle<T>,
    ) -> Option<Result<T, tokio::task::JoinError>> {
        poll_fn(|cx| match Pin::new(&mut task).poll(cx) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if self.worker.phase() == Phase::Ending => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Lets the client and `program` speak to each other, and is done with both.
    async fn exchange(
        &mut self,
        program: Program,
        deadline: Instant,
        script: &Script,
    ) -> Option<Ending> {
        let mut head = std::mem::take(&mut self.received);
        let head_len = match Request::parse(&head, &self.worker.limits) {
            Ok(Some(request)) => request.head_len,
            Ok(None) | Err(_) => head.len(),
        };
        self.received = head.split_off(head_len);
        let Ok(Some(request)) = Request::parse(&head, &self.worker.limits) else {
            return Some(Ending::Close);
        };
        let mut told = Told::new(script.is_raw());
        if self.worker.needs.details {
            self.gather(&request, &head, &mut told.output);
        }
        let client = self.client(&request);
        let mut asked = Asked::of(&request, client, &head, script.host.clone());
        asked.set_user(script.user.clone());
        let mut exchanging = Exchanging::new(program, &request);
        self.renew_deadline();
        let outcome = timeout_at(
            deadline,
            self.converse(&mut exchanging, &request, &mut told),
        )
        .await;
        let outcome = outcome.unwrap_or(Err(Failure::Late));
        self.share = None;
        let is_waiting_for_content = exchanging.waits_for_client() && self.received.is_empty();
        told.received = exchanging.content_received(&request);
        self.let_go(exchanging.program, outcome);
        self.is_plain = false;
        if told.has_begun {
            let keeps = told.keeps;
            self.log_told(told, asked, &head, outcome.is_ok());
            self.stage = None;
            return match outcome {
                Err(_) => Some(Ending::Close),
                Ok(()) if keeps => {
                    self.is_ready = !self.received.is_empty();
                    None
                }
                Ok(()) => Some(Ending::Linger),
            };
        }
        self.received.splice(..0, head);
        let status = match outcome {
            Err(Failure::Late) if is_waiting_for_content => Status::RequestTimeout,
            Err(Failure::Late) => Status::GatewayTimeout,
            Err(Failure::Client) => Status::BadRequest,
            Err(Failure::Ending) => Status::ServiceUnavailable,
            Err(Failure::Output) | Ok(()) => Status::BadGateway,
        };
        self.refuse_call(status).await
    }

    /// Leaves a program to end by itself, or has it end. Its place is taken until it has.
    fn let_go(&self, program: Program, outcome: Result<(), Failure>) {
        if outcome == Err(Failure::Output) {
            self.count_failed();
        }
        match outcome {
            // A whole answer or none: either way nobody listens to it any more.
            Ok(()) => spawn_local(program.finish()),
            Err(_) => spawn_local(program.stop()),
        };
    }

    async fn refuse_call(&mut self, status: Status) -> Option<Ending> {
        self.is_plain = false;
        if let Some(look) = self.look_for_page(status)
            && let Some(Found::ErrorPages(pages)) = self.look(look).await
        {
            let mut state = self.worker.state.borrow_mut();
            if let Some(known) = &mut state.error_pages {
                known.know(pages, clock::unix());
            }
        }
        self.refuse_now(status).await;
        Some(Ending::Linger)
    }

    /// What is to be looked up to refuse the first request in `received` with the operator's page.
    fn look_for_page(&self, status: Status) -> Option<Look> {
        let state = self.worker.state.borrow();
        let pages = state.error_pages.as_ref()?;
        let request = Request::parse(&self.received, &self.worker.limits).ok()??;
        let host = self.host(&state, &request);
        pages.look(status, host.as_deref(), clock::unix())
    }

    fn count_failed(&self) {
        if let Some(counters) = self.worker.counters() {
            counters.programs_failed.add(1);
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}
