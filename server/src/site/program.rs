//! Programs in the document root: whether a path is one.

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::root::Patience;
use super::{IndexName, LookupError, Place, Site, has_hidden_component, within};
use crate::cgi::call;

/// Any of the three bits; whose it is, exec finds out.
const EXECUTABLE: u32 = 0o111;

/// How what may be a program is opened: nothing of it is read.
pub(super) const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The index file of a directory that is a script.
#[derive(Debug)]
pub(crate) struct IndexScript {
    pub(crate) path: Vec<u8>,
    /// The same as clients know it.
    pub(crate) shown: Vec<u8>,
}

impl Site {
    /// Whether there is a program at `path`; waits for the disk.
    ///
    /// # Errors
    ///
    /// [`LookupError::Forbidden`] for a file that is not executable: it is a script all the same,
    /// and nobody is to read it.
    pub(crate) fn is_program(&self, path: &[u8]) -> Result<bool, LookupError> {
        if has_hidden_component(path) {
            return Ok(false);
        }
        let opened = match self.root.open_beneath(path, LOOK, Patience::Waiting) {
            Ok(opened) => opened,
            Err(errno) => {
                return match LookupError::from(errno) {
                    LookupError::NotFound => Ok(false),
                    error => Err(error),
                };
            }
        };
        let status = rustix::fs::fstat(&opened)?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => Ok(false),
            FileType::RegularFile if status.st_mode & EXECUTABLE != 0 => Ok(true),
            _ => Err(LookupError::Forbidden(Errno::ACCESS)),
        }
    }

    /// Whether `path`, as clients of `host` know it, is a program's: no file to be sent.
    pub(crate) fn is_script(&self, host: Option<&[u8]>, path: &[u8]) -> bool {
        let programs = self.programs.as_ref();
        programs.is_some_and(|pattern| call::is_script(pattern, host, path))
    }

    /// Whether a program may be what `directory`, as clients of `host` know it, stands for.
    pub(crate) fn may_have_index_script(&self, host: Option<&[u8]>, directory: &[u8]) -> bool {
        let mut names = self.index.iter().map(IndexName::as_bytes);
        names.any(|name| self.is_script(host, &within(directory, name)))
    }

    /// The index file of the directory at `place` if that is a script; waits for the disk.
    pub(crate) fn index_script(
        &self,
        place: Place<'_>,
    ) -> Result<Option<IndexScript>, LookupError> {
        if has_hidden_component(place.path) {
            return Ok(None);
        }
        let index = self.open_index(place, Patience::Waiting)?;
        let script = index.filter(|index| index.is_script);
        Ok(script.map(|script| {
            let name = script.path.get(place.path.len()..).unwrap_or_default();
            let name = name.strip_prefix(b"/").unwrap_or(name);
            let shown = within(place.shown, name);
            let path = script.path;
            IndexScript { path, shown }
        }))
    }
}
