//! A connection's presence among those of its worker.

use std::io;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Context;

use super::Worker;
use super::readiness::{Readiness, Whose};
use super::roster::Seat;
use crate::clock::Moment;

/// Counted among the connections of its worker, from when it was accepted until it is dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    worker: Rc<Worker>,
    seat: Seat,
}

impl Presence {
    /// Takes a seat.
    pub(super) fn new(worker: &Rc<Worker>) -> Self {
        Self {
            worker: Rc::clone(worker),
            seat: worker.roster.borrow_mut().enter(),
        }
    }

    pub(super) const fn seat(&self) -> Seat {
        self.seat
    }

    /// Has the connection told when `socket`, which is its own, can be read.
    pub(crate) fn watch(&self, socket: impl AsFd) -> io::Result<()> {
        let whose = Whose::Connection(self.seat);
        self.worker.watched.add(socket, whose)
    }

    /// The same of a socket that is watched already, and written to.
    pub(crate) fn watch_writing(&self, socket: impl AsFd) -> io::Result<()> {
        let whose = Whose::Connection(self.seat);
        self.worker.watched.add_writing(socket, whose)
    }

    /// What a connection in a task's hands has been told of its socket since it last asked. The
    /// task is woken when there is something new, and when something has changed for all.
    pub(crate) fn told(&self, cx: &Context<'_>) -> Readiness {
        self.worker.roster.borrow_mut().told(self.seat, cx.waker())
    }

    /// Has the task woken at `deadline` as well, and at no other.
    pub(crate) fn wake_at(&self, deadline: Moment) {
        let mut roster = self.worker.roster.borrow_mut();
        roster.call_at(self.seat, deadline);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.worker.roster.borrow_mut().leave(self.seat);
        self.worker.left.notify_waiters();
        if let Some(counters) = self.worker.counters() {
            counters.connections_ended.add(1);
        }
    }
}
