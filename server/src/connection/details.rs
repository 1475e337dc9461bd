//! What only some log formats ask of an exchange.
//!
//! It is gathered beside the exchanges, when a format needs it ([`spread_logger::Needs`]); with
//! Common and Combined nothing here runs. Most of it is places in bytes that are kept anyway, the
//! request's and the head of the response, and is looked at when the line is written.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Request, response};
use rustix::net::{getpeername, getsockname};
use spread_logger::{Details, Ending, FieldSection};

use super::Connection;
use super::output::{Exchange, Output, Span};
use super::respond::Response;
use super::stream::Stream;
use crate::clock;
use crate::site::Place;

/// What is known of an exchange when it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gathered {
    /// When the request began to arrive, in microseconds since 1970.
    begun: Option<u64>,
    field_lines: Span,
    host: Option<Span>,
    received: u64,
    /// Where in the output the head of the response begins.
    head_at: u64,
    handler: Option<&'static str>,
    /// Where the file's path is among the output's paths.
    file: Option<Span>,
    is_last: bool,
}

/// The ends of a connection, which are asked for when a format tells them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
}

impl Ends {
    pub(super) fn of(stream: &Stream) -> Self {
        let tcp = |address| SocketAddr::try_from(address).ok();
        Self {
            peer: getpeername(stream).ok().flatten().and_then(tcp),
            local: getsockname(stream).ok().and_then(tcp),
        }
    }

    /// The peer, whose address a PROXY header may have told.
    fn peer(self, address: Option<IpAddr>) -> Option<SocketAddr> {
        Some(SocketAddr::new(address?, self.peer?.port()))
    }
}

impl Connection {
    /// What is known of `request`, in `bytes`, if a format wants to know.
    pub(super) fn gather(&mut self, request: &Request<'_>, bytes: &[u8]) -> Option<Gathered> {
        if !self.worker.needs.details {
            return None;
        }
        let content = self.content.as_ref();
        Some(Gathered {
            field_lines: Span::of(request.field_lines, bytes),
            host: request.host.map(|host| Span::of(host, bytes)),
            received: request.head_len as u64 + content.map_or(0, |content| content.total()),
            ..self.gather_time()
        })
    }

    /// The same of `bytes` that are no request.
    pub(super) fn gather_headless(&mut self, bytes: &[u8]) -> Option<Gathered> {
        self.worker.needs.details.then(|| Gathered {
            received: bytes.len() as u64,
            ..self.gather_time()
        })
    }

    fn gather_time(&mut self) -> Gathered {
        self.note_beginning();
        Gathered {
            begun: self.request_begun.take(),
            ..Gathered::default()
        }
    }

    /// Takes note of the time, if a format wants it: the next request has begun to arrive.
    pub(super) fn note_beginning(&mut self) {
        if self.worker.needs.exact_time && self.request_begun.is_none() {
            self.request_begun = Some(clock::unix_micros());
        }
    }

    /// The details of an exchange `sent` bytes of whose output went out by `now`.
    pub(super) fn details<'a>(
        &'a self,
        gathered: &Gathered,
        exchange: &Exchange,
        (output, requests): (&'a Output, &'a [u8]),
        sent: u64,
        now: u64,
    ) -> Details<'a> {
        let begun = gathered.begun.unwrap_or(now);
        let named_host = gathered.host.map(|host| host.within(requests));
        let ending = match (exchange.is_sent(sent), gathered.is_last) {
            (false, _) => Ending::Aborted,
            (true, true) => Ending::Closed,
            (true, false) => Ending::Kept,
        };
        let head = usize::try_from(gathered.head_at).unwrap_or(usize::MAX)
            ..usize::try_from(exchange.content_at).unwrap_or(usize::MAX);
        let response = output.bytes.get(head).unwrap_or_default();
        let response_len = exchange.content_at + exchange.content_len - gathered.head_at;
        Details {
            micros: u32::try_from(begun % 1_000_000).unwrap_or_default(),
            duration: Duration::from_micros(now.saturating_sub(begun)),
            peer: self.ends.and_then(|ends| ends.peer(self.peer.address())),
            local: self.ends.and_then(|ends| ends.local),
            host: Some(self.worker.own.names.of(named_host).as_bytes()),
            named_host,
            port: self.worker.own.port,
            received: gathered.received,
            sent: sent.saturating_sub(gathered.head_at).min(response_len),
            requests_before: self.served.get(),
            ending,
            handler: gathered.handler,
            file: gathered.file.map(|file| file.within(&output.paths)),
            log_id: None,
            request_fields: FieldSection::new(gathered.field_lines.within(requests)),
            response_fields: FieldSection::new(response),
        }
    }
}

impl Gathered {
    /// When the request began to arrive, in seconds since 1970, if that was looked at.
    pub(super) fn second(&self) -> Option<u64> {
        Some(self.begun? / 1_000_000)
    }
}

impl Response<'_> {
    /// Takes note of what answers.
    pub(super) fn by(&mut self, handler: &'static str) {
        if let Some(gathered) = &mut self.gathered {
            gathered.handler = Some(handler);
        }
    }

    /// Takes note of the file that is asked for.
    pub(super) fn note_file(&mut self, place: Place<'_>) {
        if let Some(gathered) = &mut self.gathered
            && let Some(root) = &self.worker.own.root
        {
            let paths = &mut self.state.output.paths;
            let start = paths.len();
            paths.extend_from_slice(root);
            place.write_file(paths);
            gathered.file = Some(Span::at(start..paths.len()));
        }
    }

    /// Keeps what was gathered beside the exchange that has just been noted.
    pub(super) fn note_gathered(&mut self) {
        if let Some(gathered) = self.gathered {
            let output = &mut self.state.output;
            output.gathered.push(Gathered {
                head_at: self.head_at,
                is_last: self.connection == response::Connection::Close,
                ..gathered
            });
        }
    }
}
