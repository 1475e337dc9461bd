//! The figures: gathered round by round, told as medians, a table and JSON.
//!
//! Ratios are taken within a round and their median is told, as in `side-by-side`.

use std::fmt::Write as _;
use std::time::Duration;

use benches::figures::median;
use benches::machine::Machine;
use serde_json::{Value, json};

use crate::row::Row;

/// One round of one writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Lines measured.
    pub(crate) lines: u64,
    /// Lines found in its files, which were as many as should be there.
    pub(crate) written: u64,
    /// CPU time for each line sent.
    pub(crate) cpu_micros: f64,
    /// From the first byte sent until the last was in the file.
    pub(crate) elapsed_micros: f64,
    /// `RssAnon` in KiB after the first stretch and after the last.
    pub(crate) memory_first: u64,
    pub(crate) memory_last: u64,
}

/// All rounds.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) lines: u64,
    pub(crate) rows: Vec<(Row, Vec<Sample>)>,
}

/// Time for each of so many lines.
pub(crate) fn micros(time: Duration, lines: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 lines")]
    let lines = lines as f64;
    time.as_secs_f64() * 1e6 / lines
}

impl Sample {
    /// One line of progress.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:>8.4} µs CPU/line   {} lines = sent   RssAnon {} KiB",
            self.cpu_micros, self.written, self.memory_last
        )
    }
}

impl Report {
    fn samples(&self, row: Row) -> Option<&[Sample]> {
        let found = self.rows.iter().find(|(other, _)| *other == row);
        found.map(|(_, samples)| samples.as_slice())
    }

    /// The median over rounds of CPU per line divided by that of `other` in the same round.
    fn ratio(&self, samples: &[Sample], other: Option<Row>) -> Option<f64> {
        let others = self.samples(other?)?;
        let pairs = samples.iter().zip(others);
        Some(median(
            pairs.map(|(a, b)| a.cpu_micros / b.cpu_micros).collect(),
        ))
    }

    /// The table printed at the end.
    pub(crate) fn table(&self) -> String {
        let rounds = self.rows.first().map_or(0, |(_, samples)| samples.len());
        let mut text = format!(
            "lines of 200 bytes; {rounds} rounds of {} lines, medians; all of them written in each round\n\
             CPU per line of all threads; ratios paired by round; RssAnon after the first and the last 500,000 lines\n\n\
             {:<18}{:>12}{:>11}{:>10}{:>10}{:>14}{:>10}\n",
            self.lines,
            "",
            "CPU µs/line",
            "elapsed",
            "to bare",
            "to plain",
            "RssAnon KiB",
            "at end"
        );
        for (row, samples) in &self.rows {
            let ratio = |other| {
                let ratio = self.ratio(samples, other);
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<18}{:>12.4}{:>11.4}{:>10}{:>10}{:>14.0}{:>10.0}",
                row.name(),
                of(samples, |sample| sample.cpu_micros),
                of(samples, |sample| sample.elapsed_micros),
                ratio(Some(Row::Bare)),
                ratio(row.plain()),
                of(samples, |sample| kib(sample.memory_first)),
                of(samples, |sample| kib(sample.memory_last)),
            );
        }
        text
    }

    /// The same and every sample, for programs.
    pub(crate) fn json(&self) -> String {
        let rows = self.rows.iter().map(|(row, samples)| {
            json!({
                "name": row.name(),
                "cpu_micros": of(samples, |sample| sample.cpu_micros),
                "to_bare": self.ratio(samples, Some(Row::Bare)),
                "to_plain": self.ratio(samples, row.plain()),
                "samples": samples.iter().map(sample_json).collect::<Vec<Value>>(),
            })
        });
        let Machine {
            processor,
            cores,
            kernel,
            load,
            commit,
            date,
        } = &self.machine;
        let report = json!({
            "machine": {
                "processor": processor, "cores": cores, "kernel": kernel, "load": load, "commit": commit, "date": date
            },
            "lines": self.lines,
            "writers": rows.collect::<Vec<Value>>(),
        });
        format!("{report:#}\n")
    }
}

fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    median(samples.iter().map(value).collect())
}

#[expect(clippy::cast_precision_loss, reason = "memory in KiB")]
fn kib(kib: u64) -> f64 {
    kib as f64
}

fn sample_json(sample: &Sample) -> Value {
    json!({
        "lines": sample.lines,
        "written": sample.written,
        "cpu_micros": sample.cpu_micros,
        "elapsed_micros": sample.elapsed_micros,
        "rss_anon_kib_first": sample.memory_first,
        "rss_anon_kib_last": sample.memory_last,
    })
}
