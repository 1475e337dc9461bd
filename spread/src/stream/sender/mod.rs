//! The publisher's side of a stream: what goes to the daemon next, and what is kept for whom.
//!
//! ```text
//! push -> store -> next() -> control, repairs, data -> the connection -> written()
//!           ^                                              |
//!           +------ release: every known host has it <- received(): ack, need, bye, echo
//! ```
//!
//! On every connection a [`Control`] goes first, and comes back, being addressed to this publisher
//! too: that proves the daemon alive. Data waits until a logging host has answered it, or a
//! moment: hosts that lost the same daemon need that long to be back, and whoever is no member
//! when a message comes never gets it.
//!
//! An echo proves the daemon, not the way beyond it: one that is cut off from the others takes
//! messages, echoes them and delivers them to nobody. Only acknowledgement proves arrival. So what
//! was written stays in the store until every logging host that is known has it, and is sent again
//! to the one that asks. How fast data may go is the caller's to say.

mod asked;
mod connection;
mod hosts;

use std::time::Duration;

use super::{Control, HostId, Instance, LostLines, Notice, Number, Store, StreamGroup, Tally};
use crate::name::Name;
use asked::Asked;
use connection::{Connection, Told};
use hosts::Hosts;

/// A publisher's stream to one group.
#[derive(Debug)]
pub struct Sender<B> {
    identity: Identity,
    group: StreamGroup,
    store: Store<B>,
    hosts: Hosts,
    /// Lines that were lost before they came to the store, and lines cut.
    before: Before,
    connection: Option<Connection>,
    asked: Asked,
    /// What the last control said, so that one more is sent when that has changed.
    told: Option<Told>,
    leaving: Leaving,
    /// Data waits for hosts no longer than until then, on any connection.
    settle_by: Duration,
    /// When somebody acknowledged something last, in the caller's time.
    acknowledged: Option<Duration>,
}

/// Who publishes, for the books of others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The run of the publisher.
    pub instance: Instance,
    /// The run of its machine.
    pub boot: u64,
    /// The machine's name.
    pub host: String,
    /// The program's name.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

/// What happened to lines before they came to the stream: totals.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Before {
    /// Dropped because the queue to the publisher was full.
    pub queue_full: u64,
    /// Shortened to the limit.
    pub cut: u64,
}

/// What to send next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next<B> {
    /// To the control group and to the publisher's own private group.
    Control(Vec<u8>),
    /// To one logging host, which asked for what is gone.
    Answer(Name, Vec<u8>),
    /// A message of the stream, for the group.
    Data(Number, B),
    /// A message of the stream once more, for the one who asked for it.
    Repair(Name, Number, B),
}

/// How a stop is getting on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parting {
    /// There is something to be sent still.
    Sending,
    /// All is with a daemon; it has not confirmed that yet.
    Unconfirmed,
    /// The daemon has everything, but not every logging host that was heard lately.
    Unacknowledged,
    /// Everybody has everything.
    Done,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Leaving {
    No,
    /// As soon as everything is handed over.
    Wanted,
    /// The control that says so was sent on this connection.
    Said,
    /// And has come back, then.
    Echoed(Duration),
}

impl<B: Clone> Sender<B> {
    /// An empty stream that keeps at most `bytes_max` bytes.
    #[must_use]
    pub fn new(identity: Identity, group: StreamGroup, bytes_max: usize) -> Self {
        Self {
            identity,
            group,
            store: Store::new(bytes_max),
            hosts: Hosts::default(),
            before: Before::default(),
            connection: None,
            asked: Asked::default(),
            told: None,
            leaving: Leaving::No,
            settle_by: Duration::MAX,
            acknowledged: None,
        }
    }

    /// A stream of an instance that has crashed: what it kept is in `store`, and `hosts` are the
    /// logging hosts that it knew, with what they had.
    #[must_use]
    pub fn resumed(
        identity: Identity,
        group: StreamGroup,
        store: Store<B>,
        hosts: &[(HostId, u64)],
    ) -> Self {
        let mut sender = Self::new(identity, group, 0);
        sender.store = store;
        for &(host, safe) in hosts {
            sender.hosts.acknowledge(host, safe, Duration::ZERO);
        }
        sender
    }

