//! PROXY headers: the first byte says where to cut, the rest is what arrives.
#![no_main]

use http::proxy_protocol::{V2_LEN_MAX, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = decode(bytes);
    let first = decode(&bytes[..usize::from(cut).min(bytes.len())]);
    assert!(first == Ok(None) || first == whole);
    match whole {
        Ok(None) => assert!(bytes.len() < 16 + V2_LEN_MAX),
        Ok(Some(header)) => assert!(header.len <= bytes.len()),
        Err(_) => {}
    }
});
