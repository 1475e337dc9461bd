//! Version 2: bytes (section 2.2 of the specification).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Header, Reject, Source, V2_LEN_MAX};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED_LEN: usize = 16;

/// A family of addresses, and what two of them and their ports take.
#[derive(Clone, Copy)]
enum Family {
    Unspecified,
    Inet,
    Inet6,
    Unix,
}

/// Each part is judged as soon as it is there.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Header>, Reject> {
    let Some(rest) = bytes.strip_prefix(SIGNATURE) else {
        return Ok(None);
    };
    let Some((&version_and_command, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let is_local = is_local(version_and_command)?;
    let Some((&family, rest)) = rest.split_first() else {
        return Ok(None);
    };
    // Of a LOCAL connection even the family means nothing.
    let family = if is_local {
        Family::Unspecified
    } else {
        Family::of(family)?
    };
    let Some((&len, rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes(len));
    if len > V2_LEN_MAX {
        return Err(Reject::TooLong { len });
    }
    if len < family.len() {
        return Err(Reject::TooShort { len });
    }
    // Behind the addresses there may be further fields, none of which matters here.
    let Some(block) = rest.get(..len) else {
        return Ok(None);
    };
    Ok(Some(Header {
        len: FIXED_LEN + len,
        source: family.source(block).ok_or(Reject::TooShort { len })?,
    }))
}

fn is_local(version_and_command: u8) -> Result<bool, Reject> {
    match (version_and_command >> 4, version_and_command & 0xf) {
        (2, 0) => Ok(true),
        (2, 1) => Ok(false),
        (2, command) => Err(Reject::Command { command }),
        (version, _) => Err(Reject::Version { version }),
    }
}

impl Family {
    fn of(family: u8) -> Result<Self, Reject> {
        match (family >> 4, family & 0xf) {
            (0, 0..=2) | (1..=3, 0) => Ok(Self::Unspecified),
            (1, 1 | 2) => Ok(Self::Inet),
            (2, 1 | 2) => Ok(Self::Inet6),
            (3, 1 | 2) => Ok(Self::Unix),
            _ => Err(Reject::Family { family }),
        }
    }

    const fn len(self) -> usize {
        match self {
            Self::Unspecified => 0,
            Self::Inet => 4 + 4 + 2 + 2,
            Self::Inet6 => 16 + 16 + 2 + 2,
            Self::Unix => 108 + 108,
        }
    }

    /// Whose connection it is, by the block of addresses, where the source is the first.
    fn source(self, block: &[u8]) -> Option<Source> {
        let address = match self {
            Self::Unspecified => return Some(Source::Peer),
            Self::Unix => return Some(Source::Unix),
            Self::Inet => IpAddr::V4(Ipv4Addr::from(*block.first_chunk::<4>()?)),
            Self::Inet6 => IpAddr::V6(Ipv6Addr::from(*block.first_chunk::<16>()?)),
        };
        Some(Source::Address(address.to_canonical()))
    }
}
