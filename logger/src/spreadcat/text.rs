//! Lines out of bytes, and what of a line may go into a log.
//!
//! ```text
//! bytes, cut anywhere -> Framer -> Raw (one line) -> clean -> text without control bytes
//! ```
//!
//! One line that comes in is one line that goes out, whatever is in it: control bytes but the tab
//! become `\xHH`, as Apache writes them, and what is too long ends in `...`, as our own log lines
//! do. Bytes from 0x80 on stay, because JSON and error messages are UTF-8. Pure.

use memchr::memchr;

/// Cuts bytes into lines, however they come.
#[derive(Debug)]
pub(super) struct Framer {
    /// The beginning of a line whose end has not come, at most `len_max` bytes of it.
    partial: Vec<u8>,
    /// More than these have come.
    is_over: bool,
    len_max: usize,
}

/// A line as it came, without its newline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Raw<'a> {
    pub(super) text: &'a [u8],
    /// There was more, which was dropped.
    pub(super) is_over: bool,
    /// It had a newline.
    pub(super) is_ended: bool,
}

impl Framer {
    /// Keeps `len_max` bytes of a line.
    pub(super) const fn new(len_max: usize) -> Self {
        Self {
            partial: Vec::new(),
            is_over: false,
            len_max,
        }
    }

    /// Takes the next bytes, and gives each line that ends in them to `each`.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(Raw<'_>)) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            bytes = rest.get(1..).unwrap_or_default();
            if self.partial.is_empty() && !self.is_over {
                each(Raw::new(line, self.len_max));
            } else {
                self.keep(line);
                each(self.line(true));
                self.clear();
            }
        }
        self.keep(bytes);
    }

    /// The end: gives what has no newline, if there is something.
    pub(super) fn finish(&mut self, each: impl FnOnce(Raw<'_>)) {
        if !self.partial.is_empty() || self.is_over {
            each(self.line(false));
            self.clear();
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.len_max - self.partial.len();
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.is_over |= kept.len() < bytes.len();
        self.partial.extend_from_slice(kept);
    }

    fn line(&self, is_ended: bool) -> Raw<'_> {
        Raw {
            text: &self.partial,
            is_over: self.is_over,
            is_ended,
        }
        .without_return()
    }

    fn clear(&mut self) {
        self.partial.clear();
        self.is_over = false;
    }
}

impl<'a> Raw<'a> {
    /// A line that has come whole.
    pub(super) fn new(line: &'a [u8], len_max: usize) -> Self {
        let kept = line.get(..len_max).unwrap_or(line);
        Self {
            text: kept,
            is_over: kept.len() < line.len(),
            is_ended: true,
        }
        .without_return()
    }

    /// A line may end as they do on other systems.
    fn without_return(self) -> Self {
        match self.text.strip_suffix(b"\r") {
            Some(text) if !self.is_over && self.is_ended => Self { text, ..self },
            _ => self,
        }
    }
}

/// A line that may go into a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clean<'a> {
    pub(super) text: &'a [u8],
    /// Its end is not there.
    pub(super) is_cut: bool,
    /// It had control bytes.
    pub(super) is_escaped: bool,
}

/// What of `raw` may go into a log, in at most `len_max` bytes; `scratch` is for what changes.
pub(super) fn clean<'a>(raw: Raw<'a>, len_max: usize, scratch: &'a mut Vec<u8>) -> Clean<'a> {
    let is_escaped = raw.text.iter().any(|&byte| is_control(byte));
    if !is_escaped && !raw.is_over && raw.text.len() <= len_max {
        return Clean {
            text: raw.text,
            is_cut: false,
            is_escaped,
        };
    }
    scratch.clear();
    // Where it may be cut so that the mark has room: not within a character.
    let (mut place, mut is_cut) = (0, raw.is_over);
    for &byte in raw.text {
        let is_inside = byte & 0xc0 == 0x80 && scratch.len() < place + CHARACTER_MAX;
        if scratch.len() + MARK.len() <= len_max && !is_inside {
            place = scratch.len();
        }
        let len = if is_control(byte) { 4 } else { 1 };
        if scratch.len() + len > len_max {
            is_cut = true;
            break;
        }
        if len == 1 {
            scratch.push(byte);
        } else {
            scratch.extend([b'\\', b'x', hex(byte >> 4), hex(byte & 0xf)]);
        }
    }
    if is_cut {
        if scratch.len() + MARK.len() > len_max {
            scratch.truncate(place);
        }
        scratch.extend_from_slice(MARK);
    }
    Clean {
        text: scratch,
        is_cut,
        is_escaped,
    }
}

