//! A regular expression over one line, for `Match`, `Exclude` and `Where`.
//!
//! The text is the line as it came, a virtual host's word before it included, without its newline;
//! `^` and `$` are the ends of that line. It is bytes, and letters and classes are ASCII's.
//!
//! The original used the extended expressions of GNU egrep. Nothing is translated; the language is
//! that of the crate `regex`, which takes time linear in the line whatever the pattern, and
//!
//! - has no back-references: `(a)\1` is refused;
//! - knows Perl's classes, lazy repetitions and flags: `\d`, `.*?`, `(?i)` mean what they say in
//!   Perl, while egrep takes `\d` for a `d`;
//! - lets `\` escape inside brackets, and `[`, `&&`, `--`, `~~` mean something there: egrep's
//!   `[\.]` is also a backslash, and its `[[]` is written `[\[]`;
//! - refuses what egrep takes for a letter because it repeats nothing: a leading `*`, a `{` alone;
//!   and `{,2}`, which is written `{0,2}`;
//! - has `\<` and `\>` as egrep, while `` \` `` and `\'` are a backtick and a quote, which a line
//!   begins and ends with seldom: write `^` and `$`;
//! - says alternatives with `|` alone. A newline in the pattern, another `|` for egrep, is refused.

use std::fmt;
use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// A regular expression over one line.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// When it is no expression of this language, or one whose program is too large.
    pub fn parse(text: &[u8]) -> Result<Self, PatternError> {
        let refused = |why, span| PatternError {
            pattern: String::from_utf8_lossy(text).into_owned(),
            why,
            span,
        };
        if text.len() > PATTERN_LEN_MAX {
            return Err(refused(PatternProblem::TooLong(text.len()), None));
        }
        if let Some(at) = memchr::memchr(b'\n', text) {
            return Err(refused(PatternProblem::Newline, Some(at..at + 1)));
        }
        let text = str::from_utf8(text).map_err(|error| {
            let at = error.valid_up_to();
            refused(PatternProblem::NotText, Some(at..at + 1))
        })?;
        RegexBuilder::new(text)
            .unicode(false)
            .size_limit(PROGRAM_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .nest_limit(NEST_MAX)
            .build()
            .map(|regex| Self { regex })
            .map_err(|error| {
                let (why, span) = PatternProblem::of(text, &error);
                refused(why, span)
            })
    }

    /// Whether some part of `line`, which has no newline, is what the expression describes.
    #[must_use]
    pub fn matches(&self, line: &[u8]) -> bool {
        self.regex.is_match(line)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct PatternError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub why: PatternProblem,
    /// The bytes of it concerned, where that is known.
    pub span: Option<Range<usize>>,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternProblem {
    /// It is longer than any pattern needs to be.
    #[error("a pattern of {0} bytes is over the limit of {PATTERN_LEN_MAX}")]
    TooLong(usize),
    /// It has bytes outside UTF-8.
    #[error(r"a pattern is text in UTF-8; write another byte as \xhh")]
    NotText,
    /// It has a newline, which no line has.
    #[error("a line has no newline to match; write alternatives with |")]
    Newline,
    /// It repeats so much that its program would be too large.
    #[error("the pattern compiles to more than {PROGRAM_BYTES_MAX} bytes: it repeats too much")]
    TooLarge,
    /// `\1`, which egrep has.
    #[error("back-references are not supported: a pattern takes time linear in the line")]
    BackReference,
    /// The grammar does not have it: the words of the crate `regex`.
    #[error("{0}")]
    Syntax(String),
}

impl PatternProblem {
    /// The crate tells the place in a picture alone: the pattern, a line of marks below it, and
    /// what is wrong.
    fn of(pattern: &str, error: &regex::Error) -> (Self, Option<Range<usize>>) {
        let regex::Error::Syntax(picture) = error else {
            return (Self::TooLarge, None);
        };
        let why = picture.rsplit("error: ").next().unwrap_or(picture).trim();
        let marks = picture.lines().nth(2).and_then(|line| {
            let marks = line.strip_prefix("    ")?;
            let first = marks.find('^')?;
            let is_marks = marks.bytes().all(|b| matches!(b, b' ' | b'^'));
            is_marks.then_some(first..marks.len())
        });
        let at = |chars: usize| {
            let mut places = pattern.char_indices().map(|(at, _)| at);
            places.nth(chars).unwrap_or(pattern.len())
        };
        let span = marks.map(|marks| at(marks.start)..at(marks.end));
        if why.starts_with("backreference") {
            (Self::BackReference, span)
        } else {
            (Self::Syntax(why.to_owned()), span)
        }
    }
}

/// 4,096: a list of some hundred words.
pub const PATTERN_LEN_MAX: usize = 4_096;

/// 1 MiB: hundreds of such words, while a page of nested repetitions is refused.
const PROGRAM_BYTES_MAX: usize = 1 << 20;

/// 1 MiB for what a pattern remembers between lines; beyond it, it forgets and goes on.
const CACHE_BYTES_MAX: usize = 1 << 20;

/// Groups within groups: compiling takes stack for each.
const NEST_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_are_those_of_egrep() {
        for (pattern, line, expected) in [
            (r"\.gif", "GET /a.gif HTTP/1.0", true),
            (r"\.gif$", "GET /a.gif HTTP/1.0", false),
            ("^www", "www.example.org 192.0.2.7", true),
            ("^www", "1.www", false),
            ("(jpe?g|png)", "a.jpg", true),
            ("[[:digit:]]{3}", "a 404 b", true),
            ("get", "GET", false),
            ("(?i)get", "GET", true),
            (r"\<to\>", "go to it", true),
            (r"\<to\>", "tomato", false),
            ("a{0,2}b", "b", true),
            ("", "anything", true),
        ] {
            let is_match = Pattern::parse(pattern.as_bytes())
                .unwrap()
                .matches(line.as_bytes());

            assert_eq!(is_match, expected, "{pattern} on {line}");
        }
    }

    #[test]
    fn a_line_is_bytes() {
        let pattern = Pattern::parse(b"a.b").unwrap();

        assert!(pattern.matches(b"a\xffb"));
        assert!(pattern.matches(b"a\0b"));
    }

    /// Each of these ended the original, or would have meant something else than egrep says.
    #[test]
    fn what_is_refused_says_why() {
        for (pattern, why) in [
            (&br"(a)\1"[..], "back-references are not supported"),
            (b"(", "unclosed group"),
            (b"[a", "unclosed character class"),
            (b"[[]", "unclosed character class"),
            (b"*.gif", "repetition operator missing expression"),
            (b"a{", "repetition"),
            (b"a{,2}", "repetition"),
            (b"a(?=b)", "look-around"),
            (b"a\nb", "write alternatives with |"),
            (b"\xe9", "UTF-8"),
            (b"((a{99}){99}){99}", "repeats too much"),
        ] {
            let error = Pattern::parse(pattern).unwrap_err().to_string();

            assert!(error.contains(why), "{}: {error}", pattern.escape_ascii());
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_is_refused_says_where() {
        for (pattern, expected) in [
            (r"a(b)\1", Some(4..6)),
            ("é(a", Some(2..3)),
            ("a\nb", Some(1..2)),
            ("((a{99}){99}){99}", None),
        ] {
            let error = Pattern::parse(pattern.as_bytes()).unwrap_err();

            assert_eq!(error.span, expected, "{pattern:?}");
        }
    }

    #[test]
    fn too_long_and_too_deep_are_refused() {
        let deep = ["(".repeat(500), ")".repeat(500)].concat();

        assert!(Pattern::parse(deep.as_bytes()).is_err());
        assert!(Pattern::parse(&[b'a'; PATTERN_LEN_MAX]).is_ok());
        assert!(Pattern::parse(&[b'a'; PATTERN_LEN_MAX + 1]).is_err());
    }

    /// The original matched a message with what an earlier one had left behind it in memory.
    #[test]
    fn a_line_is_matched_alone() {
        let pattern = Pattern::parse(br"\.gif").unwrap();
        let message = b"SSSS/a.gif".to_vec();

        assert!(!pattern.matches(&message[..4]));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_refused(
            text in proptest::collection::vec(any::<u8>(), 0..40),
            line in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(pattern.as_str().as_bytes(), &text);
                let _ = pattern.matches(&line);
            }
        }

        #[test]
        fn escaped_bytes_match_where_they_stand(
            before in proptest::collection::vec(any::<u8>(), 0..20),
            text in proptest::collection::vec(any::<u8>(), 0..20),
            after in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let pattern: String = text.iter().map(|byte| format!(r"\x{byte:02x}")).collect();
            let pattern = Pattern::parse(pattern.as_bytes()).unwrap();

            prop_assert!(pattern.matches(&[before, text, after].concat()));
        }
    }
}
