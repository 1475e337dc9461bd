//! `spreadlogd.conf` read by recursive descent, one function per block.
//!
//! After an error it goes on where the next directive is likely to begin, so that every mistake
//! of a file is told at once and most are told once. Blocks are two deep by the grammar, and
//! unknown blocks are skipped by counting braces: no text makes it recurse further.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use spread::{Addresses, GroupName};

use super::directive::{self, Directive, Key, Place, Shape};
use super::lexer::{Kind, Lexer, Token};
use super::problem::{ConfigErrors, Findings, Problem, Warnings, quoted};
use super::{
    BYTES_MAX, Config, LINE_BYTES_MAX, LOGS_MAX, Log, SPREAD_PORT, SPREADS_MAX, Subscription,
};

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
    let spreads = parser.file();
    parser.errors.sort();
    parser.warnings.sort();
    if parser.errors.list.is_empty() {
        Ok(Config {
            spreads,
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
    fn file(&mut self) -> Vec<Subscription> {
        let mut spreads = Vec::new();
        let mut buffer_size: Slot<'_> = None;
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
                _ => self.refused(&found),
            }
        }
        if !seen && self.errors.list.is_empty() {
            let end = self.text.trim_ascii_end().len();
            self.errors.push(Problem::NoSpread, end..end);
        }
        spreads
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

// === the words ===

impl<'t> Parser<'t> {
    /// The next directive that stands in `place`, telling of everything else on the way.
    fn item(&mut self, place: Place, block: Option<&Found>) -> Item {
        loop {
            let Some(token) = self.next_unless_full() else {
                if let Some(block) = block {
                    let problem = Problem::Unclosed(block.directive.name);
                    self.errors.push(problem, block.span.clone());
                }
                return Item::End;
            };
            match token.kind {
                Kind::Close if block.is_some() => return Item::End,
                Kind::Close => self.errors.push(Problem::UnexpectedClose, token.span),
                Kind::Bare => match self.directive(token, place) {
                    Some(Item::Outer(span)) => {
                        let Some(block) = block else { continue };
                        self.unclosed_before(block, &span);
                        return Item::Outer(span);
                    }
                    Some(item) => return item,
                    None => {}
                },
                _ => {
                    let problem = Problem::ExpectedDirective(quoted(self.written(&token)));
                    self.errors.push(problem, token.span.clone());
                    self.skip_statement(&token);
                }
            }
        }
    }

    /// The end of the file comes early when there are more errors than will be shown.
    fn next_unless_full(&mut self) -> Option<Token> {
        let token = self.lexer.next()?;
        if self.errors.is_full() {
            self.errors.more = true;
            return None;
        }
        Some(token)
    }

    /// Looks up a word that stands where a directive does.
    fn directive(&mut self, token: Token, place: Place) -> Option<Item> {
        if let Some(problem) = self.stray_quote(&token) {
            self.errors.push(problem, token.span.clone());
            self.skip_line(token.span.end);
            return None;
        }
        let name = self.name(token);
        let word = self.text.get(name.span.clone()).unwrap_or_default();
        let Some(directive) = directive::find(word) else {
            let problem = Problem::UnknownDirective {
                word: quoted(word),
                nearest: directive::nearest(word, place),
            };
            self.errors.push(problem, name.span.clone());
            self.skip_statement(&name);
            return None;
        };
        let found = Found {
            directive,
            span: name.span.clone(),
        };
        if directive.place == place {
            return Some(Item::Directive(found));
        }
        let opens = self.lexer.peek().is_some_and(|t| t.kind == Kind::Open);
        let outer = place == Place::Log || directive.key == Key::Spread;
        if directive.shape == Shape::Block && opens && outer {
            // Read again by the block it belongs to.
            self.lexer.seek(found.span.start);
            return Some(Item::Outer(found.span));
        }
        let problem = Problem::Misplaced {
            name: directive.name,
            place: directive.place.described(),
        };
        self.errors.push(problem, found.span);
        self.skip_statement(&name);
        None
    }
}

impl<'t> Parser<'t> {
    /// The name that a word begins with. `Group=a` is one word; its `=` is read again.
    fn name(&mut self, mut token: Token) -> Token {
        let equals = self.written(&token).iter().position(|&b| b == b'=');
        if let Some(len) = equals.filter(|&len| len > 0) {
            token.span.end = token.span.start + len;
            self.lexer.seek(token.span.end);
        }
        token
    }

    fn open(&mut self, block: &Found) {
        if self.lexer.peek().is_some_and(|t| t.kind == Kind::Open) {
            self.lexer.next();
        } else {
            let problem = Problem::MissingOpen(block.directive.name);
            self.errors.push(problem, block.span.clone());
        }
    }

    /// `= WORD`
    fn value(&mut self, found: &Found) -> Option<Value<'t>> {
        if self.equals() {
            return self.word(found);
        }
        let problem = Problem::MissingEquals(found.directive.name);
        self.errors.push(problem, found.span.clone());
        self.take_value();
        None
    }

    fn equals(&mut self) -> bool {
        let Some(token) = self.lexer.peek() else {
            return false;
        };
        let is_equals = self.written(&token).starts_with(b"=");
        if is_equals {
            self.lexer.seek(token.span.start + 1);
        }
        is_equals
    }

    /// `WORD`
    fn word(&mut self, found: &Found) -> Option<Value<'t>> {
        let Some(token) = self.take_value() else {
            let problem = Problem::MissingValue(found.directive.name);
            self.errors.push(problem, found.span.clone());
            return None;
        };
        if let Some(problem) = self.stray_quote(&token) {
            self.errors.push(problem, token.span);
            return None;
        }
        Some(Value {
            word: token.word(self.text),
            span: token.span,
        })
    }

    /// Takes the next token if it can be a value.
    fn take_value(&mut self) -> Option<Token> {
        let mut ahead = self.lexer;
        let token = ahead
            .next()
            .filter(|token| matches!(token.kind, Kind::Bare | Kind::Quoted))
            .filter(|token| !self.begins_statement(token, &ahead))?;
        self.lexer = ahead;
        Some(token)
    }

    /// Whether a word where a value stands is rather the next directive: it is named like one,
    /// and `=` or `{` follows.
    fn begins_statement(&self, token: &Token, ahead: &Lexer<'_>) -> bool {
        let glued = self.written(token).contains(&b'=');
        let follows = ahead
            .peek()
            .is_some_and(|next| next.kind == Kind::Open || self.written(&next).starts_with(b"="));
        (glued || follows) && self.names_directive(token)
    }

    fn names_directive(&self, token: &Token) -> bool {
        let word = self.written(token);
        let name = word.split(|&b| b == b'=').next().unwrap_or(word);
        token.kind == Kind::Bare && directive::find(name).is_some()
    }

    /// The original takes such quotes as part of the word; nobody means that.
    fn stray_quote(&self, token: &Token) -> Option<Problem> {
        let (quote, rest) = self.written(token).split_first()?;
        if token.kind != Kind::Bare || !b"\"'".contains(quote) {
            return None;
        }
        Some(if rest.contains(quote) {
            Problem::TextAfterQuote
        } else {
            Problem::UnclosedQuote
        })
    }

    fn written(&self, token: &Token) -> &'t [u8] {
        self.text.get(token.span.clone()).unwrap_or_default()
    }
}

