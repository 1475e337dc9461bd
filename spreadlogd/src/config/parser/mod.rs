//! `spreadlogd.conf` read by recursive descent, one function per block; `words` reads the
//! statements they are made of, `log` knows the Log block, `values` makes of words what they mean.
//!
//! After an error it goes on where the next directive is likely to begin, so that every mistake
//! of a file is told at once and most are told once. Blocks are two deep by the grammar, and
//! unknown blocks are skipped by counting braces: no text makes it recurse further.

mod log;
mod values;
mod words;

use std::ops::Range;
use std::path::PathBuf;

use spread::Addresses;

use super::{
    BYTES_MAX, Config, LINE_BYTES_MAX, Log, MODULES_MAX, Mark, Module, Perl, Python, SPREAD_PORT,
    SPREADS_MAX, Subscription,
};
use crate::config::directive::{Directive, Key, Place};
use crate::config::findings::{ConfigErrors, Findings, Warnings, quoted};
use crate::config::lexer::Lexer;
use crate::config::nearest::nearest;
use crate::config::problem::Problem;
use crate::online::OnlineSettings;

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
        value_end: 0,
        logs: 0,
        module_logs: Vec::new(),
        marks: Vec::new(),
    };
    let file = parser.file();
    parser.errors.sort();
    parser.warnings.sort();
    if !parser.errors.list.is_empty() {
        return Err(ConfigErrors(parser.errors));
    }
    let modules = file.modules.iter();
    let modules = modules.map(|(module, span)| (Mark::Module(module.clone()), span.clone()));
    let marks = modules.chain(parser.marks).collect();
    Ok(Config {
        spreads: file.spreads,
        ledger: file.ledger,
        module_dir: file.module_dir,
        modules: file.modules.into_iter().map(|(module, _)| module).collect(),
        perl: file.perl,
        python: file.python,
        warnings: Warnings(parser.warnings),
        marks,
    })
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
    /// Where the value that was read last ends, or 0.
    value_end: usize,
    /// Log blocks so far, in the whole file.
    logs: usize,
    /// The modules that Logs have named so far, and where.
    module_logs: Vec<(String, Range<usize>)>,
    /// The files that Logs have named so far, and where.
    marks: Vec<(Mark, Range<usize>)>,
}

/// What a file says.
#[derive(Default)]
struct File {
    spreads: Vec<Subscription>,
    ledger: Option<PathBuf>,
    module_dir: Option<PathBuf>,
    /// Each with where its name stands.
    modules: Vec<(Module, Range<usize>)>,
    perl: Perl,
    python: Python,
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
    /// With the quotes, where there are any.
    span: Range<usize>,
    /// Where the word itself begins.
    inner: usize,
}

impl Value<'_> {
    /// The place in the file of a part of the word.
    fn part(&self, part: Range<usize>) -> Range<usize> {
        let end = self.inner + self.word.len();
        let start = end.min(self.inner + part.start);
        start..end.min(self.inner + part.end).max(start)
    }

    /// The same, or all of the value where nobody knows the part.
    fn part_or_all(&self, part: Option<Range<usize>>) -> Range<usize> {
        part.map_or_else(|| self.span.clone(), |part| self.part(part))
    }
}

/// A directive that may be given once. Of several the last counts, as in the original.
type Slot<'t> = Option<Value<'t>>;

// === the blocks ===

impl<'t> Parser<'t> {
    fn file(&mut self) -> File {
        let mut file = File::default();
        let (mut buffer_size, mut ledger, mut module_dir) = (None, None, None);
        let mut seen = false;
        while let Item::Directive(found) = self.item(Place::File, None) {
            match found.directive.key {
                Key::Spread => {
                    seen = true;
                    let spread = self.spread(&found);
                    if file.spreads.len() == SPREADS_MAX {
                        self.errors.push(Problem::TooManySpreads, found.span);
                        break;
                    }
                    file.spreads.extend(spread);
                }
                Key::BufferSize => self.buffer_size(&found, &mut buffer_size),
                Key::Ledger => self.slot(&found, &mut ledger),
                Key::ModuleDir => self.slot(&found, &mut module_dir),
                Key::LoadModule => self.load_module(&found, &mut file.modules),
                _ => self.interpreter(&found, &mut file),
            }
        }
        if !seen && self.errors.list.is_empty() {
            let end = self.text.trim_ascii_end().len();
            self.errors.push(Problem::NoSpread, end..end);
        }
        file.ledger = ledger.and_then(|value| self.path(&value));
        file.module_dir = module_dir.and_then(|value| self.path(&value));
        self.check_modules(&file.modules);
        file
    }

