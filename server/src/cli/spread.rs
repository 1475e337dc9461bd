//! Where the log goes, as it is typed: `--spread ADDRESSES` or `--spread embedded…`.

use std::net::IpAddr;
use std::str::FromStr;

use spread::{AddressError, Addresses, Service};

/// The port every Spread client expects.
const PORT: u16 = 4803;

/// The value of `--spread`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Destination {
    /// Daemons, in the order in which they are tried.
    Daemons(Addresses),
    /// A hub and a spreadlogd in this process.
    Embedded {
        /// The hub's port.
        port: u16,
        /// Where it listens; on localhost without.
        address: Option<IpAddr>,
    },
}

/// Why the value is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum DestinationError {
    /// What follows `embedded` is no port.
    #[error(
        "write embedded, embedded:PORT or embedded:PORT@ADDRESS, where ADDRESS is an IP address"
    )]
    Embedded,
    /// An address of a daemon is wrong.
    #[error("{0}; write PORT@HOST, PORT alone for its unix socket, or a path, with commas between")]
    Address(#[from] AddressError),
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let Some(place) = text.strip_prefix("embedded") else {
            return Ok(Self::Daemons(text.parse()?));
        };
        if place.is_empty() {
            return Ok(Self::Embedded {
                port: PORT,
                address: None,
            });
        }
        let place = place.strip_prefix(':').ok_or(DestinationError::Embedded)?;
        let (port, address) = match place.split_once('@') {
            Some((port, address)) => (port, Some(address)),
            None => (place, None),
        };
        let port = port.parse().map_err(|_| DestinationError::Embedded)?;
        let address = match address {
            None | Some("localhost") => None,
            Some(address) => {
                let bare = address.trim_start_matches('[').trim_end_matches(']');
                Some(bare.parse().map_err(|_| DestinationError::Embedded)?)
            }
        };
        Ok(Self::Embedded { port, address })
    }
}

/// How messages are ordered among all publishers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Order {
    /// The same order at every logging host
    Agreed,
    /// The same, delivered only once every daemon has it
    Safe,
    /// Each publisher's own order alone
    Fifo,
}

impl From<Order> for Service {
    fn from(order: Order) -> Self {
        match order {
            Order::Agreed => Self::Agreed,
            Order::Safe => Self::Safe,
            Order::Fifo => Self::Fifo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spreads_own() {
        for text in ["4803", "4803@localhost", "/run/s", "4803@a,4804@[::1],4805"] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(destination, Destination::Daemons(text.parse().unwrap()));
        }
        assert!("4803@".parse::<Destination>().is_err());
        assert!("localhost".parse::<Destination>().is_err());
    }

    #[test]
    fn the_embedded_hub_may_be_told_where_to_listen() {
        const CASES: &[(&str, u16, Option<&str>)] = &[
            ("embedded", 4803, None),
            ("embedded:4900", 4900, None),
            ("embedded:4900@localhost", 4900, None),
            ("embedded:4900@10.0.0.1", 4900, Some("10.0.0.1")),
            ("embedded:4900@[::1]", 4900, Some("::1")),
        ];
        for (text, port, address) in CASES {
            let expected = Destination::Embedded {
                port: *port,
                address: address.map(|address| address.parse().unwrap()),
            };
            assert_eq!(text.parse::<Destination>().unwrap(), expected, "{text}");
        }
        for text in [
            "embedded:",
            "embedded4803",
            "embedded:4900@host",
            "embedded:70000",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text}");
        }
    }
}
