//! Targets one by one, and the laws that no path leaves the root and no Location the host.

use super::Target;
use crate::{Reject, escape};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

#[test]
fn a_rule_sees_the_slash_at_the_end() {
    const CASES: &[(&str, &str)] = &[
        ("/", ""),
        ("", ""),
        ("/a", "a"),
        ("/a/", "a/"),
        ("/a//", "a/"),
        ("/%61/", "a/"),
        ("/a/b/..", "a/"),
        ("/a/./b?c/", "a/b"),
        ("/a/..", ""),
    ];
    for (raw, expected) in CASES {
        let target = Target::parse(raw.as_bytes()).unwrap();
        assert_eq!(target.rule_path(), expected.as_bytes(), "{raw}");
    }
}

#[test]
fn paths_are_decoded_once_and_cleaned() {
    /// Path, and whether it must be a directory.
    type Parsed = Result<(&'static str, bool), Reject>;
    const CASES: &[(&str, Parsed)] = &[
        ("/", Ok(("", true))),
        ("", Ok(("", true))),
        ("/a", Ok(("a", false))),
        ("/a/", Ok(("a", true))),
        ("/a/b.html", Ok(("a/b.html", false))),
        ("/a//b///c", Ok(("a/b/c", false))),
        ("//", Ok(("", true))),
        ("//a", Ok(("a", false))),
        ("/a//", Ok(("a", true))),
        ("/./a/./b", Ok(("a/b", false))),
        ("/a/.", Ok(("a", true))),
        ("/a/b/..", Ok(("a", true))),
        ("/a/../b", Ok(("b", false))),
        ("/a/b/../../c/", Ok(("c", true))),
        ("/a/..", Ok(("", true))),
        ("/.", Ok(("", true))),
        ("/a/...", Ok(("a/...", false))),
        ("/..a/b..", Ok(("..a/b..", false))),
        ("/.well-known/x", Ok((".well-known/x", false))),
        ("/%61", Ok(("a", false))),
        ("/a%20b%2B+", Ok(("a b++", false))),
        ("/%C3%bc", Ok(("\u{fc}", false))),
        ("/%2561", Ok(("%61", false))),
        ("/%252e%252e/", Ok(("%2e%2e", true))),
        ("/%2e/a/%2E%2e/b", Ok(("b", false))),
        ("/a/%2e%2E", Ok(("", true))),
        ("/a\\..\\b", Ok(("a\\..\\b", false))),
        ("/a%5c..", Ok(("a\\..", false))),
        ("/a%3fb%23", Ok(("a?b#", false))),
        ("/a;b=c", Ok(("a;b=c", false))),
        ("/%", Err(Reject::TargetEscape)),
        ("/%6", Err(Reject::TargetEscape)),
        ("/%6/1", Err(Reject::TargetEscape)),
        ("/%zz", Err(Reject::TargetEscape)),
        ("/%u0061", Err(Reject::TargetEscape)),
        ("/%+61", Err(Reject::TargetEscape)),
        ("/a%00.html", Err(Reject::TargetNul)),
        ("/a\0", Err(Reject::TargetNul)),
        ("/a%2fb", Err(Reject::TargetSlash)),
        ("/a/..%2f..%2fetc", Err(Reject::TargetSlash)),
        ("/..", Err(Reject::TargetLeavesRoot)),
        ("/../", Err(Reject::TargetLeavesRoot)),
        ("/%2e.", Err(Reject::TargetLeavesRoot)),
        ("/a/../../b", Err(Reject::TargetLeavesRoot)),
        ("/./..", Err(Reject::TargetLeavesRoot)),
        ("//..", Err(Reject::TargetLeavesRoot)),
        ("*", Err(Reject::TargetForm)),
        ("a", Err(Reject::TargetForm)),
        ("../a", Err(Reject::TargetForm)),
        ("http://a/", Err(Reject::TargetForm)),
    ];
    for (raw, expected) in CASES {
        let target = Target::parse(raw.as_bytes());
        let seen = target.as_ref().map(|target| {
            let path = str::from_utf8(target.path()).unwrap();
            (path, target.is_directory())
        });
        assert_eq!(seen, expected.as_ref().copied(), "{raw:?}");
    }
}

#[test]
fn the_query_is_what_follows_the_first_question_mark() {
    const CASES: &[(&str, Option<&str>)] = &[
        ("/a", None),
        ("/a?", Some("")),
        ("/a?b=c&d", Some("b=c&d")),
        ("/a?b?c", Some("b?c")),
        ("/a?/../%00%", Some("/../%00%")),
        ("?x", Some("x")),
        ("/a%3fb", None),
    ];
    for (raw, query) in CASES {
        let target = Target::parse(raw.as_bytes()).unwrap();
        assert_eq!(target.query(), query.map(str::as_bytes), "{raw:?}");
    }
}

#[test]
fn a_clean_path_is_borrowed() {
    for raw in ["/", "/a", "/a/b.css?v=2", "/.well-known/x/"] {
        let target = Target::parse(raw.as_bytes()).unwrap();
        assert!(
            matches!(target.path, std::borrow::Cow::Borrowed(_)),
            "{raw}"
        );
    }
}

#[test]
fn the_location_has_a_slash_and_the_query() {
    const CASES: &[(&str, &str)] = &[
        ("/a", "/a/"),
        ("/a?b=c", "/a/?b=c"),
        ("/a?", "/a/?"),
        ("/a b", "/a%20b/"),
        ("/a%20b?x%20y|<\">", "/a%20b/?x%20y%7C%3C%22%3E"),
        ("//evil.example", "/evil.example/"),
        ("///evil.example/a", "/evil.example/a/"),
        ("//evil.example/%2e%2e/sub", "/sub/"),
        ("/\\evil.example", "/%5Cevil.example/"),
        ("/%5cevil.example", "/%5Cevil.example/"),
        ("/%0d%0aSet-Cookie:x", "/%0D%0ASet-Cookie%3Ax/"),
        ("/%09/evil.example", "/%09/evil.example/"),
        ("/http://evil.example", "/http%3A/evil.example/"),
        ("/\u{fc}", "/%C3%BC/"),
        ("/a?\u{fc}\r\nb#c\\", "/a/?%C3%BC%0D%0Ab%23c%5C"),
    ];
    for (raw, location) in CASES {
        let target = Target::parse(raw.as_bytes()).unwrap();
        let seen = String::from_utf8(target.location_with_slash()).unwrap();
        assert_eq!(seen, *location, "{raw:?}");
    }
}

/// Paths that mean trouble more often than random bytes do.
fn paths() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(&[
        "/", "/", ".", "..", "%2e", "%2E%2e", "%2f", "%00", "%", "%5c", "\\", "a", "b.c", "?",
        "%61",
    ]);
    let pieces = prop::collection::vec(piece.prop_map(str::as_bytes), 0..12);
    let pieces = pieces.prop_map(|pieces| pieces.concat());
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    (pieces, bytes, any::<bool>()).prop_map(|(pieces, bytes, plain)| {
        let mut path = vec![b'/'];
        path.extend(pieces);
        path.extend(if plain { Vec::new() } else { bytes });
        path
    })
}

