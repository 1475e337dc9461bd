//! The listing as an HTML page.
//!
//! End tags that HTML lets out are left out: a large directory is some hundred kilobytes less.

use std::io::Write as _;

use super::{Column, Entry, Listing, Order};
use crate::{date, escape};

/// Writes `entries`, which are sorted in `order`.
pub(super) fn write(listing: &Listing<'_>, entries: &[&Entry], order: Order) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048 + entries.len() * 160);
    out.extend_from_slice(START.as_bytes());
    out.extend_from_slice(b"<title>Index of /");
    escape::html(&mut out, listing.path);
    out.extend_from_slice(b"</title>\n");
    heading(&mut out, listing.path);
    if !listing.is_complete {
        let _ = writeln!(
            out,
            "<p>There are more names here; these {} are shown.",
            entries.len()
        );
    }
    out.extend_from_slice(b"<table>\n<thead><tr>");
    for column in [Column::Name, Column::Size, Column::Modified] {
        column_head(&mut out, column, order);
    }
    out.extend_from_slice(b"\n<tbody>\n");
    if !listing.path.is_empty() {
        out.extend_from_slice(b"<tr><td><a href=\"../\">../</a><td><td>\n");
    }
    for entry in entries {
        row(&mut out, entry);
    }
    out.extend_from_slice(b"</table>\n");
    if entries.is_empty() {
        out.extend_from_slice(b"<p>There is nothing here.\n");
    }
    out
}

/// Readable at any width and in the colours that the reader has chosen; names break anywhere, so
/// that the longest fits a phone.
const START: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<style>
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem;font-weight:600;overflow-wrap:anywhere}
p{opacity:.75}
table{width:100%;border-collapse:collapse}
th,td{padding:.3rem 0 .3rem 1.5rem;text-align:right;white-space:nowrap;vertical-align:top;\
font-variant-numeric:tabular-nums;border-bottom:1px solid #8883}
th{font-weight:400;font-size:.875rem}
td{font-size:.9375rem}
td+td{opacity:.75}
th:first-child,td:first-child{width:100%;padding-left:0;text-align:left;white-space:normal;\
overflow-wrap:anywhere}
tbody tr:hover{background:#8882}
a{text-decoration:none}
a:hover,a:focus{text-decoration:underline}
th a{color:inherit}
th[aria-sort=ascending] a::after{content:\" \\2191\"}
th[aria-sort=descending] a::after{content:\" \\2193\"}
@media(max-width:36rem){
body{margin:1rem auto}
tr{display:grid;grid-template-columns:1fr auto;border-bottom:1px solid #8883;padding:.3rem 0}
th,td{border:0;padding:0}
th:first-child,td:first-child{grid-column:1/3}
td{font-size:.8125rem}
td:first-child{font-size:1rem}
td+td{text-align:left}
td+td+td{text-align:right}
thead tr{display:flex;gap:1.5rem}
th:first-child{width:auto}
}
</style>
";

/// The path, each segment of it a link to its directory.
fn heading(out: &mut Vec<u8>, path: &[u8]) {
    out.extend_from_slice(b"<h1>Index of ");
    let segments = || {
        path.split(|&byte| byte == b'/')
            .filter(|one| !one.is_empty())
    };
    let depth = segments().count();
    for (number, name) in [&b""[..]].into_iter().chain(segments()).enumerate() {
        let above = depth - number;
        if above == 0 {
            escape::html(out, name);
            out.push(b'/');
            break;
        }
        out.extend_from_slice(b"<a href=\"");
        out.extend_from_slice("../".repeat(above).as_bytes());
        out.extend_from_slice(b"\">");
        escape::html(out, name);
        out.extend_from_slice(b"/</a>");
    }
    out.extend_from_slice(b"</h1>\n");
}

/// The name of a column, a link that sorts by it, or the other way round. Crawlers, for whom all
/// orders are one, are asked not to follow it.
fn column_head(out: &mut Vec<u8>, column: Column, order: Order) {
    let (name, letter) = match column {
        Column::Name => ("Name", 'N'),
        Column::Modified => ("Modified (UTC)", 'M'),
        Column::Size => ("Size", 'S'),
    };
    let is_sorted = order.column == column;
    let sort = match (is_sorted, order.is_descending) {
        (false, _) => "",
        (true, false) => " aria-sort=\"ascending\"",
        (true, true) => " aria-sort=\"descending\"",
    };
    // Who asks for sizes or dates wants the largest or the latest, most of the time.
    let descends = if is_sorted {
        !order.is_descending
    } else {
        column != Column::Name
    };
    let direction = if descends { 'D' } else { 'A' };
    let _ = write!(
        out,
        "<th scope=\"col\"{sort}><a rel=\"nofollow\" href=\"?C={letter}&amp;O={direction}\">{name}</a>"
    );
}

fn row(out: &mut Vec<u8>, entry: &Entry) {
    let slash: &[u8] = if entry.is_directory { b"/" } else { b"" };
    // `./` in front: a name is never taken for a host, a scheme or a query.
    out.extend_from_slice(b"<tr><td><a href=\"./");
    escape::path(out, &entry.name);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"\">");
    escape::html(out, &entry.name);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"</a>");
    if entry.is_directory {
        out.extend_from_slice(b"<td>");
    } else {
        size(out, entry.len);
    }
    out.extend_from_slice(b"<td>");
    out.extend_from_slice(date::to_minutes(entry.modified).as_bytes());
    out.push(b'\n');
}

/// A size as people read it, and exactly when they point at it.
fn size(out: &mut Vec<u8>, len: u64) {
    out.extend_from_slice(b"<td title=\"");
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    let unit: &[u8] = if len == 1 { b" byte" } else { b" bytes" };
    out.extend_from_slice(unit);
    out.extend_from_slice(b"\">");
    out.extend_from_slice(readable(len).as_bytes());
}

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Three digits or so: `999 B`, `1.0 KiB`, `17 MiB`. Rounded to the nearest.
fn readable(len: u64) -> String {
    if len < 1000 {
        return format!("{len} B");
    }
    let mut unit = 1_u128;
    let mut text = String::new();
    for name in UNITS {
        unit *= 1024;
        let tenths = (u128::from(len) * 10 + unit / 2) / unit;
        let whole = (u128::from(len) + unit / 2) / unit;
        text = if tenths < 100 {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        } else {
            format!("{whole} {name}")
        };
        if whole < 1000 {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn sizes_are_readable() {
        const CASES: &[(u64, &str)] = &[
            (0, "0 B"),
            (1, "1 B"),
            (999, "999 B"),
            (1000, "1.0 KiB"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_188, "9.9 KiB"),
            (10_189, "10 KiB"),
            (1_023_487, "999 KiB"),
            (1_023_488, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (17 << 40, "17 TiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (len, text) in CASES {
            assert_eq!(readable(*len), *text, "{len}");
        }
    }
}
