//! What proxies tell of their clients: Forwarded (RFC 7239) and X-Forwarded-For, its
//! forerunner without a standard.
//!
//! Every proxy on the way adds the address it was asked from at the right end of the list, so the
//! list is read from the right, a hop at a time, and no further than somebody trustworthy wrote
//! it: whatever stands left of the first hop nobody vouches for is the client's own invention. This
//! module does not know who is trusted; [`client`] asks.
//!
//! ```text
//! Forwarded: for=198.51.100.9, for="[2001:db8::1]:4711";proto=https    proxy 192.0.2.1 -> us
//!                                  next hop                  first hop
//! ```
//!
//! A hop is `None` where no address stands: `unknown`, an obfuscated identifier (RFC 7239 6.3), or
//! no sense at all. Nothing is allocated, and a list takes time in proportion to its length.

use core::net::{IpAddr, Ipv6Addr};

use crate::{FieldLines, ascii};

/// The client, given the proxies' word: the right-most hop that is not trusted.
///
/// To be asked only if the connection itself, which comes from `connection`, is trusted. A hop
/// without an address ends the walk at the last good one, since what stands further left was
/// told to a proxy that nobody knows. Without any, it is `connection`.
pub fn client(
    connection: Option<IpAddr>,
    hops: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut client = connection;
    for hop in hops {
        let Some(address) = hop else { break };
        client = Some(address);
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// The hops of X-Forwarded-For, the last first: addresses, of which some senders enclose IPv6 in
/// brackets, and some add the port.
pub fn x_forwarded_for<'a>(
    lines: &FieldLines<'a>,
) -> impl Iterator<Item = Option<IpAddr>> + use<'a> {
    let lines = lines.iter().rev();
    lines
        .flat_map(|line| line.rsplit(|&byte| byte == b','))
        .map(ascii::trim)
        // RFC 9110 5.6.1.2: empty members do not count.
        .filter(|member| !member.is_empty())
        .map(|member| ipv6(member).or_else(|| node(member)))
}

/// The hops of Forwarded, the last first: the `for` parameters of its elements.
pub fn forwarded<'a>(lines: &FieldLines<'a>) -> impl Iterator<Item = Option<IpAddr>> + use<'a> {
    let lines = lines.iter().rev();
    lines
        .flat_map(|line| Elements { rest: Some(line) })
        .filter(|element| !element.is_empty())
        .map(for_parameter)
}

/// The elements of a Forwarded field, the last first.
///
/// Looking for the quotes from the right finds those of the last proxy, whatever its client has
/// left open before it.
struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest.take()?;
        let mut before = line;
        while let Some((&byte, further)) = before.split_last() {
            match byte {
                b',' => {
                    self.rest = Some(further);
                    break;
                }
                b'"' => before = before_quoted(further),
                _ => before = further,
            }
        }
        Some(ascii::trim(line.get(before.len()..).unwrap_or_default()))
    }
}

/// What stands before a quoted string, of which `inside` lacks nothing but the closing quote: its
/// opening quote is the last with no backslash that escapes it.
fn before_quoted(inside: &[u8]) -> &[u8] {
    let mut before = inside;
    while let Some((&byte, further)) = before.split_last() {
        before = further;
        if byte == b'"' {
            let escapes = further.iter().rev().take_while(|&&byte| byte == b'\\');
            if escapes.count() % 2 == 0 {
                break;
            }
        }
    }
    before
}

/// The address in an element: `[ forwarded-pair ] *( ";" [ forwarded-pair ] )`, RFC 7239
/// section 4. Blanks around a semicolon are no part of it, but many write them.
fn for_parameter(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = element;
    loop {
        rest = ascii::trim(rest);
        if !rest.is_empty() && !rest.starts_with(b";") {
            let end = rest.iter().position(|&byte| !ascii::is_token(byte))?;
            let (name, value) = rest.split_at_checked(end)?;
            let (value, after) = Value::parse(value.strip_prefix(b"=")?)?;
            // Section 4: each parameter once for an element.
            if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
                return None;
            }
            rest = ascii::trim(after);
        }
        match rest.split_first() {
            None => return found?.node(),
            Some((b';', after)) => rest = after,
            Some(_) => return None,
        }
    }
}

/// The value of a parameter, still with its escapes.
enum Value<'a> {
    Token(&'a [u8]),
    Quoted(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Takes a token or a quoted string (RFC 9110 5.6.4), and returns what follows it too.
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let Some(inside) = bytes.strip_prefix(b"\"") else {
            // A port behind an IPv4 address would have to be quoted for its colon; some send it
            // bare, and it cannot mean anything else.
            let is_part = |&byte: &u8| ascii::is_token(byte) || byte == b':';
            let len = bytes.iter().take_while(|byte| is_part(byte)).count();
            let (token, after) = bytes.split_at_checked(len)?;
            return (len > 0).then_some((Self::Token(token), after));
        };
        let mut is_escaped = false;
        let len = inside.iter().position(|&byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        })?;
        let (quoted, after) = inside.split_at_checked(len)?;
        Some((Self::Quoted(quoted), after.get(1..)?))
    }

    /// The address of a node; `None` for one that is longer than an address can be.
    fn node(&self) -> Option<IpAddr> {
        let quoted = match self {
            Self::Token(token) => return node(token),
            Self::Quoted(quoted) => quoted,
        };
        let mut text = [0; NODE_LEN_MAX];
        let mut room = text.iter_mut();
        let mut is_escaped = false;
        for &byte in *quoted {
            is_escaped = byte == b'\\' && !is_escaped;
            if !is_escaped {
                *room.next()? = byte;
            }
        }
        let left = room.len();
        node(text.get(..NODE_LEN_MAX - left)?)
    }
}

/// `[2001:db8:ffff:ffff:ffff:ffff:255.255.255.255]:65535` is 52 bytes; an obfuscated port may be
/// longer.
const NODE_LEN_MAX: usize = 128;

/// The address in `nodename [ ":" node-port ]`, RFC 7239 section 6.
fn node(node: &[u8]) -> Option<IpAddr> {
    let (address, port) = if let Some(literal) = node.strip_prefix(b"[") {
        let (address, port) = split_at(literal, b']')?;
        (ipv6(address)?, port)
    } else {
        let (address, port) = split_at(node, b':').map_or((node, &[][..]), |(address, _)| {
            (address, node.get(address.len()..).unwrap_or_default())
        });
        (str::from_utf8(address).ok()?.parse().ok()?, port)
    };
    is_port(port).then_some(address)
}

/// An address of IPv6 alone; one of IPv4 in its clothes is shown as what it is.
fn ipv6(text: &[u8]) -> Option<IpAddr> {
    let address: Ipv6Addr = str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.to_canonical())
}

fn split_at(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == separator)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Nothing, or a colon and `port / obfport`.
fn is_port(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b':', b'_', name @ ..] => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            !name.is_empty() && name.iter().all(is_part)
        }
        [b':', digits @ ..] => {
            digits.len() <= 5 && ascii::decimal(digits).is_some_and(|port| port <= 65_535)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
