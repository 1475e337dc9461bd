//! One round: every server runs, each is asked for a slice of its requests in turn, until all had theirs.
//!
//! ```text
//! start all -> check the answers -> warm up -> A B C  C B A  A B C … -> stop -> count lines
//! ```
//!
//! A machine shared with strangers changes its speed by a third from one second to the next. A slice takes a
//! fraction of a second, so whatever comes and goes in longer than that meets all servers alike; turning the order
//! round after each pass does the same for a speed that rises or falls.
//!
//! A slice of the first case begins with requests that do not count. Since its last one a server has not run, and
//! others' memory is in the processor's caches; its own, of which one with a log has more, has to come back first.
//! A server at work is never in that state, and those that measure one at a time do not see it.
//!
//! The CPU time of a slice is read when the server has had time to finish what it does later (a publisher that
//! sends the last lines), before the slice and after it, so that all of a request's work counts and idle waiting
//! hardly does.
//!
//! Then each is asked at a fixed rate, in turn as well, for how long an answer takes.
//!
//! Every round starts the servers anew, since where a process happens to lie in memory is worth some per cent.

use std::thread;
use std::time::Duration;

use benches::cpu::{self, CpuTimes};
use benches::load::{Expected, Load, Round};

use crate::RunError;
use crate::candidate::{Candidate, Running};
use crate::case::Case;
use crate::plan::{Effort, RATE_SLICES_A_SECOND};
use crate::sample::{Delays, Lines, Sample};
use crate::server::Setup;
use crate::wrk::Wrk;

/// A publisher empties the rings every 20 ms.
pub(crate) const SETTLING: Duration = Duration::from_millis(25);

/// lighttpd calls it a failure when connections are still closing as it is told to end.
const CLOSING: Duration = Duration::from_millis(100);

/// A server in a round.
#[derive(Debug)]
struct Contestant {
    candidate: Candidate,
    running: Running,
    load: Load,
    /// What asks in its place, where a slice is measured.
    wrk: Option<Wrk>,
    by_wrk: u64,
    uncounted_max: u64,
    /// Before each slice.
    at_work: u64,
    requests: u64,
    /// While it was being asked.
    elapsed: Duration,
    /// By all threads, and by the busiest of each slice: with one worker, the worker.
    total: Duration,
    busiest: Duration,
    /// Of requests at a fixed rate.
    delays: Vec<Duration>,
}

/// Measures `candidates` once; their samples, in the same order.
pub(crate) fn measure(
    candidates: &[Candidate],
    setup: &Setup,
    case: &Case,
    effort: &Effort,
) -> Result<Vec<Sample>, RunError> {
    let mut contestants = candidates
        .iter()
        .map(|candidate| Contestant::start(*candidate, setup, case, effort))
        .collect::<Result<Vec<_>, _>>()?;
    for slice in 0..effort.slices {
        let len = effort.slice_len(slice);
        for contestant in &mut contestants {
            contestant.run(len)?;
        }
        contestants.reverse();
    }
    if effort.slices % 2 == 1 {
        contestants.reverse();
    }
    if let Some(rate) = effort.rate {
        for _ in 0..effort.rate_slices {
            for contestant in &mut contestants {
                contestant.run_at(rate)?;
            }
        }
    }
    let asked = contestants.into_iter().map(Contestant::hang_up);
    let asked = asked.collect::<Result<Vec<_>, _>>()?;
    thread::sleep(CLOSING);
    asked.into_iter().map(Asked::finish).collect()
}

/// A server in a round that is asked nothing more.
#[derive(Debug)]
struct Asked {
    running: Running,
    sample: Sample,
    served: u64,
    uncounted_max: u64,
}

impl Asked {
    /// Stops it and counts the lines of its log beside the requests it served.
    fn finish(self) -> Result<Sample, RunError> {
        let (served, uncounted_max) = (self.served, self.uncounted_max);
        let written = self.running.stop(served)?;
        let lines = written.map(|written| Lines {
            written,
            served,
            uncounted_max,
        });
        Ok(Sample {
            lines,
            ..self.sample
        })
    }
}

impl Contestant {
    fn start(
        candidate: Candidate,
        setup: &Setup,
        case: &Case,
        effort: &Effort,
    ) -> Result<Self, RunError> {
        let name = candidate.name();
        let failed = |source| RunError::Load { name, source };
        let running = candidate.start(setup, case)?;
        let wanted = case.wanted(&setup.site);
        let expected = Expected::learn(running.address, &case.question, &wanted).map_err(failed)?;
        let mut load = Load::connect(running.address, case.shape, expected).map_err(failed)?;
        load.run(effort.warm_up).map_err(failed)?;
        let connections = case.shape.connections;
        let wrk = Wrk::new(running.address, &case.question, connections);
        Ok(Self {
            candidate,
            wrk: effort.with_wrk.then_some(wrk),
            by_wrk: 0,
            uncounted_max: 0,
            at_work: effort.at_work,
            running,
            load,
            requests: 0,
            elapsed: Duration::ZERO,
            total: Duration::ZERO,
            busiest: Duration::ZERO,
            delays: Vec::new(),
        })
    }

    fn run(&mut self, requests: u64) -> Result<(), RunError> {
        if self.at_work > 0 {
            self.ask(self.at_work)?;
        }
        let before = self.cpu_times()?;
        let round = self.ask(requests)?;
        let used = self.cpu_times()?.since(&before);
        self.requests += round.requests;
        self.elapsed += round.elapsed;
        self.total += used.total;
        self.busiest += used.busiest;
        Ok(())
    }

    /// Sends requests, and lets the server finish what they leave it with.
    fn ask(&mut self, requests: u64) -> Result<Round, RunError> {
        let name = self.candidate.name();
        let round = if let Some(wrk) = &self.wrk {
            let round = wrk.run();
            let round = round.map_err(|source| RunError::Wrk { name, source })?;
            self.by_wrk += round.requests;
            self.uncounted_max += wrk.connections as u64;
            round
        } else {
            let round = self.load.run(requests);
            round.map_err(|source| RunError::Load { name, source })?
        };
        thread::sleep(SETTLING);
        Ok(round)
    }

    fn run_at(&mut self, rate: u64) -> Result<(), RunError> {
        let name = self.candidate.name();
        let delays = self.load.run_at(rate, rate / RATE_SLICES_A_SECOND);
        self.delays
            .extend(delays.map_err(|source| RunError::Load { name, source })?);
        Ok(())
    }

    fn cpu_times(&self) -> Result<CpuTimes, RunError> {
        let name = self.candidate.name();
        CpuTimes::read_all(&self.running.processes())
            .map_err(|source| RunError::CpuTime { name, source })
    }

    /// What it cost; closes the connections.
    fn hang_up(mut self) -> Result<Asked, RunError> {
        let name = self.candidate.name();
        let memory_kib = cpu::memory_kib(&self.running.processes());
        let memory_kib = memory_kib.map_err(|source| RunError::CpuTime { name, source })?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let requests = self.requests as f64;
        let micros_each = |time: Duration| time.as_secs_f64() * 1e6 / requests;
        Ok(Asked {
            served: self.load.answered() + self.by_wrk + Expected::LEARNING_REQUESTS,
            uncounted_max: self.uncounted_max,
            running: self.running,
            sample: Sample {
                requests_per_second: requests / self.elapsed.as_secs_f64(),
                cpu_micros: micros_each(self.total),
                busiest_micros: micros_each(self.busiest),
                memory_kib,
                delays: Delays::of(&mut self.delays),
                lines: None,
            },
        })
    }
}
