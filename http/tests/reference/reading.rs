//! A slow, obvious reading of RFC 9112: what a connection's bytes mean, all of them at hand.
//!
//! It knows no states and no buffers. It splits text at CRLF, spaces, colons and commas, in the
//! order in which the RFC describes a message. `server/tests/framing.rs` uses it too.

/// What a connection's bytes come to: its requests, and how it ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reading {
    /// Request line and host of each that is whole, with its content.
    pub(crate) requests: Vec<(String, Option<String>)>,
    pub(crate) end: End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum End {
    /// Between two requests.
    #[default]
    Open,
    /// Within a request.
    Within,
    /// Because the last request said so; what is behind it is not read.
    Closed,
    /// In what is no request.
    Refused,
}

/// Bytes as characters of the same number.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// `Ok(None)` for want of bytes, `Err` for a refusal.
type Step<T> = Result<Option<T>, ()>;

/// Reads a connection. More than `content_max` bytes of content are refused.
pub(crate) fn read(bytes: &[u8], content_max: u64) -> Reading {
    let text = text(bytes);
    let mut rest = text.as_str();
    let mut reading = Reading::default();
    loop {
        while let Some(after) = rest.strip_prefix("\r\n") {
            rest = after;
        }
        if rest.is_empty() || rest == "\r" {
            return reading;
        }
        let step = head(rest, content_max).and_then(|head| {
            let Some((head, after)) = head else {
                return Ok(None);
            };
            let after = match head.length {
                None => chunks(after, content_max)?,
                Some(length) => skip(after, length),
            };
            Ok(after.map(|after| (head, after)))
        });
        let (head, after) = match step {
            Ok(Some(whole)) => whole,
            Ok(None) => {
                reading.end = End::Within;
                return reading;
            }
            Err(()) => {
                reading.end = End::Refused;
                return reading;
            }
        };
        reading.requests.push((head.line, head.host));
        if !head.persists {
            reading.end = End::Closed;
            return reading;
        }
        rest = after;
    }
}

struct Head {
    line: String,
    host: Option<String>,
    /// Of the content; `None` for chunks.
    length: Option<usize>,
    persists: bool,
}

