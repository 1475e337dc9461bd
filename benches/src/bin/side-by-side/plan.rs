//! What is measured: which cases, whom in each, how much, and about how long that takes. Pure.

use std::time::Duration;

use crate::case::{Answer, Case};
use crate::report::Row;

/// A run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) parts: Vec<Part>,
}

/// One case of it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) case: Case,
    pub(crate) effort: Effort,
    pub(crate) rows: Vec<Row>,
}

/// What each server is asked for in a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Requests before it is measured, for caches, allocators and the connections' windows.
    pub(crate) warm_up: u64,
    pub(crate) requests: u64,
    /// Requests before each slice that do not count, where there are any.
    pub(crate) at_work: u64,
    /// Parts these are sent in.
    pub(crate) slices: u64,
    /// Requests a second, where delays are measured.
    pub(crate) rate: Option<u64>,
    /// Parts of a fifth of a second at that rate.
    pub(crate) rate_slices: u64,
    /// Each slice is a second of `wrk`, however many requests that are.
    pub(crate) with_wrk: bool,
}

/// A server asked at a fixed rate is asked for so long at a time.
pub(crate) const RATE_SLICES_A_SECOND: u64 = 5;

/// At 100,000 requests a round, 5,000 a slice: a twentieth of a second.
const SLICES: u64 = 20;

const RATE_SLICE: Duration = Duration::from_millis(1000 / RATE_SLICES_A_SECOND);

/// Two seconds of a round.
const RATE_SLICES: u64 = 10;

/// The first case is measured best; so many others would take hours as well as that.
const OTHERS_SLICES: u64 = 10;
const OTHERS_RATE_SLICES: u64 = 2;

/// A quarter of a slice, some hundredths of a second, is asked for before it.
const AT_WORK_SHARE: u64 = 4;

/// Part of a measurement's requests that is sent before it.
const WARM_UP_SHARE: u64 = 10;

impl Effort {
    /// Of `case`, where the first case has `requests` and `rate`.
    pub(crate) fn of(case: &Case, requests: u64, rate: u64) -> Self {
        let requests = case.requests(requests);
        let (slices, rate_slices, at_work) = if case.is_first() {
            let at_work = requests / SLICES / AT_WORK_SHARE;
            (SLICES, RATE_SLICES, at_work.max(1))
        } else {
            (OTHERS_SLICES, OTHERS_RATE_SLICES, 0)
        };
        Self {
            warm_up: case.warm_up.unwrap_or(requests / WARM_UP_SHARE).max(1),
            requests,
            at_work,
            slices: case.slices.unwrap_or(slices).min(requests),
            rate: case.rate(rate),
            rate_slices,
            with_wrk: false,
        }
    }

    /// The same by `wrk`, for about as long; none of what it cannot ask or would take for an error.
    pub(crate) fn by_wrk(self, case: &Case) -> Option<Self> {
        let is_plain = case.question.is_persistent
            && case.question.names.is_none()
            && case.shape.pipelined == 1
            && !matches!(case.answer, Answer::Missing);
        is_plain.then_some(Self {
            slices: if case.is_first() { 3 } else { 1 },
            at_work: 0,
            with_wrk: true,
            ..self
        })
    }

    /// The requests of one slice: all slices together are all requests.
    pub(crate) fn slice_len(&self, slice: u64) -> u64 {
        let slices = self.slices.max(1);
        self.requests / slices + u64::from(slice < self.requests % slices)
    }

    /// About how long a server of a round takes.
    fn time(&self, case: &Case) -> Duration {
        let sent = if self.with_wrk {
            0
        } else {
            self.requests + self.at_work * self.slices
        };
        let pauses = self.slices * if self.at_work > 0 { 2 } else { 1 };
        let requests = (self.warm_up + sent) * case.thinned;
        let by_wrk = if self.with_wrk { self.slices } else { 0 };
        let rate_slices = if self.rate.is_some() {
            self.rate_slices
        } else {
            0
        };
        START_AND_STOP
            + Duration::from_secs(by_wrk)
            + REQUEST * u32::try_from(requests).unwrap_or(u32::MAX)
            + crate::round::SETTLING * u32::try_from(pauses).unwrap_or(0)
            + RATE_SLICE * u32::try_from(rate_slices).unwrap_or(0)
    }
}

