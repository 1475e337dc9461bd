//! Rates over time, as a picture.

use std::fmt::{self, Write as _};

use crate::clients::{BIN, Got};

/// A line for each client, and one for all together.
pub(crate) struct Chart<'a> {
    pub(crate) got: &'a [Got],
    /// Bytes a second.
    pub(crate) max: u64,
    pub(crate) seconds: u64,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 60.0;

/// Readable in light and dark pages, and for those who see few colours (Okabe and Ito's).
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#333}\
    .grid{stroke:#ccc}.all{stroke:#333;stroke-dasharray:5 4}path{fill:none;stroke-width:2}\
    .c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}.c3{stroke:#cc79a7}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.all{stroke:#ddd}}";

impl Chart<'_> {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + seconds / self.seconds as f64 * (WIDTH - LEFT - RIGHT)
    }

    /// A quarter more than the maximum fits.
    fn y(&self, rate: f64) -> f64 {
        let part = rate / (self.max as f64 * 1.25);
        HEIGHT - BOTTOM - part.min(1.0) * (HEIGHT - TOP - BOTTOM)
    }

    /// The rate of each stretch, at its middle, from the first in which anything came.
    fn line(&self, bins: &[u64]) -> String {
        let mut path = String::new();
        let bin = BIN.as_secs_f64();
        let came = bins.iter().take_while(|bytes| **bytes == 0).count();
        for (number, bytes) in bins.iter().enumerate().skip(came.saturating_sub(1)) {
            let middle = (number as f64 + 0.5) * bin;
            if middle > self.seconds as f64 {
                break;
            }
            let x = self.x(middle);
            let y = self.y(*bytes as f64 / bin);
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{x:.1} {y:.1}");
        }
        path
    }

    fn all(&self) -> Vec<u64> {
        let longest = self.got.iter().map(|got| got.bins.len()).max().unwrap_or(0);
        let sum = |bin: usize| self.got.iter().filter_map(|got| got.bins.get(bin)).sum();
        (0..longest).map(sum).collect()
    }
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
             <title>Bytes a second of four clients that come one by one and go one by one</title>\n\
             <style>{STYLE}</style>"
        )?;
        let (left, right, bottom) = (LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM);
        for quarter in 0..=4 {
            let rate = self.max * quarter / 4;
            let y = self.y(rate as f64);
            let label = rate / 1_000;
            writeln!(
                f,
                "<path class=\"grid\" style=\"stroke-width:1\" d=\"M{left} {y:.1}H{right}\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 8.0,
                y + 4.0
            )?;
        }
        for second in (0..=self.seconds).step_by(5) {
            let x = self.x(second as f64);
            let y = bottom + 18.0;
            writeln!(
                f,
                "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{second} s</text>"
            )?;
        }
        writeln!(f, "<path class=\"all\" d=\"{}\"/>", self.line(&self.all()))?;
        for (number, got) in self.got.iter().enumerate() {
            let class = number % 4;
            writeln!(
                f,
                "<path class=\"c{class}\" d=\"{}\"/>",
                self.line(&got.bins)
            )?;
        }
        let legend = HEIGHT - 14.0;
        for (number, x) in
            (0..self.got.len()).zip((0..).map(|place| left + 115.0 * f64::from(place)))
        {
            writeln!(
                f,
                "<path class=\"c{}\" d=\"M{x} {:.0}h22\"/><text x=\"{}\" y=\"{legend}\">client {}</text>",
                number % 4,
                legend - 4.0,
                x + 28.0,
                number + 1
            )?;
        }
        let x = left + 115.0 * self.got.len() as f64;
        writeln!(
            f,
            "<path class=\"all\" d=\"M{x} {:.0}h22\"/><text x=\"{}\" y=\"{legend}\">all, in kB/s</text>\n</svg>",
            legend - 4.0,
            x + 28.0
        )
    }
}
