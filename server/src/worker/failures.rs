//! Failures to serve a file, told to the operator without filling his disk.
//!
//! While descriptors are short or a disk is broken, every request fails, as many as clients care
//! to send. Each has its line in the access log; here it is enough to say what is wrong now and
//! then.

use std::fmt;

use crate::site::LookupError;

/// Seconds between two warnings of a worker.
const TOLD_EVERY: u64 = 10;

/// What a worker has told of, and what not.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// In seconds since 1970.
    told_at: Option<u64>,
    /// Failures since then.
    untold: u64,
}

impl Failures {
    /// Tells of `error`, met `now` in seconds since 1970, unless another was told of just before.
    pub(crate) fn tell(&mut self, error: LookupError, now: u64) {
        if let Some(untold) = self.count(now) {
            tracing::warn!("a file could not be served: {error}{}", More(untold));
        }
    }

    /// How many were not told of, if this one is to be.
    fn count(&mut self, now: u64) -> Option<u64> {
        // The clock may have been set back.
        if self.told_at.is_some_and(|at| now.abs_diff(at) < TOLD_EVERY) {
            self.untold += 1;
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Failures that were not told of.
struct More(u64);

impl fmt::Display for More {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => write!(f, " (as one more before)"),
            more => write!(f, " (as {more} more before)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_now_and_then_and_the_others_counted() {
        let mut failures = Failures::default();

        assert_eq!(failures.count(1_000), Some(0));
        for now in [1_000, 1_000, 1_009, 995] {
            assert_eq!(failures.count(now), None);
        }
        assert_eq!(failures.count(1_010), Some(4));
        assert_eq!(failures.count(2_000), Some(0));
        assert_eq!(failures.count(5), Some(0));
    }
}
