//! A password file and an Authorization field: no bytes panic, and who gets in is in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rthttpd::passwords::{Credentials, PasswordFile, is_user};

fuzz_target!(|data: (&[u8], &[u8])| {
    let (bytes, field) = data;
    let (file, errors) = PasswordFile::parse(bytes);
    for error in errors {
        assert!(error.line >= 1);
        assert!(error.to_string().is_ascii());
    }
    if let Some(credentials) = Credentials::parse(field)
        && is_cheap(bytes)
        && let Some(user) = file.verify(&credentials)
    {
        assert_eq!(&*user, credentials.user());
        assert!(is_user(&user));
        let line = [&user, &b":"[..]].concat();
        assert!(bytes.windows(line.len()).any(|window| window == line));
    }
});

/// Whether verifying takes no longer than a fuzzer has patience for.
fn is_cheap(bytes: &[u8]) -> bool {
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    !has(b"$2") && !has(b"rounds=")
}
