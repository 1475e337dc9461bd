//! What becomes of a delivery: it is taken once, routed and queued for the writer, or counted.
//!
//! Messages of numbered streams pass through a [`Receiver`], which knows which are new, what is
//! missing and who is to be told; what it decides is carried out here and in the subscriber. All
//! others are taken as they come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spread::stream::{
    self, HostId, KeptStream, Key, News, Notice, Number, Receiver, StreamGroup, Taken,
    announcements,
};
use spread::{Delivery, GroupName, Message, Name, Refused, Reject};
use tracing::{debug, info, warn};

use crate::counters::{Counters, SessionCounters};
use crate::journal::seconds;
use crate::ledger::{Event, Ledger, Source, reason};
use crate::queue::{Full, Queue};
use crate::router::Router;
use crate::sink::{Lines, Origin};
use crate::small::Small;
use crate::writer::Settled;

/// The way from one session to the writer.
#[derive(Debug)]
pub(crate) struct Intake {
    /// The index of the Spread block in the ledger.
    block: u16,
    router: Router,
    /// Where publishers tell of the streams to our groups.
    controls: HashSet<Name>,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    session: Arc<SessionCounters>,
    receiver: Receiver<Arrived>,
    taken: Vec<Taken<Arrived>>,
    small: Small,
    /// Which Logs take lines alone, so that small messages for them may be gathered.
    gathers: Arc<[bool]>,
    began: Instant,
    overflow: Option<Overflow>,
    /// Groups that were announced and are to be joined.
    announced: Vec<GroupName>,
    /// When the ledger was last given what a publisher says of itself, by stream.
    told: HashMap<Key, Told>,
}

/// A message of a stream.
#[derive(Debug)]
struct Arrived {
    body: Bytes,
    sender: Name,
    logs: Arc<[usize]>,
}

/// What the ledger knows of what a publisher says.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: u64,
    lost: u64,
}

/// The time since the queue was full, until it is half empty again.
#[derive(Debug)]
struct Overflow {
    lines_lost: u64,
}

/// Where an [`Intake`] belongs: its Spread block.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its index in the ledger.
    pub(crate) block: u16,
    pub(crate) host: HostId,
    pub(crate) router: Router,
    pub(crate) session: Arc<SessionCounters>,
    /// Which Logs take lines alone.
    pub(crate) gathers: Arc<[bool]>,
}

impl Intake {
    /// Goes on where `ledger` says.
    pub(crate) fn new(
        place: Place,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
        ledger: &Ledger,
    ) -> Self {
        let mut receiver = Receiver::new(place.host);
        let accounts = ledger.accounts.iter();
        for (source, account) in accounts.filter(|(source, _)| source.block == place.block) {
            if let Some(key) = source.key().filter(|_| account.base > 0) {
                let kept = KeptStream {
                    base: account.base,
                    known_to: account.known_to(),
                    safe: account.safe.clone(),
                    lost: account.lost.clone(),
                };
                receiver.restore(key, kept, Duration::ZERO);
            }
        }
        let mut router = place.router;
        // What was announced before is known to be there.
        for source in ledger.accounts.keys() {
            if source.block == place.block && source.instance.is_some() {
                router.announce(source.group);
            }
        }
        let controls = router.groups().filter_map(control_of);
        Self {
            block: place.block,
            controls: controls.map(Name::from).collect(),
            router,
            session: place.session,
            queue,
            counters,
            receiver,
            taken: Vec::new(),
            small: Small::default(),
            gathers: place.gathers,
            began: Instant::now(),
            overflow: None,
            announced: Vec::new(),
            told: HashMap::new(),
        }
    }

    pub(crate) const fn router(&self) -> &Router {
        &self.router
    }

    /// The groups to join, in this order: what publishers tell of a stream before the stream.
    pub(crate) fn groups(&self) -> Vec<GroupName> {
        let all = self.router.has_default().then(announcements);
        let all = all.and_then(|all| GroupName::try_from(all).ok());
        let controls = self.router.groups().filter_map(control_of);
        all.into_iter()
            .chain(controls)
            .chain(self.router.groups())
            .collect()
    }

