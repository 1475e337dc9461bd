//! The figures: gathered round by round, told as medians, a table and JSON.
//!
//! Ratios are taken within a round, whose servers were asked in turn, and their median is told: what disturbs a
//! machine for longer than a slice then disturbs both sides.

use std::fmt::Write as _;

use benches::figures::median;
use benches::machine::Machine;

use crate::candidate::Candidate;

/// One server in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) requests_per_second: f64,
    /// Of all threads and processes of the server.
    pub(crate) cpu_micros: f64,
    /// Of its busiest thread alone.
    pub(crate) busiest_micros: f64,
    /// Lines that arrived, and requests that were served in the whole life of the server.
    pub(crate) lines: Option<(u64, u64)>,
}

/// All rounds of one server.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) candidate: Candidate,
    pub(crate) version: String,
    pub(crate) samples: Vec<Sample>,
}

/// What was asked for, in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) content_len: usize,
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    pub(crate) rounds: usize,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) case: Case,
    pub(crate) rows: Vec<Row>,
}

impl Sample {
    /// One line of progress.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.map(|(written, served)| {
            let same = if written == served { "=" } else { "≠" };
            format!("   {written} lines {same} {served} served")
        });
        format!(
            "{:>9.0} requests/s {:>7.2} µs CPU/request{}",
            self.requests_per_second,
            self.cpu_micros,
            lines.unwrap_or_default()
        )
    }
}

impl Row {
    fn median(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(value).collect())
    }

    /// The median over rounds of this row's value divided by `other`'s in the same round.
    fn ratio(&self, other: &Self, value: impl Fn(&Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(a, b)| value(a) / value(b)).collect())
    }
}

impl Report {
    fn row(&self, candidate: Candidate) -> Option<&Row> {
        self.rows.iter().find(|row| row.candidate == candidate)
    }

    fn to_nginx(&self, row: &Row) -> Option<f64> {
        let nginx = self.row(Candidate::Nginx)?;
        Some(row.ratio(nginx, |sample| sample.cpu_micros))
    }

    fn to_unlogged(&self, row: &Row, value: fn(&Sample) -> f64) -> Option<f64> {
        let unlogged = self.row(row.candidate.unlogged()?)?;
        Some(row.ratio(unlogged, value))
    }

    fn to_before(&self, row: &Row) -> Option<f64> {
        let before = self.row(row.candidate.before()?)?;
        Some(row.ratio(before, |sample| sample.cpu_micros))
    }

    /// The table printed at the end.
    pub(crate) fn table(&self) -> String {
        let Case {
            content_len,
            connections,
            requests,
            rounds,
        } = self.case;
        let mut text = format!(
            "{content_len} bytes, persistent, {connections} connections; {rounds} rounds of {requests} requests, medians\n\
             CPU per request of all threads and of the busiest one; ratios of CPU per request, paired by round\n\n\
             {:<16}{:>11}{:>10}{:>10}{:>10}{:>13}{:>9}{:>11}\n",
            "",
            "requests/s",
            "CPU µs",
            "busiest",
            "to nginx",
            "to unlogged",
            "busiest",
            "to before",
        );
        for row in &self.rows {
            let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |r| format!("{r:.3}"));
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{:<16}{:>11.0}{:>10.2}{:>10.2}{:>10}{:>13}{:>9}{:>11}",
                row.candidate.name(),
                row.median(|sample| sample.requests_per_second),
                row.median(|sample| sample.cpu_micros),
                row.median(|sample| sample.busiest_micros),
                ratio(self.to_nginx(row)),
                ratio(self.to_unlogged(row, |sample| sample.cpu_micros)),
                ratio(self.to_unlogged(row, |sample| sample.busiest_micros)),
                ratio(self.to_before(row)),
            );
        }
        text
    }

    /// The same and every sample, for programs.
    pub(crate) fn json(&self) -> String {
        let machine = &self.machine;
        let rows: Vec<String> = self.rows.iter().map(|row| self.row_json(row)).collect();
        format!(
            "{{\n  \"machine\": {{\"processor\": {}, \"cores\": {}, \"kernel\": {}, \"load\": {}, \"commit\": {}}},\n  \
             \"case\": {{\"content_len\": {}, \"connections\": {}, \"requests\": {}, \"rounds\": {}}},\n  \
             \"servers\": [\n    {}\n  ]\n}}\n",
            string(&machine.processor),
            machine.cores,
            string(&machine.kernel),
            string(&machine.load),
            string(&machine.commit),
            self.case.content_len,
            self.case.connections,
            self.case.requests,
            self.case.rounds,
            rows.join(",\n    "),
        )
    }

    fn row_json(&self, row: &Row) -> String {
        let samples: Vec<String> = row.samples.iter().map(sample_json).collect();
        let ratio = |ratio: Option<f64>| ratio.map_or("null".to_owned(), |r| format!("{r:.4}"));
        format!(
            "{{\"name\": {}, \"version\": {}, \"requests_per_second\": {:.0}, \"cpu_micros\": {:.3}, \
             \"busiest_micros\": {:.3}, \"to_nginx\": {}, \"to_unlogged\": {}, \"busiest_to_unlogged\": {}, \
             \"to_before\": {},\n     \"samples\": [{}]}}",
            string(row.candidate.name()),
            string(&row.version),
            row.median(|sample| sample.requests_per_second),
            row.median(|sample| sample.cpu_micros),
            row.median(|sample| sample.busiest_micros),
            ratio(self.to_nginx(row)),
            ratio(self.to_unlogged(row, |sample| sample.cpu_micros)),
            ratio(self.to_unlogged(row, |sample| sample.busiest_micros)),
            ratio(self.to_before(row)),
            samples.join(", "),
        )
    }
}

fn sample_json(sample: &Sample) -> String {
    let lines = sample.lines.map_or_else(String::new, |(written, served)| {
        format!(", \"lines\": {written}, \"served\": {served}")
    });
    format!(
        "{{\"requests_per_second\": {:.0}, \"cpu_micros\": {:.3}, \"busiest_micros\": {:.3}{lines}}}",
        sample.requests_per_second, sample.cpu_micros, sample.busiest_micros
    )
}

/// A JSON string. Names of machines and versions hold nothing that needs more than this.
fn string(text: &str) -> String {
    let escaped: String = text
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| {
            let backslash = matches!(c, '"' | '\\').then_some('\\');
            backslash.into_iter().chain([c])
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disturbance that triples the second round on both sides leaves the ratio alone.
    #[test]
    fn ratios_are_paired_by_round() {
        let sample = |cpu_micros| Sample {
            requests_per_second: 1.0,
            cpu_micros,
            busiest_micros: cpu_micros,
            lines: None,
        };
        let row = |candidate, costs: [f64; 3]| Row {
            candidate,
            version: String::new(),
            samples: costs.map(sample).to_vec(),
        };
        let nginx = row(Candidate::Nginx, [10.0, 30.0, 10.0]);
        let ours = row(Candidate::Rthttpd, [8.0, 24.0, 8.0]);

        let ratio = ours.ratio(&nginx, |sample| sample.cpu_micros);

        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn quotation_marks_cannot_end_a_json_string() {
        assert_eq!(string("a \"b\" \\ c\n"), r#""a \"b\" \\ c""#);
    }
}
