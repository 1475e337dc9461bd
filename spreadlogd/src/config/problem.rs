//! What can be wrong with a configuration, and the words for it.

use std::path::PathBuf;

use spread::{AddressError, NameError};

use super::{BYTES_MAX, LINE_BYTES_MAX, LOGS_MAX, MODULES_MAX, SPREADS_MAX};
use crate::child::ModuleError;
use crate::online::OnlineSettingsError;
use crate::steps::{ConditionError, PatternError, RewriteError, TemplateError};

/// What is wrong, with the value that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is too long to be a configuration.
    #[error("a configuration of {0} bytes is over the limit of {BYTES_MAX}")]
    FileTooLong(usize),
    /// A line is too long to be shown.
    #[error("line {number} of {len} bytes is over the limit of {LINE_BYTES_MAX}")]
    LineTooLong {
        /// Which line, from 1.
        number: usize,
        /// Its length.
        len: usize,
    },
    /// There is nothing to connect to.
    #[error("no Spread block")]
    NoSpread,
    /// More Spread blocks than a host needs.
    #[error("more than {SPREADS_MAX} Spread blocks")]
    TooManySpreads,
    /// A Default block that names no directory.
    #[error("no Base")]
    NoBase,
    /// A directive that says what a Default leaves open.
    #[error("`{0}` has no place in a Default block")]
    NotInDefault(&'static str),
    /// A directory for groups, in a block for one.
    #[error("`Base` belongs in a Default block")]
    BaseAlone,
    /// More Log blocks than a host has descriptors for.
    #[error("more than {LOGS_MAX} Log blocks")]
    TooManyLogs,
    /// A word where a directive stands, which is none.
    #[error("unknown directive `{word}`")]
    UnknownDirective {
        /// The word.
        word: String,
        /// What was probably meant.
        meant: Meant,
    },
    /// Something else than a word where a directive stands.
    #[error("expected a directive, found `{0}`")]
    ExpectedDirective(String),
    /// A directive in the wrong block.
    #[error("`{name}` belongs {place}")]
    Misplaced {
        /// The directive.
        name: &'static str,
        /// Where it belongs.
        place: &'static str,
    },
    /// A directive without its `=`.
    #[error("expected `=` after `{0}`")]
    MissingEquals(&'static str),
    /// A directive without its value.
    #[error("`{0}` needs a value")]
    MissingValue(&'static str),
    /// A block without its `{`.
    #[error("expected `{{` after `{0}`")]
    MissingOpen(&'static str),
    /// A block without its `}`.
    #[error("this {0} block is not closed")]
    Unclosed(&'static str),
    /// A `}` too many.
    #[error("`}}` without a block to close")]
    UnexpectedClose,
    /// A word that begins with a quote and has no second one.
    #[error("this quote is not closed")]
    UnclosedQuote,
    /// A quoted word that goes on after its quote.
    #[error("text directly after a closing quote")]
    TextAfterQuote,
    /// A Log block that does not say what to write.
    #[error("this Log block has no Group")]
    NoGroup,
    /// A Log block that leads nowhere.
    #[error("this Log block has no File")]
    NoFile,
    /// A value that the directive does not take.
    #[error("`{name}` cannot be `{word}`")]
    Value {
        /// The directive.
        name: &'static str,
        /// The value.
        word: String,
        /// The value that was probably meant.
        nearest: Option<&'static str>,
        /// What it takes.
        expected: &'static str,
    },
    /// A Match or Exclude that is no regular expression.
    #[error("this `{name}` is no regular expression")]
    Pattern {
        /// The directive.
        name: &'static str,
        /// Why it is none.
        source: PatternError,
    },
    /// A Where that is no condition.
    #[error("this `Where` is no condition")]
    Condition(#[source] ConditionError),
    /// A RewriteTimestamp that is no form of a time.
    #[error("this `RewriteTimestamp` is no form of a time")]
    Rewrite(#[source] RewriteError),
    /// A File whose fields are none.
    #[error("this `File` is no path")]
    Template(#[source] TemplateError),
    /// `File = "|"`.
    #[error("there is no command after `|`")]
    NoCommand,
    /// A ModuleLog of a module without LoadModule.
    #[error("the module `{word}` is not loaded")]
    NotLoaded {
        /// Its name.
        word: String,
        /// The loaded module that was probably meant.
        nearest: Option<String>,
    },
    /// More modules than a host needs.
    #[error("more than {MODULES_MAX} modules")]
    TooManyModules,
    /// A LoadModule of what is no module.
    #[error(transparent)]
    Module(ModuleError),
    /// What module online is told, and does not understand.
    #[error(transparent)]
    Online(OnlineSettingsError),
    /// A File that is a directory.
    #[error("{} is a directory", .0.display())]
    Directory(PathBuf),
    /// A File in a directory that is not there, and is not made.
    #[error("there is no directory {}, nor one to make it in", .0.display())]
    NoDirectory(PathBuf),
    /// A File in what is no directory.
    #[error("{} is no directory", .0.display())]
    NotADirectory(PathBuf),
    /// A File behind a link to what is not there.
    #[error("{} is a link to {}, which is not there and is not made", .link.display(), .to.display())]
    Dangling {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        to: PathBuf,
    },
    /// What is said of files, in a Log that writes none.
    #[error("`{0}` is for files, and this Log writes none")]
    FilesOnly(&'static str),
    /// Keep, where there is nothing to keep.
    #[error("`Keep` without `Rotate`: there are no files to keep")]
    KeepAlone,
    /// A name that Spread does not take.
    #[error(transparent)]
    Group(NameError),
    /// A Port, or Port and Host, that is no address.
    #[error(transparent)]
    Address(AddressError),
    /// A Host beside a Port that needs none.
    #[error("Port is a whole address, so that Host has no place beside it")]
    TwoHosts,
    /// A BufferSize that is no size.
    #[error("BufferSize `{0}` is not a number of bytes")]
    BufferSize(String),
    /// A File that no file can be called.
    #[error("`{0}` cannot be the name of a file")]
    File(String),
    /// A word that must be text and is not.
    #[error("`{0}` is not text in UTF-8")]
    NotText(String),
    /// Warning: given twice.
    #[error("`{name}` is given twice; the {counts} one counts")]
    Repeated {
        /// The directive.
        name: &'static str,
        /// `first` or `last`, as in the original.
        counts: &'static str,
    },
    /// Warning: Compress, where nothing is put aside.
    #[error("`Compress` without `Rotate`: nothing is compressed")]
    CompressAlone,
    /// Warning: a command beside VhostDir.
    #[error("this command is not run: the lines of this Log go into its VhostDir")]
    CommandUnused,
    /// Warning: a RewriteTimestamp that says no time.
    #[error("`RewriteTimestamp` without a `%`: this text stands for every time")]
    TimelessRewrite {
        /// The value that was probably meant.
        nearest: Option<&'static str>,
    },
    /// Warning: a module that is named twice.
    #[error("the module `{0}` is handed every line of this Log twice")]
    ModuleTwice(String),
    /// Warning: a module that no Log names.
    #[error("the module `{0}` is handed no lines: no Log has it as its ModuleLog")]
    IdleModule(String),
    /// Warning: a Spread block without a Log.
    #[error("this Spread block has no Log, so nothing is written from it")]
    NoLog,
}

/// What was meant by a word that is no directive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meant {
    /// Nobody knows.
    Unknown,
    /// A directive that is spelt much like it.
    Directive(&'static str),
    /// The second word of the value before it on the line.
    Value,
}

impl Problem {
    /// What stands beside the marked place.
    pub(super) fn label(&self) -> Option<String> {
        let meant = |name: &str| format!("did you mean `{name}`?");
        Some(match self {
            Self::UnknownDirective { meant: word, .. } => match word {
                Meant::Directive(name) => meant(name),
                Meant::Value => "a value of several words needs quotes".to_owned(),
                Meant::Unknown => return None,
            },
            Self::Value {
                nearest, expected, ..
            } => nearest.map_or_else(|| format!("expected {expected}"), meant),
            Self::Pattern { source, .. } => source.to_string(),
            Self::Condition(source) => source.to_string(),
            Self::Rewrite(source) => source.to_string(),
            Self::Template(source) => source.to_string(),
            Self::TimelessRewrite { nearest } => meant((*nearest)?),
            Self::NotLoaded { nearest, .. } => meant(nearest.as_deref()?),
            Self::Module(ModuleError::Unreadable { source, .. }) => source.to_string(),
            Self::Unclosed(_) => "opened here".to_owned(),
            Self::File(_) => "is a quote missing?".to_owned(),
            Self::NotText(_) => "has a byte outside UTF-8".to_owned(),
            Self::BufferSize(_) => format!("expected 1 to {}", i32::MAX),
            _ => return None,
        })
    }

    /// What to do about it, where the message alone does not say that.
    pub(super) const fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoSpread => "Spread { Log { Group = access_log File = /var/log/access_log } }",
            Self::NoGroup => "name the Spread group whose lines to write: Group = access_log",
            Self::NoBase => "name the directory for the file of each group: Base = /var/log/farm",
            Self::NotInDefault(_) => "it is for all groups that no Log names",
            Self::NoFile => {
                "name the file to write to: File = /var/log/access_log; or a VhostDir, ModuleLog, \
                 PerlLog or PythonLog"
            }
            Self::MissingValue(_) => "a value that is the name of a directive needs quotes",
            Self::TwoHosts => "write Port = 4803@host, or Port = 4803 and Host = host",
            Self::NotLoaded { .. } => "load it outside all blocks: LoadModule NAME [ARGUMENT]",
            Self::FilesOnly(_) => "a File that is a path, or a VhostDir, makes files",
            Self::KeepAlone | Self::CompressAlone => "say when: Rotate = daily, Rotate = 100M",
            _ => return None,
        })
    }
}
