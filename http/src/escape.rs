//! Bytes made safe for the place they are written to: a URI or an HTML page.

use crate::ascii;

/// Appends `path` as the path of a URI. Slashes stay; everything that could mean something in a
/// URI or an HTML attribute is escaped, `:` too, since a relative reference must not seem to begin
/// with a scheme (RFC 3986 4.2).
pub fn path(out: &mut Vec<u8>, path: &[u8]) {
    percent(out, path, |byte| {
        ascii::is_unreserved(byte)
            || (ascii::is_sub_delim(byte) && !matches!(byte, b'&' | b'\''))
            || matches!(byte, b'/' | b'@')
    });
}

/// Appends a raw `query`, in which only what no URI may hold is escaped. Escapes stay as they
/// are.
pub fn query(out: &mut Vec<u8>, query: &[u8]) {
    percent(out, query, |byte| {
        ascii::is_unreserved(byte)
            || ascii::is_sub_delim(byte)
            || matches!(byte, b'/' | b'?' | b':' | b'@' | b'%')
    });
}

/// Appends `data` as a word within a query or a fragment: nothing in it separates anything.
pub fn query_data(out: &mut Vec<u8>, data: &[u8]) {
    percent(out, data, |byte| ascii::is_unreserved(byte) || byte == b'/');
}

/// Appends `text` as the text of an HTML page or the value of an attribute. Bytes that are no
/// UTF-8, and control characters, become U+FFFD.
pub fn html(out: &mut Vec<u8>, text: &[u8]) {
    for character in String::from_utf8_lossy(text).chars() {
        match character {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\'' => out.extend_from_slice(b"&#39;"),
            control if control.is_control() => {
                out.extend_from_slice("\u{fffd}".as_bytes());
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn percent(out: &mut Vec<u8>, bytes: &[u8], is_plain: impl Fn(u8) -> bool) {
    for &byte in bytes {
        if is_plain(byte) {
            out.push(byte);
        } else {
            out.extend([b'%', hex_upper(byte >> 4), hex_upper(byte & 15)]);
        }
    }
}

const fn hex_upper(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'A' + digit - 10,
    }
}
