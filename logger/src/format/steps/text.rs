//! A text of a client in a line: one or several pieces of what it sent, escaped as they are
//! written.

use super::super::CUT_MARK;
use super::super::escape::{
    ESCAPE_LEN_MAX, Place, escape, escape_always, escape_within, escaped_len, is_plain_text,
};
use crate::record::FieldSection;

/// A text and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    bytes: Bytes<'a>,
    place: Place,
}

#[derive(Clone, Copy)]
enum Bytes<'a> {
    Plain(&'a [u8]),
    /// To be written with its percent escapes undone.
    Encoded(&'a [u8]),
    /// To be written in lower case.
    Lower(&'a [u8]),
    /// The values of a field that stands on several lines, which are one list (RFC 9110 §5.3).
    Lines(FieldSection<'a>, &'a str),
}

impl<'a> Text<'a> {
    pub(super) const fn plain(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Bytes::Plain(bytes),
            place: Place::Quoted,
        }
    }

    /// A text in which no space stands for itself, and that is `""` if it is empty.
    pub(super) const fn word(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Bytes::Plain(bytes),
            place: Place::Word,
        }
    }

    /// A host as a client has named it, of which the port is left out and the letters are made small.
    pub(super) fn host(host: &'a [u8]) -> Self {
        // The colons within the brackets of an IPv6 address are followed by one.
        let is_port = |port: &[u8]| port.iter().all(u8::is_ascii_digit);
        let colon = host.iter().rposition(|&byte| byte == b':');
        let split = colon.and_then(|colon| host.split_at_checked(colon));
        let name = split.filter(|(_, port)| port.get(1..).is_some_and(is_port));
        Self {
            bytes: Bytes::Lower(name.map_or(host, |(name, _)| name)),
            place: Place::Word,
        }
    }

    pub(super) fn path(path: &'a [u8]) -> Self {
        Self {
            bytes: if path.contains(&b'%') {
                Bytes::Encoded(path)
            } else {
                Bytes::Plain(path)
            },
            place: Place::Quoted,
        }
    }

    /// The value of a field, or of all its lines, if there is one.
    pub(super) fn field(section: FieldSection<'a>, name: &'a str) -> Option<Self> {
        let mut values = section.values(name);
        let first = values.next()?;
        Some(Self {
            bytes: match values.next() {
                None => Bytes::Plain(first),
                Some(_) => Bytes::Lines(section, name),
            },
            place: Place::Quoted,
        })
    }

    /// Bytes that it takes at most.
    pub(super) fn len_max(&self) -> usize {
        let raw = match self.bytes {
            Bytes::Plain(bytes) | Bytes::Encoded(bytes) | Bytes::Lower(bytes) => bytes.len(),
            Bytes::Lines(..) => self.sum(<[u8]>::len),
        };
        (raw * ESCAPE_LEN_MAX).max(EMPTY_WORD.len())
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> usize {
        if self.is_hyphen() {
            return ESCAPE_LEN_MAX;
        }
        let len = self.sum(|piece| escaped_len(piece, self.place));
        if len == 0 && self.place == Place::Word {
            return EMPTY_WORD.len();
        }
        len
    }

    /// Appends all of it, if it is sure to fit into `room`, and gives the room that is left.
    #[inline]
    pub(super) fn write_if_fits(&self, room: usize, line: &mut Vec<u8>) -> Option<usize> {
        // One byte could be a hyphen, and none a word.
        if let Bytes::Plain(bytes) = self.bytes
            && bytes.len() > 1
            && bytes.len() <= room
            && is_plain_text(bytes, self.place)
        {
            line.extend_from_slice(bytes);
            return Some(room - bytes.len());
        }
        self.write_if_it_must_fit(room, line)
    }

    #[inline(never)]
    fn write_if_it_must_fit(&self, room: usize, line: &mut Vec<u8>) -> Option<usize> {
        if self.len_max() > room {
            return None;
        }
        let begin = line.len();
        self.write(line);
        Some(room.saturating_sub(line.len() - begin))
    }

    /// Appends all of it.
    pub(super) fn write(&self, line: &mut Vec<u8>) {
        match self.bytes {
            // What is there and reads `-` is told from what is not.
            _ if self.is_hyphen() => escape_always(b'-', line),
            Bytes::Plain(b"") | Bytes::Lower(b"") if self.place == Place::Word => {
                line.extend_from_slice(EMPTY_WORD);
            }
            Bytes::Plain(bytes) => escape(bytes, self.place, line),
            _ => self.for_each(|piece| escape(piece, self.place, line)),
        }
    }

    /// Appends what of it has room in `part` bytes, and a mark.
    pub(super) fn write_cut(&self, part: usize, line: &mut Vec<u8>) {
        let mut room = part.saturating_sub(CUT_MARK.len());
        self.for_each(|piece| room = escape_within(piece, self.place, room, line));
        line.extend_from_slice(CUT_MARK);
    }

    fn is_hyphen(&self) -> bool {
        match self.bytes {
            Bytes::Plain(bytes) | Bytes::Lower(bytes) => bytes == b"-",
            Bytes::Encoded(bytes) => bytes.eq_ignore_ascii_case(b"%2d"),
            Bytes::Lines(..) => false,
        }
    }

    fn sum(&self, len: impl Fn(&[u8]) -> usize) -> usize {
        let mut sum = 0;
        self.for_each(|piece| sum += len(piece));
        sum
    }

    fn for_each(&self, mut take: impl FnMut(&[u8])) {
        match self.bytes {
            Bytes::Plain(bytes) => take(bytes),
            Bytes::Encoded(bytes) => for_each_decoded(bytes, take),
            Bytes::Lower(bytes) => for_each_lower(bytes, take),
            Bytes::Lines(section, name) => {
                for (at, value) in section.values(name).enumerate() {
                    take(if at == 0 { b"" } else { b", " });
                    take(value);
                }
            }
        }
    }
}

/// Gives `bytes` with their percent escapes undone, in pieces. What is no escape stays as it is.
fn for_each_decoded(bytes: &[u8], mut take: impl FnMut(&[u8])) {
    let mut rest = bytes;
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'%', rest.get(from..).unwrap_or_default()) {
        let (plain, escape) = rest.split_at_checked(from + at).unwrap_or((rest, &[]));
        let digits = escape
            .get(1..3)
            .and_then(|digits| str::from_utf8(digits).ok());
        // `from_str_radix` takes a sign, which is no digit.
        let digits = digits.filter(|digits| !digits.starts_with('+'));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                take(plain);
                take(&[byte]);
                rest = escape.get(3..).unwrap_or_default();
                from = 0;
            }
            None => from += at + 1,
        }
    }
    take(rest);
}

