//! What only some log formats ask of an exchange.
//!
//! It is gathered beside the exchanges, when a format needs it ([`spread_logger::Needs`]); with
//! Common and Combined nothing here runs. Most of it is places in bytes that are kept anyway, the
//! request's and the head of the response, and is looked at when the line is written.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{Request, response};
use rustix::net::{getpeername, getsockname};
use spread_logger::{Details, Ending, FieldSection, Record};

use super::Connection;
use super::output::{Exchange, Output, Span};
use super::respond::Response;
use super::stream::Stream;
use super::turn::is_blank;
use crate::clock;
use crate::logs::Logs;
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

impl Gathered {
    /// Takes note that a program has answered, as Apache names that, and how much content it read.
    pub(super) fn by_program(&mut self, is_last: bool, content: u64) {
        self.received += content;
        self.handler = Some("cgi-script");
        self.is_last = is_last;
    }
}

/// The ends of a connection, which are asked for when a format tells them; those of IPv4 as IPv4,
/// on a socket for both, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
}

impl Ends {
    pub(super) fn of(stream: &Stream) -> Self {
        let tcp = |address| {
            let address = SocketAddr::try_from(address).ok()?;
            Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
        };
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
    /// Keeps what is known of `request`, in `bytes`, whose response comes next in `output`. To be
    /// called only if a format wants to know.
    #[inline(never)]
    pub(super) fn gather(&mut self, request: &Request<'_>, bytes: &[u8], output: &mut Output) {
        let content = self.content.as_ref().map_or(0, |arriving| arriving.total());
        let gathered = Gathered {
            field_lines: Span::of(request.fields.lines(), bytes),
            host: request.host.map(|host| Span::of(host, bytes)),
            received: request.head_len as u64 + content,
            ..self.gather_of(output)
        };
        output.gathered.push(gathered);
    }

    /// The same of so many bytes that are no request.
    pub(super) fn gather_headless(&mut self, received: usize, output: &mut Output) {
        let gathered = Gathered {
            received: received as u64,
            ..self.gather_of(output)
        };
        output.gathered.push(gathered);
    }

    fn gather_of(&mut self, output: &Output) -> Gathered {
        let begun = self.request_begun.take();
        Gathered {
            begun: begun.or_else(|| self.worker.needs.exact_time.then(clock::unix_micros)),
            head_at: output.bytes.len() as u64,
            ..Gathered::default()
        }
    }

    /// Forgets what was gathered of a request that is answered later.
    pub(super) fn ungather(&mut self, output: &mut Output) {
        if let Some(gathered) = output.gathered.pop() {
            self.request_begun = gathered.begun;
        }
    }

    /// Takes note of the time, if a format wants it and `received` is the beginning of a request.
    #[inline]
    pub(super) fn note_beginning(&mut self, received: &[u8]) {
        if self.worker.needs.exact_time && self.request_begun.is_none() && !is_blank(received) {
            self.request_begun = Some(clock::unix_micros());
        }
    }

    /// Logs `record` with all that was gathered of its exchange, `sent` bytes of whose output went
    /// out.
    #[inline(never)]
    pub(super) fn log_gathered(
        &self,
        logs: &mut Logs,
        record: Record<'_>,
        gathered: &Gathered,
        exchange: &Exchange,
        (output, requests, sent): (&Output, &[u8], u64),
    ) {
        let now = match gathered.begun {
            Some(_) => clock::unix_micros(),
            None => 0,
        };
        let begun = gathered.begun.unwrap_or(now);
        let named_host = gathered.host.map(|host| host.within(requests));
        // The directory that it is served from, where hosts have directories.
        let routed = exchange.asked.host().map(|host| &**host);
        let host = routed.unwrap_or_else(|| self.worker.own.names.of(named_host));
        let ending = match (exchange.is_sent(sent), gathered.is_last) {
            (false, _) => Ending::Aborted,
            (true, true) => Ending::Closed,
            (true, false) => Ending::Kept,
        };
        let head = usize::try_from(gathered.head_at).unwrap_or(usize::MAX)
            ..usize::try_from(exchange.content_at).unwrap_or(usize::MAX);
        let response = output.bytes.get(head).unwrap_or_default();
        let response_len = exchange.content_at + exchange.content_len - gathered.head_at;
        let details = Details {
            micros: u32::try_from(begun % 1_000_000).unwrap_or_default(),
            duration: Duration::from_micros(now.saturating_sub(begun)),
            peer: self
                .ends
                .as_ref()
                .and_then(|ends| ends.peer(self.peer.address())),
            local: self.ends.as_ref().and_then(|ends| ends.local),
            host: Some(host.as_bytes()),
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
        };
        logs.log(&Record {
            time: gathered
                .begun
                .map_or(record.time, |begun| begun / 1_000_000),
            details: Some(&details),
            ..record
        });
    }
}

impl Response<'_> {
    /// Takes note of what answers.
    pub(super) fn by(&mut self, handler: &'static str) {
        if let Some(gathered) = self.state.output.gathered.last_mut() {
            gathered.handler = Some(handler);
        }
    }

    /// Takes note of the file that is asked for.
    #[inline]
    pub(super) fn note_file(&mut self, place: Place<'_>) {
        let Some(root) = &self.worker.own.root else {
            return;
        };
        let output = &mut self.state.output;
        if let Some(gathered) = output.gathered.last_mut() {
            let start = output.paths.len();
            output.paths.extend_from_slice(root);
            place.write_file(self.worker.site.first_index(), &mut output.paths);
            gathered.file = Some(Span::at(start..output.paths.len()));
        }
    }

    /// Takes note of what the response says about its connection.
    pub(super) fn note_connection(&mut self) {
        if let Some(gathered) = self.state.output.gathered.last_mut() {
            gathered.is_last = self.connection == response::Connection::Close;
        }
    }
}
