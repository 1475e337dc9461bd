//! The virtual host that a line begins with, as `%v` puts it there.
//!
//! What is no name of a host (it may be what a client has sent) does not reach the logging hosts as
//! one: the line gets `-` in front instead, and nothing of it is lost. Pure.

use std::net::Ipv6Addr;
use std::num::NonZeroU8;
use std::str::FromStr;

use memchr::memchr;

use crate::bucket::{BUCKETS_MAX, bucket};

/// What is done with the host, which stays in front of the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vhost {
    /// One group for all: spreadlogd's `VhostDir` tells them apart.
    Prefix,
    /// So many groups, `NAME.0` and on; each host's lines go to the same one always.
    Buckets(NonZeroU8),
}

impl Vhost {
    /// Writes `text` with its host in lower case to `line`; gives the number of the group that it
    /// goes to, and whether there was a host.
    pub(super) fn route(self, text: &[u8], line: &mut Vec<u8>) -> (usize, bool) {
        line.clear();
        let end = memchr(b' ', text).unwrap_or(0);
        let (word, rest) = text.split_at_checked(end).unwrap_or((&[], text));
        let mut name = String::new();
        let has_host = host(word, &mut name);
        if has_host {
            line.extend(word.iter().map(u8::to_ascii_lowercase));
            line.extend_from_slice(rest);
        } else {
            line.extend_from_slice(NO_HOST);
            line.extend_from_slice(text);
        }
        let group = match self {
            Self::Prefix => 0,
            Self::Buckets(count) => bucket(name.as_bytes(), count),
        };
        (group, has_host)
    }

    /// What [`Vhost::route`] may add to a line.
    pub(super) const LEN_ADDED: usize = NO_HOST.len();
}

/// What stands in front of a line without a host; `VhostDir` knows it for none.
const NO_HOST: &[u8] = b"- ";

/// How many buckets there are unless it is said.
const BUCKETS: NonZeroU8 = NonZeroU8::new(16).unwrap();

/// Why it is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("write prefix, buckets, or buckets:N with N from 1 to {BUCKETS_MAX}")]
pub(super) struct VhostError;

impl FromStr for Vhost {
    type Err = VhostError;

    fn from_str(text: &str) -> Result<Self, VhostError> {
        match text.split_once(':') {
            None if text == "prefix" => Ok(Self::Prefix),
            None if text == "buckets" => Ok(Self::Buckets(BUCKETS)),
            Some(("buckets", count)) => {
                let count: NonZeroU8 = count.parse().map_err(|_| VhostError)?;
                if count.get() > BUCKETS_MAX {
                    return Err(VhostError);
                }
                Ok(Self::Buckets(count))
            }
            _ => Err(VhostError),
        }
    }
}

/// Whether `word` names a host, with a port or not; what it is called without is put into `name`.
fn host(word: &[u8], name: &mut String) -> bool {
    // With brackets or a dot, and a port.
    if word.len() > NAME_LEN_MAX + 8 {
        return false;
    }
    let Ok(word) = str::from_utf8(word) else {
        return false;
    };
    if let Some(address) = ipv6(word) {
        *name = address.to_string();
        return true;
    }
    let host = match word.split_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) => return false,
        None => word,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        !label.is_empty() && label.bytes().all(is_taken)
    };
    if host.len() > NAME_LEN_MAX || host.starts_with('-') || !host.split('.').all(is_label) {
        return false;
    }
    name.push_str(host);
    true
}

/// In brackets, with a port or not, or bare.
fn ipv6(word: &str) -> Option<Ipv6Addr> {
    let Some(inside) = word.strip_prefix('[') else {
        return word.parse().ok();
    };
    let (address, after) = inside.split_once(']')?;
    let is_whole = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
    address.parse().ok().filter(|_| is_whole)
}

/// RFC 3986 §3.2.3: digits, or none.
fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// 200: the longest name that `VhostDir` makes a file for.
const NAME_LEN_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn routed(vhost: &str, text: &str) -> (String, usize, bool) {
        let vhost: Vhost = vhost.parse().unwrap();
        let mut line = Vec::new();
        let (group, has_host) = vhost.route(text.as_bytes(), &mut line);
        (String::from_utf8(line).unwrap(), group, has_host)
    }

    #[test]
    fn a_host_stays_in_front_and_what_is_none_does_not_pass_for_one() {
        const CASES: &[(&str, &str, bool)] = &[
            ("www.Example.org a", "www.example.org a", true),
            ("WWW.example.org:8080 a", "www.example.org:8080 a", true),
            ("[::1]:80 a", "[::1]:80 a", true),
            ("2001:DB8::1 a", "2001:db8::1 a", true),
            ("localhost  a", "localhost  a", true),
            ("../../etc/x a", "- ../../etc/x a", false),
            ("a..b c", "- a..b c", false),
            ("-x c", "- -x c", false),
            ("a:b c", "- a:b c", false),
            ("- c", "- - c", false),
            (" c", "-  c", false),
            ("www.example.org", "- www.example.org", false),
            ("", "- ", false),
        ];
        for (text, expected, has_host) in CASES {
            let expected = ((*expected).to_owned(), 0, *has_host);
            assert_eq!(routed("prefix", text), expected, "{text}");
        }
    }

    /// rthttpd finds the same for the same host.
    #[test]
    fn a_hosts_lines_go_to_one_bucket_whatever_its_port() {
        let groups = [
            "www.example.org a",
            "WWW.Example.org:81 b",
            "www.example.org. c",
        ];
        for text in groups {
            assert_eq!(routed("buckets", text).1, 8, "{text}");
        }
        assert_eq!(routed("buckets:1", "a b").1, 0);
        assert_eq!(
            routed("buckets", "[::1] a").1,
            routed("buckets", "0:0::1 a").1
        );
    }

    #[test]
    fn what_is_done_with_hosts_is_one_of_three() {
        assert_eq!("buckets".parse(), Ok(Vhost::Buckets(BUCKETS)));
        for text in [
            "",
            "prefix:1",
            "buckets:",
            "buckets:0",
            "buckets:65",
            "bucket",
        ] {
            assert_eq!(text.parse::<Vhost>(), Err(VhostError), "{text}");
        }
    }

    proptest! {
        /// Nothing of a line is lost, and its group is one of those there are.
        #[test]
        fn a_line_is_whole(text in "[ -~]{0,40}") {
            let (line, group, has_host) = routed("buckets:3", &text);

            prop_assert!(group < 3);
            if has_host {
                prop_assert_eq!(line.to_lowercase(), text.to_lowercase());
            } else {
                prop_assert_eq!(line, format!("- {text}"));
            }
        }
    }
}
