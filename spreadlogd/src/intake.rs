//! What becomes of a delivery: it is routed and queued for the writer, or counted.
//!
//! Numbered messages are told from others here, and counted; what a ledger would do with the
//! numbers has its place here too.

use std::sync::Arc;

use bytes::Bytes;
use spread::{Delivery, Message, Name, Refused, Reject, stream};
use tracing::{info, warn};

use crate::counters::Counters;
use crate::queue::{Full, Queue};
use crate::router::Router;
use crate::sink::Lines;

/// The way from one session to the writer.
#[derive(Debug)]
pub(crate) struct Intake {
    router: Router,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    overflow: Option<Overflow>,
}

/// The time since the queue was full, until it is half empty again.
#[derive(Debug)]
struct Overflow {
    lines_lost: u64,
}

impl Intake {
    pub(crate) const fn new(router: Router, queue: Arc<Queue>, counters: Arc<Counters>) -> Self {
        Self {
            router,
            queue,
            counters,
            overflow: None,
        }
    }

    pub(crate) const fn router(&self) -> &Router {
        &self.router
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
        self.take(&message);
        None
    }

    fn take(&mut self, message: &Message) {
        let is_numbered = stream::numbered(message).is_some();
        // A copy: the body is a part of the receive buffer, and the lines of a quiet group would
        // keep 64 KiB each from being freed while they wait.
        let lines = Lines::new(Bytes::copy_from_slice(&message.body));
        let Some(sinks) = self.router.route(&message.groups, &lines, is_numbered) else {
            self.counters.unrouted.add(1);
            return;
        };
        let count = lines.count;
        if count == 0 {
            return;
        }
        match self.queue.push(lines, Arc::clone(&sinks)) {
            Ok(()) => self.recover(),
            Err(Full) => self.lose(count, &sinks),
        }
    }

    fn lose(&mut self, lines: u64, sinks: &[usize]) {
        for sink in sinks {
            if let Some(file) = self.counters.files.get(*sink) {
                file.lines_lost.add(lines);
            }
        }
        let overflow = self.overflow.get_or_insert_with(|| {
            warn!(
                "{} MiB of lines wait to be written and more come: \
                 what does not fit is lost, and counted",
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
