//! All cases: what a request costs where it costs nginx one, as points on a line for each case.

#![expect(clippy::cast_precision_loss, reason = "a number of cases")]

use std::fmt;

use super::{MARGIN, WIDTH, begin, end, text, upright};
use crate::candidate::Candidate;
use crate::report::Table;

/// A line for each case that nginx takes part in.
#[derive(Debug)]
pub(crate) struct Ratios<'a> {
    pub(crate) tables: &'a [Table],
    /// What it was measured on.
    pub(crate) machine: &'a str,
}

const NAMES: f64 = 250.0;
/// On the right, for two columns of figures.
const FIGURES: f64 = 150.0;
const ROW: f64 = 25.0;
/// Title, legend, heads of the columns.
const TOP: f64 = 118.0;
const BOTTOM: f64 = 72.0;

/// What is beyond is drawn at the edge, with an arrow.
const MAX: f64 = 2.0;
const MARKS: u32 = 8;

/// Who is drawn, those below the others first.
const SERIES: [(Candidate, Shape); 3] = [
    (Candidate::Lighttpd, Shape::Square),
    (Candidate::RthttpdLogged, Shape::Diamond),
    (Candidate::Rthttpd, Shape::Circle),
];

#[derive(Clone, Copy, Debug)]
enum Shape {
    Square,
    Diamond,
    Circle,
}

impl fmt::Display for Ratios<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases = self.tables.iter().filter(|table| table.has_nginx());
        let foot = TOP + ROW * cases.clone().count() as f64;
        begin(
            f,
            foot + BOTTOM,
            "What a request costs where nginx without a log takes 1",
            "CPU time of all threads and processes of a server with one worker; medians of ratios, paired by round. \
             Further left is better.",
        )?;
        legend(f)?;
        for mark in 0..=MARKS {
            let at = f64::from(mark) * MAX / f64::from(MARKS);
            let class = if (at - 1.0).abs() < 1e-9 {
                "mark"
            } else {
                "grid"
            };
            upright(f, class, x(at), TOP - 8.0, foot)?;
            text(f, "small", x(at), foot + 16.0, "middle", &format!("{at}"))?;
        }
        for (number, table) in cases.enumerate() {
            line(f, TOP + ROW * (number as f64 + 0.5), table)?;
        }
        let caption = "CPU time for a request, of nginx's";
        text(f, "small", x(MAX / 2.0), foot + 36.0, "middle", caption)?;
        text(f, "small", MARGIN, foot + 58.0, "start", self.machine)?;
        end(f)
    }
}

fn x(ratio: f64) -> f64 {
    NAMES + ratio.min(MAX) / MAX * (WIDTH - NAMES - FIGURES)
}

fn legend(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut left = MARGIN + 6.0;
    for (candidate, shape) in SERIES.into_iter().rev() {
        mark(f, candidate.class(), shape, left, 75.0)?;
        let title = candidate.title();
        text(f, "", left + 12.0, 80.0, "start", title)?;
        left += 40.0 + 7.5 * title.len() as f64;
    }
    text(f, "small", x(1.0), TOP - 12.0, "middle", "nginx")?;
    text(f, "small", WIDTH - MARGIN, TOP - 28.0, "end", "rthttpd")?;
    text(f, "small", WIDTH - 88.0, TOP - 12.0, "end", "no log")?;
    text(f, "small", WIDTH - MARGIN, TOP - 12.0, "end", "logged")
}

/// One case.
fn line(f: &mut fmt::Formatter<'_>, y: f64, table: &Table) -> fmt::Result {
    text(f, "", NAMES - 10.0, y + 5.0, "end", &table.case.label)?;
    for (candidate, shape) in SERIES {
        let Some(ratio) = table.to_nginx(candidate) else {
            continue;
        };
        if ratio <= MAX {
            mark(f, candidate.class(), shape, x(ratio), y)?;
        } else {
            let arrow = format!("{ratio:.1} →");
            text(f, "small", x(MAX), y + 4.0, "end", &arrow)?;
        }
    }
    let columns = [
        (Candidate::Rthttpd, WIDTH - 88.0),
        (Candidate::RthttpdLogged, WIDTH - MARGIN),
    ];
    for (candidate, right) in columns {
        if let Some(ratio) = table.to_nginx(candidate) {
            text(f, "", right, y + 5.0, "end", &format!("{ratio:.2}"))?;
        }
    }
    Ok(())
}

fn mark(f: &mut fmt::Formatter<'_>, class: &str, shape: Shape, x: f64, y: f64) -> fmt::Result {
    match shape {
        Shape::Circle => writeln!(
            f,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\"/>"
        ),
        Shape::Square => writeln!(
            f,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\"/>",
            x - 5.0,
            y - 5.0
        ),
        Shape::Diamond => writeln!(
            f,
            "<path class=\"{class}\" d=\"M{x:.1} {:.1}l7.5 7.5l-7.5 7.5l-7.5 -7.5z\"/>",
            y - 7.5
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::tests::table;

    use super::*;

    #[test]
    fn each_case_with_nginx_has_a_line_and_nobody_is_beyond_the_edge() {
        let tables = [
            table(
                "1k",
                &[
                    (Candidate::Nginx, 10.0),
                    (Candidate::Lighttpd, 45.0),
                    (Candidate::Rthttpd, 5.0),
                    (Candidate::RthttpdLogged, 6.0),
                ],
            ),
            table("404", &[(Candidate::Rthttpd, 5.0)]),
        ];

        let chart = Ratios {
            tables: &tables,
            machine: "a machine",
        }
        .to_string();

        assert!(
            chart.contains(">0.50</text>") && chart.contains(">0.60</text>"),
            "{chart}"
        );
        assert!(chart.contains("4.5 →"));
        // One in the legend and one in the line; lighttpd is beyond the edge.
        assert_eq!(chart.matches("<circle").count(), 2);
        assert_eq!(chart.matches("width=\"10\"").count(), 1);
    }
}
