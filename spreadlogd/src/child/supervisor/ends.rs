//! How processes end, asked for or not, and what is counted then.

use std::process::ExitStatus;
use std::time::Instant;

use rustix::process::Signal;
use tracing::{debug, info, warn};

use super::super::ending::{Ending, Step, Why};
use super::super::inbox::Order;
use super::super::program::Feed;
use super::Supervisor;

impl Supervisor {
    /// Goes on with bringing the process to its end.
    pub(super) fn advance(&mut self, now: Instant) {
        let (Some(ending), Some(process)) = (&mut self.ending, &self.process) else {
            return;
        };
        if ending.step == Step::Writing && self.flow.is_empty() {
            ending.read_out(now);
        }
        let next = ending.advance(now);
        let why = ending.why;
        match next {
            Some(Step::Terminated) => {
                warn!("{} {}: TERM", self.program.name, reproach(why));
                process.signal(Signal::TERM);
            }
            Some(Step::Killed) => {
                warn!("{} does not end by TERM: KILL", self.program.name);
                process.signal(Signal::KILL);
            }
            _ => {}
        }
        // Only when it has read everything: of a closed pipe nobody says how much was not.
        let is_reading = ending.step == Step::Reading;
        if is_reading && process.is_open() && process.unread() == 0 {
            self.take_back();
        }
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        let Some(stop) = self.stop else {
            return false;
        };
        if self.process.is_some() {
            return self.ending.is_some_and(|ending| ending.is_hopeless(now));
        }
        self.flow.lines() == 0 || now.max(self.start_at) >= stop.write_by
    }

    pub(super) fn ended(&mut self, now: Instant) {
        self.take_back();
        // A last word has its place in the pipe, 64 KiB; more is not waited for.
        let _ = (0..16).all(|_| self.tell_complaints(now));
        for line in self.complaints.end(now) {
            warn!("{}: {line}", self.program.name);
        }
        let Some(mut process) = self.process.take() else {
            return;
        };
        let status = process.reap();
        let ending = self.ending.take();
        self.count_failed(ending, status.as_ref().ok());
        self.inbox.counters().set_pid(None);
        self.start_at = now;
        let name = &self.program.name;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        match ending.map(|ending| ending.why) {
            Some(Why::Reopen) => info!("{name} has ended ({status}) to open its files again"),
            Some(Why::Stop) if self.flow.lines() == 0 => debug!("{name} has ended ({status})"),
            _ => {
                let delay = self
                    .backoff
                    .next(now.saturating_duration_since(process.since));
                self.start_at = now + delay;
                let when = if delay.is_zero() {
                    "at once".to_owned()
                } else {
                    format!("in {delay:?}")
                };
                warn!("{name} has ended ({status}); it is started again {when}");
            }
        }
    }

    /// An interpreter ends when a function does, on the message that it has read last.
    fn count_failed(&self, ending: Option<Ending>, status: Option<&ExitStatus>) {
        let is_ours = ending.is_some_and(|ending| match ending.step {
            Step::Writing | Step::Reading => {
                let has_read_all = ending.why == Why::Stop && self.flow.is_empty();
                has_read_all && status.is_some_and(ExitStatus::success)
            }
            Step::Terminated | Step::Killed => true,
        });
        if self.program.feed == Feed::Calls && !is_ours {
            let counters = self.inbox.counters();
            counters.lines_failed.add(self.flow.last_read());
        }
    }

    /// Counts as lost what could not be given to anybody.
    pub(super) fn abandon(mut self) {
        let mut done = self.flow.abandon();
        for order in self.orders.drain(..) {
            if let Order::Give(record) = order {
                done.lines += record.count();
                done.cost += record.cost();
            }
        }
        let counters = self.inbox.counters();
        counters.lines_lost.add(done.lines);
        counters.lines_unwritten.add(done.lines);
        self.inbox.give_back(done);
        let name = &self.program.name;
        if done.lines > 0 {
            warn!("{} lines for {name} are lost: not read in time", done.lines);
        }
        if let Some(process) = &self.process {
            warn!("{name} does not end by KILL: process {}", process.id());
        }
    }
}

/// What a process has done that is sent TERM.
const fn reproach(why: Why) -> &'static str {
    match why {
        Why::Reopen => "does not end to open its files again",
        Why::Deaf => "has closed its standard input and does not end",
        Why::Stop => "does not end",
    }
}
