//! `--redirect`: other places for some paths.

use http::{Pattern, PatternError, Status, Target, escape};

use super::location::{Template, TemplateError};

/// What the paths that a pattern matches are answered with instead of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedirectRule {
    pattern: Pattern,
    status: Status,
    template: Template,
}

/// Why there cannot be such a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectRuleError {
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The status is not that of a redirect.
    #[error(
        "`{text}` is not the status of a redirect: 301 and 308 are for good, 302, 303 and 307 for \
         now"
    )]
    Status {
        /// What was given.
        text: String,
    },
    /// The target is none.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// RFC 9110 15.4; 300, 304 and 305 lead nowhere.
const STATUSES: [Status; 5] = [
    Status::MovedPermanently,
    Status::Found,
    Status::SeeOther,
    Status::TemporaryRedirect,
    Status::PermanentRedirect,
];

impl RedirectRule {
    /// The rule that what `pattern` matches is to be found at `target`, in which `$1` to `$9`
    /// are what the wildcards stand for.
    ///
    /// # Errors
    /// When one of the three is none, or they do not fit together.
    pub fn new(pattern: &str, status: &str, target: &str) -> Result<Self, RedirectRuleError> {
        let pattern: Pattern = pattern.parse()?;
        let code = status.parse();
        let known = STATUSES.into_iter().find(|one| Ok(one.code()) == code);
        let status = known.ok_or_else(|| RedirectRuleError::Status {
            text: status.into(),
        })?;
        let template = Template::parse(target, pattern.wildcards())?;
        Ok(Self {
            pattern,
            status,
            template,
        })
    }

    /// Status and Location for `target`, if the rule is about it.
    ///
    /// A rule never leads to where the client already is: with a pattern that matches its own
    /// target (`**` to `/closed.html`) that is the way out, and all other files are answered.
    pub(crate) fn apply(&self, target: &Target<'_>) -> Option<(Status, Vec<u8>)> {
        let captures = self.pattern.captures(target.rule_path())?;
        let location = self.template.location(&captures, target.query())?;
        (location != here(target)).then_some((self.status, location))
    }
}

/// `target` as a Location would name it.
fn here(target: &Target<'_>) -> Vec<u8> {
    let mut here = vec![b'/'];
    escape::path(&mut here, target.rule_path());
    if let Some(query) = target.query() {
        here.push(b'?');
        escape::query(&mut here, query);
    }
    here
}

#[cfg(test)]
mod tests {
    use super::{RedirectRule, RedirectRuleError};
    use http::Target;
    use proptest::prelude::{prop, prop_assert, prop_assert_eq, prop_assume, proptest};

    /// Where the rule sends `raw`; `-` if nowhere.
    fn look(pattern: &str, to: &str, raw: &str) -> String {
        let rule = RedirectRule::new(pattern, "301", to).unwrap();
        let target = Target::parse(raw.as_bytes()).unwrap();
        let location = rule.apply(&target).map(|(_, location)| location);
        location.map_or("-".into(), |location| String::from_utf8(location).unwrap())
    }

    #[test]
    fn a_redirect_leads_where_it_says() {
        const CASES: &[(&str, &str, &str, &str)] = &[
            // pattern, target of the rule, request, Location
            ("old", "/new", "/old", "/new"),
            ("old", "/new", "/old/", "-"),
            ("old", "/new", "/old?a=b&c", "/new?a=b&c"),
            ("old", "/new?x", "/old?a=b", "/new?x"),
            ("old", "/new#part", "/old?a", "/new?a#part"),
            (
                "old",
                "https://other.example",
                "/old?a",
                "https://other.example?a",
            ),
            ("old", "//other.example/", "/old", "//other.example/"),
            ("old/**", "/new/$1", "/old/a/b/", "/new/a/b/"),
            (
                "old/**",
                "/new/$1",
                "/old/a%20b%25%C3%BC",
                "/new/a%20b%25%C3%BC",
            ),
            ("old/**", "/new/$1", "/old/a:b", "/new/a%3Ab"),
            ("*/*.php", "/$2/$1.html", "/a/b.php", "/b/a.html"),
            (
                "20??/**",
                "/archive/20$1$2/$3",
                "/2026/x",
                "/archive/2026/x",
            ),
            ("*", "/$1$10", "/a", "/aa0"),
            ("*", "/$$1", "/a", "/$1"),
            ("*", "/$x$", "/a", "/$x$"),
            (
                "tag/**",
                "/search?tag=$1",
                "/tag/a&b=c d+e/%23",
                "/search?tag=a%26b%3Dc%20d%2Be/%23",
            ),
            ("tag/**", "/search?tag=$1", "/tag/x?y", "/search?tag=x"),
            // Nothing of the request makes a second slash, or climbs.
            ("x**", "/$1", "/x/evil.example", "/evil.example"),
            ("**", "/new/$1", "/", "/new/"),
            ("**x", "/$1/evil.example", "/x", "/evil.example"),
            ("**z**", "/$1/$2", "/z/evil.example", "/evil.example"),
            ("*", "/$1", "/%5Cevil.example", "-"),
            ("x*", "/$1", "/x%5Cevil.example", "/%5Cevil.example"),
            ("x*", "/$1", "/x%0D%0ASet-Cookie:a", "/%0D%0ASet-Cookie%3Aa"),
            ("a*b", "/x/$1/y", "/a..b", "-"),
            ("a*b", "/x/.$1", "/a.b", "-"),
            ("a*b", "/x/$1y", "/a..b", "/x/..y"),
            // Nowhere is where the client already is.
            ("**", "/closed.html", "/closed.html", "-"),
            ("**", "/closed.html", "/closed.html?a", "-"),
            ("**", "/closed.html", "/%63losed.html", "-"),
            ("**", "/closed.html", "/a", "/closed.html"),
            ("**", "/closed/", "/closed", "/closed/"),
        ];
        for (pattern, to, raw, expected) in CASES {
            assert_eq!(
                look(pattern, to, raw),
                *expected,
                "{pattern} to {to}: {raw}"
            );
        }
    }

