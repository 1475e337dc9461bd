//! The publisher: empties the rings and sends their lines to a Spread group.
//!
//! ```text
//! rings -> batch -> store -> link -> daemon
//!   every 20 ms  sealed   numbered, until the daemon's socket has taken them
//! ```
//!
//! It is one future, and the caller gives it a thread with a current-thread runtime of its own, so
//! that nothing it does is in a worker's way. It reads whatever the daemon sends, waits for nothing
//! but its next event, and blocks nobody: what cannot be sent waits in the store, what the store
//! cannot hold is counted lost.
//!
//! What is decided is in pure parts beside it: [`crate::batch`] (where a message ends), `pace` (how
//! fast a backlog goes), `backoff` (when daemons are tried again), `spread::stream` (numbers, and
//! what becomes of a message).

mod backoff;
mod link;
mod notices;
mod options;
mod pace;

pub use options::{BUFFER_MIN, MESSAGE_MAX, OptionsError, PublisherOptions};

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spread::Delivery;
use spread::stream::{Store, StreamGroup};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::batch::{Batch, Limits};
use crate::counters::{Books, Counters, Lost, Sent};
use crate::queue::{Drain, local_offset};
use link::{Event, Link};
use notices::Notices;
use pace::Pace;

/// Sends the lines of some rings to a group.
#[derive(Debug)]
pub struct Publisher {
    options: PublisherOptions,
    group: StreamGroup,
    drains: Vec<Drain>,
    wake: Arc<Notify>,
    counters: Arc<Counters>,
}

impl Publisher {
    /// Checks the options; nothing is opened before [`Publisher::run`].
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn new(options: PublisherOptions, drains: Vec<Drain>) -> Result<Self, OptionsError> {
        let group = options.check()?;
        let wake = Arc::new(Notify::new());
        let rings = drains.iter().map(|drain| drain.attach(&wake)).collect();
        let counters = Arc::new(Counters::new(rings, options.addresses.clone()));
        Ok(Self {
            options,
            group,
            drains,
            wake,
            counters,
        })
    }

    /// The books, readable while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Runs until the stop, and gives the books.
    ///
    /// When `stop` resolves it goes on until all `Log`s are dropped and their rings empty, seals,
    /// sends everything, and waits until the daemon has it: until an empty message to its own
    /// private group, sent last, comes back. All that within the stop timeout, which counts from
    /// `stop`; so drop the `Log`s soon. Not cancel-safe: lines taken from the rings go with it.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Books {
        let wake = Arc::clone(&self.wake);
        let stop_timeout = self.options.stop_timeout;
        let mut run = Run::new(self);
        let mut tick = interval(DRAIN_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop, if run.deadline.is_none() => run.stop_within(stop_timeout),
                _ = tick.tick() => run.drain(),
                () = wake.notified() => run.drain(),
                event = run.link.event() => run.handle(event),
            }
            run.feed();
            run.publish_books();
            if run.is_over() {
                return run.end(stop_timeout).await;
            }
        }
    }
}

/// A publisher at work.
struct Run {
    options: PublisherOptions,
    group: StreamGroup,
    drains: Vec<Drain>,
    counters: Arc<Counters>,
    batch: Batch,
    store: Store,
    pace: Pace,
    link: Link,
    /// No daemon has answered since the last connection, or at all.
    was_away: bool,
    notices: Notices,
    began: Instant,
    /// When the rings were last emptied: no line in them is older.
    drained_at: Duration,
    /// The second for which local time's offset was last asked.
    offset_of: u64,
    /// When it ends, from the stop on.
    deadline: Option<Duration>,
    /// The daemon has everything.
    confirmed: bool,
}

impl Run {
    fn new(publisher: Publisher) -> Self {
        let options = publisher.options;
        let limits = Limits {
            bytes: options.message_max,
            lines: options.batch_lines,
            age: options.seal_after,
        };
        Self {
            group: publisher.group,
            drains: publisher.drains,
            counters: publisher.counters,
            batch: Batch::new(limits),
            store: Store::new(options.buffer_bytes),
            pace: Pace::default(),
            link: Link::new(options.addresses.clone(), &options.socket_dir),
            was_away: false,
            notices: Notices::new(options.addresses.clone(), options.buffer_bytes),
            options,
            began: Instant::now(),
            drained_at: Duration::ZERO,
            offset_of: 0,
            deadline: None,
            confirmed: false,
        }
    }

    /// Takes all lines from the rings.
    fn drain(&mut self) {
        let (now, since) = (self.began.elapsed(), self.drained_at);
        self.drained_at = now;
        let mut bytes = 0;
        let Self { batch, store, .. } = self;
        let mut seal = |body, lines| {
            store.push_bytes(body, lines);
        };
        for drain in &mut self.drains {
            drain.drain(|piece| {
                bytes += piece.len() as u64;
                batch.push(piece, since, &mut seal);
            });
        }
        batch.seal_aged(now, &mut seal);
        self.pace.incoming(bytes, now);
        self.refresh_offset();
    }

