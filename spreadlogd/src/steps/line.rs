//! Where the fields of a log line stand: of the classic formats here, of those that name their
//! fields in `object`.
//!
//! ```text
//! [HOST ]CLIENT IDENTITY USER [TIME] "REQUEST" STATUS BYTES[ "REFERER" "AGENT"][ MORE]
//! ```
//!
//! [`spread_logger::Format::parse`] reads the same lines into a record of its own; this borrows,
//! undoes no escapes and reads no further than it is asked to, because it is asked of every line.
//! It takes a word before the line, the virtual host's (`%v` in Apache's formats), and more after
//! it. Whatever `Format::parse` takes has the same fields here, which is a law below.

use memchr::{memchr, memchr2};
use spread_logger::format::{STAMP_LEN, parse_stamp};

use super::object::{Object, path_of};

/// What stands before the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Head<'a> {
    /// The word before the client; without one the line is of no virtual host.
    pub(super) host: Option<&'a [u8]>,
    pub(super) client: &'a [u8],
    pub(super) user: &'a [u8],
    /// Where the time's bracket is; the text is [`STAMP_LEN`] bytes.
    pub(super) time_at: usize,
}

impl<'a> Head<'a> {
    /// Of a line with or without its newline; `None` when no time stands after three or four
    /// words.
    ///
    /// Only the words say where the time is: an address in brackets, or a client's text that
    /// looks like a time, is further left or right. Text in quotes is a client's, and no word.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        let (mut rest, mut at) = (line, 0);
        let mut word = || {
            let (word, after) = rest.split_at_checked(memchr(b' ', rest)?)?;
            at += word.len() + 1;
            rest = after.get(1..)?;
            let is_quoted = word.starts_with(b"\"") && word != NO_NAME;
            (!word.is_empty() && !is_quoted).then_some((word, rest, at))
        };
        let (first, _, _) = word()?;
        let (second, _, _) = word()?;
        let (third, rest, time_at) = word()?;
        if starts_with_time(rest) {
            return Some(Self {
                host: None,
                client: first,
                user: third,
                time_at,
            });
        }
        let (fourth, rest, time_at) = word()?;
        starts_with_time(rest).then_some(Self {
            host: Some(first),
            client: second,
            user: fourth,
            time_at,
        })
    }
}

/// How a user without a name is written.
const NO_NAME: &[u8] = b"\"\"";

fn starts_with_time(text: &[u8]) -> bool {
    let Some((stamp, after)) = text.split_first_chunk::<STAMP_LEN>() else {
        return false;
    };
    matches!(after.first(), None | Some(b' ' | b'\n')) && parse_stamp(stamp).is_some()
}

/// The virtual host of a line.
pub(super) fn host_of(line: &[u8]) -> Option<&[u8]> {
    if begins_as_object(line)
        && let Some(line) = Line::of(line)
    {
        return line.host();
    }
    Head::of(line)?.host
}

/// Whether `line` is one that names its fields. A client's text in it can look like the words and
/// the time of another line.
pub(super) fn is_object(line: &[u8]) -> bool {
    begins_as_object(line) && matches!(Line::of(line), Some(Line::Object(_)))
}

fn begins_as_object(line: &[u8]) -> bool {
    let begins = |text: &[u8]| text.starts_with(b"{") || text.starts_with(b"time=");
    let second = memchr(b' ', line).and_then(|at| line.get(at + 1..));
    begins(line) || second.is_some_and(begins)
}

/// The fields of a whole line, as they are written, escapes included.
#[derive(Clone, Debug)]
pub(crate) enum Line<'a> {
    Classic(Classic<'a>),
    Object(Object<'a>),
}

impl<'a> Line<'a> {
    /// Of a line with or without its newline; `None` when it is no log line.
    ///
    /// No object is a classic line: behind a time, a quote that no backslash precedes begins a
    /// request there, and in an object ends a text.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        match Classic::of(line) {
            Some(line) => Some(Self::Classic(line)),
            None => Object::of(line).map(Self::Object),
        }
    }

    pub(crate) const fn host(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => line.head.host,
            Self::Object(line) => line.host,
        }
    }

    pub(crate) fn client(&self) -> &'a [u8] {
        match self {
            Self::Classic(line) => line.head.client,
            Self::Object(line) => line.client(),
        }
    }

    pub(crate) fn user(&self) -> &'a [u8] {
        match self {
            Self::Classic(line) => line.head.user,
            Self::Object(line) => line.user(),
        }
    }

    /// The request line's first word.
    pub(crate) fn method(&self) -> &'a [u8] {
        match self {
            Self::Classic(line) => line.method(),
            Self::Object(line) => line.method(),
        }
    }

    /// The request line's second word, without a query.
    pub(crate) fn path(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => line.path(),
            Self::Object(line) => line.path(),
        }
    }

    pub(crate) const fn status(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => Some(line.status),
            Self::Object(line) => line.status,
        }
    }

    pub(crate) fn status_number(&self) -> Option<u64> {
        number(self.status()?)
    }

    pub(crate) const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => Some(line.bytes),
            Self::Object(line) => line.bytes,
        }
    }

    /// The number of bytes; `-` is 0, as the format has it.
    pub(crate) fn bytes_number(&self) -> Option<u64> {
        count(self.bytes()?)
    }

    pub(crate) fn referer(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => line.referer(),
            Self::Object(line) => Some(line.referer()),
        }
    }

    pub(crate) fn agent(&self) -> Option<&'a [u8]> {
        match self {
            Self::Classic(line) => line.agent(),
            Self::Object(line) => Some(line.agent()),
        }
    }
}

