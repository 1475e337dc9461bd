//! A worker's end of a format: where what is kept from line to line is.

use super::classic::Classic;
use super::object;
use super::steps::{self, Custom};
use super::{Extent, Format, LINE_LEN_MAX, UtcOffset, VHOST_COMBINED};
use crate::record::Record;

/// Writes the lines of one worker.
#[derive(Clone, Debug)]
pub struct Formatter {
    writer: Writer,
    line_len_max: usize,
}

#[derive(Clone, Debug)]
enum Writer {
    Classic(Classic),
    Object(object::Writer),
    Steps(Box<steps::Writer>),
}

impl Formatter {
    /// Writes lines of at most `line_len_max` bytes, which is brought within
    /// [`Format::line_len_min`] and [`LINE_LEN_MAX`].
    #[must_use]
    pub fn new(format: &Format, line_len_max: usize) -> Self {
        Self {
            line_len_max: line_len_max.clamp(format.line_len_min(), LINE_LEN_MAX),
            writer: Writer::of(format),
        }
    }

    /// The longest line, its newline included.
    #[must_use]
    pub const fn line_len_max(&self) -> usize {
        self.line_len_max
    }

    /// The line of `record` with its newline, if it is one of those that most lines are; of any other
    /// nothing, and [`Self::write`] has to be asked for it.
    #[inline]
    pub(crate) fn usual(
        &mut self,
        record: &Record<'_>,
        offset: impl Fn() -> UtcOffset,
    ) -> Option<&[u8]> {
        match &mut self.writer {
            Writer::Classic(classic) => classic.usual(record, offset, self.line_len_max),
            Writer::Object(_) | Writer::Steps(_) => None,
        }
    }

    /// Appends the line of `record` with its newline; allocates nothing while `line` has room.
    ///
    /// `offset` is asked for local time's offset only when the second is a new one.
    #[inline]
    pub fn write(
        &mut self,
        record: &Record<'_>,
        offset: impl Fn() -> UtcOffset,
        line: &mut Vec<u8>,
    ) -> Extent {
        if let Writer::Classic(classic) = &mut self.writer {
            return classic.write(record, offset, self.line_len_max, line);
        }
        self.write_other(record, offset, line)
    }

    /// By itself, so that what writes the classic formats stays small.
    #[inline(never)]
    fn write_other(
        &mut self,
        record: &Record<'_>,
        offset: impl Fn() -> UtcOffset,
        line: &mut Vec<u8>,
    ) -> Extent {
        let line_len_max = self.line_len_max;
        match &mut self.writer {
            Writer::Classic(classic) => classic.write(record, offset, line_len_max, line),
            Writer::Object(object) => object.write(record, line_len_max, line),
            Writer::Steps(steps) => steps.write(record, offset, line_len_max, line),
        }
    }
}

impl Writer {
    fn of(format: &Format) -> Self {
        let steps = |custom| Self::Steps(Box::new(steps::Writer::new(custom)));
        match format {
            Format::Common => Self::Classic(Classic::new(false)),
            Format::Combined => Self::Classic(Classic::new(true)),
            Format::VhostCombined => steps(vhost_combined()),
            Format::Json => Self::Object(object::Writer::new(object::Style::Json)),
            Format::Logfmt => Self::Object(object::Writer::new(object::Style::Logfmt)),
            Format::Custom(custom) => steps(custom.clone()),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "the text is a constant, and the tests read it"
)]
fn vhost_combined() -> Custom {
    Custom::compile(VHOST_COMBINED, &|_| None).expect("it is a format")
}
