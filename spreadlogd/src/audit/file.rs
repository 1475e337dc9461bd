//! The books of one file: the lines that were written to it, and those that it was found to hold.

use std::path::PathBuf;

use serde::Serialize;

use crate::ledger::FileAccount;

/// What a file holds of what was written to it.
#[derive(Debug)]
pub(crate) enum Recount {
    /// So many lines, where it is now.
    Lines {
        /// Ends of lines.
        lines: u64,
        /// Its name now, which rotation may have changed.
        path: PathBuf,
    },
    /// It cannot be counted.
    Not(WhyNot),
}

/// Why a file cannot be counted.
#[derive(Debug)]
pub(crate) enum WhyNot {
    /// It is not in its directory any more.
    Gone,
    /// Others write to it too.
    Others,
    /// It is shorter than it was.
    Shorter,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// A file that lines were written to.
#[derive(Debug, Serialize)]
pub(super) struct FileBooks {
    /// Its name when it was written.
    pub(super) path: String,
    /// Lines written to it, by the ledger.
    pub(super) lines: u64,
    /// Whether it is written to, as opposed to moved away.
    is_open: bool,
    /// Lines that it was found to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counted: Option<u64>,
    /// Its name now, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) now: Option<String>,
    /// Why it could not be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_counted: Option<String>,
}

impl FileBooks {
    pub(super) fn new(file: &FileAccount, recount: Option<Recount>) -> Self {
        let mut books = Self {
            path: file.path.display().to_string(),
            lines: file.lines,
            is_open: file.is_open,
            counted: None,
            now: None,
            not_counted: None,
        };
        match recount {
            None => {}
            Some(Recount::Lines { lines, path }) => {
                books.counted = Some(lines);
                books.now = (path != file.path).then(|| path.display().to_string());
            }
            Some(Recount::Not(why)) => books.not_counted = Some(why.text()),
        }
        books
    }

    pub(super) fn differs(&self) -> bool {
        self.counted.is_some_and(|counted| counted != self.lines)
    }
}

impl WhyNot {
    fn text(self) -> String {
        match self {
            Self::Gone => "it is not there: removed, moved elsewhere or compressed".to_owned(),
            Self::Others => "it is no regular file under our lock".to_owned(),
            Self::Shorter => "it is shorter than it was: emptied, or another by now".to_owned(),
            Self::Unreadable(error) => error,
        }
    }
}
