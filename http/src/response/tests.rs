//! Heads as bytes.

use super::{Connection, Head, Lines, Multipart, Page, Prepared};
use crate::{Coding, ETag, Limits, Representation, Request, Selection, Status};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const DATE: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

fn file() -> Representation<'static> {
    Representation {
        content_type: "text/css",
        len: 1000,
        etag: ETag::new(1, 0, 1000),
        modified: 1,
        coding: Coding::Identity,
        varies: false,
    }
}

fn lines() -> Lines {
    let mut lines = Lines::default();
    lines.push("Server", "x");
    lines
}

fn prepared(selection: &Selection, connection: Connection) -> String {
    let mut out = Vec::new();
    Prepared::new(&file(), selection, &lines()).write(&mut out, DATE, connection);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_whole_file_is_described_whole() {
    assert_eq!(
        prepared(&Selection::Whole, Connection::Persistent),
        "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/css\r\nContent-Length: 1000\r\n\
         Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\nETag: \"100000000-3e8\"\r\n\
         Accept-Ranges: bytes\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
    );
}

#[test]
fn a_304_has_the_validator_and_nothing_of_the_content() {
    assert_eq!(
        prepared(&Selection::NotModified, Connection::Close),
        "HTTP/1.1 304 Not Modified\r\nServer: x\r\nETag: \"100000000-3e8\"\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n"
    );
}

/// RFC 9110 8.4, 12.5.5, 15.4.5.
#[test]
fn an_encoded_file_says_how_and_what_it_was_chosen_by() {
    let file = Representation {
        coding: Coding::Brotli,
        varies: true,
        ..file()
    };
    let mut out = Vec::new();
    let _ = Head::new(&mut out, Status::Ok).representation(&file, &Selection::Whole);
    let head = String::from_utf8(out).unwrap();
    assert!(
        head.contains("\r\nContent-Encoding: br\r\nVary: Accept-Encoding\r\n"),
        "{head}"
    );

    let mut out = Vec::new();
    let _ = Head::new(&mut out, Status::NotModified).representation(&file, &Selection::NotModified);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 304 Not Modified\r\nETag: \"100000000-3e8\"\r\nVary: Accept-Encoding\r\n"
    );
}

#[test]
fn a_part_says_which_part_it_is() {
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=10-19\r\n\r\n";
    let request = Request::parse(head, &Limits::default()).unwrap().unwrap();
    let head = prepared(&file().select(&request, 100), Connection::KeepAlive);

    assert!(
        head.starts_with("HTTP/1.1 206 Partial Content\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nContent-Length: 10\r\n"), "{head}");
    assert!(
        head.contains("\r\nContent-Range: bytes 10-19/1000\r\n"),
        "{head}"
    );
    assert!(
        head.ends_with("GMT\r\nConnection: keep-alive\r\n\r\n"),
        "{head}"
    );
}

fn select(range: &str, file: &Representation<'_>) -> Selection {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes={range}\r\n\r\n");
    let request = Request::parse(head.as_bytes(), &Limits::default());
    file.select(&request.unwrap().unwrap(), 100)
}

/// RFC 9110 15.3.7.2, byte by byte.
#[test]
fn several_parts_are_one_content() {
    let Selection::Parts(ranges) = select("-5,0-4", &file()) else {
        panic!("two parts");
    };
    let parts = Multipart::new(&file(), &ranges, 0xabc);
    let mut content = b"first".to_vec();
    content.resize(995, b'x');
    content.extend(b"last.");

    let mut out = Vec::new();
    Head::new(&mut out, Status::PartialContent)
        .multipart(&file(), &parts)
        .end(DATE, Connection::Persistent);
    parts.write(&content, &mut out);

    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 206 Partial Content\r\n\
         Content-Type: multipart/byteranges; boundary=0000000000000abc\r\n\
         Content-Length: 194\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\n\
         ETag: \"100000000-3e8\"\r\nAccept-Ranges: bytes\r\n\
         Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n\
         --0000000000000abc\r\nContent-Type: text/css\r\nContent-Range: bytes 995-999/1000\r\n\r\n\
         last.\r\n\
         --0000000000000abc\r\nContent-Type: text/css\r\nContent-Range: bytes 0-4/1000\r\n\r\n\
         first\r\n--0000000000000abc--\r\n"
    );
}

/// A reader of its own: splits at the boundary that the head names, and each part at its first
/// empty line.
fn read_parts(content_type: &str, content: &[u8]) -> Vec<(String, Vec<u8>)> {
    let boundary = content_type.split_once("boundary=").unwrap().1;
    let text: String = content.iter().copied().map(char::from).collect();
    let text = format!("\r\n{text}");
    let delimiter = format!("\r\n--{boundary}");
    let mut pieces: Vec<_> = text.split(delimiter.as_str()).collect();
    assert_eq!((pieces.remove(0), pieces.pop()), ("", Some("--\r\n")));
    let part = |piece: &str| {
        let (head, part) = piece.split_once("\r\n\r\n").unwrap();
        let range = head.split_once("Content-Range: ").unwrap().1;
        let bytes = part.chars().map(|c| u8::try_from(c).unwrap()).collect();
        (range.to_owned(), bytes)
    };
    pieces.into_iter().map(part).collect()
}

