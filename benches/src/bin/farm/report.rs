//! The figures: what each part cost, how late lines were, what went wrong.

#![expect(clippy::cast_precision_loss, reason = "figures far below 2^52")]

use std::time::Duration;

use benches::figures::quantile;
use benches::line_chart::{LineChart, Series};
use benches::machine::Machine;
use serde_json::{Value, json};

use crate::moments::Seen;
use crate::plan::{Along, Plan};

/// CPU time of one part of a farm.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) cpu: Duration,
    /// The share of all lines that it has to do with; a part that has none is not there.
    share: f64,
}

/// One farm, measured.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) plan: Plan,
    /// From the first line to the last one in the last file.
    pub(crate) elapsed: Duration,
    /// That were logged.
    pub(crate) lines: u64,
    pub(crate) parts: Vec<Part>,
    /// Of each logging host.
    pub(crate) seen: Vec<Seen>,
    /// What is not as it should be; none when all is well.
    pub(crate) faults: Vec<String>,
}

/// All that was measured one after the other.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// The rate that is just not too much, if that was looked for.
    pub(crate) full: Option<u64>,
    pub(crate) samples: Vec<Sample>,
}

/// What half of the delays, 99 % and 99.9 % did not exceed, in milliseconds.
type Delays = [f64; 3];

const PARTS: [f64; 3] = [0.5, 0.99, 0.999];

/// 500 ms: three times what a line takes where nothing is full.
const KEEP_UP_MAX: Duration = Duration::from_millis(500);

impl Part {
    /// Of all lines.
    pub(crate) const fn new(name: &'static str, cpu: Duration) -> Self {
        let share = 1.0;
        Self { name, cpu, share }
    }

    /// Of the lines of some senders.
    pub(crate) fn of_some(name: &'static str, cpu: Duration, senders: usize, plan: &Plan) -> Self {
        let share = senders as f64 / plan.senders().max(1) as f64;
        Self { name, cpu, share }
    }
}

impl Sample {
    /// Whether all lines were in all files soon after the last was logged.
    pub(crate) fn keeps_up(&self) -> bool {
        self.faults.is_empty()
            && self.elapsed <= Duration::from_secs(self.plan.seconds) + KEEP_UP_MAX
    }

    fn lines_per_second(&self) -> f64 {
        self.lines as f64 / self.elapsed.as_secs_f64()
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.share > 0.0)
    }

    fn per_line(&self, part: &Part) -> f64 {
        part.cpu.as_secs_f64() * 1e6 / (self.lines.max(1) as f64 * part.share)
    }

    /// Of all that is measured and all that measures, in processors.
    pub(crate) fn busy(&self) -> f64 {
        let all: f64 = self
            .parts()
            .map(|part| match part.name {
                "each logging host" => part.cpu.as_secs_f64() * self.plan.hosts as f64,
                _ => part.cpu.as_secs_f64(),
            })
            .sum();
        all / self.elapsed.as_secs_f64()
    }

    /// Of the logging host with the longest.
    fn delays(&self) -> Delays {
        let hosts = self.seen.iter().map(|seen| delays(&seen.delays));
        hosts.fold([f64::NAN; 3], |[a, b, c], [d, e, f]| {
            [a.max(d), b.max(e), c.max(f)]
        })
    }

    /// What is said when it is measured.
    pub(crate) fn text(&self) -> String {
        let plan = &self.plan;
        let mut text = format!(
            "{} publishers, {} rthttpd, {} logging hosts, {} lines a second wanted: {} lines, {:.0} a second into the \
             files, {:.2} processors busy\n",
            plan.publishers,
            plan.servers,
            plan.hosts,
            plan.rate,
            self.lines,
            self.lines_per_second(),
            self.busy(),
        );
        for part in self.parts() {
            let cost = self.per_line(part);
            text.push_str(&format!("{:<24}{cost:>8.2} µs CPU/line\n", part.name));
        }
        for (number, seen) in self.seen.iter().enumerate() {
            let [half, p99, p999] = delays(&seen.delays);
            text.push_str(&format!(
                "to the file of host {number}: p50 {half:.1} ms, p99 {p99:.1} ms, p99.9 {p999:.1} ms\n"
            ));
        }
        match self.faults.as_slice() {
            [] => text.push_str(
                "each line once in each file, 0 lost, the files are the same, the audits agree\n",
            ),
            faults => text.push_str(&format!("{}\n", faults.join("\n"))),
        }
        text
    }

    fn json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts()
            .map(|part| json!({"name": part.name, "cpu_micros_per_line": self.per_line(part)}))
            .collect();
        let hosts = self.seen.iter().map(|seen| delays(&seen.delays));
        let hosts: Vec<Value> = hosts
            .map(|[half, p99, p999]| json!({"p50_ms": half, "p99_ms": p99, "p99_9_ms": p999}))
            .collect();
        let plan = &self.plan;
        json!({
            "publishers": plan.publishers,
            "servers": plan.servers,
            "logging_hosts": plan.hosts,
            "rate": plan.rate,
            "lines": self.lines,
            "lines_per_second": self.lines_per_second(),
            "processors_busy": self.busy(),
            "parts": parts,
            "hosts": hosts,
            "faults": self.faults,
        })
    }
}

