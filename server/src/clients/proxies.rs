//! The proxies whose word about their clients is taken.

use std::net::IpAddr;
use std::str::FromStr;

use http::{Fields, forwarded};

use super::network::{Network, NetworkError, Networks};

/// Who is believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TrustedProxy {
    /// Whoever connects from this network.
    Network(Network),
    /// Whoever connects to a unix socket.
    Unix,
}

/// The field that is believed. One alone: a proxy that sets one passes the other on as its client
/// sent it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProxyField {
    /// X-Forwarded-For, as nearly every proxy has it.
    #[default]
    XForwardedFor,
    /// Forwarded, RFC 7239.
    Forwarded,
}

impl FromStr for TrustedProxy {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        match text {
            "unix" => Ok(Self::Unix),
            network => network.parse().map(Self::Network),
        }
    }
}

/// All who are believed.
#[derive(Debug)]
pub(super) struct Proxies {
    networks: Networks,
    has_unix: bool,
    field: ProxyField,
}

impl Proxies {
    pub(super) fn new(trusted: &[TrustedProxy], field: ProxyField) -> Self {
        let networks = trusted.iter().filter_map(|proxy| match proxy {
            TrustedProxy::Network(network) => Some(*network),
            TrustedProxy::Unix => None,
        });
        Self {
            networks: Networks::new(&networks.collect::<Vec<_>>()),
            has_unix: trusted.contains(&TrustedProxy::Unix),
            field,
        }
    }

    /// Whether a connection from `address` is a proxy's; one to a unix socket has none.
    pub(super) fn trusts(&self, address: Option<IpAddr>) -> bool {
        address.map_or(self.has_unix, |address| self.networks.contains(address))
    }

    /// The client that a proxy at `address` asks for.
    pub(super) fn client(&self, address: Option<IpAddr>, fields: &Fields<'_>) -> Option<IpAddr> {
        let is_trusted = |hop| self.networks.contains(hop);
        match self.field {
            ProxyField::XForwardedFor => {
                let hops = forwarded::x_forwarded_for(&fields.x_forwarded_for());
                forwarded::client(address, hops, is_trusted)
            }
            ProxyField::Forwarded => {
                let hops = forwarded::forwarded(&fields.forwarded());
                forwarded::client(address, hops, is_trusted)
            }
        }
    }
}
