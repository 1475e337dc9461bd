//! What to listen on, and how it is written: `host:port` or `unix:/path`, then options.
//!
//! Nothing is bound here; a [`Listener`] is a wish that [`bind`](super::bind) fulfils.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// A place where connections come in.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub place: Place,
    /// Each connection begins with a header of the PROXY protocol, version 1 or 2, which says
    /// who the client is. To be said only where nobody but believed proxies can connect.
    pub is_proxied: bool,
}

/// Where connections come in.
#[derive(Clone, Debug)]
pub enum Place {
    /// A port of one host's addresses.
    Tcp {
        /// An address or a name that has some; all addresses of the machine without.
        host: Option<String>,
        /// The port; 0 takes any that is free.
        port: u16,
    },
    /// A socket in the file system.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions, as in chmod(1); what the umask leaves without.
        mode: Option<u32>,
    },
    /// A socket that another program has made, and keeps when this one ends.
    Inherited(Inherited),
}

/// A listening socket that another program has made.
#[derive(Clone, Debug)]
pub enum Inherited {
    /// Of TCP.
    Tcp(Arc<TcpListener>),
    /// In the file system.
    Unix(Arc<UnixListener>),
}

/// A text that names no place to listen on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerError {
    /// There is no port at its end.
    #[error(
        "{0:?} has no port; write HOST:PORT, [IPV6]:PORT, :PORT for all addresses, or unix:/PATH"
    )]
    Port(String),
    /// The number at its end is too large.
    #[error("{0} is no port: they go up to 65535")]
    Range(String),
    /// It is a whole URL.
    #[error("{0:?} is a URL; write its host and port alone, as in localhost:80")]
    Url(String),
    /// An IPv6 address without brackets could be any with a port behind.
    #[error("{0:?} is ambiguous; write an IPv6 address in brackets, as in [::1]:80")]
    Brackets(String),
    /// There is nothing behind `unix:`.
    #[error("unix: needs a path, as in unix:/run/rthttpd.sock")]
    Path,
    /// The permissions are no octal number.
    #[error("{0:?} are no permissions; write them as chmod does, as in mode=0660")]
    Mode(String),
    /// A word behind a comma is not known.
    #[error("{0:?} is no option of a listener; there are proxy, and for unix: mode=MODE")]
    Option(String),
}

impl FromStr for Listener {
    type Err = ListenerError;

    fn from_str(text: &str) -> Result<Self, ListenerError> {
        let mut parts = text.split(',');
        let address = parts.next().unwrap_or_default();
        let mut place = match address.strip_prefix("unix:") {
            Some("") => return Err(ListenerError::Path),
            Some(path) => Place::Unix {
                path: path.into(),
                mode: None,
            },
            None => tcp(address)?,
        };
        let mut is_proxied = false;
        for option in parts {
            match (option.split_once('='), &mut place) {
                (Some(("mode", digits)), Place::Unix { mode, .. }) => {
                    *mode = Some(permissions(digits)?);
                }
                (None, _) if option == "proxy" => is_proxied = true,
                _ => return Err(ListenerError::Option(option.into())),
            }
        }
        Ok(Self { place, is_proxied })
    }
}

impl From<(Option<String>, u16)> for Listener {
    /// A port of a host's addresses, or of all.
    fn from((host, port): (Option<String>, u16)) -> Self {
        Self {
            place: Place::Tcp { host, port },
            is_proxied: false,
        }
    }
}

fn tcp(address: &str) -> Result<Place, ListenerError> {
    let no_port = || ListenerError::Port(address.into());
    if address.contains("://") {
        return Err(ListenerError::Url(address.into()));
    }
    if address.ends_with(']') {
        return Err(no_port());
    }
    let (host, port) = address.rsplit_once(':').ok_or_else(no_port)?;
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(ListenerError::Brackets(address.into()));
    }
    // `parse` takes a sign.
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(no_port());
    }
    let range = |_| ListenerError::Range(port.into());
    Ok(Place::Tcp {
        host: Some(host).filter(|host| !host.is_empty()).map(Into::into),
        port: port.parse().map_err(range)?,
    })
}

fn permissions(digits: &str) -> Result<u32, ListenerError> {
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && !digits.starts_with('+'))
        .ok_or_else(|| ListenerError::Mode(digits.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Place, ListenerError> {
        text.parse().map(|listener: Listener| listener.place)
    }

    #[test]
    fn a_tcp_place_is_a_host_and_a_port() {
        const CASES: &[(&str, Option<&str>, u16)] = &[
            ("127.0.0.1:8080", Some("127.0.0.1"), 8080),
            ("localhost:0", Some("localhost"), 0),
            ("[::1]:80", Some("[::1]"), 80),
            (":80", None, 80),
        ];
        for (text, expected_host, expected_port) in CASES {
            let Ok(Place::Tcp { host, port }) = read(text) else {
                panic!("{text}");
            };
            assert_eq!((host.as_deref(), port), (*expected_host, *expected_port));
        }
    }

    #[test]
    fn a_unix_place_may_have_permissions() {
        const CASES: &[(&str, &str, Option<u32>)] = &[
            ("unix:/run/web.sock", "/run/web.sock", None),
            ("unix:web:1,mode=0660", "web:1", Some(0o660)),
            ("unix:/w,mode=777", "/w", Some(0o777)),
        ];
        for (text, expected_path, expected_mode) in CASES {
            let Ok(Place::Unix { path, mode }) = read(text) else {
                panic!("{text}");
            };
            assert_eq!(path, PathBuf::from(expected_path));
            assert_eq!(mode, *expected_mode, "{text}");
        }
    }

    #[test]
    fn a_place_may_be_one_for_proxies() {
        for (text, is_proxied) in [
            (":80", false),
            (":80,proxy", true),
            ("unix:/w,proxy", true),
            ("unix:/w,mode=0660,proxy", true),
            ("unix:/w,proxy,mode=0660", true),
        ] {
            let listener: Listener = text.parse().unwrap();
            assert_eq!(listener.is_proxied, is_proxied, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_to_write() {
        const CASES: &[(&str, &str)] = &[
            ("", "has no port"),
            ("80", "has no port"),
            ("localhost", "has no port"),
            ("localhost:", "has no port"),
            ("localhost:+80", "has no port"),
            ("localhost:http", "has no port"),
            ("localhost:65536", "65536 is no port"),
            ("http://localhost:80", "a URL"),
            ("::1:80", "in brackets"),
            ("::1", "in brackets"),
            ("[::1]", "has no port"),
            ("unix:", "needs a path"),
            ("unix:/w,mode=0888", "0888"),
            ("unix:/w,mode=+660", "+660"),
            ("unix:/w,mode=1777", "1777"),
            ("unix:/w,tls", "tls"),
            (":80,proxy=1", "proxy=1"),
            (":80,", "no option"),
            (":80,mode=0660", "mode=0660"),
        ];
        for (text, expected) in CASES {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
