//! The rules together: which are about a path, and the share of a response under all of them.

use std::sync::Arc;

use super::meter::{Meter, SLICE_MIN, ThrottleReading};
use super::{ThrottleRule, ThrottleRules};

/// All rules, as they are at one time.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rules: Vec<(ThrottleRule, Arc<Meter>)>,
}

/// The rules about a path: the first of them, in the order of the file.
#[derive(Debug)]
pub(crate) struct Matches {
    table: Arc<Table>,
    rules: [u16; MATCHES_MAX],
    len: usize,
}

/// What one response may have of the rules about it. Dropped, it leaves the rest to the others.
#[derive(Debug)]
pub(crate) struct Share {
    matches: Matches,
    /// Bytes that were taken and are not sent.
    taken: u64,
    /// When they may be sent.
    from: u64,
    /// By how many halves the next slice is smaller: many who come at once would else wait for
    /// what those before them took when few were there.
    halves: u32,
}

/// A rule could not give all their minimum with one more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full;

/// As thttpd's `MAXTHROTTLENUMS`: what is taken from each rule for each slice.
const MATCHES_MAX: usize = 10;

/// The first slice is an eighth of one, the second a half: a hundred who come at once all begin
/// within a tenth of a second, and one who comes to others is behind by little more than a slice.
const HALVES_AT_FIRST: u32 = 3;

impl Table {
    /// The table of `rules`. Those that `before` has too go on with what they have given away.
    pub(super) fn new(rules: &ThrottleRules, before: &Self) -> Self {
        let mut known: Vec<_> = before.rules.iter().collect();
        let mut meter_of = |rule: &ThrottleRule| {
            let mut places = known.iter();
            let place = places.position(|(known, _)| known.pattern == rule.pattern);
            match place.map(|place| known.swap_remove(place)) {
                Some((_, meter)) => {
                    meter.change(rule);
                    Arc::clone(meter)
                }
                None => Arc::new(Meter::new(rule)),
            }
        };
        let rules = rules
            .iter()
            .map(|rule| (rule.clone(), meter_of(rule)))
            .collect();
        for (_, meter) in known {
            meter.let_go();
        }
        Self { rules }
    }

    /// The rules about `path`, as [`http::Target::rule_path`] has it, with the host's directory in
    /// front where hosts have some; `None` if there are no rules about it.
    pub(crate) fn matches(self: &Arc<Self>, path: &[u8]) -> Option<Matches> {
        let mut rules = [0; MATCHES_MAX];
        let mut len = 0;
        for (number, (rule, _)) in (0..).zip(&self.rules) {
            if rule.pattern.matches(path)
                && let Some(place) = rules.get_mut(len)
            {
                *place = number;
                len += 1;
            }
        }
        (len > 0).then(|| Matches {
            table: Arc::clone(self),
            rules,
            len,
        })
    }

    pub(super) fn look(&self, now: u64) {
        self.rules.iter().for_each(|(_, meter)| meter.look(now));
    }

    pub(super) fn rules(&self) -> ThrottleRules {
        let rules = self.rules.iter().map(|(rule, _)| rule.clone());
        ThrottleRules::of(rules.collect())
    }

    pub(super) fn readings(&self) -> Vec<ThrottleReading> {
        let rules = self.rules.iter();
        rules
            .map(|(rule, meter)| meter.reading(rule.pattern.as_str()))
            .collect()
    }
}

impl Matches {
    /// Lets a response in, if all rules about it can give it the largest of their minima, and
    /// each what it owes to the others.
    pub(crate) fn enter(self) -> Result<Share, Full> {
        let floor = self.meters().map(Meter::min).max().unwrap_or(0);
        for (entered, meter) in self.meters().enumerate() {
            if !meter.enter(floor) {
                self.meters().take(entered).for_each(Meter::leave);
                return Err(Full);
            }
        }
        Ok(Share {
            matches: self,
            taken: 0,
            from: 0,
            halves: HALVES_AT_FIRST,
        })
    }

    fn meters(&self) -> impl Iterator<Item = &Meter> {
        let rules = self.rules.iter().take(self.len);
        rules.filter_map(|rule| Some(&*self.table.rules.get(usize::from(*rule))?.1))
    }
}

impl Share {
    /// Takes a whole response of `bytes` if it may be sent now.
    pub(crate) fn take_now(&mut self, bytes: u64, now: u64) -> bool {
        for (taken, meter) in self.meters().enumerate() {
            if !meter.take_now(bytes, now) {
                let before = self.meters().take(taken);
                before.for_each(|meter| meter.give_back(bytes));
                return false;
            }
        }
        self.taken += bytes;
        true
    }

    /// Takes the next slice, at most `bytes`, if the one before has been sent.
    pub(crate) fn take(&mut self, bytes: u64, now: u64) {
        if self.taken > 0 {
            return;
        }
        let slices = self.meters().map(|meter| meter.slice(now));
        let slice = slices.min().unwrap_or(u64::MAX);
        let slice = (slice >> self.halves).max(slice.min(SLICE_MIN)).min(bytes);
        self.halves /= 2;
        let moments = self.meters().map(|meter| meter.take(slice, now));
        self.from = moments.max().unwrap_or(now);
        self.taken = slice;
    }

    /// How long until what was taken may be sent, in nanoseconds.
    pub(crate) const fn wait(&self, now: u64) -> u64 {
        self.from.saturating_sub(now)
    }

    /// What was taken and is not sent.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes note that `bytes` went to the socket.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_sub(bytes);
        self.meters().for_each(|meter| meter.count(bytes));
    }

    fn meters(&self) -> impl Iterator<Item = &Meter> {
        self.matches.meters()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        for meter in self.meters() {
            meter.give_back(self.taken);
            meter.leave();
        }
    }
}
