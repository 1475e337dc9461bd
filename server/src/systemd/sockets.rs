//! Listening sockets that a service manager has made: `LISTEN_FDS`.
//!
//! Who connects while the server is not running, or is being restarted, waits in them
//! instead of being refused. They are the manager's: when this server ends they are left
//! as they are, with all who wait.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::listen::{Inherited, Listener, Place};

/// Why a socket of the service manager cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// It is something else.
    #[error(
        "descriptor {descriptor}, which LISTEN_FDS announces, is no socket to listen on; \
         a socket unit needs ListenStream= with a port or a path"
    )]
    NoSocket {
        /// Its number.
        descriptor: usize,
        /// What was found instead.
        source: io::Error,
    },
    /// There is none.
    #[error(
        "no socket{} has been handed over in LISTEN_FDS; \
         start this as a service of a socket unit, or leave out --listen systemd",
        named(name)
    )]
    NotGiven {
        /// What its unit should have called it.
        name: Option<String>,
    },
    /// It is a connection.
    #[error(
        "descriptor {descriptor}, which LISTEN_FDS announces, does not listen; \
         a socket unit needs Accept=no, which is its default"
    )]
    NotListening {
        /// Its number.
        descriptor: usize,
    },
}

/// Which of the given sockets are meant, and how they are served.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The name of its unit (`FileDescriptorName=`); all that are not named otherwise without.
    pub(crate) name: Option<String>,
    pub(crate) is_proxied: bool,
}

/// The first descriptor that is handed over (sd_listen_fds(3): `SD_LISTEN_FDS_START`).
const FIRST: usize = 3;

/// The sockets that are meant for this process. To be called once, before there are threads
/// that look at the environment: the variables are removed, so that no child takes them
/// for its own.
///
/// All are served; `choices` say how.
///
/// # Errors
///
/// When one of them is not a socket that can be listened on, or what was chosen is not there.
pub(crate) fn listeners(choices: &[Choice]) -> Result<Vec<Listener>, ActivationError> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut given = ListenFd::from_env();
    let names: Vec<_> = names.split(':').take(given.len()).collect();
    for Choice { name, .. } in choices {
        let is_given = match name {
            Some(name) => names.contains(&&**name),
            None => given.len() > 0,
        };
        if !is_given {
            return Err(ActivationError::NotGiven { name: name.clone() });
        }
    }
    (0..given.len())
        .map(|index| {
            let name = names.get(index).copied();
            let by_name = choices.iter().find(|choice| choice.name.as_deref() == name);
            let choice = by_name.or_else(|| choices.iter().find(|choice| choice.name.is_none()));
            Ok(Listener {
                place: Place::Inherited(take(&mut given, index)?),
                is_proxied: choice.is_some_and(|choice| choice.is_proxied),
            })
        })
        .collect()
}

fn take(given: &mut ListenFd, index: usize) -> Result<Inherited, ActivationError> {
    let descriptor = FIRST + index;
    if let Ok(Some(socket)) = given.take_tcp_listener(index) {
        check(&socket, descriptor)?;
        return Ok(Inherited::Tcp(Arc::new(socket)));
    }
    match given.take_unix_listener(index) {
        Ok(Some(socket)) => {
            check(&socket, descriptor)?;
            Ok(Inherited::Unix(Arc::new(socket)))
        }
        Ok(None) => Err(ActivationError::NotListening { descriptor }),
        Err(source) => Err(ActivationError::NoSocket { descriptor, source }),
    }
}

fn named(name: &Option<String>) -> String {
    name.as_ref()
        .map_or_else(String::new, |name| format!(" named {name:?}"))
}

fn check(socket: impl AsFd, descriptor: usize) -> Result<(), ActivationError> {
    match socket_acceptconn(socket) {
        Ok(true) => Ok(()),
        _ => Err(ActivationError::NotListening { descriptor }),
    }
}
