//! A path beneath the document root: where it is, and how much of that clients know.

use super::{LookupError, Resource};

/// A path beneath the document root, clean as [`http::Target`] has it: decoded, without slashes
/// at its ends, empty for the root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a [u8],
    /// The end of it that clients know: all but the directory of their host.
    pub(crate) shown: &'a [u8],
    /// It was written with a slash at its end.
    pub(crate) is_directory: bool,
}

impl<'a> Place<'a> {
    /// Appends the path of the file, if it is one or has the index file `index`, behind a slash.
    pub(crate) fn write_file(self, index: &[u8], out: &mut Vec<u8>) {
        let has_slash = self.path.is_empty();
        out.extend_from_slice(if has_slash { b"" } else { b"/" });
        out.extend_from_slice(self.path);
        if self.is_directory {
            out.push(b'/');
            out.extend_from_slice(index);
        }
    }

    /// The directory that it is, or is in.
    pub(crate) fn directory(self) -> &'a [u8] {
        if self.is_directory {
            return self.path;
        }
        let slash = self.path.iter().rposition(|&byte| byte == b'/');
        self.path.get(..slash.unwrap_or(0)).unwrap_or_default()
    }

    /// The same as a directory, if `outcome` is that it is one.
    pub(crate) fn as_directory_if(self, outcome: &Result<Resource, LookupError>) -> Self {
        let is_directory = self.is_directory || matches!(outcome, Ok(Resource::SlashMissing));
        Self {
            is_directory,
            ..self
        }
    }

    /// The beginning of it that clients do not know.
    pub(super) fn hidden(self) -> &'a [u8] {
        let len = self.path.len().saturating_sub(self.shown.len());
        self.path.get(..len).unwrap_or_default()
    }
}
