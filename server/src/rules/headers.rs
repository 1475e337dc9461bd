//! `--header`: fields that the operator wants in the responses to some paths.
//!
//! They go into every response to a path that matches: errors, redirects and 304 too. Two kinds
//! are kept apart. What describes content ([`is_about_content`]) belongs to a file and goes with
//! it alone; a page of ours, or a 304, has nothing that it could be about. A response to bytes
//! that name no path gets what every path gets.

use std::sync::Arc;

use http::response::{Field, FieldError, Lines};
use http::{Pattern, PatternError, Target};

/// One field for the paths that a pattern matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderRule {
    pattern: Pattern,
    field: Field,
}

/// All of them, in order: a later one replaces an earlier one of the same name.
#[derive(Clone, Debug)]
pub struct Headers {
    rules: Vec<HeaderRule>,
    /// For responses to what has no path, and to all there are when there are no rules.
    anywhere: Arc<Fields>,
    general: General,
}

/// What goes for all files.
#[derive(Clone, Debug, Default)]
struct General {
    /// The value of Cache-Control, unless a rule gives another.
    max_age: Option<Box<str>>,
    charset: Option<Charset>,
}

/// The character set that text is said to be in; none at all if it is empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Charset(Arc<str>);

/// The fields that the responses to one path have in common.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Fields {
    /// With a file: all but its media type.
    pub(crate) with_file: Lines,
    /// With a 304, which stands for a file that the client has.
    pub(crate) unchanged: Lines,
    /// With anything else.
    pub(crate) without: Lines,
    /// What the file is said to be, in place of what its name says.
    pub(crate) content_type: Option<Box<str>>,
    /// What text without a type of its own is said to be in, if not UTF-8.
    pub(crate) charset: Option<Charset>,
}

/// Why there cannot be such a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderRuleError {
    /// The pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The field is none.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The server makes the field itself.
    #[error(
        "the server makes {name} itself, and a second opinion would make its responses wrong: \
         leave it out"
    )]
    Computed {
        /// The field.
        name: String,
    },
    /// A file must have a media type.
    #[error("the value of {name} is empty: give a media type, such as text/plain")]
    Empty {
        /// The field.
        name: String,
    },
}

/// Without a version: it would only tell which holes to try.
const SERVER: (&str, &str) = ("Server", "rthttpd");

const CONTENT_TYPE: &str = "Content-Type";

const CACHE_CONTROL: &str = "Cache-Control";

