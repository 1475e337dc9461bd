//! What is said at the start: what is served, where, and where the log is.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// The facts of the start.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) root: &'a Path,
    pub(crate) addresses: &'a [SocketAddr],
    /// What was asked for with `-h`.
    pub(crate) host: Option<&'a str>,
    pub(crate) log: Option<LogPlace<'a>>,
}

/// Where the log is.
#[derive(Debug)]
pub(crate) struct LogPlace<'a> {
    /// The group and the daemons.
    pub(crate) destination: String,
    /// The file, if this process writes one.
    pub(crate) file: Option<&'a Path>,
}

impl Banner<'_> {
    /// The text, in colour if it `is_for_terminal` and its owner does not mind
    /// (<https://no-color.org>).
    pub(crate) fn text(&self, is_for_terminal: bool) -> String {
        let is_coloured =
            is_for_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut text = String::new();
        for (name, value) in self.lines() {
            // Writing into a String cannot fail.
            let _ = if is_coloured {
                writeln!(text, "\x1b[2m{name:<9}\x1b[0m{value}")
            } else {
                writeln!(text, "{name:<9}{value}")
            };
        }
        text
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("serving", self.root.display().to_string())];
        for address in self.addresses {
            lines.push(("at", self.place(*address)));
        }
        match &self.log {
            Some(LogPlace {
                destination,
                file: Some(file),
            }) => {
                lines.push(("log", file.display().to_string()));
                lines.push(("join", destination.clone()));
            }
            Some(log) => lines.push(("log", log.destination.clone())),
            None => {}
        }
        lines
    }

    fn place(&self, address: SocketAddr) -> String {
        if self.host.is_some() || !address.ip().is_unspecified() {
            return format!("http://{address}/");
        }
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        let which = match address.ip() {
            IpAddr::V4(_) => "all addresses, IPv4 alone",
            IpAddr::V6(_) => "all addresses",
        };
        format!("http://{here}/ ({which})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_is_aligned_and_has_a_url_to_click() {
        let any: SocketAddr = "[::]:8080".parse().unwrap();
        let banner = Banner {
            root: Path::new("./www"),
            addresses: &[any],
            host: None,
            log: None,
        };

        let text = banner.text(false);

        assert_eq!(
            text,
            "serving  ./www\nat       http://127.0.0.1:8080/ (all addresses)\n"
        );
    }

    #[test]
    fn a_chosen_address_is_shown_as_it_is() {
        let one: SocketAddr = "[::1]:80".parse().unwrap();
        let banner = Banner {
            root: Path::new("."),
            addresses: &[one],
            host: Some("::1"),
            log: None,
        };

        assert!(banner.text(false).contains("http://[::1]:80/\n"));
    }

    #[test]
    fn the_log_is_said_with_its_file_if_there_is_one() {
        let text = |file| {
            let banner = Banner {
                root: Path::new("."),
                addresses: &[],
                host: None,
                log: Some(LogPlace {
                    destination: "group access_log at 4803@localhost".into(),
                    file,
                }),
            };
            banner.text(false)
        };

        assert_eq!(
            text(Some(Path::new("./logs/access_log"))),
            "serving  .\nlog      ./logs/access_log\njoin     group access_log at 4803@localhost\n"
        );
        assert_eq!(
            text(None),
            "serving  .\nlog      group access_log at 4803@localhost\n"
        );
    }
}
