//! `spreadlogd.conf` read by recursive descent, one function per block; `words` reads the
//! statements they are made of.
//!
//! After an error it goes on where the next directive is likely to begin, so that every mistake
//! of a file is told at once and most are told once. Blocks are two deep by the grammar, and
//! unknown blocks are skipped by counting braces: no text makes it recurse further.

mod words;

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use spread::{Addresses, GroupName};

use super::{
    BYTES_MAX, Config, LINE_BYTES_MAX, LOGS_MAX, Log, SPREAD_PORT, SPREADS_MAX, Subscription,
};
use crate::config::directive::{Directive, Key, Place, Shape};
use crate::config::lexer::{Kind, Lexer};
use crate::config::problem::{ConfigErrors, Findings, Problem, Warnings, quoted};

pub(super) fn parse(text: &[u8], name: &str) -> Result<Config, ConfigErrors> {
    if let Some(problem) = over_limit(text) {
        // Without the text: what is too long to read is too long to show.
        let mut errors = Findings::new(name, b"");
        errors.push(problem, 0..0);
        return Err(ConfigErrors(errors));
    }
    let mut parser = Parser {
        text,
        lexer: Lexer::new(text),
        errors: Findings::new(name, text),
        warnings: Findings::new(name, text),
        logs: 0,
    };
    let (spreads, ledger) = parser.file();
    parser.errors.sort();
    parser.warnings.sort();
    if parser.errors.list.is_empty() {
        Ok(Config {
            spreads,
            ledger,
            warnings: Warnings(parser.warnings),
        })
    } else {
        Err(ConfigErrors(parser.errors))
    }
}

fn over_limit(text: &[u8]) -> Option<Problem> {
    if text.len() > BYTES_MAX {
        return Some(Problem::FileTooLong(text.len()));
    }
    let lines = text.split(|&b| b == b'\n').zip(1..);
    lines
        .filter(|(line, _)| line.len() > LINE_BYTES_MAX)
        .map(|(line, number)| Problem::LineTooLong {
            number,
            len: line.len(),
        })
        .next()
}

struct Parser<'t> {
    text: &'t [u8],
    lexer: Lexer<'t>,
    errors: Findings,
    warnings: Findings,
    /// Log blocks so far, in the whole file.
    logs: usize,
}

/// A directive and where its name stands.
struct Found {
    directive: &'static Directive,
    span: Range<usize>,
}

/// What a block holds next.
enum Item {
    /// A directive of this block.
    Directive(Found),
    /// Its `}`, or the end of everything.
    End,
    /// A block that can only begin outside this one: a `}` was forgotten.
    Outer(Range<usize>),
}

/// A value, and where it stands.
#[derive(Clone)]
struct Value<'t> {
    word: &'t [u8],
    span: Range<usize>,
}

/// A directive that may be given once. Of several the last counts, as in the original.
type Slot<'t> = Option<Value<'t>>;

// === the blocks ===

impl<'t> Parser<'t> {
    fn file(&mut self) -> (Vec<Subscription>, Option<PathBuf>) {
        let mut spreads = Vec::new();
        let (mut buffer_size, mut ledger): (Slot<'_>, Slot<'_>) = (None, None);
        let mut seen = false;
        while let Item::Directive(found) = self.item(Place::File, None) {
            match found.directive.key {
                Key::Spread => {
                    seen = true;
                    let spread = self.spread(&found);
                    if spreads.len() == SPREADS_MAX {
                        self.errors.push(Problem::TooManySpreads, found.span);
                        break;
                    }
                    spreads.extend(spread);
                }
                Key::BufferSize => self.buffer_size(&found, &mut buffer_size),
                Key::Ledger => self.slot(&found, &mut ledger),
                _ => self.refused(&found),
            }
        }
        if !seen && self.errors.list.is_empty() {
            let end = self.text.trim_ascii_end().len();
            self.errors.push(Problem::NoSpread, end..end);
        }
        let ledger = ledger.and_then(|value| self.path(&value));
        (spreads, ledger)
    }

    fn spread(&mut self, block: &Found) -> Option<Subscription> {
        self.open(block);
        let (mut port, mut host) = (None, None);
        let mut logs = Vec::new();
        let mut blocks = 0;
        while let Item::Directive(found) = self.item(Place::Spread, Some(block)) {
            match found.directive.key {
                Key::Port => self.slot(&found, &mut port),
                Key::Host => self.slot(&found, &mut host),
                Key::Log => {
                    blocks += 1;
                    logs.extend(self.log(&found));
                }
                _ => self.refused(&found),
            }
        }
        if blocks == 0 {
            self.warnings.push(Problem::NoLog, block.span.clone());
        }
        let addresses = self.addresses(block, port, &host)?;
        Some(Subscription { addresses, logs })
    }

