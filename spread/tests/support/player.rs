//! Plays scripts against a server, and tells what every session saw: two servers are alike when
//! the same scripts come out the same.
//!
//! Two seats' requests would reach a server in an order of their own, so one step is taken at a
//! time: after each, the seat sends a note to the *witness*, a session that reads always and is in
//! some of the groups, and the next step waits until the witness has it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use spread::client::{self, ConnectError, ConnectOptions, Outgoing, Session};
use spread::{
    Address, Delivery, GroupName, Membership, Message, Name, PrivateGroup, PrivateName, Service,
};

use super::script::{Act, Ask, SEATS, Step, Target};

/// Messages of one flood: enough to fill every socket's buffers several times over.
const FLOOD: usize = 150;
/// Bytes of each message of a flood: several fragments of a daemon.
const FLOOD_BODY_LEN: usize = 8_000;
/// Much longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a seat, or the witness, saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    /// A delivery, with every session called by its seat and every group id by its index.
    Delivered(Delivery),
    /// A connection was refused with this code.
    Refused(String),
    /// The session was ended by the daemon after it was asked to.
    Ended,
}

/// Plays scripts against one server.
#[derive(Debug)]
pub(crate) struct Player {
    address: Address,
    /// Tells the names of one script from those of another on the same server.
    script: Cell<usize>,
}

impl Player {
    /// For the server at `address`, which must have no sessions but this player's.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            script: Cell::new(0),
        }
    }

    /// Plays one script; what each seat saw, and last what the witness saw.
    pub(crate) async fn play(&self, script: &[Step]) -> Vec<Vec<Seen>> {
        self.script.update(|script| script + 1);
        let mut scene = Scene::open(&self.address, self.script.get()).await;
        for step in script {
            scene.play(step.seat, &step.act).await;
        }
        scene.close().await
    }
}

/// One script while it is played.
struct Scene<'a> {
    address: &'a Address,
    script: usize,
    witness: Session,
    seats: [Option<Session>; SEATS],
    /// What each seat saw, and last what the witness saw.
    seen: Vec<Vec<Seen>>,
    /// Private groups by the names they are given in what was seen.
    renamed: BTreeMap<Name, Name>,
    sessions: usize,
    notes: usize,
}

impl<'a> Scene<'a> {
    async fn open(address: &'a Address, script: usize) -> Self {
        let name = PrivateName::new(format!("w{script}")).expect("a short name");
        let options = ConnectOptions {
            name: Some(name),
            membership: true,
            ..ConnectOptions::default()
        };
        let session = in_time(client::connect(address, &options)).await;
        let mut scene = Self {
            address,
            script,
            witness: session.expect("the witness connects"),
            seats: [const { None }; SEATS],
            seen: vec![Vec::new(); SEATS + 1],
            renamed: BTreeMap::new(),
            sessions: 0,
            notes: 0,
        };
        scene.rename(scene.witness.private_group(), "#witness#");
        for group in [scene.lobby(), scene.group(0), scene.group(1)] {
            scene.witness.sender.join(group).expect("room for a join");
        }
        in_time(scene.witness.sender.flush())
            .await
            .expect("a flush");
        for _ in 0..3 {
            scene.witness_reads().await;
        }
        scene
    }

    async fn play(&mut self, seat: usize, act: &Act) {
        match act {
            Act::Connect { membership, named } if self.seats[seat].is_none() => {
                self.connect(seat, *membership, *named).await;
            }
            Act::Impersonate(other) => self.impersonate(seat, *other).await,
            Act::Connect { .. } => {}
            _ if self.seats[seat].is_none() => {}
            Act::Requests(asks) => self.ask(seat, asks).await,
            Act::Flood(group) => self.flood(seat, *group).await,
            Act::CatchUp => self.catch_up(seat).await,
            Act::Disconnect => self.disconnect(seat).await,
            Act::Drop => self.drop(seat).await,
        }
    }

