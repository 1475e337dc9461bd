//! What a Log does with the lines of a message, one after another.
//!
//! ```text
//! pattern     Match, Exclude    which lines are wanted, by their text
//! condition/  Where             which lines are wanted, by their fields
//! timestamp   RewriteTimestamp  the time of a line
//! vhost       VhostDir          whose line it is, and the name of that file
//! names, ahead                  those names, each made once, looked up for some lines at a time
//! json        Format = json     the form of a line
//! template/   File              the path of a file, from time, host, group and sender
//! line, object                  where the fields of a line stand
//! ```
//!
//! In that order: `Match`, `Exclude` and `Where` see a line as it came, with its virtual host's
//! word; its time is rewritten before that word is taken off. One line becomes one line or none.
//! The original took a whole message for a line, and ignored `Match` beside `VhostDir`.
//!
//! Everything here is pure. Where a line ends up, and when, is the caller's.

mod ahead;
mod condition;
mod json;
mod line;
mod names;
mod object;
mod pattern;
mod template;
mod timestamp;
mod vhost;

use std::time::SystemTime;

use memchr::memchr;

pub use names::Host;

pub use condition::{Condition, ConditionError, ConditionProblem};
pub(crate) use line::Line;
pub(crate) use object::Object;
pub use pattern::{PATTERN_LEN_MAX, Pattern, PatternError, PatternProblem};
pub use template::{PathTemplate, TemplateError, TemplateProblem};
pub use timestamp::{Rewrite, RewriteError};
pub(crate) use vhost::OTHER;

use ahead::Ahead;
use json::Json;
use line::host_of;
use names::Names;

/// What a Log asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// Lines that any of these matches; all lines if there is none.
    pub(crate) matches: Vec<Pattern>,
    /// But none that one of these matches.
    pub(crate) excludes: Vec<Pattern>,
    /// And all of these must hold.
    pub(crate) wheres: Vec<Condition>,
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) hosts: Hosts,
    pub(crate) form: Form,
}

/// What the virtual host of a line is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Hosts {
    /// Nothing: all lines go to one file.
    #[default]
    Unused,
    /// `VhostDir`: the first word says whose the line is, and is taken off.
    Split,
    /// `%{host}` in a path: the word before a line's client says whose it is, or the key of an
    /// object, and stays.
    Named,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Form {
    /// As it came.
    #[default]
    Raw,
    /// An object of JSON.
    Json,
}

/// A message as it was received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// Lines, the last perhaps without its newline.
    pub(crate) body: &'a [u8],
    pub(crate) group: &'a str,
    /// Its private name.
    pub(crate) sender: &'a str,
    pub(crate) now: SystemTime,
}

/// Which of a Log's files a line is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place<'a> {
    /// The only one.
    Main,
    /// That of a virtual host.
    Vhost(Host<'a>),
    /// The one for lines whose host is no name: they keep their word, so that nothing is lost.
    CatchAll,
}

/// What is done with each line.
#[derive(Debug)]
pub(crate) struct Steps {
    parts: Parts,
    json: Json,
    rewritten: Vec<u8>,
    finished: Vec<u8>,
    names: Names,
}

