//! A publisher at work: what each of its steps does, towards the daemon and in its books.
//!
//! How lines come in, from the rings to the store, is [`super::inflow`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spread::stream::{
    Before, Identity, Next, Notice, Number, Parting, Sender, StreamGroup, announcements,
};
use spread::{Delivery, Message, Name, Service};
use tokio::time::Instant;

use super::identity::identity;
use super::inflow::{self, Inflow};
use super::keeper::{Change, Keeper};
use super::link::{Event, Link, LostError};
use super::notices::Notices;
use super::pace::Pace;
use super::silence::Silence;
use super::{Publisher, PublisherOptions};
use crate::counters::{Acknowledged, Books, Counters, Lost, Sent};
use crate::spool::{Body, Orphan};

/// A publisher at work.
pub(super) struct Run {
    options: PublisherOptions,
    group: StreamGroup,
    counters: Arc<Counters>,
    inflow: Inflow,
    stream: Sender<Body>,
    pace: Pace,
    silence: Silence,
    link: Link,
    /// There was a time without a daemon: its logging hosts may have lost it as well.
    was_away: bool,
    notices: Notices,
    began: Instant,
    /// Messages sent again.
    repaired: u64,
    /// What happened before this process, of an instance that it goes on with.
    before: Before,
    /// When it ends, from the stop on.
    deadline: Option<Duration>,
}

impl Run {
    /// A publisher of a new instance.
    pub(super) fn new(publisher: Publisher) -> Self {
        let Publisher {
            options,
            group,
            drains,
            counters,
            ..
        } = publisher;
        let identity = identity(&options.program);
        let notices = Notices::new(&options, group);
        let rings = counters.rings().bytes_max * drains.len();
        let keeper = inflow::keeper(&identity, group, (&options, rings), &notices);
        let bytes_max = inflow::bytes_max(&options, keeper.is_some(), rings);
        let stream = Sender::new(identity.clone(), group, bytes_max);
        let inflow = Inflow::new(&options, drains, (rings, bytes_max), keeper);
        Self::of(&identity, stream, (inflow, notices), counters, options)
    }

    /// The rest of one that has died: nothing comes in, and what is there is to go.
    pub(super) fn of_orphan(orphan: Orphan, options: PublisherOptions) -> Self {
        let Orphan {
            control,
            store,
            spool,
            ..
        } = orphan;
        let identity = Identity {
            instance: control.instance,
            boot: control.boot,
            host: control.host,
            program: control.program,
            pid: control.pid,
        };
        let marks = spool.marks();
        let group = control.group;
        let before = Before {
            queue_full: marks.queue_full,
            cut: marks.cut,
        };
        let next = store.next();
        let mut stream = Sender::resumed(identity.clone(), group, store, &marks.hosts);
        stream.set_before(before);
        stream.leave();
        let keeper = Keeper::inherited(spool, next);
        let counters = Arc::new(Counters::new(Vec::new(), options.addresses.clone()));
        let notices = Notices::quiet(&options, group);
        let inflow = Inflow::new(&options, Vec::new(), (0, 0), Some(keeper));
        Self {
            before,
            was_away: true,
            ..Self::of(&identity, stream, (inflow, notices), counters, options)
        }
    }

    fn of(
        identity: &Identity,
        stream: Sender<Body>,
        (inflow, notices): (Inflow, Notices),
        counters: Arc<Counters>,
        options: PublisherOptions,
    ) -> Self {
        // One more than it knows of may have been tried.
        let connections = inflow.keeper().map_or(0, |keeper| keeper.connections() + 1);
        Self {
            group: stream.group(),
            counters,
            inflow,
            link: Link::new(
                options.addresses.clone(),
                &options.socket_dir,
                identity.instance,
                connections,
            ),
            stream,
            pace: Pace::default(),
            silence: Silence::default(),
            was_away: false,
            notices,
            options,
            began: Instant::now(),
            repaired: 0,
            before: Before::default(),
            deadline: None,
        }
    }

    /// Waits for the link. Cancel-safe.
    pub(super) async fn event(&mut self) -> Event {
        self.link.event().await
    }

    /// Takes all lines from the rings.
    pub(super) fn drain(&mut self) {
        let now = self.began.elapsed();
        let bytes = self.inflow.drain(&mut self.stream, &self.notices, now);
        self.pace.incoming(bytes, now);
        self.inflow.refresh_offset();
    }

