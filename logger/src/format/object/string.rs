//! Bytes as a JSON string, none of them lost.
//!
//! What is UTF-8 stands for itself, with the escapes of RFC 8259 §7, and with `\uhhhh` for what a
//! terminal or a reader of lines could take for more than a character: DEL, the controls of
//! U+0080 to U+009F, and the separators U+2028 and U+2029.
//!
//! JSON has no way to say a byte that is no UTF-8. It becomes the four characters `\xhh`, and a
//! backslash that stands before an `x` in the bytes becomes `\x5c`: whoever replaces each `\xhh` in
//! the value has the bytes again, and whoever does not reads what was meant nearly always.

use super::super::escape::{Place, hex_digit, is_plain_text};

/// `\u0000`.
pub(super) const ESCAPE_LEN_MAX: usize = 6;

/// Whether a value of logfmt needs no quotes.
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !bytes.contains(&b'=') && is_plain_text(bytes, Place::Word)
}

/// Appends `bytes`, without the quotes around them.
pub(super) fn write(bytes: &[u8], line: &mut Vec<u8>) {
    if is_plain_text(bytes, Place::Quoted) {
        line.extend_from_slice(bytes);
    } else {
        for_each(bytes, |text| {
            line.extend_from_slice(text);
            true
        });
    }
}

/// Bytes of what [`write`] appends.
pub(super) fn len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for_each(bytes, |text| {
        len += text.len();
        true
    });
    len
}

/// Appends what has room in `room` bytes, no character and no escape torn.
pub(super) fn write_within(bytes: &[u8], mut room: usize, line: &mut Vec<u8>) {
    for_each(bytes, |text| {
        let fits = text.len() <= room;
        if fits {
            line.extend_from_slice(text);
            room -= text.len();
        }
        fits
    });
}

/// Gives the text of one character after the other, until `take` has had enough.
fn for_each(bytes: &[u8], mut take: impl FnMut(&[u8]) -> bool) {
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars();
        while let Some(char) = chars.next() {
            let is_taken = match char {
                '\\' if chars.as_str().starts_with('x') => take(br"\\x5c"),
                '"' => take(br#"\""#),
                '\\' => take(br"\\"),
                '\n' => take(br"\n"),
                '\r' => take(br"\r"),
                '\t' => take(br"\t"),
                '\u{8}' => take(br"\b"),
                '\u{c}' => take(br"\f"),
                '\0'..' ' | '\u{7f}'..'\u{a0}' | '\u{2028}' | '\u{2029}' => {
                    let number = u32::from(char);
                    let digit = |shift: u32| hex_digit((number >> shift & 0xf) as u8);
                    take(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)])
                }
                plain => take(plain.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            if !is_taken {
                return;
            }
        }
        for byte in chunk.invalid() {
            let text = [
                b'\\',
                b'\\',
                b'x',
                hex_digit(byte >> 4),
                hex_digit(byte & 0xf),
            ];
            if !take(&text) {
                return;
            }
        }
    }
}

/// Undoes the `\xhh` in a value, of which JSON's own escapes are undone.
pub(super) fn bytes_of(value: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find(r"\x") {
        let (before, escape) = rest.split_at(at);
        bytes.extend_from_slice(before.as_bytes());
        let digits = escape.get(2..4).filter(|digits| !digits.starts_with('+'));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = escape.get(4..).unwrap_or_default();
            }
            None => {
                bytes.push(b'\\');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
