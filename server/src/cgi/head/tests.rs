//! Heads of scripts: what is taken, what is refused, at every cut of the bytes.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<ScriptHead, HeadError> {
    ScriptHead::parse(text.as_bytes()).map(|head| head.expect("it is whole"))
}

#[test]
fn a_head_is_taken_as_scripts_write_it() {
    const CASES: &[(&str, u16, &str, &str)] = &[
        (
            "Content-Type: text/plain\n\n",
            200,
            "OK",
            "Content-Type: text/plain\r\n",
        ),
        (
            "Content-type:a/b\r\n\r\n",
            200,
            "OK",
            "Content-type: a/b\r\n",
        ),
        ("Status: 404\n\n", 404, "Not Found", ""),
        ("status: 404 Gone Fishing\n\n", 404, "Gone Fishing", ""),
        ("Status: 299\n\n", 299, "", ""),
        ("HTTP/1.0 201 Made\nX: y\n\n", 201, "Made", "X: y\r\n"),
        ("Location: /a?b\n\n", 302, "Found", "Location: /a?b\r\n"),
        (
            "Location: http://a/\nStatus: 301\n\n",
            301,
            "Moved Permanently",
            "Location: http://a/\r\n",
        ),
        (
            "Content-Type: a/b\nSet-Cookie: a\nSet-Cookie: b\nConnection: close\nDate: x\n\nrest",
            200,
            "OK",
            "Content-Type: a/b\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
        ),
    ];
    for (text, status, reason, lines) in CASES {
        let head = read(text).unwrap();
        assert_eq!(head.status, *status, "{text:?}");
        assert_eq!(head.reason, reason.as_bytes(), "{text:?}");
        assert_eq!(head.lines.as_bytes(), lines.as_bytes(), "{text:?}");
        assert_eq!(head.content_length, None);
    }
    let head = read("Content-Type: a/b\nContent-Length: 12\n\n").unwrap();
    assert_eq!(head.content_length, Some(12));
}

#[test]
fn what_is_no_head_is_refused() {
    const CASES: &[&str] = &[
        "\n",
        "\r\n",
        "X: y\n\n",
        "hello\n\n",
        "Content-Type: a/b\n folded\n\n",
        "Content Type: a/b\n\n",
        "Content-Type : a/b\n\n",
        ": a\n\n",
        "Content-Type: a\x01b\n\n",
        "Content-Type: a/b\rX: y\n\n",
        "Content-Type: a/b\nContent-Type: a/b\n\n",
        "Status: 200\nStatus: 200\n\n",
        "HTTP/1.1 200 OK\nStatus: 200\n\n",
        "HTTP/1.1\nContent-Type: a/b\n\n",
        "Status: 199\n\n",
        "Status: 100 Continue\n\n",
        "Status: 600\n\n",
        "Status: +20\n\n",
        "Status: 2000\n\n",
        "Status:\n\n",
        "Location:\n\n",
        "Location: /a b\n\n",
        "Content-Type: a/b\nContent-Length: 1\nContent-Length: 1\n\n",
        "Content-Type: a/b\nContent-Length: -1\n\n",
        "Content-Type: a/b\nContent-Length: 99999999999999999999\n\n",
        "Content-Type: a/b\nTransfer-Encoding: chunked\n\n",
    ];
    for text in CASES {
        assert!(read(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_head_has_limits() {
    let line = |len: usize| format!("Content-Type: {}\n\n", "a".repeat(len - 16));
    assert!(read(&line(HEAD_MAX)).is_ok());
    assert_eq!(read(&line(HEAD_MAX + 1)), Err(HeadError::TooLong));
    let fields = |count: usize| format!("Status: 200\n{}\n", "a: b\n".repeat(count - 1));
    assert!(read(&fields(FIELDS_MAX)).is_ok());
    assert_eq!(read(&fields(FIELDS_MAX + 1)), Err(HeadError::TooManyFields));
}

#[test]
fn a_raw_head_begins_with_a_status_line() {
    let read = |text: &str| RawHead::parse(text.as_bytes());
    let whole = "HTTP/1.0 404 No\r\nA: b\r\n\r\n";
    let head = RawHead {
        status: 404,
        len: whole.len(),
    };
    assert_eq!(read(&format!("{whole}content")), Ok(Some(head)));
    assert_eq!(read("HTTP/1.1 200 OK\r\n"), Ok(None));
    for text in [
        "Content-Type: a/b\n\n",
        "HTTP/1.1 100 Continue\n\n",
        "HTTP/2 200\n\n",
        "HTTP/1.1 2000\n\n",
        "\n",
    ] {
        assert!(
            matches!(read(text), Err(HeadError::StatusLine { .. })),
            "{text:?}"
        );
    }
}

/// Near enough to a head to get somewhere.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"Content-Type: a/b\n".to_vec()),
        Just(b"Status: 404 X\r\n".to_vec()),
        Just(b"Location: /x\n".to_vec()),
        Just(b"Content-Length: 3\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_answer_is_the_same_at_every_cut_and_no_line_begins_another(output in output()) {
        law(&output);
    }
}
