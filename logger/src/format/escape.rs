//! Apache's escaping of bytes from outside, so that none can end a field or start a new line.
//!
//! As `ap_escape_logitem` of Apache's `server/util.c`: `"` and `\` get a backslash, `\b \n \r \t
//! \v` are those letters, every other byte that is not printable ASCII is `\xhh` in lower case.
//! (nginx writes `\x22` and upper case; reading takes both.)

/// Where in a line a field stands, which decides whether a space in it is plain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Between quotes.
    Quoted,
    /// Between spaces: one in the field is `\x20` (Apache leaves it and the line is ambiguous).
    Word,
}

impl Place {
    /// Whether `byte` stands for itself here.
    pub(super) const fn is_plain(self, byte: u8) -> bool {
        let first = match self {
            Self::Quoted => 0x20,
            Self::Word => 0x21,
        };
        byte >= first && byte < 0x7f && byte != b'"' && byte != b'\\'
    }

    /// Something of which [`is_plain`] says whether all of `bytes` stand for themselves here.
    ///
    /// The highest bit of each byte of the sum or difference tells of that byte, as long as none
    /// below it is another than plain: a carry comes from no plain byte.
    #[inline]
    pub(super) const fn others(self, bytes: [u8; 8]) -> u64 {
        let first = match self {
            Self::Quoted => 0x20,
            Self::Word => 0x21,
        };
        let word = u64::from_le_bytes(bytes);
        word | word.wrapping_sub(each(first))
            | word.wrapping_add(each(0x80 - 0x7f))
            | (word ^ each(b'"')).wrapping_sub(each(1))
            | (word ^ each(b'\\')).wrapping_sub(each(1))
    }
}

/// Whether those of which `others` is gathered are all plain.
#[inline]
pub(super) const fn is_plain(others: u64) -> bool {
    others & each(0x80) == 0
}

/// A word of eight times the byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Whether nothing in `bytes` needs an escape.
///
/// It looks at eight bytes at a time; the last word overlaps the one before, since bytes one by one
/// at the end would take longer than all the words.
pub(super) fn is_plain_text(bytes: &[u8], place: Place) -> bool {
    let Some(last) = bytes.last_chunk() else {
        return bytes.iter().all(|&b| place.is_plain(b));
    };
    let words = bytes.as_chunks().0.iter().chain([last]);
    is_plain(words.fold(0, |others, word| others | place.others(*word)))
}

/// The number of bytes that [`escape`] writes for `bytes`.
pub(super) fn escaped_len(bytes: &[u8], place: Place) -> usize {
    bytes.iter().map(|&b| Escaped::of(b, place).len).sum()
}

/// Appends `bytes`, escaped.
pub(super) fn escape(bytes: &[u8], place: Place, line: &mut Vec<u8>) {
    if is_plain_text(bytes, place) {
        line.extend_from_slice(bytes);
    } else {
        escape_within(bytes, place, usize::MAX, line);
    }
}

/// Appends as many of `bytes` as have room in `room` bytes of text, no escape torn; gives the room
/// that is left for what follows them, which is none after a byte that found none.
pub(super) fn escape_within(
    bytes: &[u8],
    place: Place,
    mut room: usize,
    line: &mut Vec<u8>,
) -> usize {
    let mut rest = bytes;
    while !rest.is_empty() {
        let plain = rest.iter().position(|&b| !place.is_plain(b));
        let plain = plain.unwrap_or(rest.len());
        let (run, others) = rest
            .split_at_checked(plain.min(room))
            .unwrap_or((rest, &[]));
        line.extend_from_slice(run);
        room -= run.len();
        let Some((&byte, others)) = others.split_first() else {
            return room;
        };
        let escaped = Escaped::of(byte, place);
        if escaped.len > room {
            return 0;
        }
        line.extend_from_slice(escaped.as_bytes());
        room -= escaped.len;
        rest = others;
    }
    room
}

/// Appends `byte` in the form `\xhh`, whatever it is.
pub(super) fn escape_always(byte: u8, line: &mut Vec<u8>) {
    line.extend_from_slice(Escaped::hex(byte).as_bytes());
}

/// Undoes [`escape`]: `None` when a backslash begins nothing that Apache or nginx writes.
pub(super) fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'b' => BACKSPACE,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => VERTICAL_TAB,
            b'x' => (nibble(*rest.next()?)? << 4) | nibble(*rest.next()?)?,
            &quoted @ (b'"' | b'\\') => quoted,
            _ => return None,
        });
    }
    Some(bytes)
}

/// `\xhh`.
pub(super) const ESCAPE_LEN_MAX: usize = 4;

/// The text of one byte: one, two or four bytes long.
#[derive(Clone, Copy)]
struct Escaped {
    text: [u8; 4],
    len: usize,
}

