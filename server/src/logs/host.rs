//! The names of the site, and which of them a request is for.
//!
//! What a client writes into Host is not a name of ours because it says so: a log for each host
//! would be as many logs as anybody likes. So a host is one of those that the operator has named,
//! as it is named here, in lower case; any other is the first of them.

use std::cmp::Ordering;
use std::sync::Arc;

/// What the server is called; the first name stands for any other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerNames {
    first: Arc<str>,
    /// All of them, in order.
    names: Vec<Arc<str>>,
}

/// A text is no name of a server.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerNameError {
    /// It is no host.
    #[error(
        "`{0}` is no name of a host: write letters, digits, dots and hyphens, or an address, and no \
         port"
    )]
    Name(String),
    /// There are too many.
    #[error("{count} names: choose at most {NAMES_MAX}")]
    Many {
        /// How many there are.
        count: usize,
    },
}

impl ServerNames {
    /// Checks `names`; without any it is the name of this machine.
    ///
    /// # Errors
    /// When one is no host, or there are too many.
    pub fn new(names: &[impl AsRef<str>]) -> Result<Self, ServerNameError> {
        if names.len() > NAMES_MAX {
            return Err(ServerNameError::Many { count: names.len() });
        }
        let checked = names.iter().map(|name| check(name.as_ref()));
        let mut names: Vec<Arc<str>> = checked.collect::<Result<_, _>>()?;
        let first = names.first().map_or_else(of_machine, Arc::clone);
        names.sort_unstable();
        names.dedup();
        Ok(Self { first, names })
    }

    /// The name of ours that `host` is, a valid one with or without a port.
    #[must_use]
    pub fn of(&self, host: Option<&[u8]>) -> &str {
        let host = without_port(host.unwrap_or_default());
        let found = self.names.binary_search_by(|name| compare(name, host));
        let found = found.ok().and_then(|index| self.names.get(index));
        found.unwrap_or(&self.first)
    }
}

impl Default for ServerNames {
    fn default() -> Self {
        Self {
            first: of_machine(),
            names: Vec::new(),
        }
    }
}

/// As names in lower case are ordered.
fn compare(name: &str, host: &[u8]) -> Ordering {
    name.bytes().cmp(host.iter().map(u8::to_ascii_lowercase))
}

/// `host` without `:port`, and without the dot that may end a name.
fn without_port(host: &[u8]) -> &[u8] {
    let end = host.iter().rposition(|&byte| byte == b':');
    let name = match end {
        // A colon within brackets is the address's own.
        Some(end) if !host.ends_with(b"]") => host.get(..end).unwrap_or(host),
        _ => host,
    };
    name.strip_suffix(b".").unwrap_or(name)
}

fn check(name: &str) -> Result<Arc<str>, ServerNameError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !name.is_empty() && !name.starts_with(['.', '-']) && name.bytes().all(is_part)
    };
    let address = bare
        .strip_prefix('[')
        .and_then(|bare| bare.strip_suffix(']'));
    let is_address = address.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    if is_address || is_name(bare) && bare.len() <= NAME_LEN_MAX {
        Ok(bare.to_ascii_lowercase().into())
    } else {
        Err(ServerNameError::Name(name.to_owned()))
    }
}

/// What this machine calls itself.
fn of_machine() -> Arc<str> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy().to_ascii_lowercase();
    check(&name).unwrap_or_else(|_| "localhost".into())
}

/// RFC 1035 §2.3.4: what a name in the DNS may have.
const NAME_LEN_MAX: usize = 253;

/// More are a case for directories named after hosts.
const NAMES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> ServerNames {
        ServerNames::new(&["Main.example", "www.example", "[::1]", "a.example."]).unwrap()
    }

    #[test]
    fn a_host_is_the_name_of_ours_that_it_means() {
        const CASES: &[(&str, &str)] = &[
            ("www.example", "www.example"),
            ("WWW.Example:8080", "www.example"),
            ("www.example.", "www.example"),
            ("www.example.:80", "www.example"),
            ("a.example", "a.example"),
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
            ("main.example", "main.example"),
            ("evil.example", "main.example"),
            ("www.example.evil", "main.example"),
            ("", "main.example"),
            (":80", "main.example"),
        ];
        let names = names();
        for (host, name) in CASES {
            assert_eq!(names.of(Some(host.as_bytes())), *name, "{host}");
        }
        assert_eq!(names.of(None), "main.example");
    }

    #[test]
    fn without_names_it_is_that_of_the_machine() {
        let names = ServerNames::new(&[] as &[&str]).unwrap();

        assert_eq!(names, ServerNames::default());
        assert!(!names.of(Some(b"www.example")).is_empty());
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for name in [
            "",
            ".",
            "a b",
            "a:80",
            "http://a",
            "[a]",
            "*.example",
            "-a",
            "é",
        ] {
            let refused = ServerNames::new(&[name]);
            assert!(
                matches!(&refused, Err(ServerNameError::Name(refused)) if refused == name),
                "{name}: {refused:?}"
            );
        }
        let many: Vec<_> = (0..=NAMES_MAX).map(|number| format!("h{number}")).collect();
        let count = many.len();
        assert_eq!(
            ServerNames::new(&many),
            Err(ServerNameError::Many { count })
        );
    }

    proptest! {
        /// Whatever a client sends, what is logged is a name of ours, in lower case.
        #[test]
        fn a_host_is_always_a_name_of_ours(host in any::<Vec<u8>>()) {
            let names = names();
            let name = names.of(Some(&host));
            prop_assert!(names.names.iter().any(|known| &**known == name));
            prop_assert_eq!(name, name.to_ascii_lowercase());
        }
    }
}
