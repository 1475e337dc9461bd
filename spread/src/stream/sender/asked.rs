//! What logging hosts have asked for and have not been sent yet.
//!
//! Questions are of one connection: who asked will ask again, of the next one.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::super::{Number, Store};
use crate::name::Name;

/// Repairs that are owed, and answers about what is gone.
#[derive(Debug, Default)]
pub(super) struct Asked {
    repairs: VecDeque<Repair>,
    /// Those who asked for what is gone: they are told how far back the store goes.
    answers: VecDeque<Name>,
}

#[derive(Clone, Copy, Debug)]
struct Repair {
    to: Name,
    number: u64,
}

impl Asked {
    /// Takes what `from` asks for.
    pub(super) fn take<B>(&mut self, from: Name, ranges: &[RangeInclusive<u64>], store: &Store<B>) {
        let retained = store.retained().get();
        let end = store.next_on_wire().get();
        if ranges.iter().any(|range| *range.start() < retained)
            && !self.answers.contains(&from)
            && self.answers.len() < ANSWERS_MAX
        {
            self.answers.push_back(from);
        }
        let asked = ranges.iter().flat_map(|range| {
            // Only what is kept, however much is asked for.
            (*range.start()).max(retained)..=(*range.end()).min(end.saturating_sub(1))
        });
        for number in asked {
            if self.repairs.len() >= REPAIRS_MAX {
                return;
            }
            let is_queued = |repair: &Repair| repair.to == from && repair.number == number;
            if !self.repairs.iter().any(is_queued) {
                self.repairs.push_back(Repair { to: from, number });
            }
        }
    }

    /// Who is to be told next how far back the store goes.
    pub(super) fn next_answer(&mut self) -> Option<Name> {
        self.answers.pop_front()
    }

    /// The next message to send again, of those that `store` still has.
    pub(super) fn next_repair<'s, B>(
        &mut self,
        store: &'s Store<B>,
    ) -> Option<(Name, Number, &'s B)> {
        while let Some(Repair { to, number }) = self.repairs.pop_front() {
            // Pushed out since it was asked for: the next question is answered with that.
            let number = Number::new(number);
            if let Some((number, body)) = number.and_then(|n| Some((n, store.find(n)?))) {
                return Some((to, number, body));
            }
        }
        None
    }

    /// The connection has ended.
    pub(super) fn clear(&mut self) {
        self.repairs.clear();
        self.answers.clear();
    }
}

/// Four times what one host may have outstanding; more are asked for again when these have come.
pub(super) const REPAIRS_MAX: usize = 1024;

/// As many as there are hosts.
const ANSWERS_MAX: usize = 64;
