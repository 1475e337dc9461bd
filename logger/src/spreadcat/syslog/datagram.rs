//! What a syslog datagram says, without its header: RFC 5424, and RFC 3164 as it is really written.
//!
//! ```text
//! <190>Nov 28 11:01:23 web1 nginx: 192.0.2.7 - - …     nginx
//! <190>Nov 28 11:01:23 nginx: 192.0.2.7 - - …          nginx with nohostname, and syslog(3)
//! <134>1 2026-11-28T11:01:23Z web1 haproxy 7 - - …     RFC 5424
//! ```
//!
//! RFC 3164 only describes what was found in the field, so where a datagram is none of these the
//! rest of it is the message: what is no header is not taken for one. Pure.

/// A datagram, taken apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Datagram<'a> {
    /// The priority, from 0 to 191, with its brackets.
    pub(crate) priority: &'a [u8],
    /// Who speaks: a program, perhaps with its process in brackets, and a colon.
    pub(crate) tag: Tag<'a>,
    pub(crate) message: &'a [u8],
}

/// A program's name, and its process.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tag<'a> {
    pub(crate) program: &'a [u8],
    pub(crate) process: &'a [u8],
}

/// What of the header goes in front of the message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Keep {
    pub(crate) priority: bool,
    pub(crate) tag: bool,
}

impl<'a> Datagram<'a> {
    /// Takes a datagram apart; whatever it is, its message is an end of it.
    pub(crate) fn parse(datagram: &'a [u8]) -> Self {
        // Some senders add what ends a line, or a string of C.
        let end = datagram
            .iter()
            .rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0));
        let datagram = datagram.get(..end.map_or(0, |end| end + 1));
        let datagram = datagram.unwrap_or_default();
        let Some((priority, rest)) = priority(datagram) else {
            return Self {
                message: datagram,
                ..Self::default()
            };
        };
        let (tag, message) = of_2009(rest)
            .or_else(|| of_2001(rest))
            .unwrap_or((Tag::default(), rest));
        Self {
            priority,
            tag,
            message,
        }
    }

    /// The line that it comes to, with what is to be kept of its header.
    pub(crate) fn line<'l>(&self, keep: Keep, scratch: &'l mut Vec<u8>) -> &'l [u8]
    where
        'a: 'l,
    {
        let priority = if keep.priority { self.priority } else { &[] };
        let has_tag = keep.tag && !self.tag.program.is_empty();
        if priority.is_empty() && !has_tag {
            return self.message;
        }
        scratch.clear();
        scratch.extend_from_slice(priority);
        if has_tag {
            scratch.extend_from_slice(self.tag.program);
            if !self.tag.process.is_empty() {
                scratch.push(b'[');
                scratch.extend_from_slice(self.tag.process);
                scratch.push(b']');
            }
            scratch.extend_from_slice(b": ");
        }
        scratch.extend_from_slice(self.message);
        scratch
    }
}

/// `<0>` to `<191>` (RFC 5424 §6.2.1), and what follows it.
fn priority(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = bytes.get(..PRIORITY_LEN_MAX).unwrap_or(bytes);
    let end = window.iter().position(|&byte| byte == b'>')?;
    let digits = bytes.get(1..end)?;
    let is_number = bytes.first() == Some(&b'<') && digits.iter().all(u8::is_ascii_digit);
    let value: u16 = str::from_utf8(digits).ok()?.parse().ok()?;
    (is_number && value <= PRIORITY_MAX).then(|| bytes.split_at_checked(end + 1))?
}

