//! The path of a file with fields in it: `/var/log/%{host}/access-%Y%m%d.log`.
//!
//! ```text
//! %Y %m %d %H …    strftime's letters, of local time; %-d and %_d as in GNU's
//! %{host}          the line's virtual host, `_other_` if it has none that is a name (vhost.rs)
//! %{group}         the Spread group
//! %{sender}        the sender's private name, `name@machine` for Spread's `#name#machine`
//! %%               a percent sign
//! ```
//!
//! What comes from outside never holds a slash and never begins with a dot, so that a path has the
//! directories that were written and no others. A host with which a name would be too long is
//! `_other_`: only a name that is too long with that is refused beforehand. In groups and senders, bytes that a file's name
//! should not have are `~hh`; two senders never have one name.
//!
//! Not all letters of strftime are here: `%D`, `%x`, `%c`, `%r`, `%Z`, `%n`, `%t` and `%+` give
//! slashes, blanks or colons, which belong in no file's name.

use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset};

use super::hex;
use super::timestamp::{formatted, local, seconds, utc};
use super::vhost::{self, OTHER};

/// A path with fields in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathTemplate {
    text: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    Time {
        letter: u8,
        items: Vec<Item<'static>>,
    },
    Host,
    Group,
    Sender,
}

impl PathTemplate {
    /// Reads a path.
    ///
    /// # Errors
    /// When it names a field that there is not, or could name no file.
    pub fn parse(text: &[u8]) -> Result<Self, TemplateError> {
        let refused = |problem, span| Err(TemplateError { problem, span });
        if text.is_empty() {
            return refused(TemplateProblem::Empty, None);
        }
        if text.len() > TEXT_LEN_MAX {
            return refused(TemplateProblem::TooLong(text.len()), None);
        }
        if let Some(at) = memchr::memchr(0, text) {
            return refused(TemplateProblem::Nul, Some(at..at + 1));
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let (part, after) = match next(rest) {
                Ok(next) => next,
                Err((problem, len)) => return refused(problem, Some(at..at + len)),
            };
            match (parts.last_mut(), part) {
                (Some(Part::Literal(before)), Part::Literal(more)) => before.extend(more),
                (_, part) => parts.push(part),
            }
            rest = after;
        }
        let template = Self {
            text: text.to_vec(),
            parts,
        };
        match template.longest_component() {
            longest if longest > COMPONENT_LEN_MAX => {
                refused(TemplateProblem::LongName(longest), None)
            }
            _ => Ok(template),
        }
    }

    /// A path that is already one, whatever is in it.
    #[must_use]
    pub fn literal(path: PathBuf) -> Self {
        let text = path.into_os_string().into_vec();
        let parts = vec![Part::Literal(text.clone())];
        Self { text, parts }
    }

    /// Whether it always gives the same path.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    /// Whether the path depends on the virtual host.
    #[must_use]
    pub fn names_host(&self) -> bool {
        self.parts.contains(&Part::Host)
    }

    /// Whether the path depends on the group.
    #[must_use]
    pub fn names_group(&self) -> bool {
        self.parts.contains(&Part::Group)
    }

    /// Whether the path depends on the sender.
    #[must_use]
    pub fn names_sender(&self) -> bool {
        self.parts.contains(&Part::Sender)
    }

    /// As it was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The path at `now`. `host` is a line's word, or the name that was made of it.
    #[must_use]
    pub fn expand(
        &self,
        now: SystemTime,
        host: Option<&[u8]>,
        group: &str,
        sender: &str,
    ) -> PathBuf {
        let time = local(utc(seconds(now)));
        let path = match self.expand_at(time, host, group, sender) {
            path if self.names_host() && longest_name(&path) > HOST_FITS_MAX => {
                self.expand_at(time, None, group, sender)
            }
            path => path,
        };
        PathBuf::from(OsString::from_vec(path))
    }

    /// Until when the path stays the same, the other fields being the same; `None` if for ever.
    ///
    /// The next second or the next minute, since time zones change on whole minutes.
    #[must_use]
    pub fn same_until(&self, now: SystemTime) -> Option<SystemTime> {
        let letters = self.parts.iter().filter_map(|part| match part {
            Part::Time { letter, .. } => Some(*letter),
            _ => None,
        });
        let unit = letters
            .map(|letter| {
                if SECOND_LETTERS.contains(&letter) {
                    1
                } else {
                    60
                }
            })
            .min()?;
        let next = (seconds(now) / unit + 1) * unit;
        UNIX_EPOCH.checked_add(Duration::from_secs(next))
    }

    fn expand_at(
        &self,
        time: DateTime<FixedOffset>,
        host: Option<&[u8]>,
        group: &str,
        sender: &str,
    ) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.text.len() + vhost::NAME_LEN_MAX);
        for part in &self.parts {
            match part {
                Part::Literal(text) => path.extend_from_slice(text),
                Part::Time { items, .. } => {
                    path.extend_from_slice(formatted(time, items).unwrap_or_default().as_bytes());
                }
                Part::Host => {
                    let mut name = String::new();
                    let host = host.and_then(|host| vhost::file_name(host, &mut name));
                    path.extend_from_slice(host.unwrap_or(OTHER).as_bytes());
                }
                Part::Group => plain(group, &mut path),
                Part::Sender => match private_name(sender) {
                    Some((name, machine)) => {
                        plain(name, &mut path);
                        path.push(b'@');
                        plain(machine, &mut path);
                    }
                    None => plain(sender, &mut path),
                },
            }
        }
        path
    }

    /// Bytes of the longest name between slashes, each field as long as it can be, but for hosts:
    /// the longer ones are [`OTHER`].
    fn longest_component(&self) -> usize {
        let (mut longest, mut len) = (0, 0);
        for part in &self.parts {
            match part {
                Part::Literal(text) => {
                    let mut names = text.split(|&b| b == b'/').map(<[u8]>::len);
                    len += names.next().unwrap_or_default();
                    for name in names {
                        longest = longest.max(len);
                        len = name;
                    }
                }
                Part::Time { .. } => len += TIME_LEN_MAX,
                Part::Host => len += OTHER.len(),
                Part::Group | Part::Sender => len += SPREAD_LEN_MAX,
            }
        }
        longest.max(len)
    }
}

