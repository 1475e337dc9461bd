//! Where the fields of a line stand that names them: `json` and `logfmt`, as rthttpd writes them.
//!
//! ```text
//! [HOST ]{"time":"2026-11-22T18:09:00.045678Z","client":"192.0.2.7","path":"/a b","status":200}
//! [HOST ]time=2026-11-22T18:09:00.045678Z client=192.0.2.7 path="/a b" status=200
//! ```
//!
//! [`spread_logger::Format::parse`] reads the same lines into a record of its own; this borrows,
//! and undoes no escapes. It takes any flat object, its keys in any order, with or without blanks
//! between them, and passes over those that it does not know; of two with one name the last
//! counts. Time and memory are bounded by the line: it is looked at once, and nothing is kept.
//!
//! What a line of Combined Log Format says with `-`, an absent user or referer, reads `-` here
//! too, so that a condition holds of a record whatever the format.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// The fields of a line, as they are written, escapes included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a> {
    /// The word before the line, or the key.
    pub(crate) host: Option<&'a [u8]>,
    client: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    /// In place of the last three, where it is not three words.
    request: Option<&'a [u8]>,
    pub(crate) status: Option<&'a [u8]>,
    /// Where that is in the line.
    pub(crate) status_at: Option<Range<usize>>,
    pub(crate) bytes: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    agent: Option<&'a [u8]>,
    has_time: bool,
}

impl<'a> Object<'a> {
    /// Of a line with or without its newline; `None` when it is no object with a time.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(object) = Self::at_end(line, line) {
            return Some(object);
        }
        let (host, rest) = line.split_at_checked(memchr(b' ', line)?)?;
        let rest = rest.get(1..)?;
        if host.contains(&b'=') && rest.starts_with(LOGFMT_BEGIN) {
            // It is the first of the words.
            return None;
        }
        let object = Self::at_end(line, rest)?;
        Some(Self {
            host: Some(host).filter(|host| !host.is_empty()),
            ..object
        })
    }

    /// `text` is the end of `line`, or all of it.
    fn at_end(line: &'a [u8], text: &'a [u8]) -> Option<Self> {
        let object = match text.strip_prefix(b"{") {
            Some(inside) => json(line, inside)?,
            None if text.starts_with(LOGFMT_BEGIN) => logfmt(line, text)?,
            None => return None,
        };
        object.has_time.then_some(object)
    }

    pub(crate) fn client(&self) -> &'a [u8] {
        self.client.unwrap_or(ABSENT)
    }

    pub(crate) fn user(&self) -> &'a [u8] {
        self.user.unwrap_or(ABSENT)
    }

    pub(crate) fn referer(&self) -> &'a [u8] {
        self.referer.unwrap_or(ABSENT)
    }

    pub(crate) fn agent(&self) -> &'a [u8] {
        self.agent.unwrap_or(ABSENT)
    }

    pub(crate) fn method(&self) -> &'a [u8] {
        let request = self.method.or(self.request).unwrap_or(ABSENT);
        request.split(|&b| b == b' ').next().unwrap_or(b"")
    }

    /// The path, without a query.
    pub(crate) fn path(&self) -> Option<&'a [u8]> {
        self.path.or_else(|| path_of(self.target_of_request()?))
    }

    /// The path, and the query behind it, if there is one.
    pub(crate) fn target(&self) -> Option<(&'a [u8], Option<&'a [u8]>)> {
        match self.path {
            Some(path) => Some((path, self.query)),
            None => Some((self.target_of_request()?, None)),
        }
    }

    fn target_of_request(&self) -> Option<&'a [u8]> {
        self.request?.split(|&b| b == b' ').nth(1)
    }

    /// The texts by their keys.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn texts(&self) -> [(&'static str, Option<&'a [u8]>); 9] {
        [
            ("host", self.host),
            ("client", self.client),
            ("user", self.user),
            ("method", self.method),
            ("path", self.path),
            ("query", self.query),
            ("request", self.request),
            ("referer", self.referer),
            ("user_agent", self.agent),
        ]
    }

    fn set(&mut self, key: &[u8], (value, at): (&'a [u8], usize)) {
        let place = match key {
            b"host" => &mut self.host,
            b"client" => &mut self.client,
            b"user" => &mut self.user,
            b"method" => &mut self.method,
            b"path" => &mut self.path,
            b"query" => &mut self.query,
            b"request" => &mut self.request,
            b"status" => {
                self.status_at = Some(at..at + value.len());
                &mut self.status
            }
            b"bytes" => &mut self.bytes,
            b"referer" => &mut self.referer,
            b"user_agent" => &mut self.agent,
            b"time" => {
                self.has_time = true;
                return;
            }
            _ => return,
        };
        *place = Some(value);
    }
}

/// A target without its query.
pub(super) fn path_of(target: &[u8]) -> Option<&[u8]> {
    target.split(|&b| b == b'?').next()
}

/// What is behind the `{` of an object.
fn json<'a>(line: &'a [u8], mut text: &'a [u8]) -> Option<Object<'a>> {
    let mut object = Object::default();
    loop {
        let (key, rest) = string(blank(text).strip_prefix(b"\"")?)?;
        let value = blank(blank(rest).strip_prefix(b":")?);
        let inside = value.strip_prefix(b"\"");
        let at = line.len() - inside.unwrap_or(value).len();
        let (value, rest) = match inside {
            Some(inside) => string(inside)?,
            None => scalar(value)?,
        };
        if inside.is_some() || value != b"null" {
            object.set(key, (value, at));
        }
        let (end, rest) = blank(rest).split_first()?;
        match end {
            b',' => text = rest,
            b'}' => return blank(rest).is_empty().then_some(object),
            _ => return None,
        }
    }
}

