//! The facts of one exchange, as the web server hands them to its log.
//!
//! A [`Record`] borrows everything from the request being served, so that logging copies each byte
//! once, into the line. An [`OwnedRecord`] is what reading a line back gives.

use std::net::IpAddr;

/// What one access-log line tells.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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
}

/// A record read back from a line: [`Record`] with its own bytes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct OwnedRecord {
    /// See [`Record::client`].
    pub client: Option<IpAddr>,
    /// See [`Record::user`].
    pub user: Option<Vec<u8>>,
    /// See [`Record::time`].
    pub time: u64,
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
}

impl OwnedRecord {
    /// The same facts, borrowed.
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
        }
    }
}
