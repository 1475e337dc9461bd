//! The logging host's side of all streams: what is new, what is missing, who is told.
//!
//! ```text
//! data(), control() -> new messages, each once -> the files -> safe() or dropped()
//!                      poll() -> acks and needs, to the publishers
//! ```
//!
//! A message counts as received when it is taken, and is acknowledged when its user says that it
//! is written for good; one that could not be written is asked for again. Of a stream that was
//! never heard of, everything from the oldest that its publisher still has belongs to it; so its
//! first messages are held until its first control has come, for a moment.
//!
//! What comes may be invented by anybody who can reach the daemon: every number is held against
//! what is reasonable, and every collection has a bound.

mod hold;
mod stream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Ack, Bye, Control, HostId, Instance, Need, Notice, Number, Ranges, StreamGroup};
use crate::name::Name;
use hold::Hold;
pub use stream::Stream;

/// Names a stream.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    /// The run of the publisher.
    pub instance: Instance,
    /// The group it goes to.
    pub group: StreamGroup,
}

/// A message that is new.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Taken<P> {
    /// Of which stream.
    pub key: Key,
    /// Its place there.
    pub number: Number,
    /// What it came with.
    pub payload: P,
}

/// What the ledger and the operator should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// A stream is heard of for the first time, and counts from this number on.
    Begun(Key, u64),
    /// These messages are missing, and are asked for; told once of each.
    Missing(Key, RangeInclusive<u64>),
    /// These messages will not come any more.
    Lost(Key, RangeInclusive<u64>, Cause),
    /// A stream is not kept any more.
    Forgotten(Key),
}

/// Why messages were given up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Their publisher does not have them any more.
    Gone,
    /// Numbers jumped out of reason.
    Jump,
    /// There were more gaps than can be kept.
    TooMany,
    /// Nothing was heard of the publisher for 30 days.
    Silence,
}

/// A stream as a ledger has kept it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeptStream {
    /// The first number that counts.
    pub base: u64,
    /// Up to here there are messages, as far as was known.
    pub known_to: u64,
    /// Written for good, or given up.
    pub safe: Ranges,
    /// Given up, among these.
    pub lost: Ranges,
}

/// All streams that a logging host knows.
#[derive(Debug)]
pub struct Receiver<P> {
    host: HostId,
    streams: BTreeMap<Key, Stream>,
    holds: BTreeMap<Key, Hold<P>>,
    held_bytes: usize,
    /// When each stream, or hold, has something to do.
    agenda: BTreeSet<(Duration, Key)>,
    scheduled: BTreeMap<Key, Duration>,
    outstanding: u64,
    /// When the next ack may be sent that is not due yet.
    ack_slot: Duration,
    swept: Duration,
    news: VecDeque<News>,
}

impl<P> Receiver<P> {
    /// A host that knows no stream.
    #[must_use]
    pub const fn new(host: HostId) -> Self {
        Self {
            host,
            streams: BTreeMap::new(),
            holds: BTreeMap::new(),
            held_bytes: 0,
            agenda: BTreeSet::new(),
            scheduled: BTreeMap::new(),
            outstanding: 0,
            ack_slot: Duration::ZERO,
            swept: Duration::ZERO,
            news: VecDeque::new(),
        }
    }

    /// Adds a stream as a ledger has kept it. What is missing of it is asked for as soon as its
    /// publisher is heard, as nobody knows before on which connection it is.
    pub fn restore(&mut self, key: Key, kept: KeptStream, now: Duration) {
        let stream = Stream::restored(kept, now);
        self.streams.insert(key, stream);
        self.update(key, now, |_| ());
    }

