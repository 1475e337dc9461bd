//! The words of a statement, and how to go on after one that is wrong.

use std::ops::Range;

use super::{Found, Item, Parser, Value};
use crate::config::directive::{self, Key, Place, Shape};
use crate::config::findings::quoted;
use crate::config::lexer::{Kind, Lexer, Token};
use crate::config::problem::{Meant, Problem};

// === the next directive ===

impl<'t> Parser<'t> {
    /// The next directive that stands in `place`, telling of everything else on the way.
    pub(super) fn item(&mut self, place: Place, block: Option<&Found>) -> Item {
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
            self.unknown(&name, place);
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

    /// A word that is no directive: most likely a misspelt one, or the second word of a value
    /// that ends on the same line.
    fn unknown(&mut self, name: &Token, place: Place) {
        let word = self.text.get(name.span.clone()).unwrap_or_default();
        let since = self.text.get(self.value_end..name.span.start);
        let goes_on = since.is_some_and(|since| self.value_end > 0 && !since.contains(&b'\n'));
        let meant = match directive::nearest(word, place) {
            Some(nearest) => Meant::Directive(nearest),
            None if goes_on => Meant::Value,
            None => Meant::Unknown,
        };
        let problem = Problem::UnknownDirective {
            word: quoted(word),
            meant,
        };
        self.errors.push(problem, name.span.clone());
        if meant == Meant::Value {
            self.skip_line(name.span.end);
        } else {
            self.skip_statement(name);
        }
    }
}

// === its name and value ===

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

    pub(super) fn open(&mut self, block: &Found) {
        if self.lexer.peek().is_some_and(|t| t.kind == Kind::Open) {
            self.lexer.next();
        } else {
            let problem = Problem::MissingOpen(block.directive.name);
            self.errors.push(problem, block.span.clone());
        }
    }

    /// `= WORD`, or `WORD`: what the directive's row says.
    pub(super) fn value(&mut self, found: &Found) -> Option<Value<'t>> {
        if self.equals() || found.directive.shape == Shape::Word {
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
        Some(self.value_of(token))
    }

    /// A word after the value, which need not be there: it is on its line, or in quotes, or no
    /// statement begins with it.
    pub(super) fn second_word(&mut self) -> Option<Value<'t>> {
        let mut ahead = self.lexer;
        let token = ahead.next()?;
        let is_word = match token.kind {
            Kind::Quoted => true,
            Kind::Bare => {
                let goes_on = ahead
                    .peek()
                    .is_some_and(|t| matches!(t.kind, Kind::Equals | Kind::Open));
                !goes_on && !self.names_directive(&token) && self.stray_quote(&token).is_none()
            }
            Kind::Open | Kind::Close | Kind::Equals => false,
        };
        if !is_word {
            return None;
        }
        self.lexer = ahead;
        Some(self.value_of(token))
    }

    fn value_of(&mut self, token: Token) -> Value<'t> {
        self.value_end = token.span.end;
        Value {
            word: token.word(self.text),
            inner: token.span.start + usize::from(token.kind == Kind::Quoted),
            span: token.span,
        }
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
