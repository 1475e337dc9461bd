//! Heads: the first byte says where to cut, the rest is what arrives.
#![no_main]

use http::{KnownFields, Limits, Representation, Request};
use libfuzzer_sys::fuzz_target;

/// Small enough for the fuzzer to reach.
const LIMITS: Limits = Limits {
    request_line_max: 200,
    head_max: 1000,
    content_max: 1000,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let answer = |bytes| {
        Request::parse(bytes, &LIMITS)
            .map_err(|rejection| rejection.reject)
            .transpose()
    };
    let whole = answer(bytes);
    if let Some(early) = bytes.get(..usize::from(cut)).and_then(answer) {
        assert_eq!(Some(early), whole);
    }

    // Read for the first time or known, with or without what comes behind it.
    let mut known = KnownFields::default();
    for bytes in [bytes, bytes, &bytes[..bytes.len().min(usize::from(cut))], bytes] {
        let again = Request::parse_knowing(bytes, &LIMITS, &mut known);
        assert_eq!(again, Request::parse(bytes, &LIMITS));
    }

    let Some(Ok(request)) = whole else {
        assert!(whole.is_some() || bytes.len() < LIMITS.head_max);
        return;
    };
    let head = &bytes[..request.head_len];
    assert!(head.ends_with(b"\r\n\r\n"));
    // No line end that another server could see, and this one did not.
    for (at, &byte) in head.iter().enumerate() {
        match byte {
            b'\n' => assert_eq!(head[at - 1], b'\r'),
            b'\r' => assert_eq!(head[at + 1], b'\n'),
            _ => assert!(byte == b'\t' || (byte >= b' ' && byte != 0x7f)),
        }
    }
    if let Some(name) = request.host.and_then(http::host_name) {
        assert!(!name.is_empty() && !name.starts_with('.') && !name.contains('/'));
    }
    let representation = Representation {
        content_type: "text/plain",
        len: 100,
        etag: http::ETag::new(784_111_777, 0, 100),
        modified: 784_111_777,
        coding: http::Coding::Identity,
        varies: false,
    };
    let _ = representation.select(&request, 1_795_000_000);
});