impl Steps {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            parts,
            json: Json::default(),
            rewritten: Vec::new(),
            finished: Vec::new(),
            names: Names::default(),
        }
    }

    /// Whether all lines stay as they are and where they are: a body can be appended whole.
    pub(crate) fn is_plain(&self) -> bool {
        let parts = &self.parts;
        parts.keeps_all()
            && parts.rewrite.is_none()
            && parts.hosts == Hosts::Unused
            && parts.form == Form::Raw
    }

    /// Whether the sender of a message shows in its lines.
    pub(crate) fn shows_sender(&self) -> bool {
        self.parts.form == Form::Json
    }

    /// Gives every line that is wanted to `sink`, finished, with its newline and its place; returns
    /// how many lines were not.
    pub(crate) fn apply(
        &mut self,
        message: Message<'_>,
        mut sink: impl FnMut(Place<'_>, &[u8]),
    ) -> u64 {
        if self.parts.form == Form::Json {
            self.json.begin(message.now, message.group, message.sender);
        }
        if self.only_splits() {
            return self.split(message, sink);
        }
        let (mut rest, mut left_out) = (message.body, 0);
        while !rest.is_empty() {
            let len = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(len);
            rest = after;
            if self.parts.keeps(line.strip_suffix(b"\n").unwrap_or(line)) {
                self.finish(line, message.now, &mut sink);
            } else {
                left_out += 1;
            }
        }
        left_out
    }

    /// Whether nothing is done to a line but to take its host off.
    fn only_splits(&self) -> bool {
        let parts = &self.parts;
        parts.hosts == Hosts::Split && parts.rewrite.is_none() && parts.form == Form::Raw
    }

    /// As [`apply`](Self::apply), where that is all that is done.
    fn split(&mut self, message: Message<'_>, mut sink: impl FnMut(Place<'_>, &[u8])) -> u64 {
        let (mut rest, mut left_out) = (message.body, 0);
        let mut ahead = Ahead::default();
        while !rest.is_empty() {
            let len = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(len);
            rest = after;
            if !self.parts.keeps(line.strip_suffix(b"\n").unwrap_or(line)) {
                left_out += 1;
            } else if !ahead.takes(line, &self.names) {
                ahead.deliver(&self.names, &mut sink);
                self.finish(line, message.now, &mut sink);
            } else if ahead.is_full() {
                ahead.deliver(&self.names, &mut sink);
            }
        }
        ahead.deliver(&self.names, &mut sink);
        left_out
    }

    fn finish(&mut self, line: &[u8], now: SystemTime, sink: &mut impl FnMut(Place<'_>, &[u8])) {
        let line = match &mut self.parts.rewrite {
            Some(rewrite) => {
                self.rewritten.clear();
                rewrite.rewrite(line, now, &mut self.rewritten);
                &self.rewritten
            }
            None => line,
        };
        let (place, line) = place(self.parts.hosts, line, &mut self.names);
        let text = line.strip_suffix(b"\n");
        match (self.parts.form, text) {
            (Form::Raw, Some(_)) => sink(place, line),
            (Form::Raw, None) => {
                self.finished.clear();
                self.finished.extend_from_slice(line);
                self.finished.push(b'\n');
                sink(place, &self.finished);
            }
            (Form::Json, text) => {
                self.finished.clear();
                self.json.write(text.unwrap_or(line), &mut self.finished);
                sink(place, &self.finished);
            }
        }
    }
}

impl Parts {
    fn keeps_all(&self) -> bool {
        self.matches.is_empty() && self.excludes.is_empty() && self.wheres.is_empty()
    }

    /// Whether `line`, without its newline, is wanted.
    fn keeps(&self, line: &[u8]) -> bool {
        if self.keeps_all() {
            return true;
        }
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(line));
        if !(self.matches.is_empty() || any(&self.matches)) || any(&self.excludes) {
            return false;
        }
        if self.wheres.is_empty() {
            return true;
        }
        let fields = Line::of(line);
        self.wheres
            .iter()
            .all(|condition| condition.holds_of(fields.as_ref()))
    }
}

/// Whose line it is, and what of it is written.
fn place<'a, 'n>(hosts: Hosts, line: &'a [u8], names: &'n mut Names) -> (Place<'n>, &'a [u8]) {
    let (host, kept) = match hosts {
        Hosts::Unused => return (Place::Main, line),
        Hosts::Split => match vhost::split(line) {
            Some((host, rest)) => (host, rest),
            None => return (Place::CatchAll, line),
        },
        Hosts::Named => match host_of(line) {
            Some(host) => (host, line),
            None => return (Place::CatchAll, line),
        },
    };
    match names.host(host) {
        Some(host) => (Place::Vhost(host), kept),
        None => (Place::CatchAll, line),
    }
}

/// Two digits of a byte.
const fn hex(byte: u8) -> [u8; 2] {
    const fn digit(four: u8) -> u8 {
        match four {
            0..=9 => b'0' + four,
            _ => b'a' - 10 + four,
        }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests;