    fn seal(&mut self) {
        let now = self.began.elapsed();
        self.inflow.seal(&mut self.stream, &self.notices, now);
    }

    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Unreachable(error) => {
                self.was_away = true;
                self.notices.unreachable(&error);
            }
            Event::Lost(reason) => self.lost(&reason),
            Event::Delivered(Delivery::Message(message)) => self.take(&message),
            Event::Delivered(Delivery::Reject { .. }) => self.notices.refused(),
            Event::Delivered(_) | Event::Written => {}
        }
    }

    fn connected(&mut self) {
        self.settle();
        let now = self.began.elapsed();
        self.stream.connected(now);
        self.silence.disconnected();
        self.pace.connected(now);
        self.counters.set_connected_to(self.link.connected_to());
        let books = self.books();
        self.notices.connected(self.counters.connected_to(), &books);
    }

    fn lost(&mut self, reason: &LostError) {
        self.was_away = true;
        self.settle();
        self.stream.disconnected(self.began.elapsed());
        self.silence.disconnected();
        self.notices
            .lost_connection(self.counters.connected_to(), reason);
        self.counters.set_connected_to(None);
    }

    /// Takes what somebody has sent to this publisher; what is no notice is nobody's concern.
    fn take(&mut self, message: &Message) {
        let Ok(notice) = Notice::parse(&message.body) else {
            return;
        };
        let is_own = self
            .link
            .private_group()
            .is_some_and(|own| message.sender == own.into());
        // A control that comes back proves the daemon alive; anybody else's proves nothing.
        if is_own || !matches!(notice, Notice::Control(_)) {
            let now = self.began.elapsed();
            self.stream.received(message.sender, &notice, now);
        }
    }

    /// Tells the stream what the daemon's socket has taken.
    fn settle(&mut self) {
        let written = self.link.take_written();
        if written == 0 {
            return;
        }
        let now = self.began.elapsed();
        let before = self.stream.store().books().written.messages;
        self.stream
            .written(usize::try_from(written).unwrap_or(usize::MAX), now);
        if self.stream.store().books().written.messages > before {
            self.silence.sent(now);
        }
    }

    /// Gives the connection what it has room for.
    pub(super) fn feed(&mut self) {
        self.settle();
        let now = self.began.elapsed();
        if self.stream.is_dead(now) {
            let reason = LostError::Dead;
            self.link.give_up(&reason);
            self.lost(&reason);
            return;
        }
        while self.link.has_room() {
            let (mut loaded, mut unreadable) = (Bytes::new(), false);
            let pace = &mut self.pace;
            let next = self.stream.next(now, |body| {
                pace.allows(body.len(), now)
                    && match body.load() {
                        Ok(bytes) => {
                            loaded = bytes;
                            true
                        }
                        Err(_) => {
                            unreadable = true;
                            false
                        }
                    }
            });
            if unreadable {
                let number = self.stream.store().next_on_wire();
                self.give_up(number);
                continue;
            }
            let Some(next) = next else {
                if self.stream.is_settled(now) && self.stream.store().peek().is_none() {
                    self.pace.caught_up();
                }
                break;
            };
            if !self.offer(next, loaded) {
                // The stream counts it as queued and the connection does not.
                let reason = LostError::Unqueued;
                self.link.give_up(&reason);
                self.lost(&reason);
                return;
            }
        }
    }

    /// The spool does not give a message back any more.
    fn give_up(&mut self, number: Number) {
        self.notices.unreadable(number);
        self.stream.store_mut().give_up(number);
    }

    /// Queues what is next; `data` is the body of a message of the stream.
    fn offer(&mut self, next: Next<Body>, data: Bytes) -> bool {
        let Some(own) = self.link.private_group() else {
            return false;
        };
        let service = self.options.service;
        let group = self.group;
        match next {
            Next::Control(body) => {
                let groups = [group.control(), announcements(), own.into()];
                self.link.offer(service, &groups, body.into())
            }
            Next::Answer(to, body) => self.link.offer(Service::Fifo, &[to], body.into()),
            Next::Data(number, _) => {
                let groups: [Name; 2] = [group.name().into(), number.name()];
                self.link.offer(service, &groups, data)
            }
            Next::Repair(to, number, body) => {
                let Ok(body) = body.load() else {
                    self.give_up(number);
                    let control = self.stream.control_now();
                    return self.link.offer(Service::Fifo, &[to], control.into());
                };
                self.repaired += 1;
                let groups = [to, group.repair_name(), number.name()];
                self.link.offer(service, &groups, body)
            }
        }
    }

    pub(super) fn stop_within(&mut self, timeout: Duration) {
        self.deadline = Some(self.began.elapsed() + timeout);
    }

    pub(super) const fn is_stopping(&self) -> bool {
        self.deadline.is_some()
    }

    /// Whether the stop has come to its end; takes the steps to it.
    pub(super) fn is_over(&mut self) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        let now = self.began.elapsed();
        let left = deadline.saturating_sub(now);
        if left.is_zero() {
            return true;
        }
        if !self.inflow.is_finished() {
            return false;
        }
        self.seal();
        self.stream.leave();
        self.link.stay();
        // Those who lost the same daemon get a part of the time to be back; where nobody has, who
        // is to have the lines is there.
        let wait = if self.was_away {
            left / 4
        } else {
            Duration::ZERO
        };
        self.stream.settle_by(now + wait);
        let waiting = self.stream.store().books().waiting.bytes;
        self.pace.hurry(waiting, left);
        self.feed();
        if !self.link.is_up() {
            return self.stream.store().is_written() && !self.stream.is_awaited(now);
        }
        self.stream.parting(now) == Parting::Done
    }

    pub(super) async fn end(mut self, stop_timeout: Duration) -> Books {
        self.drain();
        self.seal();
        self.settle();
        let now = self.began.elapsed();
        if let Some(keeper) = self.inflow.keeper_mut() {
            keeper.retry(self.stream.store_mut(), now);
        }
        self.publish_books();
        let books = self.books();
        self.counters.set_connected_to(None);
        let parting = self.stream.parting(now);
        if let Some(keeper) = self.inflow.take_keeper() {
            self.leave_spool(keeper);
        } else {
            if books.lines > 0 && matches!(parting, Parting::Sending | Parting::Unconfirmed) {
                self.notices.given_up(&books, stop_timeout);
            }
            if let Some((hosts, owed)) = self.stream.owed(now) {
                self.notices.unacknowledged(hosts, owed.lines);
            }
        }
        if !matches!(parting, Parting::Sending) {
            self.link.close().await;
        }
        books
    }

    /// Deletes the spool if nothing in it is needed, or says what stays in it.
    fn leave_spool(&self, keeper: Keeper) {
        let at_risk = keeper.lines_at_risk(self.stream.store());
        if at_risk > 0 {
            self.notices.not_spooled(at_risk);
        }
        let kept = self.kept_lines();
        if kept > 0 {
            self.notices.stays_spooled(kept);
        } else if let Err(error) = keeper.delete() {
            self.notices.spool(&Change::Failed(error));
        }
    }

    /// Lines that somebody may still need.
    pub(super) fn kept_lines(&self) -> u64 {
        self.stream.store().above(0).lines
    }

    /// Whether an instance that has died has come to its end.
    pub(super) fn is_delivered(&self) -> bool {
        let now = self.began.elapsed();
        self.stream.parting(now) == Parting::Done
            && self.stream.hosts(now) > 0
            && self.stream.store().bytes() == 0
    }

    /// Ends the connection in good order.
    pub(super) async fn close(self) {
        self.link.close().await;
    }

    /// The same, and the spool goes too.
    pub(super) async fn close_and_delete(mut self) {
        if let Some(keeper) = self.inflow.take_keeper()
            && let Err(error) = keeper.delete()
        {
            self.notices.spool(&Change::Failed(error));
        }
        self.close().await;
    }

    pub(super) fn publish_books(&mut self) {
        let now = self.began.elapsed();
        self.silence.heard(self.stream.acknowledged());
        if self.silence.has_become_long(now) {
            self.notices.nobody_acknowledges();
        }
        let books = self.books();
        let before = Before {
            queue_full: self.before.queue_full + books.lost.queue_full,
            cut: self.before.cut + books.cut,
        };
        self.stream.set_before(before);
        if let Some(keeper) = self.inflow.keeper_mut() {
            keeper.note(&self.stream, before, self.link.connections(), now);
        }
        self.counters.set(&books);
        if let Some(lines) = self.inflow.secured(&self.stream, now) {
            self.counters.set_secured(lines);
        }
        self.notices.losses(&books.lost, now);
    }

    fn books(&self) -> Books {
        let store = self.stream.store();
        let (books, open) = (store.books(), self.inflow.open_lines());
        let of_rings = self.counters.books();
        Books {
            lines: books.written.lines + books.waiting.lines + open,
            bytes: books.written.bytes + books.waiting.bytes + self.inflow.open_bytes(),
            waiting: books.waiting.lines + open,
            sent: Sent {
                messages: books.written.messages,
                lines: books.written.lines,
                bytes: books.written.bytes,
            },
            connections: of_rings.connections,
            lost: Lost {
                queue_full: of_rings.lost.queue_full,
                buffer_full: books.lost.lines,
            },
            cut: of_rings.cut,
            acknowledged: Acknowledged {
                hosts: self.stream.hosts(self.began.elapsed()) as u64,
                lines: store.released().lines,
                repaired: self.repaired,
                retained_bytes: store.bytes() as u64,
                is_missing: self.silence.is_told(),
            },
        }
    }
}
