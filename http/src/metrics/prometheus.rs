//! Families in the text format of Prometheus, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>. A family is
//! one group of lines; a line feed is the only thing that could end a line, and is escaped.

use std::io::Write;

use super::{Family, Kind, Sample};

/// The media type.
pub const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes `families` in this order. One without numbers is left out: there is nothing to say.
#[must_use]
pub fn prometheus(families: &[Family]) -> Vec<u8> {
    let mut out = Vec::with_capacity(families.len() * 256);
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let name = family.name;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing into a Vec cannot fail, here and below.
        let _ = write!(out, "# HELP {name} ");
        escape(&mut out, family.help, false);
        let _ = writeln!(out, "\n# TYPE {name} {kind}");
        for sample in &family.samples {
            line(&mut out, name, sample);
        }
    }
    out
}

fn line(out: &mut Vec<u8>, name: &str, sample: &Sample) {
    out.extend_from_slice(name.as_bytes());
    let mut before = b'{';
    for (label, value) in &sample.labels {
        out.push(before);
        before = b',';
        let _ = write!(out, "{label}=\"");
        escape(out, value, true);
        out.push(b'"');
    }
    if !sample.labels.is_empty() {
        out.push(b'}');
    }
    let _ = writeln!(out, " {}", sample.value);
}

/// In a help text only the backslash and the line feed are special, in a label's value the quote
/// too.
fn escape(out: &mut Vec<u8>, text: &str, in_quotes: bool) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if in_quotes => out.extend_from_slice(b"\\\""),
            other => out.push(other),
        }
    }
}
