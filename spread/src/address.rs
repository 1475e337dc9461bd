//! Where a daemon is, as users write it.
//!
//! ```text
//! 4803             the unix socket of that port: /tmp/4803 (sp.c: SP_connect)
//! 4803@web1        TCP; the host is a name, an IPv4 or an IPv6 address, which may stand in [ ]
//! /run/spread/s    a unix socket by its path (ours: Spread's library knows its one directory)
//! ```
//!
//! Nothing is looked up or connected to here.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of one daemon.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// The unix socket that a daemon of this port makes in its directory of sockets.
    Port(u16),
    /// TCP.
    Host {
        /// The port.
        port: u16,
        /// A name or an address, without brackets.
        host: String,
    },
    /// A unix socket by its absolute path.
    Path(PathBuf),
}

/// The port of Spread's own examples, which everybody uses.
pub const PORT: u16 = 4803;

impl Address {
    /// Its port; the path of a socket has none.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Port(port) | Self::Host { port, .. } => Some(*port),
            Self::Path(_) => None,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with('/') {
            return Ok(Self::Path(text.into()));
        }
        let refuse = |reason| AddressError {
            refused: text.to_owned(),
            reason,
        };
        let (port, host) = match text.split_once('@') {
            Some((port, host)) => (port, Some(host)),
            None => (text, None),
        };
        // `parse` alone would take a sign.
        let port = Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
        let port = port
            .and_then(|port| port.parse().ok())
            .filter(|&port| port != 0);
        let port = port.ok_or_else(|| refuse("the port is no number from 1 to 65535"))?;
        let Some(host) = host else {
            return Ok(Self::Port(port));
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bracketed.unwrap_or(host);
        if host.is_empty() {
            return Err(refuse("there is no host after the @"));
        }
        if host.len() > HOST_LEN_MAX {
            return Err(refuse("the host is longer than any name, 255 bytes"));
        }
        if !host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:%".contains(&b))
        {
            return Err(refuse("the host is neither a name nor an address"));
        }
        Ok(Self::Host {
            port,
            host: host.to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{port}"),
            Self::Host { port, host } if host.contains(':') => write!(f, "{port}@[{host}]"),
            Self::Host { port, host } => write!(f, "{port}@{host}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Daemons in the order in which they are tried, separated by commas.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addresses(Vec<Address>);

impl Addresses {
    /// 16: each is tried in turn, and with more of them the last would be reached too late.
    pub const COUNT_MAX: usize = 16;

    /// The addresses, the preferred one first.
    pub fn iter(&self) -> std::slice::Iter<'_, Address> {
        self.0.iter()
    }

    /// The port of the first that has one, or [`PORT`]: where a daemon would be looked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.iter().find_map(Address::port).unwrap_or(PORT)
    }

    /// How many there are; never none.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<Address> for Addresses {
    fn from(address: Address) -> Self {
        Self(vec![address])
    }
}

impl<'a> IntoIterator for &'a Addresses {
    type Item = &'a Address;
    type IntoIter = std::slice::Iter<'a, Address>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromStr for Addresses {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let addresses: Vec<_> = text
            .split(',')
            .map(|address| address.trim().parse())
            .collect::<Result<_, _>>()?;
        if addresses.len() > Self::COUNT_MAX {
            return Err(AddressError {
                refused: text.to_owned(),
                reason: "there are more than 16 addresses",
            });
        }
        Ok(Self(addresses))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{address}")?;
        }
        Ok(())
    }
}

/// Text that is no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{refused:?} is no Spread address: {reason} (write 4803@host, 4803, or the path of a socket)"
)]
pub struct AddressError {
    refused: String,
    reason: &'static str,
}

/// RFC 1035 §2.3.4: no name is longer.
const HOST_LEN_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::{Address, Addresses};

    const GOOD: &[&str] = &[
        "4803",
        "4803@localhost",
        "1@127.0.0.1",
        "65535@[::1]",
        "4803@web-1.example.org",
        "/run/spread/4803",
    ];
    const BAD: &[&str] = &[
        "",
        "@",
        "4803@",
        "@localhost",
        "0",
        "65536",
        "+4803",
        "-1",
        "4803 ",
        "localhost",
        "4803@a b",
        "4803@a@b",
        "4803@a/b",
        "4 803",
        "4803@[]",
    ];

    #[test]
    fn an_address_is_shown_as_it_is_written() {
        for text in GOOD {
            let address: Address = text.parse().unwrap();

            assert_eq!(address.to_string(), *text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for text in BAD {
            let error = text.parse::<Address>().unwrap_err();

            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn brackets_around_a_host_are_optional() {
        assert_eq!("1@::1".parse::<Address>(), "1@[::1]".parse());
    }

    #[test]
    fn several_addresses_keep_their_order() {
        let addresses: Addresses = "4803@a, 4803@b,/s".parse().unwrap();

        assert_eq!(addresses.to_string(), "4803@a,4803@b,/s");
        assert!("4803@a,,4803@b".parse::<Addresses>().is_err());
        assert!(vec!["4803"; 17].join(",").parse::<Addresses>().is_err());
    }
}