/// RFC 5424 §6, from the version on: time, host, program, process, message's kind, then data in
/// brackets or `-`.
fn of_2009(rest: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let rest = rest.strip_prefix(b"1 ")?;
    let (time, rest) = word(rest)?;
    if time != b"-" && !is_rfc3339(time) {
        return None;
    }
    let (_host, rest) = word(rest)?;
    let (program, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_kind, rest) = word(rest)?;
    let rest = match rest.strip_prefix(b"-") {
        Some(rest) => rest,
        None => after_data(rest)?,
    };
    let message = match rest {
        [] => rest,
        [b' ', message @ ..] => message,
        _ => return None,
    };
    let message = message.strip_prefix(BYTE_ORDER_MARK).unwrap_or(message);
    let known = |word| if word == b"-" { &[][..] } else { word };
    let tag = Tag {
        program: known(program),
        process: known(process),
    };
    Some((tag, message))
}

/// What follows elements of data (RFC 5424 §6.3): `[id name="value" …]`, one at least, in whose
/// values `"`, `\` and `]` stand behind a `\`.
fn after_data(mut rest: &[u8]) -> Option<&[u8]> {
    let mut has_one = false;
    while let [b'[', inside @ ..] = rest {
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = inside.iter().position(|&byte| {
            let is_end = byte == b']' && !is_quoted;
            if byte == b'"' && !is_escaped {
                is_quoted = !is_quoted;
            }
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        })?;
        rest = inside.get(end + 1..)?;
        has_one = true;
    }
    has_one.then_some(rest)
}

/// RFC 3164 §4.1: a time, perhaps a host, a tag and its colon. Without a tag nothing tells where a
/// host ends, so only the time is taken off.
fn of_2001(rest: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let rest = match rest.split_at_checked(TIME_LEN) {
        Some((time, rest)) if is_time(time) => rest,
        _ => {
            let (time, rest) = word(rest)?;
            return is_rfc3339(time).then(|| tagged(rest));
        }
    };
    Some(tagged(rest))
}

fn tagged(rest: &[u8]) -> (Tag<'_>, &[u8]) {
    let behind_host = word(rest).and_then(|(_host, rest)| tag(rest));
    let found = tag(rest).or(behind_host);
    found.unwrap_or((Tag::default(), rest))
}

/// `program[process]:` or `program:`, and what follows it and a space.
fn tag(rest: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (first, after) = word(rest).unwrap_or((rest, &[]));
    let first = first.strip_suffix(b":")?;
    let (program, process) = match first.iter().position(|&byte| byte == b'[') {
        Some(at) => {
            let (program, process) = first.split_at_checked(at)?;
            (program, process.strip_prefix(b"[")?.strip_suffix(b"]")?)
        }
        None => (first, &[][..]),
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
    let is_taken = (1..=TAG_LEN_MAX).contains(&program.len())
        && process.len() <= TAG_LEN_MAX
        && program.iter().all(is_name);
    is_taken.then_some((Tag { program, process }, after))
}

/// What stands before the first space, and what behind it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = bytes.split_at_checked(memchr::memchr(b' ', bytes)?)?;
    Some((word, rest.get(1..)?))
}

/// `Nov  8 11:01:23 `, with its space.
fn is_time(text: &[u8]) -> bool {
    const FORM: &[u8; TIME_LEN] = b"aaa _d dd:dd:dd ";
    text.iter().zip(FORM).all(|(&byte, form)| match form {
        b'a' => byte.is_ascii_alphabetic(),
        b'd' => byte.is_ascii_digit(),
        b'_' => byte == b' ' || byte.is_ascii_digit(),
        other => byte == *other,
    })
}