    async fn connect(&mut self, seat: usize, membership: bool, named: bool) {
        let options = ConnectOptions {
            name: named.then(|| self.private_name(seat)),
            membership,
            ..ConnectOptions::default()
        };
        let session = in_time(client::connect(self.address, &options)).await;
        let session = session.expect("the seat's name is free");
        self.sessions += 1;
        let called = format!("#{seat}.{}#", self.sessions);
        self.rename(session.private_group(), &called);
        self.seats[seat] = Some(session);
        let lobby = self.lobby();
        let sender = &mut self.seat(seat).sender;
        sender.join(lobby).expect("room for a join");
        self.noted(seat).await;
    }

    /// The seat's own session, if it has one, stays as it is.
    async fn impersonate(&mut self, seat: usize, other: usize) {
        let name = self.private_name(other);
        let taken = self.seats[other].as_ref();
        if taken.is_none_or(|session| session.private_group().private_name() != name.as_bytes()) {
            return;
        }
        let options = ConnectOptions {
            name: Some(name),
            ..ConnectOptions::default()
        };
        let refused = in_time(client::connect(self.address, &options)).await;
        match refused {
            Err(ConnectError::Refused { code, .. }) => {
                self.seen[seat].push(Seen::Refused(format!("{code:?}")));
            }
            other => panic!("a second session of one name: {other:?}"),
        }
    }

    async fn ask(&mut self, seat: usize, asks: &[Ask]) {
        for ask in asks {
            match ask {
                Ask::Join(group) => {
                    let group = self.group(*group);
                    let joined = self.seat(seat).sender.join(group);
                    joined.expect("room for a join");
                }
                Ask::Leave(group) => {
                    let group = self.group(*group);
                    let left = self.seat(seat).sender.leave(group);
                    left.expect("room for a leave");
                }
                Ask::Send {
                    service,
                    self_discard,
                    to,
                    mess_type,
                    body_len,
                } => {
                    let groups: Vec<_> = to.iter().map(|to| self.target(*to)).collect();
                    let outgoing = Outgoing {
                        service: *service,
                        self_discard: *self_discard,
                        groups: &groups,
                        mess_type: *mess_type,
                        body: Bytes::from(vec![b'.'; *body_len]),
                    };
                    let sent = self.seat(seat).sender.multicast(&outgoing);
                    sent.expect("room for a message");
                }
            }
        }
        self.noted(seat).await;
    }

    async fn flood(&mut self, seat: usize, group: usize) {
        let groups = [self.group(group).into()];
        for number in 0..FLOOD {
            let mut body = format!("{number} ").into_bytes();
            body.resize(FLOOD_BODY_LEN, b'~');
            let outgoing = agreed(&groups, body);
            let sender = &mut self.seat(seat).sender;
            sender.multicast(&outgoing).expect("room for a message");
            in_time(sender.flush()).await.expect("a flush");
        }
        self.noted(seat).await;
    }

    /// Sends a note to the seat itself, and reads until it comes back.
    async fn catch_up(&mut self, seat: usize) {
        let own = [self.seat(seat).private_group().into()];
        self.notes += 1;
        let note = format!("note {} to itself", self.notes);
        let sender = &mut self.seat(seat).sender;
        let outgoing = agreed(&own, note.clone().into_bytes());
        sender.multicast(&outgoing).expect("room for a note");
        in_time(sender.flush()).await.expect("a flush");
        loop {
            let delivery = in_time(self.seat(seat).receiver.recv()).await;
            let delivery = delivery.expect("what was delivered to the seat");
            let last = is_note(&delivery, &note);
            let seen = self.seen_as(delivery);
            self.seen[seat].push(seen);
            if last {
                return;
            }
        }
    }

    async fn disconnect(&mut self, seat: usize) {
        self.catch_up(seat).await;
        let Some(Session {
            sender,
            mut receiver,
            ..
        }) = self.seats[seat].take()
        else {
            return;
        };
        let gone = sender.private_group();
        in_time(sender.disconnect()).await.expect("a disconnect");
        in_time(receiver.recv())
            .await
            .expect_err("nothing after it");
        self.seen[seat].push(Seen::Ended);
        self.witness_sees_leave_lobby(gone).await;
    }

    async fn drop(&mut self, seat: usize) {
        let Some(session) = self.seats[seat].take() else {
            return;
        };
        let gone = session.private_group();
        drop(session);
        self.witness_sees_leave_lobby(gone).await;
    }

