//! Heads one by one, by the sections of RFC 9112, and the law of the cuts.

use super::{Expectation, Framing, KnownFields, Limits, Method, Rejection, Request, Version};
use crate::Reject;
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

type Parsed<'a> = Result<Option<Request<'a>>, Rejection<'a>>;

fn parse(head: &[u8]) -> Parsed<'_> {
    Request::parse(head, &Limits::default())
}

fn whole(head: &str) -> Request<'_> {
    match parse(head.as_bytes()) {
        Ok(Some(request)) => request,
        other => panic!("{head:?}: {other:?}"),
    }
}

fn refused(head: &[u8]) -> Option<Reject> {
    parse(head).err().map(|rejection| rejection.reject)
}

/// A GET with these field lines, each with its line end.
fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\n{fields}\r\n")
}

#[test]
fn a_request_is_its_parts() {
    let head = "GET /a?b HTTP/1.1\r\nHost: a:80\r\nUser-Agent: x y\r\nREFERER:\thttp://b/ \r\n\
        Accept: */*\r\naccept-encoding: gzip\r\nRange: bytes=0-\r\nIf-Range: \"r\"\r\n\
        If-Modified-Since: m\r\nIf-Unmodified-Since: u\r\nIf-Match: *\r\n\
        If-None-Match: \"n\"\r\nX-Other: y\r\nForwarded: for=_f\r\nX-Forwarded-For: x\r\n\r\n";
    let bytes = format!("{head}GET /next");
    let request = whole(&bytes);

    assert_eq!(request.method, Method::Get);
    assert_eq!(request.target, b"/a?b");
    assert_eq!(request.version, Version::Http11);
    assert_eq!(request.request_line, b"GET /a?b HTTP/1.1");
    assert_eq!(request.host, Some(&b"a:80"[..]));
    assert_eq!(request.framing, Framing::None);
    assert_eq!(request.head_len, head.len());
    let lines = head.split_once("\r\n").unwrap().1;
    assert_eq!(request.fields.lines(), lines.as_bytes());
    let fields = request.fields;
    assert_eq!(fields.user_agent(), Some(&b"x y"[..]));
    assert_eq!(fields.referer(), Some(&b"http://b/"[..]));
    assert_eq!(fields.range(), Some(&b"bytes=0-"[..]));
    assert_eq!(fields.if_range(), Some(&b"\"r\""[..]));
    assert_eq!(fields.if_modified_since(), Some(&b"m"[..]));
    assert_eq!(fields.if_unmodified_since(), Some(&b"u"[..]));
    assert!(fields.accept().iter().eq([b"*/*"]));
    assert!(fields.accept_encoding().iter().eq([b"gzip"]));
    assert!(fields.forwarded().iter().eq([b"for=_f"]));
    assert!(fields.x_forwarded_for().iter().eq([b"x"]));
    assert!(fields.if_match().iter().eq([b"*"]));
    assert!(fields.if_none_match().iter().eq([b"\"n\""]));
}

mod request_lines {
    use super::Reject;

