//! A few places for addresses, and who gives way when all are taken. Its locks and its clock are
//! its user's.

use std::num::NonZeroU32;
use std::time::Duration;

use super::TooManyConnections;
use crate::clients::Rate;
use crate::clients::rate::Bucket;
use crate::clock::Moment;

/// Places in a set: with half of all places taken by connections, one set in a hundred is full
/// of them, and looking through so many takes a few nanoseconds.
pub(super) const WAYS: usize = 16;

/// What an address may have and do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) connections: Option<NonZeroU32>,
    pub(super) rate: Option<Rate>,
}

/// Some addresses.
#[derive(Debug, Default)]
pub(super) struct Set([Tally; WAYS]);

/// What is known of an address. The default knows nothing of any.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    key: u64,
    connections: u32,
    bucket: Bucket,
}

impl Set {
    /// Counts a connection, and says where; `None` if there is no place.
    pub(super) fn connect(
        &mut self,
        key: u64,
        limits: &Limits,
        now: Moment,
    ) -> Result<Option<usize>, TooManyConnections> {
        let Some(way) = self.place(key, limits.rate, now) else {
            return Ok(None);
        };
        if let Some(tally) = self.0.get_mut(way) {
            let max = limits.connections.map_or(u32::MAX, NonZeroU32::get);
            if tally.connections >= max {
                return Err(TooManyConnections);
            }
            tally.connections += 1;
        }
        Ok(Some(way))
    }

    /// Takes back one [`Self::connect`], which said `way`.
    pub(super) fn disconnect(&mut self, way: usize) {
        if let Some(tally) = self.0.get_mut(way) {
            tally.connections = tally.connections.saturating_sub(1);
        }
    }

    /// Takes a request of the address at `way`.
    pub(super) fn take(&mut self, way: usize, rate: Rate, now: Moment) -> Result<(), Duration> {
        let tally = self.0.get_mut(way);
        tally.map_or(Ok(()), |tally| tally.bucket.take(rate, now))
    }

    /// Whether a request of `key` could be taken; nothing changes by asking.
    pub(super) fn has(&self, key: u64, rate: Rate, now: Moment) -> Result<(), Duration> {
        let tally = self.0.iter().find(|tally| tally.key == key);
        tally.map_or(Ok(()), |tally| {
            let mut bucket = tally.bucket;
            bucket.take(rate, now)
        })
    }

    /// The place of `key`: its own, or that of the address of which least is known, unless
    /// all have connections.
    pub(super) fn place(&mut self, key: u64, rate: Option<Rate>, now: Moment) -> Option<usize> {
        if let Some(way) = self.0.iter().position(|tally| tally.key == key) {
            return Some(way);
        }
        let owed = |tally: &Tally| rate.map_or(0, |rate| tally.bucket.owed(rate, now));
        let others = self.0.iter_mut().enumerate();
        let (way, tally) = others
            .filter(|(_, tally)| tally.connections == 0)
            .min_by_key(|(_, tally)| owed(tally))?;
        *tally = Tally {
            key,
            ..Tally::default()
        };
        Some(way)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{
        Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };

    use super::*;

    fn limits(connections: u32) -> Limits {
        Limits {
            connections: NonZeroU32::new(connections),
            rate: Some("2/s".parse().unwrap()),
        }
    }

    #[test]
    fn the_address_of_which_least_is_known_gives_way() {
        let limits = limits(9);
        let rate = limits.rate.unwrap();
        let now = Moment::default();
        let mut set = Set::default();
        for key in 1..=16 {
            let way = set.place(key, limits.rate, now).unwrap();
            while set.take(way, rate, now).is_ok() && key != 7 {}
        }
        // The seventh has a token left.
        let seventh = set.place(7, limits.rate, now);

        assert_eq!(set.place(17, limits.rate, now), seventh);
        // And nothing is known of the seventeenth.
        assert_eq!(set.place(18, limits.rate, now), seventh);
        // Later nothing is known of any of them.
        let later = now.after(Duration::from_secs(1));
        assert_eq!(set.place(19, limits.rate, later), Some(0));
    }

    #[test]
    fn a_set_full_of_connections_does_not_count_a_newcomer() {
        let limits = limits(1);
        let now = Moment::default();
        let mut set = Set::default();
        for key in 1..=16 {
            assert!(matches!(set.connect(key, &limits, now), Ok(Some(_))));
        }

        assert_eq!(set.connect(17, &limits, now), Ok(None));
        assert_eq!(set.place(17, limits.rate, now), None);
        assert_eq!(set.connect(16, &limits, now), Err(TooManyConnections));
    }

    proptest! {
        /// Whatever else comes and goes, an address with connections keeps its place, and
        /// their number is right.
        #[test]
        fn connections_are_counted_truly(
            events in prop::collection::vec(
                (0..24_u64, prop_oneof![Just(None), any::<bool>().prop_map(Some)], 0..300_u64),
                0..300,
            ),
        ) {
            let limits = limits(3);
            let mut set = Set::default();
            let mut now = Moment::default();
            // The ways of the connections of each key.
            let mut open = vec![Vec::new(); 24];
            for (key, event, pause) in events {
                now = now.after(Duration::from_millis(pause));
                let ways = &mut open[usize::try_from(key).unwrap()];
                match event {
                    Some(true) => match set.connect(key, &limits, now) {
                        Ok(Some(way)) => {
                            prop_assert!(ways.len() < 3);
                            prop_assert!(ways.iter().all(|known| *known == way));
                            ways.push(way);
                        }
                        Ok(None) => {
                            prop_assert!(ways.is_empty());
                            prop_assert!(set.0.iter().all(|tally| tally.connections > 0));
                        }
                        Err(TooManyConnections) => prop_assert_eq!(ways.len(), 3),
                    },
                    Some(false) => if let Some(way) = ways.pop() {
                        set.disconnect(way);
                    },
                    None => {
                        let place = set.place(key, limits.rate, now);
                        if let (Some(way), Some(known)) = (place, ways.first()) {
                            prop_assert_eq!(way, *known);
                        }
                        if let Some(way) = place {
                            let _ = set.take(way, limits.rate.unwrap(), now);
                        }
                    }
                }
            }
            let total: u32 = set.0.iter().map(|tally| tally.connections).sum();
            prop_assert_eq!(total as usize, open.iter().map(Vec::len).sum::<usize>());
        }
    }
}