impl Escaped {
    const fn of(byte: u8, place: Place) -> Self {
        match byte {
            b'"' | b'\\' => Self::letter(byte),
            BACKSPACE => Self::letter(b'b'),
            b'\n' => Self::letter(b'n'),
            b'\r' => Self::letter(b'r'),
            b'\t' => Self::letter(b't'),
            VERTICAL_TAB => Self::letter(b'v'),
            plain if place.is_plain(plain) => Self {
                text: [plain, 0, 0, 0],
                len: 1,
            },
            other => Self::hex(other),
        }
    }

    const fn letter(letter: u8) -> Self {
        Self {
            text: [b'\\', letter, 0, 0],
            len: 2,
        }
    }

    const fn hex(byte: u8) -> Self {
        Self {
            text: [b'\\', b'x', hex_digit(byte >> 4), hex_digit(byte & 0xf)],
            len: 4,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&self.text)
    }
}

pub(super) const fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

const BACKSPACE: u8 = 0x08;
const VERTICAL_TAB: u8 = 0x0b;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Apache 2.4 writes, from `ap_escape_logitem` and `gen_test_char.c`.
    const CASES: &[(&[u8], &str)] = &[
        (b"GET / HTTP/1.1", "GET / HTTP/1.1"),
        (b"say \"hello\"", r#"say \"hello\""#),
        (br"back\slash", r"back\\slash"),
        (b"\x08\n\r\t\x0b", r"\b\n\r\t\v"),
        (b"\0\x07\x0c\x1b\x1f\x7f", r"\x00\x07\x0c\x1b\x1f\x7f"),
        (b"\x16\x03\x01", r"\x16\x03\x01"),
        ("é".as_bytes(), r"\xc3\xa9"),
        (b"\x80\xff", r"\x80\xff"),
    ];

    fn escaped(bytes: &[u8], place: Place) -> Vec<u8> {
        let mut line = Vec::new();
        escape(bytes, place, &mut line);
        line
    }

    #[test]
    fn escape_writes_what_apache_writes() {
        for (bytes, text) in CASES {
            assert_eq!(escaped(bytes, Place::Quoted), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn unescape_takes_the_forms_of_nginx() {
        assert_eq!(unescape(br"\x22\xC3\xA9"), Some(b"\"\xc3\xa9".to_vec()));
    }

    #[test]
    fn unescape_refuses_what_nobody_writes() {
        for text in [&br"\q"[..], br"\", br"\x", br"\x1", br"\xg0"] {
            assert_eq!(unescape(text), None, "{}", text.escape_ascii());
        }
    }

    /// Wherever it stands: the check goes by blocks, the last of which overlaps.
    #[test]
    fn one_byte_that_is_not_plain_is_found_among_any_number_that_are() {
        for len in 1..70 {
            for at in 0..len {
                let mut bytes = vec![b'a'; len];
                assert!(is_plain_text(&bytes, Place::Word));
                bytes[at] = b' ';
                assert!(!is_plain_text(&bytes, Place::Word), "{at} of {len}");
                assert!(is_plain_text(&bytes, Place::Quoted), "{at} of {len}");
                bytes[at] = 0x7f;
                assert!(!is_plain_text(&bytes, Place::Quoted), "{at} of {len}");
            }
        }
    }

    /// All pairs of bytes, in all places of a word.
    #[test]
    fn a_word_is_plain_when_all_its_bytes_are() {
        for place in [Place::Quoted, Place::Word] {
            for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
                for at in 0..7 {
                    let mut bytes = [b'a'; 8];
                    bytes[at] = a;
                    bytes[at + 1] = b;
                    let expected = place.is_plain(a) && place.is_plain(b);
                    assert_eq!(is_plain(place.others(bytes)), expected, "{bytes:?}");
                }
            }
        }
    }

    fn places() -> impl Strategy<Value = Place> {
        prop_oneof![Just(Place::Quoted), Just(Place::Word)]
    }

    proptest! {
        #[test]
        fn unescape_undoes_escape(bytes: Vec<u8>, place in places()) {
            let text = escaped(&bytes, place);

            let first = if place == Place::Word { 0x21 } else { 0x20 };
            prop_assert!(text.iter().all(|b| (first..0x7f).contains(b)));
            prop_assert_eq!(text.len(), escaped_len(&bytes, place));
            prop_assert_eq!(unescape(&text), Some(bytes));
        }

        #[test]
        fn escape_within_keeps_whole_escapes_of_a_prefix(
            bytes: Vec<u8>,
            place in places(),
            room in 0_usize..100,
        ) {
            let mut text = Vec::new();
            escape_within(&bytes, place, room, &mut text);

            prop_assert!(text.len() <= room);
            let kept = unescape(&text).unwrap();
            prop_assert!(bytes.starts_with(&kept));
            prop_assert!(kept.len() == bytes.len() || text.len() + 4 > room);
        }
    }
}
