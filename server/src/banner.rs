//! What is said at the start: what is served, where, and where the log is.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::listen::{BoundAddress, BoundPlace};
use crate::logging::Output;

/// The facts of the start.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    pub(crate) root: &'a Path,
    pub(crate) places: &'a [BoundPlace],
    /// Where status is to be had.
    pub(crate) status: Option<SocketAddr>,
    pub(crate) logs: &'a [Output],
}

/// As many logs are shown; of more, as with a group for each bucket, how many they are.
const LOGS_SHOWN: usize = 8;

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

    /// What is served and where, in one line.
    pub(crate) fn status(&self) -> String {
        let places: Vec<_> = self.places.iter().map(shown).collect();
        format!("serving {} at {}", self.root.display(), places.join(", "))
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("serving", self.root.display().to_string())];
        for place in self.places {
            lines.push(("at", shown(place)));
        }
        if let Some(mut address) = self.status {
            if address.ip().is_unspecified() {
                address.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            lines.push(("status", format!("http://{address}/")));
        }
        for log in self.logs.iter().take(LOGS_SHOWN) {
            match &log.file {
                Some(file) => {
                    lines.push(("log", file.display().to_string()));
                    lines.push(("join", log.destination.clone()));
                }
                None => lines.push(("log", log.destination.clone())),
            }
        }
        let more = self.logs.len().saturating_sub(LOGS_SHOWN);
        if more > 0 {
            lines.push(("", format!("and {more} logs more")));
        }
        lines
    }
}

/// The URL or the path, and what has to be known beside it.
fn shown(place: &BoundPlace) -> String {
    let (at, which) = match &place.address {
        BoundAddress::Tcp(address) if place.is_any => {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
            let which = match address.ip() {
                IpAddr::V4(_) => "all addresses, IPv4 alone",
                IpAddr::V6(_) => "all addresses",
            };
            (format!("http://{here}/"), Some(which))
        }
        BoundAddress::Tcp(address) => (format!("http://{address}/"), None),
        BoundAddress::Unix(Some(path)) => (format!("unix:{}", path.display()), None),
        BoundAddress::Unix(None) => ("a unix socket".into(), None),
    };
    let inherited = place.is_inherited.then_some("inherited");
    let proxied = place.is_proxied.then_some("PROXY protocol");
    let notes: Vec<_> = [which, inherited, proxied].into_iter().flatten().collect();
    if notes.is_empty() {
        return at;
    }
    format!("{at} ({})", notes.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use spread_logger::{LocalCounters, LocalPlace, LocalWriter};

    use super::*;
    use crate::logging::OutputCounters;

    fn at(address: &str) -> BoundPlace {
        BoundPlace {
            address: BoundAddress::Tcp(address.parse().unwrap()),
            is_any: false,
            is_inherited: false,
            is_proxied: false,
        }
    }

    #[test]
    fn the_banner_is_aligned_and_has_a_url_to_click() {
        let banner = Banner {
            root: Path::new("./www"),
            places: &[BoundPlace {
                is_any: true,
                ..at("[::]:8080")
            }],
            status: None,
            logs: &[],
        };

        let text = banner.text(false);

        assert_eq!(
            text,
            "serving  ./www\nat       http://127.0.0.1:8080/ (all addresses)\n"
        );
    }

    #[test]
    fn every_place_is_shown_as_it_was_chosen() {
        let socket = BoundPlace {
            address: BoundAddress::Unix(Some("/run/www.sock".into())),
            is_proxied: true,
            ..at("[::1]:80")
        };
        let inherited = BoundPlace {
            is_any: true,
            is_inherited: true,
            ..at("0.0.0.0:80")
        };
        let banner = Banner {
            root: Path::new("."),
            places: &[at("[::1]:80"), socket, inherited],
            status: None,
            logs: &[],
        };

        assert_eq!(
            banner.text(false),
            "serving  .\n\
             at       http://[::1]:80/\n\
             at       unix:/run/www.sock (PROXY protocol)\n\
             at       http://127.0.0.1:80/ (all addresses, IPv4 alone, inherited)\n"
        );
        assert_eq!(
            banner.status(),
            "serving . at http://[::1]:80/, unix:/run/www.sock (PROXY protocol), \
             http://127.0.0.1:80/ (all addresses, IPv4 alone, inherited)"
        );
    }

    fn log(destination: &str, file: Option<&str>) -> Output {
        Output {
            name: None,
            destination: destination.into(),
            file: file.map(Into::into),
            counters: OutputCounters::Local(counters()),
        }
    }

    /// Those of a log of which nothing has been written.
    fn counters() -> Arc<LocalCounters> {
        let place = LocalPlace::File("/dev/null".into());
        LocalWriter::open(&place, Vec::new()).unwrap().counters()
    }

    #[test]
    fn the_log_is_said_with_its_file_if_there_is_one() {
        let text = |logs: &[Output]| {
            let banner = Banner {
                root: Path::new("."),
                places: &[],
                status: Some("127.0.0.1:9803".parse().unwrap()),
                logs,
            };
            banner.text(false)
        };
        let group = "group access_log at 4803@localhost";

        assert_eq!(
            text(&[log(group, Some("./logs/access_log"))]),
            "serving  .\nstatus   http://127.0.0.1:9803/\nlog      ./logs/access_log\njoin     group access_log at 4803@localhost\n"
        );
        assert_eq!(
            text(&[log(group, None)]),
            "serving  .\nstatus   http://127.0.0.1:9803/\nlog      group access_log at 4803@localhost\n"
        );
    }

    #[test]
    fn of_many_logs_the_first_are_said() {
        let logs: Vec<_> = (0..10)
            .map(|number| log(&number.to_string(), None))
            .collect();
        let banner = Banner {
            root: Path::new("."),
            places: &[],
            status: None,
            logs: &logs,
        };

        let text = banner.text(false);

        assert!(
            text.ends_with("log      7\n         and 2 logs more\n"),
            "{text}"
        );
    }
}
