//! The client's address as text: what `Display` writes, in a tenth of its time.
//!
//! IPv6 addresses are in the form of RFC 5952; the law of the tests is that both kinds are equal
//! to the standard library's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::escape::hex_digit;

/// Bytes of the longest text: eight groups of four digits, seven colons.
pub(super) const CLIENT_LEN_MAX: usize = 39;

/// Appends `client`.
#[inline]
pub(super) fn write(client: Option<IpAddr>, line: &mut Vec<u8>) {
    match client {
        Some(IpAddr::V4(address)) => write_v4(address, line),
        Some(IpAddr::V6(address)) => write_v6(address, line),
        None => line.push(b'-'),
    }
}

fn write_v4(address: Ipv4Addr, line: &mut Vec<u8>) {
    let mut text = Text::default();
    for octet in address.octets() {
        let (digits, len) = self::octet(octet);
        text.put(digits, len);
    }
    // Without the dot of the last.
    text.len -= 1;
    line.extend_from_slice(text.as_bytes());
}

fn write_v6(address: Ipv6Addr, line: &mut Vec<u8>) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        line.extend_from_slice(b"::ffff:");
        return write_v4(mapped, line);
    }
    let groups = address.segments();
    let zeros = longest_zeros(&groups);
    let mut text = Text::default();
    for (at, group) in groups.into_iter().enumerate() {
        if zeros.contains(&at) {
            let colons = if at == zeros.start { 2 } else { 0 };
            text.put(*b"::\0\0", colons);
            continue;
        }
        let colon = usize::from(at > 0 && at != zeros.end);
        text.put(*b":\0\0\0", colon);
        let (digits, len) = hex_digits(group);
        text.put(digits, len);
    }
    line.extend_from_slice(text.as_bytes());
}

/// An address being put together, four bytes at a time: those that are none of it are written
/// over by the next, which is faster than to copy one, two or three.
struct Text {
    bytes: [u8; CLIENT_LEN_MAX + 4],
    len: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            bytes: [0; CLIENT_LEN_MAX + 4],
            len: 0,
        }
    }
}

impl Text {
    #[inline]
    fn put(&mut self, bytes: [u8; 4], len: usize) {
        if let Some(to) = self.bytes.get_mut(self.len..self.len + 4) {
            to.copy_from_slice(&bytes);
        }
        self.len += len;
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

/// The longest run of two or more groups that are zero, the first of equals (RFC 5952 §4.2);
/// beyond the last group when there is none.
fn longest_zeros(groups: &[u16; 8]) -> Range<usize> {
    let mut longest = 8..8;
    let mut run = 0..0;
    for (at, group) in groups.iter().enumerate() {
        if *group != 0 {
            run = at + 1..at + 1;
            continue;
        }
        run.end = at + 1;
        if run.len() >= 2 && run.len() > longest.len() {
            longest = run.clone();
        }
    }
    longest
}

/// The digits of a group without leading zeros, and how many these are.
fn hex_digits(group: u16) -> ([u8; 4], usize) {
    let [high, low] = group.to_be_bytes();
    let digits = [high >> 4, high & 0xf, low >> 4, low & 0xf].map(hex_digit);
    let [_, b, c, d] = digits;
    match group {
        0x1000.. => (digits, 4),
        0x0100.. => ([b, c, d, 0], 3),
        0x0010.. => ([c, d, 0, 0], 2),
        _ => ([d, 0, 0, 0], 1),
    }
}

/// The digits of an octet and a dot, and how many bytes these are.
#[inline]
pub(super) fn octet(octet: u8) -> ([u8; 4], usize) {
    OCTETS.get(usize::from(octet)).copied().unwrap_or_default()
}

/// Every octet's digits and a dot, and how many bytes these are.
static OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut rest: &mut [_] = &mut octets;
    let mut octet: u8 = 0;
    while let Some((entry, more)) = rest.split_first_mut() {
        let (hundreds, tens, ones) = (octet / 100, octet / 10 % 10, octet % 10);
        *entry = match octet {
            0..10 => ([b'0' + ones, b'.', 0, 0], 2),
            10..100 => ([b'0' + tens, b'0' + ones, b'.', 0], 3),
            _ => ([b'0' + hundreds, b'0' + tens, b'0' + ones, b'.'], 4),
        };
        octet = octet.wrapping_add(1);
        rest = more;
    }
    octets
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(client: IpAddr) -> String {
        let mut line = Vec::new();
        write(Some(client), &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn ipv6_addresses_are_in_the_form_of_rfc_5952() {
        for expected in [
            "::",
            "::1",
            "1::",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1",
            "2001:0:0:1::1",
            "2001:db8::1:0:0:1",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:8",
            "::ffff:192.0.2.1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            let client: IpAddr = expected.parse().unwrap();
            assert_eq!(text(client), client.to_string());
            assert!(text(client).len() <= CLIENT_LEN_MAX);
        }
    }

    #[test]
    fn every_octet_is_right() {
        for octet in 0..=255 {
            let client = IpAddr::from([octet, 255 - octet, 1, octet]);
            assert_eq!(text(client), client.to_string());
        }
    }

    proptest! {
        #[test]
        fn the_text_is_that_of_display(
            client: IpAddr,
            groups in proptest::array::uniform8(prop_oneof![Just(0_u16), any::<u16>()]),
        ) {
            prop_assert_eq!(text(client), client.to_string());
            let client = IpAddr::from(groups);
            prop_assert_eq!(text(client), client.to_string());
        }
    }
}