    fn log(&mut self, block: &Found) -> Option<Log> {
        self.open(block);
        self.logs += 1;
        if self.logs == LOGS_MAX + 1 {
            self.errors.push(Problem::TooManyLogs, block.span.clone());
        }
        let (mut group, mut file) = (None, None);
        let errors = self.errors.list.len();
        while let Item::Directive(found) = self.item(Place::Log, Some(block)) {
            match found.directive.key {
                Key::Group => self.slot(&found, &mut group),
                Key::File => self.slot(&found, &mut file),
                _ => self.refused(&found),
            }
        }
        // What looks missing in a block with an error in it may be what the error is about.
        if self.errors.list.len() == errors {
            if group.is_none() {
                self.errors.push(Problem::NoGroup, block.span.clone());
            }
            if file.is_none() {
                self.errors.push(Problem::NoFile, block.span.clone());
            }
        }
        let group = group.and_then(|value| self.group(&value));
        let file = file.and_then(|value| self.path(&value));
        Some(Log {
            group: group?,
            file: file?,
        })
    }
}

// === the values ===

impl<'t> Parser<'t> {
    fn group(&mut self, value: &Value<'_>) -> Option<GroupName> {
        GroupName::new(value.word)
            .map_err(|error| self.errors.push(Problem::Group(error), value.span.clone()))
            .ok()
    }

    fn path(&mut self, value: &Value<'_>) -> Option<PathBuf> {
        if value.word.starts_with(b"|") {
            let problem = Problem::UnsupportedCommand;
            self.errors.push(problem, value.span.clone());
            return None;
        }
        if value.word.is_empty() || value.word.iter().any(|b| b"\0\n".contains(b)) {
            let problem = Problem::File(quoted(value.word));
            self.errors.push(problem, value.span.clone());
            return None;
        }
        Some(PathBuf::from(OsStr::from_bytes(value.word)))
    }

    /// `Port` alone, or `Port@Host`, as the original gives them to `SP_connect`.
    fn addresses(&mut self, block: &Found, port: Slot<'t>, host: &Slot<'t>) -> Option<Addresses> {
        let port = port.unwrap_or_else(|| Value {
            word: SPREAD_PORT.as_bytes(),
            span: host.as_ref().map_or(&block.span, |host| &host.span).clone(),
        });
        let mut text = self.text_of(&port)?.to_owned();
        if let Some(host) = host {
            let host_text = self.text_of(host)?;
            if text.starts_with('/') || text.contains(['@', ',']) {
                let also = (port.span, "the whole address");
                let span = host.span.clone();
                self.errors.push_two(Problem::TwoHosts, span, also);
                return None;
            }
            text = format!("{text}@{host_text}");
        }
        text.parse()
            .map_err(|error| self.errors.push(Problem::Address(error), port.span))
            .ok()
    }

    fn text_of(&mut self, value: &Value<'t>) -> Option<&'t str> {
        let text = str::from_utf8(value.word);
        text.map_err(|_| {
            let problem = Problem::NotText(quoted(value.word));
            self.errors.push(problem, value.span.clone());
        })
        .ok()
    }

    fn buffer_size(&mut self, found: &Found, slot: &mut Slot<'t>) {
        let Some(value) = self.value(found) else {
            return;
        };
        let number = str::from_utf8(value.word).ok().and_then(|n| n.parse().ok());
        if number.is_none_or(|n: i32| n <= 0) {
            let problem = Problem::BufferSize(quoted(value.word));
            self.errors.push(problem, value.span);
        } else if let Some(first) = slot {
            let problem = Problem::Repeated {
                name: found.directive.name,
                counts: "first",
            };
            let also = (first.span.clone(), "this one counts");
            self.warnings.push_two(problem, value.span, also);
        } else {
            *slot = Some(value);
        }
    }

    fn slot(&mut self, found: &Found, slot: &mut Slot<'t>) {
        let Some(value) = self.value(found) else {
            return;
        };
        if let Some(first) = slot.replace(value.clone()) {
            let problem = Problem::Repeated {
                name: found.directive.name,
                counts: "last",
            };
            let also = (first.span, "this one does not");
            self.warnings.push_two(problem, value.span, also);
        }
    }

    /// A directive of the original that this version does not have: read to its end, and told.
    fn refused(&mut self, found: &Found) {
        let complete = match found.directive.shape {
            Shape::Value => self.value(found).is_some(),
            Shape::Word | Shape::Block => self.word(found).is_some(),
            Shape::Words => {
                let complete = self.word(found).is_some();
                let more = self.lexer.peek();
                let second = more.is_some_and(|token| match token.kind {
                    Kind::Quoted => true,
                    Kind::Bare => !self.names_directive(&token),
                    _ => false,
                });
                if complete && second {
                    self.lexer.next();
                }
                complete
            }
        };
        if complete {
            let problem = Problem::Unsupported(found.directive.name);
            self.errors.push(problem, found.span.clone());
        }
    }
}
