//! What can be wrong with a configuration, shown as rustc shows errors.
//!
//! ```text
//! error: unknown directive `Grup`
//!  --> spreadlogd.conf:3:9
//!   |
//! 3 |         Grup = access_log
//!   |         ^^^^ did you mean `Group`?
//! ```
//!
//! A file is read to its end, so that one run tells everything that is wrong with it. What is
//! accepted though it surely was not meant is a warning of the same form.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str,
};
use spread::AddressError;
use spread::NameError;

use super::{BYTES_MAX, LINE_BYTES_MAX, LOGS_MAX, SPREADS_MAX};

/// Why a configuration was refused: every problem found, in the order of the file.
///
/// Its `Display` is the text for the operator, of many lines and without colours.
#[derive(Debug)]
pub struct ConfigErrors(pub(super) Findings);

impl ConfigErrors {
    /// The text for the operator, with a terminal's colours where `coloured`.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        self.0.render(&Level::ERROR, coloured)
    }

    /// The problems, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Finding] {
        &self.0.list
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigErrors {}

/// What was accepted though it surely was not meant; shown like an error.
#[derive(Debug)]
pub struct Warnings(pub(super) Findings);

impl Warnings {
    /// The text for the operator, with a terminal's colours where `coloured`; empty when there
    /// is nothing to say.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        self.0.render(&Level::WARNING, coloured)
    }
}

