//! What is known of every address: how many connections it has, and what is left of its rate.
//!
//! The workers share one table of a fixed size, made at the start: memory does not depend on how
//! many addresses come. An address is found in one *set* of a few places (`set.rs`), chosen by a
//! hash whose key nobody outside knows, and each set has a lock of its own, held for some
//! nanoseconds; two workers meet at one only when their clients share a set.
//!
//! A connection keeps its place, so that its requests need no search. When an address finds its
//! set taken, another is forgotten to make room:
//!
//! - Never one with connections: their number stays true, and their places stay theirs.
//! - Of the others the one nearest to a full bucket. Mostly one is full, and nothing was known of
//!   that address any more; forgetting it changes nothing.
//! - If all have connections, the newcomer is not counted.
//!
//! Nobody is locked out by that: to be forgotten, or not counted, only ever means to be let in.
//! Nor does a flood get through: an address that has used up its rate is the last to be forgotten.
//! Who wants that has to bring sixteen others into the same set, not knowing which those
//! are, and use up the rate of each; the requests of those others would have got through
//! anyway, and are many more than the ones gained.
//!
//! IPv6 counts by /64, the least that a customer gets (RFC 6177): whoever has one address has
//! 2^64 of them.

mod set;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::set::{Limits, Set, WAYS};
use super::Rate;
use crate::clock::Moment;

/// Places in a table: 4 MiB of them.
const PLACES_MIN: usize = 128 * 1024;

/// 32 MiB of them.
const PLACES_MAX: usize = 1024 * 1024;

/// What all workers know of addresses.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Mutex<Set>]>,
    hasher: RandomState,
    limits: Limits,
}

/// An address's place in a table, kept for one of its connections.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Table>,
    set: usize,
    way: usize,
}

/// An address has as many connections as it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooManyConnections;

impl Table {
    /// Room for `connections_max` connections of as many addresses, and as many others.
    pub(super) fn new(
        connections_per_address: Option<NonZeroU32>,
        requests_per_address: Option<Rate>,
        connections_max: usize,
    ) -> Self {
        let places = connections_max.saturating_mul(2);
        let sets = places.clamp(PLACES_MIN, PLACES_MAX) / WAYS;
        Self {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits: Limits {
                connections: connections_per_address,
                rate: requests_per_address,
            },
        }
    }

    /// Counts a connection of `address`; `None` if there is no place to count it in.
    pub(super) fn connect(
        self: &Arc<Self>,
        address: IpAddr,
        now: Moment,
    ) -> Result<Option<Place>, TooManyConnections> {
        let key = key(address);
        let set = self.set_of(key);
        let Some(mut locked) = self.lock(set) else {
            return Ok(None);
        };
        let way = locked.connect(key, &self.limits, now)?;
        Ok(way.map(|way| Place {
            table: Arc::clone(self),
            set,
            way,
        }))
    }

    /// Takes a request of `address`, or says how long it is until there may be one.
    pub(super) fn take(&self, address: IpAddr, now: Moment) -> Result<(), Duration> {
        let key = key(address);
        match (self.limits.rate, self.lock(self.set_of(key))) {
            (Some(rate), Some(mut set)) => match set.place(key, Some(rate), now) {
                Some(way) => set.take(way, rate, now),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Whether a request of `address` could be taken, or how long it is until one could.
    pub(super) fn has(&self, address: IpAddr, now: Moment) -> Result<(), Duration> {
        let key = key(address);
        match (self.limits.rate, self.lock(self.set_of(key))) {
            (Some(rate), Some(set)) => set.has(key, rate, now),
            _ => Ok(()),
        }
    }

    fn set_of(&self, key: u64) -> usize {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0);
        hash % self.sets.len().max(1)
    }

    fn lock(&self, set: usize) -> Option<MutexGuard<'_, Set>> {
        // Numbers alone: whoever panicked has left them whole.
        let set = self.sets.get(set)?.lock();
        Some(set.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place {
    /// Takes a request of the address whose place this is.
    pub(super) fn take(&self, now: Moment) -> Result<(), Duration> {
        // Without a rate nothing is locked.
        let Some(rate) = self.table.limits.rate else {
            return Ok(());
        };
        let set = self.table.lock(self.set);
        set.map_or(Ok(()), |mut set| set.take(self.way, rate, now))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut set) = self.table.lock(self.set) {
            set.disconnect(self.way);
        }
    }
}

/// An IPv4 address, or the first half of an IPv6 address. They do not meet: in 0::/32, where
/// the halves would be as short, there are no clients but ::1.
fn key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => u64::try_from(v6.to_bits() >> 64).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn table(connections: u32, rate: &str) -> Arc<Table> {
        let rate = rate.parse().unwrap();
        Arc::new(Table::new(NonZeroU32::new(connections), Some(rate), 1))
    }

    #[test]
    fn a_place_is_given_back_when_its_connection_ends() {
        let table = table(1, "1/s");
        let now = Moment::default();
        let connect = |address| table.connect(ip(address), now);

        let first = connect("192.0.2.1").unwrap();
        assert!(connect("192.0.2.2").is_ok());
        assert_eq!(connect("192.0.2.1").unwrap_err(), TooManyConnections);
        drop(first);
        assert!(connect("192.0.2.1").is_ok());
    }

    #[test]
    fn ipv6_counts_by_the_network_of_a_customer() {
        let table = table(1, "1/s");
        let now = Moment::default();

        let _first = table.connect(ip("2001:db8::1"), now).unwrap();

        assert!(table.connect(ip("2001:db8::ffff:1"), now).is_err());
        assert!(table.connect(ip("2001:db8:0:1::1"), now).is_ok());
        assert_eq!(table.take(ip("2001:db8::2"), now), Ok(()));
        assert!(table.take(ip("2001:db8::3"), now).is_err());
    }

    /// Requests of a connection and those told of by a proxy are of one address.
    #[test]
    fn an_address_has_one_bucket() {
        let table = table(9, "2/s");
        let now = Moment::default();
        let address = ip("192.0.2.1");
        let first = table.connect(address, now).unwrap().unwrap();
        let second = table.connect(address, now).unwrap().unwrap();

        assert_eq!(first.take(now), Ok(()));
        assert_eq!(table.take(address, now), Ok(()));

        assert_eq!(second.take(now), Err(Duration::from_millis(500)));
    }

    /// However many addresses come, nobody is turned away for it, and who has used up a rate is
    /// remembered.
    #[test]
    fn a_crowd_of_addresses_locks_nobody_out_and_frees_nobody() {
        let table = table(1, "4/s");
        let now = Moment::default();
        let flooding = ip("192.0.2.1");
        while table.take(flooding, now).is_ok() {}

        for number in 0..400_000_u32 {
            let newcomer = (0x0a00_0000 + number).to_be_bytes().into();
            assert_eq!(table.take(newcomer, now), Ok(()));
            assert!(table.connect(newcomer, now).is_ok());
        }

        assert!(table.take(flooding, now).is_err());
        assert_eq!(table.sets.len() * WAYS, PLACES_MIN);
    }

    #[test]
    fn workers_share_what_is_known() {
        let table = table(1000, "1000/m");
        let address = ip("192.0.2.1");
        let now = Moment::default();
        let work = || {
            let place = table.connect(address, now).unwrap().unwrap();
            (0..500).filter(|_| place.take(now).is_ok()).count()
        };

        let admitted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .sum()
        });

        assert_eq!(admitted, 1000);
    }
}
