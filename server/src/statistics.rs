//! What was counted, in a line for the operator: thttpd's hourly lines, and what USR2 asks for.
//!
//! The status page says more, to those who ask for it; this is for a log that is read later.

use std::fmt;
use std::time::Duration;

use crate::counters::Totals;

/// The counts at the line before this one.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    at: Duration,
    totals: Totals,
    logged: Logged,
}

/// What became of the lines of the log, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Logged {
    pub(crate) lines: u64,
    pub(crate) lost: u64,
}

impl Statistics {
    /// The line for what has happened since the one before it, `up` after the start; with a log
    /// its lines are in it.
    pub(crate) fn line(&mut self, up: Duration, totals: &Totals, logged: Option<Logged>) -> String {
        let before = self.totals;
        let since = up.saturating_sub(self.at);
        let rate = |count: u64| Rate { count, since };
        let open = totals.connections - totals.connections_ended.min(totals.connections);
        let hits = totals.cache_hits - before.cache_hits;
        let looks = hits + totals.cache_misses - before.cache_misses;
        let mut line = format!(
            "up {} s, in the last {} s: {} connections, {open} open now; {} requests, {} refused, \
             {} cut off; {} bytes; {hits} of {looks} look-ups from the cache",
            up.as_secs(),
            since.as_secs(),
            rate(totals.connections - before.connections),
            rate(totals.exchanges - before.exchanges),
            totals.refused - before.refused,
            totals.cut_off - before.cut_off,
            rate(totals.content_bytes - before.content_bytes),
        );
        if let Some(logged) = logged {
            // A line that waits may be lost later, and is no line then.
            let lines = logged.lines.saturating_sub(self.logged.lines);
            let lost = logged.lost.saturating_sub(self.logged.lost);
            line += &format!("; {lines} lines logged, {lost} lost");
            self.logged = logged;
        }
        (self.at, self.totals) = (up, *totals);
        line
    }
}

/// A count and how many that is in a second.
struct Rate {
    count: u64,
    since: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.count)?;
        // Of less than a second it would say nothing.
        let Some(thousandths) =
            (u128::from(self.count) * 1_000_000).checked_div(self.since.as_millis())
        else {
            return Ok(());
        };
        if self.since < Duration::from_secs(1) {
            return Ok(());
        }
        write!(f, " ({}.{:03}/s)", thousandths / 1_000, thousandths % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_about_what_has_happened_since_the_one_before() {
        let mut statistics = Statistics::default();
        let totals = Totals {
            connections: 10,
            connections_ended: 8,
            exchanges: 36,
            refused: 3,
            cut_off: 1,
            content_bytes: 7_200_000,
            cache_hits: 30,
            cache_misses: 2,
            ..Totals::default()
        };

        assert_eq!(
            statistics.line(Duration::from_secs(3600), &totals, None),
            "up 3600 s, in the last 3600 s: 10 (0.002/s) connections, 2 open now; \
             36 (0.010/s) requests, 3 refused, 1 cut off; 7200000 (2000.000/s) bytes; \
             30 of 32 look-ups from the cache"
        );
        let later = Totals {
            exchanges: 40,
            ..totals
        };
        let logged = Logged { lines: 4, lost: 0 };
        assert_eq!(
            statistics.line(Duration::from_millis(3_600_500), &later, Some(logged)),
            "up 3600 s, in the last 0 s: 0 connections, 2 open now; 4 requests, 0 refused, \
             0 cut off; 0 bytes; 0 of 0 look-ups from the cache; 4 lines logged, 0 lost"
        );
    }
}
