//! What conditions mean, what is refused and where, and the law of the grammar.

use proptest::prelude::*;

use super::{Condition, ConditionProblem};

const LINE: &str = "www.Example.org 192.0.2.7 - frank [22/Nov/2026:18:09:00 +0000] \
    \"GET /api/v1?x=1 HTTP/1.1\" 503 1024 \"http://a.example/\" \"Mozilla/5.0 (X11)\"\n";
const COMMON: &str = "192.0.2.7 - - [22/Nov/2026:18:09:00 +0000] \"-\" 408 -";

fn holds(condition: &str, line: &str) -> bool {
    Condition::parse(condition)
        .unwrap_or_else(|error| panic!("{condition}: {error} at {:?}", error.span))
        .holds(line.as_bytes())
}

#[test]
fn conditions_of_a_line() {
    for (condition, expected) in [
        ("status = 503", true),
        ("status=503", true),
        ("status != 503", false),
        ("status < 1000", true),
        ("status <= 503 and status >= 503", true),
        ("status > 503 or status < 503", false),
        ("status ~ ^5", true),
        ("bytes > 999", true),
        ("method = GET", true),
        ("method = get", false),
        ("method !~ ^(GET|HEAD)$", false),
        ("path = /api/v1", true),
        ("path ~ ^/api", true),
        ("path ~ [?]", false),
        ("host = WWW.example.ORG", true),
        ("host != a", true),
        ("client = 192.0.2.7", true),
        ("user = frank", true),
        ("user = -", false),
        ("referer = http://a.example/", true),
        ("agent ~ 'Mozilla/5[.]0 \\(X11'", true),
        ("agent = \"Mozilla/5.0 (X11)\"", true),
        ("not status = 503", false),
        ("not not status = 503", true),
        ("status = 1 or status = 503 and method = GET", true),
        ("(status = 503 or status = 1) and method = POST", false),
        ("status = 503 or status = 1 and method = POST", true),
        (
            "status >= 500 and (method = GET or path ~ ^/api) and not host = example.org",
            true,
        ),
        ("(path ~ ^/(api|x)/(v1))", true),
        ("(path ~ \\(x) or status = 503", true),
        ("(((status=503)))", true),
    ] {
        assert_eq!(holds(condition, LINE), expected, "{condition}");
    }
}

#[test]
fn a_comparison_needs_its_field() {
    for (condition, expected) in [
        ("host = a", false),
        ("host != a", false),
        ("host ~ ''", false),
        ("host !~ x", false),
        ("not host = a", true),
        ("path ~ ''", false),
        ("referer = -", false),
        ("agent !~ x", false),
        ("method = -", true),
        ("user = -", true),
        ("bytes = 0", true),
        ("status = 408", true),
    ] {
        assert_eq!(holds(condition, COMMON), expected, "{condition}");
    }
}

#[test]
fn no_comparison_holds_of_what_is_no_log_line() {
    for line in ["", "\n", "error: no such file", "a - - [x] \"\" 200 1"] {
        for name in super::Field::NAMES.map(|(name, _)| name) {
            assert!(!holds(&format!("{name} ~ ''"), line));
            assert!(!holds(&format!("{name} !~ ''"), line));
            assert!(holds(&format!("not {name} ~ ''"), line));
        }
        assert!(!holds("status != 200", line));
        assert!(holds("not status = 200", line));
    }
}

#[test]
fn what_is_refused_says_where() {
    for (condition, marked, why) in [
        ("", "", "found the end"),
        ("  ", "", "found the end"),
        ("status", "", "found the end"),
        ("status >=", "", "expected a value"),
        ("stats = 1", "stats", "unknown field `stats`"),
        ("status == 200", "=", "`=` is no number"),
        ("status is 200", "is", "found `is`"),
        ("status = ok", "ok", "`ok` is no number"),
        (
            "status = 99999999999999999999",
            "99999999999999999999",
            "no number",
        ),
        ("path < /a", "<", "`<` compares numbers"),
        (
            "status = 1 status = 2",
            "status",
            "expected `and`, `or` or the end",
        ),
        ("status = 1 AND status = 2", "AND", "found `AND`"),
        ("(status = 1", "(", "not closed"),
        ("status = 1)", ")", "found `)`"),
        ("status = (", "(", "no number"),
        ("(status = )", ")", "expected a value"),
        ("()", ")", "found `)`"),
        ("not", "", "found the end"),
        ("status = 1 or", "", "found the end"),
        ("path = 'a b", "'a b", "quote is not closed"),
        ("path ~ (a", "(a", "unclosed group"),
        ("path ~ '(a)\\1'", "'(a)\\1'", "back-references"),
        ("= 1", "=", "found `=`"),
        ("é = 1", "é", "unknown field"),
    ] {
        let error = Condition::parse(condition).unwrap_err();

        let shown = error.to_string();
        assert!(shown.contains(why), "{condition}: {shown}");
        assert_eq!(
            &condition[error.span.clone()],
            marked,
            "{condition}: {shown}"
        );
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let nots = |n| format!("{}status = 1", "not ".repeat(n));
    let brackets = |n| format!("{}status = 1{}", "(".repeat(n), ")".repeat(n));
    for deep in [nots(1000), brackets(1000), nots(33), brackets(33)] {
        let problem = Condition::parse(&deep).unwrap_err().problem;

        assert_eq!(problem, ConditionProblem::TooDeep);
    }
    assert!(Condition::parse(&nots(32)).is_ok());
    assert!(Condition::parse(&brackets(32)).is_ok());
    let long = format!("path = {}", "a".repeat(5000));
    let problem = Condition::parse(&long).unwrap_err().problem;
    assert_eq!(problem, ConditionProblem::TooLong(long.len()));
}

/// A condition in the shape of a tree: what it reads, and what it is.
fn trees() -> impl Strategy<Value = (String, bool)> {
    let leaf = prop_oneof![
        Just(("status = 503".to_owned(), true)),
        Just(("status=1".to_owned(), false)),
        Just(("path ~ ^/(api|x)".to_owned(), true)),
        Just(("agent = 'a b'".to_owned(), false)),
    ];
    leaf.prop_recursive(5, 32, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 2..4);
        let joined = |list: &[(String, bool)], word: &str| {
            let texts: Vec<_> = list.iter().map(|(text, _)| text.as_str()).collect();
            format!("({})", texts.join(word))
        };
        prop_oneof![
            inner.prop_map(|(text, is)| (format!("not {text}"), !is)),
            list.clone()
                .prop_map(move |list| (joined(&list, " and "), list.iter().all(|(_, is)| *is))),
            list.prop_map(move |list| (joined(&list, "\tor "), list.iter().any(|(_, is)| *is))),
        ]
    })
}

proptest! {
    #[test]
    fn a_tree_means_what_its_parts_mean((text, expected) in trees()) {
        prop_assert_eq!(holds(&text, LINE), expected, "{}", text);
    }

    #[test]
    fn any_text_parses_or_is_refused_within_itself(
        text in prop_oneof![
            ".{0,40}",
            "(status|path|not|and|or|[ ()=~<>!'\"1a]){0,12}",
        ],
        line in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        match Condition::parse(&text) {
            Ok(condition) => {
                let _ = condition.holds(&line);
                prop_assert_eq!(condition.as_str(), text);
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error.span);
            }
        }
    }
}
