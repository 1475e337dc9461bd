//! What one round tells of a server.

use std::ops::Add;
use std::time::Duration;

use benches::figures::quantile;
use serde_json::{Value, json};

/// One server in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) requests_per_second: f64,
    /// Of all threads and processes of the server.
    pub(crate) cpu_micros: f64,
    /// Of its busiest thread alone.
    pub(crate) busiest_micros: f64,
    /// Of its own, in KiB: `RssAnon` of all its processes when all is answered.
    pub(crate) memory_kib: u64,
    /// At a fixed rate, where that was measured.
    pub(crate) delays: Option<Delays>,
    /// Where it logs.
    pub(crate) lines: Option<Lines>,
}

/// Of the whole life of a server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lines {
    /// Lines that arrived.
    pub(crate) written: u64,
    /// Requests that were served, as the load counted them.
    pub(crate) served: u64,
    /// How many more these may be: the load ended before their answers came.
    pub(crate) uncounted_max: u64,
}

impl Lines {
    /// Whether each request has its line.
    pub(crate) fn are_all(self) -> bool {
        (self.served..=self.served + self.uncounted_max).contains(&self.written)
    }
}

impl Add for Lines {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            written: self.written + other.written,
            served: self.served + other.served,
            uncounted_max: self.uncounted_max + other.uncounted_max,
        }
    }
}

/// How long answers took from when they were to be asked for, in microseconds: what half, 99 and 99.9 of a
/// hundred did not exceed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    pub(crate) half: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Delays {
    pub(crate) fn of(delays: &mut [Duration]) -> Option<Self> {
        let mut micros = |part| Some(quantile(delays, part)?.as_secs_f64() * 1e6);
        Some(Self {
            half: micros(0.5)?,
            p99: micros(0.99)?,
            p999: micros(0.999)?,
        })
    }

    pub(crate) fn json(self) -> Value {
        json!({"p50_micros": self.half, "p99_micros": self.p99, "p99_9_micros": self.p999})
    }
}

impl Sample {
    /// One line of progress.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.map(|lines| {
            let Lines {
                written, served, ..
            } = lines;
            let same = match lines.are_all() {
                true if written == served => "=",
                true => "≈",
                false => "≠",
            };
            format!("   {written} lines {same} {served} served")
        });
        format!(
            "{:>9.0} requests/s {:>7.2} µs CPU/request{}",
            self.requests_per_second,
            self.cpu_micros,
            lines.unwrap_or_default()
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "requests_per_second": self.requests_per_second,
            "cpu_micros": self.cpu_micros,
            "busiest_micros": self.busiest_micros,
            "rss_anon_kib": self.memory_kib,
            "delays": self.delays.map(Delays::json),
            "lines": self.lines.map(|lines| lines.written),
            "served": self.lines.map(|lines| lines.served),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_all_when_they_are_as_many_as_requests_or_as_those_that_were_not_counted_too() {
        let lines = |written, uncounted_max| Lines {
            written,
            served: 100,
            uncounted_max,
        };

        assert!(lines(100, 0).are_all() && lines(100, 5).are_all() && lines(105, 5).are_all());
        assert!(!lines(99, 5).are_all() && !lines(106, 5).are_all() && !lines(101, 0).are_all());
    }
}
