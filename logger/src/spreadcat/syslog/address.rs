//! Where syslog datagrams are taken: `unix:PATH[,mode=MODE]` or `udp:[HOST:]PORT`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place for datagrams.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// A socket in the file system.
    Unix {
        /// Its name.
        path: PathBuf,
        /// Who may send to it.
        mode: u32,
    },
    /// A port.
    Udp {
        /// A name, or an address.
        host: String,
        /// Its number; 0 for any.
        port: u16,
    },
}

/// Why it is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PlaceError {
    /// It is neither.
    #[error("write unix:/PATH, unix:/PATH,mode=0660, udp:PORT for this machine, or udp:HOST:PORT")]
    Form,
    /// The mode is none.
    #[error("write a mode as three or four digits from 0 to 7, as in mode=0660")]
    Mode,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let (path, mode) = match path.rsplit_once(",mode=") {
                Some((path, mode)) => (path, mode_of(mode)?),
                None => (path, MODE),
            };
            if path.is_empty() {
                return Err(PlaceError::Form);
            }
            let path = path.into();
            return Ok(Self::Unix { path, mode });
        }
        let place = text.strip_prefix("udp:").ok_or(PlaceError::Form)?;
        let (host, port) = place.rsplit_once(':').unwrap_or((LOCAL, place));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| PlaceError::Form)?;
        if host.is_empty() {
            return Err(PlaceError::Form);
        }
        let host = host.to_owned();
        Ok(Self::Udp { host, port })
    }
}

fn mode_of(text: &str) -> Result<u32, PlaceError> {
    let mode = u32::from_str_radix(text, 8).map_err(|_| PlaceError::Mode)?;
    if mode > 0o777 || !(3..=4).contains(&text.len()) {
        return Err(PlaceError::Mode);
    }
    Ok(mode)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Udp { host, port } if host.contains(':') => write!(f, "udp:[{host}]:{port}"),
            Self::Udp { host, port } => write!(f, "udp:{host}:{port}"),
        }
    }
}

const LOCAL: &str = "127.0.0.1";

/// 0666, as `/dev/log` has: the workers of a web server are not root. Who may reach it is for the
/// directory to say.
const MODE: u32 = 0o666;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_rthttpd_writes_its_listeners() {
        const CASES: &[(&str, &str)] = &[
            ("unix:/run/s", "unix:/run/s"),
            ("unix:s,mode=0660", "unix:s"),
            ("udp:514", "udp:127.0.0.1:514"),
            ("udp:localhost:514", "udp:localhost:514"),
            ("udp:[::1]:514", "udp:[::1]:514"),
        ];
        for (text, shown) in CASES {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), *shown);
        }
        let Place::Unix { mode, .. } = "unix:s,mode=0660".parse().unwrap() else {
            panic!("it is one");
        };
        assert_eq!(mode, 0o660);
        for text in [
            "",
            "unix:",
            "udp:",
            "udp::514",
            "udp:h:70000",
            "tcp:514",
            "/run/s",
        ] {
            assert_eq!(text.parse::<Place>(), Err(PlaceError::Form), "{text}");
        }
        for text in ["unix:/s,mode=", "unix:/s,mode=9", "unix:/s,mode=01777"] {
            assert_eq!(text.parse::<Place>(), Err(PlaceError::Mode), "{text}");
        }
    }
}
