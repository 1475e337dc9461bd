//! Who asks, and what they may: proxies that are believed, networks that are let in or kept out,
//! and limits for each address.
//!
//! ```text
//! connection -> admit: a Peer, or too many of its address               table/
//!   request  -> client: the peer, or whom a trusted proxy asks for      proxies.rs
//!            -> check: allowed and not denied, within its rate          network.rs, rate.rs
//!  password  -> not wrong too often before                             attempts.rs
//! ```
//!
//! What depends on the connection's own address is looked up once, when it is admitted; only the
//! clients of a proxy are looked up for each request, since its connections carry many. A server
//! that is told nothing about clients has no [`Clients`], and none of this costs it anything.
//!
//! Trusted proxies themselves are not held to the limits: who may name any client as its own
//! could evade them anyway, and a limit would strike all clients behind it.
//!
//! Nothing here reads a request or writes a response.

mod attempts;
mod network;
mod proxies;
mod rate;
mod table;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::attempts::Attempts;
pub use self::network::{Network, NetworkError};
pub use self::proxies::{ProxyField, TrustedProxy};
pub use self::rate::{Period, Rate, RateError};
pub(crate) use self::table::TooManyConnections;

use self::network::Networks;
use self::proxies::Proxies;
use self::table::{Place, Table};
use crate::clock::Moment;

/// What a server is told about its clients; next to nothing by default.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Who is believed about clients.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// Where they tell it.
    pub proxy_field: ProxyField,
    /// If there is any, nobody else is let in.
    pub allow: Vec<Network>,
    /// Who is not let in, whether allowed or not.
    pub deny: Vec<Network>,
    /// Connections at a time.
    pub connections_per_address: Option<NonZeroU32>,
    /// Requests, as many of them at once as the rate has.
    pub requests_per_address: Option<Rate>,
    /// Wrong passwords, as many of them at once as the rate has.
    pub wrong_passwords_per_address: Rate,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            proxy_field: ProxyField::default(),
            allow: Vec::new(),
            deny: Vec::new(),
            connections_per_address: None,
            requests_per_address: None,
            wrong_passwords_per_address: WRONG_PASSWORDS,
        }
    }
}

/// More than people mistype, though several share an address; in a day it is no dictionary.
pub(crate) const WRONG_PASSWORDS: Rate = Rate {
    requests: NonZeroU32::MIN.saturating_add(19),
    period: Period::Minute,
};

/// What all workers know of clients.
#[derive(Debug)]
pub(crate) struct Clients {
    proxies: Option<Proxies>,
    allow: Option<Networks>,
    deny: Networks,
    table: Option<Arc<Table>>,
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// `None` for that of a unix socket.
    address: Option<IpAddr>,
    /// Its word about clients is taken.
    is_trusted: bool,
    is_denied: bool,
    /// Where its connections and requests are counted, if they are.
    place: Option<Place>,
}

/// Why a request is refused for who makes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The client is denied, or others are allowed.
    Denied,
    /// It makes more requests than it may; the next is welcome after this time.
    TooMany(Duration),
}

impl Clients {
    /// `None` if nothing is asked for. The limits are kept for `connections_max` connections.
    pub(crate) fn new(options: &ClientOptions, connections_max: usize) -> Option<Self> {
        let ClientOptions {
            trusted_proxies,
            proxy_field,
            allow,
            deny,
            connections_per_address,
            requests_per_address,
            wrong_passwords_per_address: _,
        } = options;
        let has_limits = connections_per_address.is_some() || requests_per_address.is_some();
        let has_lists = !(trusted_proxies.is_empty() && allow.is_empty() && deny.is_empty());
        if !has_limits && !has_lists {
            return None;
        }
        let table = || {
            Table::new(
                *connections_per_address,
                *requests_per_address,
                connections_max,
            )
        };
        let proxies = || Proxies::new(trusted_proxies, *proxy_field);
        Some(Self {
            proxies: (!trusted_proxies.is_empty()).then(proxies),
            allow: (!allow.is_empty()).then(|| Networks::new(allow)),
            deny: Networks::new(deny),
            table: has_limits.then(|| Arc::new(table())),
        })
    }

    /// Takes in a connection from `address`.
    pub(crate) fn admit(
        &self,
        address: Option<IpAddr>,
        now: Moment,
    ) -> Result<Peer, TooManyConnections> {
        let is_trusted = self.trusts(address);
        let place = match (&self.table, address) {
            (Some(table), Some(address)) if !is_trusted => table.connect(address, now)?,
            _ => None,
        };
        Ok(Peer {
            address,
            is_trusted,
            is_denied: self.denies(address),
            place,
        })
    }

    /// Whose request it is that came from `peer` with `fields`.
    pub(crate) fn client(&self, peer: &Peer, fields: &http::Fields<'_>) -> Option<IpAddr> {
        match &self.proxies {
            Some(proxies) if peer.is_trusted => proxies.client(peer.address, fields),
            _ => peer.address,
        }
    }

