//! A path beneath the document root: where it is, and how much of that clients know.

use std::borrow::Cow;

use super::{LookupError, Resource};

/// A path beneath the document root, clean as [`http::Target`] has it: decoded, without slashes
/// at its ends, empty for the root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a [u8],
    /// The same as clients know it: without the directory of their host, and `~user` for a
    /// user's.
    pub(crate) shown: &'a [u8],
    /// How much of the path is the host's directory.
    pub(crate) host_len: usize,
    /// How much of it is not as clients know it; what follows is.
    pub(crate) hidden_len: usize,
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

    /// The directory of the host, or the document root.
    pub(super) fn top(self) -> &'a [u8] {
        self.path.get(..self.host_len).unwrap_or_default()
    }

    /// As clients know `directory`, which is on the way to it.
    pub(super) fn shown_of(self, directory: &[u8]) -> Vec<u8> {
        let common = self.path.len().saturating_sub(self.hidden_len);
        let begins = self.shown.len().saturating_sub(common);
        let begins = self.shown.get(..begins).unwrap_or_default();
        match directory.get(self.hidden_len..) {
            Some(rest) => [begins, rest].concat(),
            // Above the host's, or the user's: all that clients have is in it.
            None => Vec::new(),
        }
    }

    /// What its listing is known by, which shows more than its path.
    pub(super) fn key(self) -> Cow<'a, [u8]> {
        if self.path.ends_with(self.shown) {
            self.path.into()
        } else {
            [self.path, b"\0", self.shown].concat().into()
        }
    }
}
