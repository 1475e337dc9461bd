//! What follows `LoadModule online` in a configuration: where it listens, and which field of a
//! line holds a cookie.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::serve::Place;

use super::hit::CookieField;

/// `[ADDRESS[:PORT]] [cookie=FIELD]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OnlineSettings {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) cookie: Option<CookieField>,
}

/// An argument that module online does not take.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OnlineSettingsError {
    /// It is no place to listen at.
    #[error(
        "`{0}` is no place for module online to listen at: write ADDRESS, ADDRESS:PORT, \
         [ADDRESS]:PORT, or *:PORT for all addresses of this machine"
    )]
    Place(String),
    /// It is no field of a line.
    #[error("`{0}` is no field with a cookie: write cookie=N, with N from 1 to {FIELD_MAX}")]
    Cookie(String),
}

impl OnlineSettings {
    /// Reads the argument of `LoadModule online`; there may be none.
    ///
    /// # Errors
    /// When there is something else in it.
    pub fn parse(argument: Option<&str>) -> Result<Self, OnlineSettingsError> {
        let mut settings = Self {
            host: LOCAL.to_string(),
            port: PORT_DEFAULT,
            cookie: None,
        };
        for word in argument.unwrap_or_default().split_whitespace() {
            match word.strip_prefix("cookie=") {
                Some(field) => settings.cookie = Some(cookie(word, field)?),
                None => (settings.host, settings.port) = place(word)?,
            }
        }
        Ok(settings)
    }

    pub(super) fn place(&self) -> Place {
        Place::At {
            host: self.host.clone(),
            port: self.port,
        }
    }
}

fn cookie(word: &str, field: &str) -> Result<CookieField, OnlineSettingsError> {
    let field = field.parse().ok().filter(|n| (1..=FIELD_MAX).contains(n));
    let refused = || OnlineSettingsError::Cookie(word.to_owned());
    field.map(CookieField).ok_or_else(refused)
}

fn place(word: &str) -> Result<(String, u16), OnlineSettingsError> {
    let refused = || OnlineSettingsError::Place(word.to_owned());
    let (host, port) = match word.rsplit_once(':') {
        // An IPv6 address without a port ends in its bracket.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (word, None),
    };
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = match (host, bare) {
        ("*", _) => Ipv4Addr::UNSPECIFIED.to_string(),
        (_, Some(bare)) => bare.parse::<Ipv6Addr>().map_err(|_| refused())?.to_string(),
        // Without its brackets an IPv6 address leaves open where the port begins.
        (name, None) if !name.is_empty() && !name.contains(':') => name.to_owned(),
        _ => return Err(refused()),
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            port.parse().map_err(|_| refused())?
        }
        Some(_) => return Err(refused()),
        None => PORT_DEFAULT,
    };
    Ok((host, port))
}

/// The original listened at all addresses of the machine, to anybody.
const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// The original's port.
const PORT_DEFAULT: u16 = 8989;

/// 64: the formats that are in use have a dozen fields.
const FIELD_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_cookie_are_read() {
        const CASES: &[(Option<&str>, &str, Option<usize>)] = &[
            (None, "127.0.0.1:8989", None),
            (Some(""), "127.0.0.1:8989", None),
            (Some("192.0.2.7"), "192.0.2.7:8989", None),
            (Some("192.0.2.7:80"), "192.0.2.7:80", None),
            (Some("*:8989"), "0.0.0.0:8989", None),
            (Some("*"), "0.0.0.0:8989", None),
            (Some("[::1]:0"), "[::1]:0", None),
            (Some("[::1]"), "[::1]:8989", None),
            (Some("localhost:1"), "localhost:1", None),
            (Some("cookie=10"), "127.0.0.1:8989", Some(10)),
            (Some(" 192.0.2.7:1  cookie=11"), "192.0.2.7:1", Some(11)),
        ];
        for (argument, place, cookie) in CASES {
            let settings = OnlineSettings::parse(*argument).unwrap();

            assert_eq!(settings.place().to_string(), *place, "{argument:?}");
            assert_eq!(settings.cookie, cookie.map(CookieField), "{argument:?}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_what_to_write() {
        for word in [
            ":80", "::1", "::1:80", "[::1", "a:", "a:x", "a:+1", "a:65536", "[a]:1",
        ] {
            let error = OnlineSettings::parse(Some(word)).unwrap_err();

            assert_eq!(error, OnlineSettingsError::Place(word.to_owned()));
        }
        for word in ["cookie=", "cookie=0", "cookie=65", "cookie=id"] {
            let error = OnlineSettings::parse(Some(word)).unwrap_err();

            assert_eq!(error, OnlineSettingsError::Cookie(word.to_owned()));
        }
    }
}