    /// Keeps the workers' idea of local time: asking reads files, which is not for their threads.
    fn refresh_offset(&mut self) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let second = since_epoch.map_or(0, |since| since.as_secs());
        if second != self.offset_of {
            self.offset_of = second;
            let offset = local_offset();
            for drain in &self.drains {
                drain.set_offset(offset);
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.settle();
                let now = self.began.elapsed();
                if std::mem::take(&mut self.was_away) {
                    self.pace.returned(now);
                } else {
                    self.pace.connected(now);
                }
                let address = self.link.connected_to();
                self.counters.set_connected_to(address);
                let books = self.books();
                self.notices.connected(self.counters.connected_to(), &books);
            }
            Event::Unreachable(error) => {
                self.was_away = true;
                self.notices.unreachable(&error);
            }
            Event::Lost(reason) => {
                self.was_away = true;
                self.settle();
                self.store.disconnected();
                self.notices
                    .lost_connection(self.counters.connected_to(), &reason);
                self.counters.set_connected_to(None);
            }
            Event::Delivered(delivery) => self.take(&delivery),
            Event::Written => {}
        }
    }

    fn take(&mut self, delivery: &Delivery) {
        if self.link.is_echo(delivery) {
            self.confirmed = true;
        }
        if let Delivery::Reject { .. } = delivery {
            self.notices.refused(self.group);
        }
    }

    /// Tells the store what the daemon's socket has taken; that is not kept any longer.
    fn settle(&mut self) {
        let written = self.link.take_written();
        self.store
            .written(usize::try_from(written).unwrap_or(usize::MAX));
        self.store.release(u64::MAX);
    }

    /// Gives the connection what it has room for.
    fn feed(&mut self) {
        self.settle();
        let now = self.began.elapsed();
        while self.link.has_room() {
            let Some((number, body)) = self.store.peek() else {
                self.pace.caught_up(now);
                break;
            };
            if !self.pace.allows(body.len(), now) {
                break;
            }
            let groups = [self.group.name().into(), number.name()];
            if !self.link.offer(self.options.service, &groups, body.clone()) {
                break;
            }
            self.store.handed_over();
        }
    }

    fn stop_within(&mut self, timeout: Duration) {
        self.deadline = Some(self.began.elapsed() + timeout);
    }

    /// Whether the stop has come to its end; takes the steps to it.
    fn is_over(&mut self) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        let left = deadline.saturating_sub(self.began.elapsed());
        if self.confirmed || left.is_zero() {
            return true;
        }
        if !self.drains.iter().all(Drain::is_finished) {
            return false;
        }
        let store = &mut self.store;
        self.batch.seal(|body, lines| {
            store.push_bytes(body, lines);
        });
        let waiting = self.store.books().waiting.bytes;
        self.pace.hurry(waiting, left, self.began.elapsed());
        self.feed();
        if !self.link.is_up() {
            return self.store.is_written();
        }
        if self.store.peek().is_none() {
            self.link.ask_for_echo(self.options.service);
        }
        false
    }

    async fn end(mut self, stop_timeout: Duration) -> Books {
        self.drain();
        let store = &mut self.store;
        self.batch.seal(|body, lines| {
            store.push_bytes(body, lines);
        });
        self.settle();
        self.publish_books();
        let books = self.books();
        self.counters.set_connected_to(None);
        if self.confirmed {
            self.link.close().await;
        } else if books.lines > 0 {
            self.notices.given_up(&books, stop_timeout);
        }
        books
    }

    fn publish_books(&mut self) {
        let books = self.books();
        self.counters.set(&books);
        self.notices.losses(&books.lost, self.began.elapsed());
    }

    fn books(&self) -> Books {
        let store = self.store.books();
        let open = self.batch.lines();
        let of_rings = self.counters.books();
        Books {
            lines: store.written.lines + store.waiting.lines + open,
            bytes: store.written.bytes + store.waiting.bytes + self.batch.bytes() as u64,
            waiting: store.waiting.lines + open,
            sent: Sent {
                messages: store.written.messages,
                lines: store.written.lines,
                bytes: store.written.bytes,
            },
            connections: of_rings.connections,
            lost: Lost {
                queue_full: of_rings.lost.queue_full,
                buffer_full: store.lost.lines,
            },
            cut: of_rings.cut,
        }
    }
}

/// 20 ms: a ring of 1 MiB holds what a worker logs in that time at 200,000 requests a second.
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);