#[test]
fn the_connection_is_what_the_client_may_expect() {
    const CASES: &[(&str, Connection)] = &[
        ("HTTP/1.1\r\nHost: a\r\n\r\n", Connection::Persistent),
        (
            "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            Connection::Close,
        ),
        ("HTTP/1.0\r\n\r\n", Connection::Close),
        (
            "HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            Connection::KeepAlive,
        ),
    ];
    for (head, connection) in CASES {
        let head = format!("GET / {head}");
        let request = Request::parse(head.as_bytes(), &Limits::default());
        assert_eq!(
            Connection::of(&request.unwrap().unwrap()),
            *connection,
            "{head}"
        );
    }
}

fn page(status: Status, head_only: bool) -> (String, usize) {
    let mut out = Vec::new();
    let page = Page {
        status,
        lines: &lines(),
        fields: &[("Allow", b"GET, HEAD")],
        date: DATE,
        connection: Connection::Persistent,
        head_only,
    };
    let len = page.write(&mut out);
    (String::from_utf8(out).unwrap(), len)
}

/// Without the first a phone lays the page out for a desk and shows it too small to read; without
/// the second it is a white flash for those who chose a dark screen.
#[test]
fn a_page_fits_a_phone_and_a_dark_screen() {
    let (text, _) = page(Status::NotFound, false);
    assert!(
        text.contains("<meta name=\"viewport\" content=\"width=device-width\">"),
        "{text}"
    );
    assert!(
        text.contains("<meta name=\"color-scheme\" content=\"light dark\">"),
        "{text}"
    );
}

/// For every status: the length that is announced is the length that follows, and HEAD gets the
/// same head.
#[test]
fn a_page_is_as_long_as_it_says() {
    for &status in Status::ALL {
        let (text, len) = page(status, false);
        let (head, content) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(content.len(), len);
        let announced = format!("\r\nContent-Length: {len}\r\n");
        assert_eq!(
            head.contains(&announced),
            status.may_have_content(),
            "{text}"
        );
        assert_eq!(content.contains(status.text()), status.may_have_content());

        assert_eq!(page(status, true), (format!("{head}\r\n\r\n"), 0));
    }
}

proptest! {
    /// The content is as long as announced, reads back to the same bytes, and is never longer
    /// than the whole and a head for each part.
    #[test]
    fn parts_are_read_back(
        content in prop::collection::vec(any::<u8>(), 400..1000),
        firsts in prop::collection::vec(0..400u64, 2..8),
        boundary in any::<u64>(),
    ) {
        let file = Representation { len: content.len() as u64, ..file() };
        let specs: Vec<_> = firsts.iter().map(|at| format!("{at}-{}", at + at % 20)).collect();
        if let Selection::Parts(ranges) = select(&specs.join(","), &file) {
            let parts = Multipart::new(&file, &ranges, boundary);
            let mut out = Vec::new();
            parts.write(&content, &mut out);

            prop_assert_eq!(out.len() as u64, parts.len());
            let heads: usize = parts.parts().map(|(head, _)| head.len()).sum();
            let pieces: u64 = ranges.iter().map(crate::ByteRange::len).sum();
            prop_assert_eq!((heads + parts.end().len()) as u64 + pieces, parts.len());
            prop_assert!(out.len() <= content.len() + heads + parts.end().len());

            let read = read_parts(&parts.content_type(), &out);
            prop_assert_eq!(read.len(), ranges.len());
            for ((content_range, bytes), range) in read.iter().zip(&ranges) {
                let expected = format!("bytes {}-{}/{}", range.first(), range.last(), content.len());
                prop_assert_eq!(content_range, &expected);
                let first = usize::try_from(range.first()).unwrap();
                prop_assert_eq!(bytes, &content[first..first + bytes.len()]);
            }
        }
    }

    /// Whatever the values, the head ends where it was ended, with a line for each field.
    #[test]
    fn no_value_ends_its_line(value in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut out = Vec::new();
        Head::new(&mut out, Status::Ok)
            .field("A", &value)
            .end(DATE, Connection::Persistent);

        prop_assert!(out.ends_with(b"\r\n\r\n"));
        prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 4);
        prop_assert_eq!(out.iter().filter(|&&byte| byte == b'\r').count(), 4);
    }
}

#[test]
fn a_status_that_somebody_else_has_chosen_ends_its_line_where_it_ends() {
    for (reason, line) in [
        ("Gone Fishing", "HTTP/1.1 410 Gone Fishing\r\n"),
        ("", "HTTP/1.1 410 \r\n"),
        ("a\r\nSet-Cookie: b", "HTTP/1.1 410 a  Set-Cookie: b\r\n"),
    ] {
        let mut out = Vec::new();
        let _ = Head::with_code(&mut out, 410, reason.as_bytes());
        assert_eq!(out, line.as_bytes());
    }
}
