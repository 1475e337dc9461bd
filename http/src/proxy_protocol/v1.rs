//! Version 1: a line of text (section 2.1 of the specification).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use super::{Header, Reject, Source, V1_LEN_MAX};

pub(super) const PREFIX: &[u8] = b"PROXY ";

pub(super) fn decode(bytes: &[u8]) -> Result<Option<Header>, Reject> {
    let room = bytes.get(..V1_LEN_MAX).unwrap_or(bytes);
    let Some(end) = room.iter().position(|byte| *byte == b'\n') else {
        return if room.len() < V1_LEN_MAX {
            Ok(None)
        } else {
            Err(Reject::LineTooLong)
        };
    };
    let line = room.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").ok_or(missing("CR LF"))?;
    // What is no UTF-8 is no address; of an unknown family the rest is not looked at.
    let source = if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        Source::Peer
    } else {
        source(str::from_utf8(line).map_err(|_| missing("address"))?)?
    };
    let len = end + 1;
    Ok(Some(Header { len, source }))
}

fn source(line: &str) -> Result<Source, Reject> {
    // Exactly one space between two fields.
    let mut fields = line.split(' ').skip(1);
    let address = match fields.next() {
        Some("TCP4") => IpAddr::V4(addresses::<Ipv4Addr>(&mut fields)?),
        Some("TCP6") => IpAddr::V6(addresses::<Ipv6Addr>(&mut fields)?),
        _ => return Err(missing("TCP4, TCP6 or UNKNOWN")),
    };
    for expected in ["source port", "destination port"] {
        let port = fields.next().filter(|port| is_port(port));
        port.ok_or(missing(expected))?;
    }
    match fields.next() {
        None => Ok(Source::Address(address.to_canonical())),
        Some(_) => Err(missing("end behind the ports")),
    }
}

/// The source, with a destination of its family behind.
fn addresses<'a, T: FromStr>(fields: &mut impl Iterator<Item = &'a str>) -> Result<T, Reject> {
    let mut next = |expected| {
        let address = fields.next().and_then(|field| field.parse().ok());
        address.ok_or(missing(expected))
    };
    let source = next("source address")?;
    next("destination address")?;
    Ok(source)
}

/// Decimal without a sign and without leading zeros.
fn is_port(text: &str) -> bool {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    is_plain && text.parse::<u16>().is_ok()
}

const fn missing(expected: &'static str) -> Reject {
    Reject::Line { expected }
}
