//! The worker's loop: waiting for its sockets, and attending to whom they concern.
//!
//! A connection that waits has a turn when its client is heard, when its time is up, or when
//! something has changed that concerns everybody. Turns are synchronous, and a panic in one costs
//! its own connection only, as it would in a task. Tasks run in between, when one was woken.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::{JoinHandle, LocalSet};

use super::readiness::{Whose, told};
use super::roster::Seat;
use super::{Phase, Worker};
use crate::clock::Moment;
use crate::connection::Connection;

impl Worker {
    /// Serves, and runs `tasks`, until `last` of them has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses to tell of the sockets.
    pub(super) fn attend(&self, tasks: LocalSet, last: &JoinHandle<()>) -> io::Result<()> {
        let mut tasks = pin!(tasks);
        let waker = Waker::from(Arc::clone(&self.alarm));
        let mut events = Vec::new();
        let mut now = Moment::now();
        loop {
            if self.alarm.take() {
                let is_done = tasks.as_mut().poll(&mut Context::from_waker(&waker));
                if is_done.is_ready() || last.is_finished() {
                    return Ok(());
                }
            }
            self.watched.wait(self.timeout(now), &mut events)?;
            now = Moment::now();
            for (whose, ready) in events.iter().map(told) {
                match whose {
                    Whose::Connection(seat) => {
                        let waiting = self.roster.borrow_mut().tell(seat, ready);
                        if let Some(mut connection) = waiting {
                            connection.tell(ready);
                            contain(|| connection.have_turn());
                        }
                    }
                    Whose::Listener(number) => self.tell_listener(number),
                    // That there is one is all that it says.
                    Whose::Alarm => {}
                }
            }
            events.clear();
            self.call_due(now);
            self.wake_resting();
        }
    }

    fn tell_listener(&self, number: u32) {
        if let Some(listener) = self.listeners.borrow().get(number as usize) {
            listener.tell();
        }
    }

    /// How long to wait for the sockets, `None` for as long as it takes. `now` is when
    /// the last turns began: what they took is added.
    fn timeout(&self, now: Moment) -> Option<Duration> {
        if !self.resting.borrow().is_empty() || !self.alarm.lets_sleep() {
            return Some(Duration::ZERO);
        }
        let look = self.roster.borrow().look();
        (look != Moment::NEVER).then(|| look.since(now) + TICK)
    }

    /// Has those look whose time is up.
    fn call_due(&self, now: Moment) {
        if now < self.roster.borrow().look() {
            return;
        }
        let mut due = Vec::new();
        self.roster.borrow_mut().find_due(now, &mut due);
        for seat in due {
            self.call(seat);
        }
    }

    /// Has whoever waits at `seat` look again what to wait for, and a task as well.
    fn call(&self, seat: Seat) {
        let waiting = self.roster.borrow_mut().call(seat);
        if let Some(connection) = waiting {
            contain(|| connection.have_turn());
        }
    }

    fn call_all(&self) {
        let seats = self.roster.borrow().seats();
        for seat in seats {
            self.call(seat);
        }
    }

    /// Keeps `connection` until its client is heard, or its time is up.
    pub(crate) fn keep(&self, connection: Box<Connection>) {
        let (seat, deadline) = (connection.presence().seat(), connection.deadline());
        self.roster.borrow_mut().wait(seat, connection, deadline);
    }

    /// Lets everybody have a turn who has become ready meanwhile.
    pub(crate) async fn rest(&self) {
        let mut has_rested = false;
        std::future::poll_fn(|cx| {
            if has_rested {
                return Poll::Ready(());
            }
            has_rested = true;
            self.resting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake_resting(&self) {
        for task in self.resting.take() {
            task.wake();
        }
    }

    /// Goes on to `phase`, and has everybody know.
    pub(super) fn enter_phase(&self, phase: Phase) {
        self.phase.set(phase);
        self.call_all();
    }

    /// Has one connection after the other look whether room is wanted, until one has ended; says
    /// whether one has. Those who are busy go on, as does everybody else meanwhile.
    pub(super) async fn ask_for_room(&self) -> bool {
        for _ in 0..ASKED_MAX {
            let next = self.roster.borrow_mut().next();
            if let Some(seat) = next {
                self.call(seat);
            }
            self.rest().await;
            if !self.is_full() {
                return true;
            }
        }
        false
    }

    /// Drops whoever still waits.
    pub(super) fn dismiss(&self) {
        let seats = self.roster.borrow().seats();
        for seat in seats {
            let waiting = self.roster.borrow_mut().call(seat);
            drop(waiting);
        }
    }
}

/// Connections that are asked for room at a time: where many are idle one of the first is, and
/// where all are busy to ask them all, for each that comes, would be work for nothing.
const ASKED_MAX: usize = 64;

/// The clock is behind by so much at most, so that what is waited for is over then.
const TICK: Duration = Duration::from_millis(10);

/// Has one connection's `work` done, and a panic in it cost no other.
pub(super) fn contain(work: impl FnOnce()) {
    // The message has been printed. What is half done is the connection's own, which is dropped,
    // or made good by the next turn.
    let _ = catch_unwind(AssertUnwindSafe(work));
}
