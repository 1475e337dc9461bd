//! The figures: gathered round by round, told as medians, a table and JSON.
//!
//! Ratios are taken within a round, whose servers were asked in turn, and their median is told: what disturbs a
//! machine for longer than a slice then disturbs both sides.

#![expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]

use std::fmt;
use std::ops::Add;

use benches::figures::median;
use benches::machine::Machine;
use serde_json::{Value, json};

use crate::candidate::Candidate;
use crate::case::Case;
use crate::sample::{Delays, Lines, Sample};

/// All rounds of one server.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) candidate: Candidate,
    /// It was asked for by name.
    pub(crate) is_named: bool,
    pub(crate) version: String,
    pub(crate) samples: Vec<Sample>,
}

/// All rounds of one case.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) case: Case,
    /// To each server in a round.
    pub(crate) requests: u64,
    /// A second, where delays were measured.
    pub(crate) rate: Option<u64>,
    pub(crate) rounds: usize,
    pub(crate) rows: Vec<Row>,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) tables: Vec<Table>,
}

impl Row {
    /// Whether it is measured in `case`.
    pub(crate) fn is_in(&self, case: &Case) -> bool {
        let is_wanted = self.is_named || case.is_first() || !self.candidate.is_aside();
        is_wanted && self.candidate.takes(case)
    }

    fn median(&self, value: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(value).collect())
    }

    /// The medians of all rounds.
    pub(crate) fn delays(&self) -> Option<Delays> {
        let delays: Option<Vec<Delays>> = self.samples.iter().map(|sample| sample.delays).collect();
        let delays = delays?;
        let median = |value: fn(&Delays) -> f64| median(delays.iter().map(value).collect());
        Some(Delays {
            half: median(|delays| delays.half),
            p99: median(|delays| delays.p99),
            p999: median(|delays| delays.p999),
        })
    }

    /// Of all rounds; none where there is no log.
    fn lines(&self) -> Option<Lines> {
        let lines = self.samples.iter().filter_map(|sample| sample.lines);
        lines.reduce(Lines::add)
    }

    /// Of a request, in the middle of the rounds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.median(|sample| sample.cpu_micros)
    }

    /// `RssAnon`, in MB.
    pub(crate) fn memory_mb(&self) -> f64 {
        self.median(|sample| sample.memory_kib as f64) / 1024.0
    }

    /// The median over rounds of this row's value divided by `other`'s in the same round.
    pub(crate) fn ratio(&self, other: &Self, value: impl Fn(&Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(a, b)| value(a) / value(b)).collect())
    }
}

/// What a request costs a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) candidate: Candidate,
    /// CPU time.
    pub(crate) micros: f64,
    pub(crate) to_nginx: Option<f64>,
}

impl Table {
    pub(crate) fn costs(&self) -> Vec<Cost> {
        let cost = |row: &Row| Cost {
            candidate: row.candidate,
            micros: row.cpu_micros(),
            to_nginx: self.ratios(row).to_nginx,
        };
        self.rows.iter().map(cost).collect()
    }

    pub(crate) fn has_nginx(&self) -> bool {
        self.row(Candidate::Nginx).is_some()
    }

    /// What a request costs `candidate`, of what it costs nginx.
    pub(crate) fn to_nginx(&self, candidate: Candidate) -> Option<f64> {
        self.ratios(self.row(candidate)?).to_nginx
    }

    pub(crate) fn row(&self, candidate: Candidate) -> Option<&Row> {
        self.rows.iter().find(|row| row.candidate == candidate)
    }

    fn to(&self, row: &Row, other: Option<Candidate>, value: fn(&Sample) -> f64) -> Option<f64> {
        Some(row.ratio(self.row(other?)?, value))
    }

