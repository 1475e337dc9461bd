//! Publishers and logging hosts against each other, over a Spread made of queues, in virtual time.
//!
//! The schedule breaks what can break: connections, daemons, hosts, disks, the network between
//! daemons, the publisher's store, the publisher itself. At the end everything is healed and left
//! alone for a while; then each host must have each line exactly once, or it must be counted as
//! lost, or, of a publisher that died with its store, be known as missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::name::{GroupName, Name, PrivateGroup};

const TICK: Duration = Duration::from_millis(50);

/// What travels: everything a connection was given, as the daemon delivers it.
#[derive(Clone, Debug)]
enum Delivery {
    Data(Key, Number, u64),
    Notice(Notice),
}

#[derive(Debug)]
struct Publisher {
    sender: Sender<u64>,
    key: Key,
    own: Name,
    connections: u8,
    /// Given to the connection, not yet taken by the daemon.
    queue: VecDeque<(Option<usize>, Delivery)>,
    up: bool,
    back_at: Duration,
    /// Sealed: the line in each message is its serial number.
    pushed: u64,
    /// It has died and left nothing: nobody has what it had not delivered.
    is_gone: bool,
    /// It goes on with what somebody else has left, and ends when that is delivered.
    is_heir: bool,
}

#[derive(Debug)]
struct Host {
    id: HostId,
    receiver: Receiver<u64>,
    own: Name,
    /// Whether the daemon delivers to it.
    is_member: bool,
    is_cut_off: bool,
    disk_is_full: bool,
    /// Delivered, not yet read.
    inbox: VecDeque<(Name, Delivery)>,
    /// Taken, not yet in the file.
    writing: Vec<Taken<u64>>,
    written: BTreeMap<Key, Vec<u64>>,
    lost: BTreeMap<Key, BTreeSet<u64>>,
    begun: BTreeMap<Key, u64>,
    /// Up to where controls have said that there are messages.
    told: BTreeMap<Key, u64>,
}

#[derive(Debug)]
struct World {
    now: Duration,
    publishers: Vec<Publisher>,
    hosts: Vec<Host>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Everything in flight is lost, every session ends.
    DaemonDies,
    PublisherCutOff(usize, u32),
    HostOut(usize),
    HostBack(usize),
    NetworkCut(usize),
    NetworkHeals(usize),
    HostDies(usize),
    DiskFull(usize),
    DiskFree(usize),
    /// Its process ends without a word; a spool is all that may be left.
    PublisherDies(usize, Spool),
}

/// Whether a publisher keeps its messages in files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spool {
    Kept,
    None,
}

fn name(text: &str) -> Name {
    PrivateGroup::new(text).unwrap().into()
}

fn group() -> StreamGroup {
    StreamGroup::try_from(GroupName::new("access_log").unwrap()).unwrap()
}

fn identity(instance: Instance) -> Identity {
    Identity {
        instance,
        boot: 1,
        host: "web".into(),
        program: "test".into(),
        pid: 1,
    }
}

impl World {
    fn new(publishers: u8, hosts: u64, bytes_max: usize) -> Self {
        let publisher = |n: u8| {
            let instance = Instance::from_random([n; 8]);
            Publisher {
                sender: Sender::new(identity(instance), group(), bytes_max),
                key: Key {
                    instance,
                    group: group(),
                },
                own: Name::EMPTY,
                connections: 0,
                queue: VecDeque::new(),
                up: false,
                back_at: Duration::ZERO,
                pushed: 0,
                is_gone: false,
                is_heir: false,
            }
        };
        let host = |n: u64| Host {
            id: HostId(n),
            receiver: Receiver::new(HostId(n)),
            own: name(&format!("#host{n}#d")),
            is_member: true,
            is_cut_off: false,
            disk_is_full: false,
            inbox: VecDeque::new(),
            writing: Vec::new(),
            written: BTreeMap::new(),
            lost: BTreeMap::new(),
            begun: BTreeMap::new(),
            told: BTreeMap::new(),
        };
        Self {
            now: Duration::ZERO,
            publishers: (0..publishers).map(publisher).collect(),
            hosts: (0..hosts).map(host).collect(),
        }
    }

