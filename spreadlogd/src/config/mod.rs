//! What to subscribe to and where to write it: the original's `spreadlogd.conf`.
//!
//! ```text
//! # comment
//! BufferSize = 65536             accepted, see below
//! Ledger = /var/lib/spreadlogd   ours: what was received, over restarts and crashes
//! Spread {                       one session with a daemon; any number of these
//!     Port = 4803                alone: the unix socket of that port
//!     Host = spread1             with it: TCP; or in one word, Port = 4803@spread1
//!     Log {                      any number of these
//!         Group = access_log
//!         File  = /var/log/access_log
//!     }
//! }
//! ```
//!
//! A [`Config`] cannot exist wrong: its groups are names that Spread takes, its addresses can
//! be dialled, and there is at least one Spread block. [`Config::parse`] opens no file and
//! looks up no host.
//!
//! Where the original's grammar is stricter without need, this is kinder: `Group=a` needs no
//! blanks, a value may be spelt like a directive, directives of one block may stand in any
//! order, several Logs of one group all apply, and `Port` takes several addresses separated by
//! commas, each tried in turn. Where the original accepts what it then cannot do (a group name
//! over 31 bytes, a Log without a group, `BufferSize = abc`), this refuses.
//!
//! `BufferSize` bounded the original's receive buffer: it dropped longer messages unseen.
//! A message is received whole here whatever its length, so the number is checked and then
//! without effect.

mod directive;
mod lexer;
mod parser;
mod problem;

use std::path::{Path, PathBuf};

use spread::{Addresses, GroupName};

#[cfg(test)]
mod tests;

pub use problem::{ConfigErrors, Finding, Problem, Warnings};

/// A configuration's longest text: a thousand times the usual one.
pub const BYTES_MAX: usize = 1 << 20;

/// Longest line of a configuration: twice the longest path, and quick to show.
pub const LINE_BYTES_MAX: usize = 8_192;

/// Spread blocks of one configuration: each is a session, a task and a descriptor.
pub const SPREADS_MAX: usize = 64;

/// Log blocks of one configuration, over all Spread blocks: each may be an open file.
pub const LOGS_MAX: usize = 4_096;

/// The port of a Spread block that names none, as in the original.
const SPREAD_PORT: &str = "4803";

/// The group that publishers and spreadlogd agree on when nobody says otherwise.
pub const GROUP_DEFAULT: &str = "access_log";

/// The file that is written when nobody names one.
pub const FILE_DEFAULT: &str = "./logs/access_log";

/// The daemon that is dialled when nobody names one.
pub const SPREAD_DEFAULT: &str = "4803@localhost";

/// What to subscribe to and where to write it.
#[derive(Debug)]
pub struct Config {
    spreads: Vec<Subscription>,
    ledger: Option<PathBuf>,
    warnings: Warnings,
}

impl Config {
    /// Reads the text of a `spreadlogd.conf`; `name` is what messages call the file.
    ///
    /// The text need not be UTF-8: old comments and file names often are not.
    ///
    /// # Errors
    /// Everything that is wrong with it, to be shown to the operator.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, ConfigErrors> {
        parser::parse(text, name)
    }

    /// One group of one daemon into one file: what needs no file to say.
    #[must_use]
    pub fn single(addresses: Addresses, group: GroupName, file: impl Into<PathBuf>) -> Self {
        let log = Log {
            group,
            file: file.into(),
        };
        Self {
            spreads: vec![Subscription {
                addresses,
                logs: vec![log],
            }],
            ledger: None,
            warnings: Warnings(problem::Findings::new("", b"")),
        }
    }

    /// The Spread blocks, at least one.
    #[must_use]
    pub fn spreads(&self) -> &[Subscription] {
        &self.spreads
    }

    /// The directory of the ledger, if the configuration names one.
    #[must_use]
    pub fn ledger(&self) -> Option<&Path> {
        self.ledger.as_deref()
    }

    /// What was accepted though it surely was not meant.
    #[must_use]
    pub const fn warnings(&self) -> &Warnings {
        &self.warnings
    }
}

/// A Spread block: one session with a daemon.
#[derive(Clone, Debug)]
pub struct Subscription {
    addresses: Addresses,
    logs: Vec<Log>,
}

impl Subscription {
    /// Where the daemon is; several are tried in turn.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Its Log blocks, in the order of the file.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }
}

/// A Log block: a group and where its lines go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Log {
    group: GroupName,
    file: PathBuf,
}

impl Log {
    /// The group to join.
    #[must_use]
    pub const fn group(&self) -> GroupName {
        self.group
    }

    /// The file as it was written, relative or not.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}
