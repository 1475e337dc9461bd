//! The text of a record: log formats by name, and any in the language of Apache's mod_log_config.
//!
//! ```text
//! common          %h %l %u %t "%r" %>s %b
//! combined        %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"
//! vhost_combined  %v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"
//! ```
//!
//! One record is one line, whatever bytes it holds, and [`Format::parse`] gives the record of a
//! named format back exactly. For the second promise two things are written as Apache would not:
//! a field that is there and reads `-` becomes `\x2d`, and a space in a user's name `\x20`.
//!
//! A line has a limit. The fields of one that would be longer are cut to fair shares of the room
//! and end in `...`; it is still one whole line that parses.

mod classic;
mod client;
mod error;
mod escape;
mod formatter;
mod name;
mod needs;
mod object;
mod parse;
mod shares;
mod stamp;
mod steps;
mod usual;

pub use error::{FORMAT_LEN_MAX, FormatError, FormatReason};
pub use formatter::Formatter;
pub use needs::Needs;
pub use parse::ParseError;
pub use stamp::{STAMP_LEN, UtcOffset, parse as parse_stamp, text_of as stamp};
pub use steps::Custom;

use std::env;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::str::FromStr;

use memchr::memchr_iter;

use client::CLIENT_LEN_MAX;
use name::{NAMES, nearest};

use crate::record::OwnedRecord;

/// 8 KiB with its newline: room for any head that servers accept by default unless most of it
/// needs escapes, and as long as the original spreadlogd reads by default.
pub const LINE_LEN_MAX: usize = 8 * 1024;

/// 512: the fixed parts of a named format and a fair share of each field. What an operator's own
/// format needs may be more ([`Format::line_len_min`]).
pub const LINE_LEN_MIN: usize = 512;

/// The layout of a line. A cheap clone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// The Common Log Format of CERN and NCSA.
    Common,
    /// Common, then the fields `Referer` and `User-Agent`.
    #[default]
    Combined,
    /// Combined behind the virtual host and its port, with all bytes sent in place of the
    /// content's: Debian's for Apache.
    VhostCombined,
    /// A JSON object.
    Json,
    /// `key=value` between spaces.
    Logfmt,
    /// The operator's own.
    Custom(Custom),
}

impl Format {
    /// Reads a format's text, in the language of mod_log_config. `%{NAME}e` is the variable that
    /// this process has now. The text of a named format gives that.
    ///
    /// # Errors
    /// When it is no such text, when it would break a line, and when no directive is in it.
    pub fn compile(text: &str) -> Result<Self, FormatError> {
        Self::compile_within(text, &|name| env::var_os(name).map(OsStringExt::into_vec))
    }

    /// As [`Self::compile`], with variables from elsewhere.
    ///
    /// # Errors
    /// See there.
    pub fn compile_within(
        text: &str,
        environment: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, FormatError> {
        let custom = Custom::compile(text, environment)?;
        if !custom.has_directive() {
            return Err(FormatError {
                refused: text.escape_debug().to_string(),
                at: 0,
                reason: FormatReason::NoDirective {
                    nearest: nearest(text),
                },
            });
        }
        let is_named = |format: &&Self| {
            let named = format.text().map(|text| Custom::compile(text, environment));
            named.is_some_and(|named| named.is_ok_and(|named| named.is_like(&custom)))
        };
        let named = [Self::Common, Self::Combined, Self::VhostCombined];
        Ok(match named.iter().find(is_named) {
            Some(named) => named.clone(),
            None => Self::Custom(custom),
        })
    }

    /// The text in the language of mod_log_config, if it has one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        Some(match self {
            Self::Common => COMMON,
            Self::Combined => COMBINED,
            Self::VhostCombined => VHOST_COMBINED,
            Self::Json | Self::Logfmt => return None,
            Self::Custom(custom) => custom.text(),
        })
    }

    /// What it asks of the server beyond a bare record.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match self {
            Self::Common | Self::Combined => Needs::NOTHING,
            Self::VhostCombined => Needs {
                details: true,
                host: true,
                ..Needs::NOTHING
            },
            Self::Json | Self::Logfmt => Needs {
                details: true,
                exact_time: true,
                host: true,
                ..Needs::NOTHING
            },
            Self::Custom(custom) => custom.needs(),
        }
    }

    /// The least that a line's limit can be, its newline included.
    #[must_use]
    pub fn line_len_min(&self) -> usize {
        match self {
            Self::Custom(custom) => custom.line_len_min().max(LINE_LEN_MIN),
            _ => LINE_LEN_MIN,
        }
    }

    /// Reads a line back, with or without its newline. Of a line cut to its limit the fields are
    /// what is left of them.
    ///
    /// # Errors
    /// When it is not a line of this format; Common has no `Referer` and `User-Agent`. Lines of
    /// the operator's own formats are not read.
    pub fn parse(&self, line: &[u8]) -> Result<OwnedRecord, ParseError> {
        parse::parse(self, line)
    }
}

/// A name, or the text of a format.
impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match name::named(text) {
            Some(format) => Ok(format),
            None => Self::compile(text),
        }
    }
}

/// Its name, or its text.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name::of(self).or(self.text()).unwrap_or_default())
    }
}

/// The time of a line of any layout, in Unix seconds: of an object that begins with its `time`, as
/// `json` and `logfmt` do; of any other line the first `[22/Nov/2026:18:09:00 +0000]` in it, as
/// Common and Combined have it, and what is made of these. A line without one has none.
#[must_use]
pub fn time_of(line: &[u8]) -> Option<u64> {
    if let Some(time) = object::time_of(line) {
        return Some(time);
    }
    let mut starts = memchr_iter(b'[', line);
    starts.find_map(|at| stamp::parse(line.get(at..at + STAMP_LEN)?))
}

/// Whether a line holds its record whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// All bytes of all fields.
    Whole,
    /// Fields were cut to bring the line within its limit.
    Cut,
}

const COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;
const COMBINED: &str = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
const VHOST_COMBINED: &str = r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#;

/// What a field ends in when it was cut.
const CUT_MARK: &[u8] = b"...";

/// 128: the text of a time, of which the longest in use has 32.
const TIME_LEN_MAX: usize = 128;

#[cfg(test)]
mod tests;
