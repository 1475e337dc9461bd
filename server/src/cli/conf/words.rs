//! The words of a configuration file, each with its line. What they mean is not known here.
//!
//! ```text
//! # thttpd's own: any number in a line, no blanks within
//! port=80  user=www nochroot
//! # and since: a value in quotes may hold blanks, `#`, and with a backslash before it a quote
//! header="**" "Cache-Control: max-age=3600"
//! ```
//!
//! A quote is one at the beginning of a word or of its value, and stands for itself elsewhere, as
//! it does everywhere for thttpd. A comment begins at any other `#`, even within a word.

/// A name, or a name and its value, or a further value of what stood before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// From 1.
    pub(super) line: usize,
    /// What it holds, without quotes.
    pub(super) text: Vec<u8>,
    /// Where the name ends and the value begins.
    pub(super) equals: Option<usize>,
}

/// What is no word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum WordError {
    #[error("the quotation mark is not closed in its line")]
    Open,
    #[error("a blank must follow the closing quotation mark")]
    Glued,
    #[error("it holds a NUL byte, so this is no text file")]
    Nul,
}

impl Word {
    /// The name, which is all of it without a value.
    pub(super) fn name(&self) -> &[u8] {
        let end = self.equals.unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or_default()
    }

    /// What stands behind the first `=`.
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.text.get(self.equals? + 1..)
    }
}

/// All words in their order; in the place of one that is none, its line and what is wrong.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = (usize, Result<Word, WordError>)> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.enumerate().flat_map(|(index, line)| {
        let mut cursor = Cursor {
            line: index + 1,
            rest: line,
        };
        std::iter::from_fn(move || cursor.next().map(|word| (index + 1, word)))
    })
}

/// A line that is being read.
struct Cursor<'t> {
    line: usize,
    rest: &'t [u8],
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<Result<Word, WordError>> {
        while self.peek().is_some_and(is_blank) {
            self.take();
        }
        if matches!(self.peek()?, b'#') {
            return None;
        }
        let word = self.word();
        if word.is_err() {
            // What follows would be guesses.
            self.rest = &[];
        }
        Some(word)
    }

    fn word(&mut self) -> Result<Word, WordError> {
        let mut text = Vec::new();
        let mut equals = None;
        let mut may_be_quoted = true;
        while let Some(byte) = self.peek() {
            if is_blank(byte) || byte == b'#' {
                break;
            }
            self.take();
            match byte {
                0 => return Err(WordError::Nul),
                b'"' if may_be_quoted => {
                    self.quoted(&mut text)?;
                    if self
                        .peek()
                        .is_some_and(|byte| !is_blank(byte) && byte != b'#')
                    {
                        return Err(WordError::Glued);
                    }
                    break;
                }
                b'=' if equals.is_none() => {
                    equals = Some(text.len());
                    may_be_quoted = true;
                }
                _ => may_be_quoted = false,
            }
            text.push(byte);
        }
        let line = self.line;
        Ok(Word { line, text, equals })
    }

    /// To the closing mark, which is taken too.
    fn quoted(&mut self, text: &mut Vec<u8>) -> Result<(), WordError> {
        loop {
            match self.take().ok_or(WordError::Open)? {
                b'"' => return Ok(()),
                0 => return Err(WordError::Nul),
                b'\\' if matches!(self.peek(), Some(b'"' | b'\\')) => text.extend(self.take()),
                byte => text.push(byte),
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }
}

/// What thttpd takes for blanks within a line.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words as `name`, `name=value` or an error, with their lines.
    fn read(text: &str) -> Vec<(usize, String)> {
        words(text.as_bytes())
            .map(|(line, word)| match word {
                Ok(word) => (line, String::from_utf8(word.text).unwrap()),
                Err(error) => (line, error.to_string()),
            })
            .collect()
    }

    #[test]
    fn words_are_read_as_thttpd_reads_them() {
        const CASES: &[(&str, &[(usize, &str)])] = &[
            ("", &[]),
            ("# nothing\n\n \t\r\n", &[]),
            ("port=80", &[(1, "port=80")]),
            (
                "port=80 \t nochroot\r\nuser=www# us\n",
                &[(1, "port=80"), (1, "nochroot"), (2, "user=www")],
            ),
            ("dir=/a#b c", &[(1, "dir=/a")]),
            ("p3p=CP=\"NOI\"", &[(1, "p3p=CP=\"NOI\"")]),
            ("port = 80", &[(1, "port"), (1, "="), (1, "80")]),
            // What is new.
            (
                "header=\"**\" \"X-A: #b\" # c",
                &[(1, "header=**"), (1, "X-A: #b")],
            ),
            (r#"p3p="CP=\"NOI\" \\ \n""#, &[(1, r#"p3p=CP="NOI" \ \n"#)]),
            ("dir=\"\"", &[(1, "dir=")]),
        ];
        for (text, expected) in CASES {
            let found = read(text);
            let found: Vec<_> = found.iter().map(|(line, text)| (*line, &**text)).collect();
            assert_eq!(found, *expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_word_ends_its_line_alone() {
        for (text, error) in [
            ("a b=\"c d\ne", WordError::Open),
            ("a b=\"c\"d x\ne", WordError::Glued),
            ("a b\0c x\ne", WordError::Nul),
        ] {
            let found = read(text);
            assert_eq!(found.len(), 3, "{found:?}");
            assert_eq!(found[1], (1, error.to_string()));
            assert_eq!(found[2], (2, "e".to_owned()));
        }
    }

    #[test]
    fn the_first_sign_outside_quotes_parts_name_and_value() {
        for (text, name, value) in [
            ("a=b=c", "a", Some("b=c")),
            ("a", "a", None),
            ("a=", "a", Some("")),
            ("\"a=b\"", "a=b", None),
        ] {
            let (_, word) = words(text.as_bytes()).next().unwrap();
            let word = word.unwrap();
            assert_eq!(word.name(), name.as_bytes());
            assert_eq!(word.value(), value.map(str::as_bytes));
        }
    }

    proptest! {
        /// Any value can be written, whatever bytes it has but line ends and NUL.
        #[test]
        fn what_is_quoted_is_what_is_read(value in "[^\n\0]{0,20}", further in "[^\n\0]{0,20}") {
            let quoted = |text: &str| {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            };
            let text = format!("name={} {}# a", quoted(&value), quoted(&further));

            let found: Vec<_> = words(text.as_bytes()).map(|(_, word)| word.unwrap()).collect();

            prop_assert_eq!(found.len(), 2);
            prop_assert_eq!(found[0].value(), Some(value.as_bytes()));
            prop_assert_eq!(&*found[1].text, further.as_bytes());
        }

        #[test]
        fn any_bytes_are_words_or_errors_in_order(text: Vec<u8>) {
            let mut before = 1;
            for (line, _) in words(&text) {
                prop_assert!(before <= line);
                before = line;
            }
        }
    }
}
