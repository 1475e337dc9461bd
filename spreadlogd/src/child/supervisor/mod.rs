//! The thread of a child: it starts its processes one after the other, and feeds them.
//!
//! One process at a time, so that what is read stays in order: when files are to be opened again,
//! the next one is started when the one before has read to its end, or has been ended. What is
//! given meanwhile waits in the inbox, within its bound.

mod ends;

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, warn};

use super::backoff::Backoff;
use super::complaints::Complaints;
use super::ending::{Ending, Patience, Step, Why};
use super::flow::{Done, Flow};
use super::inbox::{Inbox, Order};
use super::process::{Events, Process};
use super::program::{Feed, Program};
use super::record::Record;

/// Feeds one process after the other until it is told to stop.
#[derive(Debug)]
pub(super) struct Supervisor {
    program: Program,
    inbox: Arc<Inbox>,
    woken: PipeReader,
    /// How long a process has to end for the next one's sake.
    reopening: Patience,
    /// What was taken from the inbox and comes after the process that runs.
    orders: VecDeque<Order>,
    flow: Flow,
    process: Option<Process>,
    ending: Option<Ending>,
    /// When the next is started, while none runs.
    start_at: Instant,
    backoff: Backoff,
    complaints: Complaints,
    stop: Option<Stop>,
    /// How long to wait before asking again how much was read.
    nap: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Stop {
    write_by: Instant,
    patience: Patience,
}

impl Supervisor {
    /// With its first process started.
    pub(super) fn new(
        program: Program,
        inbox: Arc<Inbox>,
        woken: PipeReader,
        reopening: Patience,
    ) -> io::Result<Self> {
        let now = Instant::now();
        let mut supervisor = Self {
            program,
            inbox,
            woken,
            reopening,
            orders: VecDeque::new(),
            flow: Flow::default(),
            process: None,
            ending: None,
            start_at: now,
            backoff: Backoff::default(),
            complaints: Complaints::default(),
            stop: None,
            nap: NAP_MIN,
        };
        supervisor.start(now)?;
        Ok(supervisor)
    }

    /// The thread's work; returns when all is written and read, or given up.
    pub(super) fn run(mut self) {
        loop {
            let now = Instant::now();
            self.start_if_due(now);
            self.take_orders(now);
            self.feed(now);
            self.settle();
            self.advance(now);
            if self.is_over(now) {
                return self.abandon();
            }
            let events = self.wait(now);
            self.handle(events, Instant::now());
        }
    }

    fn take_orders(&mut self, now: Instant) {
        let stop = self.inbox.take(&mut self.orders);
        if let (Some(patience), None) = (stop, self.stop) {
            self.begin_to_stop(patience, now);
        }
        while !self.is_reopening() {
            match self.orders.pop_front() {
                Some(Order::Give(record)) => self.flow.push(record),
                Some(Order::Reopen) => self.reopen(now),
                None => return,
            }
        }
    }

    fn is_reopening(&self) -> bool {
        self.ending
            .is_some_and(|ending| ending.why == Why::Reopen && self.stop.is_none())
    }

    fn reopen(&mut self, now: Instant) {
        if self.process.is_none() {
            // What it lacked may be there now.
            self.backoff.reset();
            self.start_at = now;
        } else if self.program.feed != Feed::Lines {
            self.flow.push(Record::hup());
        } else if self.ending.is_none() {
            self.ending = Some(Ending::new(Why::Reopen, self.reopening, now));
        }
    }

    fn begin_to_stop(&mut self, patience: Patience, now: Instant) {
        let write_by = now + patience.write;
        self.stop = Some(Stop { write_by, patience });
        let is_framed = self.program.feed != Feed::Lines;
        for order in self.orders.drain(..) {
            match order {
                Order::Give(record) => self.flow.push(record),
                Order::Reopen if is_framed => self.flow.push(Record::hup()),
                // Not worth a process that is ended at once: all goes to the one that runs.
                Order::Reopen => {}
            }
        }
        match &mut self.ending {
            Some(ending) if ending.step != Step::Writing => ending.hurry(patience, now),
            _ => self.end_for_good(now),
        }
    }

    /// The process that runs, if one does, is the last.
    fn end_for_good(&mut self, now: Instant) {
        let (Some(stop), Some(_)) = (self.stop, &self.process) else {
            return;
        };
        if self.program.feed != Feed::Lines {
            self.flow.push(Record::stop());
        }
        let mut ending = Ending::new(Why::Stop, stop.patience, now);
        ending.until = stop.write_by;
        self.ending = Some(ending);
    }

