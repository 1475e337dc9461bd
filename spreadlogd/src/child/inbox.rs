//! What a child is told, from those who never wait to the thread that feeds it.
//!
//! It is bounded in bytes, from the moment a record is given until a process has read it.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{OFlags, fcntl_setfl};
use tracing::{info, warn};

use super::counters::ChildCounters;
use super::flow::Done;
use super::record::Record;
use super::{Full, Patience};
use crate::room::Room;

/// The records that were given, and what else there is to do.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    room: Room,
    /// A byte in it wakes the thread.
    wake: PipeWriter,
    counters: Arc<ChildCounters>,
    /// Lines lost since there was room.
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
    stop: Option<Patience>,
    /// The thread may be waiting: it has taken everything and was not woken since.
    is_asleep: bool,
}

/// What to do, in order.
#[derive(Debug)]
pub(super) enum Order {
    Give(Record),
    Reopen,
}

impl Inbox {
    /// Also returns where the thread reads that there is something for it.
    pub(super) fn new(
        bytes_max: usize,
        counters: Arc<ChildCounters>,
    ) -> io::Result<(Self, PipeReader)> {
        let (woken, wake) = io::pipe()?;
        fcntl_setfl(&woken, OFlags::NONBLOCK)?;
        fcntl_setfl(&wake, OFlags::NONBLOCK)?;
        let inbox = Self {
            state: Mutex::default(),
            room: Room::new(bytes_max),
            wake,
            counters,
            lost: AtomicU64::new(0),
        };
        Ok((inbox, woken))
    }

    pub(super) const fn counters(&self) -> &Arc<ChildCounters> {
        &self.counters
    }

    /// Takes a record if there is room.
    pub(super) fn offer(&self, record: Record) -> Result<(), Full> {
        let (cost, lines) = (record.cost(), record.count());
        if record.len() == 0 {
            return Ok(());
        }
        if !self.room.take(cost) {
            return Err(Full);
        }
        let mut state = self.lock();
        if state.stop.is_some() {
            self.room.give_back(cost);
            return Err(Full);
        }
        self.counters.lines.add(lines);
        state.orders.push_back(Order::Give(record));
        self.wake(state);
        Ok(())
    }

    /// Counts lines that were refused, and says so if they are the first.
    pub(super) fn lose(&self, lines: u64) {
        let is_down = self.counters.pid().is_none();
        self.counters.lines.add(lines);
        self.counters.lines_lost.add(lines);
        if is_down {
            self.counters.lines_lost_down.add(lines);
        }
        if lines > 0 && self.lost.fetch_add(lines, Ordering::Relaxed) == 0 {
            let name = &self.counters.name;
            let why = if is_down {
                " has ended and is not started again yet"
            } else {
                " reads too slowly"
            };
            warn!(
                "{name}{why}, and there is no room for more lines for it: they are lost and \
                 counted until it has read some"
            );
        }
    }

    pub(super) fn reopen(&self) {
        let mut state = self.lock();
        if !matches!(state.orders.back(), Some(Order::Reopen)) {
            state.orders.push_back(Order::Reopen);
            self.wake(state);
        }
    }

    /// Nothing is taken any more.
    pub(super) fn stop(&self, patience: Patience) {
        let mut state = self.lock();
        state.stop.get_or_insert(patience);
        self.wake(state);
    }

    /// Moves everything to the end of `orders`; the next thing given wakes the thread.
    pub(super) fn take(&self, orders: &mut VecDeque<Order>) -> Option<Patience> {
        let mut state = self.lock();
        orders.append(&mut state.orders);
        state.is_asleep = true;
        state.stop
    }

    /// What is done with takes no room any more.
    pub(super) fn give_back(&self, done: Done) {
        self.room.give_back(done.cost);
        if self.lost.load(Ordering::Relaxed) > 0 && self.room.is_half_free() {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            info!(
                "{} reads again; {lost} lines for it were lost",
                self.counters.name
            );
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if mem::take(&mut state.is_asleep) {
            drop(state);
            // One byte is enough, and if it does not fit there are some already.
            let _ = rustix::io::write(&self.wake, &[0]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
