//! Families as one JSON object (RFC 8259): a member for each, under its name.
//!
//! ```json
//! {"rthttpd_requests_total":{"kind":"counter","help":"…",
//!   "samples":[{"labels":{"status":"200"},"value":12}]}}
//! ```

use std::io::Write;

use super::{Family, Kind, Sample, Value};

/// The media type.
pub const JSON: &str = "application/json";

/// Writes `families` in this order, a family on a line.
#[must_use]
pub fn json(families: &[Family]) -> Vec<u8> {
    let mut out = Vec::with_capacity(families.len() * 256);
    let mut before: &[u8] = b"{";
    for family in families {
        out.extend_from_slice(before);
        before = b",";
        out.push(b'\n');
        string(&mut out, family.name);
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing into a Vec cannot fail, here and below.
        let _ = write!(out, ":{{\"kind\":\"{kind}\",\"help\":");
        string(&mut out, family.help);
        out.extend_from_slice(b",\"samples\":[");
        for (index, sample) in family.samples.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            object(&mut out, sample);
        }
        out.extend_from_slice(b"]}");
    }
    if families.is_empty() {
        out.push(b'{');
    }
    out.extend_from_slice(b"\n}\n");
    out
}

fn object(out: &mut Vec<u8>, sample: &Sample) {
    out.extend_from_slice(b"{\"labels\":{");
    for (index, (label, value)) in sample.labels.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, label);
        out.push(b':');
        string(out, value);
    }
    let _ = match sample.value {
        // JSON knows no infinity; nothing here is one.
        Value::Real(value) if !value.is_finite() => write!(out, "}},\"value\":null}}"),
        value => write!(out, "}},\"value\":{value}}}"),
    };
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}
