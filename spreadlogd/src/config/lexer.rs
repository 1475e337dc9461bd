//! The words of `spreadlogd.conf`, with where they stand.
//!
//! The rules are those of the original's `config_gram.l`, longest match included: a `#`
//! begins a comment only where a word could begin or end, `"a b"` is one word without its
//! quotes, and `"a"b` is one bare word whose quotes are part of it. What a word means is
//! decided in `parser`; this file cannot fail.

use std::ops::Range;

/// What a token is, by its form alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `=` with blanks, or a brace, on both sides.
    Equals,
    /// A run of bytes other than blanks, `#` and braces.
    Bare,
    /// `"…"` or `'…'`; there are no escapes, and it may span lines.
    Quoted,
}

/// A token and its place in the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// The bytes it covers, with the quotes where there are any.
    pub(super) span: Range<usize>,
}

impl Token {
    /// The bytes of the word, without its quotes.
    pub(super) fn word<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let inner = match self.kind {
            Kind::Quoted => self.span.start + 1..self.span.end - 1,
            _ => self.span.clone(),
        };
        text.get(inner).unwrap_or_default()
    }
}

/// Reads tokens from `at` on. A copy of it looks ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Goes back, or on, to the byte `at`: how `Group=a` becomes three tokens.
    pub(super) const fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// The next token without taking it.
    pub(super) fn peek(&self) -> Option<Token> {
        self.clone().next()
    }

    fn skip_blanks(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => self.at += run(self.rest(), |b| b != b'\n'),
                _ => break,
            }
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks();
        let rest = self.rest();
        let bare = run(rest, |b| !b" \t\r\n#{}".contains(&b));
        let (kind, len) = match rest.first()? {
            b'{' => (Kind::Open, 1),
            b'}' => (Kind::Close, 1),
            b'=' if bare == 1 => (Kind::Equals, 1),
            quote @ (b'"' | b'\'') => match quoted(rest, *quote) {
                Some(len) if len >= bare => (Kind::Quoted, len),
                _ => (Kind::Bare, bare),
            },
            _ => (Kind::Bare, bare),
        };
        let span = self.at..self.at + len;
        self.at = span.end;
        Some(Token { kind, span })
    }
}

/// Length of the quoted word that `rest` begins with, quotes included, if it is closed.
fn quoted(rest: &[u8], quote: u8) -> Option<usize> {
    let inner = rest.get(1..)?;
    inner.iter().position(|&b| b == quote).map(|len| len + 2)
}

fn run(rest: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|&b| !belongs(b)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text, and its tokens as they would be written apart.
    const CASES: &[(&str, &[&str])] = &[
        ("", &[]),
        ("# only a comment", &[]),
        ("Group = a", &["Group", "=", "a"]),
        ("Group=a", &["Group=a"]),
        ("a#b", &["a"]),
        ("a#b\nc", &["a", "c"]),
        ("Log{a}b", &["Log", "{", "a", "}", "b"]),
        ("== =", &["==", "="]),
        ("={", &["=", "{"]),
        ("\"a # b\" 'c\nd'", &["\"a # b\"", "'c\nd'"]),
        ("\"a\"b", &["\"a\"b"]),
        ("\"a b\"c", &["\"a b\"", "c"]),
        ("\"a", &["\"a"]),
        ("\"\"", &["\"\""]),
        ("a\r\nb", &["a", "b"]),
    ];

    #[test]
    fn words_are_cut_as_the_original_cuts_them() {
        for (text, expected) in CASES {
            let words: Vec<&str> = Lexer::new(text.as_bytes())
                .map(|token| &text[token.span])
                .collect();

            assert_eq!(&words, expected, "{text:?}");
        }
    }

    #[test]
    fn a_quoted_word_is_what_stands_between_the_quotes() {
        let text = b"\"a b\"";

        let token = Lexer::new(text).next().unwrap();

        assert_eq!((token.kind, token.word(text)), (Kind::Quoted, &b"a b"[..]));
    }

    proptest! {
        /// For any bytes: tokens are not empty, in order, apart, and within the text.
        #[test]
        fn tokens_lie_in_order_within_the_text(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut end = 0;
            for token in Lexer::new(&text) {
                prop_assert!(token.span.start >= end && token.span.start < token.span.end);
                end = token.span.end;
            }
            prop_assert!(end <= text.len());
        }
    }
}
