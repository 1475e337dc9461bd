//! How a process is brought to its end, step by step, each with its time: a value.
//!
//! ```text
//! Writing: it gets what waits -> Reading: nothing more comes -> Terminated -> Killed
//! ```

use std::time::{Duration, Instant};

/// How long each step may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Patience {
    /// For what waits to be written.
    pub(crate) write: Duration,
    /// From then, or from when all is written, to its own end.
    pub(crate) end: Duration,
    /// From TERM to KILL.
    pub(crate) term: Duration,
}

impl Patience {
    /// Ends it without waiting.
    pub(super) const NONE: Self = Self {
        write: Duration::ZERO,
        end: Duration::ZERO,
        term: Duration::ZERO,
    };
}

impl Default for Patience {
    /// 5 and 5 s: one that has not opened its files again 10 s after a HUP is not going to. 2 s:
    /// enough to write out what it holds.
    fn default() -> Self {
        Self {
            write: Duration::from_secs(5),
            end: Duration::from_secs(5),
            term: Duration::from_secs(2),
        }
    }
}

/// A process that is being ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) why: Why,
    pub(super) step: Step,
    /// When the step ends at the latest.
    pub(super) until: Instant,
    patience: Patience,
}

/// Why it is to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Why {
    /// Its files are to be opened again, by the next.
    Reopen,
    /// It has closed its standard input.
    Deaf,
    /// The log writer ends.
    Stop,
}

/// What it is allowed at present.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Writing,
    Reading,
    Terminated,
    Killed,
}

impl Ending {
    /// Begins with what waits.
    pub(super) fn new(why: Why, patience: Patience, now: Instant) -> Self {
        Self {
            why,
            step: Step::Writing,
            until: now + patience.write,
            patience,
        }
    }

    /// Nothing more is written to it.
    pub(super) fn read_out(&mut self, now: Instant) {
        self.step = Step::Reading;
        self.until = now + self.patience.end;
    }

    /// It has less time than it had.
    pub(super) fn hurry(&mut self, patience: Patience, now: Instant) {
        self.patience = patience;
        self.until = self.until.min(now + patience.end);
    }

    /// Goes to the next step if the time of this one is over; returns it then.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Step> {
        if now < self.until || self.step == Step::Killed {
            return None;
        }
        let (step, within) = match self.step {
            Step::Writing => (Step::Reading, self.patience.end),
            Step::Reading => (Step::Terminated, self.patience.term),
            Step::Terminated | Step::Killed => (Step::Killed, self.patience.term),
        };
        self.step = step;
        self.until = now + within;
        Some(step)
    }

    /// It does not even end by KILL: it hangs in the kernel.
    pub(super) fn is_hopeless(&self, now: Instant) -> bool {
        self.step == Step::Killed && now >= self.until + UNKILLABLE
    }
}

/// 1 s: KILL takes effect at once, if it can.
const UNKILLABLE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_follow_each_other_when_their_time_is_over() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let mut ending = Ending::new(Why::Stop, Patience::default(), start);

        assert_eq!(ending.advance(after(4)), None);
        assert_eq!(ending.advance(after(5)), Some(Step::Reading));
        assert_eq!(ending.advance(after(9)), None);
        assert_eq!(ending.advance(after(10)), Some(Step::Terminated));
        assert_eq!(ending.advance(after(12)), Some(Step::Killed));
        assert_eq!(ending.advance(after(99)), None);
        assert!(!ending.is_hopeless(after(14)));
        assert!(ending.is_hopeless(after(15)));
    }
}