/// What frames a response, describes what was selected, or follows from it. A wrong one would
/// mix up responses, or have caches keep what is not so.
const COMPUTED: &[&str] = &[
    "Accept-Ranges",
    "Age",
    "Allow",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Date",
    "ETag",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Proxy-Connection",
    "Retry-After",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

impl HeaderRule {
    /// The rule that responses to what `pattern` matches have `field`, written `Name: value`. An
    /// empty value takes away what an earlier rule gave, or Server.
    ///
    /// # Errors
    /// When one of them is none, or the field is not the operator's to give.
    pub fn new(pattern: &str, field: &str) -> Result<Self, HeaderRuleError> {
        let pattern = pattern.parse()?;
        let field: Field = field.parse()?;
        let name = field.name();
        if COMPUTED
            .iter()
            .any(|other| other.eq_ignore_ascii_case(name))
        {
            return Err(HeaderRuleError::Computed { name: name.into() });
        }
        if name.eq_ignore_ascii_case(CONTENT_TYPE) && field.value().is_empty() {
            return Err(HeaderRuleError::Empty { name: name.into() });
        }
        Ok(Self { pattern, field })
    }
}

impl Headers {
    /// The fields that `rules` give.
    #[must_use]
    pub fn new(rules: Vec<HeaderRule>) -> Self {
        let everywhere = rules.iter().filter(|rule| rule.pattern.matches_all());
        let general = General::default();
        let anywhere = Arc::new(Fields::new(everywhere, &general));
        Self {
            rules,
            anywhere,
            general,
        }
    }

    /// The same, and files may be kept for so many seconds, where no rule about Cache-Control
    /// says otherwise. Errors, redirects and listings may change at any time.
    #[must_use]
    pub fn with_max_age(mut self, seconds: u32) -> Self {
        self.general.max_age = Some(format!("max-age={seconds}").into());
        self.renewed()
    }

    /// The same, and text is said to be in `charset`.
    #[must_use]
    pub fn with_charset(mut self, charset: Charset) -> Self {
        self.general.charset = Some(charset);
        self.renewed()
    }

    fn renewed(self) -> Self {
        let everywhere = self.rules.iter().filter(|rule| rule.pattern.matches_all());
        let anywhere = Arc::new(Fields::new(everywhere, &self.general));
        Self { anywhere, ..self }
    }

    /// The fields of responses to `path`, as [`Target::rule_path`] has it.
    pub(crate) fn of_path(&self, path: &[u8]) -> Arc<Fields> {
        let mut matching = self.rules.iter();
        if matching.all(|rule| rule.pattern.matches_all()) {
            return Arc::clone(&self.anywhere);
        }
        let matching = self.rules.iter();
        let matching = matching.filter(|rule| rule.pattern.matches(path));
        Arc::new(Fields::new(matching, &self.general))
    }

    /// The fields of the page at `page`, sent because there is nothing at the request's `target`,
    /// which depended on Accept.
    pub(crate) fn of_fallback(&self, target: Option<&[u8]>, page: &[u8]) -> Arc<Fields> {
        let mut fields = Fields::clone(&self.of_target(target));
        fields.with_file.push("Vary", "Accept");
        fields.unchanged.push("Vary", "Accept");
        fields.without.push("Vary", "Accept");
        fields
            .content_type
            .clone_from(&self.of_path(page).content_type);
        Arc::new(fields)
    }

    /// The same for a request's `target`, which may be none, or name no path.
    pub(crate) fn of_target(&self, target: Option<&[u8]>) -> Arc<Fields> {
        let target = target.filter(|_| !self.rules.is_empty());
        match target.map(Target::parse) {
            Some(Ok(target)) => self.of_path(target.rule_path()),
            _ => Arc::clone(&self.anywhere),
        }
    }
}

impl Default for Headers {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Fields {
    fn new<'a>(matching: impl Iterator<Item = &'a HeaderRule>, general: &'a General) -> Self {
        let mut chosen = vec![SERVER];
        for HeaderRule { field, .. } in matching {
            let new = (field.name(), field.value());
            let mut earlier = chosen.iter_mut();
            match earlier.find(|(name, _)| name.eq_ignore_ascii_case(new.0)) {
                Some(earlier) => *earlier = new,
                None => chosen.push(new),
            }
        }
        let mut fields = Self {
            charset: general.charset.clone(),
            ..Self::default()
        };
        let is_told = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case(CACHE_CONTROL);
        let max_age = general.max_age.as_deref();
        let max_age = max_age.filter(|_| !chosen.iter().any(is_told));
        for (name, value) in chosen.into_iter().filter(|(_, value)| !value.is_empty()) {
            if name.eq_ignore_ascii_case(CONTENT_TYPE) {
                fields.content_type = Some(value.into());
                continue;
            }
            fields.with_file.push(name, value);
            if is_about_content(name) {
                continue;
            }
            // RFC 9110 15.4.5: a 304 says what the 200 would have said about keeping it.
            fields.unchanged.push(name, value);
            fields.without.push(name, value);
        }
        if let Some(max_age) = max_age {
            fields.with_file.push(CACHE_CONTROL, max_age);
            fields.unchanged.push(CACHE_CONTROL, max_age);
        }
        fields
    }
}

impl Charset {
    /// `None` if it is no name of one (RFC 2978 2.3).
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-^_`{}~".contains(&byte);
        name.bytes().all(is_name).then(|| Self(name.into()))
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// Whether a field describes content, as all of RFC 9110 8 and Content-Disposition do. What a
/// page may load is about the response, whatever its name.
fn is_about_content(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("content-") && !name.starts_with("content-security-policy")
}

#[cfg(test)]
mod tests {
    use super::{Charset, HeaderRule, HeaderRuleError, Headers};

    fn headers(rules: &[(&str, &str)]) -> Headers {
        let rules = rules.iter();
        Headers::new(
            rules
                .map(|(pattern, field)| HeaderRule::new(pattern, field).unwrap())
                .collect(),
        )
    }

    /// What responses to `path` have: with a file, its type, and without.
    fn look(headers: &Headers, path: &str) -> [String; 3] {
        let fields = headers.of_path(path.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", ", ");
        [
            text(fields.with_file.as_bytes()),
            fields.content_type.as_deref().unwrap_or("-").into(),
            text(fields.without.as_bytes()),
        ]
    }

    #[test]
    fn a_later_rule_replaces_an_earlier_one_of_the_same_name() {
        let headers = headers(&[
            ("**", "Cache-Control: max-age=60"),
            ("assets/**", "cache-control: immutable"),
            ("assets/x/**", "Cache-Control:"),
            ("**.html", "X-Frame-Options: DENY"),
        ]);

        let html = "Server: rthttpd, Cache-Control: max-age=60, X-Frame-Options: DENY, ";
        assert_eq!(look(&headers, "a.html"), [html, "-", html]);
        let asset = "Server: rthttpd, cache-control: immutable, ";
        assert_eq!(look(&headers, "assets/a"), [asset, "-", asset]);
        let plain = "Server: rthttpd, ";
        assert_eq!(look(&headers, "assets/x/a"), [plain, "-", plain]);
    }

    #[test]
    fn what_describes_content_goes_with_a_file_alone() {
        let headers = headers(&[
            ("**", "Content-Language: de"),
            ("**", "Content-Security-Policy: default-src 'self'"),
            ("**", "content-type: text/plain"),
            ("**", "Server:"),
        ]);

        let policy = "Content-Security-Policy: default-src 'self', ";
        let file = format!("Content-Language: de, {policy}");
        assert_eq!(look(&headers, "a"), [&*file, "text/plain", policy]);
    }

    /// thttpd's is in every response, and in errors contradicts what they say themselves.
    #[test]
    fn how_long_files_may_be_kept_is_said_of_files() {
        let headers = headers(&[("own/**", "Cache-Control: no-cache")]).with_max_age(60);

        let file = "Server: rthttpd, Cache-Control: max-age=60, ";
        assert_eq!(look(&headers, "a"), [file, "-", "Server: rthttpd, "]);
        let own = "Server: rthttpd, Cache-Control: no-cache, ";
        assert_eq!(look(&headers, "own/a"), [own, "-", own]);
        let unchanged = headers.of_path(b"a").unchanged.as_bytes().to_vec();
        assert!(unchanged.ends_with(b"max-age=60\r\n"));
    }

    #[test]
    fn a_character_set_is_a_name() {
        for (name, is_one) in [
            ("iso-8859-1", true),
            ("UTF-8", true),
            ("", true),
            ("a b", false),
            ("a;b", false),
            ("a\"", false),
            ("a\r\nb", false),
        ] {
            assert_eq!(Charset::new(name).is_some(), is_one, "{name:?}");
        }
    }

    #[test]
    fn bytes_that_name_no_path_get_what_every_path_gets() {
        let headers = headers(&[("**", "Server: x"), ("*", "A: b")]);
        let without = |target| {
            let fields = headers.of_target(target);
            String::from_utf8(fields.without.as_bytes().to_vec()).unwrap()
        };

        for target in [None, Some(&b"*"[..]), Some(b"/%"), Some(b"/a/b")] {
            assert_eq!(without(target), "Server: x\r\n", "{target:?}");
        }
        assert_eq!(without(Some(b"/b?c")), "Server: x\r\nA: b\r\n");
    }

    #[test]
    fn what_is_not_the_operators_to_give_is_refused() {
        for field in ["Content-Length: 1", "etag: x", "LOCATION: /"] {
            let refused = HeaderRule::new("**", field).unwrap_err();
            let name = field.split(':').next().unwrap();
            assert_eq!(refused, HeaderRuleError::Computed { name: name.into() });
        }
        assert!(matches!(
            HeaderRule::new("**", "Content-Type:"),
            Err(HeaderRuleError::Empty { .. })
        ));
        assert!(HeaderRule::new("**", "a b: c").is_err());
        assert!(HeaderRule::new(&"*".repeat(21), "a: c").is_err());
    }
}
