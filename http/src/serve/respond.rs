//! The answer to one request: which route, and as which bytes.

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Body, Routes};
use crate::response::{Connection, Head, Lines, Page};
use crate::{Framing, Method, Rejection, Request, Status, date};

/// An answer, ready to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// Where the next request begins; `None` when there will be none.
    pub(super) head_len: Option<usize>,
}

/// What every content is sent with. The page refers to nothing, belongs into nobody's frame, and
/// is of this moment.
const FIELDS: [(&str, &[u8]); 4] = [
    SERVER,
    ("Cache-Control", b"no-store"),
    (
        "Content-Security-Policy",
        b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; \
          base-uri 'none'",
    ),
    ("X-Content-Type-Options", b"nosniff"),
];

const SERVER: (&str, &[u8]) = ("Server", b"rthttpd");

/// Of all routes; there is nothing here to ask OPTIONS about.
const ALLOW: (&str, &[u8]) = ("Allow", b"GET, HEAD");

/// The answer to what has been received; `None` while that is not a whole head.
///
/// A listener that `is_local` is reached by name only as localhost. Any other name is one that a
/// page in the operator's browser has had resolved to this machine (DNS rebinding), to read what
/// is meant for those on it: 421. An address is what nobody can have resolved, and a listener that
/// others reach has names that are not known here and readers that need no such trick.
pub(super) fn respond(
    parsed: Result<Option<Request<'_>>, Rejection<'_>>,
    routes: &Routes,
    is_local: bool,
) -> Option<Answer> {
    let request = match parsed {
        Ok(request) => request?,
        Err(rejection) => {
            let (status, head_only) = (rejection.reject.status(), rejection.head_only);
            let bytes = page(status, &[SERVER], Connection::Close, head_only);
            return Some(Answer {
                bytes,
                head_len: None,
            });
        }
    };
    // Content would have to be read to find what follows it; nobody who means well sends any.
    let connection = match request.framing {
        Framing::None => Connection::of(&request),
        Framing::Length(_) | Framing::Chunked => Connection::Close,
    };
    let head_only = request.method == Method::Head;
    let mut parts = request.target.splitn(2, |byte| *byte == b'?');
    let [path, query] = [(); 2].map(|()| parts.next().unwrap_or_default());
    let bytes = if is_local && !request.host.is_none_or(is_of_this_machine) {
        page(Status::MisdirectedRequest, &[SERVER], connection, head_only)
    } else if !matches!(request.method, Method::Get | Method::Head) {
        page(
            Status::MethodNotAllowed,
            &[SERVER, ALLOW],
            connection,
            head_only,
        )
    } else if let Some(body) = routes.find(path).and_then(|route| (route.answer)(query)) {
        content(&body, connection, head_only)
    } else {
        page(Status::NotFound, &[SERVER], connection, head_only)
    };
    Some(Answer {
        bytes,
        head_len: (connection != Connection::Close).then_some(request.head_len),
    })
}

fn content(body: &Body, connection: Connection, head_only: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + body.bytes.len());
    Head::new(&mut out, Status::Ok)
        .fields(&FIELDS)
        .field("Content-Type", body.media_type)
        .number("Content-Length", body.bytes.len() as u64)
        .end(&now(), connection);
    if !head_only {
        out.extend_from_slice(&body.bytes);
    }
    out
}

fn page(
    status: Status,
    fields: &[(&str, &[u8])],
    connection: Connection,
    head_only: bool,
) -> Vec<u8> {
    let mut out = Vec::new();
    let page = Page {
        status,
        lines: &Lines::default(),
        fields,
        date: &now(),
        connection,
        head_only,
    };
    page.write(&mut out);
    out
}

/// Whether `host`, with its port if it has one, is an address, or localhost.
fn is_of_this_machine(host: &[u8]) -> bool {
    if host.starts_with(b"[") {
        return true;
    }
    let name = host.split(|byte| *byte == b':').next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // RFC 6761 6.3: everything beneath localhost is this machine.
    name == "localhost" || name.ends_with(".localhost") || name.parse::<Ipv4Addr>().is_ok()
}

fn now() -> [u8; date::LEN] {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_epoch.map_or(0, |since| since.as_secs());
    date::format(i64::try_from(seconds).unwrap_or(i64::MAX))
}
