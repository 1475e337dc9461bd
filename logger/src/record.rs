//! The facts of one exchange, as the web server hands them to its log.
//!
//! A [`Record`] borrows everything from the request being served, so that logging copies each byte
//! once, into the line. What the classic formats do not tell is in [`Details`], which a server
//! gathers only for a format that asks ([`Format::needs`](crate::Format::needs)). An
//! [`OwnedRecord`] is what reading a line back gives.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What one access-log line tells.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Record<'a> {
    /// Who asked (`%h`); a client of a unix socket has no address and is written as `-`.
    pub client: Option<IpAddr>,
    /// The authenticated user (`%u`), if there was one.
    pub user: Option<&'a [u8]>,
    /// When the request arrived (`%t`), in Unix seconds. A year above 9999 is written as 9999's end.
    pub time: u64,
    /// The request line as it came (`%r`), without its line end; empty when none arrived.
    pub request_line: &'a [u8],
    /// The status of the final response (`%>s`).
    pub status: u16,
    /// Bytes of the content sent (`%b`), without the head; none is written as `-`.
    pub bytes: u64,
    /// The field `Referer`, if there was one.
    pub referer: Option<&'a [u8]>,
    /// The field `User-Agent`, if there was one.
    pub user_agent: Option<&'a [u8]>,
    /// All else; without it a format writes `-` for what it holds.
    pub details: Option<&'a Details<'a>>,
}

/// What only some formats tell of an exchange.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Details<'a> {
    /// Microseconds past [`Record::time`].
    pub micros: u32,
    /// From the arrival until the response was sent (`%D`, `%T`, the end's time).
    pub duration: Duration,
    /// The other end of the connection (`%{c}a`, `%{remote}p`): a proxy, if one asks for the client.
    pub peer: Option<SocketAddr>,
    /// Our end of it (`%A`, `%{local}p`).
    pub local: Option<SocketAddr>,
    /// The virtual host that answered, by its own name (`%v`).
    pub host: Option<&'a [u8]>,
    /// The host as the client named it (`%V`, where it is in lower case and without its port).
    pub named_host: Option<&'a [u8]>,
    /// The port that the server gives as its own (`%p`).
    pub port: Option<u16>,
    /// Bytes of the request, head and content (`%I`).
    pub received: u64,
    /// Bytes of the response, head and content (`%O`).
    pub sent: u64,
    /// Requests on this connection before (`%k`).
    pub requests_before: u32,
    /// What becomes of the connection (`%X`).
    pub ending: Ending,
    /// What answered (`%R`).
    pub handler: Option<&'static str>,
    /// The file that was sent (`%f`).
    pub file: Option<&'a [u8]>,
    /// What the error log says of this exchange is told apart by this (`%L`).
    pub log_id: Option<&'a [u8]>,
    /// The fields of the request (`%{…}i`, `%{…}C`).
    pub request_fields: FieldSection<'a>,
    /// The fields of the response (`%{…}o`).
    pub response_fields: FieldSection<'a>,
}

/// What becomes of a connection after an exchange (`%X`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Ending {
    /// It is closed after the response.
    #[default]
    Closed,
    /// It may be kept alive.
    Kept,
    /// It ended before the response was complete.
    Aborted,
}

/// The field lines of a head as they stand there, which are looked at when a format asks for one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct FieldSection<'a>(&'a [u8]);

impl<'a> FieldSection<'a> {
    /// The lines in `bytes`, each `Name: value` and a line end. What is no such line is passed
    /// over, so that a whole head may be given, with its first line and the empty last one.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The value of each line of the field `name`, in whatever case, without the space around it.
    pub fn values(self, name: &str) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a, '_> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                // Most lines are other fields': their ends are all that is looked for in them.
                let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                let line;
                (line, rest) = rest.split_at_checked(end)?;
                if line.get(name.len()) == Some(&b':')
                    && let Some((seen, value)) = line.split_at_checked(name.len())
                    && seen.eq_ignore_ascii_case(name.as_bytes())
                {
                    return Some(value.get(1..)?.trim_ascii());
                }
            }
            None
        })
    }
}

impl<'a> Record<'a> {
    /// The method (`%m`): what stands before the first space of the request line.
    #[must_use]
    pub fn method(&self) -> Option<&'a [u8]> {
        let method = self.request_line.split(|&byte| byte == b' ').next()?;
        Some(method).filter(|method| !method.is_empty())
    }

    /// The protocol (`%H`): what stands behind the last space, if it is HTTP.
    #[must_use]
    pub fn protocol(&self) -> Option<&'a [u8]> {
        let protocol = self.request_line.rsplit(|&byte| byte == b' ').next()?;
        Some(protocol).filter(|protocol| protocol.starts_with(b"HTTP/"))
    }

    /// The target, between those two.
    #[must_use]
    pub fn target(&self) -> Option<&'a [u8]> {
        let line = self.request_line;
        let rest = line.get(self.method()?.len() + 1..)?;
        let target = match self.protocol() {
            Some(protocol) => rest.get(..rest.len().checked_sub(protocol.len() + 1)?)?,
            None => rest,
        };
        Some(target).filter(|target| !target.is_empty())
    }

    /// The path as it was asked for (`%U`, where its escapes are undone), without a query. Of an
    /// absolute target what follows the authority, which may be empty.
    #[must_use]
    pub fn path(&self) -> Option<&'a [u8]> {
        Some(self.split_target()?.0)
    }

    /// The query with its `?` (`%q`), if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        Some(self.split_target()?.1).filter(|query| !query.is_empty())
    }

    fn split_target(&self) -> Option<(&'a [u8], &'a [u8])> {
        let target = self.target()?;
        let end = target.iter().position(|&byte| byte == b'?');
        let (path, query) = target.split_at_checked(end.unwrap_or(target.len()))?;
        if path.starts_with(b"/") {
            return Some((path, query));
        }
        // RFC 9112 §3.2.2: scheme, authority, path.
        let Some(scheme) = path.windows(3).position(|three| three == b"://") else {
            return Some((path, query));
        };
        let authority = path.get(scheme + 3..)?;
        let start = authority.iter().position(|&byte| byte == b'/');
        Some((authority.get(start.unwrap_or(authority.len())..)?, query))
    }
}

