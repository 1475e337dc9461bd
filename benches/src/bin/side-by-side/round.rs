//! One round: every server runs, each is asked for a slice of its requests in turn, until all had theirs.
//!
//! ```text
//! start all -> check the answers -> warm up -> A B C  C B A  A B C … -> stop -> count lines
//! ```
//!
//! A machine shared with strangers changes its speed by a third from one second to the next. A slice takes a
//! fraction of a second, so whatever comes and goes in longer than that meets all servers alike; turning the order
//! round after each pass does the same for a speed that rises or falls. The CPU time of a slice is read when the
//! server has had time to finish what it does later (a publisher that sends the last lines), so that all of a
//! request's work counts and idle waiting hardly does.
//!
//! Then each is asked at a fixed rate, in turn as well, for how long an answer takes.
//!
//! Every round starts the servers anew, since where a process happens to lie in memory is worth some per cent.

use std::thread;
use std::time::Duration;

use benches::cpu::{self, CpuTimes};
use benches::load::{Expected, Load};

use crate::RunError;
use crate::candidate::{Candidate, Running};
use crate::case::Case;
use crate::report::{Delays, Sample};
use crate::server::Setup;

/// At 400,000 requests a round, 20,000 a slice: a sixth of a second.
const SLICES: u64 = 20;

/// A publisher empties the rings every 20 ms.
const SETTLING: Duration = Duration::from_millis(25);

/// At a fixed rate each server is asked for two seconds of a round, in parts.
const RATE_SLICES: u64 = 10;
const RATE_SLICES_A_SECOND: u64 = 5;

/// lighttpd calls it a failure when connections are still closing as it is told to end.
const CLOSING: Duration = Duration::from_millis(100);

/// Part of a measurement's requests sent before it, for caches, allocators and the connections' windows.
const WARM_UP_SHARE: u64 = 10;

/// A server in a round.
#[derive(Debug)]
struct Contestant {
    candidate: Candidate,
    running: Running,
    load: Load,
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
    requests: u64,
    rate: Option<u64>,
) -> Result<Vec<Sample>, RunError> {
    let mut contestants = candidates
        .iter()
        .map(|candidate| Contestant::start(*candidate, setup, case, requests))
        .collect::<Result<Vec<_>, _>>()?;
    for slice in 0..SLICES.min(requests) {
        let len = slice_len(requests, slice);
        for contestant in &mut contestants {
            contestant.run(len)?;
        }
        contestants.reverse();
    }
    if SLICES.min(requests) % 2 == 1 {
        contestants.reverse();
    }
    if let Some(rate) = rate {
        for _ in 0..RATE_SLICES {
            for contestant in &mut contestants {
                contestant.run_at(rate)?;
            }
        }
    }
    contestants.into_iter().map(Contestant::finish).collect()
}

/// The requests of one slice: all slices together are all requests.
fn slice_len(requests: u64, slice: u64) -> u64 {
    let slices = SLICES.min(requests);
    requests / slices + u64::from(slice < requests % slices)
}

impl Contestant {
    fn start(
        candidate: Candidate,
        setup: &Setup,
        case: &Case,
        requests: u64,
    ) -> Result<Self, RunError> {
        let name = candidate.name();
        let failed = |source| RunError::Load { name, source };
        let running = candidate.start(setup, case)?;
        let wanted = case.wanted(&setup.site);
        let expected = Expected::learn(running.address, &case.question, &wanted).map_err(failed)?;
        let mut load = Load::connect(running.address, case.shape, expected).map_err(failed)?;
        load.run((requests / WARM_UP_SHARE).max(1))
            .map_err(failed)?;
        Ok(Self {
            candidate,
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
        let before = self.cpu_times()?;
        let name = self.candidate.name();
        let round = self.load.run(requests);
        let round = round.map_err(|source| RunError::Load { name, source })?;
        thread::sleep(SETTLING);
        let used = self.cpu_times()?.since(&before);
        self.requests += round.requests;
        self.elapsed += round.elapsed;
        self.total += used.total;
        self.busiest += used.busiest;
        Ok(())
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

    /// What it cost; stops it and counts the lines of its log beside the requests it served.
    fn finish(mut self) -> Result<Sample, RunError> {
        let name = self.candidate.name();
        let memory_kib = cpu::memory_kib(&self.running.processes());
        let memory_kib = memory_kib.map_err(|source| RunError::CpuTime { name, source })?;
        let served = self.load.answered() + Expected::LEARNING_REQUESTS;
        drop(self.load);
        thread::sleep(CLOSING);
        let written = self.running.stop(served)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let requests = self.requests as f64;
        let micros_each = |time: Duration| time.as_secs_f64() * 1e6 / requests;
        Ok(Sample {
            requests_per_second: requests / self.elapsed.as_secs_f64(),
            cpu_micros: micros_each(self.total),
            busiest_micros: micros_each(self.busiest),
            memory_kib,
            delays: Delays::of(&mut self.delays),
            lines: written.map(|written| (written, served)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slices_are_all_of_the_requests() {
        for requests in [1, 7, 20, 21, 399_999, 400_000] {
            let slices = SLICES.min(requests);
            let sum: u64 = (0..slices).map(|slice| slice_len(requests, slice)).sum();

            assert_eq!(sum, requests);
        }
    }
}
