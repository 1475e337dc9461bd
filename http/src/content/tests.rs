//! Contents one by one, by RFC 9112 section 7.1, and the law of the cuts.

use super::Content;
use crate::{Framing, Reject};
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const MAX: u64 = 100;

/// How many bytes belong to the content, if it is whole.
fn discard(framing: Framing, bytes: &[u8]) -> Result<Option<usize>, Reject> {
    let mut content = Content::new(framing, MAX);
    let taken = content.discard(bytes)?;
    Ok(content.is_done().then_some(taken))
}

mod chunks {
    use super::{MAX, Reject};

    const CHUNK: Result<bool, Reject> = Err(Reject::Chunk);
    const LINE_END: Result<bool, Reject> = Err(Reject::LineEnd);
    const TRAILER: Result<bool, Reject> = Err(Reject::Trailer);
    const LARGE: Result<bool, Reject> = Err(Reject::ContentTooLarge { max: MAX });
    /// Whether they are whole.
    pub(super) const CASES: &[(&str, Result<bool, Reject>)] = &[
        ("0\r\n\r\n", Ok(true)),
        ("000\r\n\r\n", Ok(true)),
        ("3\r\nabc\r\n0\r\n\r\n", Ok(true)),
        ("3\r\n\r\n\r\r\n0\r\n\r\n", Ok(true)),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", Ok(true)),
        ("", Ok(false)),
        ("3\r\nab", Ok(false)),
        ("3\r\nabc\r\n0\r\n\r", Ok(false)),
        // The size.
        ("\r\n", CHUNK),
        (" 3\r\n", CHUNK),
        ("+3\r\n", CHUNK),
        ("-3\r\n", CHUNK),
        ("0x3\r\n", CHUNK),
        ("3h\r\n", CHUNK),
        ("3\n", LINE_END),
        ("3\rabc", LINE_END),
        ("3\r\r\n", LINE_END),
        ("3 \r\n", CHUNK),
        ("3\t\r\n", CHUNK),
        ("3\0\r\n", CHUNK),
        (";a\r\n", CHUNK),
        ("64\r\n", Ok(false)),
        ("65\r\n", LARGE),
        ("ffffffffffffffff\r\n", LARGE),
        ("10000000000000003\r\n", LARGE),
        ("fffffffffffffffffffffffffffffffff", LARGE),
        // The data.
        ("3\r\nabcd\r\n", CHUNK),
        ("3\r\nab\r\n0\r\n\r\n", CHUNK),
        ("3\r\nabc\n0\r\n\r\n", CHUNK),
        ("3\r\nabc\r0\r\n\r\n", CHUNK),
        ("3\r\nabc0\r\n\r\n", CHUNK),
        // Extensions.
        ("3;a\r\nabc\r\n0;b\r\n\r\n", Ok(true)),
        ("3;a=b\r\nabc\r\n0\r\n\r\n", Ok(true)),
        (
            "3 ; a = b ;c=\"d;\\\"\t\u{fc}\" ; e\r\nabc\r\n0\r\n\r\n",
            Ok(true),
        ),
        ("0;a=\"\"\r\n\r\n", Ok(true)),
        ("0;a=\"\\\\\"\r\n\r\n", Ok(true)),
        ("0;\r\n", CHUNK),
        ("0;;a\r\n", CHUNK),
        ("0;a=\r\n", CHUNK),
        ("0;a==b\r\n", CHUNK),
        ("0;a=b=c\r\n", CHUNK),
        ("0;a b\r\n", CHUNK),
        ("0;a \r\n", CHUNK),
        ("0;a=b \r\n", CHUNK),
        ("0;a=\"b\"c\r\n", CHUNK),
        ("0;a=\"b\r\n", CHUNK),
        ("0;a=\"b\\\r\n", CHUNK),
        ("0;=b\r\n", CHUNK),
        ("0;a\0\r\n", CHUNK),
        ("0;a=\"\u{1}\"\r\n", CHUNK),
        ("0;a\n", LINE_END),
        ("0;a=\"\n", LINE_END),
        ("0;a\r\r\n", LINE_END),
        // Trailers.
        ("0\r\nA: b\r\n\r\n", Ok(true)),
        ("0\r\nA:\r\nB: c d\r\n\r\n", Ok(true)),
        ("0\r\nA: b\r\n", Ok(false)),
        ("0\r\nA\r\n\r\n", TRAILER),
        ("0\r\nA : b\r\n\r\n", TRAILER),
        ("0\r\n: b\r\n\r\n", TRAILER),
        ("0\r\nA: b\r\n c\r\n\r\n", TRAILER),
        ("0\r\nA: \u{1}\r\n\r\n", TRAILER),
        ("0\r\nA: b\n\r\n", LINE_END),
        ("0\r\nA: b\rC: d\r\n\r\n", LINE_END),
        ("0\r\n\n", LINE_END),
        ("0\r\n\rGET", LINE_END),
        ("0\r\nabc\r\n", TRAILER),
    ];
}