    /// Takes a message of a stream in; adds what is new to `out`. `from` is its sender's private
    /// group, `cost` what holding it costs in memory.
    pub fn data(
        &mut self,
        (key, number): (Key, Number),
        from: Name,
        (payload, cost): (P, usize),
        now: Duration,
        out: &mut Vec<Taken<P>>,
    ) {
        if !self.streams.contains_key(&key) {
            let hold = self.holds.entry(key).or_insert_with(|| Hold::new(now));
            hold.push(number, payload, cost, from);
            self.held_bytes += cost;
            self.reschedule(key, Some(hold_ends(&self.holds, key, now)));
            if self.held_bytes > HELD_BYTES_MAX {
                self.begin_from_hold(key, now, out);
            }
            return;
        }
        self.update(key, now, |stream| stream.hear(from, now));
        self.take(key, number, payload, now, out);
    }

    /// Takes in what a publisher says of a stream; adds what was held for it to `out`.
    pub fn control(
        &mut self,
        control: &Control,
        from: Name,
        now: Duration,
        out: &mut Vec<Taken<P>>,
    ) {
        let key = Key {
            instance: control.instance,
            group: control.group,
        };
        if !self.streams.contains_key(&key) {
            self.begin(key, control.retained.get(), now, out);
        }
        let mut news = Vec::new();
        self.update(key, now, |stream| {
            stream.hear(from, now);
            let jump = stream.know(control.next.get() - 1);
            news.extend(jump.map(|range| News::Lost(key, range, Cause::Jump)));
            for range in stream.gaps_below(control.retained.get()) {
                stream.give_up(range.clone());
                news.push(News::Lost(key, range, Cause::Gone));
            }
            stream.control = Some(control.clone());
            if !stream.has_slot {
                stream.ack_at = Some(now);
            }
        });
        self.news.extend(news);
    }

    /// A message that was taken is written for good.
    pub fn safe(&mut self, key: Key, number: Number, now: Duration) {
        self.update(key, now, |stream| {
            stream.write(number.get());
            if stream.told != Some(stream.safe_to()) && stream.ack_at.is_none() {
                stream.ack_at = Some(now + ACK_AFTER);
            }
        });
    }

    /// A message that was taken could not be written, and is not there any more.
    pub fn dropped(&mut self, key: Key, number: Number, now: Duration) {
        self.update(key, now, |stream| stream.untake(number.get(), now));
    }

    /// What is to be said now, and to whom; to be called until it has nothing. What was held too
    /// long is added to `out`.
    pub fn poll(&mut self, now: Duration, out: &mut Vec<Taken<P>>) -> Option<(Name, Notice)> {
        self.sweep(now);
        while let Some(&(at, key)) = self.agenda.first() {
            if at > now {
                return None;
            }
            if self.holds.contains_key(&key) {
                self.begin_from_hold(key, now, out);
                continue;
            }
            if let Some(letter) = self.letter(key, now) {
                return Some(letter);
            }
        }
        None
    }

    /// Waits no longer for the first control of any stream, as there is no more time: what was
    /// held is added to `out`.
    pub fn hurry(&mut self, now: Duration, out: &mut Vec<Taken<P>>) {
        while let Some((&key, _)) = self.holds.first_key_value() {
            self.begin_from_hold(key, now, out);
        }
    }