// === going on after an error ===

impl Parser<'_> {
    fn unclosed_before(&mut self, block: &Found, outer: &Range<usize>) {
        let problem = Problem::Unclosed(block.directive.name);
        let also = (outer.clone(), "a `}` is missing before this");
        self.errors.push_two(problem, block.span.clone(), also);
    }

    /// Passes over what follows a word that is no directive here: a value, a block, or the rest
    /// of its line.
    fn skip_statement(&mut self, name: &Token) {
        if name.kind == Kind::Open {
            self.skip_block();
        } else if self.equals() {
            self.take_value();
        } else if self.lexer.peek().is_some_and(|t| t.kind == Kind::Open) {
            self.lexer.next();
            self.skip_block();
        } else {
            self.skip_line(name.span.end);
        }
    }

    /// Passes over the words on the line of the byte `from`, but not over a brace.
    fn skip_line(&mut self, mut from: usize) {
        while let Some(token) = self.lexer.peek() {
            let between = self.text.get(from..token.span.start).unwrap_or_default();
            if between.contains(&b'\n') || matches!(token.kind, Kind::Open | Kind::Close) {
                break;
            }
            from = token.span.end;
            self.lexer.next();
        }
    }

    /// Passes over the rest of a block whose `{` is taken.
    fn skip_block(&mut self) {
        let mut depth = 1_usize;
        for token in self.lexer.by_ref() {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
}