/// A line whose fields are known by their places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Classic<'a> {
    head: Head<'a>,
    request: &'a [u8],
    status: &'a [u8],
    bytes: &'a [u8],
    /// What follows the number of bytes.
    more: &'a [u8],
}

impl<'a> Classic<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let head = Head::of(line)?;
        let rest = line.get(head.time_at + STAMP_LEN..)?;
        let (request, rest) = quoted(rest)?;
        let (status, rest) = word(rest)?;
        let (bytes, more) = word(rest)?;
        number(status)?;
        count(bytes)?;
        Some(Self {
            head,
            request,
            status,
            bytes,
            more,
        })
    }

    fn method(&self) -> &'a [u8] {
        self.request.split(|&b| b == b' ').next().unwrap_or(b"")
    }

    fn path(&self) -> Option<&'a [u8]> {
        path_of(self.request.split(|&b| b == b' ').nth(1)?)
    }

    fn referer(&self) -> Option<&'a [u8]> {
        Some(quoted(self.more)?.0)
    }

    fn agent(&self) -> Option<&'a [u8]> {
        Some(quoted(quoted(self.more)?.1)?.0)
    }
}

/// A space and the word after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b" ")?;
    text.split_at_checked(memchr(b' ', text).unwrap_or(text.len()))
}

/// A space and what stands in quotes after it, to the next quote that no backslash precedes.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b" \"")?;
    let mut at = 0;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            let (inside, rest) = text.split_at_checked(at)?;
            return Some((inside, rest.get(1..)?));
        }
        at += 2;
    }
}

fn count(text: &[u8]) -> Option<u64> {
    match text {
        b"-" => Some(0),
        text => number(text),
    }
}