    const LINE: Option<Reject> = Some(Reject::RequestLine);
    const METHOD: Option<Reject> = Some(Reject::MethodUnknown);
    const FORM: Option<Reject> = Some(Reject::TargetForm);
    const HOST: Option<Reject> = Some(Reject::HostInvalid);
    pub(super) const CASES: &[(&str, Option<Reject>)] = &[
        ("GET / HTTP/1.1", None),
        ("HEAD / HTTP/1.1", None),
        ("POST / HTTP/1.1", None),
        ("GET / HTTP/1.0", None),
        ("GET / HTTP/1.9", None),
        // Section 3: single spaces, nothing before, nothing after.
        (" GET / HTTP/1.1", LINE),
        ("GET  / HTTP/1.1", LINE),
        ("GET /  HTTP/1.1", LINE),
        ("GET / HTTP/1.1 ", LINE),
        ("GET / a HTTP/1.1", LINE),
        ("GET\t/ HTTP/1.1", LINE),
        ("GET /\tHTTP/1.1", LINE),
        ("GET /\u{b}HTTP/1.1", LINE),
        ("GET /\u{c} HTTP/1.1", LINE),
        ("GET /\0 HTTP/1.1", LINE),
        ("GET /\u{7f} HTTP/1.1", LINE),
        ("GET /\r HTTP/1.1", LINE),
        ("GET /\r/ HTTP/1.1", LINE),
        ("GET /", LINE),
        ("GET / ", LINE),
        ("GET", LINE),
        ("GET HTTP/1.1", LINE),
        ("\0GET / HTTP/1.1", LINE),
        ("G\0T / HTTP/1.1", LINE),
        ("GET: / HTTP/1.1", LINE),
        ("G(T / HTTP/1.1", LINE),
        ("/ HTTP/1.1", LINE),
        // Section 3.1: methods are case-sensitive tokens.
        ("get / HTTP/1.1", METHOD),
        ("GETS / HTTP/1.1", METHOD),
        ("G!#$%&'*+-.^_`|~9 / HTTP/1.1", METHOD),
        ("CONNECT a:443 HTTP/1.1", METHOD),
        ("PRI * HTTP/1.1", METHOD),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", METHOD),
        // Section 3.2: the forms of a target.
        ("GET /a|b{c}^`\\\"<> HTTP/1.1", None),
        ("GET /\u{fc} HTTP/1.1", None),
        ("GET // HTTP/1.1", None),
        ("GET /a#b HTTP/1.1", LINE),
        ("GET # HTTP/1.1", LINE),
        ("GET a HTTP/1.1", FORM),
        ("GET ?a HTTP/1.1", FORM),
        ("GET a:80 HTTP/1.1", FORM),
        ("GET * HTTP/1.1", FORM),
        ("HEAD * HTTP/1.1", FORM),
        ("OPTIONS * HTTP/1.1", None),
        ("OPTIONS ** HTTP/1.1", FORM),
        ("OPTIONS / HTTP/1.1", None),
        ("GET http://a HTTP/1.1", None),
        ("GET HTTP://a/b HTTP/1.1", None),
        ("GET https://a:1/b HTTP/1.1", Some(Reject::TargetInsecure)),
        ("GET HTTPS://a HTTP/1.1", Some(Reject::TargetInsecure)),
        ("GET http://[::1]:80/b HTTP/1.1", None),
        ("GET ftp://a/ HTTP/1.1", FORM),
        ("GET http:/a HTTP/1.1", FORM),
        ("GET http:a HTTP/1.1", FORM),
        ("GET http:// HTTP/1.1", HOST),
        ("GET http:///a HTTP/1.1", HOST),
        ("GET http://:80/a HTTP/1.1", HOST),
        ("GET http://u@a/ HTTP/1.1", HOST),
        ("GET http://u:p@a/ HTTP/1.1", HOST),
        ("GET http://a:b/ HTTP/1.1", HOST),
        ("GET http://a\\b/ HTTP/1.1", HOST),
        ("GET http://a%zz/ HTTP/1.1", HOST),
        // RFC 9112 2.3: the version.
        ("GET / http/1.1", LINE),
        ("GET / HTTP/1", LINE),
        ("GET / HTTP/1.", LINE),
        ("GET / HTTP/11", LINE),
        ("GET / HTTP/1.10", LINE),
        ("GET / HTTP/01.1", LINE),
        ("GET / HTTP/a.1", LINE),
        ("GET / HTTP/1,1", LINE),
        ("GET / HTTP 1.1", LINE),
        ("GET / HTTPS/1.1", LINE),
        (
            "GET / HTTP/2.0",
            Some(Reject::Version { major: 2, minor: 0 }),
        ),
        (
            "PRI * HTTP/2.0",
            Some(Reject::Version { major: 2, minor: 0 }),
        ),
        (
            "GET / HTTP/0.9",
            Some(Reject::Version { major: 0, minor: 9 }),
        ),
        (
            "GET / HTTP/9.9",
            Some(Reject::Version { major: 9, minor: 9 }),
        ),
    ];
}

