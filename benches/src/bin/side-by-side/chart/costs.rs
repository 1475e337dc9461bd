//! One case: what a request costs each server, as bars.

#![expect(clippy::cast_precision_loss, reason = "a number of rows")]

use std::fmt;

use super::{MARGIN, WIDTH, begin, end, step, text, upright};
use crate::report::{Cost, Table};
use crate::server::Server;

/// A bar for each row.
#[derive(Debug)]
pub(crate) struct Costs<'a> {
    pub(crate) table: &'a Table,
    /// What it was measured on.
    pub(crate) machine: &'a str,
}

const NAMES: f64 = 250.0;
/// Behind the longest bar, for its figure.
const FIGURE: f64 = 200.0;
const ROW: f64 = 27.0;
const BAR: f64 = 19.0;
const TOP: f64 = 74.0;
/// Numbers of the scale, what they are, the machine.
const BOTTOM: f64 = 70.0;

impl fmt::Display for Costs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, machine } = self;
        let mut costs = table.costs();
        // What is ours beside what none can go below, then the others.
        costs.sort_by_key(|cost| match cost.candidate.server() {
            Server::Floor => 0,
            Server::Rthttpd | Server::Before => 1,
            _ => 2,
        });
        let longest = costs.iter().map(|cost| cost.micros).fold(0.0, f64::max);
        let scale = (WIDTH - NAMES - FIGURE) / longest.max(f64::MIN_POSITIVE);
        let foot = TOP + ROW * costs.len() as f64;
        let (label, connections) = (&table.case.label, table.case.shape.connections);
        let title = format!("What one request costs: {label}, {connections} connections");
        let below = format!(
            "CPU time of all threads and processes of a server with one worker; medians of {} rounds. Shorter is better.",
            table.rounds
        );
        begin(f, foot + BOTTOM, &title, &below)?;
        let step = step(longest);
        let mut at = 0.0;
        while at <= longest {
            let x = NAMES + at * scale;
            upright(f, "grid", x, TOP - 4.0, foot)?;
            text(f, "small", x, foot + 16.0, "middle", &format!("{at}"))?;
            at += step;
        }
        for (number, cost) in costs.iter().enumerate() {
            self.bar(f, TOP + ROW * number as f64, cost, scale)?;
        }
        let middle = NAMES + longest * scale / 2.0;
        text(
            f,
            "small",
            middle,
            foot + 34.0,
            "middle",
            "µs of CPU time for a request",
        )?;
        text(f, "small", MARGIN, foot + 56.0, "start", machine)?;
        end(f)
    }
}

impl Costs<'_> {
    #[expect(clippy::unused_self, reason = "a part of the picture")]
    fn bar(&self, f: &mut fmt::Formatter<'_>, top: f64, cost: &Cost, scale: f64) -> fmt::Result {
        let class = cost.candidate.class();
        let len = cost.micros * scale;
        let line = top + BAR - 5.0;
        text(f, "", NAMES - 10.0, line, "end", cost.candidate.title())?;
        writeln!(
            f,
            "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{top:.1}\" width=\"{len:.1}\" height=\"{BAR}\"/>"
        )?;
        let ratio = cost
            .to_nginx
            .map_or_else(String::new, |ratio| format!(" · {ratio:.2} of nginx"));
        let figure = format!("{:.2} µs{ratio}", cost.micros);
        text(f, "", NAMES + len + 8.0, line, "start", &figure)
    }
}

#[cfg(test)]
mod tests {
    use crate::candidate::Candidate;
    use crate::report::tests::table;

    use super::*;

    #[test]
    fn each_row_has_a_bar_as_long_as_its_cost() {
        let table = table("1k", &[(Candidate::Nginx, 10.0), (Candidate::Rthttpd, 5.0)]);

        let chart = Costs {
            table: &table,
            machine: "a machine",
        }
        .to_string();

        assert_eq!(chart.matches("height=\"19\"").count(), 2);
        assert!(
            chart.contains("width=\"370.0\"") && chart.contains("width=\"185.0\""),
            "{chart}"
        );
        assert!(chart.contains("5.00 µs · 0.50 of nginx"));
        assert!(chart.contains("a machine"));
    }
}
