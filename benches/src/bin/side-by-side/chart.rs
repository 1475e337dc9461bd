//! A case as a picture: what a request costs each server, as bars.

#![expect(clippy::cast_precision_loss, reason = "a number of rows")]

use std::fmt;

use crate::report::Table;

/// A bar for each row.
#[derive(Debug)]
pub(crate) struct Chart<'a>(pub(crate) &'a Table);

const WIDTH: f64 = 760.0;
const NAMES: f64 = 150.0;
/// Behind the longest bar, for its figure.
const FIGURE: f64 = 130.0;
const ROW: f64 = 26.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 14.0;

/// Readable in light and dark pages; ours and theirs are told apart by brightness, too (Okabe and Ito's).
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#333}\
    .name{text-anchor:end}.ours{fill:#0072b2}.theirs{fill:#999}.floor{fill:#ccc}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.theirs{fill:#888}.floor{fill:#555}\
    .ours{fill:#56b4e9}}";

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(table) = self;
        let bars = table.costs();
        let longest = bars.iter().map(|(_, cost, _)| *cost).fold(0.0, f64::max);
        let height = TOP + ROW * bars.len() as f64 + BOTTOM;
        let title = format!("CPU time of a request: {}", table.case.what);
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<text x=\"8\" y=\"24\">{title}</text>"
        )?;
        for (number, (name, cost, to_nginx)) in bars.iter().enumerate() {
            let top = TOP + ROW * number as f64;
            let text = top + 15.0;
            let len = if longest > 0.0 {
                cost / longest * (WIDTH - NAMES - FIGURE)
            } else {
                0.0
            };
            let class = match *name {
                "floor" => "floor",
                name if name.starts_with("rthttpd") => "ours",
                _ => "theirs",
            };
            let end = NAMES + len + 8.0;
            let ratio = to_nginx.map_or_else(String::new, |ratio| format!(", {ratio:.2} of nginx"));
            writeln!(
                f,
                "<text class=\"name\" x=\"{:.0}\" y=\"{text:.0}\">{name}</text>\
                 <rect class=\"{class}\" x=\"{NAMES}\" y=\"{top:.0}\" width=\"{len:.1}\" height=\"20\"/>\
                 <text x=\"{end:.0}\" y=\"{text:.0}\">{cost:.2} µs{ratio}</text>",
                NAMES - 8.0
            )?;
        }
        writeln!(f, "</svg>")
    }
}

#[cfg(test)]
mod tests {
    use crate::candidate::Candidate;
    use crate::case::Case;
    use crate::report::{Row, Sample};

    use super::*;

    #[test]
    fn each_row_has_a_bar_as_long_as_its_cost() {
        let row = |candidate, cpu_micros| Row {
            candidate,
            version: String::new(),
            samples: vec![Sample {
                requests_per_second: 1.0,
                cpu_micros,
                busiest_micros: cpu_micros,
                memory_kib: 0,
                delays: None,
                lines: None,
            }],
        };
        let table = Table {
            case: Case::all().remove(0),
            requests: 1,
            rate: None,
            rounds: 1,
            rows: vec![row(Candidate::Nginx, 10.0), row(Candidate::Rthttpd, 5.0)],
        };

        let chart = Chart(&table).to_string();

        assert_eq!(chart.matches("<rect").count(), 2);
        assert!(
            chart.contains("width=\"480.0\"") && chart.contains("width=\"240.0\""),
            "{chart}"
        );
        assert!(chart.contains("5.00 µs, 0.50 of nginx"));
    }
}