#[test]
fn request_lines_are_those_of_rfc_9112_3() {
    for (line, reject) in request_lines::CASES {
        let head = format!("{line}\r\nHost: a\r\n\r\n");
        assert_eq!(refused(head.as_bytes()), *reject, "{line:?}");
        if reject.is_none() {
            assert_eq!(whole(&head).request_line, line.as_bytes());
        }
    }
}

#[test]
fn an_absolute_target_brings_its_own_host() {
    const CASES: &[(&str, &str, &str)] = &[
        ("http://b", "b", ""),
        ("http://b/", "b", "/"),
        ("http://b:81/c?d", "b:81", "/c?d"),
        ("http://b?d", "b", "?d"),
        ("HTTP://b//c", "b", "//c"),
        ("/c", "a", "/c"),
    ];
    for (target, host, rest) in CASES {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        let request = whole(&head);
        assert_eq!(request.host, Some(host.as_bytes()), "{target}");
        assert_eq!(request.target, rest.as_bytes(), "{target}");
    }
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    const CASES: &[(&str, Option<Reject>)] = &[
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\r\nHost: a\n\n", Some(Reject::LineEnd)),
        (
            "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n",
            Some(Reject::LineEnd),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nB:\n\r\n",
            Some(Reject::LineEnd),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nB: \n\r\n",
            Some(Reject::LineEnd),
        ),
        ("GET / HTTP/1.1\r\n\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\n\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Some(Reject::LineEnd)),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", Some(Reject::LineEnd)),
        (
            "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
            Some(Reject::FieldValue),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n",
            Some(Reject::FieldValue),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n",
            Some(Reject::LineEnd),
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", Some(Reject::LineEnd)),
    ];
    for (head, reject) in CASES {
        assert_eq!(refused(head.as_bytes()), *reject, "{head:?}");
    }
}

/// RFC 9112 2.2: a server should ignore at least one; a bare LF is none.
#[test]
fn empty_lines_before_a_request_are_skipped() {
    let head = "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(whole(head).head_len, head.len());
    assert_eq!(whole(head).request_line, b"GET / HTTP/1.1");
    for start in ["", "\r", "\r\n", "\r\n\r"] {
        assert_eq!(parse(start.as_bytes()), Ok(None), "{start:?}");
    }
    for start in ["\n", "\r\r\n", "\r\n\n", "\r\n "] {
        let head = format!("{start}GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            refused(head.as_bytes()),
            Some(Reject::RequestLine),
            "{start:?}"
        );
    }
}

#[test]
fn field_lines_are_those_of_rfc_9112_5() {
    const NAME: Option<Reject> = Some(Reject::FieldName);
    const VALUE: Option<Reject> = Some(Reject::FieldValue);
    const CASES: &[(&str, Option<Reject>)] = &[
        ("A: b\r\n", None),
        ("A:b\r\n", None),
        ("A:\r\n", None),
        ("A: \t\r\n", None),
        ("A: b: c\r\n", None),
        ("A: \u{fc}\t~\r\n", None),
        ("!#$%&'*+-.^_`|~9zA: b\r\n", None),
        // 5.1: no white space between name and colon, 5.2: no line folding.
        ("A : b\r\n", NAME),
        ("A\t: b\r\n", NAME),
        (" A: b\r\n", NAME),
        ("A: b\r\n c\r\n", NAME),
        ("A: b\r\n\tc\r\n", NAME),
        ("A:\r\n b\r\n", NAME),
        ("A: b\r\n : c\r\n", NAME),
        (": b\r\n", NAME),
        ("A\r\n", NAME),
        ("A b\r\n", NAME),
        ("A\0: b\r\n", NAME),
        ("A\u{fc}: b\r\n", NAME),
        ("A(: b\r\n", NAME),
        ("A: b\0c\r\n", VALUE),
        ("A: \u{1}\r\n", VALUE),
        ("A: b\u{b}c\r\n", VALUE),
        ("A: b\u{7f}\r\n", VALUE),
        ("A: b\u{1b}[0m\r\n", VALUE),
    ];
    for (field, reject) in CASES {
        // As the first line, in the middle, as the last.
        for fields in [
            format!("{field}Host: a\r\n"),
            format!("B: c\r\n{field}Host: a\r\n"),
            format!("Host: a\r\nB: c\r\n{field}"),
        ] {
            assert_eq!(refused(get(&fields).as_bytes()), *reject, "{fields:?}");
        }
    }
}

/// Whatever httparse takes, and wherever in its vectors it stands.
#[test]
fn every_byte_is_what_its_place_allows() {
    for byte in 0..=u8::MAX {
        for before in [0, 7, 15, 16, 31, 40] {
            let pad = "a".repeat(before);
            let place = |start: &str, end: &str| {
                [
                    start.as_bytes(),
                    pad.as_bytes(),
                    &[byte],
                    b"aaa",
                    end.as_bytes(),
                ]
                .concat()
            };
            let is_token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let is_text = byte == b'\t' || (b' '..=b'~').contains(&byte) || byte >= 0x80;

            let name = place("GET / HTTP/1.1\r\nHost: a\r\nX", ": b\r\n\r\n");
            let is_name = is_token || byte == b':';
            assert_eq!(parse(&name).is_ok(), is_name, "{byte:#x} in a name");
            let value = place("GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n");
            assert_eq!(parse(&value).is_ok(), is_text, "{byte:#x} in a value");
            let target = place("GET /", " HTTP/1.1\r\nHost: a\r\n\r\n");
            let is_target = is_text && !matches!(byte, b'\t' | b' ' | b'#');
            assert_eq!(parse(&target).is_ok(), is_target, "{byte:#x} in a target");
        }
    }
}

#[test]
fn there_is_one_valid_host() {
    const CASES: &[(&str, &str, Option<Reject>)] = &[
        ("1.1", "Host: a\r\n", None),
        ("1.1", "host:a:80\r\n", None),
        ("1.1", "Host:\r\n", None),
        ("1.1", "", Some(Reject::HostMissing)),
        ("1.1", "Host: a\r\nHost: a\r\n", Some(Reject::HostRepeated)),
        (
            "1.1",
            "Host: a\r\nX: y\r\nHOST:\r\n",
            Some(Reject::HostRepeated),
        ),
        ("1.1", "Host: a, b\r\n", Some(Reject::HostInvalid)),
        ("1.1", "Host: a b\r\n", Some(Reject::HostInvalid)),
        ("1.1", "Host: a/b\r\n", Some(Reject::HostInvalid)),
        ("1.1", "Host: u@a\r\n", Some(Reject::HostInvalid)),
        ("1.0", "", None),
        ("1.0", "Host: a\r\n", None),
        ("1.0", "Host: a\r\nHost: b\r\n", Some(Reject::HostRepeated)),
        ("1.0", "Host: a/b\r\n", Some(Reject::HostInvalid)),
    ];
    for (version, fields, reject) in CASES {
        let head = format!("GET / HTTP/{version}\r\n{fields}\r\n");
        assert_eq!(refused(head.as_bytes()), *reject, "{head:?}");
        // An absolute target needs the field too, and does not excuse a bad one.
        let head = format!("GET http://b/ HTTP/{version}\r\n{fields}\r\n");
        assert_eq!(refused(head.as_bytes()), *reject, "{head:?}");
    }
    assert_eq!(whole(&get("Host:\r\n")).host, None);
}

#[test]
fn a_port_has_a_host_before_it() {
    for (version, port) in [("1.1", ":80"), ("1.1", ":"), ("1.0", ":80")] {
        let head = format!("GET / HTTP/{version}\r\nHost: {port}\r\n\r\n");
        assert_eq!(
            refused(head.as_bytes()),
            Some(Reject::HostInvalid),
            "{head:?}"
        );
        // Beside an absolute target the field is well formed, and not asked.
        let head = format!("GET http://a:8/ HTTP/{version}\r\nHost: {port}\r\n\r\n");
        assert_eq!(whole(&head).host, Some(b"a:8".as_slice()), "{head:?}");
    }
}

mod content {
    use super::{Framing, Reject};

    const NONE: Result<Framing, Reject> = Ok(Framing::None);
    const CHUNKED: Result<Framing, Reject> = Ok(Framing::Chunked);
    const LENGTH: Result<Framing, Reject> = Err(Reject::ContentLengthInvalid);
    const LENGTHS: Result<Framing, Reject> = Err(Reject::ContentLengthRepeated);
    const CODING: Result<Framing, Reject> = Err(Reject::TransferEncodingInvalid);
    const UNKNOWN: Result<Framing, Reject> = Err(Reject::TransferCodingUnknown);
    const TWICE: Result<Framing, Reject> = Err(Reject::FramingTwice);
    const TOO_LARGE: Result<Framing, Reject> = Err(Reject::ContentTooLarge { max: 1024 * 1024 });
    pub(super) const CASES: &[(&str, Result<Framing, Reject>)] = &[
        ("", NONE),
        ("Content-Length: 0\r\n", NONE),
        ("Content-Length: 5\r\n", Ok(Framing::Length(5))),
        ("content-length:005 \r\n", Ok(Framing::Length(5))),
        (
            "Content-Length: 1048576\r\n",
            Ok(Framing::Length(1024 * 1024)),
        ),
        ("Content-Length: 1048577\r\n", TOO_LARGE),
        ("Content-Length: 18446744073709551616\r\n", TOO_LARGE),
        ("Content-Length: 99999999999999999999999999\r\n", TOO_LARGE),
        ("Content-Length:\r\n", LENGTH),
        ("Content-Length: +5\r\n", LENGTH),
        ("Content-Length: -5\r\n", LENGTH),
        ("Content-Length: 5 5\r\n", LENGTH),
        ("Content-Length: 0x5\r\n", LENGTH),
        ("Content-Length: 5.0\r\n", LENGTH),
        ("Content-Length: 5e0\r\n", LENGTH),
        ("Content-Length: 5,\r\n", LENGTH),
        ("Content-Length: 5, 5\r\n", LENGTH),
        ("Content-Length: \u{665}\r\n", LENGTH),
        ("Content-Length: five\r\n", LENGTH),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", LENGTHS),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", LENGTHS),
        ("Content-Length: 5\r\nContent-Length:\r\n", LENGTHS),
        ("Transfer-Encoding: chunked\r\n", CHUNKED),
        ("TRANSFER-ENCODING:CHUNKED\t\r\n", CHUNKED),
        ("Transfer-Encoding: chunked, chunked\r\n", CODING),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            CODING,
        ),
        ("Transfer-Encoding: chunked, gzip\r\n", CODING),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
            CODING,
        ),
        ("Transfer-Encoding: gzip\r\n", CODING),
        ("Transfer-Encoding: identity\r\n", CODING),
        ("Transfer-Encoding: chunkedx\r\n", CODING),
        ("Transfer-Encoding: xchunked\r\n", CODING),
        ("Transfer-Encoding: chunked;a=b\r\n", CODING),
        ("Transfer-Encoding: chunked ;\r\n", CODING),
        ("Transfer-Encoding: chunked,\r\n", CODING),
        ("Transfer-Encoding: ,chunked\r\n", CODING),
        ("Transfer-Encoding: \"chunked\"\r\n", CODING),
        ("Transfer-Encoding:\r\n", CODING),
        (
            "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
            CODING,
        ),
        ("Transfer-Encoding: \u{a0}chunked\r\n", CODING),
        ("Transfer-Encoding: gzip, chunked\r\n", UNKNOWN),
        ("Transfer-Encoding: gzip;q=1, chunked\r\n", UNKNOWN),
        ("Transfer-Encoding: identity, chunked\r\n", UNKNOWN),
        (
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
            UNKNOWN,
        ),
        ("Transfer-Encoding: gzip, chunked, gzip\r\n", CODING),
        ("Transfer-Encoding: gzip, chunked, chunked\r\n", CODING),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", TWICE),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", TWICE),
        ("Content-Length: x\r\nTransfer-Encoding: gzip\r\n", TWICE),
        ("Content-Length: 5\r\nTransfer-Encoding:\r\n", TWICE),
    ];
}

