//! What the words of values mean.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use spread::GroupName;

use super::{Found, Parser, Value};
use crate::config::findings::quoted;
use crate::config::nearest::nearest;
use crate::config::problem::Problem;
use crate::config::{Compression, Destination, Every, LineFormat, Mark, Sync, quantity};
use crate::steps::{Condition, PathTemplate, Pattern, Rewrite};

// === text, names and paths ===

impl<'t> Parser<'t> {
    pub(super) fn text_of(&mut self, value: &Value<'t>) -> Option<&'t str> {
        let text = str::from_utf8(value.word);
        text.map_err(|_| {
            let problem = Problem::NotText(quoted(value.word));
            self.errors.push(problem, value.span.clone());
        })
        .ok()
    }

    pub(super) fn group(&mut self, value: &Value<'_>) -> Option<GroupName> {
        GroupName::new(value.word)
            .map_err(|error| self.errors.push(Problem::Group(error), value.span.clone()))
            .ok()
    }

    pub(super) fn path(&mut self, value: &Value<'_>) -> Option<PathBuf> {
        if value.word.is_empty() || value.word.iter().any(|b| b"\0\n".contains(b)) {
            let problem = Problem::File(quoted(value.word));
            self.errors.push(problem, value.span.clone());
            return None;
        }
        Some(PathBuf::from(OsStr::from_bytes(value.word)))
    }

    /// `File`: a path with fields, or `|command`.
    pub(super) fn destination(&mut self, value: &Value<'_>) -> Option<Destination> {
        if let Some(command) = value.word.strip_prefix(b"|") {
            let command = command.trim_ascii_start();
            if command.is_empty() {
                self.errors.push(Problem::NoCommand, value.span.clone());
                return None;
            }
            // Its lines are the shell's; a NUL is nobody's.
            if command.contains(&0) {
                let problem = Problem::File(quoted(value.word));
                self.errors.push(problem, value.span.clone());
                return None;
            }
            return Some(Destination::Command(OsStr::from_bytes(command).to_owned()));
        }
        self.path(value)?;
        match PathTemplate::parse(value.word) {
            Ok(path) => {
                let destination = Destination::Path(path);
                if let Some(path) = destination.fixed() {
                    self.marks.push((Mark::File(path), value.span.clone()));
                }
                Some(destination)
            }
            Err(error) => {
                let span = value.part_or_all(error.span.clone());
                self.errors.push(Problem::Template(error), span);
                None
            }
        }
    }

    /// The name of a module: of a file, but not a path.
    pub(super) fn module(&mut self, name: &'static str, value: &Value<'_>) -> Option<String> {
        let is_name = |word: &str| {
            let is_plain = |c: char| !c.is_control() && c != '/';
            !word.is_empty() && !word.starts_with('.') && word.chars().all(is_plain)
        };
        let expected = "`online`, or the name of a file in ModuleDir";
        self.word_that(is_name, name, value, expected)
    }

    /// A module as `use` takes it: its name, and what to import of it.
    pub(super) fn perl_module(&mut self, name: &'static str, value: &Value<'_>) -> Option<String> {
        let is_module = |word: &str| {
            let (module, imports) = word.split_once(' ').unwrap_or((word, ""));
            is_name(module, "::") && !imports.chars().any(|c| c.is_control() || c == ';')
        };
        let expected = "a Perl module, as in `Site::Log`";
        self.word_that(is_module, name, value, expected)
    }

    pub(super) fn perl_function(
        &mut self,
        name: &'static str,
        value: &Value<'_>,
    ) -> Option<String> {
        // `::log` is `main::log`.
        let is_function = |word: &str| is_name(word.strip_prefix("::").unwrap_or(word), "::");
        let expected = "a Perl function, as in `mylogger::log`";
        self.word_that(is_function, name, value, expected)
    }

    /// A module or function of Python.
    pub(super) fn python_name(&mut self, name: &'static str, value: &Value<'_>) -> Option<String> {
        let expected = "a name in Python, as in `mylogger.log`";
        self.word_that(|word| is_name(word, "."), name, value, expected)
    }

    fn word_that(
        &mut self,
        is_right: impl Fn(&str) -> bool,
        name: &'static str,
        value: &Value<'_>,
        expected: &'static str,
    ) -> Option<String> {
        let word = str::from_utf8(value.word)
            .ok()
            .filter(|word| is_right(word));
        if word.is_none() {
            self.refuse(name, value, None, expected);
        }
        word.map(str::to_owned)
    }
}

/// Whether `word` is identifiers with `separator` between them.
fn is_name(word: &str, separator: &str) -> bool {
    word.split(separator).all(|part| {
        let mut bytes = part.bytes();
        let first = bytes.next();
        first.is_some_and(|b| b == b'_' || b.is_ascii_alphabetic())
            && bytes.all(|b| b == b'_' || b.is_ascii_alphanumeric())
    })
}

// === what is read by the steps ===

impl Parser<'_> {
    /// `Match` or `Exclude`
    pub(super) fn pattern(&mut self, found: &Found) -> Option<Pattern> {
        let value = self.value(found)?;
        match Pattern::parse(value.word) {
            Ok(pattern) => Some(pattern),
            Err(source) => {
                let span = value.part_or_all(source.span.clone());
                let name = found.directive.name;
                self.errors.push(Problem::Pattern { name, source }, span);
                None
            }
        }
    }

