//! Ranges, and the content made of several: the first two bytes are the length of the file, the
//! rest is the value of Range.
#![no_main]

use http::response::Multipart;
use http::{Coding, ETag, Limits, Representation, Request, Selection};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&len, value)) = bytes.split_first_chunk() else {
        return;
    };
    let len = u16::from_le_bytes(len);
    let head = [b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=", value, b"\r\n\r\n"].concat();
    let Ok(Some(request)) = Request::parse(&head, &Limits::default()) else {
        return;
    };
    let file = Representation {
        content_type: "text/plain",
        len: u64::from(len),
        etag: ETag::new(784_111_777, 0, u64::from(len)),
        modified: 784_111_777,
        coding: Coding::Identity,
        varies: false,
    };
    let ranges = match file.select(&request, 1_795_000_000) {
        Selection::Part(part) => vec![part],
        Selection::Parts(parts) => {
            assert!(parts.len() > 1);
            parts
        }
        _ => return,
    };
    let mut ends: Vec<_> = ranges.iter().map(|part| (part.first(), part.last())).collect();
    assert!(ends.iter().all(|(first, last)| first <= last && *last < u64::from(len)));
    ends.sort_unstable();
    assert!(ends.windows(2).all(|pair| pair[0].1 < pair[1].0));

    let content = vec![b'x'; usize::from(len)];
    let parts = Multipart::new(&file, &ranges, 7);
    let mut out = Vec::new();
    parts.write(&content, &mut out);
    assert_eq!(out.len() as u64, parts.len());
});
