//! Patterns, against thttpd's own way of matching them.

use super::{LEN_MAX, Pattern, PatternError, STARS_MAX};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// What the wildcards of a match stand for, with a bar between, or `-`.
fn look(text: &str, path: &str) -> String {
    let pattern = pattern(text);
    let Some(captures) = pattern.captures(path.as_bytes()) else {
        assert!(!pattern.matches(path.as_bytes()), "{text} {path}");
        return "-".into();
    };
    assert!(pattern.matches(path.as_bytes()), "{text} {path}");
    let shown = (1..=pattern.wildcards()).map(|n| captures.wildcard(n));
    let shown: Vec<_> = shown.map(String::from_utf8_lossy).collect();
    shown.join("|")
}

#[test]
fn patterns_match_as_thttpd_has_it() {
    const CASES: &[(&str, &str, &str)] = &[
        // pattern, path, what the wildcards stand for
        ("", "", ""),
        ("/", "", ""),
        ("", "a", "-"),
        ("a", "a", ""),
        ("/a", "a", ""),
        ("//a", "a", "-"),
        ("a", "ab", "-"),
        ("a", "A", "-"),
        ("ab", "a", "-"),
        ("a/", "a/", ""),
        ("a/", "a", "-"),
        ("?", "a", "a"),
        ("?", "/", "/"),
        ("?", "", "-"),
        ("a?c", "abc", "b"),
        ("*", "", ""),
        ("*", "abc", "abc"),
        ("*", "a/c", "-"),
        ("**", "", ""),
        ("**", "a/b/c/", "a/b/c/"),
        ("*.css", "style.css", "style"),
        ("*.css", ".css", ""),
        ("*.css", "a/style.css", "-"),
        ("**.css", "a/style.css", "a/style"),
        ("**.css|**.js", "a/b.js", "a/b"),
        ("old/**", "old/", ""),
        ("old/**", "old", "-"),
        ("old/**", "old/a/b", "a/b"),
        ("old**", "old/a/b", "/a/b"),
        ("*/blog/*", "en/blog/one", "en|one"),
        ("*/blog/*", "a/en/blog/one", "-"),
        ("**/blog/**", "a/blog/b/blog/c", "a/blog/b|c"),
        ("*-*", "a-b-c", "a-b|c"),
        ("**?", "ab", "a|b"),
        ("?*", "ab", "a|b"),
        ("***", "a/b", "a/b|"),
        ("*/*/*", "a/b/c", "a|b|c"),
        ("*a*b", "aab/b", "-"),
        ("*?*", "ab/cd", "ab|/|cd"),
        ("**/*.html", "a/b/c.html", "a/b|c"),
        ("**/*.html", "c.html", "-"),
        ("a||b", "", ""),
        ("x*|*x", "ax", "a"),
    ];
    for (text, path, expected) in CASES {
        assert_eq!(look(text, path), *expected, "{text:?} and {path:?}");
    }
}

#[test]
fn two_stars_alone_match_everything() {
    for text in ["**", "/**", "a|**"] {
        assert!(pattern(text).matches_all(), "{text}");
    }
    for text in ["", "*", "**a", "a**", "?**", "***"] {
        assert!(!pattern(text).matches_all(), "{text}");
    }
}

#[test]
fn only_the_wildcards_that_every_alternative_has_can_be_told() {
    assert_eq!(pattern("a").wildcards(), 0);
    assert_eq!(pattern("?*/**").wildcards(), 3);
    assert_eq!(pattern("a/*/*|b/*").wildcards(), 1);
    let captures = pattern("?????*????*").captures(b"abcdef12345").unwrap();
    assert_eq!(captures.wildcard(6), b"f1");
    assert_eq!(captures.wildcard(9), b"4");
    assert_eq!(captures.wildcard(10), b"");
    assert_eq!(captures.wildcard(0), b"");
}

#[test]
fn what_would_take_too_long_is_refused() {
    let long = "a".repeat(LEN_MAX + 1);
    let many = "*a".repeat(STARS_MAX + 1);
    assert_eq!(
        long.parse::<Pattern>(),
        Err(PatternError::TooLong { len: LEN_MAX + 1 })
    );
    assert_eq!(
        many.parse::<Pattern>(),
        Err(PatternError::TooManyStars {
            stars: STARS_MAX + 1
        })
    );
    assert!(long[1..].parse::<Pattern>().is_ok());
    let most = "*a".repeat(STARS_MAX);
    assert!(format!("{most}|{most}").parse::<Pattern>().is_ok());
}

/// thttpd's own function would not see the end of this.
#[test]
fn a_pattern_that_almost_matches_everywhere_takes_no_longer() {
    let pattern = pattern("*a*a*a*a*a*a*a*a*b");
    let path = "a".repeat(8 * 1024);

    assert!(!pattern.matches(path.as_bytes()));
}

/// `match_one` of thttpd's `match.c`, with captures.
fn slowly<'a>(pattern: &[u8], path: &'a [u8], found: &mut Vec<&'a [u8]>) -> bool {
    let (mut pattern, mut path) = (pattern, path);
    loop {
        match (pattern, path) {
            ([], rest) => return rest.is_empty(),
            ([b'?', after @ ..], [_, rest @ ..]) => {
                found.push(&path[..1]);
                (pattern, path) = (after, rest);
            }
            ([b'*', ..], _) => {
                let (after, most) = match pattern {
                    [b'*', b'*', after @ ..] => (after, path.len()),
                    _ => {
                        let slash = path.iter().position(|&byte| byte == b'/');
                        (&pattern[1..], slash.unwrap_or(path.len()))
                    }
                };
                for end in (0..=most).rev() {
                    let before = found.len();
                    found.push(&path[..end]);
                    if slowly(after, &path[end..], found) {
                        return true;
                    }
                    found.truncate(before);
                }
                return false;
            }
            ([wanted, after @ ..], [byte, rest @ ..]) if wanted == byte => {
                (pattern, path) = (after, rest);
            }
            _ => return false,
        }
    }
}

proptest! {
    /// Whatever the pattern and the path, the answer is thttpd's, wildcard by wildcard.
    #[test]
    fn the_answer_is_that_of_the_obvious_way(
        texts in proptest::collection::vec("[ab/?*]{0,9}", 1..3),
        path in "[ab/]{0,9}",
    ) {
        let mut expected = None;
        for text in &texts {
            let text = text.strip_prefix('/').unwrap_or(text);
            let mut found = Vec::new();
            if slowly(text.as_bytes(), path.as_bytes(), &mut found) {
                expected = Some(found);
                break;
            }
        }

        let pattern = pattern(&texts.join("|"));
        let captures = pattern.captures(path.as_bytes());

        prop_assert_eq!(pattern.matches(path.as_bytes()), expected.is_some());
        prop_assert_eq!(captures.is_some(), expected.is_some());
        if let (Some(captures), Some(expected)) = (captures, expected) {
            prop_assert!(expected.len() >= pattern.wildcards());
            for (number, found) in (1..=9).zip(expected) {
                prop_assert_eq!(captures.wildcard(number), found);
            }
        }
    }
}