    /// `Where`
    pub(super) fn condition(&mut self, found: &Found) -> Option<Condition> {
        let value = self.value(found)?;
        let text = self.text_of(&value)?;
        match Condition::parse(text) {
            Ok(condition) => Some(condition),
            Err(error) => {
                let span = value.part(error.span.clone());
                self.errors.push(Problem::Condition(error), span);
                None
            }
        }
    }

    pub(super) fn rewrite(&mut self, value: &Value<'_>) -> Option<Rewrite> {
        let rewrite = match Rewrite::parse(value.word) {
            Ok(rewrite) => rewrite,
            Err(error) => {
                self.errors
                    .push(Problem::Rewrite(error), value.span.clone());
                return None;
            }
        };
        if value.word != COMMON_LOG_FORMAT.as_bytes() && !value.word.contains(&b'%') {
            let nearest = nearest(value.word, [COMMON_LOG_FORMAT]);
            let problem = Problem::TimelessRewrite { nearest };
            self.warnings.push(problem, value.span.clone());
        }
        Some(rewrite)
    }
}

const COMMON_LOG_FORMAT: &str = "CommonLogFormat";

// === closed sets, and quantities beside them ===

/// A value of `Rotate`.
pub(super) enum Rotation {
    Size(u64),
    Every(Every),
}

/// A value of `Keep`.
pub(super) enum Kept {
    Files(u32),
    Age(Duration),
}

impl Parser<'_> {
    pub(super) fn rotation(&mut self, value: &Value<'_>) -> Option<Rotation> {
        let size = quantity::size(value.word);
        if let Some(size) = size.filter(|size| *size >= quantity::ROTATE_BYTES_MIN) {
            return Some(Rotation::Size(size));
        }
        if let Some(time) = quantity::time(value.word) {
            return Some(Rotation::Every(Every::Duration(time)));
        }
        let choices = [
            ("hourly", Every::Hourly),
            ("daily", Every::Daily),
            ("weekly", Every::Weekly),
        ];
        let expected =
            "a size from 1K (64K, 100M, 1G), a time (10m, 6h, 7d), hourly, daily or weekly";
        self.choice("Rotate", value, &choices, expected)
            .map(Rotation::Every)
    }

    pub(super) fn kept(&mut self, value: &Value<'_>) -> Option<Kept> {
        let files = quantity::files(value.word).map(Kept::Files);
        let kept = files.or_else(|| quantity::time(value.word).map(Kept::Age));
        if kept.is_none() {
            let expected = "a number of files from 1 to 100000, or a time (12h, 90d)";
            self.refuse("Keep", value, None, expected);
        }
        kept
    }

    pub(super) fn compression(&mut self, value: &Value<'_>) -> Option<Compression> {
        let choices = [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
        self.choice("Compress", value, &choices, "gzip or zstd")
    }

    pub(super) fn mode(&mut self, value: &Value<'_>) -> Option<u32> {
        let mode = quantity::mode(value.word);
        if mode.is_none() {
            self.refuse("Mode", value, None, "octal digits up to 7777, as in 0640");
        }
        mode
    }

    pub(super) fn sync(&mut self, value: &Value<'_>) -> Option<Sync> {
        if let Some(time) = quantity::time(value.word) {
            return Some(Sync::Every(time));
        }
        let choices = [("never", Sync::Never), ("always", Sync::Always)];
        let expected = "never, always or a time (5s, 1m)";
        self.choice("Sync", value, &choices, expected)
    }

    pub(super) fn format(&mut self, value: &Value<'_>) -> Option<LineFormat> {
        let choices = [("raw", LineFormat::Raw), ("json", LineFormat::Json)];
        self.choice("Format", value, &choices, "raw or json")
    }

    fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        value: &Value<'_>,
        choices: &[(&'static str, T)],
        expected: &'static str,
    ) -> Option<T> {
        let chosen = choices
            .iter()
            .find(|(name, _)| name.as_bytes() == value.word);
        if chosen.is_none() {
            let nearest = nearest(value.word, choices.iter().map(|(name, _)| *name));
            self.refuse(name, value, nearest, expected);
        }
        chosen.map(|(_, choice)| *choice)
    }

    fn refuse(
        &mut self,
        name: &'static str,
        value: &Value<'_>,
        nearest: Option<&'static str>,
        expected: &'static str,
    ) {
        let problem = Problem::Value {
            name,
            word: quoted(value.word),
            nearest,
            expected,
        };
        self.errors.push(problem, value.span.clone());
    }
}