    fn interpreter(&mut self, found: &Found, file: &mut File) {
        let name = found.directive.name;
        let Some(value) = self.value(found) else {
            return;
        };
        match found.directive.key {
            Key::PerlLib => file.perl.libs.extend(self.path(&value)),
            Key::PerlUse => file.perl.uses.extend(self.perl_module(name, &value)),
            Key::PythonLib => file.python.libs.extend(self.path(&value)),
            _ => file.python.imports.extend(self.python_name(name, &value)),
        }
    }

    /// `LoadModule NAME [ARGUMENT]`
    fn load_module(&mut self, found: &Found, modules: &mut Vec<(Module, Range<usize>)>) {
        let Some(value) = self.value(found) else {
            return;
        };
        let argument = self.second_word();
        let name = self.module(found.directive.name, &value);
        let argument = match argument {
            Some(value) => match self.text_of(&value) {
                Some(text) => Some((text.to_owned(), value.span)),
                None => return,
            },
            None => None,
        };
        let Some(name) = name else { return };
        if let Some((text, span)) = &argument
            && name == Module::ONLINE
            && let Err(error) = OnlineSettings::parse(Some(text))
        {
            self.errors.push(Problem::Online(error), span.clone());
        }
        let argument = argument.map(|(text, _)| text);
        let module = Module { name, argument };
        if let Some(known) = modules.iter_mut().find(|(m, _)| m.name == module.name) {
            let first = std::mem::replace(known, (module, value.span.clone()));
            self.repeated(found, value.span, first.1);
        } else if modules.len() == MODULES_MAX {
            self.errors.push(Problem::TooManyModules, value.span);
        } else {
            modules.push((module, value.span));
        }
    }

    /// Every module that a Log names is loaded, and every one that is loaded is named.
    fn check_modules(&mut self, modules: &[(Module, Range<usize>)]) {
        let named = std::mem::take(&mut self.module_logs);
        for (module, span) in modules {
            if named.iter().all(|(name, _)| *name != module.name) {
                let problem = Problem::IdleModule(quoted(module.name.as_bytes()));
                self.warnings.push(problem, span.clone());
            }
        }
        for (name, span) in named {
            if modules.iter().any(|(module, _)| module.name == name) {
                continue;
            }
            let names = modules.iter().map(|(module, _)| module.name.as_str());
            let problem = Problem::NotLoaded {
                word: quoted(name.as_bytes()),
                nearest: nearest(name.as_bytes(), names).map(str::to_owned),
            };
            self.errors.push(problem, span);
        }
    }

    fn spread(&mut self, block: &Found) -> Option<Subscription> {
        self.open(block);
        let (mut port, mut host) = (None, None);
        let mut default: Option<(Log, Range<usize>)> = None;
        let mut logs = Vec::new();
        let mut blocks = 0;
        while let Item::Directive(found) = self.item(Place::Spread, Some(block)) {
            match found.directive.key {
                Key::Port => self.slot(&found, &mut port),
                Key::Host => self.slot(&found, &mut host),
                Key::Default => {
                    blocks += 1;
                    let span = found.span.clone();
                    if let Some(log) = self.log(&found)
                        && let Some((_, first)) = default.replace((log, span.clone()))
                    {
                        self.repeated(&found, span, first);
                    }
                }
                _ => {
                    blocks += 1;
                    logs.extend(self.log(&found));
                }
            }
        }
        if blocks == 0 {
            self.warnings.push(Problem::NoLog, block.span.clone());
        }
        let addresses = self.addresses(block, port, &host)?;
        Some(Subscription {
            addresses,
            logs,
            default: default.map(|(log, _)| log),
        })
    }
}

// === values with rules of their own ===

impl<'t> Parser<'t> {
    /// `Port` alone, or `Port@Host`, as the original gives them to `SP_connect`.
    fn addresses(&mut self, block: &Found, port: Slot<'t>, host: &Slot<'t>) -> Option<Addresses> {
        let port = port.unwrap_or_else(|| Value {
            word: SPREAD_PORT.as_bytes(),
            span: host.as_ref().map_or(&block.span, |host| &host.span).clone(),
            inner: 0,
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
            self.repeated(found, value.span, first.span);
        }
    }

    /// A directive that may be given once, and was given before: the last one counts.
    fn repeated(&mut self, found: &Found, span: Range<usize>, first: Range<usize>) {
        let problem = Problem::Repeated {
            name: found.directive.name,
            counts: "last",
        };
        let also = (first, "this one does not");
        self.warnings.push_two(problem, span, also);
    }
}
