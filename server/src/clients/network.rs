//! Networks in CIDR notation (RFC 4632, RFC 4291 2.3), and sets of them that are quick to ask.
//!
//! IPv4 and IPv6 are kept apart, so that `::/0` is no IPv4 address; an IPv4 network in IPv6's
//! clothes (`::ffff:10.0.0.0/104`) is the IPv4 network, as clients' addresses are.
//!
//! Not a crate: those there are bring iterators, subnets and arithmetic, and take `10.0.0.1/8`
//! for `10.0.0.0/8`. What is needed is a parser that refuses, and a first and a last address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// Why a text is no network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is something else.
    #[error("write an address, as 192.0.2.7 or 2001:db8::7, or a network, as 192.0.2.0/24")]
    Syntax,
    /// Longer than the address.
    #[error("an address of this kind has {bits} bits")]
    Prefix {
        /// How long an address is.
        bits: u32,
    },
    /// It has bits set behind its prefix: it is one address, or one digit is wrong.
    #[error("the network is {network}; the address alone is {address}")]
    HostBits {
        /// What was written, without its prefix.
        address: IpAddr,
        /// The network it is in.
        network: Network,
    },
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Syntax)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => bits,
            Some(digits) if is_number(digits) => {
                digits.parse().map_err(|_| NetworkError::Syntax)?
            }
            Some(_) => return Err(NetworkError::Syntax),
        };
        if prefix > bits {
            return Err(NetworkError::Prefix { bits });
        }
        let (address, prefix) = match address.to_canonical() {
            // Of the 96 bits of the clothes all must be fixed, or it is a network of IPv6.
            canonical @ IpAddr::V4(_) if bits == 128 && prefix >= 96 => (canonical, prefix - 96),
            _ => (address, prefix),
        };
        let network = Self::around(address, prefix);
        if network.address != address {
            return Err(NetworkError::HostBits { address, network });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// The network of `address`, which has at least `prefix` bits.
    fn around(address: IpAddr, prefix: u32) -> Self {
        let address = match address {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & !host_bits_v4(prefix)).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !host_bits_v6(prefix)).into(),
        };
        Self { address, prefix }
    }
}

fn host_bits_v4(prefix: u32) -> u32 {
    u32::MAX.checked_shr(prefix).unwrap_or(0)
}

fn host_bits_v6(prefix: u32) -> u128 {
    u128::MAX.checked_shr(prefix).unwrap_or(0)
}

/// A set of addresses, made of networks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Networks {
    pub(crate) fn new(networks: &[Network]) -> Self {
        let v4 = networks.iter().filter_map(|network| match network.address {
            IpAddr::V4(first) => {
                let first = first.to_bits();
                Some((first, first | host_bits_v4(network.prefix)))
            }
            IpAddr::V6(_) => None,
        });
        let v6 = networks.iter().filter_map(|network| match network.address {
            IpAddr::V6(first) => {
                let first = first.to_bits();
                Some((first, first | host_bits_v6(network.prefix)))
            }
            IpAddr::V4(_) => None,
        });
        Self {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }
}

/// Firsts and lasts, in order, of ranges that do not overlap.
#[derive(Clone, Debug, Default)]
struct Ranges<T>(Box<[(T, T)]>);

impl<T: Copy + Ord> Ranges<T> {
    fn new(ranges: impl Iterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<_> = ranges.collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let overlaps = next.0 <= kept.1;
            kept.1 = kept.1.max(if overlaps { next.1 } else { kept.1 });
            overlaps
        });
        Self(ranges.into_boxed_slice())
    }

    fn contains(&self, place: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= place);
        let range = after.checked_sub(1).and_then(|before| self.0.get(before));
        range.is_some_and(|(_, last)| place <= *last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    #[test]
    fn networks_are_read_or_refused() {
        const CASES: &[(&str, &str)] = &[
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
            ("::/0", "::/0"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.7", "10.0.0.7/32"),
            ("192.0.2.0/024", "192.0.2.0/24"),
        ];
        for (text, shown) in CASES {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), *shown);
        }
        for text in [
            "",
            "/",
            "/8",
            "10/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0.0/99999999999",
            "[::1]",
            "fe80::1%eth0",
            "localhost",
            "10.0.0.0/255.0.0.0",
            " 10.0.0.1",
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(NetworkError::Syntax),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_network_that_cannot_be_meant_says_what_could() {
        let said = |text: &str| text.parse::<Network>().unwrap_err().to_string();

        assert_eq!(
            said("10.0.0.1/8"),
            "the network is 10.0.0.0/8; the address alone is 10.0.0.1"
        );
        assert!(said("10.0.0.0/33").contains("32 bits"));
        assert!(said("::/129").contains("128 bits"));
        assert!(said("::ffff:0:0/95").contains("network"));
    }

    #[test]
    fn the_two_kinds_of_addresses_are_kept_apart() {
        let all_v6 = Networks::new(&["::/0".parse().unwrap()]);

        assert!(all_v6.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!all_v6.contains("192.0.2.1".parse().unwrap()));
        assert!(!Networks::default().contains("::1".parse().unwrap()));
    }

    /// Close together, so that they meet.
    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0..4_u32, 0..64_u32)
                .prop_map(|(high, low)| Ipv4Addr::from_bits(high << 30 | low).into()),
            (0..4_u128, 0..64_u128)
                .prop_map(|(high, low)| { Ipv6Addr::from_bits(high << 126 | low).into() }),
        ]
    }

    fn network() -> impl Strategy<Value = Network> {
        let prefix = prop_oneof![Just(0), Just(1), Just(2), 24..=32_u32, 118..=128_u32];
        (address(), prefix).prop_map(|(address, prefix)| {
            Network::around(
                address,
                prefix.min(if address.is_ipv4() { 32 } else { 128 }),
            )
        })
    }

    proptest! {
        /// A set contains what one of its networks does, as seen by their bits.
        #[test]
        fn a_set_contains_what_its_networks_contain(
            networks in prop::collection::vec(network(), 0..12),
            address in address(),
        ) {
            let begins_alike = |network: &Network| {
                network.address.is_ipv4() == address.is_ipv4()
                    && Network::around(address, network.prefix) == *network
            };
            let expected = networks.iter().any(begins_alike);

            prop_assert_eq!(Networks::new(&networks).contains(address), expected);
        }

        #[test]
        fn what_is_shown_is_read_back(network in network(), text in any::<String>()) {
            prop_assert_eq!(network.to_string().parse(), Ok(network));
            let _ = text.parse::<Network>();
        }
    }
}