/// `key=value` between spaces.
fn logfmt<'a>(line: &'a [u8], mut text: &'a [u8]) -> Option<Object<'a>> {
    let mut object = Object::default();
    while !text.is_empty() {
        let at = memchr2(b'=', b' ', text)?;
        let (key, rest) = text.split_at_checked(at)?;
        let value = rest.strip_prefix(b"=")?;
        let inside = value.strip_prefix(b"\"");
        let at = line.len() - inside.unwrap_or(value).len();
        let (value, rest) = match inside {
            Some(inside) => string(inside)?,
            None => value.split_at_checked(memchr(b' ', value).unwrap_or(value.len()))?,
        };
        object.set(key, (value, at));
        if !(rest.is_empty() || rest.starts_with(b" ")) {
            return None;
        }
        text = blank(rest);
    }
    Some(object)
}

/// What is before the quote that ends a string, and what is behind it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
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

/// A number, or a word of JSON.
fn scalar(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    let len = text.iter().take_while(|b| is_part(b)).count();
    (len > 0).then(|| text.split_at_checked(len))?
}

fn blank(text: &[u8]) -> &[u8] {
    let len = text.iter().take_while(|&&b| b == b' ' || b == b'\t');
    text.get(len.count()..).unwrap_or_default()
}

const LOGFMT_BEGIN: &[u8] = b"time=";

/// What other formats write for what is not there.
const ABSENT: &[u8] = b"-";

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"time":"2026-11-22T18:09:00.045678Z","client":"192.0.2.7","user":"frank","host":"www1","port":80,"method":"GET","path":"/a \"b","query":"q=1","protocol":"HTTP/1.1","status":200,"bytes":1043,"duration_us":118,"referer":"r","user_agent":"curl/8 (x)"}"#;
    const LOGFMT: &str = r#"time=2026-11-22T18:09:00.045678Z client=192.0.2.7 user=frank host=www1 port=80 method=GET path="/a \"b" query="q=1" protocol=HTTP/1.1 status=200 bytes=1043 duration_us=118 referer=r user_agent="curl/8 (x)""#;

    #[test]
    fn the_fields_of_a_line() {
        for (line, host) in [
            (JSON.to_owned(), "www1"),
            (format!("{LOGFMT}\n"), "www1"),
            (format!("example.org {JSON}\n"), "example.org"),
            (format!("example.org {LOGFMT}"), "example.org"),
        ] {
            let object = Object::of(line.as_bytes()).unwrap();

            assert_eq!(object.host, Some(host.as_bytes()), "{line}");
            assert_eq!(object.client(), b"192.0.2.7");
            assert_eq!(object.user(), b"frank");
            assert_eq!(object.method(), b"GET");
            assert_eq!(object.path(), Some(&br#"/a \"b"#[..]));
            assert_eq!(object.target().unwrap().1, Some(&b"q=1"[..]));
            assert_eq!(object.status, Some(&b"200"[..]));
            assert_eq!(&line[object.status_at.clone().unwrap()], "200");
            assert_eq!(object.bytes, Some(&b"1043"[..]));
            assert_eq!(object.referer(), b"r");
            assert_eq!(object.agent(), b"curl/8 (x)");
        }
    }

    #[test]
    fn what_is_absent_reads_as_in_other_formats() {
        let object = Object::of(br#"{"time":"","request":"GET /a?b"}"#).unwrap();

        let texts = [object.client(), object.user(), object.referer()];
        assert_eq!(texts, [b"-"; 3]);
        assert_eq!((object.method(), object.agent()), (&b"GET"[..], &b"-"[..]));
        assert_eq!(object.path(), Some(&b"/a"[..]));
        assert_eq!((object.host, object.status), (None, None));
        let object = Object::of(b"time=1").unwrap();
        assert_eq!((object.method(), object.path()), (&b"-"[..], None));
    }

    #[test]
    fn an_object_of_others_is_one_if_it_is_flat_and_has_a_time() {
        for (line, status) in [
            (
                r#"{ "status" : 404 , "time": 1, "level":true, "a":null } "#,
                "404",
            ),
            (r#"{"status":"500","time":"x","status":-1.5e3}"#, "-1.5e3"),
            (r#"h {"time":"","status":1}"#, "1"),
            ("time=  status=503 a=b=c", "503"),
        ] {
            let object = Object::of(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));

            assert_eq!(object.status, Some(status.as_bytes()), "{line}");
        }
        for line in [
            "",
            "{}",
            "{",
            r#"{"status":200}"#,
            r#"{"time":"x""#,
            r#"{"time":"x"}}"#,
            r#"{"time":"x"} x"#,
            r#"{"time":"x",}"#,
            r#"{"time":{"a":1}}"#,
            r#"{"time":[1]}"#,
            r#"{"time":"x\"}"#,
            r#"{"time"}"#,
            r#"{"time":}"#,
            r#"a b {"time":"x"}"#,
            "status=200 time=1",
            "time=1 status",
            "time=1 a=\"b",
            "time=1 a=\"b\"c",
            "time",
        ] {
            assert!(Object::of(line.as_bytes()).is_none(), "{line}");
        }
    }
}