#[test]
fn content_is_framed_as_rfc_9112_6_has_it() {
    for (fields, framing) in content::CASES {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let seen = match parse(head.as_bytes()) {
                Ok(request) => Ok(request.unwrap().framing),
                Err(rejection) => Err(rejection.reject),
            };
            assert_eq!(seen, *framing, "{head:?}");
        }
    }
    let head = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refused(head), Some(Reject::TransferEncodingVersion));
}

#[test]
fn a_connection_persists_as_rfc_9112_9_3_has_it() {
    const CASES: &[(&str, &str, bool)] = &[
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "connection:CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive, close\r\n", false),
        (
            "1.1",
            "Connection: keep-alive\r\nConnection: close\r\n",
            false,
        ),
        ("1.1", "Connection: upgrade ,\tclose,\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.1", "Connection: \"close\"\r\n", true),
        ("1.1", "Connection:\r\n", true),
        ("1.1", "Keep-Alive: close\r\n", true),
        ("1.2", "", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: x, keep-alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
    ];
    for (version, fields, persistent) in CASES {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(whole(&head).persistent, *persistent, "{head:?}");
    }
}

#[test]
fn expectations_are_those_of_rfc_9110_10_1_1() {
    const NONE: Expectation = Expectation::None;
    const CONTINUE: Expectation = Expectation::Continue;
    const UNKNOWN: Expectation = Expectation::Unknown;
    const CASES: &[(&str, &str, &str, Expectation)] = &[
        ("1.1", "Content-Length: 5", "A: b", NONE),
        ("1.1", "Content-Length: 5", "Expect: 100-continue", CONTINUE),
        (
            "1.1",
            "Content-Length: 5",
            "expect:100-Continue\t",
            CONTINUE,
        ),
        (
            "1.1",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
            CONTINUE,
        ),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: ,100-continue, 100-continue,",
            CONTINUE,
        ),
        ("1.1", "Content-Length: 5", "Expect:", NONE),
        ("1.1", "Content-Length: 5", "Expect: ,", NONE),
        // Nothing to wait for.
        ("1.1", "Content-Length: 0", "Expect: 100-continue", NONE),
        ("1.1", "A: b", "Expect: 100-continue", NONE),
        ("1.0", "Content-Length: 5", "Expect: 100-continue", NONE),
        ("1.0", "Content-Length: 5", "Expect: something", NONE),
        // What cannot be met.
        ("1.1", "A: b", "Expect: something", UNKNOWN),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: 100-continue, something",
            UNKNOWN,
        ),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: 100-continue;a=b",
            UNKNOWN,
        ),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: \"100-continue\"",
            UNKNOWN,
        ),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: 100-continue\r\nExpect: x",
            UNKNOWN,
        ),
        (
            "1.1",
            "Content-Length: 5",
            "Expect: x\r\nExpect: 100-continue",
            UNKNOWN,
        ),
    ];
    for (version, content, fields, expectation) in CASES {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n{content}\r\n\r\n");
        let request = whole(&head);
        assert_eq!(request.expectation, *expectation, "{head:?}");
        let refused = (*expectation == UNKNOWN).then_some(Reject::Expectation);
        assert_eq!(request.check().err(), refused, "{head:?}");
    }
}

