//! What is asked for, and what must come back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use super::{LoadError, SILENCE_MAX};

/// A request, but for the server's name.
#[derive(Clone, Debug)]
pub struct Question {
    /// Path and query.
    pub target: String,
    /// Whole fields, each without its line's end.
    pub fields: Vec<String>,
    /// Whether the connection is to last.
    pub is_persistent: bool,
    /// The files that are asked for in turn, unless it is one and the same: [`Question::about_many`].
    pub names: Option<Names>,
}

/// What tells one of many files from the others: it is in the target, and what the file begins with.
pub type Name = [u8; NAME_LEN];

/// Two digits, a slash, three digits: 1,000 files in each of 100 directories.
pub const NAME_LEN: usize = 6;

/// Stands in a target where the names come.
pub const NAME_MARK: &str = "@@@@@@";

/// Which of many files is asked for when.
#[derive(Clone, Debug)]
pub struct Names {
    /// One request each. There is at least one.
    pub order: Arc<[Name]>,
    /// Where it goes on after the last.
    pub repeated_from: usize,
}

/// The answer that is right.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Of the response.
    pub status: u16,
    /// What is known of its content.
    pub content: Content,
}

/// What is known of an answer's content before there is one.
#[derive(Clone, Debug)]
pub enum Content {
    /// It is these bytes.
    Is(Vec<u8>),
    /// Each server has its own (an error's page, a listing), the same every time, with all of these in it.
    Contains(Vec<String>),
}

/// What is asked for, and what must come back.
#[derive(Clone, Debug)]
pub struct Expected {
    pub(super) request: Vec<u8>,
    pub(super) is_persistent: bool,
    /// How each answer begins.
    pub(super) begin: Vec<u8>,
    /// Bytes of the head: the same for every answer, since a date has one length. Not of many files, as some
    /// servers number their validators.
    pub(super) head_len: Option<usize>,
    /// What follows it.
    pub(super) content: Vec<u8>,
    pub(super) named: Option<Named>,
    /// The whole head of the first answer, for the reader's eyes.
    head: String,
}

/// Many files that are asked for in turn, whose answers differ in nothing but the name their content begins with.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Where the name is in the request.
    at: usize,
    names: Names,
    next: usize,
}

impl Named {
    #[cfg(test)]
    pub(super) fn of(names: &[Name]) -> Self {
        Self {
            at: 0,
            names: Names {
                order: names.into(),
                repeated_from: 0,
            },
            next: 0,
        }
    }

    /// Writes the next name into `request`, and tells it.
    pub(super) fn put(&mut self, request: &mut [u8]) -> Name {
        let name = self.names.order.get(self.next).copied();
        let name = name.unwrap_or_default();
        self.next += 1;
        if self.next >= self.names.order.len() {
            self.next = self.names.repeated_from;
        }
        if let Some(place) = request.get_mut(self.at..self.at + NAME_LEN) {
            place.copy_from_slice(&name);
        }
        name
    }
}

/// Heads are a few hundred bytes.
pub(super) const HEAD_MAX: usize = 16 * 1024;

/// How much of a wrong answer an error shows.
const SHOWN_MAX: usize = 300;

/// How chunks end (RFC 9112 §7.1): an empty one, and no trailer, as all servers here have it.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

