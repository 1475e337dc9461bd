//! Hashes that other programs have made.

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::*;

/// Made by libxcrypt, OpenSSL and Apache's htpasswd of `pass word`.
const RIGHT: &[&str] = &[
    "$5$saltsalt$9Wp9Qw4Ze8Jxq5F1Z3UnS47KFhc8AqhCRyxFDa8e660",
    "$6$saltsalt$cc1KsgmlKYtCcnNH8.sv7Fe8mca8fAso5fHlNrb1VZa5WYQ.L3ChTcx06ID.LoaXZAf9CZNraK43XCp7LxKHl1",
    "$6$rounds=1400$anotherlongsalts$yZYbCSV3SNH4BDzsl/jZOs52Lkq0EWHp7Ssjzzc0YNdXlbd9/PvTNOsh7M.AFMYZUmQilXEiTSO/11Oxs3VYi1",
    "$6$rounds=10000$s$MO5/arYq7uQScyEL0jBGv3xgCf.A5Ms6o5xIrPgLHIGAWdHbVgVUOf0.Ocu2Ir7iHpaPjW4MMJ8vFtlEEM4y/1",
    "$apr1$saltsalt$qYpLAVWkBvXFyDme7.oc1/",
    "$1$saltsalt$1K7dkhtbTNVUwUicA5kOT1",
    "{SHA}2oguq15ANCGsJCWKX31fllwpyEk=",
    "$2b$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf.",
    "$2y$04$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a",
];

#[test]
fn what_others_have_made_is_verified() {
    for text in RIGHT {
        let hash = Hash::parse(text).unwrap();
        assert!(hash.verify(b"pass word"), "{text}");
        for password in [
            &b"pass worD"[..],
            b"pass wor",
            b"pass word ",
            b"",
            b"\0",
            &[b'x'; 512],
        ] {
            assert!(!hash.verify(password), "{text}");
        }
        let shown = format!("{hash:?}");
        assert!(!text.contains(&shown) && shown.len() < 20, "{shown}");
    }
    let long = [b'x'; 100];
    for text in [
        "$apr1$abcdefgh$9/cwT0JwksL/fA2yBHBE6/",
        "$5$0123456789abcdef$aKdz8fxxSEF2.sRL0xIqHdch3EAvPX6eVmzomlrlwFC",
    ] {
        assert!(Hash::parse(text).unwrap().verify(&long), "{text}");
    }
    // The specification's own.
    let vector = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
    assert!(Hash::parse(vector).unwrap().verify(b"Hello world!"));
    let vector = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
    assert!(Hash::parse(vector).unwrap().verify(b"Hello world!"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let malformed = |kind| HashError::Malformed { kind };
    let cases = [
        ("", HashError::Empty),
        ("ab3jcLo8aNLw6", HashError::Des),
        ("secret", HashError::Unknown),
        ("$argon2id$v=19$m=1,t=1,p=1$x$y", HashError::Unknown),
        ("$y$j9T$x$y", HashError::Unknown),
        ("{SSHA}2oguq15ANCGsJCWKX31fllwpyEk=", HashError::Unknown),
        ("{SHA}2oguq15ANCGsJCWKX31fllwpyE=", malformed("{SHA}")),
        ("{SHA}", malformed("{SHA}")),
        ("$apr1$saltsalt", malformed("$apr1$")),
        ("$apr1$saltsalt$short", malformed("$apr1$")),
        ("$1$saltsalt$qYpLAVWkBvXFyDme7.oc1!", malformed("$1$")),
        ("$5$saltsalt$9Wp9Qw", malformed("$5$")),
        ("$6$rounds=x$s$y", malformed("$6$")),
        ("$2y$05$abc", malformed("bcrypt")),
        (
            "$2y$03$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a",
            malformed("bcrypt"),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Hash::parse(text).unwrap_err(), expected, "{text}");
    }
    for text in [
        "$2y$16$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a",
        "$2y$31$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a",
        "$6$rounds=1000001$s$MO5/arYq7uQScyEL0jBGv3xgCf.A5Ms6o5xIrPgLHIGAWdHbVgVUOf0.Ocu2Ir7iHpaPjW4MMJ8vFtlEEM4y/1",
        "$5$rounds=999999999$saltsalt$9Wp9Qw4Ze8Jxq5F1Z3UnS47KFhc8AqhCRyxFDa8e660",
    ] {
        let error = Hash::parse(text).unwrap_err();
        assert!(
            matches!(error, HashError::TooExpensive { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn what_is_made_is_verified() {
    for method in [Method::Bcrypt { cost: 4 }, Method::Sha512] {
        for password in [&b"pass word"[..], b"", &[0xff; 72]] {
            let text = Hash::make(password, method, [0xa5; 16]).unwrap();
            let hash = Hash::parse(&text).unwrap();
            assert!(hash.verify(password), "{text}");
            assert!(!hash.verify(b"other"), "{text}");
            let other = Hash::make(password, method, [0x5a; 16]).unwrap();
            assert_ne!(text, other);
        }
    }
    assert!(Hash::make(b"", Method::Bcrypt { cost: 3 }, [0; 16]).is_err());
}

proptest! {
    /// CVE-2012-5640: whatever stands in a file, it is a hash or none, and verified without harm.
    #[test]
    fn no_text_does_harm(
        kind in prop::sample::select(&["", "{SHA}", "$1$", "$apr1$", "$5$", "$6$", "$2y$04$"][..]),
        rest in "[./A-Za-z0-9$=+\u{fc}]{0,90}",
        password in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        if let Ok(hash) = Hash::parse(&format!("{kind}{rest}")) {
            prop_assert!(!hash.verify(&password));
        }
    }
}