impl Report {
    /// A row for each farm, as the documentation has it.
    pub(crate) fn table(&self) -> String {
        let Some(first) = self.samples.first() else {
            return String::new();
        };
        let names = first.parts().map(|part| part.name);
        let names: Vec<String> = names.map(|name| format!("{name} | ")).collect();
        let mut text = format!(
            "CPU in µs of each line, delays in ms\n\n\
             | publishers | rthttpd | logging hosts | lines/s | {}processors busy | p50 | p99 | p99.9 |\n|{}\n",
            names.concat(),
            "---|".repeat(names.len() + 8)
        );
        for sample in &self.samples {
            let plan = &sample.plan;
            let parts = sample.parts();
            let parts: Vec<String> = parts
                .map(|part| format!("{:.2} | ", sample.per_line(part)))
                .collect();
            let [half, p99, p999] = sample.delays();
            text.push_str(&format!(
                "| {} | {} | {} | {:.0} | {}{:.2} | {half:.0} | {p99:.0} | {p999:.0} |\n",
                plan.publishers,
                plan.servers,
                plan.hosts,
                sample.lines_per_second(),
                parts.concat(),
                sample.busy(),
            ));
        }
        text
    }

    /// All figures, for programs.
    pub(crate) fn json(&self) -> String {
        let machine = &self.machine;
        let report = json!({
            "machine": {
                "processor": machine.processor,
                "cores": machine.cores,
                "kernel": machine.kernel,
                "load": machine.load,
                "commit": machine.commit,
            },
            "full_rate": self.full,
            "farms": self.samples.iter().map(Sample::json).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }

    /// What of the farms differs, if anything.
    pub(crate) fn along(&self) -> Option<Along> {
        let plans: Vec<Plan> = self.samples.iter().map(|sample| sample.plan).collect();
        Along::of(&plans)
    }

    /// What a line costs each part.
    pub(crate) fn cpu_chart(&self, along: Along) -> LineChart {
        let names = self.samples.first().into_iter().flat_map(Sample::parts);
        let series = names.map(|part| Series {
            name: part.name.to_owned(),
            points: self.points(along, |sample| {
                let part = sample.parts().find(|of| of.name == part.name);
                part.map_or(f64::NAN, |part| sample.per_line(part))
            }),
        });
        LineChart {
            title: "CPU time of a line, µs".to_owned(),
            along: along.title().to_owned(),
            series: series.collect(),
        }
    }

    /// How late lines are.
    pub(crate) fn delay_chart(&self, along: Along) -> LineChart {
        let names = ["p50", "p99", "p99.9"].into_iter().enumerate();
        let series = names.map(|(place, name)| Series {
            name: name.to_owned(),
            points: self.points(along, |sample| {
                sample.delays().get(place).copied().unwrap_or(f64::NAN)
            }),
        });
        LineChart {
            title: "From response to file, ms".to_owned(),
            along: along.title().to_owned(),
            series: series.collect(),
        }
    }

    fn points(&self, along: Along, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
        let samples = self.samples.iter();
        samples
            .map(|sample| (along.at(&sample.plan), value(sample)))
            .collect()
    }
}

fn delays(micros: &[u32]) -> Delays {
    let mut micros = micros.to_vec();
    PARTS.map(|part| {
        let delay = quantile(&mut micros, part);
        delay.map_or(f64::NAN, |micros| f64::from(micros) / 1e3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(hosts: usize, slowest: u32) -> Sample {
        let plan = Plan {
            publishers: 2,
            servers: 0,
            hosts,
            rate: 100,
            seconds: 1,
        };
        let seen = |delay| Seen {
            delays: vec![1_000, delay],
            missing: 0,
        };
        Sample {
            plan,
            elapsed: Duration::from_secs(1),
            lines: 100,
            parts: vec![
                Part::of_some("publishers", Duration::from_micros(250), 2, &plan),
                Part::of_some("rthttpd, serving too", Duration::ZERO, 0, &plan),
                Part::new("each logging host", Duration::from_millis(100)),
            ],
            seen: vec![seen(2_000), seen(slowest)],
            faults: Vec::new(),
        }
    }

    fn report() -> Report {
        Report {
            machine: Machine::look(),
            full: None,
            samples: vec![sample(1, 3_000), sample(2, 4_000)],
        }
    }

    #[test]
    fn the_delays_of_a_farm_are_those_of_its_slowest_host() {
        assert_eq!(sample(2, 5_000).delays(), [1.0, 5.0, 5.0]);
    }

    #[test]
    fn a_line_costs_its_own_sender() {
        let mut mixed = sample(1, 3_000);
        mixed.plan.servers = 6;
        let part = Part::of_some("publishers", Duration::from_micros(100), 2, &mixed.plan);

        // A quarter of 100 lines.
        assert_eq!(mixed.per_line(&part), 4.0);
    }

    #[test]
    fn each_logging_host_keeps_a_processor_busy() {
        let sample = sample(2, 3_000);

        assert!((sample.busy() - 0.20025).abs() < 1e-9, "{}", sample.busy());
    }

    #[test]
    fn a_farm_keeps_up_that_is_done_soon_and_has_no_faults() {
        let mut late = sample(2, 3_000);
        late.elapsed = Duration::from_millis(1_501);
        let mut wrong = sample(2, 3_000);
        wrong.faults.push("1 line".to_owned());

        assert!(sample(2, 3_000).keeps_up());
        assert!(!late.keeps_up());
        assert!(!wrong.keeps_up());
    }

    #[test]
    fn the_table_has_the_parts_there_are() {
        let table = report().table();

        assert!(table.contains("| lines/s | publishers | each logging host | processors busy |"));
        assert!(
            table.contains("| 2 | 0 | 1 | 100 | 2.50 | 1000.00 | 0.10 | 1 | 3 | 3 |"),
            "{table}"
        );
        let bars = table.lines().skip(2).map(|line| line.matches('|').count());
        assert_eq!(bars.collect::<Vec<_>>(), [11; 4]);
    }

    #[test]
    fn charts_go_along_what_differs() {
        let report = report();
        let along = report.along().unwrap();

        let (cpu, delay) = (report.cpu_chart(along), report.delay_chart(along));

        assert_eq!(along, Along::Hosts);
        assert_eq!(cpu.series[0].points, [(1.0, 2.5), (2.0, 2.5)]);
        assert_eq!(delay.series[1].points, [(1.0, 3.0), (2.0, 4.0)]);
    }
}
