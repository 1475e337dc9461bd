//! Figures along a number, as a picture: a line for each, with points where it was measured.

use std::fmt;

/// Lines over one scale.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// What is drawn, with its unit.
    pub title: String,
    /// What the numbers below are.
    pub along: String,
    /// At most six, as there are colours that all can tell apart.
    pub series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// As the legend has it.
    pub name: String,
    /// Where it was measured, and what; a value that is none is left out.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 400.0;
/// Left and right of everything.
const MARGIN: f64 = 20.0;
/// For the numbers of the scale.
const LEFT: f64 = 64.0;
/// For the legend.
const RIGHT: f64 = 210.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 56.0;
const LEGEND_ROW: f64 = 24.0;

/// How many parts the scale has at least.
const PARTS: f64 = 4.0;

/// Numbers below that stand nearer to each other than this would cover each other.
const NUMBER_WIDTH: f64 = 34.0;

/// A page of its own, as pages around it are light or dark without asking (colours of Okabe and Ito).
const STYLE: &str = "text{font:14px system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;fill:#24292f}\
    .page{fill:#fff;stroke:#d0d7de}.title{font-size:17px;font-weight:600}.small{font-size:12px;fill:#57606a}\
    .grid{stroke:#d8dee4}path{fill:none;stroke-width:2}\
    .s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}.s3{stroke:#cc79a7}.s4{stroke:#8c959f}.s5{stroke:#e69f00}\
    circle{stroke-width:2;fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117;stroke:#30363d}.small{fill:#9198a1}\
    .grid{stroke:#30363d}.s0{stroke:#56b4e9}circle{fill:#0d1117}}";

const COLOURS: usize = 6;

impl LineChart {
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let series = self.series.iter().take(COLOURS);
        let points = series.flat_map(|series| series.points.iter().copied());
        points.filter(|(at, value)| at.is_finite() && value.is_finite())
    }

    /// The highest value, as the scale has it: whole steps.
    fn top(&self) -> (f64, f64) {
        let highest = self.points().map(|(_, value)| value).fold(0.0, f64::max);
        let step = step(highest);
        (step, (highest / step).ceil().max(1.0) * step)
    }

    /// Numbers below, from the left: where anything was measured, as far as there is room.
    fn numbers(&self, x: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.points().map(|(at, _)| at).collect();
        all.sort_by(f64::total_cmp);
        let mut numbers: Vec<f64> = Vec::new();
        for at in all {
            let is_far = |last: &f64| x(at) - x(*last) >= NUMBER_WIDTH;
            if numbers.last().is_none_or(is_far) {
                numbers.push(at);
            }
        }
        numbers
    }
}

impl fmt::Display for LineChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, top) = self.top();
        let furthest = self.points().map(|(at, _)| at).fold(0.0, f64::max);
        let (right, foot) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let x = |at: f64| LEFT + at / furthest.max(f64::MIN_POSITIVE) * (right - LEFT);
        let y = |value: f64| foot - value / top * (foot - TOP);
        let title = &self.title;
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>\n\
             <text class=\"title\" x=\"{MARGIN}\" y=\"32\">{title}</text>",
            WIDTH - 1.0,
            HEIGHT - 1.0
        )?;
        let mut value = 0.0;
        while value <= top + step / 2.0 {
            writeln!(
                f,
                "<path class=\"grid\" style=\"stroke-width:1\" d=\"M{LEFT} {:.1}H{right:.1}\"/>\
                 <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                y(value),
                LEFT - 8.0,
                y(value) + 4.0,
                (value * 1e6).round() / 1e6
            )?;
            value += step;
        }
        for at in self.numbers(x) {
            let x = x(at);
            let y = foot + 18.0;
            writeln!(
                f,
                "<text class=\"small\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{at}</text>"
            )?;
        }
        let (middle, below) = (f64::midpoint(LEFT, right), foot + 40.0);
        let along = &self.along;
        writeln!(
            f,
            "<text class=\"small\" x=\"{middle:.1}\" y=\"{below}\" text-anchor=\"middle\">{along}</text>"
        )?;
        for (number, series) in self.series.iter().take(COLOURS).enumerate() {
            series.draw(f, number, x, y)?;
            let row = (0..number).fold(TOP + 4.0, |y, _| y + LEGEND_ROW);
            let (from, words) = (right + 18.0, right + 48.0);
            let (name, text) = (&series.name, row + 5.0);
            writeln!(
                f,
                "<path class=\"s{number}\" d=\"M{from:.1} {row:.1}h22\"/>\
                 <text x=\"{words:.1}\" y=\"{text:.1}\">{name}</text>"
            )?;
        }
        writeln!(f, "</svg>")
    }
}

impl Series {
    fn draw(
        &self,
        f: &mut fmt::Formatter<'_>,
        number: usize,
        x: impl Fn(f64) -> f64,
        y: impl Fn(f64) -> f64,
    ) -> fmt::Result {
        let points = self.points.iter().filter(|(_, value)| value.is_finite());
        let mut command = 'M';
        write!(f, "<path class=\"s{number}\" d=\"")?;
        for (at, value) in points.clone() {
            write!(f, "{command}{:.1} {:.1}", x(*at), y(*value))?;
            command = 'L';
        }
        writeln!(f, "\"/>")?;
        for (at, value) in points {
            writeln!(
                f,
                "<circle class=\"s{number}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>",
                x(*at),
                y(*value)
            )?;
        }
        Ok(())
    }
}

/// 1, 2 or 5 times a power of ten, so that a scale has at least four of them.
fn step(highest: f64) -> f64 {
    let rough = highest.max(f64::MIN_POSITIVE) / PARTS;
    let power = 10_f64.powf(rough.log10().floor());
    let times = rough / power;
    let times = [5.0, 2.0].into_iter().find(|round| *round <= times);
    times.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> LineChart {
        LineChart {
            title: "Delay, ms".to_owned(),
            along: "publishers".to_owned(),
            series: vec![Series {
                name: "p99".to_owned(),
                points: points.to_vec(),
            }],
        }
    }

    #[test]
    fn a_scale_has_round_steps() {
        assert_eq!(step(4.0), 1.0);
        assert_eq!(step(139.0), 20.0);
        assert_eq!(step(0.7), 0.1);
        assert_eq!(chart(&[(1.0, 139.0)]).top(), (20.0, 140.0));
    }

    #[test]
    fn a_point_is_where_its_figures_are_on_the_scales() {
        let drawn = chart(&[(5.0, 20.0), (10.0, 40.0)]).to_string();

        let (right, foot) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let end = format!("cx=\"{right:.1}\" cy=\"{TOP:.1}\"");
        let (x, y) = (f64::midpoint(LEFT, right), f64::midpoint(TOP, foot));
        let middle = format!("cx=\"{x:.1}\" cy=\"{y:.1}\"");
        assert!(drawn.contains(&end) && drawn.contains(&middle), "{drawn}");
    }

    #[test]
    fn numbers_that_would_cover_each_other_are_left_out() {
        let chart = chart(&[(1.0, 1.0), (2.0, 1.0), (100.0, 1.0)]);

        assert_eq!(chart.numbers(|at| at), [1.0, 100.0]);
    }

    #[test]
    fn what_was_not_measured_is_not_drawn() {
        let drawn = chart(&[(1.0, f64::NAN), (2.0, 3.0)]).to_string();

        assert_eq!(drawn.matches("<circle").count(), 1);
        assert!(!drawn.contains("NaN"), "{drawn}");
    }
}
