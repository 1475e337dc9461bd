//! Reading a condition, and what can be wrong with one.
//!
//! ```text
//! any   = all { "or" all }
//! all   = one { "and" one }
//! one   = "not" one | "(" any ")" | FIELD OPERATOR VALUE
//! ```
//!
//! Blanks around an operator are not needed. A value goes on to a blank, or to a `)` that has no
//! partner in it, so that `path ~ ^/(a|b)` needs no quotes.

use std::ops::Range;

use super::super::line::number;
use super::super::pattern::{Pattern, PatternError};
use super::{Field, Node, Relation};

/// A text that is no condition, and where it stops being one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct ConditionError {
    /// What is wrong.
    pub problem: ConditionProblem,
    /// The bytes of the condition concerned.
    pub span: Range<usize>,
}

/// What is wrong with a condition.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionProblem {
    /// It is longer than any condition needs to be.
    #[error("a condition of {0} bytes is over the limit of {LEN_MAX}")]
    TooLong(usize),
    /// Brackets and `not`s within each other, more than anyone can read.
    #[error("more than {DEPTH_MAX} brackets and `not`s within each other")]
    TooDeep,
    /// A word where a field stands, which is none.
    #[error(
        "unknown field `{0}`: there are status, method, path, host, bytes, client, user, referer \
         and agent"
    )]
    UnknownField(String),
    /// Something else than a comparison.
    #[error("expected a field, `not` or `(`, found {0}")]
    ExpectedField(String),
    /// A field that is not compared.
    #[error("expected `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` or `!~`, found {0}")]
    ExpectedOperator(String),
    /// A comparison without its value.
    #[error("expected a value")]
    ExpectedValue,
    /// A comparison after another.
    #[error("expected `and`, `or` or the end, found {0}")]
    ExpectedEnd(String),
    /// `path < x`.
    #[error("`{0}` compares numbers, and this field is text")]
    TextHasNoOrder(String),
    /// `status = ok`.
    #[error("`{0}` is no number")]
    NotANumber(String),
    /// A quote without its second one.
    #[error("this quote is not closed")]
    UnclosedQuote,
    /// A `(` without its `)`.
    #[error("this bracket is not closed")]
    UnclosedBracket,
    /// What follows `~` is no pattern.
    #[error(transparent)]
    Pattern(PatternError),
}