    fn fault(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::DaemonDies => {
                for publisher in &mut self.publishers {
                    publisher.disconnect(now, now + TICK * 20);
                }
                for host in &mut self.hosts {
                    host.inbox.clear();
                }
            }
            Fault::PublisherCutOff(n, ticks) => {
                if let Some(publisher) = self.publishers.get_mut(n) {
                    publisher.disconnect(now, now + TICK * ticks);
                }
            }
            Fault::HostOut(n) => self.host(n, |host| {
                host.is_member = false;
                host.inbox.clear();
            }),
            Fault::HostBack(n) => self.host(n, |host| host.is_member = true),
            Fault::NetworkCut(n) => self.host(n, |host| host.is_cut_off = true),
            Fault::NetworkHeals(n) => self.host(n, |host| host.is_cut_off = false),
            Fault::HostDies(n) => self.host(n, |host| host.die(now)),
            Fault::DiskFull(n) => self.host(n, |host| host.disk_is_full = true),
            Fault::DiskFree(n) => self.host(n, |host| host.disk_is_full = false),
            Fault::PublisherDies(n, spool) => {
                if let Some(publisher) = self.publishers.get_mut(n) {
                    publisher.die(spool, now, now + TICK * 20);
                }
            }
        }
    }

    fn host(&mut self, n: usize, change: impl FnOnce(&mut Host)) {
        if let Some(host) = self.hosts.get_mut(n) {
            change(host);
        }
    }

    /// One step of time: everybody does what there is to do.
    fn tick(&mut self, pushes: u64) {
        self.now += TICK;
        let now = self.now;
        let mut delivered: Vec<(Name, Option<Name>, Delivery)> = Vec::new();
        for publisher in &mut self.publishers {
            publisher.push(pushes);
            publisher.work(now, &mut delivered);
        }
        for (from, to, delivery) in delivered {
            for host in &mut self.hosts {
                let is_addressed = to.is_none_or(|to| to == host.own);
                if is_addressed && host.is_member && !host.is_cut_off {
                    host.inbox.push_back((from, delivery.clone()));
                }
            }
        }
        let mut letters = Vec::new();
        for host in &mut self.hosts {
            host.work(now, &mut letters);
        }
        for (from, to, notice) in letters {
            for publisher in &mut self.publishers {
                if publisher.up && publisher.own == to {
                    publisher.sender.received(from, &notice, now);
                }
            }
        }
    }

    /// Nothing is broken any more, and nothing more is logged.
    fn heal(&mut self) {
        for n in 0..self.hosts.len() {
            self.fault(Fault::HostBack(n));
            self.fault(Fault::NetworkHeals(n));
            self.fault(Fault::DiskFree(n));
        }
        // Long enough for the longest wait between two questions, and what follows.
        for _ in 0..(90_000 / TICK.as_millis()) {
            self.tick(0);
        }
    }
}

impl Publisher {
    /// The spool knows each message, how far the writing was, and what hosts had acknowledged: an
    /// heir under the same name goes on with that, and takes nothing new.
    fn die(&mut self, spool: Spool, now: Duration, back_at: Duration) {
        if self.is_gone {
            return;
        }
        self.disconnect(now, back_at);
        // An heir's spool is there: it has it from somebody.
        if spool == Spool::None && !self.is_heir {
            self.is_gone = true;
            return;
        }
        let store = self.sender.store();
        let books = Books {
            waiting: Tally::default(),
            ..store.books()
        };
        let mut kept = Store::resumed(usize::MAX, store.retained(), books);
        for number in store.retained().get()..store.next().get() {
            kept.restore(number, 100, 1, number < store.unwritten().get());
        }
        let hosts: Vec<_> = self.sender.known_hosts(now).collect();
        let mut heir = Sender::resumed(identity(self.key.instance), group(), kept, &hosts);
        heir.leave();
        self.sender = heir;
        self.is_heir = true;
    }

    fn push(&mut self, count: u64) {
        if self.is_gone || self.is_heir {
            return;
        }
        for _ in 0..count {
            self.pushed += 1;
            self.sender.push(self.pushed, 100, 1);
        }
    }

    fn disconnect(&mut self, now: Duration, back_at: Duration) {
        self.queue.clear();
        self.sender.disconnected(now);
        self.up = false;
        self.back_at = back_at;
    }

