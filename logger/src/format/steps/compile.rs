//! Reading a format's text: mod_log_config.c's `parse_log_item` and `parse_log_misc_string`.
//!
//! Stricter in three things. An argument to a directive that has none, and a text that is no
//! argument of one that has, are refused: Apache takes the one and writes the other into every
//! line. A line end in a format is refused, because a record is one line. And `\"` is a quote, as
//! Apache's configuration has made it before mod_log_config sees it, so that a format can be taken
//! over as it stands there.

use super::super::error::{FORMAT_LEN_MAX, FormatError, FormatReason};
use super::directive::{Directive, Environment, TimeForm};
use super::{Condition, Field, Step};

pub(super) fn compile(text: &str, environment: Environment<'_>) -> Result<Vec<Step>, FormatError> {
    if text.len() > FORMAT_LEN_MAX {
        let beginning = text.chars().take(16).collect();
        return Err(refused(beginning, 0, FormatReason::TooLong));
    }
    let mut reader = Reader {
        text,
        at: 0,
        constant: String::new(),
        steps: Vec::new(),
    };
    while let Some(next) = reader.peek() {
        match next {
            '%' => reader.directive(environment)?,
            '\\' => reader.escape()?,
            control if control.is_control() && control != '\t' => {
                return Err(reader.refused(reader.at, control.len_utf8(), FormatReason::Control));
            }
            plain => {
                reader.constant.push(plain);
                reader.at += plain.len_utf8();
            }
        }
    }
    reader.end_constant();
    Ok(reader.steps)
}

fn refused(refused: String, at: usize, reason: FormatReason) -> FormatError {
    FormatError {
        refused,
        at,
        reason,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// The text since the last directive.
    constant: String,
    steps: Vec<Step>,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn refused(&self, at: usize, len: usize, reason: FormatReason) -> FormatError {
        let piece = self.text.get(at..at + len).unwrap_or_default();
        refused(piece.escape_debug().to_string(), at, reason)
    }

    fn escape(&mut self) -> Result<(), FormatError> {
        let begin = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(plain @ ('\\' | '"')) => plain,
            Some('t') => '\t',
            Some('n' | 'r') => return Err(self.refused(begin, 2, FormatReason::Control)),
            // As it stands.
            _ => {
                self.constant.push('\\');
                return Ok(());
            }
        };
        self.constant.push(plain);
        self.at += 1;
        Ok(())
    }

    fn end_constant(&mut self) {
        if !self.constant.is_empty() {
            let text = std::mem::take(&mut self.constant);
            self.steps.push(Step::Constant(text.into_bytes().into()));
        }
    }

    fn directive(&mut self, environment: Environment<'_>) -> Result<(), FormatError> {
        let begin = self.at;
        self.at += 1;
        if self.peek() == Some('%') {
            self.at += 1;
            self.constant.push('%');
            return Ok(());
        }
        let mut argument = None;
        let mut statuses = Vec::new();
        let mut is_not = false;
        let letter = loop {
            let Some(next) = self.peek() else {
                let len = self.at - begin;
                return Err(self.refused(begin, len, FormatReason::Unfinished));
            };
            match next {
                '!' => is_not = !is_not,
                // Requests are not redirected within the server: the first is the last.
                '<' | '>' | ',' => {}
                '{' => {
                    argument = Some(self.argument()?);
                    continue;
                }
                '0'..='9' => {
                    statuses.push(self.status()?);
                    continue;
                }
                letter => break self.letter(letter),
            }
            self.at += 1;
        };
        let what = Directive::new(letter, argument, environment)
            .map_err(|reason| self.refused(begin, self.at - begin, reason))?;
        self.end_constant();
        let only = (!statuses.is_empty()).then(|| Condition {
            statuses: statuses.into(),
            is_not,
        });
        self.push(what, only);
        Ok(())
    }

    fn argument(&mut self) -> Result<&'t str, FormatError> {
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some((argument, _)) = inside.split_once('}') else {
            return Err(self.refused(self.at, self.rest().len(), FormatReason::Unclosed));
        };
        self.at += argument.len() + 2;
        Ok(argument)
    }

    fn status(&mut self) -> Result<u16, FormatError> {
        let rest = self.rest();
        let end = rest.find(|next: char| !next.is_ascii_digit());
        let digits = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let status = digits.parse().ok().filter(|_| digits.len() == 3);
        let status =
            status.ok_or_else(|| self.refused(self.at, digits.len(), FormatReason::Status))?;
        self.at += digits.len();
        Ok(status)
    }

    /// One character, or after `^` three.
    fn letter(&mut self, first: char) -> &'t str {
        let rest = self.rest();
        let long = rest.get(..3).filter(|_| first == '^');
        let letter = long.or_else(|| rest.get(..first.len_utf8()));
        let letter = letter.unwrap_or_default();
        self.at += letter.len();
        letter
    }

    fn push(&mut self, mut what: Directive, only: Option<Condition>) {
        if let Directive::Time {
            form: TimeForm::Text { slot, .. },
            ..
        } = &mut what
        {
            *slot = self.steps.iter().filter(|step| step.is_time_text()).count();
        }
        self.steps.push(Step::Field(Field { what, only }));
    }
}
