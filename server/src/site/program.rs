//! Programs in the document root: whether a path is one.

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::root::Patience;
use super::{LookupError, Site, has_hidden_component};

/// Any of the three bits; whose it is, exec finds out.
const EXECUTABLE: u32 = 0o111;

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
        let look = OFlags::PATH | OFlags::CLOEXEC;
        let opened = match self.root.open_beneath(path, look, Patience::Waiting) {
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
}