    /// When [`Receiver::poll`] is to be called again.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.agenda.first().map(|(at, _)| *at)
    }

    /// How far it is with all streams whose publishers do not know that yet: before a stop, when
    /// there is no time for each ack to wait for others.
    pub fn last_acks(&mut self, now: Duration) -> Vec<(Name, Notice)> {
        let mut acks = Vec::new();
        let is_untold = |stream: &Stream| stream.told != Some(stream.safe_to());
        while let Some((key, to)) = self
            .streams
            .iter()
            .filter(|(_, stream)| is_untold(stream))
            .find_map(|(key, stream)| Some((*key, stream.publisher?)))
        {
            acks.push((to, self.ack(key, to, now)));
        }
        acks
    }

    /// What it says when it goes for good, to all publishers that it knows to be there.
    pub fn farewell(&self) -> impl Iterator<Item = (Name, Notice)> + '_ {
        let publishers: BTreeSet<Name> =
            self.streams.values().filter_map(|s| s.publisher).collect();
        let host = self.host;
        let bye = move |to| (to, Notice::Bye(Bye { host }));
        publishers.into_iter().map(bye)
    }

    /// What has happened since the last call.
    pub fn news(&mut self) -> impl Iterator<Item = News> + '_ {
        self.news.drain(..)
    }

    /// All streams.
    pub fn streams(&self) -> impl Iterator<Item = (&Key, &Stream)> {
        self.streams.iter()
    }

    fn take(
        &mut self,
        key: Key,
        number: Number,
        payload: P,
        now: Duration,
        out: &mut Vec<Taken<P>>,
    ) {
        let mut news = Vec::new();
        let mut is_new = false;
        self.update(key, now, |stream| {
            let jump = stream.know(number.get());
            news.extend(jump.map(|range| News::Lost(key, range, Cause::Jump)));
            let was_missing = stream
                .gaps()
                .next()
                .is_some_and(|gap| *gap.start() <= number.get());
            is_new = stream.take(number.get());
            if is_new && was_missing {
                stream.progress(now);
            }
            while let Some(range) = stream.one_too_many() {
                stream.give_up(range.clone());
                news.push(News::Lost(key, range, Cause::TooMany));
            }
        });
        self.news.extend(news);
        if is_new {
            out.push(Taken {
                key,
                number,
                payload,
            });
        }
    }

    /// A stream begins: from `base` on, or from the first message that was held for it.
    fn begin(&mut self, key: Key, base: u64, now: Duration, out: &mut Vec<Taken<P>>) {
        self.make_room();
        let hold = self.holds.remove(&key);
        let held_from = hold.as_ref().and_then(Hold::first).unwrap_or(u64::MAX);
        let base = base.min(held_from).max(1);
        self.news.push_back(News::Begun(key, base));
        self.streams.insert(key, Stream::new(base, now));
        if let Some(hold) = hold {
            self.held_bytes -= hold.cost();
            let from = hold.from();
            self.update(key, now, |stream| stream.publisher = from);
            for (number, payload) in hold.into_messages() {
                self.take(key, number, payload, now, out);
            }
        }
        self.update(key, now, |_| ());
    }

    /// No control has come: the stream begins with what was held.
    fn begin_from_hold(&mut self, key: Key, now: Duration, out: &mut Vec<Taken<P>>) {
        self.begin(key, u64::MAX, now, out);
    }

    /// Changes a stream, and puts what follows from that on the agenda.
    fn update(&mut self, key: Key, now: Duration, change: impl FnOnce(&mut Stream)) {
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        self.outstanding -= stream.outstanding();
        change(stream);
        stream.look_for_gaps(now);
        self.outstanding += stream.outstanding();
        let due = stream.due();
        self.reschedule(key, due);
    }

    fn reschedule(&mut self, key: Key, due: Option<Duration>) {
        let before = match due {
            Some(at) => self.scheduled.insert(key, at),
            None => self.scheduled.remove(&key),
        };
        if before != due {
            if let Some(before) = before {
                self.agenda.remove(&(before, key));
            }
            self.agenda.extend(due.map(|at| (at, key)));
        }
    }

    /// What a stream that is due has to say, if anybody can be told.
    fn letter(&mut self, key: Key, now: Duration) -> Option<(Name, Notice)> {
        let stream = self.streams.get(&key)?;
        let to = stream.publisher;
        if stream.is_ask_due(now) {
            let Some(to) = to else {
                self.update(key, now, |stream| stream.ask_later(now));
                return None;
            };
            let budget = OUTSTANDING_MAX.saturating_sub(self.outstanding - stream.outstanding());
            let (mut asked, mut missing) = (Vec::new(), Vec::new());
            self.update(key, now, |stream| {
                asked = stream.ask(budget, now);
                missing = stream.newly_missing(&asked);
            });
            let missing = missing.into_iter().map(|range| News::Missing(key, range));
            self.news.extend(missing);
            if asked.is_empty() {
                return None;
            }
            let ranges = vec![(key.group, key.instance, asked)];
            let host = self.host;
            return Some((to, Notice::Need(Need { host, ranges })));
        }
        let Some(to) = to else {
            self.update(key, now, |stream| {
                stream.ack_at = None;
                stream.has_slot = false;
            });
            return None;
        };
        if !stream.has_slot {
            // Each its own place in the queue, so that it is looked at once.
            let slot = self.ack_slot.max(now);
            self.ack_slot = slot + ACK_INTERVAL;
            if slot > now {
                self.update(key, now, |stream| {
                    stream.has_slot = true;
                    stream.ack_at = Some(slot);
                });
                return None;
            }
        }
        Some((to, self.ack(key, to, now)))
    }

    /// How far all streams of the publisher of `key` are.
    fn ack(&mut self, key: Key, to: Name, now: Duration) -> Notice {
        let is_same = |other: &(&Key, &Stream)| other.0.instance == key.instance;
        let before = self.streams.range(..key).rev().take_while(is_same);
        let after = self.streams.range(key..).take_while(is_same);
        let keys: Vec<Key> = after
            .chain(before)
            .filter(|(_, stream)| stream.publisher == Some(to))
            .take(Notice::GROUPS_MAX)
            .map(|(key, _)| *key)
            .collect();
        let mut safe = Vec::new();
        for key in keys {
            self.update(key, now, |stream| {
                let number = stream.safe_to();
                stream.told = Some(number);
                stream.ack_at = None;
                stream.has_slot = false;
                safe.push((key.group, key.instance, number));
            });
        }
        let host = self.host;
        Notice::Ack(Ack { host, safe })
    }

    /// Forgets those heard of longest ago when there are too many.
    fn make_room(&mut self) {
        if self.streams.len() < STREAMS_MAX {
            return;
        }
        let mut heard: Vec<(Duration, Key)> = self
            .streams
            .iter()
            .map(|(key, s)| (s.heard, *key))
            .collect();
        // A share of them at once: to look through all takes a while.
        heard.sort_unstable();
        for (_, key) in heard.into_iter().take(STREAMS_MAX / 100) {
            self.forget(key);
        }
    }

    /// Gives up those that have been silent for too long, now and then.
    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept) < SWEEP_INTERVAL {
            return;
        }
        self.swept = now;
        let is_silent = |stream: &Stream| now.saturating_sub(stream.heard) >= SILENCE_MAX;
        let silent = self.streams.iter().filter(|(_, stream)| is_silent(stream));
        let silent: Vec<Key> = silent.map(|(key, _)| *key).collect();
        for key in silent {
            let gaps: Vec<_> = self
                .streams
                .get(&key)
                .map_or_else(Vec::new, |s| s.gaps().collect());
            for range in gaps {
                self.news.push_back(News::Lost(key, range, Cause::Silence));
            }
            self.forget(key);
        }
    }

    fn forget(&mut self, key: Key) {
        if let Some(stream) = self.streams.remove(&key) {
            self.outstanding -= stream.outstanding();
        }
        self.reschedule(key, None);
        self.news.push_back(News::Forgotten(key));
    }
}

fn hold_ends<P>(holds: &BTreeMap<Key, Hold<P>>, key: Key, now: Duration) -> Duration {
    holds.get(&key).map_or(now, Hold::until)
}

/// 250 ms: four acks a second and publisher are nothing beside its lines.
const ACK_AFTER: Duration = Duration::from_millis(250);

/// 2.5 ms: 400 acks a second at most, however many publishers there are.
const ACK_INTERVAL: Duration = Duration::from_micros(2500);

/// Messages asked for that have not come, of all streams: 8 MiB of the largest.
const OUTSTANDING_MAX: u64 = 256;

/// Messages of streams without a control, in all.
const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Streams that are remembered: a farm of a thousand publishers, started anew a hundred times.
const STREAMS_MAX: usize = 100_000;

/// 30 days: a machine that is back from repair still has its spool.
const SILENCE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Once an hour is often enough for 30 days.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
