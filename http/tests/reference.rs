//! The law of no smuggling: however the bytes of a connection arrive, the requests that are seen
//! in them are those that a slow, obvious reading of RFC 9112 sees in the whole.
//!
//! The reference knows no states and no buffers. It splits text at CRLF, spaces, colons and
//! commas, in the order in which the RFC describes a message.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, though clippy knows only those in functions marked so"
)]

use http::{Content, Framing, Limits, Request};
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

const LIMITS: Limits = Limits {
    request_line_max: 1000,
    head_max: 4000,
    content_max: 40,
};

/// What a reading of a connection's bytes comes to: the requests, and how it ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Reading {
    /// Request line and host of each.
    requests: Vec<(String, Option<String>)>,
    /// Whether it ended in a refusal, rather than for want of bytes.
    refused: bool,
}

/// The reading under test, fed in pieces, as a connection feeds it.
fn ours<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Reading {
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    let mut content = Content::new(Framing::None, LIMITS.content_max);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let Ok(taken) = content.discard(&buffer) else {
                reading.refused = true;
                return reading;
            };
            buffer.drain(..taken);
            if !content.is_done() {
                break;
            }
            let head_len = match Request::parse(&buffer, &LIMITS) {
                Ok(None) => break,
                Ok(Some(request)) => {
                    let host = request.host.map(text);
                    reading.requests.push((text(request.request_line), host));
                    content = Content::new(request.framing, LIMITS.content_max);
                    request.head_len
                }
                Err(_) => {
                    reading.refused = true;
                    return reading;
                }
            };
            buffer.drain(..head_len);
        }
    }
    reading
}

/// Bytes as characters of the same number.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// `Ok(None)` for want of bytes, `Err` for a refusal.
type Step<T> = Result<Option<T>, ()>;

fn reference(bytes: &[u8]) -> Reading {
    let text = text(bytes);
    let mut rest = text.as_str();
    let mut reading = Reading::default();
    loop {
        while let Some(after) = rest.strip_prefix("\r\n") {
            rest = after;
        }
        let step = reference_head(rest).and_then(|head| match head {
            None => Ok(None),
            Some((line, host, framing, after)) => {
                reading.requests.push((line, host));
                match framing.as_str() {
                    "chunked" => reference_chunks(after),
                    length => Ok(skip(after, length.parse().unwrap())),
                }
            }
        });
        match step {
            Ok(Some(after)) => rest = after,
            Ok(None) => return reading,
            Err(()) => {
                reading.refused = true;
                return reading;
            }
        }
    }
}

type Head<'a> = (String, Option<String>, String, &'a str);

fn reference_head(text: &str) -> Step<Head<'_>> {
    let Some((head, after)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let lines: Vec<_> = head.split("\r\n").collect();
    let (line, fields) = lines.split_first().ok_or(())?;
    let (target, version) = reference_line(line)?;

    let mut named: Vec<(String, &str)> = Vec::new();
    for field in fields {
        let (name, value) = field.split_once(':').ok_or(())?;
        let value = value.trim_matches([' ', '\t']);
        ensure(is_token(name) && value.chars().all(is_field_character))?;
        named.push((name.to_ascii_lowercase(), value));
    }
    let values = |wanted: &str| -> Vec<&str> {
        let values = named.iter().filter(|(name, _)| name == wanted);
        values.map(|(_, value)| *value).collect()
    };

    let mut host = match values("host").as_slice() {
        [] if version == '0' => None,
        [host] if is_host(host) => Some((*host).to_owned()),
        _ => return Err(()),
    };
    if let Some(rest) = target.strip_prefix("http://") {
        host = Some(rest.split('/').next().unwrap().to_owned());
    }
    let host = host.filter(|host| !host.is_empty());

    let framing = match (
        values("transfer-encoding").as_slice(),
        values("content-length").as_slice(),
    ) {
        ([], []) => "0".to_owned(),
        ([], [length]) => {
            ensure(!length.is_empty() && length.chars().all(|c| c.is_ascii_digit()))?;
            let length: u64 = length.parse().map_err(drop)?;
            ensure(length <= LIMITS.content_max)?;
            length.to_string()
        }
        ([coding], []) if version != '0' && coding.eq_ignore_ascii_case("chunked") => {
            "chunked".to_owned()
        }
        _ => return Err(()),
    };
    Ok(Some(((*line).to_owned(), host, framing, after)))
}

/// Target and minor version.
fn reference_line(line: &str) -> Result<(&str, char), ()> {
    let [method, target, version] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(());
    };
    let methods = [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE",
    ];
    ensure(methods.contains(&method))?;
    ensure(
        target
            .chars()
            .all(|c| is_field_character(c) && c != '\t' && c != '#'),
    )?;
    let is_absolute = target.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split('/').next().unwrap();
        is_host(authority) && !authority.is_empty() && !authority.starts_with(':')
    });
    ensure(target.starts_with('/') || is_absolute || (target == "*" && method == "OPTIONS"))?;
    let minor = version.strip_prefix("HTTP/1.").ok_or(())?;
    let [minor] = minor.chars().collect::<Vec<_>>()[..] else {
        return Err(());
    };
    ensure(minor.is_ascii_digit())?;
    Ok((target, minor))
}

