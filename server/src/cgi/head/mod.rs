//! The head that a script answers with, RFC 3875 section 6, checked before a byte of it is sent.
//!
//! Lines end in LF or CRLF, as scripts write them. A script's own words reach the client as field
//! lines that were taken apart and put together again, so that none of them frames the response or
//! begins another; what contradicts itself is refused, for the script is broken then. The answer
//! depends on the bytes alone, never on how they were cut up on their way.

use http::Status;
use http::response::Lines;

/// The longest head that a script may have. Apache reads 8 KiB of a line and any number of lines;
/// cookies are all that makes heads long, and this has room for those of a whole site.
pub(crate) const HEAD_MAX: usize = 16 * 1024;

/// Field lines of one head, as of a request's.
const FIELDS_MAX: usize = 100;

/// What a script answers with, but for its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ScriptHead {
    /// From 200 to 599.
    pub(crate) status: u16,
    /// The script's words for it, or those of the standard.
    pub(crate) reason: Vec<u8>,
    /// The fields that the client gets.
    pub(crate) lines: Lines,
    /// How long the content is, if the script says so.
    pub(crate) content_length: Option<u64>,
    /// How many bytes the head was.
    pub(crate) len: usize,
}

/// The head of a script whose output is the response as it stands (`nph-`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RawHead {
    /// From 200 to 599.
    pub(crate) status: u16,
    /// How many bytes it was.
    pub(crate) len: usize,
}

/// Why a script's output is no response.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum HeadError {
    /// It has not come to an end.
    #[error("its head is longer than {HEAD_MAX} bytes")]
    TooLong,
    /// Too many fields.
    #[error("its head has more than {FIELDS_MAX} fields")]
    TooManyFields,
    /// There is none, or not one that says anything (RFC 3875 6.3).
    #[error("its head has none of Content-Type, Location and Status")]
    NothingSaid,
    /// A line is no field.
    #[error("its head has a line that is no field: {line:?}")]
    Line {
        /// The line, or its beginning.
        line: String,
    },
    /// A field stands there twice that may only once.
    #[error("its head has more than one {name}")]
    Repeated {
        /// Which.
        name: &'static str,
    },
    /// A value is none.
    #[error("its head has a {name} that is none: {value:?}")]
    Value {
        /// Of which field.
        name: &'static str,
        /// The value, or its beginning.
        value: String,
    },
    /// What frames the response is not for scripts to say.
    #[error("its head has Transfer-Encoding, which is the server's to say")]
    Framing,
    /// An `nph-` script answers with something else.
    #[error("it does not begin with a status line, as the output of an nph- script must: {line:?}")]
    StatusLine {
        /// The first line, or its beginning.
        line: String,
    },
}

/// Fields about the connection to the script, which ends here (RFC 9110 7.6.1), and Date, which is
/// the server's.
const DROPPED: &[&str] = &[
    "connection",
    "date",
    "keep-alive",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "upgrade",
];

impl ScriptHead {
    /// Reads the head at the beginning of `output`; `Ok(None)` while it is not whole.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(crate) fn parse(output: &[u8]) -> Result<Option<Self>, HeadError> {
        let Some(len) = head_len(output)? else {
            return Ok(None);
        };
        let mut reading = Reading::default();
        let mut lines = lines(output.get(..len).unwrap_or_default()).peekable();
        // thttpd: scripts that begin as a whole response does are understood.
        if let Some(line) = lines.next_if(|line| line.starts_with(b"HTTP/")) {
            reading.set_status(after_blank(line))?;
        }
        for (number, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
            if number == FIELDS_MAX {
                return Err(HeadError::TooManyFields);
            }
            reading.line(line)?;
        }
        reading.finish(len).map(Some)
    }
}

impl RawHead {
    /// Reads the head at the beginning of `output`; `Ok(None)` while it is not whole.
    ///
    /// # Errors
    ///
    /// When it does not begin with a status line, or does not end.
    pub(crate) fn parse(output: &[u8]) -> Result<Option<Self>, HeadError> {
        let Some(len) = head_len(output)? else {
            return Ok(None);
        };
        let line = lines(output).next().unwrap_or_default();
        let version = line.starts_with(b"HTTP/1.0 ") || line.starts_with(b"HTTP/1.1 ");
        let status = version.then(|| status(after_blank(line))).flatten();
        match status {
            Some((status, _)) => Ok(Some(Self { status, len })),
            None => Err(HeadError::StatusLine { line: shown(line) }),
        }
    }
}

