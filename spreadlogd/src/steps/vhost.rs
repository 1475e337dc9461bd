//! `VhostDir`: the virtual host that a line begins with, and the file that is its own.
//!
//! A line is `HOST SPACE REST`. HOST comes from whoever asked, so that it may be anything; the
//! original opened it as a path, and ended when it could not (config.c: config_get_fd). Here it
//! becomes a name with which nothing leaves a directory or hides in it:
//!
//! ```text
//! WWW.Example.ORG.:8080       www.example.org       one host, one file
//! [2001:DB8::1]:80            2001-db8--1.ipv6      as in the ipv6-literal.net of Windows
//! ../../etc/x  sub/dir  ..    none                  the catch-all
//! ```
//!
//! Two words have one name only if they are one host, so that no line gets into the file of
//! another. Names have no capitals: whoever needs other files in the same directory (rotated
//! ones) puts one into their names, and no host can be called that.

use std::net::Ipv6Addr;

use memchr::memchr;

/// Where lines go whose host is no name, beside the files of the hosts.
pub(crate) const OTHER: &str = "_other_";

/// The word before the first space, and what comes after that space; `None` without one.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, rest) = line.split_at_checked(memchr(b' ', line)?)?;
    Some((host, rest.get(1..)?))
}

/// The file name of a host, written into `name`; `None` if it is for the catch-all.
///
/// A name is its own name.
pub(super) fn file_name<'a>(host: &[u8], name: &'a mut String) -> Option<&'a str> {
    name.clear();
    // The longest that can be a name, with brackets or a dot, and a port.
    if host.len() > NAME_LEN_MAX + 8 {
        return None;
    }
    let host = str::from_utf8(host).ok()?;
    if (host.contains(':') || host.ends_with(IPV6))
        && let Some(address) = ipv6(host)
    {
        let text = address.to_string();
        name.extend(text.chars().map(|c| if c == ':' { '-' } else { c }));
        name.push_str(IPV6);
        return Some(name);
    }
    let host = without_port(host)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.len() > NAME_LEN_MAX || !is_name(host) {
        return None;
    }
    name.push_str(host);
    name.make_ascii_lowercase();
    (name != OTHER && !name.ends_with(IPV6)).then_some(name)
}

/// Labels of letters, digits, `_` and `-`, none of them empty; a leading `-` would be an option of
/// whatever program is given the name.
fn is_name(host: &str) -> bool {
    let mut before = b'.';
    for byte in host.bytes() {
        if !is_name_byte(byte) || (byte == b'.' && before == b'.') {
            return false;
        }
        before = byte;
    }
    before != b'.' && !host.starts_with('-')
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// RFC 3986 §3.2.3: a colon and digits, or none.
fn without_port(host: &str) -> Option<&str> {
    let Some((host, port)) = host.split_once(':') else {
        return Some(host);
    };
    is_port(port).then_some(host)
}

fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
}

/// An address in brackets, with a port or not; bare; or as the name that is made of it.
fn ipv6(host: &str) -> Option<Ipv6Addr> {
    if let Some(inside) = host.strip_prefix('[') {
        let (address, after) = inside.split_once(']')?;
        let is_whole = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return address.parse().ok().filter(|_| is_whole);
    }
    if let Some(name) = host.strip_suffix(IPV6) {
        return name.replace('-', ":").parse().ok();
    }
    host.parse().ok()
}

/// No host's last label: there is no such top-level domain.
const IPV6: &str = ".ipv6";

