//! What has become of messages: the ledger takes note of it, and those who receive are told, who
//! acknowledge a numbered one or ask for it again.

use spread::stream::{Key, Number};
use tracing::{info, warn};

use super::Writer;
use crate::ledger::{Entry, Event, Source};
use crate::sink::{Lines, Origin, Outcome};

/// What has become of a numbered message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Settled {
    pub(crate) key: Key,
    pub(crate) number: Number,
    /// It is in all its files; otherwise it is wanted again.
    pub(crate) is_written: bool,
}

/// A message that goes to several files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// Files of which the outcome is not known.
    pub(super) left: usize,
    pub(super) is_refused: bool,
    /// Lines of it that no file takes.
    pub(super) unplaced: u32,
}

impl Writer {
    /// A message comes again of which some of its files have their piece already, and perhaps files
    /// of a configuration before: then it is in so many more.
    pub(super) fn leave_where_it_is(&mut self, pieces: &mut Vec<(usize, Lines)>, of: &Lines) {
        let Origin { source, number, .. } = of.origin;
        let files: Vec<Option<usize>> = pieces.iter().map(|(at, _)| self.file(*at)).collect();
        let ledger = self.journal.ledger();
        let known: Vec<usize> = files.iter().copied().flatten().collect();
        let elsewhere = ledger.elsewhere(source, number, &known);
        let mut files = files.into_iter();
        pieces.retain_mut(|(_, piece)| {
            piece.origin.files = piece.origin.files.saturating_add(elsewhere);
            let file = files.next().flatten();
            !file.is_some_and(|file| ledger.is_in(source, number, file))
        });
    }

    /// No file has anything of a message, be it that none is to, or that for `unplaced` of its lines
    /// none could be opened; the ledger takes note of it, so that it is not asked for.
    pub(super) fn leave_out(&mut self, lines: &Lines, unplaced: u32) {
        let (count, len) = lines.amount();
        let Origin { source, number, .. } = lines.origin;
        if number == 0 {
            return;
        }
        self.journal.note(&Event::LeftOut {
            source,
            number,
            lines: count.saturating_sub(unplaced),
            len,
        });
        self.note_unplaced(source, number, unplaced);
        self.tell(source, number, true);
    }

    /// The books are to say which lines are not where they belong.
    fn note_unplaced(&mut self, source: Source, number: u64, lines: u32) {
        if lines > 0 {
            let event = Event::Unplaced {
                source,
                number,
                lines,
            };
            self.journal.note(&event);
        }
    }

    /// Takes what a sink says of its messages into the ledger, and tells it on.
    pub(super) fn settle(&mut self, index: usize) {
        let file = self.shelf.file(index);
        let (Some(sink), Some(file)) = (self.shelf.sink(index), file) else {
            return;
        };
        let mut outcomes = std::mem::take(&mut self.outcomes);
        outcomes.extend(sink.outcomes());
        if let Some(cut) = sink.take_cut() {
            self.journal.cut(file, cut);
        }
        for outcome in outcomes.drain(..) {
            let (entry, is_written) = match outcome {
                Outcome::Written(entry) => {
                    self.journal.written(file, &[entry]);
                    (entry, true)
                }
                Outcome::Refused(entry) => (entry, false),
            };
            // Of others nobody asks.
            if entry.number > 0 {
                self.conclude(&entry, is_written);
            }
        }
        self.outcomes = outcomes;
    }

    /// One file has taken a message, or not; when all have, that is told.
    pub(super) fn conclude(&mut self, entry: &Entry, mut is_written: bool) {
        let place = (entry.source, entry.number);
        if let Some(open) = self.open.get_mut(&place) {
            open.left = open.left.saturating_sub(1);
            open.is_refused |= !is_written;
            if open.left > 0 {
                return;
            }
            is_written = !open.is_refused;
            let unplaced = open.unplaced;
            self.open.remove(&place);
            if is_written {
                self.note_unplaced(entry.source, entry.number, unplaced);
            }
        }
        self.tell(entry.source, entry.number, is_written);
    }

    /// Those who receive are to know what has become of a message.
    fn tell(&mut self, source: Source, number: u64, is_written: bool) {
        let (Some(key), Some(number)) = (source.key(), Number::new(number)) else {
            return;
        };
        if let Some(unsent) = self.unsent.get_mut(usize::from(source.block)) {
            unsent.push(Settled {
                key,
                number,
                is_written,
            });
        }
    }

    pub(super) fn tell_settled(&mut self) {
        for (sender, unsent) in self.settled.iter().zip(&mut self.unsent) {
            if !unsent.is_empty() {
                // At the end those who receive are gone before.
                let _ = sender.send(std::mem::take(unsent));
            }
        }
    }

    /// Says once that the ledger cannot be written, and once that it can again.
    pub(super) fn tell_of_ledger(&self, error: Option<&std::io::Error>) {
        let was_failing = self.counters.set_ledger_failing(error.is_some());
        match error {
            Some(error) if !was_failing => warn!(
                "cannot write the ledger: {error}; until it can be written, nothing is written to \
                 the logs, and messages wait with their publishers"
            ),
            None if was_failing => info!("the ledger is written again"),
            _ => {}
        }
    }
}