    pub(crate) fn ratios(&self, row: &Row) -> Ratios {
        let cpu = |sample: &Sample| sample.cpu_micros;
        let unlogged = row.candidate.unlogged();
        Ratios {
            to_floor: self.to(row, Some(Candidate::Floor), cpu),
            to_nginx: self.to(row, Some(Candidate::Nginx), cpu),
            to_unlogged: self.to(row, unlogged, cpu),
            busiest_to_unlogged: self.to(row, unlogged, |sample| sample.busiest_micros),
            to_before: self.to(row, row.candidate.before(), cpu),
        }
    }

    fn json(&self) -> Value {
        let case = &self.case;
        json!({
            "case": case.name,
            "what": case.what,
            "connections": case.shape.connections,
            "pipelined": case.shape.pipelined,
            "persistent": case.question.is_persistent,
            "requests": self.requests,
            "rate": self.rate,
            "rounds": self.rounds,
            "servers": self.rows.iter().map(|row| self.row_json(row)).collect::<Vec<_>>(),
        })
    }

    fn row_json(&self, row: &Row) -> Value {
        let ratios = self.ratios(row);
        json!({
            "name": row.candidate.name(),
            "version": row.version,
            "requests_per_second": row.median(|sample| sample.requests_per_second),
            "cpu_micros": row.median(|sample| sample.cpu_micros),
            "busiest_micros": row.median(|sample| sample.busiest_micros),
            "rss_anon_kib": row.median(|sample| sample.memory_kib as f64),
            "delays": row.delays().map(Delays::json),
            "to_floor": ratios.to_floor,
            "to_nginx": ratios.to_nginx,
            "to_unlogged": ratios.to_unlogged,
            "busiest_to_unlogged": ratios.busiest_to_unlogged,
            "to_before": ratios.to_before,
            "samples": row.samples.iter().map(Sample::json).collect::<Vec<_>>(),
        })
    }
}

/// What is printed when a case is measured.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}; {} rounds of {} requests, medians\n\
             CPU per request of all threads and processes, and of the busiest thread; ratios of CPU per request, paired by round\n\n\
             {:<20}{:>11}{:>10}{:>10}{:>10}{:>10}{:>13}{:>9}{:>11}{:>9}{:>21}\n",
            self.case.name,
            self.case.what,
            self.rounds,
            self.requests,
            "",
            "requests/s",
            "CPU µs",
            "busiest",
            "to floor",
            "to nginx",
            "to unlogged",
            "busiest",
            "to before",
            "RssAnon",
            "lines, of served",
        )?;
        for row in &self.rows {
            let told = |ratio: Option<f64>| ratio.map_or_else(String::new, |r| format!("{r:.3}"));
            let ratios = self.ratios(row);
            writeln!(
                f,
                "{:<20}{:>11.0}{:>10.2}{:>10.2}{:>10}{:>10}{:>13}{:>9}{:>11}{:>6.1} MB{:>21}",
                row.candidate.name(),
                row.median(|sample| sample.requests_per_second),
                row.cpu_micros(),
                row.median(|sample| sample.busiest_micros),
                told(ratios.to_floor),
                told(ratios.to_nginx),
                told(ratios.to_unlogged),
                told(ratios.busiest_to_unlogged),
                told(ratios.to_before),
                row.memory_mb(),
                match row.lines() {
                    None => String::new(),
                    Some(lines) if lines.are_all() => format!("{}, all", lines.written),
                    Some(lines) => format!("{} of {}", lines.written, lines.served),
                },
            )?;
        }
        let Some(rate) = self.rate else {
            return Ok(());
        };
        writeln!(
            f,
            "\nat {rate} requests a second, from the moment each was to be sent, µs\n\n{:<20}{:>11}{:>11}{:>11}",
            "", "p50", "p99", "p99.9"
        )?;
        for row in &self.rows {
            if let Some(Delays { half, p99, p999 }) = row.delays() {
                let name = row.candidate.name();
                writeln!(f, "{name:<20}{half:>11.0}{p99:>11.0}{p999:>11.0}")?;
            }
        }
        Ok(())
    }
}

