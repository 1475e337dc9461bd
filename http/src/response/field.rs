//! Field lines that somebody else has written, checked once and then ready to be sent.

use std::str::FromStr;

use bytes::BufMut;

use crate::ascii;

/// A field, written as `Name: value`; the value may be empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    name: Box<str>,
    value: Box<str>,
}

/// Field lines, each whole with its CRLF.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lines {
    bytes: Vec<u8>,
}

/// Why a text is no field.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// It has no colon.
    #[error("`{text}` has no colon: write `Name: value`")]
    Colon {
        /// The text.
        text: String,
    },
    /// What stands before the colon is no name (RFC 9110 5.1).
    #[error("`{name}` is no field name: one has letters, digits and hyphens, and no blanks")]
    Name {
        /// What stands there.
        name: String,
    },
    /// The value holds a control character, which could end its line (RFC 9110 5.5).
    #[error("the value of {name} holds a control character, which no field may: {value:?}")]
    Value {
        /// The field.
        name: String,
        /// The value.
        value: String,
    },
}

impl Field {
    /// The name, as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, without white space around it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for Field {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| FieldError::Colon { text: text.into() })?;
        if name.is_empty() || !name.bytes().all(ascii::is_token) {
            return Err(FieldError::Name { name: name.into() });
        }
        let value = value.trim_matches([' ', '\t']);
        // The first controls beyond ASCII are harmless bytes in HTTP, but who writes them has
        // made a mistake.
        if value.contains(|character: char| character.is_control() && character != '\t') {
            return Err(FieldError::Value {
                name: name.into(),
                value: value.into(),
            });
        }
        Ok(Self {
            name: name.into(),
            value: value.into(),
        })
    }
}

impl Lines {
    /// Adds a line.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        put(&mut self.bytes, name, value.as_ref());
    }

    /// The lines, as they are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Writes a field line. A byte that no value may hold is written as a space (RFC 9110 5.5), so
/// that no value ends its line.
pub(super) fn put(out: &mut impl BufMut, name: &str, value: &[u8]) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    if ascii::value_end(value).is_none() {
        out.put_slice(value);
    } else {
        for &byte in value {
            out.put_u8(if ascii::is_field_value(byte) {
                byte
            } else {
                b' '
            });
        }
    }
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{Field, FieldError};

    #[test]
    fn a_field_is_a_name_and_a_value() {
        const CASES: &[(&str, Option<(&str, &str)>)] = &[
            ("A: b", Some(("A", "b"))),
            ("A:b", Some(("A", "b"))),
            ("X-Y:  a: b\tc \t", Some(("X-Y", "a: b\tc"))),
            ("A:", Some(("A", ""))),
            ("A: \u{fc}", Some(("A", "\u{fc}"))),
            ("A", None),
            (": b", None),
            ("A : b", None),
            ("A b: c", None),
            ("\u{fc}: b", None),
            ("A: b\r\nC: d", None),
            ("A: \u{85}", None),
            ("A: \0", None),
        ];
        for (text, expected) in CASES {
            let parsed = text.parse::<Field>().ok();
            let parsed = parsed.as_ref().map(|field| (field.name(), field.value()));
            assert_eq!(parsed, *expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        let error = |text: &str| text.parse::<Field>().unwrap_err();
        assert!(matches!(error("a"), FieldError::Colon { .. }));
        assert!(error("a b: c").to_string().contains("`a b`"));
        assert!(error("a: b\nc").to_string().contains(r#""b\nc""#));
    }
}
