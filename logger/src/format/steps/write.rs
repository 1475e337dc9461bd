//! Running the steps of a format over a record.
//!
//! Nearly every line fits its limit by far, which shows while it is written: a text that would
//! not fit even with all its bytes escaped ends the attempt, and the lengths of all texts are
//! found out before a second one.

use super::super::shares::fair_part;
use super::value::{Clocks, Value};
use super::{Custom, Step};
use crate::format::{Extent, UtcOffset};
use crate::record::Record;

/// Writes the lines of one worker in a format of the operator's own.
#[derive(Clone, Debug)]
pub(in crate::format) struct Writer {
    format: Custom,
    clocks: Clocks,
    /// The lengths of a line's texts, where they are needed: as they come, and by size.
    lens: Vec<usize>,
    sorted: Vec<usize>,
}

impl Writer {
    pub(in crate::format) fn new(format: Custom) -> Self {
        Self {
            clocks: Clocks::new(format.patterns()),
            lens: Vec::with_capacity(format.0.texts),
            sorted: Vec::with_capacity(format.0.texts),
            format,
        }
    }

    /// Appends the line of `record`, of at most `line_len_max` bytes.
    pub(in crate::format) fn write(
        &mut self,
        record: &Record<'_>,
        offset: impl Fn() -> UtcOffset,
        line_len_max: usize,
        line: &mut Vec<u8>,
    ) -> Extent {
        let room = line_len_max.saturating_sub(self.format.0.fixed_len_max);
        let begin = line.len();
        if self.write_whole(record, &offset, room, line) {
            return Extent::Whole;
        }
        line.truncate(begin);
        self.write_shared(record, &offset, room, line)
    }

    /// Writes the line if its texts are sure to fit into `room`.
    fn write_whole(
        &mut self,
        record: &Record<'_>,
        offset: &impl Fn() -> UtcOffset,
        mut room: usize,
        line: &mut Vec<u8>,
    ) -> bool {
        for step in &self.format.0.steps {
            match step {
                Step::Constant(text) => line.extend_from_slice(text),
                Step::Field(field) => match field.value(record) {
                    Value::Text(text) => match text.write_if_fits(room, line) {
                        Some(left) => room = left,
                        None => return false,
                    },
                    value => value.write(&mut self.clocks, offset, line),
                },
            }
        }
        line.push(b'\n');
        true
    }

    /// Writes the line with its texts cut to fair shares of `room`, if they do not all fit.
    fn write_shared(
        &mut self,
        record: &Record<'_>,
        offset: &impl Fn() -> UtcOffset,
        room: usize,
        line: &mut Vec<u8>,
    ) -> Extent {
        self.lens.clear();
        for field in self.format.0.steps.iter().filter_map(Step::field) {
            if let Value::Text(text) = field.value(record) {
                self.lens.push(text.len());
            }
        }
        self.sorted.clear();
        self.sorted.extend_from_slice(&self.lens);
        let part = fair_part(&mut self.sorted, room);
        let mut lens = self.lens.iter();
        for step in &self.format.0.steps {
            match step {
                Step::Constant(text) => line.extend_from_slice(text),
                Step::Field(field) => match (field.value(record), part) {
                    (Value::Text(text), Some(part)) if lens.next().is_some_and(|l| *l > part) => {
                        text.write_cut(part, line);
                    }
                    (Value::Text(text), _) => text.write(line),
                    (value, _) => value.write(&mut self.clocks, offset, line),
                },
            }
        }
        line.push(b'\n');
        part.map_or(Extent::Whole, |_| Extent::Cut)
    }
}
