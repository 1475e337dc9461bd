//! Values kept by path within a bound of bytes.
//!
//! One cache belongs to one worker, so nothing here is shared or locked; the bound
//! each gets is its share of the process's. What goes first is found by the clock
//! algorithm: a hit sets a flag, and a hand going round takes the first entry
//! whose flag it has not just cleared. That is nearly as good as least recently
//! used, and a hit writes one byte.
//!
//! The cache knows neither files nor time: whether a value still holds is for its
//! user to ask.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;

/// What an entry costs beside its bytes: map, slot and allocator, rounded up, so
/// that a million empty files are bounded too.
const ENTRY_OVERHEAD: usize = 256;

/// A bounded map from paths to values.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    /// Its hash need not stand up to chosen keys, and takes a fifth of the time: what is put in
    /// here are names of files that are there, which no client can choose.
    places: HashMap<Rc<[u8]>, usize, RandomState>,
    slots: Vec<Slot<V>>,
    hand: usize,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Slot<V> {
    path: Rc<[u8]>,
    value: V,
    cost: usize,
    used: Cell<bool>,
}

impl<V> Cache<V> {
    /// An empty cache that will hold at most `bytes_max`, overhead included.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            places: HashMap::default(),
            slots: Vec::new(),
            hand: 0,
            bytes: 0,
            bytes_max,
        }
    }

    /// Keeps `value`, which holds `bytes`, in place of what was at `path`. A value
    /// that would fill more than a quarter of the cache is not kept.
    pub(crate) fn insert(&mut self, path: &[u8], value: V, bytes: usize) {
        self.remove(path);
        if !self.keeps(path, bytes) {
            return;
        }
        let cost = cost(path, bytes);
        while self.bytes + cost > self.bytes_max {
            self.evict();
        }
        let path: Rc<[u8]> = path.into();
        self.places.insert(Rc::clone(&path), self.slots.len());
        self.slots.push(Slot {
            path,
            value,
            cost,
            used: Cell::new(true),
        });
        self.bytes += cost;
    }

    /// Whether it would keep a value at `path` that holds `bytes`.
    pub(crate) fn keeps(&self, path: &[u8], bytes: usize) -> bool {
        cost(path, bytes) <= self.bytes_max / 4
    }

    /// Forgets what is at `path`.
    pub(crate) fn remove(&mut self, path: &[u8]) {
        if let Some(place) = self.places.remove(path) {
            self.take_out(place);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// What is kept at `path`.
    pub(crate) fn find(&self, path: &[u8]) -> Option<&V> {
        let slot = self.slots.get(*self.places.get(path)?)?;
        slot.used.set(true);
        Some(&slot.value)
    }

    /// How many values it keeps.
    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// The bytes in use, overhead included.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn evict(&mut self) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let Some(slot) = self.slots.get(self.hand) else {
                return;
            };
            if !slot.used.replace(false) {
                self.places.remove(&slot.path);
                self.take_out(self.hand);
                return;
            }
            self.hand += 1;
        }
    }

    /// Takes the slot at `place` out; the last one moves there.
    fn take_out(&mut self, place: usize) {
        let slot = self.slots.swap_remove(place);
        self.bytes -= slot.cost;
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(Rc::clone(&moved.path), place);
        }
    }
}

const fn cost(path: &[u8], bytes: usize) -> usize {
    bytes.saturating_add(path.len() + ENTRY_OVERHEAD)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn room_for(entries: usize) -> usize {
        entries * (ENTRY_OVERHEAD + 2)
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_removed() {
        let mut cache = Cache::new(room_for(10));
        cache.insert(b"a", 1, 1);
        cache.insert(b"b", 2, 1);
        cache.insert(b"a", 3, 1);

        assert_eq!(cache.find(b"a"), Some(&3));
        cache.remove(b"a");
        assert_eq!(cache.find(b"a"), None);
        assert_eq!(cache.find(b"b"), Some(&2));
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut cache = Cache::new(room_for(4));
        for name in [b"a", b"b", b"c", b"d"] {
            cache.insert(name, (), 1);
        }
        // The first eviction clears every flag on its way round.
        cache.insert(b"e", (), 1);
        cache.find(b"c");
        cache.insert(b"f", (), 1);
        cache.insert(b"g", (), 1);

        assert!(cache.find(b"c").is_some());
    }

    #[test]
    fn a_value_too_large_for_its_share_is_not_kept() {
        let mut cache = Cache::new(room_for(8));
        cache.insert(b"a", 1, 1);
        cache.insert(b"a", 2, room_for(8));

        assert_eq!(cache.find(b"a"), None);
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        let mut cache = Cache::new(0);
        cache.insert(b"a", 1, 0);

        assert_eq!(cache.find(b"a"), None);
    }

    proptest! {
        /// Whatever is done, the bound holds, the books agree, and a value that is
        /// found is the last one put in.
        #[test]
        fn the_bound_holds_and_no_value_is_stale(
            steps in prop::collection::vec((0_u8..20, 0_usize..400, prop::bool::ANY), 0..200),
        ) {
            let mut cache = Cache::new(4_000);
            let mut latest = HashMap::new();
            for (number, (name, bytes, removed)) in steps.into_iter().enumerate() {
                let path = [name];
                if removed {
                    cache.remove(&path);
                    latest.remove(&name);
                } else {
                    cache.insert(&path, number, bytes);
                    latest.insert(name, number);
                }
                prop_assert!(cache.bytes <= cache.bytes_max);
                let costs: usize = cache.slots.iter().map(|slot| slot.cost).sum();
                prop_assert_eq!(costs, cache.bytes);
                prop_assert_eq!(cache.places.len(), cache.slots.len());
                for name in 0..20 {
                    if let Some(found) = cache.find(&[name]) {
                        prop_assert_eq!(Some(found), latest.get(&name));
                    }
                }
            }
        }
    }
}