    /// All seats read what is theirs, in order.
    async fn close(mut self) -> Vec<Vec<Seen>> {
        for seat in 0..SEATS {
            if self.seats[seat].is_some() {
                self.catch_up(seat).await;
            }
        }
        self.seen
    }

    /// Sends what is queued and a note after it; when the witness has the note, the server
    /// has carried out everything before it.
    async fn noted(&mut self, seat: usize) {
        self.notes += 1;
        let note = format!("note {} to the witness", self.notes);
        let witness = [self.witness.private_group().into()];
        let sender = &mut self.seat(seat).sender;
        let outgoing = agreed(&witness, note.clone().into_bytes());
        sender.multicast(&outgoing).expect("room for a note");
        in_time(sender.flush()).await.expect("a flush");
        while !is_note(&self.witness_reads().await, &note) {}
    }

    async fn witness_sees_leave_lobby(&mut self, gone: PrivateGroup) {
        let lobby = Name::from(self.lobby());
        let gone = vec![vec![Name::from(gone)]];
        loop {
            if let Delivery::Membership(change) = self.witness_reads().await
                && change.group == lobby
                && change.vs_sets == gone
            {
                return;
            }
        }
    }

    async fn witness_reads(&mut self) -> Delivery {
        let delivery = in_time(self.witness.receiver.recv()).await;
        let delivery = delivery.expect("what was delivered to the witness");
        let seen = self.seen_as(delivery.clone());
        self.seen[SEATS].push(seen);
        delivery
    }

    fn seen_as(&self, mut delivery: Delivery) -> Seen {
        match &mut delivery {
            Delivery::Message(Message { sender, groups, .. }) => {
                self.call(sender);
                groups.iter_mut().for_each(|group| self.call(group));
            }
            Delivery::Membership(change) => self.call_members(change),
            Delivery::Transition { .. } | Delivery::SelfLeave { .. } | Delivery::Reject { .. } => {}
        }
        Seen::Delivered(delivery)
    }

    /// Members come in the order of their names; those that a server invents differ, so the
    /// order is asserted here and not compared.
    fn call_members(&self, change: &mut Membership) {
        let members = &mut change.members;
        assert!(members.is_sorted(), "members out of order: {members:?}");
        let sets = change.vs_sets.iter_mut().flatten();
        members
            .iter_mut()
            .chain(sets)
            .for_each(|name| self.call(name));
        change.members.sort_unstable();
        change.id.proc_id = 0;
        change.id.time = 0;
    }

    fn call(&self, name: &mut Name) {
        if let Some(called) = self.renamed.get(name) {
            *name = *called;
        }
    }

    fn rename(&mut self, group: PrivateGroup, called: &str) {
        let mut field = [0; Name::FIELD_LEN];
        field[..called.len()].copy_from_slice(called.as_bytes());
        self.renamed.insert(group.into(), Name::from_field(&field));
    }

    fn seat(&mut self, seat: usize) -> &mut Session {
        self.seats[seat].as_mut().expect("a seat with a session")
    }

    fn target(&self, target: Target) -> Name {
        match target {
            Target::Group(group) => self.group(group).into(),
            Target::Nobody => self.name_of_group("nobody").into(),
            Target::Seat(seat) => match &self.seats[seat] {
                Some(session) => session.private_group().into(),
                None => self.name_of_group("absent").into(),
            },
        }
    }

    fn group(&self, group: usize) -> GroupName {
        self.name_of_group(&group.to_string())
    }

    fn lobby(&self) -> GroupName {
        self.name_of_group("lobby")
    }

    fn name_of_group(&self, suffix: &str) -> GroupName {
        GroupName::new(format!("script{}.{suffix}", self.script)).expect("a short name")
    }

    fn private_name(&self, seat: usize) -> PrivateName {
        PrivateName::new(format!("s{}.{seat}", self.script)).expect("a short name")
    }
}

fn agreed(groups: &[Name], body: Vec<u8>) -> Outgoing<'_> {
    Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups,
        mess_type: 0,
        body: Bytes::from(body),
    }
}

fn is_note(delivery: &Delivery, note: &str) -> bool {
    matches!(delivery, Delivery::Message(message) if message.body == note.as_bytes())
}

async fn in_time<T: Debug>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(TIMEOUT, future).await;
    result.expect("an answer within a minute")
}
