//! The throttle file on the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{ThrottleLineError, ThrottleRuleError, ThrottleRules, Throttles};

/// Why a throttle file is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThrottleFileError {
    /// It cannot be read.
    #[error("cannot read the throttle file {}", path.display())]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is too large.
    #[error("the throttle file {} is longer than {FILE_MAX} bytes: is it one?", path.display())]
    TooLong {
        /// Where it is.
        path: PathBuf,
    },
    /// A line is no rule.
    #[error("{}:{line}: `{text}`", path.display())]
    Line {
        /// Where the file is.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// The line, or its beginning.
        text: String,
        /// What is wrong with it.
        source: ThrottleRuleError,
    },
}

/// A thousand rules with a kilobyte of pattern each.
const FILE_MAX: u64 = 1024 * 1024;

impl Throttles {
    /// Throttles by the rules in the file at `path`.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a line of it is no rule.
    pub fn open(path: &Path) -> Result<Self, ThrottleFileError> {
        Ok(Self::new(&read(path)?))
    }
}

fn read(path: &Path) -> Result<ThrottleRules, ThrottleFileError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut text));
    if let Err(source) = read {
        let path = path.to_owned();
        return Err(ThrottleFileError::Read { path, source });
    }
    if text.len() as u64 > FILE_MAX {
        let path = path.to_owned();
        return Err(ThrottleFileError::TooLong { path });
    }
    ThrottleRules::parse(&text).map_err(|error| {
        let ThrottleLineError { line, text, source } = error;
        ThrottleFileError::Line {
            path: path.to_owned(),
            line,
            text,
            source,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    #[test]
    fn a_file_comes_to_rules_or_says_where_it_is_bad() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("throttle.conf");
        fs::write(&path, "a 1\nb 2").unwrap();
        let rules = Throttles::open(&path).unwrap().rules();
        assert_eq!(rules, ThrottleRules::parse(b"a 1\nb 2").unwrap());

        fs::write(&path, "a 1\n\nb").unwrap();
        let error = Throttles::open(&path).unwrap_err();
        assert!(
            error.to_string().ends_with("throttle.conf:3: `b`"),
            "{error}"
        );
        assert!(error.source().unwrap().to_string().contains("MIN-MAX"));
        fs::remove_file(&path).unwrap();
        let error = Throttles::open(&path).unwrap_err();
        assert!(error.to_string().contains("cannot read"), "{error}");
    }

    #[test]
    fn what_is_too_long_for_a_throttle_file_is_not_read() {
        let refused = Throttles::open(Path::new("/dev/zero")).unwrap_err();

        assert!(
            refused.to_string().contains("longer than 1048576"),
            "{refused}"
        );
    }
}