#[test]
fn a_method_is_served_or_not_allowed() {
    for (method, allowed) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("POST", false),
        ("PUT", false),
        ("DELETE", false),
        ("PATCH", false),
        ("TRACE", false),
    ] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let refused = (!allowed).then_some(Reject::MethodNotAllowed);
        assert_eq!(whole(&head).check().err(), refused);
        assert_eq!(
            Method::ALLOW.split(", ").any(|name| name == method),
            allowed
        );
    }
}

#[test]
fn a_list_may_stand_on_several_lines() {
    let head = get("Host: a\r\nAccept: a\r\nB: c\r\naccept:  b, c \r\nAccepted: x\r\nACCEPT:\r\n");
    assert!(
        whole(&head)
            .fields
            .accept()
            .iter()
            .eq([&b"a"[..], b"b, c", b""])
    );

    let head = get("Host: a\r\n");
    assert!(whole(&head).fields.accept().is_missing());
    assert_eq!(whole(&head).fields.accept().iter().count(), 0);
}

#[test]
fn a_single_field_that_is_there_twice_is_empty() {
    let head =
        get("Host: a\r\nRange: a\r\nRange: b\r\nIf-Range: a\r\nif-range: a\r\nIf-Range: a\r\n");
    assert_eq!(whole(&head).fields.range(), Some(&b""[..]));
    assert_eq!(whole(&head).fields.if_range(), Some(&b""[..]));
}