/// The head, and what follows it.
fn head(text: &str, content_max: u64) -> Step<(Head, &str)> {
    let Some((head, after)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let lines: Vec<_> = head.split("\r\n").collect();
    let (line, fields) = lines.split_first().ok_or(())?;
    let (target, version) = request_line(line)?;
    let named = fields
        .iter()
        .map(|line| field(line))
        .collect::<Result<Vec<_>, ()>>()?;
    let values = |wanted: &str| -> Vec<&str> {
        let values = named.iter().filter(|(name, _)| name == wanted);
        values.map(|(_, value)| *value).collect()
    };

    let mut host = match values("host").as_slice() {
        [] if version == '0' => None,
        [host] if is_host(host) => Some((*host).to_owned()),
        _ => return Err(()),
    };
    if let Some(rest) = target.strip_prefix("http://") {
        host = rest.split('/').next().map(str::to_owned);
    }
    ensure(!host.as_ref().is_some_and(|host| host.starts_with(':')))?;
    let host = host.filter(|host| !host.is_empty());

    let codings = values("transfer-encoding");
    let length = match (codings.as_slice(), values("content-length").as_slice()) {
        ([], []) => Some(0),
        ([], [length]) => {
            ensure(!length.is_empty() && length.chars().all(|c| c.is_ascii_digit()))?;
            let length: u64 = length.parse().map_err(drop)?;
            ensure(length <= content_max)?;
            Some(usize::try_from(length).map_err(drop)?)
        }
        ([coding], []) if version != '0' && coding.eq_ignore_ascii_case("chunked") => None,
        _ => return Err(()),
    };
    let options = values("connection").join(",").to_ascii_lowercase();
    let has = |wanted| options.split(',').any(|option| option.trim() == wanted);
    let head = Head {
        line: (*line).to_owned(),
        host,
        length,
        persists: !has("close") && (version != '0' || has("keep-alive")),
    };
    Ok(Some((head, after)))
}

/// Target and minor version.
fn request_line(line: &str) -> Result<(&str, char), ()> {
    let parts: Vec<_> = line.split(' ').collect();
    let [method, target, version] = parts.as_slice() else {
        return Err(());
    };
    let methods = [
        "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE",
    ];
    ensure(methods.contains(method))?;
    ensure(
        target
            .chars()
            .all(|c| is_field_character(c) && c != '\t' && c != '#'),
    )?;
    let is_absolute = target.strip_prefix("http://").is_some_and(|rest| {
        let authority = rest.split('/').next().unwrap_or_default();
        is_host(authority) && !authority.is_empty() && !authority.starts_with(':')
    });
    ensure(target.starts_with('/') || is_absolute || (*target == "*" && *method == "OPTIONS"))?;
    let minor: Vec<_> = version.strip_prefix("HTTP/1.").ok_or(())?.chars().collect();
    match minor.as_slice() {
        [minor] if minor.is_ascii_digit() => Ok((target, *minor)),
        _ => Err(()),
    }
}

/// Name, in lower case, and value of a field line.
fn field(line: &str) -> Result<(String, &str), ()> {
    let (name, value) = line.split_once(':').ok_or(())?;
    let value = value.trim_matches([' ', '\t']);
    ensure(is_token(name) && value.chars().all(is_field_character))?;
    Ok((name.to_ascii_lowercase(), value))
}

/// What follows the chunks.
fn chunks(mut text: &str, content_max: u64) -> Step<&str> {
    let mut data_len = 0;
    loop {
        let Some((line, after)) = text.split_once("\r\n") else {
            return Ok(None);
        };
        let size = chunk_size(line)?;
        data_len += size;
        ensure(data_len <= content_max)?;
        if size == 0 {
            return trailers(after);
        }
        let Some(after) = skip(after, usize::try_from(size).map_err(drop)?) else {
            return Ok(None);
        };
        match after.strip_prefix("\r\n") {
            Some(after) => text = after,
            None if after.is_empty() || after == "\r" => return Ok(None),
            None => return Err(()),
        }
    }
}

/// The size of a size line, if its extensions are what they should be.
fn chunk_size(line: &str) -> Result<u64, ()> {
    let (size, extensions) = match line.split_once(';') {
        Some((size, extensions)) => (size.trim_end_matches([' ', '\t']), Some(extensions)),
        None => (line, None),
    };
    ensure(!size.is_empty() && size.chars().all(|c| c.is_ascii_hexdigit()))?;
    ensure(!line.ends_with([' ', '\t']))?;
    for extension in extensions.into_iter().flat_map(split_unquoted) {
        let (name, value) = extension.split_once('=').unwrap_or((extension, "none"));
        ensure(is_token(name.trim_matches([' ', '\t'])))?;
        let value = value.trim_matches([' ', '\t']);
        let quoted = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        ensure(is_token(value) || quoted.is_some_and(is_plain))?;
    }
    u64::from_str_radix(size, 16).map_err(drop)
}

/// The parts between semicolons, but for those between quotes.
fn split_unquoted(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let is_end = |c| {
        is_quoted ^= c == '"';
        c == ';' && !is_quoted
    };
    text.split(is_end).collect()
}

/// What follows the trailer section.
fn trailers(mut text: &str) -> Step<&str> {
    loop {
        let Some((line, after)) = text.split_once("\r\n") else {
            return Ok(None);
        };
        text = after;
        if line.is_empty() {
            return Ok(Some(text));
        }
        field(line)?;
    }
}

/// What follows the first `len` characters, which were one byte each.
fn skip(text: &str, len: usize) -> Option<&str> {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.skip(len).map(|at| text.split_at(at).1).next()
}

fn ensure(condition: bool) -> Result<(), ()> {
    if condition { Ok(()) } else { Err(()) }
}

fn is_token(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

/// Whether a quoted text needs no more thought: those with quotes and backslashes in them are
/// not generated.
fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|c| is_field_character(c) && c != '"' && c != '\\')
}

fn is_field_character(c: char) -> bool {
    c == '\t' || (c >= ' ' && c != '\u{7f}')
}

/// Of the hosts that are generated here.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c))
        && port.chars().all(|c| c.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok())
}