fn longest_name(path: &[u8]) -> usize {
    let names = path.split(|&b| b == b'/').map(<[u8]>::len);
    names.max().unwrap_or_default()
}

/// The part that `text`, which is not empty, begins with; or what is wrong with how many bytes.
fn next(text: &[u8]) -> Result<(Part, &[u8]), (TemplateProblem, usize)> {
    let Some(field) = text.strip_prefix(b"%") else {
        let len = memchr::memchr(b'%', text).unwrap_or(text.len());
        let (literal, rest) = text.split_at(len);
        return Ok((Part::Literal(literal.to_vec()), rest));
    };
    if let Some(rest) = field.strip_prefix(b"%") {
        return Ok((Part::Literal(b"%".to_vec()), rest));
    }
    if let Some(named) = field.strip_prefix(b"{") {
        let Some(len) = memchr::memchr(b'}', named) else {
            return Err((TemplateProblem::Unclosed(shown(text)), text.len()));
        };
        let (name, rest) = named.split_at(len);
        let part = match name {
            b"host" => Part::Host,
            b"group" => Part::Group,
            b"sender" => Part::Sender,
            name => return Err((TemplateProblem::UnknownField(shown(name)), len + 3)),
        };
        return Ok((part, rest.get(1..).unwrap_or_default()));
    }
    let has_flag = field.first().is_some_and(|b| b"-_0".contains(b));
    let len = (2 + usize::from(has_flag)).min(text.len());
    let (spelt, rest) = text.split_at(len);
    let items = str::from_utf8(spelt)
        .ok()
        .filter(|_| spelt.last().is_some_and(|letter| LETTERS.contains(letter)))
        .and_then(|spelt| StrftimeItems::new(spelt).parse_to_owned().ok());
    match (spelt.last(), items) {
        (Some(&letter), Some(items)) => Ok((Part::Time { letter, items }, rest)),
        _ => Err((TemplateProblem::UnknownLetter(shown(spelt)), len)),
    }
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// `#name#machine`, as Spread makes private names.
fn private_name(sender: &str) -> Option<(&str, &str)> {
    sender.strip_prefix('#')?.rsplit_once('#')
}

/// Appends `text` as a name of letters, digits, `_`, `-` and `.`, that begins with neither of the
/// last two; whatever else is `~hh`, and nothing at all is `~`.
fn plain(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'~');
    }
    for (n, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => out.push(byte),
            b'.' | b'-' if n > 0 => out.push(byte),
            byte => {
                out.push(b'~');
                out.extend_from_slice(&hex(byte));
            }
        }
    }
}

/// A text that is no path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// What is wrong.
    pub problem: TemplateProblem,
    /// The bytes of the path concerned, if not all of it.
    pub span: Option<Range<usize>>,
}

/// What is wrong with a path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// There is nothing.
    #[error("a path cannot be empty")]
    Empty,
    /// No system has such paths.
    #[error("a path of {0} bytes is over the limit of {TEXT_LEN_MAX}")]
    TooLong(usize),
    /// No path has this byte.
    #[error("a path cannot have a NUL byte")]
    Nul,
    /// `%{…}` with a name that there is not.
    #[error("unknown field `%{{{0}}}`: there are %{{host}}, %{{group}} and %{{sender}}")]
    UnknownField(String),
    /// `%{` and no `}`.
    #[error("no `}}` in `{0}`")]
    Unclosed(String),
    /// `%` and a letter that means nothing in a path.
    #[error("`{0}` is no time for a path; a percent sign is written %%")]
    UnknownLetter(String),
    /// With the longest group and sender, no file could be called so.
    #[error("a name in this path could be {0} bytes long, over the limit of {COMPONENT_LEN_MAX}")]
    LongName(usize),
}

/// Of strftime: those whose text may be in a file's name.
const LETTERS: &[u8] = b"YCyGgmBbhdejaAuwUWVHIklMSpPsTRFz";

/// Those of them that change within a minute.
const SECOND_LETTERS: &[u8] = b"SsT";

/// 4,096: the longest path that Linux takes.
const TEXT_LEN_MAX: usize = 4_096;

/// 255: the longest name that Linux's file systems take.
const COMPONENT_LEN_MAX: usize = 255;

/// 223: [`COMPONENT_LEN_MAX`], less what a file has appended that is put aside and compressed: a
/// time, a number, `.zst.tmp`.
const HOST_FITS_MAX: usize = COMPONENT_LEN_MAX - 32;

/// 12: seconds since 1970, until the year 9999.
const TIME_LEN_MAX: usize = 12;

/// 96: the 31 bytes of a name in Spread, all of them `~hh`, and an `@`.
const SPREAD_LEN_MAX: usize = 96;

#[cfg(test)]
mod tests;
