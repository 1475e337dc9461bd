//! The flags that say where to listen.

use std::str::FromStr;

use clap::Args;

use crate::listen::{Listener, ListenerError};
use crate::systemd;

/// Where to listen, as it was typed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listening")]
pub(super) struct ListenArgs {
    /// The port to listen on; 0 takes any that is free [default: 8080, unless --listen or systemd
    /// says where]
    #[arg(short, long)]
    port: Option<u16>,

    /// The address or host name to listen on [default: all addresses, IPv4 and IPv6]
    #[arg(short = 'h', long, value_name = "ADDRESS")]
    host: Option<String>,

    /// Where to listen as well: HOST:PORT, [IPV6]:PORT, :PORT for all addresses,
    /// unix:/PATH[,mode=0660], or systemd[:NAME] for its sockets; with `,proxy` behind, connections
    /// begin with a PROXY header; may be given several times
    #[arg(long, value_name = "ADDRESS[,proxy]")]
    listen: Vec<Choice>,
}

/// One value of `--listen`.
#[derive(Clone, Debug)]
enum Choice {
    Own(Listener),
    Systemd(systemd::Choice),
}

/// What was asked for, either of which can be nothing.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) listeners: Vec<Listener>,
    pub(super) sockets: Vec<systemd::Choice>,
}

impl ListenArgs {
    /// The places; a host without a port is at `port`.
    pub(super) fn chosen(self, port: u16) -> Chosen {
        let mut chosen = Chosen::default();
        if self.port.is_some() || self.host.is_some() {
            let port = self.port.unwrap_or(port);
            chosen.listeners.push(Listener::from((self.host, port)));
        }
        for choice in self.listen {
            match choice {
                Choice::Own(listener) => chosen.listeners.push(listener),
                Choice::Systemd(socket) => chosen.sockets.push(socket),
            }
        }
        chosen
    }
}

impl FromStr for Choice {
    type Err = ListenerError;

    fn from_str(text: &str) -> Result<Self, ListenerError> {
        let (socket, option) = match text.split_once(',') {
            Some((socket, option)) => (socket, Some(option)),
            None => (text, None),
        };
        let name = match socket.strip_prefix("systemd") {
            Some("") => None,
            Some(name) if name.starts_with(':') => name.strip_prefix(':').map(Into::into),
            _ => return text.parse().map(Self::Own),
        };
        match option {
            None | Some("proxy") => Ok(Self::Systemd(systemd::Choice {
                name,
                is_proxied: option.is_some(),
            })),
            Some(option) => Err(ListenerError::Option(option.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_systemd_may_be_chosen_by_name() {
        const CASES: &[(&str, Option<&str>, bool)] = &[
            ("systemd", None, false),
            ("systemd,proxy", None, true),
            ("systemd:web", Some("web"), false),
            ("systemd:web,proxy", Some("web"), true),
        ];
        for (text, name, is_proxied) in CASES {
            let Ok(Choice::Systemd(choice)) = text.parse() else {
                panic!("{text}");
            };
            assert_eq!(choice.name.as_deref(), *name, "{text}");
            assert_eq!(choice.is_proxied, *is_proxied, "{text}");
        }
        for text in ["systemdx:80", ":80", "unix:systemd"] {
            assert!(matches!(text.parse(), Ok(Choice::Own(_))), "{text}");
        }
        assert!("systemd,mode=0660".parse::<Choice>().is_err());
    }
}