/// Digits alone: `FromStr` would take a sign, which no log has.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::option;
    use proptest::prelude::*;
    use spread_logger::format::{Formatter, LINE_LEN_MAX, UtcOffset};
    use spread_logger::{Details, Format, Record};

    use super::*;

    const TIME: &str = "[22/Nov/2026:18:09:00 +0000]";

    #[test]
    fn the_fields_of_a_line() {
        let text = format!(
            r#"www.example.org 192.0.2.7 - frank {TIME} "GET /a?b=\"c HTTP/1.1" 304 - "-" "x \\" 12"#
        );
        let line = Line::of(text.as_bytes()).unwrap();

        assert_eq!(line.host(), Some(&b"www.example.org"[..]));
        assert_eq!(line.client(), b"192.0.2.7");
        assert_eq!(line.user(), b"frank");
        assert_eq!(line.method(), b"GET");
        assert_eq!(line.path(), Some(&b"/a"[..]));
        assert_eq!(line.status_number(), Some(304));
        assert_eq!(line.bytes_number(), Some(0));
        assert_eq!(line.referer(), Some(&b"-"[..]));
        assert_eq!(line.agent(), Some(&br"x \\"[..]));
    }

    #[test]
    fn the_time_stands_after_three_or_four_words() {
        for (line, at) in [
            (format!("a - - {TIME}"), Some(6)),
            (format!("h a - - {TIME} more"), Some(8)),
            (format!("[2001:db8::1] - - {TIME}\n"), Some(18)),
            (format!("h [2001:db8::1] - - {TIME}"), Some(20)),
            (format!("a - [x {TIME}"), Some(7)),
            (format!("a - {TIME}"), None),
            (format!("a b c d e {TIME}"), None),
            (format!("a  - - {TIME}"), None),
            (format!(" a - - {TIME}"), None),
            (format!("a - - {TIME}x"), None),
            (format!("a - \"\" {TIME}"), Some(7)),
            (format!("a \"GET / {TIME} x\" 200"), None),
            (format!("a \"GET /x y {TIME} x\" 200"), None),
            (format!("a - - [x] {TIME}"), Some(10)),
            ("a - - [22/Nov/2026:18:09:00 +0000".to_owned(), None),
            ("a - - [22/nov/2026:18:09:00 +0000]".to_owned(), None),
            (String::new(), None),
        ] {
            let head = Head::of(line.as_bytes());

            assert_eq!(head.map(|head| head.time_at), at, "{line}");
        }
    }

    #[test]
    fn what_is_no_log_line_has_no_fields() {
        for rest in [
            "",
            r#" "GET / HTTP/1.1""#,
            r#" "GET / HTTP/1.1" 200"#,
            r#" "GET / HTTP/1.1" +200 1"#,
            r#" "GET / HTTP/1.1" 200 x"#,
            r#" "GET / HTTP/1.1" 200 99999999999999999999"#,
            r#" "GET / HTTP/1.1\" 200 1"#,
            r#" GET 200 1"#,
        ] {
            let line = format!("a - - {TIME}{rest}");

            assert!(Line::of(line.as_bytes()).is_none(), "{line}");
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let trouble = proptest::sample::select(br#"-"\ []x?"#.to_vec());
        let byte = prop_oneof![b'a'..=b'z', trouble, any::<u8>()];
        proptest::collection::vec(byte, 0..30)
    }

    /// A client's text can have the words and the time of another line in it.
    #[test]
    fn no_text_in_an_object_makes_it_another_line() {
        for text in [
            "x y [22/Nov/2026:18:09:00 +0000] z",
            "x b c [22/Nov/2026:18:09:00 +0000] z",
            "a [22/Nov/2026:18:09:00 +0000] x",
        ] {
            let host = b"www.example.org";
            let details = Details {
                host: Some(host),
                ..Details::default()
            };
            let record = Record {
                client: None,
                user: Some(text.as_bytes()),
                time: 1_795_370_940,
                request_line: text.as_bytes(),
                status: 200,
                bytes: 1,
                referer: Some(text.as_bytes()),
                user_agent: Some(text.as_bytes()),
                details: Some(&details),
            };
            for format in [Format::Json, Format::Logfmt] {
                for before in ["", "www.example.org "] {
                    let mut line = before.as_bytes().to_vec();
                    Formatter::new(&format, LINE_LEN_MAX).write(
                        &record,
                        UtcOffset::default,
                        &mut line,
                    );

                    let shown = String::from_utf8_lossy(&line);
                    assert_eq!(host_of(&line), Some(&host[..]), "{shown}");
                    assert!(is_object(&line), "{shown}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_fields_or_not(bytes in bytes()) {
            for line in [bytes.clone(), [b"a - - ", TIME.as_bytes(), b" \"", &bytes].concat()] {
                if let Some(line) = Line::of(&line) {
                    let _ = [Some(line.method()), line.path(), line.referer(), line.agent()];
                }
            }
        }

        /// What is written by the formatter reads back here as there, whatever is before it.
        #[test]
        fn a_written_line_has_the_fields_of_its_record(
            client in any::<Option<IpAddr>>(),
            facts in (0_u64..200_000_000_000, any::<u16>(), any::<u64>()),
            texts in (option::of(bytes()), bytes(), option::of(bytes()), option::of(bytes())),
            host in option::of("[a-z.:\\[\\]]{1,20}"),
        ) {
            let (time, status, count) = facts;
            let (user, request_line, referer, user_agent) = &texts;
            let record = Record {
                client,
                user: user.as_deref(),
                time,
                request_line,
                status,
                bytes: count,
                referer: referer.as_deref(),
                user_agent: user_agent.as_deref(),
                details: None,
            };
            let mut text = Vec::new();
            if let Some(host) = &host {
                text.extend_from_slice(host.as_bytes());
                text.push(b' ');
            }
            let start = text.len();
            Formatter::new(&Format::Combined, LINE_LEN_MAX)
                .write(&record, UtcOffset::default, &mut text);
            let oracle = Format::Combined.parse(&text[start..]).unwrap();

            let line = Line::of(&text).unwrap();

            prop_assert_eq!(line.host(), host.as_deref().map(str::as_bytes));
            let client_text = client.map_or("-".to_owned(), |client| client.to_string());
            prop_assert_eq!(line.client(), client_text.as_bytes());
            let head = Head::of(&text).unwrap();
            let stamp = &text[head.time_at..head.time_at + STAMP_LEN];
            prop_assert_eq!(parse_stamp(stamp), Some(oracle.time));
            prop_assert_eq!(line.status_number(), Some(u64::from(oracle.status)));
            prop_assert_eq!(line.bytes_number(), Some(oracle.bytes));
            let first = |text: &[u8]| text.iter().all(u8::is_ascii_lowercase);
            if first(&oracle.request_line) && !oracle.request_line.is_empty() {
                prop_assert_eq!(line.method(), &oracle.request_line[..]);
            }
            if let Some(agent) = oracle.user_agent.filter(|agent| first(agent)) {
                prop_assert_eq!(line.agent(), Some(&agent[..]));
            }
            if let Some(referer) = oracle.referer.filter(|referer| first(referer)) {
                prop_assert_eq!(line.referer(), Some(&referer[..]));
            }
        }
    }
}
