//! A Log block: a group, which of its lines are wanted, and where they go.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use spread::GroupName;

use crate::steps::{Condition, PathTemplate, Pattern, Rewrite};

/// A Log block: a group, which of its lines are wanted, and where they go.
///
/// It leads somewhere: to a destination, to files of virtual hosts, to a module or to a function
/// of an interpreter.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) group: GroupName,
    pub(super) destination: Option<Destination>,
    pub(super) matches: Vec<Pattern>,
    pub(super) excludes: Vec<Pattern>,
    pub(super) wheres: Vec<Condition>,
    pub(super) vhost_dir: Option<PathBuf>,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) modules: Vec<String>,
    pub(super) perl_log: Option<String>,
    pub(super) perl_hup: Option<String>,
    pub(super) python_log: Option<String>,
    pub(super) rotate: Rotate,
    pub(super) compress: Option<Compression>,
    pub(super) keep: Keep,
    pub(super) mode: Option<u32>,
    pub(super) sync: Sync,
    pub(super) format: LineFormat,
}

impl Log {
    /// All lines of `group`, as they are, to `destination`.
    pub(super) const fn plain(group: GroupName, destination: Option<Destination>) -> Self {
        Self {
            group,
            destination,
            matches: Vec::new(),
            excludes: Vec::new(),
            wheres: Vec::new(),
            vhost_dir: None,
            rewrite: None,
            modules: Vec::new(),
            perl_log: None,
            perl_hup: None,
            python_log: None,
            rotate: Rotate {
                size: None,
                every: None,
            },
            compress: None,
            keep: Keep {
                files: None,
                age: None,
            },
            mode: None,
            sync: Sync::Never,
            format: LineFormat::Raw,
        }
    }

    /// The group to join.
    #[must_use]
    pub const fn group(&self) -> GroupName {
        self.group
    }

    /// `File`. `None` with [`Log::vhost_dir`], or where lines go to modules and interpreters
    /// alone.
    #[must_use]
    pub const fn destination(&self) -> Option<&Destination> {
        self.destination.as_ref()
    }

    /// `Match`: lines that any of these matches are wanted, or all where there is none.
    ///
    /// Unlike in the original it applies beside `VhostDir` too, and there is no limit of ten.
    #[must_use]
    pub fn matches(&self) -> &[Pattern] {
        &self.matches
    }

    /// `Exclude`: lines that any of these matches are not wanted.
    #[must_use]
    pub fn excludes(&self) -> &[Pattern] {
        &self.excludes
    }

    /// `Where`: lines for which one of these does not hold are not wanted.
    #[must_use]
    pub fn wheres(&self) -> &[Condition] {
        &self.wheres
    }

    /// `VhostDir`: the directory in which each virtual host has its file.
    ///
    /// The original needed `File` beside it, or wrote nothing; then never opened it. Here
    /// `VhostDir` stands alone, and a `File` that is a path takes the lines whose host has no
    /// safe name.
    #[must_use]
    pub fn vhost_dir(&self) -> Option<&Path> {
        self.vhost_dir.as_deref()
    }

    /// `RewriteTimestamp`: what to put in the place of a line's time.
    #[must_use]
    pub const fn rewrite(&self) -> Option<&Rewrite> {
        self.rewrite.as_ref()
    }

    /// `ModuleLog`: the modules that are handed the lines, in the order of the file. Each is
    /// one of [`super::Config::modules`].
    #[must_use]
    pub fn modules(&self) -> &[String] {
        &self.modules
    }

    /// `PerlLog`: the function that is handed the lines.
    #[must_use]
    pub fn perl_log(&self) -> Option<&str> {
        self.perl_log.as_deref()
    }

    /// `PerlHup`: the function that is called at the start and when files are opened again.
    #[must_use]
    pub fn perl_hup(&self) -> Option<&str> {
        self.perl_hup.as_deref()
    }

    /// `PythonLog`: the function that is handed the lines.
    #[must_use]
    pub fn python_log(&self) -> Option<&str> {
        self.python_log.as_deref()
    }

    /// When a file is put aside and a new one begun.
    #[must_use]
    pub const fn rotate(&self) -> Rotate {
        self.rotate
    }

    /// How files that were put aside are compressed.
    #[must_use]
    pub const fn compress(&self) -> Option<Compression> {
        self.compress
    }

    /// Which of the files that were put aside are kept.
    #[must_use]
    pub const fn keep(&self) -> Keep {
        self.keep
    }

    /// The permissions of new files, at most 0o7777.
    #[must_use]
    pub const fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// When what was written is made sure to be on disk.
    #[must_use]
    pub const fn sync(&self) -> Sync {
        self.sync
    }

    /// What a line looks like in the file.
    #[must_use]
    pub const fn format(&self) -> LineFormat {
        self.format
    }
}

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A file, relative or not, or many whose names come of the time and the message.
    Path(PathTemplate),
    /// `|command`: what `/bin/sh -c` is given, to read the lines from its standard input.
    Command(OsString),
}

impl Destination {
    /// The file, if it is one and the same for all lines.
    #[must_use]
    pub fn fixed(&self) -> Option<PathBuf> {
        match self {
            Self::Path(path) if path.is_fixed() => {
                Some(path.expand(SystemTime::UNIX_EPOCH, None, "", ""))
            }
            _ => None,
        }
    }
}

/// `Rotate`: when a file is put aside; whichever comes first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rotate {
    /// Before it has more bytes than this.
    pub size: Option<u64>,
    /// At this time.
    pub every: Option<Every>,
}

impl Rotate {
    /// Whether files are put aside at all.
    #[must_use]
    pub const fn is_on(self) -> bool {
        self.size.is_some() || self.every.is_some()
    }
}

/// A time that comes again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Every {
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
    /// So long after the file was begun, from a second to a hundred years.
    Duration(Duration),
}

/// `Compress`: the form of the compressed file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// `NAME.gz`
    Gzip,
    /// `NAME.zst`
    Zstd,
}

/// `Keep`: which of the files that were put aside are kept; all, where it says nothing. One
/// that either rule gives up is deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Keep {
    /// The newest, so many, at least one.
    pub files: Option<u32>,
    /// Those not older than this.
    pub age: Option<Duration>,
}

impl Keep {
    /// Whether all are kept.
    #[must_use]
    pub const fn is_all(self) -> bool {
        self.files.is_none() && self.age.is_none()
    }
}

/// `Sync`: when what was written is made sure to be on disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sync {
    /// When the system thinks fit, as in the original.
    #[default]
    Never,
    /// Once in this time.
    Every(Duration),
    /// Before a message is acknowledged.
    Always,
}

/// `Format`: what a line looks like in the file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LineFormat {
    /// As it came.
    #[default]
    Raw,
    /// An object of JSON with the line, its sender and when it was received.
    Json,
}