/// A row's CPU per request, divided by another's of the same round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratios {
    pub(crate) to_floor: Option<f64>,
    pub(crate) to_nginx: Option<f64>,
    pub(crate) to_unlogged: Option<f64>,
    pub(crate) busiest_to_unlogged: Option<f64>,
    pub(crate) to_before: Option<f64>,
}

impl Report {
    /// The rows whose lines are not as many as the requests they served.
    pub(crate) fn lost(&self) -> Option<String> {
        let rows = self.tables.iter().flat_map(|table| {
            let rows = table.rows.iter();
            rows.map(|row| (table.case.name, row))
        });
        let lost = rows.filter_map(|(case, row)| {
            let samples = row.samples.iter().filter_map(|sample| sample.lines);
            // Round by round, as one round's loss could hide in what another's load did not count.
            let wrong = samples
                .filter(|lines| !lines.are_all())
                .reduce(Lines::add)?;
            let (
                name,
                Lines {
                    written, served, ..
                },
            ) = (row.candidate.name(), wrong);
            Some(format!(
                "{name} served {served} and wrote {written} in case {case}"
            ))
        });
        let lost: Vec<String> = lost.collect();
        (!lost.is_empty()).then(|| lost.join("; "))
    }

    /// All figures and every sample, for programs.
    pub(crate) fn json(&self) -> String {
        let machine = &self.machine;
        let report = json!({
            "machine": {
                "processor": machine.processor,
                "cores": machine.cores,
                "kernel": machine.kernel,
                "load": machine.load,
                "commit": machine.commit,
                "date": machine.date,
            },
            "cases": self.tables.iter().map(Table::json).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A round in which each had this cost.
    pub(crate) fn table(case: &str, costs: &[(Candidate, f64)]) -> Table {
        let mut cases = Case::all();
        cases.retain(|one| one.name == case);
        let rows = costs.iter().map(|(candidate, micros)| Row {
            candidate: *candidate,
            is_named: false,
            version: String::new(),
            samples: vec![sample(*micros)],
        });
        Table {
            case: cases.remove(0),
            requests: 1,
            rate: None,
            rounds: 1,
            rows: rows.collect(),
        }
    }

    fn sample(cpu_micros: f64) -> Sample {
        Sample {
            requests_per_second: 1.0,
            cpu_micros,
            busiest_micros: cpu_micros,
            memory_kib: 0,
            delays: None,
            lines: None,
        }
    }

    #[test]
    fn a_round_that_lost_lines_is_told_though_another_has_too_many() {
        let mut table = table("1k", &[(Candidate::RthttpdLogged, 5.0)]);
        let lines = |written| {
            Some(Lines {
                written,
                served: 100,
                uncounted_max: 10,
            })
        };
        let samples = [lines(99), lines(105)].map(|lines| Sample {
            lines,
            ..sample(5.0)
        });
        table.rows[0].samples = samples.to_vec();
        let mut report = Report {
            machine: Machine::look(),
            tables: vec![table],
        };

        let lost = report.lost();
        report.tables[0].rows[0].samples.remove(0);

        assert_eq!(
            lost.as_deref(),
            Some("rthttpd-logged served 100 and wrote 99 in case 1k")
        );
        assert_eq!(report.lost(), None);
    }

    /// A disturbance that triples the second round on both sides leaves the ratio alone.
    #[test]
    fn ratios_are_paired_by_round() {
        let row = |candidate, costs: [f64; 3]| Row {
            candidate,
            is_named: false,
            version: String::new(),
            samples: costs.map(sample).to_vec(),
        };
        let nginx = row(Candidate::Nginx, [10.0, 30.0, 10.0]);
        let ours = row(Candidate::Rthttpd, [8.0, 24.0, 8.0]);

        let ratio = ours.ratio(&nginx, |sample| sample.cpu_micros);

        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    }
}