#[test]
fn chunks_are_those_of_rfc_9112_7_1() {
    for (bytes, expected) in chunks::CASES {
        let whole = expected.map(|is_whole| is_whole.then_some(bytes.len()));
        assert_eq!(
            discard(Framing::Chunked, bytes.as_bytes()),
            whole,
            "{bytes:?}"
        );
    }
}

#[test]
fn the_next_request_is_not_touched() {
    const CASES: &[(Framing, &str)] = &[
        (Framing::None, ""),
        (Framing::Length(3), "abc"),
        (Framing::Chunked, "3\r\nabc\r\n0\r\nA: b\r\n\r\n"),
    ];
    for (framing, bytes) in CASES {
        let both = format!("{bytes}GET /");
        assert_eq!(
            discard(*framing, both.as_bytes()),
            Ok(Some(bytes.len())),
            "{framing:?}"
        );
    }
}

#[test]
fn every_part_of_a_chunked_content_has_its_limit() {
    let line = |len: usize| format!("{}\r\n\r\n", "0".repeat(len - 2));
    assert!(matches!(
        discard(Framing::Chunked, line(256).as_bytes()),
        Ok(Some(_))
    ));
    let expected = Err(Reject::ChunkLineTooLong { max: 256 });
    assert_eq!(discard(Framing::Chunked, line(257).as_bytes()), expected);

    // 100 bytes may come, but not with 41 bytes of extension to each of them.
    let chunks = format!("1;{}\r\na\r\n", "x".repeat(40)).repeat(100);
    let expected = Err(Reject::ChunkExtensionsTooLong { max: 4096 });
    assert_eq!(discard(Framing::Chunked, chunks.as_bytes()), expected);

    let trailers = |len: usize| format!("0\r\nA: {}\r\n\r\n", "b".repeat(len - 7));
    assert!(matches!(
        discard(Framing::Chunked, trailers(8192).as_bytes()),
        Ok(Some(_))
    ));
    let expected = Err(Reject::TrailersTooLong { max: 8192 });
    assert_eq!(
        discard(Framing::Chunked, trailers(8193).as_bytes()),
        expected
    );

    let chunks = "32\r\n".to_owned() + &"a".repeat(50) + "\r\n33\r\n";
    let expected = Err(Reject::ContentTooLarge { max: MAX });
    assert_eq!(discard(Framing::Chunked, chunks.as_bytes()), expected);
}

proptest! {
    /// However a content arrives, the same bytes belong to it, or it is refused for the same.
    #[test]
    fn the_cuts_make_no_difference(
        chunks in prop::collection::vec((0..8u8, "(;[a= \"]{1,3})?", 1..12usize), 0..4),
        end in "(0\r\n(A: b\r\n)?\r\n)?.{0,3}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bytes = Vec::new();
        for (mistake, extension, len) in chunks {
            let size = if mistake == 0 { len + 1 } else { len };
            let extension = if mistake < 3 { extension } else { String::new() };
            bytes.extend(format!("{size:x}{extension}\r\n{}\r\n", "a".repeat(len)).bytes());
        }
        bytes.extend(end.bytes());
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();

        let mut content = Content::new(Framing::Chunked, MAX);
        let mut cut = || {
            let mut taken = 0;
            for ends in cuts.windows(2) {
                taken += content.discard(&bytes[ends[0]..ends[1]])?;
            }
            Ok(content.is_done().then_some(taken))
        };

        prop_assert_eq!(cut(), discard(Framing::Chunked, &bytes));
    }

    #[test]
    fn a_length_is_taken_exactly(
        len in 0..50u64,
        parts in prop::collection::vec(0..20usize, 0..6),
    ) {
        let mut content = Content::new(Framing::Length(len), MAX);
        let mut left = len;
        for part in parts {
            let taken = content.discard(&vec![0; part]).unwrap() as u64;
            prop_assert_eq!(taken, left.min(part as u64));
            left -= taken;
            prop_assert_eq!(content.is_done(), left == 0);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut content = Content::new(Framing::Chunked, u64::MAX);
        if let Ok(taken) = content.discard(&bytes) {
            prop_assert!(taken == bytes.len() || content.is_done());
        }
    }
}