/// What has been read of a head.
#[derive(Default)]
struct Reading {
    status: Option<(u16, Vec<u8>)>,
    has_type: bool,
    has_location: bool,
    content_length: Option<u64>,
    lines: Lines,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Result<(), HeadError> {
        let refused = || HeadError::Line { line: shown(line) };
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon
            .and_then(|at| line.split_at_checked(at))
            .ok_or_else(refused)?;
        let value = trim(value.get(1..).unwrap_or_default());
        let name = std::str::from_utf8(name).map_err(|_| refused())?;
        if name.is_empty()
            || !name.bytes().all(is_token)
            || !value.iter().all(|byte| is_text(*byte))
        {
            return Err(refused());
        }
        match name.to_ascii_lowercase().as_str() {
            "status" => return self.set_status(value),
            "transfer-encoding" => return Err(HeadError::Framing),
            "content-length" => return self.set_length(value),
            "content-type" => once(&mut self.has_type, "Content-Type")?,
            "location" => {
                once(&mut self.has_location, "Location")?;
                if value.is_empty() || value.contains(&b' ') {
                    let value = shown(value);
                    return Err(HeadError::Value {
                        name: "Location",
                        value,
                    });
                }
            }
            dropped if DROPPED.contains(&dropped) => return Ok(()),
            _ => {}
        }
        self.lines.push(name, value);
        Ok(())
    }

    fn set_status(&mut self, value: &[u8]) -> Result<(), HeadError> {
        let name = "Status";
        if self.status.is_some() {
            return Err(HeadError::Repeated { name });
        }
        let (code, reason) = status(value).ok_or_else(|| HeadError::Value {
            name,
            value: shown(value),
        })?;
        self.status = Some((code, reason.to_vec()));
        Ok(())
    }

    fn set_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        let name = "Content-Length";
        if self.content_length.is_some() {
            return Err(HeadError::Repeated { name });
        }
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| is_number);
        let number = number.and_then(|number| number.parse().ok());
        self.content_length = Some(number.ok_or_else(|| HeadError::Value {
            name,
            value: shown(value),
        })?);
        Ok(())
    }

    fn finish(self, len: usize) -> Result<ScriptHead, HeadError> {
        if !(self.has_type || self.has_location || self.status.is_some()) {
            return Err(HeadError::NothingSaid);
        }
        // RFC 3875 6.2.3: a redirect needs no status.
        let default = if self.has_location { 302 } else { 200 };
        let (status, reason) = self.status.unwrap_or((default, Vec::new()));
        let reason = if reason.is_empty() {
            let known = Status::ALL.iter().find(|known| known.code() == status);
            known.map_or("", |known| known.reason()).into()
        } else {
            reason
        };
        Ok(ScriptHead {
            status,
            reason,
            lines: self.lines,
            content_length: self.content_length,
            len,
        })
    }
}

/// How long the head is, its empty line included, once that has come.
fn head_len(output: &[u8]) -> Result<Option<usize>, HeadError> {
    // Beyond the limit nothing is looked at, so that more bytes do not change the answer.
    let window = output.get(..HEAD_MAX).unwrap_or(output);
    let mut len = 0;
    for line in window.split_inclusive(|byte| *byte == b'\n') {
        len += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Ok(Some(len));
        }
    }
    match window.len() {
        HEAD_MAX => Err(HeadError::TooLong),
        _ => Ok(None),
    }
}

/// The lines without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// `3DIGIT [SP reason]`; an interim response is none that a script can give.
fn status(value: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, reason) = value.split_at_checked(3)?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let code = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    let is_apart = reason.is_empty() || reason.starts_with(b" ");
    (is_apart && reason.iter().all(|byte| is_text(*byte))).then(|| (code, trim(reason)))
}

fn after_blank(line: &[u8]) -> &[u8] {
    let blank = line.iter().position(|byte| *byte == b' ');
    let after = blank.and_then(|at| line.get(at + 1..));
    after.unwrap_or_default()
}

fn once(seen: &mut bool, name: &'static str) -> Result<(), HeadError> {
    if std::mem::replace(seen, true) {
        return Err(HeadError::Repeated { name });
    }
    Ok(())
}

/// The beginning of what is wrong, for a line of diagnostics.
fn shown(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 80;
    String::from_utf8_lossy(bytes.get(..SHOWN_MAX).unwrap_or(bytes)).into_owned()
}

fn trim(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(first) = value.iter().position(|byte| !is_blank(byte)) else {
        return &[];
    };
    let last = value.iter().rposition(|byte| !is_blank(byte));
    value.get(first..=last.unwrap_or(first)).unwrap_or_default()
}

/// A character of a token (RFC 9110 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// A byte that may stand in a field value (RFC 9110 5.5).
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Holds for any output.
#[cfg(any(test, fuzzing))]
#[expect(
    clippy::unwrap_used,
    reason = "a law that does not hold is to end the test"
)]
pub(crate) fn law(output: &[u8]) {
    let (whole, raw) = (ScriptHead::parse(output), RawHead::parse(output));
    for cut in 0..output.len().min(HEAD_MAX + 1) {
        let part = output.get(..cut).unwrap();
        let early = ScriptHead::parse(part);
        assert!(early == Ok(None) || early == whole);
        let early = RawHead::parse(part);
        assert!(early == Ok(None) || early == raw);
    }
    if let Ok(Some(head)) = whole {
        assert!((200..600).contains(&head.status));
        assert!(head.reason.iter().all(|byte| is_text(*byte)));
        let lines = head.lines.as_bytes();
        assert!(lines.is_empty() || lines.ends_with(b"\r\n"));
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r\n").unwrap();
            assert!(line.contains(&b':') && line.iter().all(|byte| is_text(*byte)));
        }
    }
}

#[cfg(test)]
mod tests;