    /// The groups that were announced since the last call, to be joined in this order.
    pub(crate) fn take_announced(&mut self) -> Vec<GroupName> {
        let groups = std::mem::take(&mut self.announced);
        let with_control = |group| control_of(group).into_iter().chain([group]);
        groups.into_iter().flat_map(with_control).collect()
    }

    /// Takes a delivery in; the type of our own message to `own`, our private group, if it is one.
    pub(crate) fn receive(&mut self, delivery: Delivery, own: Name) -> Option<i16> {
        let message = match delivery {
            Delivery::Message(message) => message,
            Delivery::Reject(reject) => {
                tell_of(&reject);
                return None;
            }
            // Memberships and transitions come only to sessions that asked for them; a daemon that
            // sends them nevertheless does no harm.
            Delivery::Membership(_) | Delivery::Transition { .. } | Delivery::SelfLeave { .. } => {
                return None;
            }
        };
        if message.sender == own && message.groups == [own] {
            return Some(message.mess_type);
        }
        self.take(&message, own);
        None
    }

    /// The writer has settled these.
    pub(crate) fn settle(&mut self, settled: &[Settled]) {
        let now = self.now();
        for message in settled {
            if message.is_written {
                self.receiver.safe(message.key, message.number, now);
            } else {
                self.receiver.dropped(message.key, message.number, now);
            }
        }
    }

    /// What is to be said now, and to whom; to be called until it has nothing.
    pub(crate) fn letter(&mut self) -> Option<(Name, Notice)> {
        let now = self.now();
        let letter = self.receiver.poll(now, &mut self.taken);
        self.pass_on();
        letter
    }

    /// It is time to stop: nothing is held back any more.
    pub(crate) fn hurry(&mut self) {
        let now = self.now();
        self.receiver.hurry(now, &mut self.taken);
        self.pass_on();
    }

    /// What publishers are told of all that has been written, before the session ends.
    pub(crate) fn last_acks(&mut self) -> Vec<(Name, Notice)> {
        let now = self.now();
        self.receiver.last_acks(now)
    }

    /// When there may be something to be said.
    pub(crate) fn deadline(&self) -> Option<tokio::time::Instant> {
        let at = self.began + self.receiver.deadline()?;
        Some(at.into())
    }

    /// What it says when it goes for good, to all publishers that it knows to be there.
    pub(crate) fn farewell(&self) -> Vec<(Name, Notice)> {
        self.receiver.farewell().collect()
    }