/// What follows the chunks.
fn reference_chunks(mut text: &str) -> Step<&str> {
    let mut data_len = 0;
    loop {
        let Some((line, after)) = text.split_once("\r\n") else {
            return Ok(None);
        };
        let mut parts = line.split(';');
        let size = parts.next().unwrap();
        let has_extension = line.contains(';');
        let size = if has_extension {
            size.trim_end_matches([' ', '\t'])
        } else {
            size
        };
        ensure(!size.is_empty() && size.chars().all(|c| c.is_ascii_hexdigit()))?;
        ensure(!line.ends_with([' ', '\t']))?;
        for extension in parts {
            let (name, value) = extension.split_once('=').unwrap_or((extension, "none"));
            ensure(is_token(name.trim_matches([' ', '\t'])))?;
            ensure(is_token(value.trim_matches([' ', '\t'])))?;
        }
        let size = u64::from_str_radix(size, 16).map_err(drop)?;
        data_len += size;
        ensure(data_len <= LIMITS.content_max)?;
        if size == 0 {
            return reference_trailers(after);
        }
        let Some(after) = skip(after, size.try_into().unwrap()) else {
            return Ok(None);
        };
        match after.as_bytes() {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => text = &after[2..],
            _ => return Err(()),
        }
    }
}

fn reference_trailers(mut text: &str) -> Step<&str> {
    loop {
        let Some((line, after)) = text.split_once("\r\n") else {
            return Ok(None);
        };
        text = after;
        if line.is_empty() {
            return Ok(Some(text));
        }
        let (name, value) = line.split_once(':').ok_or(())?;
        ensure(is_token(name) && value.chars().all(is_field_character))?;
    }
}

/// What follows the first `len` characters, which were one byte each.
fn skip(text: &str, len: usize) -> Option<&str> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.skip(len).map(|at| &text[at..]).next()
}

fn ensure(condition: bool) -> Result<(), ()> {
    if condition { Ok(()) } else { Err(()) }
}

fn is_token(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

fn is_field_character(c: char) -> bool {
    c == '\t' || (c >= ' ' && c != '\u{7f}')
}

/// Of the hosts that are generated here.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c))
        && port.chars().all(|c| c.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok())
}

/// Texts of a request with its content, mostly good.
fn requests() -> impl Strategy<Value = String> {
    let line = prop::sample::select(&[
        "GET / HTTP/1.1",
        "POST /a HTTP/1.1",
        "GET /b?c HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "GET http://x:1/d HTTP/1.1",
        "PUT /e HTTP/1.7",
        "HEAD /f HTTP/1.1",
        "GET  /g HTTP/1.1",
    ]);
    let host = prop_oneof![9 => Just("Host: a\r\n"), 1 => Just("")];
    let fields = prop::sample::select(&[
        "",
        "",
        "Accept: b\r\n",
        "A:\r\n",
        "A : b\r\n",
        "A: b\r\n c\r\n",
        "Host: b\r\n",
        "A: b\n",
        "\n",
        "Content-Length: 3\r\n",
    ]);
    let content = prop::sample::select(&[
        "\r\n",
        "\r\n",
        "Content-Length: 0\r\n\r\n",
        "content-length: 3\r\n\r\nabc",
        "Content-Length: 18\r\n\r\nGET /x HTTP/1.1\r\n\r",
        "Content-Length: 41\r\n\r\n",
        "Content-Length: 3,3\r\n\r\nabc",
        "Content-Length: +3\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: CHUNKED\r\n\r\n3;a = b\r\nabc\r\n000\r\nA: b\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n12\r\nGET /x HTTP/1.1\r\n\r\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n29\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]);
    let parts = (line, host, fields, content);
    parts.prop_map(|(line, host, fields, content)| format!("{line}\r\n{host}{fields}{content}"))
}

/// Several requests on one connection, with a wrong byte here and there.
fn connections() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\r\n :;,=\t\0/0123aA".as_slice())
    ];
    let place = (any::<prop::sample::Index>(), 0..3u8, bytes);
    let noise = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(place, 1..3)];
    (prop::collection::vec(requests(), 1..4), noise).prop_map(|(requests, noise)| {
        let mut bytes = requests.concat().into_bytes();
        for (at, how, byte) in noise {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(4096))]

    #[test]
    fn requests_are_those_that_the_rfc_frames(
        bytes in connections(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);

        let seen = ours(pieces);
        let expected = reference(&bytes);

        // Waiting for the end of what is wrong already is the reference's alone.
        prop_assert_eq!(&seen.requests, &expected.requests);
        prop_assert!(seen.refused || !expected.refused, "{seen:?} {expected:?}");
    }
}

/// The generator reaches what the law is about: this keeps it from passing over nothing.
#[test]
fn the_reference_reads_good_and_bad() {
    let two = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
    let expected = Reading {
        requests: vec![
            ("POST / HTTP/1.1".to_owned(), Some("a".to_owned())),
            ("GET /2 HTTP/1.1".to_owned(), Some("b".to_owned())),
        ],
        refused: false,
    };
    assert_eq!(reference(two), expected);
    assert_eq!(ours([two.as_slice()].into_iter()), expected);
    assert!(reference(b"GET / HTTP/1.1\r\n\r\n").refused);
}