    /// The logging hosts that are waited for, and up to which number each has everything.
    pub fn known_hosts(&self, now: Duration) -> impl Iterator<Item = (HostId, u64)> + '_ {
        self.hosts.known_by_id(self.connected_time(now))
    }

    /// The group the stream goes to.
    #[must_use]
    pub const fn group(&self) -> StreamGroup {
        self.group
    }

    /// The messages, for changing where they are kept.
    pub const fn store_mut(&mut self) -> &mut Store<B> {
        &mut self.store
    }

    /// The control as it would be sent now.
    #[must_use]
    pub fn control_now(&self) -> Vec<u8> {
        self.control(self.has_said_it_leaves())
    }

    /// Takes a sealed message whose body has `len` bytes and `lines` lines.
    pub fn push(&mut self, body: B, len: usize, lines: u64) -> Number {
        self.store.push(body, len, lines)
    }

    /// What has become of lines before they came here.
    pub const fn set_before(&mut self, before: Before) {
        self.before = before;
    }

    /// A connection is up.
    pub fn connected(&mut self, now: Duration) {
        self.disconnected(now);
        self.connection = Some(Connection::new(now));
    }

    /// The connection has ended.
    pub fn disconnected(&mut self, now: Duration) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.hosts.connected_for(connection.age(now));
        self.store.disconnected();
        // Who asked will ask again, of the next connection.
        self.asked.clear();
        if self.leaving == Leaving::Said {
            self.leaving = Leaving::Wanted;
        }
    }

    /// The connection has wholly written the `count` oldest of what it was given.
    pub fn written(&mut self, count: usize, now: Duration) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        self.store.written(connection.written(count));
        self.release(now);
    }

    /// What is to be given to the connection now; `may_send` says whether data may go.
    pub fn next(&mut self, now: Duration, may_send: impl FnOnce(&B) -> bool) -> Option<Next<B>> {
        self.connection.as_ref()?;
        if let Some(control) = self.control_due(now) {
            return Some(control);
        }
        if let Some(to) = self.asked.next_answer() {
            let control = self.control_now();
            return Some(self.queue(false, Next::Answer(to, control)));
        }
        if let Some((to, number, body)) = self.asked.next_repair(&self.store) {
            let repair = Next::Repair(to, number, body.clone());
            return Some(self.queue(false, repair));
        }
        if !self.is_settled(now) {
            return None;
        }
        let (number, body) = self.store.peek()?;
        if !may_send(body) {
            return None;
        }
        let data = Next::Data(number, body.clone());
        self.store.handed_over();
        Some(self.queue(true, data))
    }

    /// Takes what a logging host says, or the publisher itself: its control come back.
    pub fn received(&mut self, from: Name, notice: &Notice, now: Duration) {
        match notice {
            Notice::Control(control) => self.take_echo(control, now),
            Notice::Ack(ack) => {
                let mine = ack
                    .safe
                    .iter()
                    .filter(|(group, of, _)| self.is_mine(*group, *of));
                let numbers: Vec<u64> = mine.map(|(_, _, number)| *number).collect();
                for number in numbers {
                    self.take_ack(ack.host, number, now);
                }
            }
            Notice::Need(need) => {
                for (group, of, ranges) in &need.ranges {
                    if self.is_mine(*group, *of) {
                        self.asked.take(from, ranges, &self.store);
                    }
                }
            }
            Notice::Bye(bye) => {
                self.hosts.leave(bye.host);
                self.release(now);
            }
        }
    }

    /// From now on nothing more is pushed: when all is handed over, it is said.
    pub fn leave(&mut self) {
        if self.leaving == Leaving::No {
            self.leaving = Leaving::Wanted;
        }
    }

    /// Data waits for logging hosts until `at` at the latest: a stop has not the time for more.
    pub fn settle_by(&mut self, at: Duration) {
        self.settle_by = self.settle_by.min(at);
    }

    /// How far leaving has come.
    #[must_use]
    pub fn parting(&self, now: Duration) -> Parting {
        let Leaving::Echoed(since) = self.leaving else {
            return match self.leaving {
                Leaving::Said => Parting::Unconfirmed,
                _ => Parting::Sending,
            };
        };
        let all = self.store.next_on_wire().get() - 1;
        // Those that have not been heard lately get a moment to answer the last control.
        let lately = if now.saturating_sub(since) < ANSWER_TIMEOUT {
            Duration::MAX
        } else {
            HEARD_LATELY
        };
        if self.hosts.all_have(all, self.connected_time(now), lately) {
            Parting::Done
        } else {
            Parting::Unacknowledged
        }
    }

    /// The logging hosts that are known and have not acknowledged everything a daemon was given:
    /// how many they are, and what is kept for them.
    #[must_use]
    pub fn owed(&self, now: Duration) -> Option<(usize, Tally)> {
        let all = self.store.next_on_wire().get() - 1;
        let (count, safe) = self.hosts.behind(all, self.connected_time(now))?;
        Some((count, self.store.above(safe)))
    }

    /// Whether a logging host that was heard lately has not acknowledged everything.
    #[must_use]
    pub fn is_awaited(&self, now: Duration) -> bool {
        let all = self.store.next_on_wire().get() - 1;
        !self
            .hosts
            .all_have(all, self.connected_time(now), HEARD_LATELY)
    }

    /// Whether the connection is open and dead: a control has not come back.
    #[must_use]
    pub fn is_dead(&self, now: Duration) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.is_dead(now))
    }

    /// Whether data may go on this connection: a logging host has answered, or had its time.
    #[must_use]
    pub fn is_settled(&self, now: Duration) -> bool {
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.is_settled(now, self.settle_by))
    }

    /// When a logging host has last acknowledged something.
    #[must_use]
    pub const fn acknowledged(&self) -> Option<Duration> {
        self.acknowledged
    }

    /// The logging hosts that are waited for.
    #[must_use]
    pub fn hosts(&self, now: Duration) -> usize {
        self.hosts.known(self.connected_time(now)).count()
    }

    /// The messages and the books.
    #[must_use]
    pub const fn store(&self) -> &Store<B> {
        &self.store
    }

    fn is_mine(&self, group: StreamGroup, instance: Instance) -> bool {
        (group, instance) == (self.group, self.identity.instance)
    }

    fn take_echo(&mut self, control: &Control, now: Duration) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        if !(control.group == self.group && control.instance == self.identity.instance) {
            return;
        }
        connection.echoed();
        if control.leaving && self.leaving == Leaving::Said {
            self.leaving = Leaving::Echoed(now);
        }
    }

    fn take_ack(&mut self, host: HostId, number: u64, now: Duration) {
        // Nobody can have what was never on its way.
        let number = number.min(self.store.next_on_wire().get() - 1);
        let connected = self.connected_time(now);
        if self.hosts.acknowledge(host, number, connected) {
            self.acknowledged = Some(now);
            if let Some(connection) = &mut self.connection {
                connection.answered();
            }
            self.release(now);
        }
    }

    fn release(&mut self, now: Duration) {
        if let Some(number) = self.hosts.everywhere(self.connected_time(now)) {
            self.store.release(number);
        }
    }

    /// The time for which there was a connection: hosts cannot be heard without one.
    fn connected_time(&self, now: Duration) -> Duration {
        let age = |connection: &Connection| connection.age(now);
        self.hosts.connected() + self.connection.as_ref().map_or(Duration::ZERO, age)
    }

    fn control_due(&mut self, now: Duration) -> Option<Next<B>> {
        let told = Told {
            next: self.store.next_on_wire(),
            lost: self.store.books().lost.lines + self.before.queue_full,
        };
        let may_leave = self.leaving == Leaving::Wanted && self.store.peek().is_none();
        let connection = self.connection.as_mut()?;
        if !(may_leave || connection.control_is_due(self.told, told, now)) {
            return None;
        }
        connection.tells(now);
        self.told = Some(told);
        if may_leave {
            self.leaving = Leaving::Said;
        }
        let control = Next::Control(self.control_now());
        Some(self.queue(false, control))
    }

    /// Whether every control from now on says so.
    const fn has_said_it_leaves(&self) -> bool {
        matches!(self.leaving, Leaving::Said | Leaving::Echoed(_))
    }

    fn control(&self, leaving: bool) -> Vec<u8> {
        let identity = &self.identity;
        let on_wire = self.store.on_wire();
        Notice::Control(Control {
            instance: identity.instance,
            boot: identity.boot,
            host: identity.host.clone(),
            program: identity.program.clone(),
            pid: identity.pid,
            group: self.group,
            next: self.store.next_on_wire(),
            retained: self.store.retained(),
            lines: on_wire.lines,
            bytes: on_wire.bytes,
            lost: LostLines {
                queue_full: self.before.queue_full,
                buffer_full: self.store.books().lost.lines,
            },
            cut: self.before.cut,
            leaving,
        })
        .write()
    }

    fn queue(&mut self, is_data: bool, next: Next<B>) -> Next<B> {
        if let Some(connection) = &mut self.connection {
            connection.queue(is_data);
        }
        next
    }
}

/// Hosts heard so lately are waited for at the end, as long as the caller waits.
const HEARD_LATELY: Duration = Duration::from_secs(5);

/// 2 s: a host answers a control within milliseconds, unless it is gone or far behind.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
