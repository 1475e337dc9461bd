//! What becomes of a delivery: it is taken once, routed and queued for the writer, or counted.
//!
//! Messages of numbered streams pass through a [`Receiver`], which knows which are new, what is
//! missing and who is to be told; what it decides is carried out in `streams` and in the
//! subscriber. All others are taken as they come.

mod streams;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spread::stream::{self, HostId, KeptStream, Key, Receiver, StreamGroup, Taken, announcements};
use spread::{Delivery, GroupName, Message, Name, Refused, Reject};
use tracing::{info, warn};

use crate::counters::{Counters, SessionCounters};
use crate::ledger::{Ledger, Source};
use crate::queue::{Full, Queue};
use crate::router::Router;
use crate::sink::{Lines, Origin};
use crate::small::Small;
use streams::{Arrived, Told};

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
