//! The target of a redirect: a URI with places for what the wildcards stand for.
//!
//! What a client sends stands in the path, the query and the fragment only, escaped for its
//! place; scheme and host are the operator's words. Within the path it never makes a second
//! slash (`/$1/x` with an empty `$1` would lead to the host `x`) and no `..`.

use http::{Captures, escape};

/// A URI, in parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// As it stands.
    Text(Place, String),
    /// What the wildcard of this number stands for.
    Wildcard(Place, usize),
    /// The query of the request, if it has one.
    Query,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Path,
    /// The query, or the fragment.
    Behind,
}

/// Why a text is no target of a redirect.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// It is a URI of another kind, or none.
    #[error("`{text}` does not begin with /, https:// or http://")]
    Start {
        /// The target.
        text: String,
    },
    /// The host is missing or none, or `$n` is in it, so that any client could choose it.
    #[error(
        "the host in `{text}` is not one: write a name or an address, and no $n before the path"
    )]
    Host {
        /// The target.
        text: String,
    },
    /// It holds what no URI may.
    #[error("`{text}` is no URI: instead of {byte:?} write {}", escaped(*byte))]
    Byte {
        /// The target.
        text: String,
        /// The first byte that is wrong.
        byte: char,
    },
    /// It climbs.
    #[error("`{text}` has a segment `{segment}`: write the path that it leads to")]
    DotSegment {
        /// The target.
        text: String,
        /// `.` or `..`.
        segment: &'static str,
    },
    /// The pattern has no such wildcard.
    #[error(
        "${number} stands for nothing: every alternative of the pattern has {wildcards} of the \
         wildcards ? * **, counted from $1"
    )]
    Wildcard {
        /// The number asked for.
        number: usize,
        /// How many there are.
        wildcards: usize,
    },
}

impl Template {
    /// Reads `text`, for a pattern with so many `wildcards`.
    pub(super) fn parse(text: &str, wildcards: usize) -> Result<Self, TemplateError> {
        check_bytes(text)?;
        check_start(text)?;
        let (before, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (text, None),
        };
        let (path, query) = match before.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (before, None),
        };
        let mut template = Self { parts: Vec::new() };
        template.push(Place::Path, path, wildcards)?;
        match query {
            Some(query) => template.push(Place::Behind, &format!("?{query}"), wildcards)?,
            None => template.parts.push(Part::Query),
        }
        if let Some(fragment) = fragment {
            template.push(Place::Behind, &format!("#{fragment}"), wildcards)?;
        }
        let segments = [".", ".."].into_iter();
        let mut found = segments.filter(|dots| path.split('/').any(|part| part == *dots));
        match found.next() {
            Some(segment) => Err(TemplateError::DotSegment {
                text: text.into(),
                segment,
            }),
            None => Ok(template),
        }
    }

    /// Takes `text` apart at each `$`.
    fn push(&mut self, place: Place, text: &str, wildcards: usize) -> Result<(), TemplateError> {
        let mut literal = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            let number = next.and_then(|next| next.to_digit(10));
            match (character, next, number) {
                ('$', Some('$'), _) => {
                    characters.next();
                    literal.push('$');
                }
                ('$', _, Some(number)) => {
                    characters.next();
                    let number = usize::try_from(number).unwrap_or(0);
                    if !(1..=wildcards).contains(&number) {
                        return Err(TemplateError::Wildcard { number, wildcards });
                    }
                    if !literal.is_empty() {
                        self.parts
                            .push(Part::Text(place, std::mem::take(&mut literal)));
                    }
                    self.parts.push(Part::Wildcard(place, number));
                }
                _ => literal.push(character),
            }
        }
        if !literal.is_empty() {
            self.parts.push(Part::Text(place, literal));
        }
        Ok(())
    }

    /// The URI for a request with this `query`; `None` when what the wildcards stand for would
    /// make its path climb.
    pub(super) fn location(
        &self,
        captures: &Captures<'_>,
        query: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(Place::Path, text) => {
                    let text = text.as_bytes();
                    out.extend_from_slice(unless_second_slash(&out, text));
                }
                Part::Wildcard(Place::Path, number) => {
                    let found = unless_second_slash(&out, captures.wildcard(*number));
                    escape::path(&mut out, found);
                }
                Part::Text(Place::Behind, text) => out.extend_from_slice(text.as_bytes()),
                Part::Wildcard(Place::Behind, number) => {
                    escape::query_data(&mut out, captures.wildcard(*number));
                }
                Part::Query => {
                    if let Some(query) = query {
                        out.push(b'?');
                        escape::query(&mut out, query);
                    }
                }
            }
        }
        let end = out.iter().position(|byte| matches!(byte, b'?' | b'#'));
        let path = out.get(..end.unwrap_or(out.len())).unwrap_or_default();
        let climbs = path
            .split(|&byte| byte == b'/')
            .any(|segment| matches!(segment, b"." | b".."));
        (!climbs).then_some(out)
    }
}

/// `part` without the slashes it begins with, if `out` ends in one.
fn unless_second_slash<'a>(out: &[u8], part: &'a [u8]) -> &'a [u8] {
    let mut part = part;
    while out.ends_with(b"/")
        && let Some(rest) = part.strip_prefix(b"/")
    {
        part = rest;
    }
    part
}

/// Whether `text` consists of what RFC 3986 lets stand in a URI.
fn check_bytes(text: &str) -> Result<(), TemplateError> {
    let mut fragments = 0;
    let wrong = text
        .char_indices()
        .find(|&(at, character)| match character {
            '%' => {
                let digits = text.get(at + 1..at + 3);
                !digits.is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()))
            }
            '#' => {
                fragments += 1;
                fragments > 1
            }
            'a'..='z' | 'A'..='Z' | '0'..='9' => false,
            other => !"-._~:/?[]@!$&'()*+,;=".contains(other),
        });
    match wrong {
        Some((_, byte)) => Err(TemplateError::Byte {
            text: text.into(),
            byte,
        }),
        None => Ok(()),
    }
}

/// A path, or a host that is the operator's.
fn check_start(text: &str) -> Result<(), TemplateError> {
    let is_path = text.starts_with('/') && !text.starts_with("//");
    if is_path {
        return Ok(());
    }
    let starts = ["https://", "http://", "//"].into_iter();
    let mut rests = starts.filter_map(|start| text.strip_prefix(start));
    let rest = rests
        .next()
        .ok_or_else(|| TemplateError::Start { text: text.into() })?;
    let end = rest.find(['/', '?', '#']);
    let host = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
    // What comes next must not go on with the host either.
    let is_host = !host.is_empty() && !host.contains(['$', '@', '%']);
    if is_host {
        Ok(())
    } else {
        Err(TemplateError::Host { text: text.into() })
    }
}

fn escaped(character: char) -> String {
    let mut bytes = [0; 4];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}