    fn work(&mut self, now: Duration, delivered: &mut Vec<(Name, Option<Name>, Delivery)>) {
        if self.is_gone {
            return;
        }
        if !self.up {
            if now < self.back_at {
                return;
            }
            self.up = true;
            self.connections = self.connections.wrapping_add(1);
            let private_name = self.key.instance.private_name(self.connections);
            self.own = name(&format!("#{private_name}#d"));
            self.sender.connected(now);
        }
        // The daemon takes what was given to the connection one tick before.
        let taken = self.queue.len();
        for (to, delivery) in self.queue.drain(..) {
            let to = to.map(|host| name(&format!("#host{host}#d")));
            if let Delivery::Notice(notice @ Notice::Control(_)) = &delivery
                && to.is_none()
            {
                self.sender.received(self.own, notice, now);
            }
            delivered.push((self.own, to, delivery));
        }
        self.sender.written(taken, now);
        for _ in 0..20 {
            let Some(next) = self.sender.next(now, |_| true) else {
                break;
            };
            let host_of = |name: Name| {
                let text = String::from_utf8(name.as_bytes().to_vec()).unwrap();
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                digits.parse().unwrap()
            };
            self.queue.push_back(match next {
                Next::Control(body) => (None, Delivery::Notice(Notice::parse(&body).unwrap())),
                Next::Answer(to, body) => {
                    let notice = Notice::parse(&body).unwrap();
                    (Some(host_of(to)), Delivery::Notice(notice))
                }
                Next::Data(number, line) => (None, Delivery::Data(self.key, number, line)),
                Next::Repair(to, number, line) => {
                    (Some(host_of(to)), Delivery::Data(self.key, number, line))
                }
            });
        }
        let is_delivered = self.sender.parting(now) == Parting::Done
            && self.sender.hosts(now) > 0
            && self.sender.store().bytes() == 0;
        if self.is_heir && is_delivered {
            self.disconnect(now, now);
            self.is_gone = true;
        }
    }
}

impl Host {
    /// What was not safe is gone; what was is in the ledger, and so is what controls have said.
    fn die(&mut self, now: Duration) {
        self.inbox.clear();
        self.writing.clear();
        let mut receiver = Receiver::new(self.id);
        for (key, stream) in self.receiver.streams() {
            let kept = KeptStream {
                base: stream.base(),
                known_to: self.told.get(key).copied().unwrap_or_default(),
                safe: stream.safe().clone(),
                lost: stream.lost().clone(),
            };
            receiver.restore(*key, kept, now);
        }
        self.receiver = receiver;
    }

    fn work(&mut self, now: Duration, letters: &mut Vec<(Name, Name, Notice)>) {
        let mut taken = Vec::new();
        for (from, delivery) in self.inbox.drain(..) {
            match delivery {
                Delivery::Data(key, number, line) => {
                    let payload = (line, 100);
                    self.receiver
                        .data((key, number), from, payload, now, &mut taken);
                }
                Delivery::Notice(Notice::Control(control)) => {
                    let key = Key {
                        instance: control.instance,
                        group: control.group,
                    };
                    let told = self.told.entry(key).or_default();
                    *told = (*told).max(control.next.get() - 1);
                    self.receiver.control(&control, from, now, &mut taken);
                }
                Delivery::Notice(_) => {}
            }
        }
        // What was taken a tick ago is written now: a death between the two loses it.
        for message in std::mem::take(&mut self.writing) {
            if self.disk_is_full {
                self.receiver.dropped(message.key, message.number, now);
            } else {
                let file = self.written.entry(message.key).or_default();
                file.push(message.payload);
                self.receiver.safe(message.key, message.number, now);
            }
        }
        while let Some((to, notice)) = self.receiver.poll(now, &mut taken) {
            if self.is_member && !self.is_cut_off {
                letters.push((self.own, to, notice));
            }
        }
        self.writing.extend(taken);
        for news in self.receiver.news() {
            match news {
                News::Begun(key, base) => {
                    self.begun.insert(key, base);
                }
                News::Lost(key, range, _) => self.lost.entry(key).or_default().extend(range),
                News::Missing(..) | News::Forgotten(_) => {}
            }
        }
    }
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let host = 0..2_usize;
    prop_oneof![
        Just(Fault::DaemonDies),
        (0..3_usize, 1..400_u32).prop_map(|(n, ticks)| Fault::PublisherCutOff(n, ticks)),
        host.clone().prop_map(Fault::HostOut),
        host.clone().prop_map(Fault::HostBack),
        host.clone().prop_map(Fault::NetworkCut),
        host.clone().prop_map(Fault::NetworkHeals),
        host.clone().prop_map(Fault::HostDies),
        host.clone().prop_map(Fault::DiskFull),
        host.prop_map(Fault::DiskFree),
    ]
}

