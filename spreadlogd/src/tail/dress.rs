//! The lines of a message as a person reads them: which host sent them, and in colour.

use std::io::Write as _;
use std::ops::Range;

use spread::{Name, PrivateGroup};

use crate::steps::{Condition, Object};

/// How lines are shown, and which.
#[derive(Clone, Debug, Default)]
pub struct Dress {
    /// The line alone, without its host.
    pub is_raw: bool,
    /// For a terminal: what is no text is shown as `\xHH`, since bytes that steer a terminal are
    /// anybody's to send.
    pub is_terminal: bool,
    /// With the colours of a terminal.
    pub is_coloured: bool,
    /// Those lines alone of which this is true.
    pub condition: Option<Condition>,
}

/// The part of a terminal's line that is one thing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Colour {
    Host,
    Success,
    Redirection,
    ClientError,
    ServerError,
}

impl Dress {
    /// Appends the lines of `body` to `out`, each with its end; says how many.
    pub fn dress(&self, sender: Name, body: &[u8], out: &mut Vec<u8>) -> u64 {
        let host = host(sender);
        let mut count = 0;
        for line in body.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if self.condition.as_ref().is_some_and(|is| !is.holds(line)) {
                continue;
            }
            count += 1;
            if !self.is_raw {
                self.coloured(Some(Colour::Host), &host, out);
                out.push(b' ');
            }
            match status(line).filter(|_| self.is_coloured) {
                Some((at, colour)) => {
                    let [before, status, after] = parts(line, at);
                    self.coloured(None, before, out);
                    self.coloured(Some(colour), status, out);
                    self.coloured(None, after, out);
                }
                None => self.coloured(None, line, out),
            }
            out.push(b'\n');
        }
        count
    }

    fn coloured(&self, colour: Option<Colour>, text: &[u8], out: &mut Vec<u8>) {
        let colour = colour.filter(|_| self.is_coloured);
        if let Some(colour) = colour {
            out.extend_from_slice(colour.begin());
        }
        if self.is_terminal {
            show(text, out);
        } else {
            out.extend_from_slice(text);
        }
        if colour.is_some() {
            out.extend_from_slice(b"\x1b[0m");
        }
    }
}

impl Colour {
    const fn begin(self) -> &'static [u8] {
        match self {
            Self::Host => b"\x1b[2m",
            Self::Success => b"\x1b[32m",
            Self::Redirection => b"\x1b[36m",
            Self::ClientError => b"\x1b[33m",
            Self::ServerError => b"\x1b[31m",
        }
    }
}

/// The daemon that the sender is at: on a farm with a daemon for each machine, its host.
fn host(sender: Name) -> Vec<u8> {
    match PrivateGroup::new(sender.as_bytes()) {
        Ok(group) => group.daemon().to_vec(),
        // No daemon sends it, so whatever it is should be seen.
        Err(_) => sender.to_string().into_bytes(),
    }
}

/// Text as it is, also that of other languages; control characters, and what is no UTF-8, as
/// `\xHH`.
fn show(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).as_bytes();
            if character == '\t' || !character.is_control() {
                out.extend_from_slice(bytes);
            } else {
                escape(bytes, out);
            }
        }
        escape(chunk.invalid(), out);
    }
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        // Writing into memory does not fail.
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Where the status of a line is, and its colour.
fn status(line: &[u8]) -> Option<(Range<usize>, Colour)> {
    let at = match Object::of(line) {
        Some(object) => object.status_at?,
        None => behind_the_request(line)?,
    };
    let status = line.get(at.clone())?;
    let is_number = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
    let colour = match status.first().filter(|_| is_number)? {
        b'2' => Colour::Success,
        b'3' => Colour::Redirection,
        b'4' => Colour::ClientError,
        b'5' => Colour::ServerError,
        _ => return None,
    };
    Some((at, colour))
}

/// The word behind the first quoted text, which is the request line in all formats that are in use
/// and name no fields.
fn behind_the_request(line: &[u8]) -> Option<Range<usize>> {
    let open = line.iter().position(|&byte| byte == b'"')?;
    let mut is_escaped = false;
    let inside = line.get(open + 1..)?;
    let close = inside.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    let at = open + 1 + close + 1;
    let behind = line.get(at..)?.strip_prefix(b" ")?;
    let len = behind.iter().position(|&byte| byte == b' ');
    Some(at + 1..at + 1 + len.unwrap_or(behind.len()))
}