#[test]
fn field_lines_are_counted() {
    let fields = |count: usize| get(&format!("Host: a\r\n{}", "A: b\r\n".repeat(count - 1)));
    for count in [1, 23, 24, 25, 100] {
        assert!(whole(&fields(count)).persistent);
    }
    let max = 100;
    let head = fields(101);
    assert_eq!(
        refused(head.as_bytes()),
        Some(Reject::TooManyFields { max })
    );
}

const SMALL: Limits = Limits {
    request_line_max: 32,
    head_max: 64,
    content_max: 10,
};

/// 414 and 431 come with the byte at which nothing shorter can follow any more.
#[test]
fn limits_are_noticed_as_soon_as_they_are_passed() {
    let line = format!("GET /{} HTTP/1.1\r\n", "a".repeat(32 - 16));
    assert_eq!(line.len(), SMALL.request_line_max);
    let head = format!("{line}Host: {}\r\n\r\n", "b".repeat(64 - 32 - 10));
    assert_eq!(head.len(), SMALL.head_max);
    assert!(matches!(
        Request::parse(head.as_bytes(), &SMALL),
        Ok(Some(_))
    ));

    let long = head.replace("/a", "/aa");
    let reject = |len| {
        let parsed = Request::parse(long.get(..len).unwrap().as_bytes(), &SMALL);
        parsed.map_err(|rejection| (rejection.reject, rejection.request_line))
    };
    assert_eq!(reject(31), Ok(None));
    let received = Some(long.as_bytes().get(..31).unwrap());
    assert_eq!(
        reject(32),
        Err((Reject::RequestLineTooLong { max: 32 }, received))
    );

    let long = head.replace("bb\r", "bbb\r");
    let reject = |len| {
        let parsed = Request::parse(long.get(..len).unwrap().as_bytes(), &SMALL);
        parsed.map_err(|rejection| (rejection.reject, rejection.request_line))
    };
    assert_eq!(reject(63), Ok(None));
    let line = Some(long.as_bytes().get(..30).unwrap());
    assert_eq!(reject(64), Err((Reject::HeadTooLong { max: 64 }, line)));
    assert_eq!(reject(65), Err((Reject::HeadTooLong { max: 64 }, line)));

    let empty = "\r\n".repeat(33);
    let parsed = Request::parse(empty.as_bytes(), &SMALL);
    let expected = Rejection {
        reject: Reject::HeadTooLong { max: 64 },
        request_line: None,
        head_only: false,
    };
    assert_eq!(parsed, Err(expected));
}

