//! Where the loop listens, as an operator writes it.

use std::fmt;
use std::str::FromStr;

/// An address to listen on, or none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// `none`: it does not listen.
    Nowhere,
    /// `port`, which is one of this machine alone, or `host:port`.
    At {
        /// A name or an address, without brackets.
        host: String,
        /// The port; 0 takes any that is free.
        port: u16,
    },
}

/// A place that is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no place to listen at: write none, PORT, HOST:PORT or [ADDRESS]:PORT")]
pub struct PlaceError(String);

impl Place {
    /// A port of this machine alone.
    #[must_use]
    pub fn local(port: u16) -> Self {
        Self::At {
            host: LOCAL.into(),
            port,
        }
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let refused = || PlaceError(text.to_owned());
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        let (host, port) = text.rsplit_once(':').unwrap_or((LOCAL, text));
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        // Without its brackets an IPv6 address leaves open where the port begins.
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(refused());
        }
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        Ok(Self::At {
            host: bare.unwrap_or(host).to_owned(),
            port: port.parse().map_err(|_| refused())?,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("none"),
            Self::At { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::At { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// Not `localhost`: which of its addresses a scraper tries first is a matter of configuration.
const LOCAL: &str = "127.0.0.1";

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_port_alone_is_of_this_machine_alone() {
        for (text, shown) in [
            ("none", "none"),
            ("9803", "127.0.0.1:9803"),
            ("0", "127.0.0.1:0"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("status.example:80", "status.example:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(shown.parse(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_to_write() {
        for text in [
            "", ":", ":80", "host", "host:", "host:x", "65536", "+80", "::1", "::1:80", "[::1]",
            "a:b:80", "None",
        ] {
            let error = text.parse::<Place>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{text}` is no place"))
            );
        }
    }
}