/// A record read back from a line: [`Record`] with its own bytes.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct OwnedRecord {
    /// See [`Record::client`].
    pub client: Option<IpAddr>,
    /// See [`Record::user`].
    pub user: Option<Vec<u8>>,
    /// See [`Record::time`].
    pub time: u64,
    /// See [`Details::micros`].
    pub micros: u32,
    /// See [`Record::request_line`].
    pub request_line: Vec<u8>,
    /// See [`Record::status`].
    pub status: u16,
    /// See [`Record::bytes`].
    pub bytes: u64,
    /// See [`Record::referer`].
    pub referer: Option<Vec<u8>>,
    /// See [`Record::user_agent`].
    pub user_agent: Option<Vec<u8>>,
    /// See [`Details::host`].
    pub host: Option<Vec<u8>>,
    /// See [`Details::port`].
    pub port: Option<u16>,
    /// See [`Details::sent`]; a format tells this or [`Record::bytes`], if it tells either.
    pub sent: Option<u64>,
    /// See [`Details::duration`].
    pub duration: Option<Duration>,
}

impl OwnedRecord {
    /// The same facts, borrowed; but for those that [`Details`] has.
    #[must_use]
    pub fn as_record(&self) -> Record<'_> {
        Record {
            client: self.client,
            user: self.user.as_deref(),
            time: self.time,
            request_line: &self.request_line,
            status: self.status,
            bytes: self.bytes,
            referer: self.referer.as_deref(),
            user_agent: self.user_agent.as_deref(),
            details: None,
        }
    }

    /// What it tells of [`Details`].
    #[must_use]
    pub fn details(&self) -> Details<'_> {
        Details {
            micros: self.micros,
            host: self.host.as_deref(),
            port: self.port,
            sent: self.sent.unwrap_or_default(),
            duration: self.duration.unwrap_or_default(),
            ..Details::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_request_line_are_found_or_absent() {
        type Parts<'a> = [Option<&'a str>; 4];
        const CASES: &[(&str, Parts<'_>)] = &[
            (
                "GET /a%20b?c=d?e HTTP/1.1",
                [
                    Some("GET"),
                    Some("/a%20b"),
                    Some("?c=d?e"),
                    Some("HTTP/1.1"),
                ],
            ),
            (
                "HEAD /?http://b/ HTTP/1.0",
                [
                    Some("HEAD"),
                    Some("/"),
                    Some("?http://b/"),
                    Some("HTTP/1.0"),
                ],
            ),
            (
                "GET http://a.example:80/b?c HTTP/1.1",
                [Some("GET"), Some("/b"), Some("?c"), Some("HTTP/1.1")],
            ),
            (
                "GET http://a.example?c HTTP/1.1",
                [Some("GET"), Some(""), Some("?c"), Some("HTTP/1.1")],
            ),
            (
                "OPTIONS * HTTP/1.1",
                [Some("OPTIONS"), Some("*"), None, Some("HTTP/1.1")],
            ),
            ("GET /a b", [Some("GET"), Some("/a b"), None, None]),
            ("GET  HTTP/1.1", [Some("GET"), None, None, Some("HTTP/1.1")]),
            ("HTTP/1.1", [Some("HTTP/1.1"), None, None, Some("HTTP/1.1")]),
            ("GET ", [Some("GET"), None, None, None]),
            (" ", [None, None, None, None]),
            ("", [None, None, None, None]),
        ];
        for (line, expected) in CASES {
            let record = Record {
                request_line: line.as_bytes(),
                ..Record::default()
            };

            let parts = [
                record.method(),
                record.path(),
                record.query(),
                record.protocol(),
            ];

            assert_eq!(
                parts,
                expected.map(|part| part.map(str::as_bytes)),
                "{line}"
            );
        }
    }

    #[test]
    fn a_field_is_found_in_any_case_and_on_every_line() {
        let head = b"HTTP/1.1 200 OK\r\nA: 1\r\nAb:\t 2 \r\na:3\nA :4\r\nb\r\nB:\r\n\r\n";
        let values = |name| {
            let values = FieldSection::new(head).values(name);
            values.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };

        assert_eq!(values("a"), [b"1", b"3"]);
        assert_eq!(values("AB"), [b"2"]);
        assert_eq!(values("b"), [b""]);
        assert!(values("c").is_empty());
        assert!(values("http/1.1 200 ok").is_empty());
    }
}
