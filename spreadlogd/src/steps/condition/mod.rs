//! `Where`: what the fields of a line must be.
//!
//! ```text
//! status >= 500 and (method = GET or path ~ ^/api) and not host = example.org
//! ```
//!
//! | field | what it is |
//! |---|---|
//! | `status`, `bytes` | numbers; `-` bytes are 0 |
//! | `method`, `path` | of the request line; the path without its query |
//! | `host` | the virtual host's word before the client; a line of three words before its time has none |
//! | `client`, `user` | as they stand in the line |
//! | `referer`, `agent` | as they stand between their quotes; the Common Log Format has neither |
//!
//! `=` `!=` `<` `<=` `>` `>=` compare numbers as numbers; text is only the same or not, hosts
//! whatever their capitals. `~` and `!~` say whether a pattern matches the field. Texts are as
//! they stand in the line, escapes included. A value with blanks, or a bracket that has no
//! partner, is written in `'…'` or `"…"`.
//!
//! Lines of `json` and `logfmt` have the same fields by their keys; one that is absent reads `-`.
//!
//! A comparison needs its field: neither `host = a` nor `host != a` holds of a line without a
//! host, and no comparison holds of a line that is no log line. So `not status = 200` is true of
//! it and `status != 200` is not.

mod parse;

use std::fmt;

pub use parse::{ConditionError, ConditionProblem};

use super::line::Line;
use super::pattern::Pattern;

/// What the fields of a line must be.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    root: Node,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// When it is none; the error says where.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        parse::parse(text).map(|root| Self {
            text: text.to_owned(),
            root,
        })
    }

    /// Whether it is true of `line`.
    #[must_use]
    pub fn holds(&self, line: &[u8]) -> bool {
        self.holds_of(Line::of(line).as_ref())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is true of a line whose fields are found, or of one that has none.
    pub(super) fn holds_of(&self, line: Option<&Line<'_>>) -> bool {
        self.root.holds(line)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Number {
        field: Field,
        relation: Relation,
        value: u64,
    },
    Same {
        field: Field,
        expected: bool,
        value: Vec<u8>,
    },
    Like {
        field: Field,
        expected: bool,
        pattern: Pattern,
    },
}

impl Node {
    fn holds(&self, line: Option<&Line<'_>>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(line)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(line)),
            Self::Not(node) => !node.holds(line),
            Self::Number {
                field,
                relation,
                value,
            } => line
                .and_then(|line| field.number(line))
                .is_some_and(|is| relation.holds(is, *value)),
            Self::Same {
                field,
                expected,
                value,
            } => line
                .and_then(|line| field.text(line))
                .is_some_and(|is| field.is_same(is, value) == *expected),
            Self::Like {
                field,
                expected,
                pattern,
            } => line
                .and_then(|line| field.text(line))
                .is_some_and(|is| pattern.matches(is) == *expected),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Status,
    Method,
    Path,
    Host,
    Bytes,
    Client,
    User,
    Referer,
    Agent,
}

impl Field {
    const NAMES: [(&'static str, Self); 9] = [
        ("status", Self::Status),
        ("method", Self::Method),
        ("path", Self::Path),
        ("host", Self::Host),
        ("bytes", Self::Bytes),
        ("client", Self::Client),
        ("user", Self::User),
        ("referer", Self::Referer),
        ("agent", Self::Agent),
    ];

    const fn is_number(self) -> bool {
        matches!(self, Self::Status | Self::Bytes)
    }

    fn number(self, line: &Line<'_>) -> Option<u64> {
        match self {
            Self::Status => line.status_number(),
            Self::Bytes => line.bytes_number(),
            _ => None,
        }
    }

    fn text<'a>(self, line: &Line<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Status => line.status(),
            Self::Method => Some(line.method()),
            Self::Path => line.path(),
            Self::Host => line.host(),
            Self::Bytes => line.bytes(),
            Self::Client => Some(line.client()),
            Self::User => Some(line.user()),
            Self::Referer => line.referer(),
            Self::Agent => line.agent(),
        }
    }

    fn is_same(self, text: &[u8], value: &[u8]) -> bool {
        match self {
            Self::Host => text.eq_ignore_ascii_case(value),
            _ => text == value,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Relation {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Relation {
    const fn holds(self, is: u64, value: u64) -> bool {
        match self {
            Self::Equal => is == value,
            Self::Unequal => is != value,
            Self::Less => is < value,
            Self::AtMost => is <= value,
            Self::More => is > value,
            Self::AtLeast => is >= value,
        }
    }
}

#[cfg(test)]
mod tests;
