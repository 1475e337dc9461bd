//! A set of numbers, kept as the ranges it consists of.
//!
//! Numbers of a stream come nearly always in order, so the set is nearly always one range and
//! adding to it is a change of its end. It knows nothing of what the numbers stand for.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Numbers as disjoint ranges that do not touch, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ranges {
    /// First to last.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds all of `range`; says how many of its numbers were not there before.
    pub fn insert(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (mut first, mut last) = (*range.start(), *range.end());
        if first > last {
            return 0;
        }
        let mut known = 0;
        // Those that overlap or touch become one with it; from the end, so that the usual case
        // looks at one range.
        while let Some((&start, &end)) = self.ranges.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            let overlap_first = start.max(*range.start());
            let overlap_last = end.min(*range.end());
            if overlap_first <= overlap_last {
                known += overlap_last - overlap_first + 1;
            }
            self.ranges.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        self.ranges.insert(first, last);
        (range.end() - range.start()).saturating_add(1) - known
    }

    /// Takes `number` out; says whether it was there.
    pub fn remove(&mut self, number: u64) -> bool {
        let Some((&first, &last)) = self.ranges.range(..=number).next_back() else {
            return false;
        };
        if last < number {
            return false;
        }
        self.ranges.remove(&first);
        if first < number {
            self.ranges.insert(first, number - 1);
        }
        if number < last {
            self.ranges.insert(number + 1, last);
        }
        true
    }

    /// Takes the first range out.
    pub fn pop_first(&mut self) -> Option<RangeInclusive<u64>> {
        let (first, last) = self.ranges.pop_first()?;
        Some(first..=last)
    }

    /// Whether `number` is in the set.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let found = self.ranges.range(..=number).next_back();
        found.is_some_and(|(_, &last)| number <= last)
    }

    /// The last of the numbers from `first` on that are all there; `None` if `first` is not.
    #[must_use]
    pub fn run_from(&self, first: u64) -> Option<u64> {
        let (_, &last) = self.ranges.range(..=first).next_back()?;
        (first <= last).then_some(last)
    }

    /// The greatest number.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.ranges.last_key_value().map(|(_, &last)| last)
    }

    /// How many ranges it consists of, which is what it costs in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is no number in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum: u64, (first, last)| {
            sum.saturating_add(last - first + 1)
        })
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.ranges.iter().map(|(&first, &last)| first..=last)
    }

    /// What is missing within `range`, in order.
    pub fn gaps(&self, range: RangeInclusive<u64>) -> Gaps<'_> {
        Gaps {
            ranges: self,
            at: *range.start(),
            last: *range.end(),
            is_done: range.is_empty(),
        }
    }
}

/// The ranges that a set lacks.
#[derive(Clone, Debug)]
pub struct Gaps<'a> {
    ranges: &'a Ranges,
    at: u64,
    last: u64,
    is_done: bool,
}

impl Iterator for Gaps<'_> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done && self.at <= self.last {
            if let Some(end) = self.ranges.run_from(self.at) {
                self.is_done = end == u64::MAX;
                self.at = end.saturating_add(1);
                continue;
            }
            let next = self.ranges.ranges.range(self.at..).next();
            let first = self.at;
            let last = next.map_or(self.last, |(&next, _)| self.last.min(next - 1));
            self.is_done = last == u64::MAX;
            self.at = last.saturating_add(1);
            return Some(first..=last);
        }
        None
    }
}

impl FromIterator<RangeInclusive<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u64>>>(ranges: I) -> Self {
        let mut set = Self::default();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u64),
        Remove(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..40_u64, 0..6_u64).prop_map(|(first, more)| Step::Insert(first, first + more)),
            1 => (0..46_u64).prop_map(Step::Remove),
        ]
    }

    proptest! {
        /// Whatever is added and taken out, it is the set of single numbers that it stands for,
        /// in as few ranges as possible.
        #[test]
        fn ranges_are_the_set_of_their_numbers(
            steps in prop::collection::vec(step(), 0..40),
            (from, to) in (0..50_u64, 0..50_u64),
        ) {
            let mut ranges = Ranges::default();
            let mut set = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Insert(first, last) => {
                        let new = (first..=last).filter(|&number| set.insert(number)).count();
                        prop_assert_eq!(ranges.insert(first..=last), new as u64);
                    }
                    Step::Remove(number) => {
                        prop_assert_eq!(ranges.remove(number), set.remove(&number));
                    }
                }
            }

            let numbers: Vec<u64> = ranges.iter().flatten().collect();
            prop_assert_eq!(&numbers, &set.iter().copied().collect::<Vec<_>>());
            let touching = set.iter().filter(|&&number| !set.contains(&(number + 1))).count();
            prop_assert_eq!(ranges.len(), touching);
            prop_assert_eq!(ranges.count(), set.len() as u64);
            prop_assert_eq!(ranges.last(), set.last().copied());
            for number in 0..50 {
                prop_assert_eq!(ranges.contains(number), set.contains(&number));
                let run = set.contains(&number).then(|| {
                    (number..).take_while(|number| set.contains(number)).last().unwrap()
                });
                prop_assert_eq!(ranges.run_from(number), run);
            }
            let missing: Vec<u64> = ranges.gaps(from..=to).flatten().collect();
            let expected: Vec<u64> = (from..=to).filter(|n| !set.contains(n)).collect();
            prop_assert_eq!(missing, expected);
        }
    }

    #[test]
    fn the_last_number_of_all_is_a_number() {
        let mut ranges = Ranges::default();

        assert_eq!(ranges.insert(u64::MAX..=u64::MAX), 1);
        assert_eq!(ranges.gaps(u64::MAX - 1..=u64::MAX).count(), 1);
        assert!(ranges.gaps(u64::MAX..=u64::MAX).next().is_none());
        assert_eq!(ranges.insert(1..=u64::MAX), u64::MAX - 1);
        assert_eq!(ranges.len(), 1);
    }

    #[test]
    fn an_empty_range_adds_nothing() {
        let mut ranges = Ranges::default();

        #[expect(clippy::reversed_empty_ranges, reason = "that is what is tried")]
        let added = ranges.insert(2..=1);

        assert_eq!(added, 0);
        assert!(ranges.is_empty());
    }
}
