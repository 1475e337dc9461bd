//! A publisher of a numbered stream, as the contract has it, under the test's control: it can fail
//! to hand messages to the daemon, and is asked for them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spread::client::{ConnectOptions, Outgoing, Session, connect};
use spread::stream::{
    Identity, Instance, Next, Notice, Number, Parting, Sender, StreamGroup, announcements,
};
use spread::{Address, Delivery, GroupName, Name, Service};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::{DEADLINE, TestHub, runtime};

/// One run of a publisher to the group `g`.
#[derive(Debug)]
pub(crate) struct Numbered {
    runtime: Runtime,
    session: Session,
    sender: Sender<Bytes>,
    group: StreamGroup,
    began: Instant,
    /// Numbers that the daemon loses when they are sent for the first time.
    lost: BTreeSet<u64>,
    /// How often each message is sent.
    times: usize,
}

impl Numbered {
    pub(crate) fn connect(hub: &TestHub, instance: u8) -> Self {
        Self::connect_to(hub, instance, "g")
    }

    /// One to another group than g.
    pub(crate) fn connect_to(hub: &TestHub, instance: u8, group: &str) -> Self {
        let group = StreamGroup::try_from(GroupName::new(group).unwrap()).unwrap();
        let instance = Instance::from_random([instance; 8]);
        let address: Address = hub.address().parse().unwrap();
        let options = ConnectOptions {
            queue_bytes_max: 64 << 20,
            name: Some(instance.private_name(0)),
            ..ConnectOptions::default()
        };
        let runtime = runtime();
        let session = runtime.block_on(connect(&address, &options)).unwrap();
        let identity = Identity {
            instance,
            boot: 1,
            host: "web".into(),
            program: "test".into(),
            pid: 1,
        };
        let mut sender = Sender::new(identity, group, 64 << 20);
        sender.connected(Duration::ZERO);
        Self {
            runtime,
            session,
            sender,
            group,
            began: Instant::now(),
            lost: BTreeSet::new(),
            times: 1,
        }
    }

    /// The daemon will lose these numbers when they are sent for the first time.
    pub(crate) fn lose(&mut self, numbers: impl IntoIterator<Item = u64>) {
        self.lost.extend(numbers);
    }

    /// Each message is sent so often at a time.
    pub(crate) fn repeat(&mut self, times: usize) {
        self.times = times;
    }

    /// Seals a message.
    pub(crate) fn push(&mut self, body: impl Into<Bytes>) -> u64 {
        let body = body.into();
        let len = body.len();
        let lines = body.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.sender.push(body, len, lines).get()
    }

    /// Sends and answers until every known logging host has everything.
    pub(crate) fn run_until_all_is_safe(&mut self) {
        Self::run_until_all_of_all_is_safe(std::slice::from_mut(self));
    }

    /// The same for several at a time.
    pub(crate) fn run_until_all_of_all_is_safe(all: &mut [Self]) {
        let deadline = Instant::now() + DEADLINE;
        while !all.iter().all(Self::is_safe) {
            all.iter_mut().for_each(Self::step);
            assert!(Instant::now() < deadline, "{all:#?}");
        }
    }

    fn is_safe(&self) -> bool {
        let store = self.sender.store();
        store.peek().is_none() && store.retained() == store.next_on_wire()
    }

    /// Sends until the daemon has everything, whoever else has it.
    pub(crate) fn run_until_all_is_sent(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while self.sender.store().peek().is_some() {
            self.step();
            assert!(Instant::now() < deadline, "{:#?}", self.sender);
        }
    }

    /// Takes its leave, when everything is safe.
    pub(crate) fn leave(mut self) {
        self.sender.leave();
        let deadline = Instant::now() + DEADLINE;
        while self.sender.parting(self.began.elapsed()) != Parting::Done {
            self.step();
            assert!(Instant::now() < deadline, "{:#?}", self.sender);
        }
    }

    /// Sends what is due and takes what has come.
    pub(crate) fn step(&mut self) {
        let now = self.began.elapsed();
        let mut sent = 0;
        while let Some(next) = self.sender.next(now, |_| true) {
            self.transmit(next);
            sent += 1;
        }
        let Session {
            sender, receiver, ..
        } = &mut self.session;
        let (ours, began) = (&mut self.sender, self.began);
        self.runtime.block_on(async {
            sender.flush().await.unwrap();
            ours.written(sent, began.elapsed());
            while let Ok(delivery) = timeout(PATIENCE, receiver.recv()).await {
                if let Delivery::Message(message) = delivery.unwrap()
                    && let Ok(notice) = Notice::parse(&message.body)
                {
                    ours.received(message.sender, &notice, began.elapsed());
                }
            }
        });
    }

    fn transmit(&mut self, next: Next<Bytes>) {
        let own = Name::from(self.session.private_group());
        let group = self.group;
        let (groups, service, body): (Vec<Name>, _, Bytes) = match next {
            Next::Control(body) => (
                vec![group.control(), announcements(), own],
                Service::Agreed,
                body.into(),
            ),
            Next::Answer(to, body) => (vec![to], Service::Fifo, body.into()),
            Next::Data(number, body) => {
                if self.lost.remove(&number.get()) {
                    return;
                }
                (
                    vec![group.name().into(), number.name()],
                    Service::Agreed,
                    body,
                )
            }
            Next::Repair(to, number, body) => {
                let groups = vec![to, group.repair_name(), Number::name(number)];
                (groups, Service::Agreed, body)
            }
        };
        let outgoing = Outgoing {
            service,
            self_discard: false,
            groups: &groups,
            mess_type: 0,
            body,
        };
        for _ in 0..self.times {
            self.session.sender.multicast(&outgoing).unwrap();
        }
    }
}

/// How long nothing has to come before it is looked what is due.
const PATIENCE: Duration = Duration::from_millis(5);