/// A problem and its place.
#[derive(Debug)]
pub struct Finding {
    /// What is wrong.
    pub problem: Problem,
    /// The bytes of the file concerned.
    pub span: Range<usize>,
    /// Another place that has part in it, and what it is.
    pub(super) also: Option<(Range<usize>, &'static str)>,
}

/// What is wrong, with the value that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is too long to be a configuration.
    #[error("a configuration of {0} bytes is over the limit of {BYTES_MAX}")]
    FileTooLong(usize),
    /// A line is too long to be shown.
    #[error("line {number} of {len} bytes is over the limit of {LINE_BYTES_MAX}")]
    LineTooLong {
        /// Which line, from 1.
        number: usize,
        /// Its length.
        len: usize,
    },
    /// There is nothing to connect to.
    #[error("no Spread block")]
    NoSpread,
    /// More Spread blocks than a host needs.
    #[error("more than {SPREADS_MAX} Spread blocks")]
    TooManySpreads,
    /// More Log blocks than a host has descriptors for.
    #[error("more than {LOGS_MAX} Log blocks")]
    TooManyLogs,
    /// A word where a directive stands, which is none.
    #[error("unknown directive `{word}`")]
    UnknownDirective {
        /// The word.
        word: String,
        /// The directive that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Something else than a word where a directive stands.
    #[error("expected a directive, found `{0}`")]
    ExpectedDirective(String),
    /// A directive in the wrong block.
    #[error("`{name}` belongs {place}")]
    Misplaced {
        /// The directive.
        name: &'static str,
        /// Where it belongs.
        place: &'static str,
    },
    /// A directive of the original that this version has not.
    #[error("`{0}` is not supported by this version of spreadlogd")]
    Unsupported(&'static str),
    /// `File = "|command"`.
    #[error("a command as `File` is not supported by this version of spreadlogd")]
    UnsupportedCommand,
    /// A directive without its `=`.
    #[error("expected `=` after `{0}`")]
    MissingEquals(&'static str),
    /// A directive without its value.
    #[error("`{0}` needs a value")]
    MissingValue(&'static str),
    /// A block without its `{`.
    #[error("expected `{{` after `{0}`")]
    MissingOpen(&'static str),
    /// A block without its `}`.
    #[error("this {0} block is not closed")]
    Unclosed(&'static str),
    /// A `}` too many.
    #[error("`}}` without a block to close")]
    UnexpectedClose,
    /// A word that begins with a quote and has no second one.
    #[error("this quote is not closed")]
    UnclosedQuote,
    /// A quoted word that goes on after its quote.
    #[error("text directly after a closing quote")]
    TextAfterQuote,
    /// A Log block that does not say what to write.
    #[error("this Log block has no Group")]
    NoGroup,
    /// A Log block that does not say where to write.
    #[error("this Log block has no File")]
    NoFile,
    /// A name that Spread does not take.
    #[error(transparent)]
    Group(NameError),
    /// A Port, or Port and Host, that is no address.
    #[error(transparent)]
    Address(AddressError),
    /// A Host beside a Port that needs none.
    #[error("Port is a whole address, so that Host has no place beside it")]
    TwoHosts,
    /// A BufferSize that is no size.
    #[error("BufferSize `{0}` is not a number of bytes")]
    BufferSize(String),
    /// A File that no file can be called.
    #[error("`{0}` cannot be the name of a file")]
    File(String),
    /// A word that must be text and is not.
    #[error("`{0}` is not text in UTF-8")]
    NotText(String),
    /// Warning: given twice.
    #[error("`{name}` is given twice; the {counts} one counts")]
    Repeated {
        /// The directive.
        name: &'static str,
        /// `first` or `last`, as in the original.
        counts: &'static str,
    },
    /// Warning: a Spread block without a Log.
    #[error("this Spread block has no Log, so nothing is written from it")]
    NoLog,
}

impl Problem {
    /// What stands beside the marked place.
    fn label(&self) -> Option<String> {
        Some(match self {
            Self::UnknownDirective { nearest, .. } => {
                format!("did you mean `{}`?", (*nearest)?)
            }
            Self::Unclosed(_) => "opened here".to_owned(),
            Self::File(_) => "is a quote missing?".to_owned(),
            Self::NotText(_) => "has a byte outside UTF-8".to_owned(),
            Self::BufferSize(_) => format!("expected 1 to {}", i32::MAX),
            _ => return None,
        })
    }

    /// What to do about it, where the message alone does not say that.
    const fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSpread => "Spread { Log { Group = access_log File = /var/log/access_log } }",
            Self::NoGroup => "name the Spread group whose lines to write: Group = access_log",
            Self::NoFile => "name the file to write to: File = /var/log/access_log",
            Self::MissingValue(_) => "a value that is the name of a directive needs quotes",
            Self::TwoHosts => "write Port = 4803@host, or Port = 4803 and Host = host",
            Self::UnsupportedCommand => "write to a file, or to a FIFO that the command reads",
            _ => return None,
        })
    }
}

/// The problems of one file, and the file as it is shown.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) name: String,
    /// The text with every byte that cannot be shown replaced by `?`: places stay the same.
    shown: String,
    pub(super) list: Vec<Finding>,
    /// There are more than the list holds.
    pub(super) more: bool,
}

impl Findings {
    pub(super) fn new(name: &str, text: &[u8]) -> Self {
        let mut shown = String::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    // Two bytes each, and orders to a terminal; the renderer shows the others.
                    '\u{80}'..='\u{9f}' => shown.push_str("??"),
                    char => shown.push(char),
                }
            }
            shown.extend(chunk.invalid().iter().map(|_| '?'));
        }
        Self {
            name: name.to_owned(),
            shown,
            list: Vec::new(),
            more: false,
        }
    }

    pub(super) fn push(&mut self, problem: Problem, span: Range<usize>) {
        self.keep(Finding {
            problem,
            span,
            also: None,
        });
    }

    /// A problem in which a second place has part.
    pub(super) fn push_two(
        &mut self,
        problem: Problem,
        span: Range<usize>,
        also: (Range<usize>, &'static str),
    ) {
        self.keep(Finding {
            problem,
            span,
            also: Some(also),
        });
    }

    /// Into the order of the file: a block's own problems are found when it ends.
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(|finding| finding.span.start);
    }

    /// Whether another finding would be one too many to show.
    pub(super) const fn is_full(&self) -> bool {
        self.list.len() >= FINDINGS_MAX
    }

    fn keep(&mut self, finding: Finding) {
        if self.is_full() {
            self.more = true;
        } else {
            self.list.push(finding);
        }
    }

    fn render(&self, level: &Level<'static>, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut text = String::new();
        for finding in &self.list {
            text.push_str(&self.render_one(finding, level.clone(), &renderer));
            text.push_str("\n\n");
        }
        if self.more {
            text.push_str("and more: mend these first\n");
        }
        text
    }

    fn render_one(&self, finding: &Finding, level: Level<'static>, renderer: &Renderer) -> String {
        let also = finding.also.as_ref();
        let first = also.map_or(finding.span.start, |(a, _)| a.start.min(finding.span.start));
        let last = also.map_or(finding.span.end, |(a, _)| a.end.max(finding.span.end));
        let (lines, line_start) = self.lines(first..last);
        let excerpt = self.shown.get(lines.clone()).unwrap_or_default();
        let mark =
            |kind: AnnotationKind, span: &Range<usize>, label: Option<String>| -> Annotation<'_> {
                let within = |at: usize| at.saturating_sub(lines.start).min(excerpt.len());
                kind.span(within(span.start)..within(span.end)).label(label)
            };
        let mut snippet = Snippet::source(excerpt)
            .path(normalize_untrusted_str(&self.name))
            .line_start(line_start)
            .annotation(mark(
                AnnotationKind::Primary,
                &finding.span,
                finding.problem.label(),
            ));
        if let Some((span, label)) = also {
            snippet = snippet.annotation(mark(
                AnnotationKind::Context,
                span,
                Some((*label).to_owned()),
            ));
        }
        let mut group = level
            .primary_title(normalize_untrusted_str(&finding.problem.to_string()))
            .element(snippet);
        if let Some(help) = finding.problem.help() {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// The whole lines that `span` touches, and the number of the first: only these are
    /// rendered, so that a long file with many errors costs no more than it shows.
    fn lines(&self, span: Range<usize>) -> (Range<usize>, usize) {
        let bytes = self.shown.as_bytes();
        let before = bytes.get(..span.start).unwrap_or(bytes);
        let start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        let after = bytes.get(span.end..).unwrap_or_default();
        let rest = after
            .iter()
            .position(|&b| b == b'\n')
            .unwrap_or(after.len());
        let number = before.iter().filter(|&&b| b == b'\n').count() + 1;
        (start..bytes.len().min(span.end + rest), number)
    }
}

/// A word of the file as it may stand in a message: text of one line, shortened.
pub(super) fn quoted(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    let mut shown = String::new();
    for (n, char) in text.chars().enumerate() {
        match char {
            _ if n == WORD_SHOWN_MAX => {
                shown.push('…');
                break;
            }
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// 20: what is wrong beyond that is most likely wrong because of them.
const FINDINGS_MAX: usize = 20;

/// Characters of a word that a message repeats; the marked line shows the rest.
const WORD_SHOWN_MAX: usize = 60;