/// Gives `bytes` in lower case, in pieces.
fn for_each_lower(bytes: &[u8], mut take: impl FnMut(&[u8])) {
    let mut lower = [0; 64];
    for piece in bytes.chunks(lower.len()) {
        if let Some(lower) = lower.get_mut(..piece.len()) {
            lower.copy_from_slice(piece);
            lower.make_ascii_lowercase();
            take(lower);
        }
    }
}

/// What stands for a word without a byte (mod_log_config.c: log_remote_user).
const EMPTY_WORD: &[u8] = b"\"\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_what_is_no_escape_stays() {
        for (path, expected) in [
            ("/a", "/a"),
            ("/%61b%2Fc%2f", "/ab/c/"),
            ("%25%32%35", "%25"),
            ("100%", "100%"),
            ("%%41%4", "%A%4"),
            ("%+1%zz%é", r"%+1%zz%\xc3\xa9"),
            ("%0a%C3%a9%22", r#"\n\xc3\xa9\""#),
            ("%2D", r"\x2d"),
            ("", ""),
        ] {
            let text = Text::path(path.as_bytes());
            let mut line = Vec::new();

            text.write(&mut line);

            assert_eq!(line, expected.as_bytes(), "{path}");
            assert_eq!(text.len(), line.len(), "{path}");
            assert!(text.len_max() >= line.len(), "{path}");
        }
    }

    #[test]
    fn a_host_is_written_small_and_without_its_port() {
        let long = "A".repeat(200);
        for (host, expected) in [
            ("Www.Example.ORG:80", "www.example.org"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
            ("[2001:DB8::1]", "[2001:db8::1]"),
            ("a:", "a"),
            ("", r#""""#),
            ("-", r"\x2d"),
            (&long, &long.to_lowercase()),
        ] {
            let text = Text::host(host.as_bytes());
            let mut line = Vec::new();

            text.write(&mut line);

            assert_eq!(line, expected.as_bytes(), "{host}");
            assert_eq!(text.len(), line.len(), "{host}");
        }
    }

    #[test]
    fn the_lines_of_a_field_are_one_list() {
        let section = FieldSection::new(b"A: 1\r\nB: 2\r\na: \"3\r\n");
        let text = Text::field(section, "a").unwrap();
        let mut line = Vec::new();

        text.write(&mut line);
        text.write_cut(8, &mut line);

        assert_eq!(line, b"1, \\\"31, \\\"...");
        assert_eq!(text.len(), 6);
    }
}