const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

const fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + (digit - 10),
    }
}

/// What a line ends in whose end is not there.
const MARK: &[u8] = b"...";

/// Bytes of the longest character of UTF-8.
const CHARACTER_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEN_MAX: usize = 20;

    /// What comes out of `pieces`, one after the other.
    fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, bool, bool)> {
        let (mut framer, mut lines) = (Framer::new(LEN_MAX), Vec::new());
        let mut take = |raw: Raw<'_>| {
            let mut scratch = Vec::new();
            let clean = clean(raw, LEN_MAX, &mut scratch);
            lines.push((clean.text.to_vec(), clean.is_cut, raw.is_ended));
        };
        for piece in pieces {
            framer.push(piece, &mut take);
        }
        framer.finish(take);
        lines
    }

    fn line(text: &str) -> (String, bool, bool) {
        let lines = lines([text.as_bytes()]);
        assert_eq!(lines.len(), 1, "{text}");
        let (text, is_cut, is_ended) = lines[0].clone();
        (String::from_utf8(text).unwrap(), is_cut, is_ended)
    }

    #[test]
    fn a_line_is_left_as_it_is_but_for_what_does_harm() {
        const CASES: &[(&str, &str, bool, bool)] = &[
            ("a b\tc\n", "a b\tc", false, true),
            ("\n", "", false, true),
            ("no end", "no end", false, false),
            ("a\r\n", "a", false, true),
            ("a\r", "a\\x0d", false, false),
            ("a\0b\x1b\x7f\n", "a\\x00b\\x1b\\x7f", false, true),
            ("größe\n", "größe", false, true),
            (
                "12345678901234567890\n",
                "12345678901234567890",
                false,
                true,
            ),
            (
                "123456789012345678901\n",
                "12345678901234567...",
                true,
                true,
            ),
            (
                "1234567890123456ö89012345\n",
                "1234567890123456...",
                true,
                true,
            ),
            ("12345678901234567\0\n", "12345678901234567...", true, true),
            (
                "1234567890123\0 8901\n",
                "1234567890123\\x00...",
                true,
                true,
            ),
        ];
        for (text, expected, is_cut, is_ended) in CASES {
            let expected = ((*expected).to_owned(), *is_cut, *is_ended);
            assert_eq!(line(text), expected, "{text:?}");
        }
    }

    proptest! {
        /// One line is one line, and where the bytes were cut makes no difference.
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_lines(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), Just(0), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
        ) {
            let whole = lines([bytes.as_slice()]);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut from = 0;
            let pieces = cuts.into_iter().chain([bytes.len()]).map(|to| {
                let piece = &bytes[from..to];
                from = to;
                piece
            });

            prop_assert_eq!(&lines(pieces), &whole);
            let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
            let is_open = bytes.last().is_some_and(|&byte| byte != b'\n');
            prop_assert_eq!(whole.len(), ends + usize::from(is_open));
            for (text, is_cut, _) in whole {
                prop_assert!(text.len() <= LEN_MAX);
                prop_assert!(!text.iter().any(|&byte| is_control(byte)));
                prop_assert!(!is_cut || text.ends_with(MARK));
            }
        }
    }
}
