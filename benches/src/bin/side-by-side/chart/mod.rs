//! Pictures of the figures, for pages and for those who do not read tables.
//!
//! - `costs.rs`: one case, what a request costs each server;
//! - `ratios.rs`: all cases, beside nginx.
//!
//! Here is what they share: the frame, and a scale of round numbers.

mod costs;
mod ratios;

use std::fmt;

pub(crate) use self::costs::Costs;
pub(crate) use self::ratios::Ratios;

const WIDTH: f64 = 820.0;
/// Left and right of everything.
const MARGIN: f64 = 20.0;

/// A page of its own, as pages around it are light or dark without asking. Ours and theirs are told apart by
/// brightness, too (Okabe and Ito's colours).
const STYLE: &str = "text{font:14px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#24292f;\
    paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\
    .page{fill:#fff;stroke:#d0d7de}.title{font-size:17px;font-weight:600}.small{font-size:12px;fill:#57606a}\
    .grid{stroke:#d8dee4}.mark{stroke:#24292f;stroke-width:1.5}\
    .ours{fill:#0072b2}.ours-logged{fill:#e69f00}.theirs{fill:#8c959f}.theirs-logged{fill:#57606a}.floor{fill:#d0d7de}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3;stroke:#0d1117}.page{fill:#0d1117;stroke:#30363d}.small{fill:#9198a1}\
    .grid{stroke:#30363d}.mark{stroke:#e6edf3}.ours{fill:#56b4e9}.theirs{fill:#6e7681}.theirs-logged{fill:#9198a1}\
    .floor{fill:#484f58}}";

/// The frame of a picture of this height: what it is called and what it says below that.
fn begin(f: &mut fmt::Formatter<'_>, height: f64, title: &str, below: &str) -> fmt::Result {
    writeln!(
        f,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
        WIDTH - 1.0,
        height - 1.0
    )?;
    text(f, "title", MARGIN, 32.0, "start", title)?;
    text(f, "small", MARGIN, 52.0, "start", below)
}

fn end(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "</svg>")
}

fn text(
    f: &mut fmt::Formatter<'_>,
    class: &str,
    x: f64,
    y: f64,
    anchor: &str,
    words: &str,
) -> fmt::Result {
    writeln!(
        f,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    )
}

/// A line down through the picture.
fn upright(f: &mut fmt::Formatter<'_>, class: &str, x: f64, from: f64, to: f64) -> fmt::Result {
    writeln!(
        f,
        "<path class=\"{class}\" d=\"M{x:.1} {from:.1}V{to:.1}\"/>"
    )
}

/// The distance of marks on a scale up to `max`: 1, 2 or 5 with zeros, so that there are four to ten.
fn step(max: f64) -> f64 {
    let mut step = 1e-3;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle() {
        if max / step <= 8.0 || step > 1e9 {
            break;
        }
        step *= factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        for (max, wanted) in [
            (1.0, 0.2),
            (2.0, 0.5),
            (7.9, 1.0),
            (23.0, 5.0),
            (900.0, 200.0),
        ] {
            assert!(
                (step(max) - wanted).abs() < wanted / 1e6,
                "{max}: {}",
                step(max)
            );
        }
        for max in 1..10_000 {
            let marks = f64::from(max) / step(f64::from(max));
            assert!((3.0..=8.0).contains(&marks), "{marks} up to {max}");
        }
    }
}