pub(super) fn parse(text: &str) -> Result<Node, ConditionError> {
    let mut reader = Reader { text, at: 0 };
    if text.len() > LEN_MAX {
        let problem = ConditionProblem::TooLong(text.len());
        return Err(ConditionError {
            problem,
            span: 0..text.len(),
        });
    }
    let node = reader.any(0)?;
    reader.skip_blanks();
    if reader.rest().is_empty() {
        return Ok(node);
    }
    let (found, span) = reader.found();
    Err(ConditionError {
        problem: ConditionProblem::ExpectedEnd(found),
        span,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self, depth: usize) -> Result<Node, ConditionError> {
        let mut nodes = vec![self.all(depth)?];
        while self.take_keyword("or") {
            nodes.push(self.all(depth)?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, ConditionError> {
        let mut nodes = vec![self.one(depth)?];
        while self.take_keyword("and") {
            nodes.push(self.one(depth)?);
        }
        Ok(single(nodes, Node::All))
    }

    fn one(&mut self, depth: usize) -> Result<Node, ConditionError> {
        self.skip_blanks();
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(self.error(ConditionProblem::TooDeep, start));
        }
        if self.take_keyword("not") {
            return Ok(Node::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take("(") {
            let open = start..self.at;
            let node = self.any(depth + 1)?;
            self.skip_blanks();
            if self.take(")") {
                return Ok(node);
            }
            let (found, span) = self.found();
            return Err(if self.rest().is_empty() {
                ConditionError {
                    problem: ConditionProblem::UnclosedBracket,
                    span: open,
                }
            } else {
                ConditionError {
                    problem: ConditionProblem::ExpectedEnd(found),
                    span,
                }
            });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node, ConditionError> {
        let start = self.at;
        let name = self.word();
        if name.is_empty() {
            let (found, span) = self.found();
            let problem = ConditionProblem::ExpectedField(found);
            return Err(ConditionError { problem, span });
        }
        let Some((_, field)) = Field::NAMES.iter().find(|(is, _)| *is == name) else {
            return Err(self.error(ConditionProblem::UnknownField(name.to_owned()), start));
        };
        self.skip_blanks();
        let operator_at = self.at;
        let Some((spelt, operator)) = OPERATORS.iter().find(|(spelt, _)| self.take(spelt)) else {
            let (found, span) = self.found();
            let problem = ConditionProblem::ExpectedOperator(found);
            return Err(ConditionError { problem, span });
        };
        let operator_end = self.at;
        self.skip_blanks();
        let value_at = self.at;
        let value = self.value()?;
        node(*field, *operator, value).map_err(|problem| match problem {
            ConditionProblem::TextHasNoOrder(_) => ConditionError {
                problem: ConditionProblem::TextHasNoOrder((*spelt).to_owned()),
                span: operator_at..operator_end,
            },
            problem => self.error(problem, value_at),
        })
    }

    fn value(&mut self) -> Result<&'a str, ConditionError> {
        let start = self.at;
        let rest = self.rest();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let inside = rest.get(1..).unwrap_or_default();
            let Some((value, _)) = inside.split_once(quote) else {
                self.at = self.text.len();
                return Err(self.error(ConditionProblem::UnclosedQuote, start));
            };
            self.at += value.len() + 2;
            return Ok(value);
        }
        let value = rest.get(..bare_len(rest)).unwrap_or(rest);
        self.at += value.len();
        if value.is_empty() {
            let (_, span) = self.found();
            let problem = ConditionProblem::ExpectedValue;
            return Err(ConditionError { problem, span });
        }
        Ok(value)
    }

    /// A run of letters and what else is in a word: a misspelt field is shown whole.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = rest.split(|c: char| !is_word(c)).next().unwrap_or_default();
        self.at += word.len();
        word
    }

    /// Takes `keyword` if it is the next word.
    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.skip_blanks();
        let start = self.at;
        let is_it = self.word() == keyword;
        if !is_it {
            self.at = start;
        }
        is_it
    }

    fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What is there instead of what was expected, and where.
    fn found(&self) -> (String, Range<usize>) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return ("the end".to_owned(), self.at..self.at);
        };
        let word = rest.split_ascii_whitespace().next().unwrap_or_default();
        let len = match word.find(['(', ')']) {
            Some(0) => first.len_utf8(),
            Some(len) => len,
            None => word.len(),
        };
        let word = rest.get(..len).unwrap_or(rest);
        (format!("`{word}`"), self.at..self.at + len)
    }

    /// An error from `start` to where the reader is.
    const fn error(&self, problem: ConditionProblem, start: usize) -> ConditionError {
        ConditionError {
            problem,
            span: start..self.at,
        }
    }
}

fn single(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        last => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

fn node(field: Field, operator: Operator, value: &str) -> Result<Node, ConditionProblem> {
    match operator {
        Operator::Like(expected) => Ok(Node::Like {
            field,
            expected,
            pattern: Pattern::parse(value.as_bytes()).map_err(ConditionProblem::Pattern)?,
        }),
        Operator::Relation(relation) if field.is_number() => {
            let value = number(value.as_bytes())
                .ok_or_else(|| ConditionProblem::NotANumber(value.to_owned()))?;
            Ok(Node::Number {
                field,
                relation,
                value,
            })
        }
        Operator::Relation(relation @ (Relation::Equal | Relation::Unequal)) => Ok(Node::Same {
            field,
            expected: relation == Relation::Equal,
            value: value.as_bytes().to_vec(),
        }),
        Operator::Relation(_) => Err(ConditionProblem::TextHasNoOrder(String::new())),
    }
}

/// Bytes of a value without quotes.
fn bare_len(text: &str) -> usize {
    let (mut open, mut is_escaped) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            c if c.is_ascii_whitespace() => return at,
            _ if is_escaped => {}
            '(' => open += 1,
            ')' if open == 0 => return at,
            ')' => open -= 1,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

#[derive(Clone, Copy)]
enum Operator {
    Relation(Relation),
    /// `~`, or `!~`.
    Like(bool),
}

/// The longer before what they begin with.
const OPERATORS: [(&str, Operator); 8] = [
    ("!=", Operator::Relation(Relation::Unequal)),
    ("!~", Operator::Like(false)),
    ("<=", Operator::Relation(Relation::AtMost)),
    (">=", Operator::Relation(Relation::AtLeast)),
    ("=", Operator::Relation(Relation::Equal)),
    ("~", Operator::Like(true)),
    ("<", Operator::Relation(Relation::Less)),
    (">", Operator::Relation(Relation::More)),
];

/// 4,096: more than fits on a screen; each comparison takes memory.
const LEN_MAX: usize = 4_096;

/// 32: reading and asking take stack for each.
const DEPTH_MAX: usize = 32;