/// 200: a file's name has 255 bytes, and what a template or a rotated file adds needs room. No
/// host that exists comes near it, though DNS would allow 253.
pub(super) const NAME_LEN_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name_of(host: &[u8]) -> Option<String> {
        file_name(host, &mut "left from the last one".to_owned()).map(str::to_owned)
    }

    const CASES: &[(&str, Option<&str>)] = &[
        ("www.example.org", Some("www.example.org")),
        ("WWW.Example.ORG.:8080", Some("www.example.org")),
        ("example.org:", Some("example.org")),
        ("192.0.2.7:80", Some("192.0.2.7")),
        ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
        ("_default_", Some("_default_")),
        ("[2001:DB8::1]:80", Some("2001-db8--1.ipv6")),
        ("[2001:db8:0::1]", Some("2001-db8--1.ipv6")),
        ("2001:db8::1", Some("2001-db8--1.ipv6")),
        ("2001-db8--1.ipv6", Some("2001-db8--1.ipv6")),
        ("[::]", Some("--.ipv6")),
        ("[::ffff:192.0.2.7]", Some("--ffff-192.0.2.7.ipv6")),
        ("2001-db8.ipv6", None),
        ("a.ipv6", None),
        ("A.IPV6", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("[fe80::1%eth0]", None),
        ("../../logs/etc/x", None),
        ("sub/dir", None),
        ("/etc/passwd", None),
        (".", None),
        ("..", None),
        ("...", None),
        (".htaccess", None),
        ("-rf", None),
        ("a..b", None),
        ("a..", None),
        ("", None),
        (":80", None),
        ("a:b", None),
        ("a:80:80", None),
        ("a:123456", None),
        ("a b", None),
        ("a\0b", None),
        ("a\n", None),
        ("bücher.example", None),
        ("_other_", None),
        ("_OTHER_", None),
    ];

    #[test]
    fn names_of_hosts() {
        for &(host, expected) in CASES {
            assert_eq!(name_of(host.as_bytes()).as_deref(), expected, "{host:?}");
        }
    }

    #[test]
    fn a_host_longer_than_a_name_is_for_the_catch_all() {
        let longest = "a".repeat(NAME_LEN_MAX);

        assert_eq!(
            name_of(format!("{longest}.:65535").as_bytes()),
            Some(longest.clone())
        );
        assert_eq!(name_of(format!("{longest}a").as_bytes()), None);
        assert_eq!(name_of(&[b'a'; 100_000]), None);
    }

    /// Hosts on which the original's sum of characters collided, and ended it.
    #[test]
    fn hosts_that_collided_in_the_original_have_names_of_their_own() {
        let mut names: Vec<_> = (0..10_000)
            .map(|n| format!("www.site{n}.com"))
            .chain(["www.ab.com", "www.ba.com"].map(str::to_owned))
            .map(|host| name_of(host.as_bytes()).unwrap())
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_line_is_split_at_its_first_space() {
        assert_eq!(split(b"a b c\n"), Some((&b"a"[..], &b"b c\n"[..])));
        assert_eq!(split(b" b"), Some((&b""[..], &b"b"[..])));
        assert_eq!(split(b"a "), Some((&b"a"[..], &b""[..])));
        assert_eq!(split(b"ab\n"), None);
        assert_eq!(split(b""), None);
    }

    /// What a word means, said otherwise than by `file_name`.
    fn meaning(host: &str) -> (Option<Ipv6Addr>, String) {
        let host = match host.rsplit_once(':') {
            Some((before, port))
                if port.bytes().all(|b| b.is_ascii_digit())
                    && host.parse::<Ipv6Addr>().is_err() =>
            {
                before
            }
            _ => host,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal = host
            .strip_suffix(".ipv6")
            .map(|name| name.replace('-', ":"));
        let address = bare.parse().ok().or_else(|| literal?.parse().ok());
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        (
            address,
            if address.is_some() {
                String::new()
            } else {
                name
            },
        )
    }

    fn hosts() -> impl Strategy<Value = String> {
        let suffix = prop_oneof![
            Just(""),
            Just("."),
            Just(":80"),
            Just(".:80"),
            Just(".ipv6")
        ];
        let name = prop_oneof![
            "[aA][.-]?[bB]?",
            "\\[?[:0a]{2,6}\\]?",
            "[0a-]{2,6}",
            "[a-c./_-]{0,4}",
        ];
        (name, suffix).prop_map(|(name, suffix)| name + suffix)
    }

    proptest! {
        #[test]
        fn two_words_of_one_name_are_one_host(one in hosts(), two in hosts()) {
            if let (Some(a), Some(b)) = (name_of(one.as_bytes()), name_of(two.as_bytes())) {
                prop_assert_eq!(a == b, meaning(&one) == meaning(&two), "{} {}", a, b);
            }
        }

        #[test]
        fn a_name_stays_in_its_directory(
            host in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..20),
                hosts().prop_map(String::into_bytes),
                "[./a]{0,8}".prop_map(String::into_bytes),
            ],
        ) {
            if let Some(name) = name_of(&host) {
                prop_assert!(!name.is_empty() && name.len() <= NAME_LEN_MAX);
                prop_assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')));
                prop_assert!(!name.starts_with('.'));
                prop_assert_ne!(&name[..], OTHER);
                prop_assert_eq!(name_of(name.as_bytes()), Some(name));
            }
        }
    }
}
