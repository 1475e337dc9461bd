//! What to subscribe to and where to write it: the original's `spreadlogd.conf`.
//!
//! ```text
//! # comment
//! BufferSize = 65536             accepted, see below
//! LoadModule online 127.0.0.1:8989
//! Spread {                       one session with a daemon; any number of these
//!     Port = 4803                alone: the unix socket of that port
//!     Host = spread1             with it: TCP; or in one word, Port = 4803@spread1
//!     Log {                      any number of these
//!         Group = access_log
//!         File  = /var/log/access_log
//!         Match = "\.html "      of these lines; as often as one likes
//!         ModuleLog online
//!         Rotate = daily         ours: from here on the original knows none
//!     }
//! }
//! ```
//!
//! A [`Config`] cannot exist wrong: its groups are names that Spread takes, its addresses can
//! be dialled, its patterns match, every Log leads somewhere, and there is at least one Spread
//! block. [`Config::parse`] opens no file and looks up no host: whether a module is there is
//! asked by [`Config::missing`].
//!
//! Where the original's grammar is stricter without need, this is kinder: `Group=a` needs no
//! blanks, a value may be spelt like a directive, directives of one block may stand in any
//! order, several Logs of one group all apply, and `Port` takes several addresses separated by
//! commas, each tried in turn. Where the original accepts what it then cannot do (a group name
//! over 31 bytes, a Log without a group, `BufferSize = abc`, a `ModuleLog` that is not loaded),
//! this refuses.
//!
//! `BufferSize` bounded the original's receive buffer: it dropped longer messages unseen.
//! A message is received whole here whatever its length, so the number is checked and then
//! without effect.

mod directive;
mod extension;
mod findings;
mod lexer;
mod log;
mod nearest;
mod parser;
mod problem;
mod quantity;
#[cfg(any(test, fuzzing))]
pub(crate) mod written;

use std::ops::Range;
use std::path::{Path, PathBuf};

use spread::{Addresses, GroupName};

use crate::steps::PathTemplate;

#[cfg(test)]
mod tests;

pub use extension::{Module, Perl, Python};
use findings::Findings;
pub use findings::{ConfigErrors, Finding, Warnings};
pub use log::{Compression, Destination, Every, Keep, LineFormat, Log, Rotate, Sync};
pub use problem::{Meant, Problem};

/// A configuration's longest text: a thousand times the usual one.
pub const BYTES_MAX: usize = 1 << 20;

/// Longest line of a configuration: twice the longest path, and quick to show.
pub const LINE_BYTES_MAX: usize = 8_192;

/// Spread blocks of one configuration: each is a session, a task and a descriptor.
pub const SPREADS_MAX: usize = 64;

/// Log blocks of one configuration, over all Spread blocks: each may be an open file.
pub const LOGS_MAX: usize = 4_096;

/// Modules of one configuration: each is a process. The original's users had one or two.
pub const MODULES_MAX: usize = 64;

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
    module_dir: Option<PathBuf>,
    modules: Vec<Module>,
    perl: Perl,
    python: Python,
    warnings: Warnings,
    marks: Vec<(Mark, Range<usize>)>,
}

/// What is named that has to be on the machine.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// `LoadModule`
    Module(Module),
    /// A `File` without fields.
    File(PathBuf),
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
        Self::of_files(addresses, [(group, file.into())])
    }

    /// The same for several groups, each into a file of its own.
    #[must_use]
    pub fn of_files(
        addresses: Addresses,
        files: impl IntoIterator<Item = (GroupName, PathBuf)>,
    ) -> Self {
        let files: Vec<_> = files.into_iter().collect();
        let marks = files
            .iter()
            .map(|(_, file)| (Mark::File(file.clone()), 0..0));
        let marks = marks.collect();
        let logs = files.into_iter().map(|(group, file)| {
            let file = Destination::Path(PathTemplate::literal(file));
            Log::plain(group, Some(file))
        });
        Self {
            spreads: vec![Subscription {
                addresses,
                logs: logs.collect(),
                default: None,
            }],
            ledger: None,
            module_dir: None,
            modules: Vec::new(),
            perl: Perl::default(),
            python: Python::default(),
            warnings: Warnings(Findings::new("", b"")),
            marks,
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

    /// `ModuleDir`: where the modules are.
    #[must_use]
    pub fn module_dir(&self) -> Option<&Path> {
        self.module_dir.as_deref()
    }

    /// The modules, in the order of the file, each once.
    #[must_use]
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// What the Perl interpreter begins with.
    #[must_use]
    pub const fn perl(&self) -> &Perl {
        &self.perl
    }

    /// What the Python interpreter begins with.
    #[must_use]
    pub const fn python(&self) -> &Python {
        &self.python
    }

    /// What was accepted though it surely was not meant.
    #[must_use]
    pub const fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// The errors that `problem` makes of what is named, each shown where that is.
    pub(crate) fn refused(
        &self,
        mut problem: impl FnMut(&Mark) -> Option<Problem>,
    ) -> Option<ConfigErrors> {
        let mut errors = self.warnings.0.emptied();
        for (mark, span) in &self.marks {
            if let Some(problem) = problem(mark) {
                errors.push(problem, span.clone());
            }
        }
        errors.sort();
        (!errors.list.is_empty()).then_some(ConfigErrors(errors))
    }
}

/// A Spread block: one session with a daemon.
#[derive(Clone, Debug)]
pub struct Subscription {
    addresses: Addresses,
    logs: Vec<Log>,
    default: Option<Log>,
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

    /// Its Log blocks, and its Default block.
    pub(crate) fn all_logs(&self) -> impl Iterator<Item = &Log> {
        self.logs.iter().chain(&self.default)
    }

    /// `Default`: what is done with groups that no Log names and that publishers tell of. Its
    /// group is the one where they do.
    #[must_use]
    pub const fn default(&self) -> Option<&Log> {
        self.default.as_ref()
    }
}
