//! Patterns: a line of one, and the path it is matched with.
#![no_main]

use http::Pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|&byte| byte == b'\n');
    let (text, path) = input.split_at(end.unwrap_or(input.len()));
    let Ok(pattern) = String::from_utf8_lossy(text).parse::<Pattern>() else {
        return;
    };

    let captures = pattern.captures(path);
    assert_eq!(captures.is_some(), pattern.matches(path));
    let Some(captures) = captures else {
        return;
    };
    // In the order of the path, none over another.
    let mut rest = path;
    for number in 1..=9 {
        let found = captures.wildcard(number);
        if found.is_empty() {
            continue;
        }
        let at = found.as_ptr() as usize - rest.as_ptr() as usize;
        assert!(at <= rest.len());
        rest = &rest[at + found.len()..];
    }
});