/// As it was on two cores of 2026.
const START_AND_STOP: Duration = Duration::from_millis(300);
const REQUEST: Duration = Duration::from_micros(12);

impl Plan {
    /// Of `cases`, each with those of `rows` that take part in it.
    pub(crate) fn new(
        cases: Vec<Case>,
        rows: &[Row],
        rounds: usize,
        effort: impl Fn(&Case) -> Option<Effort>,
    ) -> Self {
        let parts = cases.into_iter().filter_map(|case| {
            let rows = rows.iter().filter(|row| row.is_in(&case));
            Some(Part {
                effort: effort(&case)?,
                rows: rows.cloned().collect(),
                case,
            })
        });
        Self {
            rounds,
            parts: parts.collect(),
        }
    }

    /// About how long it takes.
    pub(crate) fn time(&self) -> Duration {
        self.parts.iter().map(|part| self.time_of(part)).sum()
    }

    pub(crate) fn time_of(&self, part: &Part) -> Duration {
        let runs = self.rounds * part.rows.len();
        part.effort.time(&part.case) * u32::try_from(runs).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use crate::candidate::Candidate;

    use super::*;

    fn row(candidate: Candidate, is_named: bool) -> Row {
        Row {
            candidate,
            is_named,
            version: String::new(),
            samples: Vec::new(),
        }
    }

    fn names(part: &Part) -> Vec<&'static str> {
        let rows = part.rows.iter();
        rows.map(|row| row.candidate.name()).collect()
    }

    #[test]
    fn the_slices_are_all_of_the_requests() {
        for case in Case::all() {
            for requests in [1, 7, 20, 21, 399_999, 400_000] {
                let effort = Effort::of(&case, requests, 0);
                let sum: u64 = (0..effort.slices)
                    .map(|slice| effort.slice_len(slice))
                    .sum();

                assert_eq!(sum, effort.requests);
            }
        }
    }

    #[test]
    fn logs_of_this_machine_are_in_the_first_case_or_where_they_are_asked_for() {
        let plan = |is_named| {
            let rows = [
                row(Candidate::Nginx, is_named),
                row(Candidate::NginxFile, is_named),
                row(Candidate::RthttpdLogged, is_named),
            ];
            Plan::new(Case::all(), &rows, 1, |case| Some(Effort::of(case, 1, 0)))
        };

        for part in plan(false).parts {
            let has_file = names(&part).contains(&"nginx-file");
            assert_eq!(has_file, part.case.is_first(), "{}", part.case.name);
            assert!(names(&part).contains(&"rthttpd-logged"));
        }
        let named = plan(true);
        let asked_for = |part: &&Part| names(part).contains(&"nginx-file");
        assert!(named.parts.iter().filter(asked_for).count() > 10);
    }

    #[test]
    fn wrk_is_asked_for_nothing_that_it_cannot_ask_or_takes_for_an_error() {
        let by_wrk = |case: &&Case| Effort::of(case, 1, 0).by_wrk(case).is_some();
        let cases = Case::all();
        let names: Vec<_> = cases.iter().filter(by_wrk).map(|case| case.name).collect();

        assert!(names.contains(&"1k") && names.contains(&"304"));
        for name in ["pipelined", "closing", "404", "files"] {
            assert!(!names.contains(&name), "{name}");
        }
    }

    /// What the page promises: with all that can be installed.
    #[test]
    fn a_full_run_of_five_rounds_takes_less_than_twenty_minutes() {
        let all = Candidate::ALL.into_iter();
        let rows: Vec<Row> = all
            .filter(|row| !row.name().starts_with("before"))
            .map(|candidate| row(candidate, false))
            .collect();

        let plan = Plan::new(Case::all(), &rows, 5, |case| {
            Some(Effort::of(case, crate::REQUESTS, crate::RATE))
        });

        assert!(
            plan.time() < Duration::from_secs(20 * 60),
            "{:?}",
            plan.time()
        );
    }
}
