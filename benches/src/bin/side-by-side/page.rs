//! The tables as a page has them, in Markdown: what `docs/performance.md` shows is pasted from here.

use std::fmt;

use crate::candidate::Candidate;
use crate::report::{Report, Row, Table};

/// The first case row by row; all cases, a line each; and how long answers took.
#[derive(Debug)]
pub(crate) struct Page<'a>(pub(crate) &'a Report);

/// Who has a column where each case is a line.
const COLUMNS: [Candidate; 8] = [
    Candidate::Floor,
    Candidate::Nginx,
    Candidate::Lighttpd,
    Candidate::Apache,
    Candidate::StaticWebServer,
    Candidate::Thttpd,
    Candidate::Rthttpd,
    Candidate::RthttpdLogged,
];

/// Those of them that are not ours.
const OTHERS: [Candidate; 5] = [
    Candidate::Nginx,
    Candidate::Lighttpd,
    Candidate::Apache,
    Candidate::StaticWebServer,
    Candidate::Thttpd,
];

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        writeln!(f, "{}", report.machine)?;
        let first = report.tables.iter().find(|table| table.case.is_first());
        if let Some(table) = first.or(report.tables.first()) {
            rows(f, table)?;
        }
        if report.tables.len() > 1 {
            cases(f, &report.tables)?;
        }
        delays(f, &report.tables)
    }
}

fn rows(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let (what, rounds) = (&table.case.what, table.rounds);
    writeln!(
        f,
        "\n{what}; medians of {rounds} rounds\n\n\
         | | CPU per request | to nginx | to the floor | to itself without a log | RssAnon |\n|---|---|---|---|---|---|"
    )?;
    for row in &table.rows {
        let ratios = table.ratios(row);
        writeln!(
            f,
            "| {} | {:.2} µs | {} | {} | {} | {:.1} MB |",
            row.candidate.title(),
            row.cpu_micros(),
            told(ratios.to_nginx),
            told(ratios.to_floor),
            told(ratios.to_unlogged),
            row.memory_mb(),
        )?;
    }
    Ok(())
}

fn cases(f: &mut fmt::Formatter<'_>, tables: &[Table]) -> fmt::Result {
    let is_there =
        |candidate: &Candidate| tables.iter().any(|table| table.row(*candidate).is_some());
    let columns: Vec<Candidate> = COLUMNS.into_iter().filter(is_there).collect();
    let titles: Vec<_> = columns.iter().map(|column| column.name()).collect();
    writeln!(
        f,
        "\n| µs of CPU per request | {} | rthttpd to nginx | logged to nginx | rthttpd to the best of others |\n|---|{}",
        titles.join(" | "),
        "---|".repeat(columns.len() + 3)
    )?;
    for table in tables {
        write!(f, "| {} |", table.case.label)?;
        for column in &columns {
            let cost = table.row(*column).map(Row::cpu_micros);
            write!(
                f,
                " {} |",
                cost.map_or_else(String::new, |cost| format!("{cost:.2}"))
            )?;
        }
        let ours = table.row(Candidate::Rthttpd);
        let to = |other: &Candidate| {
            let other = table.row(*other)?;
            Some(ours?.ratio(other, |sample| sample.cpu_micros))
        };
        // To the best is the largest.
        let to_best = OTHERS.iter().filter_map(to).reduce(f64::max);
        let of_nginx = |candidate| told(table.to_nginx(candidate));
        writeln!(
            f,
            " {} | {} | {} |",
            of_nginx(Candidate::Rthttpd),
            of_nginx(Candidate::RthttpdLogged),
            told(to_best)
        )?;
    }
    Ok(())
}

fn delays(f: &mut fmt::Formatter<'_>, tables: &[Table]) -> fmt::Result {
    for table in tables {
        let Some(rate) = table
            .rate
            .filter(|_| table.case.is_first() || tables.len() == 1)
        else {
            continue;
        };
        writeln!(
            f,
            "\n| {} at {rate} requests a second | p50 | p99 | p99.9 |\n|---|---|---|---|",
            table.case.label
        )?;
        for row in &table.rows {
            if let Some(delays) = row.delays() {
                let (half, p99, p999) = (delays.half, delays.p99, delays.p999);
                let title = row.candidate.title();
                writeln!(f, "| {title} | {half:.0} µs | {p99:.0} µs | {p999:.0} µs |")?;
            }
        }
    }
    Ok(())
}

fn told(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.3}"))
}

#[cfg(test)]
mod tests {
    use benches::machine::Machine;

    use crate::report::tests::table;

    use super::*;

    #[test]
    fn each_line_of_a_table_has_as_many_columns_and_the_best_of_others_is_the_cheapest() {
        let costs = |ours| {
            [
                (Candidate::Nginx, 10.0),
                (Candidate::Lighttpd, 8.0),
                (Candidate::Rthttpd, ours),
            ]
        };
        let report = Report {
            machine: Machine::look(),
            tables: vec![table("1k", &costs(6.0)), table("404", &costs(4.0)[1..])],
        };

        let page = Page(&report).to_string();

        for part in page.split("\n\n") {
            let lines = part.lines().filter(|line| line.starts_with('|'));
            let columns: Vec<_> = lines.map(|line| line.matches('|').count()).collect();
            assert!(columns.windows(2).all(|two| two[0] == two[1]), "{part}");
        }
        assert!(
            page.contains("| 10.00 | 8.00 | 6.00 | 0.600 |  | 0.750 |"),
            "{page}"
        );
        assert!(page.contains("|  | 8.00 | 4.00 |  |  | 0.500 |"), "{page}");
    }
}