proptest! {
    #[test]
    fn a_path_never_leaves_the_root(raw in paths()) {
        if let Ok(target) = Target::parse(&raw) {
            let path = target.path();
            prop_assert!(!path.contains(&0));
            if path.is_empty() {
                prop_assert!(target.is_directory());
            } else {
                for segment in path.split(|&byte| byte == b'/') {
                    prop_assert!(!matches!(segment, b"" | b"." | b".."), "{path:?}");
                }
            }
        }
    }

    #[test]
    fn a_clean_path_is_itself(raw in paths()) {
        if let Ok(target) = Target::parse(&raw) {
            let mut again = vec![b'/'];
            escape::path(&mut again, target.path());
            let again = Target::parse(&again).unwrap();
            prop_assert_eq!(again.path(), target.path());
        }
    }

    /// A browser takes the Location for a path on this host: one slash, then a name that begins
    /// with neither slash nor backslash. It leads to the same path, and then no further.
    #[test]
    fn a_location_stays_on_this_host(raw in paths()) {
        if let Ok(target) = Target::parse(&raw) {
            let location = target.location_with_slash();
            prop_assert!(location.starts_with(b"/"));
            prop_assert!(!matches!(location.get(1), Some(b'/' | b'\\')));
            prop_assert!(location.iter().all(|byte| matches!(byte, 0x21..=0x7e)));
            let followed = Target::parse(&location).unwrap();
            prop_assert!(followed.is_directory());
            prop_assert_eq!(followed.path(), target.path());
            prop_assert_eq!(followed.query().is_some(), target.query().is_some());
            prop_assert_eq!(followed.location_with_slash(), location.clone());
        }
    }
}
