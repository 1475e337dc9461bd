//! `uri-host [":" port]`, the grammar of Host (RFC 9110 7.2) and of an authority without user
//! information (RFC 3986 3.2.2 and 3.2.3).

use core::net::Ipv6Addr;

use crate::ascii;

/// Whether `value` is a host with an optional port. An empty one is: it says that the target has
/// no authority.
pub(super) fn is_valid(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(end) = rest.iter().position(|&byte| byte == b']') else {
            return false;
        };
        let (literal, rest) = rest.split_at_checked(end).unwrap_or_default();
        return is_ip_literal(literal) && is_port(rest.get(1..).unwrap_or_default());
    }
    is_port(after_reg_name(value))
}

/// What follows the `reg-name`; every IPv4 address is one too.
fn after_reg_name(value: &[u8]) -> &[u8] {
    let mut rest = value;
    loop {
        let plain = rest.iter().position(|&byte| !is_plain(byte));
        rest = match rest.get(plain.unwrap_or(rest.len())..).unwrap_or_default() {
            [b'%', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                after
            }
            other => return other,
        };
    }
}

/// A character of `reg-name` that stands for itself. By a table: the classes are of many small
/// ranges, and every request has a host.
#[expect(
    clippy::indexing_slicing,
    reason = "a byte is an index into 256 places"
)]
const fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            plain[byte as usize] = ascii::is_unreserved(byte) || ascii::is_sub_delim(byte);
            byte += 1;
        }
        plain
    };
    PLAIN[byte as usize]
}

/// What stands between the brackets of `IP-literal`: an IPv6 address, without a zone, which is
/// no part of RFC 3986, or `IPvFuture`.
fn is_ip_literal(literal: &[u8]) -> bool {
    if let [b'v' | b'V', version_and_rest @ ..] = literal {
        let mut parts = version_and_rest.splitn(2, |&byte| byte == b'.');
        let version = parts.next().unwrap_or_default();
        let address = parts.next().unwrap_or_default();
        return !version.is_empty()
            && version.iter().all(u8::is_ascii_hexdigit)
            && !address.is_empty()
            && address.iter().all(|&byte| {
                ascii::is_unreserved(byte) || ascii::is_sub_delim(byte) || byte == b':'
            });
    }
    str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Nothing, or `:` and at most 65,535. A colon alone is valid (RFC 3986 3.2.3), and of four digits
/// every number.
fn is_port(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b':', digits @ ..] if digits.len() <= 4 => digits.iter().all(u8::is_ascii_digit),
        [b':', digits @ ..] => ascii::decimal(digits).is_some_and(|port| port <= 65_535),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn hosts_are_those_of_rfc_3986() {
        const CASES: &[(&str, bool)] = &[
            ("", true),
            (":", true),
            (":80", true),
            ("localhost", true),
            ("www.example", true),
            ("www.example.", true),
            ("www.example:8080", true),
            ("www.example:", true),
            ("www.example:65535", true),
            ("www.example:65536", false),
            ("www.example:99999999999999999999", false),
            ("www.example:+80", false),
            ("www.example:80:80", false),
            ("www.example:http", false),
            ("under_score", true),
            ("a!$&'()*+,;=b", true),
            ("%66oo", true),
            ("%6", false),
            ("%zz", false),
            ("%6z", false),
            ("100%", false),
            ("127.0.0.1", true),
            ("999.999", true),
            ("[::1]", true),
            ("[::1]:80", true),
            ("[2001:db8::7]", true),
            ("[::ffff:192.0.2.1]", true),
            ("[::1%25eth0]", false),
            ("[fe80::1%eth0]", false),
            ("[v1.fe80::a+en1]", true),
            ("[v.x]", false),
            ("[v1.]", false),
            ("[vg.x]", false),
            ("[]", false),
            ("[::1", false),
            ("[::1]x", false),
            ("::1", false),
            ("user@host", false),
            ("a b", false),
            ("a/b", false),
            ("a\\b", false),
            ("a?b", false),
            ("a#b", false),
            ("a\tb", false),
            ("a<b", false),
            ("a\"b", false),
            ("h\u{f6}st", false),
        ];
        for (value, valid) in CASES {
            assert_eq!(is_valid(value.as_bytes()), *valid, "{value:?}");
        }
    }
}