    fn start_if_due(&mut self, now: Instant) {
        let is_needed = self.stop.is_none() || self.flow.lines() > 0;
        if self.process.is_some() || now < self.start_at || !is_needed {
            return;
        }
        if let Err(error) = self.start(now) {
            let delay = self.backoff.next(Duration::ZERO);
            self.start_at = now + delay;
            warn!(
                "cannot start {}: {error}; trying again in {delay:?}",
                self.program.name
            );
        }
    }

    fn start(&mut self, now: Instant) -> io::Result<()> {
        let process = Process::start(&self.program, now)?;
        let is_framed = self.program.feed != Feed::Lines;
        self.flow.begin(is_framed.then(Record::hello));
        self.inbox.counters().set_pid(Some(process.id()));
        debug!("started {}: process {}", self.program.name, process.id());
        self.process = Some(process);
        self.end_for_good(now);
        Ok(())
    }

    fn is_writing(&self) -> bool {
        let is_open = self.process.as_ref().is_some_and(Process::is_open);
        let may_write = self
            .ending
            .is_none_or(|ending| ending.step == Step::Writing);
        is_open && may_write && self.flow.has_more()
    }

    /// Writes what the pipe takes.
    fn feed(&mut self, now: Instant) {
        while self.is_writing() {
            let Some(process) = &self.process else {
                return;
            };
            match process.write(&self.flow.slices()) {
                Ok(Some(len)) => {
                    self.flow.wrote(len);
                    self.nap = NAP_MIN;
                }
                Ok(None) => return,
                Err(_) => self.lose_reader(now),
            }
        }
    }

    /// Asks what has been read.
    fn settle(&mut self) {
        if self.flow.in_pipe() == 0 {
            return;
        }
        if let Some(process) = self.process.as_ref().filter(|process| process.is_open()) {
            let done = self.flow.read_all_but(process.unread());
            self.written(done);
        }
    }

    fn written(&self, done: Done) {
        self.inbox.counters().lines_written.add(done.lines);
        self.inbox.give_back(done);
    }

    /// Nobody reads the pipe any more, though the process has not ended, as far as is known.
    fn lose_reader(&mut self, now: Instant) {
        self.take_back();
        let ending = Ending::new(Why::Deaf, self.reopening, now);
        let ending = self.ending.get_or_insert(ending);
        if ending.step == Step::Writing {
            ending.read_out(now);
        }
    }

    /// Closes the pipe; what was not read from it waits for the next.
    fn take_back(&mut self) {
        if let Some(process) = self.process.as_mut() {
            let unread = process.take_back();
            let done = self.flow.end(unread);
            self.written(done);
        }
    }

    fn wait(&mut self, now: Instant) -> Events {
        let mut until = self.ending.map(|ending| ending.until);
        let mut sooner = |at: Instant| until = Some(until.map_or(at, |until| until.min(at)));
        let is_open = self.process.as_ref().is_some_and(Process::is_open);
        if self.process.is_none() {
            sooner(self.start_at);
        } else if is_open && (self.flow.in_pipe() > 0 || self.ending.is_some()) {
            // No event says that a pipe was read, but for one that was full.
            let max = self.ending.map_or(NAP_MAX, |_| NAP_MAX_ENDING);
            let nap = self.nap.min(max);
            sooner(now + nap);
            self.nap = nap * 2;
        }
        let timeout = until.map(|until| until.saturating_duration_since(now));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let is_writing = self.is_writing();
        match &self.process {
            Some(process) => process.wait(&self.woken, is_writing, timeout.as_ref()),
            None => {
                let mut fds = [PollFd::new(&self.woken, PollFlags::IN)];
                let ready = poll(&mut fds, timeout.as_ref());
                Events {
                    is_woken: ready.is_ok_and(|ready| ready > 0),
                    ..Events::default()
                }
            }
        }
    }

    fn handle(&mut self, events: Events, now: Instant) {
        if events.is_woken {
            // What it says is in the inbox.
            let _ = self.woken.read(&mut [0; 64]);
        }
        if events.has_said {
            self.tell_complaints(now);
        }
        if events.has_ended {
            self.ended(now);
        } else if events.is_deaf {
            self.lose_reader(now);
        }
    }

    /// Says on what the process has said; whether that was something.
    fn tell_complaints(&mut self, now: Instant) -> bool {
        let said = self.process.as_mut().map(Process::read_complaints);
        let said = said.unwrap_or_default();
        for line in self.complaints.feed(&said, now) {
            warn!("{}: {line}", self.program.name);
        }
        !said.is_empty()
    }
}

/// 1 ms: a reader that is awake has read by then. Doubled as long as it has not, up to 1 s, and
/// 50 ms when somebody waits for it.
const NAP_MIN: Duration = Duration::from_millis(1);
const NAP_MAX: Duration = Duration::from_secs(1);
const NAP_MAX_ENDING: Duration = Duration::from_millis(50);
