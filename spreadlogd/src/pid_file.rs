//! The file that says which process this is, for init scripts and logrotate.
//!
//! It is there when the log files are open, whole from the first moment, and gone at the end. One
//! that a killed process has left is replaced.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tracing::warn;

/// Why there is no pid file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another process has it.
    #[error(
        "process {pid} is running, says {}; if that is no spreadlogd, remove the file",
        path.display()
    )]
    Running { path: PathBuf, pid: i32 },
    /// Something else is there, which is not to be overwritten.
    #[error("{} is no pid file: it begins with {found:?}", path.display())]
    Other { path: PathBuf, found: String },
    /// It cannot be looked at.
    #[error("cannot read the pid file {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It cannot be made.
    #[error("cannot write the pid file {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// A pid file of this process; it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Refuses a place that another process has. To be called before anything is opened that
    /// such a process would hold, as it is named here.
    pub(crate) fn check(path: &Path) -> Result<(), PidFileError> {
        let found = match read(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                let path = path.to_owned();
                return Err(PidFileError::Read { path, source });
            }
        };
        let text = found.trim();
        // A system that went down may leave an empty one.
        if text.is_empty() {
            return Ok(());
        }
        let number = text.parse().ok().filter(|&number: &i32| number > 0);
        let Some(pid) = number.and_then(Pid::from_raw) else {
            return Err(PidFileError::Other {
                path: path.to_owned(),
                found: text.to_owned(),
            });
        };
        if is_running(pid) {
            return Err(PidFileError::Running {
                path: path.to_owned(),
                pid: pid.as_raw_nonzero().get(),
            });
        }
        Ok(())
    }

    /// Writes ours, where there is none but of a process that is gone.
    pub(crate) fn write(path: &Path) -> Result<Self, PidFileError> {
        Self::check(path)?;
        let own = process::id();
        let mut new = path.to_owned().into_os_string();
        new.push(format!(".{own}"));
        // Moved into its place, so that nobody reads half of it.
        let written = fs::write(&new, format!("{own}\n")).and_then(|()| fs::rename(&new, path));
        match written {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
            }),
            Err(source) => {
                // What is left of it helps nobody.
                let _ = fs::remove_file(&new);
                let path = path.to_owned();
                Err(PidFileError::Write { path, source })
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // One that somebody has put in the place of ours is theirs.
        let is_ours = read(&self.path).is_ok_and(|text| text.trim() == process::id().to_string());
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            warn!(
                "cannot remove the pid file {}: {error}",
                self.path.display()
            );
        }
    }
}

/// The beginning of a file, which is all of a pid file.
fn read(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// In a container each process may have the same number as the one before it had.
fn is_running(pid: Pid) -> bool {
    let is_ours = u32::try_from(pid.as_raw_nonzero().get()) == Ok(process::id());
    // One of another user's may not be asked, but is there.
    !is_ours && matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

/// 32: a number of 20 digits, and whatever is put around it.
const BYTES_MAX: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");

        let held = PidFile::write(&path).unwrap();

        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{}\n", process::id())
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_is_another_s_by_now_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let held = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();

        drop(held);

        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
    }

    /// `--pid-file access_log` must not cost the log.
    #[test]
    fn what_is_no_pid_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        for text in [
            "www.example.net 192.0.2.7 - -\n",
            "-1\n",
            "0\n",
            "99999999999\n",
        ] {
            fs::write(&path, text).unwrap();

            let error = PidFile::write(&path).unwrap_err();

            assert!(matches!(error, PidFileError::Other { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(&path, "").unwrap();
        assert!(PidFile::write(&path).is_ok());
    }
}