/// It begins as `2026-11-28T11:01:23` does.
fn is_rfc3339(word: &[u8]) -> bool {
    const FORM: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    word.len() >= FORM.len()
        && word.iter().zip(FORM).all(|(&byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

const TIME_LEN: usize = 16;

/// `<191>`
const PRIORITY_LEN_MAX: usize = 5;
const PRIORITY_MAX: u16 = 191;

/// 64: RFC 3164 has 32, RFC 5424 48 for a program, and programs have what they like.
const TAG_LEN_MAX: usize = 64;

/// RFC 5424 §6.4
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Keep = Keep {
        priority: true,
        tag: true,
    };

    fn line(datagram: &[u8], keep: Keep) -> String {
        let mut scratch = Vec::new();
        let line = Datagram::parse(datagram).line(keep, &mut scratch).to_vec();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn headers_are_taken_off_and_nothing_else() {
        const CASES: &[(&str, &str, &str)] = &[
            (
                "<190>Nov 28 11:01:23 web1 nginx: GET / a: b",
                "GET / a: b",
                "<190>nginx: GET / a: b",
            ),
            (
                "<190>Nov  8 11:01:23 nginx: GET /",
                "GET /",
                "<190>nginx: GET /",
            ),
            (
                "<13>Nov 28 11:01:23 a/b.c[12]: GET /\n\0",
                "GET /",
                "<13>a/b.c[12]: GET /",
            ),
            ("<13>Nov 28 11:01:23 ::1 su[1]:  x", " x", "<13>su[1]:  x"),
            ("<13>Nov 28 11:01:23 x:", "", "<13>x: "),
            (
                "<13>Nov 28 11:01:23 GET / HTTP/1.1",
                "GET / HTTP/1.1",
                "<13>GET / HTTP/1.1",
            ),
            ("<13>2026-11-28T11:01:23.1+01:00 h t: x", "x", "<13>t: x"),
            ("<13>x: y", "x: y", "<13>x: y"),
            (
                "<134>1 2026-11-28T11:01:23Z h app 7 - - x y",
                "x y",
                "<134>app[7]: x y",
            ),
            ("<0>1 - - - - - -", "", "<0>"),
            (
                "<0>1 - h a - m [x@1 a=\"\\\"]\\\\\" b=\"]\"][y] \u{feff}z",
                "z",
                "<0>a: z",
            ),
            (
                "<0>1 - h a - m [x z",
                "1 - h a - m [x z",
                "<0>1 - h a - m [x z",
            ),
            ("<192>x", "<192>x", "<192>x"),
            ("<>x", "<>x", "<>x"),
            ("<+1>x", "<+1>x", "<+1>x"),
            ("GET /\r\n", "GET /", "GET /"),
            ("", "", ""),
        ];
        for (datagram, message, kept) in CASES {
            assert_eq!(
                line(datagram.as_bytes(), Keep::default()),
                *message,
                "{datagram}"
            );
            assert_eq!(line(datagram.as_bytes(), ALL), *kept, "{datagram}");
        }
    }

    proptest! {
        /// What is left is the end of what came, whatever came.
        #[test]
        fn a_message_is_the_end_of_its_datagram(
            header in prop_oneof![
                Just("<190>Nov 28 11:01:23 web1 nginx: ".to_owned()),
                Just("<134>1 2026-11-28T11:01:23Z h app 7 - [x a=\"1\"] ".to_owned()),
                "[<>0-9a-z \\[\\]:\"-]{0,20}",
            ],
            text in "[ -~]{0,40}[a-z]",
        ) {
            let datagram = format!("{header}{text}");
            let parsed = Datagram::parse(datagram.as_bytes());

            prop_assert!(datagram.as_bytes().ends_with(parsed.message));
        }

        /// What a program says comes back, whichever of the two headers stands before it.
        #[test]
        fn a_message_comes_back(text in "[ -~]{0,40}[a-z]", tag in "[a-z]{1,10}") {
            for header in [
                format!("<190>Nov 28 11:01:23 web1 {tag}: "),
                format!("<190>Nov 28 11:01:23 {tag}[7]: "),
                format!("<190>1 - web1 {tag} - - - "),
            ] {
                let datagram = format!("{header}{text}");
                let parsed = Datagram::parse(datagram.as_bytes());
                prop_assert_eq!(parsed.message, text.as_bytes());
                prop_assert_eq!(parsed.tag.program, tag.as_bytes());
            }
        }
    }
}
