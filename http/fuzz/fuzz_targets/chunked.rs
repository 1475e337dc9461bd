//! Chunked contents: the first byte says where to cut, the rest is what arrives.
#![no_main]

use http::{Content, Framing};
use libfuzzer_sys::fuzz_target;

const MAX: u64 = 1000;

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let read = |pieces: [&[u8]; 2]| {
        let mut content = Content::new(Framing::Chunked, MAX);
        let mut taken = 0;
        for piece in pieces {
            taken += content.discard(piece)?;
        }
        Ok::<_, http::Reject>((taken, content.is_done()))
    };
    let whole = read([bytes, &[]]);
    let (first, second) = bytes.split_at(usize::from(cut).min(bytes.len()));
    assert_eq!(read([first, second]), whole);
    if let Ok((taken, is_done)) = whole {
        assert!(is_done || taken == bytes.len());
        assert!(!is_done || bytes[..taken].ends_with(b"\r\n\r\n"));
    }
});
