//! The logging hosts that a publisher knows of, and what all of them have.
//!
//! Time is time with a connection: while there is none, nobody can be heard, and that is nobody's
//! fault.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::HostId;

/// Who acknowledges a stream.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    hosts: BTreeMap<HostId, Host>,
    connected: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// Up to here it has all.
    safe: u64,
    heard: Duration,
}

/// 10 minutes: a machine that is started again is back by then; one that is gone for good holds
/// nobody's memory for longer.
const KNOWN_FOR: Duration = Duration::from_secs(600);

/// A farm has a handful; strangers that invent more are not kept.
const HOSTS_MAX: usize = 64;

impl Hosts {
    /// Another connection has lasted for so long.
    pub(super) fn connected_for(&mut self, time: Duration) {
        self.connected += time;
    }

    /// The time of the connections that have ended.
    pub(super) const fn connected(&self) -> Duration {
        self.connected
    }

    /// `host` has all up to `number`; whether it is one that counts.
    pub(super) fn acknowledge(&mut self, host: HostId, number: u64, now: Duration) -> bool {
        self.forget(now);
        if !self.hosts.contains_key(&host) && self.hosts.len() >= HOSTS_MAX {
            return false;
        }
        let known = self.hosts.entry(host).or_insert(Host {
            safe: number,
            heard: now,
        });
        // One from an old connection may come late.
        known.safe = known.safe.max(number);
        known.heard = now;
        true
    }

    /// `host` goes.
    pub(super) fn leave(&mut self, host: HostId) {
        self.hosts.remove(&host);
    }

    /// Up to which number all known hosts have everything; `None` when none is known.
    pub(super) fn everywhere(&self, now: Duration) -> Option<u64> {
        self.known(now).map(|host| host.safe).min()
    }

    /// Those heard within [`KNOWN_FOR`].
    pub(super) fn known(&self, now: Duration) -> impl Iterator<Item = &Host> {
        let is_known = move |host: &&Host| now.saturating_sub(host.heard) < KNOWN_FOR;
        self.hosts.values().filter(is_known)
    }

    /// The same with their names, and up to where each has everything.
    pub(super) fn known_by_id(&self, now: Duration) -> impl Iterator<Item = (HostId, u64)> {
        let hosts = self.hosts.iter();
        let known = hosts.filter(move |(_, host)| now.saturating_sub(host.heard) < KNOWN_FOR);
        known.map(|(id, host)| (*id, host.safe))
    }

    /// Whether all that were heard within `lately` have all up to `number`.
    pub(super) fn all_have(&self, number: u64, now: Duration, lately: Duration) -> bool {
        let mut heard = self.known(now);
        heard.all(|host| host.safe >= number || now.saturating_sub(host.heard) >= lately)
    }

    /// How many of the known lack some of the numbers up to `number`, and what the last of them has.
    pub(super) fn behind(&self, number: u64, now: Duration) -> Option<(usize, u64)> {
        let behind = self.known(now).filter(|host| host.safe < number);
        let (count, safe) = behind.fold((0, number), |(count, safe), host| {
            (count + 1, safe.min(host.safe))
        });
        (count > 0).then_some((count, safe))
    }

    fn forget(&mut self, now: Duration) {
        self.hosts
            .retain(|_, host| now.saturating_sub(host.heard) < KNOWN_FOR);
    }
}