impl Question {
    /// A small request as a command-line client sends it. Persistence is HTTP/1.1's default.
    #[must_use]
    pub fn about(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            fields: Vec::new(),
            is_persistent: true,
            names: None,
        }
    }

    /// The same about many files, one after the other; the names take the place of [`NAME_MARK`] in `target`.
    #[must_use]
    pub fn about_many(target: &str, names: Names) -> Self {
        Self {
            names: Some(names),
            ..Self::about(target)
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn request(&self, server: SocketAddr) -> Vec<u8> {
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: side-by-side/{}\r\nAccept: */*\r\n",
            self.target,
            env!("CARGO_PKG_VERSION")
        );
        let close = (!self.is_persistent).then_some("Connection: close");
        for field in self.fields.iter().map(String::as_str).chain(close) {
            request.push_str(field);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.into_bytes()
    }
}

impl Wanted {
    /// 200, and this content.
    #[must_use]
    pub fn file(content: &[u8]) -> Self {
        Self {
            status: 200,
            content: Content::Is(content.to_vec()),
        }
    }

    /// Puts `name` where the content of one of many files has it.
    fn begin_with(&mut self, name: &Name) {
        if let Content::Is(content) = &mut self.content
            && let Some(begin) = content.get_mut(..NAME_LEN)
        {
            begin.copy_from_slice(name);
        }
    }

    fn is_met_by(&self, content: &[u8]) -> bool {
        match &self.content {
            Content::Is(bytes) => content == bytes,
            Content::Contains(all) => {
                let text = String::from_utf8_lossy(content);
                all.iter().all(|part| text.contains(part.as_str()))
            }
        }
    }
}

impl Expected {
    /// How many requests [`Expected::learn`] sends.
    pub const LEARNING_REQUESTS: u64 = 3;

    /// Asks `server` three times and compares each answer with what is wanted, and with the first one's length. Of
    /// many files it asks for the first one, whose content is what is wanted but for its name.
    ///
    /// # Errors
    /// When the server does not answer just that, each time the same.
    pub fn learn(
        server: SocketAddr,
        question: &Question,
        wanted: &Wanted,
    ) -> Result<Self, LoadError> {
        let mut request = question.request(server);
        let mut wanted = wanted.clone();
        let mut named = None;
        if let Some(names) = &question.names {
            let mark = NAME_MARK.as_bytes();
            let at = request.windows(NAME_LEN).position(|part| part == mark);
            let mut many = Named {
                at: at.unwrap_or(request.len()),
                names: names.clone(),
                next: 0,
            };
            wanted.begin_with(&many.put(&mut request));
            many.next = 0;
            named = Some(many);
        }
        let begin = format!("HTTP/1.1 {} ", wanted.status).into_bytes();
        let mut first: Option<Self> = None;
        let mut socket = None;
        for answered in 0..Self::LEARNING_REQUESTS {
            let asked = ask(server, socket.take(), &request);
            let (mut asked, head, content) = asked.map_err(|source| LoadError::Connection {
                server,
                answered,
                source,
            })?;
            if question.is_persistent {
                socket = Some(asked);
            } else if asked.read(&mut [0]).is_ok_and(|read| read > 0) {
                return Err(wrong(server, &head));
            }
            if !head.starts_with(&begin) || !wanted.is_met_by(&unchunked(&head, &content)) {
                return Err(wrong(server, &[head, content].concat()));
            }
            match &first {
                Some(first) if first.head.len() == head.len() && first.content == content => {}
                Some(_) => return Err(wrong(server, &[head, content].concat())),
                None => {
                    first = Some(Self {
                        request: request.clone(),
                        is_persistent: question.is_persistent,
                        begin: begin.clone(),
                        head_len: named.is_none().then_some(head.len()),
                        content,
                        named: named.clone(),
                        head: String::from_utf8_lossy(&head).into_owned(),
                    });
                }
            }
        }
        first.ok_or_else(|| wrong(server, b""))
    }

    /// The head the server sends with the content.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    #[cfg(test)]
    pub(super) fn of(head: &[u8], content: &[u8]) -> Self {
        Self {
            request: Vec::new(),
            is_persistent: true,
            begin: head.get(..13).unwrap_or_default().to_vec(),
            head_len: Some(head.len()),
            content: content.to_vec(),
            named: None,
            head: String::new(),
        }
    }
}

/// Sends one request, over `socket` if there is one, and reads its answer: the socket, head and content.
fn ask(
    server: SocketAddr,
    socket: Option<TcpStream>,
    request: &[u8],
) -> io::Result<(TcpStream, Vec<u8>, Vec<u8>)> {
    let mut socket = match socket {
        Some(socket) => socket,
        None => TcpStream::connect(server)?,
    };
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.write_all(request)?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_MAX {
        socket.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let mut content = Vec::new();
    if is_chunked(&head) {
        while !content.ends_with(LAST_CHUNK) {
            socket.read_exact(&mut byte)?;
            content.extend_from_slice(&byte);
        }
    } else {
        // RFC 9110 §15.4.5: a 304 has no content, though it may say the length of one.
        let has_none = head.starts_with(b"HTTP/1.1 304 ");
        let len = if has_none { 0 } else { content_len(&head) };
        content.resize(len, 0);
        socket.read_exact(&mut content)?;
    }
    Ok((socket, head, content))
}

/// The value of a field, in lower case.
fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix(name));
    Some(line?.strip_prefix(':')?.trim().to_owned())
}

fn content_len(head: &[u8]) -> usize {
    let len = field(head, "content-length").and_then(|len| len.parse().ok());
    len.unwrap_or(0)
}

fn is_chunked(head: &[u8]) -> bool {
    field(head, "transfer-encoding").is_some_and(|codings| codings.ends_with("chunked"))
}

/// The content without the lines between its chunks.
fn unchunked(head: &[u8], content: &[u8]) -> Vec<u8> {
    if !is_chunked(head) {
        return content.to_vec();
    }
    let mut whole = Vec::new();
    let mut rest = content;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let (size, after) = rest.split_at(end);
        let size = String::from_utf8_lossy(size);
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let chunk = after.get(2..).and_then(|after| after.get(..size));
        let Some(chunk) = chunk.filter(|chunk| !chunk.is_empty()) else {
            break;
        };
        whole.extend_from_slice(chunk);
        rest = after.get(size + 4..).unwrap_or_default();
    }
    whole
}

pub(super) fn wrong(server: SocketAddr, answer: &[u8]) -> LoadError {
    let shown = answer.get(..SHOWN_MAX).unwrap_or(answer);
    LoadError::Wrong {
        server,
        answer: String::from_utf8_lossy(shown).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

        let whole = unchunked(head, b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");

        assert_eq!(whole, b"abc0123456789abcdef");
    }

    #[test]
    fn names_come_in_their_order_and_then_again_from_where_they_are_repeated() {
        let mut named = Named::of(&[*b"00/001", *b"00/002", *b"00/003"]);
        named.at = 5;
        named.names.repeated_from = 1;
        let mut request = b"GET /@@@@@@ HTTP/1.1".to_vec();

        let names: Vec<Name> = (0..5).map(|_| named.put(&mut request)).collect();

        assert_eq!(names.concat(), b"00/00100/00200/00300/00200/003");
        assert_eq!(request, b"GET /00/003 HTTP/1.1");
    }

    #[test]
    fn a_request_has_its_fields_and_says_when_it_is_the_last() {
        let mut question = Question::about("/a");
        question.fields.push("Range: bytes=0-9".to_owned());
        question.is_persistent = false;

        let request = question.request(SocketAddr::from(([127, 0, 0, 1], 80)));

        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("GET /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
        assert!(text.ends_with("\r\nRange: bytes=0-9\r\nConnection: close\r\n\r\n"));
    }
}