    /// Whether a request of `client`, come from `peer`, may be answered.
    pub(crate) fn check(
        &self,
        peer: &Peer,
        client: Option<IpAddr>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let is_own = client == peer.address;
        let is_denied = if is_own {
            peer.is_denied
        } else {
            self.denies(client)
        };
        if is_denied {
            return Err(Refusal::Denied);
        }
        let taken = match (&peer.place, &self.table, client) {
            (Some(place), _, _) => place.take(now),
            (None, Some(table), Some(client)) if !is_own && !self.trusts(Some(client)) => {
                table.take(client, now)
            }
            _ => Ok(()),
        };
        taken.map_err(Refusal::TooMany)
    }

    fn trusts(&self, address: Option<IpAddr>) -> bool {
        let proxies = self.proxies.as_ref();
        proxies.is_some_and(|proxies| proxies.trusts(address))
    }

    /// Who has no address is in no network.
    fn denies(&self, address: Option<IpAddr>) -> bool {
        let is_in = |networks: &Networks| address.is_some_and(|address| networks.contains(address));
        is_in(&self.deny) || self.allow.as_ref().is_some_and(|allow| !is_in(allow))
    }
}

impl Peer {
    /// One of whom nothing has to be known.
    pub(crate) const fn new(address: Option<IpAddr>) -> Self {
        Self {
            address,
            is_trusted: false,
            is_denied: false,
            place: None,
        }
    }

    /// Its own address.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn clients(change: impl FnOnce(&mut ClientOptions)) -> Clients {
        let mut options = ClientOptions::default();
        change(&mut options);
        Clients::new(&options, 1).unwrap()
    }

    /// What becomes of one request, whose X-Forwarded-For is `told`.
    fn ask(
        clients: &Clients,
        address: Option<&str>,
        told: &str,
    ) -> Result<Option<IpAddr>, Refusal> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {told}\r\n\r\n");
        let request = http::Request::parse(head.as_bytes(), &http::Limits::default());
        let fields = request.unwrap().unwrap().fields;
        let now = Moment::default();
        let peer = clients.admit(address.map(ip), now).unwrap();
        let client = clients.client(&peer, &fields);
        clients.check(&peer, client, now).map(|()| client)
    }

    #[test]
    fn nothing_asked_for_is_nothing_kept() {
        assert!(Clients::new(&ClientOptions::default(), 1).is_none());
    }

    #[test]
    fn deny_wins_over_allow_and_allow_over_all_others() {
        let clients = clients(|options| {
            options.allow = vec!["192.0.2.0/24".parse().unwrap(), "::1".parse().unwrap()];
            options.deny = vec!["192.0.2.128/25".parse().unwrap()];
        });
        const CASES: &[(Option<&str>, bool)] = &[
            (Some("192.0.2.1"), true),
            (Some("::1"), true),
            (Some("192.0.2.200"), false),
            (Some("198.51.100.1"), false),
            (Some("::2"), false),
            (None, false),
        ];
        for (address, is_welcome) in CASES {
            let answer = ask(&clients, *address, "192.0.2.1");
            let expected = address.map(ip);
            let expected = is_welcome.then_some(expected).ok_or(Refusal::Denied);
            assert_eq!(answer, expected, "{address:?}");
        }
    }

    #[test]
    fn a_proxys_client_is_what_counts_and_not_the_proxy() {
        let clients = clients(|options| {
            options.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), TrustedProxy::Unix];
            options.deny = vec!["198.51.100.0/24".parse().unwrap()];
            options.requests_per_address = Some("1/m".parse().unwrap());
        });
        for address in [Some("10.0.0.1"), None] {
            assert_eq!(ask(&clients, address, "198.51.100.1"), Err(Refusal::Denied));
        }

        let answer = ask(&clients, None, "6.6.6.6, 192.0.2.1, 10.0.0.2");
        assert_eq!(answer, Ok(Some(ip("192.0.2.1"))));
        // The same client, whoever tells of it, and whatever it makes up.
        let answer = ask(&clients, Some("10.0.0.9"), "6.6.6.7, 192.0.2.1");
        assert!(matches!(answer, Err(Refusal::TooMany(_))), "{answer:?}");
        let answer = ask(&clients, Some("192.0.2.1"), "192.0.2.77");
        assert!(matches!(answer, Err(Refusal::TooMany(_))), "{answer:?}");
        // The proxies themselves are not counted.
        for _ in 0..3 {
            assert_eq!(
                ask(&clients, Some("10.0.0.1"), ""),
                Ok(Some(ip("10.0.0.1")))
            );
            assert_eq!(ask(&clients, None, "10.0.0.2"), Ok(Some(ip("10.0.0.2"))));
            assert_eq!(ask(&clients, None, "unknown"), Ok(None));
        }
    }
}