#[test]
fn a_rejection_keeps_the_line_for_the_log() {
    const CASES: &[(&str, Option<&str>, bool)] = &[
        ("GET / HTTP/1.1\r\n\r\n", Some("GET / HTTP/1.1"), false),
        ("HEAD / HTTP/1.1\r\n\r\n", Some("HEAD / HTTP/1.1"), true),
        ("HEAD / HTTP/3.0\r\n\r\n", Some("HEAD / HTTP/3.0"), true),
        ("GET /\r\nHost: a\r\n\r\n", Some("GET /"), false),
        ("\r\n\u{1}x\nb\r\n", Some("\u{1}x"), false),
        ("\n", None, false),
    ];
    for (head, line, head_only) in CASES {
        let rejection = parse(head.as_bytes()).unwrap_err();
        assert_eq!(rejection.request_line, line.map(str::as_bytes), "{head:?}");
        assert_eq!(rejection.head_only, *head_only, "{head:?}");
    }
}

/// Pieces of heads, good and bad, and any bytes: enough to reach every rule.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(&[
        "GET / HTTP/1.1",
        "HEAD /a%20b HTTP/1.0",
        "POST http://a:1/b?c HTTP/1.1",
        "GET /",
        "OPTIONS * HTTP/1.1",
        "GET / HTTP/2.0",
        "GARBAGE",
        "",
        "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ]);
    let field = prop::sample::select(&[
        "Host: a",
        "Host: [::1]:80",
        "Host: a b",
        "Content-Length: 5",
        "Content-Length: 50",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Accept: a",
        "Accept: b",
        "Range: bytes=0-1",
        "A : b",
        " fold",
        "A: \u{1}",
        "If-None-Match: \"a\"",
        "Expect: 100-continue",
    ]);
    let end = prop_oneof![20 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("")];
    let lines = prop::collection::vec((field, end.clone()), 0..5);
    let noise = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    (line, end, lines, noise).prop_map(|(line, end, lines, noise)| {
        let mut head = [line, end].concat();
        lines
            .iter()
            .for_each(|(field, end)| head.extend([*field, *end]));
        let mut head = (head + "\r\nGET /next HTTP/1.1\r\n\r\n").into_bytes();
        for (at, byte) in noise {
            let at = at.index(head.len());
            head[at] = byte;
        }
        head
    })
}