fn parts(line: &[u8], middle: Range<usize>) -> [&[u8]; 3] {
    let part = |range: Range<usize>| line.get(range).unwrap_or_default();
    [
        part(0..middle.start),
        part(middle.clone()),
        part(middle.end..line.len()),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"::1 - - [28/Nov/2026:10:00:00 +0000] "GET /\"x HTTP/1.1" 404 9"#;

    fn sender(text: &str) -> Name {
        let mut field = [0; Name::FIELD_LEN];
        field[..text.len()].copy_from_slice(text.as_bytes());
        Name::from_field(&field)
    }

    fn dressed(dress: &Dress, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        dress.dress(sender("#Labc#web1"), body, &mut out);
        out
    }

    #[test]
    fn a_line_has_its_host_in_front_and_an_end() {
        let plain = Dress::default();
        let raw = Dress {
            is_raw: true,
            ..plain.clone()
        };

        assert_eq!(dressed(&plain, b"a\n\x1bb"), b"web1 a\nweb1 \x1bb\n");
        assert_eq!(dressed(&raw, b"a\n\xffb"), b"a\n\xffb\n");
        assert_eq!(dressed(&plain, b""), b"");
        let mut out = Vec::new();
        assert_eq!(plain.dress(sender("nobody"), b"a\n", &mut out), 1);
        assert_eq!(out, b"nobody a\n");
    }

    #[test]
    fn a_terminal_gets_the_status_in_its_colour() {
        let dress = Dress {
            is_terminal: true,
            is_coloured: true,
            ..Dress::default()
        };
        let with = |status: &str| LINE.replace("404", status);
        for (status, colour) in [("200", 32), ("304", 36), ("404", 33), ("503", 31)] {
            let expected = with(&format!("\x1b[{colour}m{status}\x1b[0m"));
            let expected = format!("\x1b[2mweb1\x1b[0m {expected}\n");

            let dressed = dressed(&dress, with(status).as_bytes());

            assert_eq!(String::from_utf8(dressed).unwrap(), expected);
        }
        let objects = [
            (r#"{"time":"","path":"\"status\":500","status":"#, "}"),
            (r#"time= path=" status=500" status="#, " bytes=200"),
        ];
        for (before, after) in objects {
            let expected = format!("\x1b[2mweb1\x1b[0m {before}\x1b[33m404\x1b[0m{after}\n");

            let dressed = dressed(&dress, format!("{before}404{after}").as_bytes());

            assert_eq!(String::from_utf8(dressed).unwrap(), expected);
        }
        for line in [
            "a line",
            "time= status=20",
            "time= bytes=200",
            &with("100"),
            &with("2000"),
            &with("-"),
            "\"a\" 20",
        ] {
            let expected = format!("\x1b[2mweb1\x1b[0m {line}\n");

            assert_eq!(dressed(&dress, line.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn those_lines_alone_are_shown_of_which_the_condition_is_true() {
        let dress = Dress {
            is_raw: true,
            condition: Some(Condition::parse("status = 404").unwrap()),
            ..Dress::default()
        };
        let body = format!("{LINE}\n{}\nno line\n{LINE}", LINE.replace("404", "200"));
        let mut out = Vec::new();

        assert_eq!(dress.dress(sender("#a#b"), body.as_bytes(), &mut out), 2);
        assert_eq!(out, format!("{LINE}\n{LINE}\n").as_bytes());
    }

    proptest! {
        /// Nothing that a sender writes steers the terminal.
        #[test]
        fn a_terminal_gets_text_alone(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            is_raw: bool,
        ) {
            let dress = Dress { is_raw, is_terminal: true, ..Dress::default() };
            let text = String::from_utf8(dressed(&dress, &body)).unwrap();

            prop_assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()));
        }

        /// Colours are added and nothing is taken away.
        #[test]
        fn without_its_colours_a_line_is_what_it_was(
            body in proptest::collection::vec("[ \"\\\\a2-5]{0,30}", 0..5),
        ) {
            let body = body.join("\n");
            let dress = Dress { is_terminal: true, is_coloured: true, ..Dress::default() };
            let plain = Dress::default();
            let mut text = String::from_utf8(dressed(&dress, body.as_bytes())).unwrap();
            for colour in ["\x1b[0m", "\x1b[2m", "\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[31m"] {
                text = text.replace(colour, "");
            }

            prop_assert_eq!(text.as_bytes(), dressed(&plain, body.as_bytes()));
        }
    }
}
