//! The name that a host is kept under: what Host says, without what does not tell hosts apart.
//!
//! [`Request::host`](crate::Request::host) is valid and nothing more; it may have a port, capital
//! letters, escapes. A name made of it is one component of a path, always: it holds no slash and
//! does not begin with a dot.

use core::net::Ipv6Addr;
use std::borrow::Cow;

/// The longest name there is in DNS, without the dot at its end (RFC 1035 2.3.4).
const LEN_MAX: usize = 253;

/// The name of `host`, as a request has it: in lower case, without port and without the dot that
/// may end a name. An IPv6 address has no brackets and is in the form of RFC 5952.
///
/// `None` for what no host is called: nothing, a name that begins with a dot, or one with other
/// characters than letters, digits, `-`, `_` and dots. Allocates only for what is not written so
/// already.
#[must_use]
pub fn host_name(host: &[u8]) -> Option<Cow<'_, str>> {
    let host = str::from_utf8(host).ok()?;
    if let Some(rest) = host.strip_prefix('[') {
        let (literal, _port) = rest.split_once(']')?;
        let address: Ipv6Addr = literal.parse().ok()?;
        return Some(match address.to_ipv4_mapped() {
            Some(v4) => v4.to_string().into(),
            None => address.to_string().into(),
        });
    }
    let name = host.split(':').next()?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > LEN_MAX || name.starts_with('.') {
        return None;
    }
    if !name.bytes().all(is_plain) {
        return None;
    }
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_name_is_what_tells_hosts_apart() {
        let long = "a".repeat(254);
        let cases: &[(&str, Option<&str>)] = &[
            ("www.example", Some("www.example")),
            ("WWW.Example:8080", Some("www.example")),
            ("www.example.", Some("www.example")),
            ("www.example.:80", Some("www.example")),
            ("www.example:", Some("www.example")),
            ("localhost", Some("localhost")),
            ("a_b-c.1", Some("a_b-c.1")),
            ("192.0.2.7:80", Some("192.0.2.7")),
            ("[2001:DB8:0::7]:80", Some("2001:db8::7")),
            ("[::ffff:192.0.2.7]", Some("192.0.2.7")),
            ("a..b", Some("a..b")),
            (&long[..253], Some(&long[..253])),
            (&long, None),
            ("", None),
            (":80", None),
            (".", None),
            ("..", None),
            (".git", None),
            ("..:80", None),
            ("../x", None),
            ("a/b", None),
            ("a\\b", None),
            ("%2e%2e", None),
            ("a%2fb", None),
            ("a b", None),
            ("a\0", None),
            ("[v1.a]", None),
            ("[::1", None),
            ("[", None),
            ("h\u{f6}st", None),
        ];
        for (host, name) in cases {
            assert_eq!(host_name(host.as_bytes()).as_deref(), *name, "{host:?}");
        }
        assert_eq!(host_name(b"\xff"), None);
    }

    proptest! {
        /// Whatever Host says, its name is one component of a path, and is its own name.
        #[test]
        fn a_name_is_never_a_path(host in "[a-zA-Z0-9./:%_\\[\\]\\\\~\\x00-]{0,20}") {
            if let Some(name) = host_name(host.as_bytes()) {
                prop_assert!(!name.contains(['/', '\\', '\0', '%']), "{name}");
                prop_assert!(!name.is_empty() && !name.starts_with('.'), "{name}");
                if !name.contains(':') {
                    prop_assert_eq!(host_name(name.as_bytes()), Some(name.clone()));
                }
            }
        }
    }
}
