//! What was found in a configuration, shown as rustc shows errors.
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
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};

use super::problem::Problem;

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

    /// For other problems of the same file.
    pub(super) fn emptied(&self) -> Self {
        Self {
            name: self.name.clone(),
            shown: self.shown.clone(),
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
                let label = label.map(|label| normalize_untrusted_str(&label));
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
        let title = level.primary_title(normalize_untrusted_str(&finding.problem.to_string()));
        if self.name.is_empty() {
            // There is no file to show.
            return renderer.render(&[Group::with_title(title)]);
        }
        let mut group = title.element(snippet);
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