    /// Counts what is missing.
    pub(crate) fn publish(&self) {
        let (mut streams, mut missing) = (0, 0);
        for (_, stream) in self.receiver.streams() {
            streams += 1;
            missing += stream.missing_count();
        }
        self.session.set_streams(streams, missing);
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn take(&mut self, message: &Message, own: Name) {
        if let Some((instance, group, number)) = stream::repaired(message, own) {
            self.session.repaired.add(1);
            self.take_numbered(Key { instance, group }, number, message);
            return;
        }
        if let Some((instance, number)) = stream::numbered(message)
            && let Some(group) = message.groups.first()
            && let Ok(group) = GroupName::try_from(*group)
            && let Ok(group) = StreamGroup::try_from(group)
        {
            self.take_numbered(Key { instance, group }, number, message);
            return;
        }
        if self.is_of_control(message, own) {
            self.take_control(message);
            return;
        }
        self.take_plain(message);
    }

    fn take_numbered(&mut self, key: Key, number: Number, message: &Message) {
        let Some(logs) = self.router.logs(key.group.name().into()) else {
            self.counters.unrouted.add(1);
            return;
        };
        if !self.queue.takes_notes() {
            // As if it had not come: it is asked for when that is known.
            self.overflow(0);
            return;
        }
        // A copy: the body is a part of the receive buffer, and the lines of a quiet group would
        // keep 64 KiB each from being freed while they wait.
        let body = Bytes::copy_from_slice(&message.body);
        let cost = body.len();
        let arrived = (
            Arrived {
                body,
                sender: message.sender,
                logs,
            },
            cost,
        );
        let (sender, now) = (message.sender, self.now());
        self.receiver
            .data((key, number), sender, arrived, now, &mut self.taken);
        self.pass_on();
    }

    /// Whether it is addressed as what publishers tell of their streams is.
    fn is_of_control(&self, message: &Message, own: Name) -> bool {
        let first = message.groups.first();
        message.groups == [own]
            || first.is_some_and(|first| self.controls.contains(first))
            || self.router.has_default() && message.groups.contains(&announcements())
    }

    fn take_control(&mut self, message: &Message) {
        let control = match Notice::parse(&message.body) {
            Ok(Notice::Control(control)) => control,
            // Acks and questions are for publishers.
            Ok(_) => return,
            Err(error) => {
                self.session.refused_notices.add(1);
                debug!("{} says what is none: {error}", message.sender);
                return;
            }
        };
        let is_its = stream::Instance::of_sender(message.sender) == Some(control.instance);
        if is_its && self.router.announce(control.group.name()) {
            info!(
                "group {} is announced: its lines are written too",
                control.group.name()
            );
            self.controls.insert(control.group.control());
            self.announced.push(control.group.name());
        }
        if !is_its || self.router.logs(control.group.name().into()).is_none() {
            self.session.refused_notices.add(1);
            debug!("{} speaks for a stream that is not its own", message.sender);
            return;
        }
        if !self.queue.takes_notes() {
            // It says so again.
            return;
        }
        let now = self.now();
        self.receiver
            .control(&control, message.sender, now, &mut self.taken);
        self.pass_on();
        self.tell_ledger(&control);
    }

    /// The ledger keeps what a publisher says for its books, not with every control.
    fn tell_ledger(&mut self, control: &stream::Control) {
        let key = Key {
            instance: control.instance,
            group: control.group,
        };
        let told = Told {
            at: seconds(),
            lost: control.lost.queue_full + control.lost.buffer_full,
        };
        let before = self.told.get(&key);
        let is_news = before.is_none_or(|before| {
            control.leaving || before.lost != told.lost || told.at >= before.at + TELL_LEDGER_EVERY
        });
        if is_news {
            self.told.insert(key, told);
            self.queue.note(Event::Heard {
                source: Source::of_stream(self.block, key),
                control: Notice::Control(control.clone()).write(),
            });
        }
    }

    fn take_plain(&mut self, message: &Message) {
        let Some(group) = self.router.first(&message.groups) else {
            self.counters.unrouted.add(1);
            return;
        };
        let origin = Origin {
            source: Source {
                block: self.block,
                instance: None,
                group,
            },
            number: 0,
            files: 1,
            whole: None,
        };
        let mut lines = Lines::new(message.body.clone(), message.sender, origin);
        let amount = (lines.count, lines.body.len());
        let Some(logs) = self.router.route(&message.groups, amount, false) else {
            return;
        };
        if lines.count == 0 {
            return;
        }
        let gathers = |log: &usize| self.gathers.get(*log) == Some(&true);
        if Small::may_be(&lines) && logs.iter().all(gathers) {
            if !self.small.belongs(&lines, &logs) {
                self.hand_on();
            }
            self.small.add(&lines, &logs);
        } else {
            self.hand_on();
            // A copy, as above.
            lines.body = Bytes::copy_from_slice(&lines.body);
            self.hand_over(lines, &logs);
        }
    }

    /// What was gathered goes to the writer. To be called when all that was read together is taken
    /// in, and before what came behind goes there.
    pub(crate) fn hand_on(&mut self) {
        if let Some((lines, logs)) = self.small.take() {
            self.hand_over(lines, &logs);
        }
    }

    fn hand_over(&mut self, lines: Lines, logs: &Arc<[usize]>) {
        let count = lines.count;
        match self.queue.push(lines, Arc::clone(logs)) {
            Ok(()) => self.recover(),
            Err(Full) => self.lose(count, logs),
        }
    }

    /// Hands what is new to the writer, behind what the ledger must know before.
    fn pass_on(&mut self) {
        self.pass_news_on();
        if !self.taken.is_empty() {
            self.hand_on();
        }
        for message in std::mem::take(&mut self.taken) {
            let Taken {
                key,
                number,
                payload: Arrived { body, sender, logs },
            } = message;
            let source = Source::of_stream(self.block, key);
            let origin = Origin {
                source,
                number: number.get(),
                files: 1,
                whole: None,
            };
            let lines = Lines::new(body, sender, origin);
            let amount = (lines.count, lines.body.len());
            self.router.route(&[source.name()], amount, true);
            if lines.count == 0 {
                self.queue.note(Event::LeftOut {
                    source,
                    number: number.get(),
                    lines: 0,
                    len: 0,
                });
                let now = self.now();
                self.receiver.safe(key, number, now);
                continue;
            }
            let count = lines.count;
            match self.queue.push(lines, Arc::clone(&logs)) {
                Ok(()) => self.recover(),
                Err(Full) => self.put_back(key, number, count, &logs),
            }
        }
    }

    fn pass_news_on(&mut self) {
        let block = self.block;
        for news in self.receiver.news() {
            let event = match news {
                News::Begun(key, base) => Event::Begun {
                    source: Source::of_stream(block, key),
                    base,
                },
                News::Missing(key, range) => {
                    self.session.missing.add(range.end() - range.start() + 1);
                    Event::Missing {
                        source: Source::of_stream(block, key),
                        range,
                    }
                }
                News::Lost(key, range, cause) => {
                    let count = (range.end() - range.start()).saturating_add(1);
                    self.session.lost.add(count);
                    warn!(
                        "{count} messages of {} to {} are lost: {}",
                        key.instance,
                        key.group,
                        reason(cause)
                    );
                    Event::Lost {
                        source: Source::of_stream(block, key),
                        range,
                        cause,
                    }
                }
                News::Forgotten(key) => {
                    self.told.remove(&key);
                    self.session.forgotten.add(1);
                    Event::Forgotten {
                        source: Source::of_stream(block, key),
                    }
                }
            };
            self.queue.note(event);
        }
    }

    /// There is no room for a message that its publisher still has.
    fn put_back(&mut self, key: Key, number: Number, lines: u64, logs: &[usize]) {
        for file in self.counters.of_logs(logs) {
            file.lines_returned.add(lines);
        }
        self.overflow(0);
        let now = self.now();
        self.receiver.dropped(key, number, now);
    }

    fn lose(&mut self, lines: u64, logs: &[usize]) {
        for file in self.counters.of_logs(logs) {
            file.lines_lost.add(lines);
        }
        self.overflow(lines);
    }

    fn overflow(&mut self, lines: u64) {
        let overflow = self.overflow.get_or_insert_with(|| {
            warn!(
                "{} MiB of lines wait to be written and more come: what does not fit is asked \
                 for again later, or lost and counted if its sender does not number it",
                self.queue.room().max() >> 20
            );
            Overflow { lines_lost: 0 }
        });
        overflow.lines_lost += lines;
    }

    /// Not at the first message that fits: at the edge every other one may.
    fn recover(&mut self) {
        if let Some(overflow) = self.overflow.take_if(|_| self.queue.room().is_half_free()) {
            info!(
                "there is room for lines again; {} were lost",
                overflow.lines_lost
            );
        }
    }
}

/// The group beside a group; one with too long a name has none.
fn control_of(group: GroupName) -> Option<GroupName> {
    let group = StreamGroup::try_from(group).ok()?;
    GroupName::try_from(group.control()).ok()
}

/// Nothing will come of the group, and it looks like one without publishers.
fn tell_of(reject: &Reject) {
    // The last is the address of this session itself.
    let group = reject.groups.first().unwrap_or(&Name::EMPTY);
    match reject.refused {
        Refused::Join => warn!(
            "the Spread daemon refuses to let this session join {group}: see its access control"
        ),
        _ => warn!("the Spread daemon refuses what is sent to {group}: see its access control"),
    }
}

/// A minute: the ledger is for books, and what changes in between is in its numbers.
const TELL_LEDGER_EVERY: u64 = 60;
