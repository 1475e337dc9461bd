//! The command line and its files, read again: what of it may change is put to work, what may
//! not is named, and a mistake changes nothing.
//!
//! Options are compared as they came to be, by all files and flags together, so that a file may be
//! put in another order, or a flag moved into it.

use crate::cli::{Args, Said, UsageError};
use crate::server::{ReloadHandle, StartError};

/// Options that change while it serves. All others are carried out once.
const LIVE: &[&str] = &[
    "allow",
    "charset",
    "connections-per-address",
    "deny",
    "fallback",
    "header",
    "idle-timeout",
    "local-pattern",
    "max-age",
    "no-empty-referers",
    "p3p",
    "proxy-field",
    "redirect",
    "referer-pattern",
    "request-timeout",
    "requests-per-address",
    "send-timeout",
    "trusted-proxy",
];

/// It changes while it serves if it was there at the start.
const THROTTLES: &str = "throttles";

/// What is at work, and how to find out what should be.
#[derive(Debug)]
pub(crate) struct Reloading {
    said: Said,
    server: ReloadHandle,
}

/// Why everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// What stands there now is no command line.
    #[error("{0}")]
    Words(String),
    /// It contradicts itself.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The server cannot go by it.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What has come of it: names of options.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Reloaded {
    /// Those that are at work now, and were not.
    pub(crate) taken_up: Vec<String>,
    /// Those for which it has to be started anew.
    pub(crate) left: Vec<String>,
}

impl Reloading {
    pub(crate) const fn new(said: Said, server: ReloadHandle) -> Self {
        Self { said, server }
    }

    /// Reads everything again, and has the server go by what has changed.
    ///
    /// # Errors
    ///
    /// When it cannot be taken; nothing has changed then.
    pub(crate) fn reload(&mut self) -> Result<Reloaded, ReloadError> {
        let args = Args::read(self.said.words().iter().cloned()).map_err(|error| {
            // Without the usage, which is for whoever types.
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let lines = text.lines().take_while(|line| !line.is_empty());
            ReloadError::Words(lines.collect::<Vec<_>>().join("; "))
        })?;
        let said = args.said().clone();
        let changed = said.differing(&self.said);
        let is_live = |name: &String| {
            LIVE.contains(&name.as_str()) || name == THROTTLES && self.server.is_throttled()
        };
        let (mut taken_up, left): (Vec<_>, Vec<_>) = changed.into_iter().partition(is_live);
        let settings = args.settings()?;
        // What the file says may have changed, though it is the same file.
        let is_told = taken_up.iter().any(|name| name == THROTTLES);
        if !is_told && self.server.throttles_otherwise(&settings.config) {
            taken_up.push(THROTTLES.into());
        }
        if !taken_up.is_empty() {
            self.server.reload(&settings.config)?;
            self.said.take_up(&said, &taken_up);
        }
        Ok(Reloaded { taken_up, left })
    }
}