proptest! {
    /// Nothing but `Ok(None)` comes before the answer, and the answer is that of the whole.
    #[test]
    fn the_answer_does_not_depend_on_the_cuts(head in heads(), small in any::<bool>()) {
        let limits = if small { SMALL } else { Limits::default() };
        let answer = |bytes| {
            let parsed = Request::parse(bytes, &limits);
            parsed.map_err(|rejection| (rejection.reject, rejection.head_only)).transpose()
        };
        let first = (0..=head.len()).find_map(|len| answer(&head[..len]));
        prop_assert_eq!(first, answer(&head));
    }

    /// Whatever came before, whole or not, and were it another in one byte alone.
    #[test]
    fn what_is_known_makes_no_difference(
        heads in prop::collection::vec(heads(), 1..4),
        steps in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::option::weighted(0.3, any::<prop::sample::Index>()),
            prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()))),
            1..20,
        ),
        small in any::<bool>(),
    ) {
        let limits = if small { SMALL } else { Limits::default() };
        let mut known = KnownFields::default();
        for (which, cut, change) in steps {
            let mut head = which.get(&heads).clone();
            if let Some((at, byte)) = change {
                let at = at.index(head.len());
                head[at] = byte;
            }
            if let Some(cut) = cut {
                head.truncate(cut.index(head.len()));
            }
            let answer = Request::parse_knowing(&head, &limits, &mut known);
            prop_assert_eq!(answer, Request::parse(&head, &limits));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    /// What is picked up lies in the head, and the head in the buffer.
    #[test]
    fn a_request_lies_within_its_bytes(head in heads()) {
        if let Ok(Some(request)) = parse(&head) {
            prop_assert!(request.head_len <= head.len());
            prop_assert!(head[..request.head_len].ends_with(b"\r\n\r\n"));
            prop_assert!(request.request_line.len() < request.head_len);
        }
    }
}
