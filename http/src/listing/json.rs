//! The listing as JSON (RFC 8259).

use super::Entry;
use crate::{date, escape};

/// Writes `entries` in their order.
pub(super) fn write(entries: &[&Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + entries.len() * 128);
    out.push(b'[');
    for (number, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
        object(&mut out, entry);
    }
    out.extend_from_slice(b"\n]\n");
    out
}

fn object(out: &mut Vec<u8>, entry: &Entry) {
    let name = String::from_utf8_lossy(&entry.name);
    out.extend_from_slice(b"{\"name\":\"");
    text(out, &name);
    out.extend_from_slice(if entry.is_directory {
        b"\",\"type\":\"directory\",\"mtime\":\""
    } else {
        b"\",\"type\":\"file\",\"mtime\":\""
    });
    out.extend_from_slice(&date::format(entry.modified));
    out.push(b'"');
    if !entry.is_directory {
        out.extend_from_slice(b",\"size\":");
        out.extend_from_slice(itoa::Buffer::new().format(entry.len).as_bytes());
    }
    if name.as_bytes() != &*entry.name {
        out.extend_from_slice(b",\"href\":\"./");
        // Nothing that it leaves as it is needs an escape here.
        escape::path(out, &entry.name);
        out.push(b'"');
    }
    out.push(b'}');
}

/// RFC 8259 section 7: quotes, backslashes and controls must be escaped. DEL need not, but is
/// nothing that anybody wants in a terminal.
fn text(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0..0x20 | 0x7f => {
                let hex = b"0123456789abcdef";
                let digit = |nibble: u8| hex.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(b"\\u00");
                out.extend([digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}
