//! The law of no smuggling: however the bytes of a connection arrive, the requests that are seen
//! in them are those that a slow, obvious reading of RFC 9112 sees in the whole.

mod connections;
mod reading;

use http::{Content, Framing, Limits, Request};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use connections::{connections, pieces};
use reading::{End, Reading, text};

const LIMITS: Limits = Limits {
    request_line_max: 1000,
    head_max: 4000,
    content_max: 40,
};

/// The reading under test, fed in pieces, as a connection feeds it.
fn ours(pieces: &[&[u8]]) -> Reading {
    let mut reading = Reading::default();
    let mut buffer = Vec::new();
    let mut content = Content::new(Framing::None, LIMITS.content_max);
    // The request whose content is being read.
    let mut begun: Option<(_, bool)> = None;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            let Ok(taken) = content.discard(&buffer) else {
                reading.end = End::Refused;
                return reading;
            };
            buffer.drain(..taken);
            if !content.is_done() {
                break;
            }
            if let Some((seen, persists)) = begun.take() {
                reading.requests.push(seen);
                if !persists {
                    reading.end = End::Closed;
                    return reading;
                }
            }
            let head_len = match Request::parse(&buffer, &LIMITS) {
                Ok(None) => break,
                Ok(Some(request)) => {
                    let host = request.host.map(text);
                    begun = Some(((text(request.request_line), host), request.persistent));
                    content = Content::new(request.framing, LIMITS.content_max);
                    request.head_len
                }
                Err(_) => {
                    reading.end = End::Refused;
                    return reading;
                }
            };
            buffer.drain(..head_len);
        }
    }
    let is_blank = buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
    if begun.is_some() || !is_blank {
        reading.end = End::Within;
    }
    reading
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(4096))]

    #[test]
    fn requests_are_those_that_the_rfc_frames(
        bytes in connections(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let seen = ours(&pieces(&bytes, &cuts));
        let expected = reading::read(&bytes, LIMITS.content_max);

        prop_assert_eq!(&seen.requests, &expected.requests);
        // Waiting for the end of what is wrong already is the reference's alone.
        let is_early = (seen.end, expected.end) == (End::Refused, End::Within);
        prop_assert!(is_early || seen.end == expected.end, "{seen:?} {expected:?}");
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
        end: End::Open,
    };
    assert_eq!(reading::read(two, 40), expected);
    assert_eq!(ours(&[two]), expected);
    for (text, end) in [
        ("\r\n\r", End::Open),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             1;a=\"; c\"\r\na\r\n0\r\n\r\n",
            End::Open,
        ),
        ("GET / HTTP/1.1\r\n\r\n", End::Refused),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            End::Within,
        ),
        ("GET / HTTP/1.0\r\n\r\nno request", End::Closed),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            End::Closed,
        ),
    ] {
        assert_eq!(reading::read(text.as_bytes(), 40).end, end, "{text:?}");
        assert_eq!(ours(&[text.as_bytes()]).end, end, "{text:?}");
    }
}

/// Of many connections, a good part is read to several requests, to chunks, and to each end.
#[test]
fn the_generator_reaches_every_end() {
    use proptest::strategy::{Strategy, ValueTree};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut ends = std::collections::BTreeMap::<String, usize>::new();
    let mut several = 0;
    for _ in 0..1000 {
        let bytes = connections().new_tree(&mut runner).unwrap().current();
        let reading = reading::read(&bytes, LIMITS.content_max);
        *ends.entry(format!("{:?}", reading.end)).or_default() += 1;
        several += usize::from(reading.requests.len() >= 3);
    }
    assert_eq!(ends.len(), 4, "{ends:?}");
    assert!(ends.values().all(|&count| count >= 5), "{ends:?}");
    assert!(several >= 100, "{several}");
}
