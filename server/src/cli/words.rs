//! `KEY=VALUE KEY='VALUE' KEY` in one argument: words apart by space, as Apache quotes them.
//!
//! A value in `"` or `'` may hold spaces; within it a backslash before that quote or another
//! backslash takes its meaning away, and before anything else it is itself, so that the `\t` of a
//! log format gets through.

/// A word: its key, and its value if it has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    pub(super) key: String,
    pub(super) value: Option<String>,
}

/// Why a text is no such words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum WordError {
    /// A quote is not closed.
    #[error("the value of {key} has no closing {quote}")]
    Unclosed {
        /// Whose value it is.
        key: String,
        /// The quote.
        quote: char,
    },
    /// Something follows a quoted value.
    #[error("`{rest}` stands right behind the quoted value of {key}: put a space between")]
    Behind {
        /// Whose value it is.
        key: String,
        /// What follows.
        rest: String,
    },
}

/// Takes `text` apart.
pub(super) fn words(text: &str) -> Result<Vec<Word>, WordError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|at: char| at == '=' || at.is_whitespace());
        let (key, after) = rest.split_at(end.unwrap_or(rest.len()));
        let key = key.to_owned();
        let value = match after.strip_prefix('=') {
            None => {
                rest = after;
                None
            }
            Some(after) => {
                let (value, after) = value(&key, after)?;
                rest = after;
                Some(value)
            }
        };
        words.push(Word { key, value });
        rest = rest.trim_start();
    }
    Ok(words)
}

/// The value that `text` begins with, and what follows it.
fn value<'t>(key: &str, text: &'t str) -> Result<(String, &'t str), WordError> {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Ok((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let after = text.get(at + 1..).unwrap_or_default();
            if after.starts_with(|next: char| !next.is_whitespace()) {
                let rest = after.split_whitespace().next().unwrap_or_default();
                return Err(WordError::Behind {
                    key: key.to_owned(),
                    rest: rest.to_owned(),
                });
            }
            return Ok((value, after));
        }
        let next = characters.peek().map(|(_, next)| *next);
        match next {
            Some(next) if character == '\\' && (next == quote || next == '\\') => {
                characters.next();
                value.push(next);
            }
            _ => value.push(character),
        }
    }
    Err(WordError::Unclosed {
        key: key.to_owned(),
        quote,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, Option<String>)> {
        let words = words(text).unwrap().into_iter();
        words.map(|word| (word.key, word.value)).collect()
    }

    /// Keys, each with its value if it has one.
    type Pairs<'t> = &'t [(&'t str, Option<&'t str>)];

    #[test]
    fn words_are_keys_with_values_or_without() {
        const CASES: &[(&str, Pairs<'_>)] = &[
            ("", &[]),
            ("a=b", &[("a", Some("b"))]),
            ("  a=b \t syslog ", &[("a", Some("b")), ("syslog", None)]),
            ("a=", &[("a", Some(""))]),
            ("a=b=c", &[("a", Some("b=c"))]),
            (r#"a="b c" d=e"#, &[("a", Some("b c")), ("d", Some("e"))]),
            (r#"a="%h \"%r\"""#, &[("a", Some(r#"%h "%r""#))]),
            (r#"a='%h "%r"'"#, &[("a", Some(r#"%h "%r""#))]),
            (r#"a="\t\\n""#, &[("a", Some(r"\t\n"))]),
            (r#"a=b"c"#, &[("a", Some(r#"b"c"#))]),
        ];
        for (text, expected) in CASES {
            let expected: Vec<_> = expected
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
                .collect();
            assert_eq!(pairs(text), expected, "{text}");
        }
    }

    #[test]
    fn a_quote_is_closed_and_nothing_stands_right_behind_it() {
        for (text, said) in [
            (r#"format="%h"#, "format has no closing \""),
            ("format='%h", "format has no closing '"),
            (r#"format="%h"path=x"#, "`path=x` stands right behind"),
        ] {
            let error = words(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    proptest! {
        /// Whatever a value holds, it comes through when it is quoted as Apache quotes.
        #[test]
        fn a_quoted_value_comes_through(values in proptest::collection::vec("\\PC{0,20}", 0..4)) {
            let quoted = |value: &String| value.replace('\\', r"\\").replace('"', r#"\""#);
            let text: Vec<_> = values.iter().map(|value| format!("k=\"{}\"", quoted(value))).collect();

            let back: Vec<_> = words(&text.join(" ")).unwrap();

            let back: Vec<_> = back.into_iter().map(|word| word.value.unwrap()).collect();
            prop_assert_eq!(back, values);
        }
    }
}