/// What each host must have, of each publisher.
fn check(world: &World, all_is_kept: bool) -> Result<(), TestCaseError> {
    for publisher in &world.publishers {
        if publisher.is_gone && !publisher.is_heir {
            for host in &world.hosts {
                check_the_dead(host, publisher)?;
            }
            continue;
        }
        let books = publisher.sender.store().books();
        prop_assert_eq!(books.waiting.messages, 0);
        prop_assert_eq!(
            books.written.messages + books.lost.messages,
            publisher.pushed
        );
        for host in &world.hosts {
            let key = &publisher.key;
            let written = host.written.get(key).cloned().unwrap_or_default();
            let set: BTreeSet<u64> = written.iter().copied().collect();
            prop_assert_eq!(set.len(), written.len(), "once");
            let lost = host.lost.get(key).cloned().unwrap_or_default();
            prop_assert!(set.is_disjoint(&lost), "lost and yet there");
            let base = host.begun.get(key).copied().unwrap_or(publisher.pushed + 1);
            // Numbers are serials here, as every message has one line.
            for serial in base..=publisher.pushed {
                prop_assert!(
                    set.contains(&serial) || lost.contains(&serial),
                    "host {} lacks {serial} of {}",
                    host.id,
                    key.instance
                );
            }
            if all_is_kept {
                prop_assert!(lost.is_empty(), "{lost:?}");
                prop_assert_eq!(written.len() as u64 + base - 1, publisher.pushed);
                prop_assert_eq!(base, 1);
            }
        }
    }
    Ok(())
}

/// What a host must have, and know, of a publisher that has died and left nothing: what it had not
/// acknowledged may be missing, but not without its knowing, as far as it could know.
fn check_the_dead(host: &Host, publisher: &Publisher) -> Result<(), TestCaseError> {
    let key = &publisher.key;
    let written = host.written.get(key).cloned().unwrap_or_default();
    let set: BTreeSet<u64> = written.iter().copied().collect();
    prop_assert_eq!(set.len(), written.len(), "once");
    let Some((_, stream)) = host.receiver.streams().find(|(of, _)| *of == key) else {
        prop_assert!(written.is_empty(), "written, and not in the books");
        return Ok(());
    };
    let told = host.told.get(key).copied().unwrap_or_default();
    let last = written.iter().copied().max().unwrap_or_default();
    let missing: BTreeSet<u64> = stream.gaps().flatten().collect();
    for serial in stream.base()..=told.max(last) {
        let is_known =
            set.contains(&serial) || missing.contains(&serial) || stream.lost().contains(serial);
        prop_assert!(is_known, "host {} does not miss {serial}", host.id);
    }
    prop_assert!(set.is_disjoint(&missing), "missing and yet there");
    // What was acknowledged is safe for ever.
    for serial in stream.base()..=stream.safe_to() {
        prop_assert!(set.contains(&serial) || stream.lost().contains(serial));
    }
    Ok(())
}

fn any_death() -> impl Strategy<Value = Fault> {
    let spool = prop_oneof![Just(Spool::Kept), Just(Spool::None)];
    (0..3_usize, spool).prop_map(|(n, spool)| Fault::PublisherDies(n, spool))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever has a spool may die at any time: an heir delivers all that was sealed. Whoever has
    /// none takes with it what was not acknowledged, and the hosts know of each message that they
    /// miss and have heard of. Nobody else's lines suffer.
    #[test]
    fn a_publisher_that_dies_takes_nothing_with_it_unknown(
        faults in prop::collection::vec(
            (0..60_u32, prop_oneof![4 => any_fault(), 1 => any_death()]),
            0..30,
        ),
        rate in 0..4_u64,
    ) {
        let mut world = World::new(3, 2, usize::MAX);
        (0..5).for_each(|_| world.tick(1));
        for (ticks, fault) in faults {
            for _ in 0..ticks {
                world.tick(rate);
            }
            world.fault(fault);
        }
        world.tick(1);
        world.heal();

        check(&world, true)?;
    }

    /// With a store that holds everything nothing is lost, whatever breaks.
    #[test]
    fn each_line_is_in_each_file_once(
        faults in prop::collection::vec((0..60_u32, any_fault()), 0..30),
        rate in 0..4_u64,
    ) {
        let mut world = World::new(3, 2, usize::MAX);
        // Whoever comes later begins with what is still kept: all hosts are there first.
        (0..5).for_each(|_| world.tick(1));
        for (ticks, fault) in faults {
            for _ in 0..ticks {
                world.tick(rate);
            }
            world.fault(fault);
        }
        world.tick(1);
        world.heal();

        check(&world, true)?;
    }

    /// With a store that does not, what is lost is counted: by the publisher what no daemon took,
    /// by the host what it never got.
    #[test]
    fn a_loss_is_counted(
        faults in prop::collection::vec((0..60_u32, any_fault()), 0..30),
        rate in 0..4_u64,
        messages in 1..100_usize,
    ) {
        let mut world = World::new(3, 2, messages * 212);
        for (ticks, fault) in faults {
            for _ in 0..ticks {
                world.tick(rate);
            }
            world.fault(fault);
        }
        world.tick(1);
        world.heal();

        check(&world, false)?;
    }
}
