//! The same line in several files, as often as it is there: the first of each together, then the
//! second of each, and so on.

use std::cmp::Ordering;
use std::io;

use super::record::{Order, Record};
use super::sorter::Source;

/// Goes through sorted files side by side.
pub(super) struct Groups {
    order: Order,
    files: Vec<Side>,
}

/// A file, and the line where it is.
struct Side {
    source: Box<dyn Source>,
    record: Record,
    before: Record,
    /// How many lines of this file before it are the same.
    repeats: u64,
    is_over: bool,
}

impl Groups {
    /// Of `files`, each sorted by `order`.
    pub(super) fn new(files: Vec<Box<dyn Source>>, order: Order) -> io::Result<Self> {
        let mut groups = Self {
            order,
            files: Vec::new(),
        };
        for source in files {
            let mut side = Side {
                source,
                record: Record::default(),
                before: Record::default(),
                repeats: 0,
                is_over: false,
            };
            side.is_over = !side.source.next(&mut side.record)?;
            groups.files.push(side);
        }
        Ok(groups)
    }

    /// The next line, where it stands first, and a bit for each file that has it (so often).
    pub(super) fn next(&mut self, into: &mut Record) -> io::Result<Option<u64>> {
        let order = self.order;
        let live = self.files.iter().filter(|side| !side.is_over);
        let least = live.min_by(|a, b| {
            a.cmp_identity(b, order)
                .then_with(|| a.record.view().cmp(&b.record.view(), order))
        });
        let Some(least) = least else {
            return Ok(None);
        };
        into.set(least.record.view());
        let repeats = least.repeats;
        let mut having = 0;
        for (bit, side) in self.files.iter_mut().enumerate() {
            let is_same = !side.is_over
                && side.repeats == repeats
                && side.record.view().cmp_identity(&into.view(), order).is_eq();
            if is_same {
                having |= 1 << bit;
                side.advance(order)?;
            }
        }
        Ok(Some(having))
    }
}

impl Side {
    fn cmp_identity(&self, other: &Self, order: Order) -> Ordering {
        let (this, other_view) = (self.record.view(), other.record.view());
        this.cmp_identity(&other_view, order)
            .then_with(|| self.repeats.cmp(&other.repeats))
    }

    fn advance(&mut self, order: Order) -> io::Result<()> {
        std::mem::swap(&mut self.record, &mut self.before);
        self.is_over = !self.source.next(&mut self.record)?;
        let (this, before) = (self.record.view(), self.before.view());
        self.repeats = match this.cmp_identity(&before, order) {
            Ordering::Equal => self.repeats + 1,
            _ => 0,
        };
        Ok(())
    }
}