    #[test]
    fn a_rule_that_cannot_work_is_refused() {
        const CASES: &[(&str, &str, &str, &str)] = &[
            // pattern, status, target, a part of what is said
            ("a", "300", "/b", "`300`"),
            ("a", "304", "/b", "`304`"),
            ("a", "moved", "/b", "`moved`"),
            ("a", "301", "", "begin"),
            ("a", "301", "b", "begin"),
            ("*", "301", "$1", "begin"),
            ("a", "301", "ftp://b/", "begin"),
            ("a", "301", "javascript:alert(1)", "begin"),
            ("a", "301", "https://", "host"),
            ("a", "301", "///b", "host"),
            ("*", "301", "//$1", "host"),
            ("*", "301", "https://$1/", "host"),
            ("*", "301", "https://$1.example/", "host"),
            ("*", "301", "https://example$1", "host"),
            ("*", "301", "https://a@b.example/", "host"),
            ("a", "301", "/b\\c", "%5C"),
            ("a", "301", "/\\b", "%5C"),
            ("a", "301", "/b c", "%20"),
            ("a", "301", "/b\r\nc: d", "%0D"),
            ("a", "301", "/\u{fc}", "%C3"),
            ("a", "301", "/%zz", "%25"),
            ("a", "301", "/b#c#d", "%23"),
            ("a", "301", "/b/../c", "`..`"),
            ("a", "301", "/b/.?c", "`.`"),
            ("a", "301", "/$1", "$1"),
            ("*", "301", "/$1/$2", "$2"),
            ("*/*|*", "301", "/$2", "$2"),
            ("*", "301", "/$0", "$0"),
        ];
        for (pattern, status, to, part) in CASES {
            let error = RedirectRule::new(pattern, status, to)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{pattern} {status} {to}: {error}");
        }
        assert!(matches!(
            RedirectRule::new("a", "200", "/b"),
            Err(RedirectRuleError::Status { .. })
        ));
    }

    const PATTERNS: &[&str] = &["**", "x**", "**x**", "*/*", "?*|*/**", "**/*|?**"];
    const TARGETS: &[&str] = &[
        "/$1",
        "/new/$1",
        "/$1/evil.example",
        "/$1$1",
        "/$1.$1/",
        "/a?b=$1#$1",
        "https://good.example/$1",
        "https://good.example/?to=$1",
        "https://good.example:8443?$1",
        "//good.example/$1/x",
    ];

    proptest! {
        /// Whatever the request, it leads to the host that the rule names, begins as the rule
        /// begins, and ends no line.
        #[test]
        fn no_request_chooses_the_host(
            pattern in prop::sample::select(PATTERNS),
            to in prop::sample::select(TARGETS),
            raw in "/(/|\\\\|x|\\.|%2e|%5c|%0d%0a|%09|evil\\.example|@|:|%00|\\?|#|\u{fc}){0,12}",
        ) {
            let rule = RedirectRule::new(pattern, "308", to).unwrap();
            let target = Target::parse(raw.as_bytes());
            prop_assume!(target.is_ok());
            let applied = rule.apply(&target.unwrap());
            prop_assume!(applied.is_some());
            let (_, location) = applied.unwrap();

            let location = String::from_utf8(location).unwrap();
            let begins = to.split('$').next().unwrap();
            prop_assert!(location.starts_with(begins), "{location}");
            prop_assert!(location.bytes().all(|byte| matches!(byte, b'!'..=b'~')));
            prop_assert!(!location.contains('\\'), "{location}");
            if !to.starts_with("//") {
                prop_assert!(!location.starts_with("//"), "{location}");
            }
            let authority = |uri: &str| {
                let rest = uri.split_once("//").filter(|(scheme, _)| !scheme.contains('/'));
                rest.map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap().to_owned())
            };
            prop_assert_eq!(authority(&location), authority(to));
            let path = location.split(['?', '#']).next().unwrap();
            prop_assert!(path.split('/').all(|part| part != "." && part != ".."));
        }

        #[test]
        fn no_words_make_a_rule_that_panics(
            pattern in "[ab/*?|]{0,6}",
            to in "(/|//a|https://a)?[/a$?#0-9.%\\u{fc}]{0,10}",
            raw in "/[ab/.]{0,6}",
        ) {
            let Ok(rule) = RedirectRule::new(&pattern, "307", &to) else {
                return Ok(());
            };
            if let Ok(target) = Target::parse(raw.as_bytes()) {
                rule.apply(&target);
            }
        }
    }
}
