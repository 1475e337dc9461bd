//! Formats of the operator's own, in the language of Apache's mod_log_config.
//!
//! ```text
//! "%v %h \"%r\" %>s" -> compile -> [ Host, " ", Client, " \"", RequestLine, "\" ", Status ]
//!                                               Record -> write -> line
//! ```
//!
//! The text is read once. What the steps write is written once too: nothing looks at it again, so
//! that no field of a client can be taken for a directive or escaped twice.

mod compile;
mod directive;
mod strftime;
mod text;
mod value;
mod write;

use std::fmt;
use std::sync::Arc;

use directive::{Directive, Environment, TimeForm};
use strftime::Pattern;
pub(super) use strftime::digits;
pub(super) use write::Writer;

use super::error::{FormatError, FormatReason};
use super::{CLIENT_LEN_MAX, LINE_LEN_MAX, Needs};

/// A format that was read. A cheap clone.
#[derive(Clone, Eq, PartialEq)]
pub struct Custom(Arc<Compiled>);

#[derive(Eq, PartialEq)]
struct Compiled {
    text: Box<str>,
    steps: Box<[Step]>,
    needs: Needs,
    /// Bytes of all that is no text of a client, at most, with the newline.
    fixed_len_max: usize,
    /// How many texts of clients there are.
    texts: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    /// What stands in every line.
    Constant(Box<[u8]>),
    Field(Field),
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Field {
    what: Directive,
    only: Option<Condition>,
}

/// With which statuses a field is written; with others `-` is.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Condition {
    statuses: Box<[u16]>,
    is_not: bool,
}

impl Custom {
    pub(super) fn compile(text: &str, environment: Environment<'_>) -> Result<Self, FormatError> {
        let steps = compile::compile(text, environment)?;
        let fields = steps.iter().filter_map(Step::field);
        let needs = fields.map(|field| field.what.needs());
        let texts = steps.iter().filter(|step| step.is_text()).count();
        let compiled = Compiled {
            text: text.into(),
            needs: needs.fold(Needs::NOTHING, Needs::or),
            fixed_len_max: steps.iter().map(Step::fixed_len_max).sum::<usize>() + 1,
            texts,
            steps: steps.into(),
        };
        if compiled.line_len_min() > LINE_LEN_MAX {
            return Err(FormatError {
                refused: text.chars().take(16).collect(),
                at: 0,
                reason: FormatReason::LineTooLong,
            });
        }
        Ok(Self(Arc::new(compiled)))
    }

    /// The text that it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    pub(super) fn needs(&self) -> Needs {
        self.0.needs
    }

    pub(super) fn has_directive(&self) -> bool {
        self.0.steps.iter().any(|step| step.field().is_some())
    }

    /// Whether both write the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.0.steps == other.0.steps
    }

    /// The shortest limit of a line in which each text of a client has some room.
    pub(super) fn line_len_min(&self) -> usize {
        self.0.line_len_min()
    }

    /// The texts of its times, each with its place.
    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let fields = self.0.steps.iter().filter_map(Step::field);
        fields.filter_map(|field| match &field.what {
            Directive::Time {
                form: TimeForm::Text { pattern, .. },
                ..
            } => Some(pattern),
            _ => None,
        })
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.text()).finish()
    }
}

impl Compiled {
    fn line_len_min(&self) -> usize {
        self.fixed_len_max + self.texts * TEXT_LEN_MIN
    }
}

impl Step {
    const fn field(&self) -> Option<&Field> {
        match self {
            Self::Field(field) => Some(field),
            Self::Constant(_) => None,
        }
    }

    fn is_text(&self) -> bool {
        self.field().is_some_and(|field| field.what.is_text())
    }

    fn is_time_text(&self) -> bool {
        self.field().is_some_and(|field| field.what.is_time_text())
    }

    /// Bytes that it takes at most, without the text of a client.
    fn fixed_len_max(&self) -> usize {
        match self {
            Self::Constant(text) => text.len(),
            // What stands in the place of one that is absent.
            Self::Field(field) if field.what.is_text() => 1,
            Self::Field(field) => match &field.what {
                Directive::Client | Directive::Peer | Directive::Local => CLIENT_LEN_MAX,
                Directive::Time {
                    form: TimeForm::Text { pattern, .. },
                    ..
                } => pattern.len_max().max(1),
                Directive::Absent | Directive::Ending => 1,
                _ => NUMBER_LEN_MAX,
            },
        }
    }
}

impl Condition {
    fn holds(&self, status: u16) -> bool {
        self.statuses.contains(&status) != self.is_not
    }
}

/// 16: what a text of a client has even in a line that is too short for all, mark included.
const TEXT_LEN_MIN: usize = 16;

/// Digits of the largest number, 2^64.
const NUMBER_LEN_MAX: usize = 20;

#[cfg(test)]
mod tests;
