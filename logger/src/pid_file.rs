//! The file that says which process this is, for init scripts and logrotate.
//!
//! It is whole from the first moment, and gone at the end, or empty where the process may not
//! remove it any more, being another user's by then or in a chroot. One that a killed process has
//! left is replaced.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tracing::warn;

/// Why there is no pid file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidFileError {
    /// Another process has it.
    #[error(
        "process {pid} is running, says {}; if that is another program, remove the file",
        path.display()
    )]
    Running {
        /// The file.
        path: PathBuf,
        /// The process.
        pid: i32,
    },
    /// Something else is there, which is not to be overwritten.
    #[error("{} is no pid file: it begins with {found:?}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// How it begins.
        found: String,
    },
    /// It cannot be looked at.
    #[error("cannot read the pid file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("cannot write the pid file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A pid file of this process; it is removed when this is dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Refuses a place that another process has. To be called before anything is opened that
    /// such a process would hold, as it is named here.
    ///
    /// # Errors
    ///
    /// When another process has it, or something else is there.
    pub fn check(path: &Path) -> Result<(), PidFileError> {
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
    ///
    /// # Errors
    ///
    /// When another process has it, something else is there, or it cannot be written.
    pub fn write(path: &Path) -> Result<Self, PidFileError> {
        Self::check(path)?;
        let own = process::id();
        let mut new = path.to_owned().into_os_string();
        new.push(format!(".{own}"));
        // Moved into its place, so that nobody reads half of it.
        let written = create(&new, own).and_then(|file| fs::rename(&new, path).map(|()| file));
        match written {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                file,
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
        let own = format!("{}\n", process::id());
        let is_at_its_place = read(&self.path).is_ok_and(|text| text == own);
        if is_at_its_place && fs::remove_file(&self.path).is_ok() {
            return;
        }
        let mut text = vec![0; own.len()];
        let is_ours = self.file.read_exact_at(&mut text, 0).is_ok() && text == own.as_bytes();
        // It is there still, or nobody sees it: an empty one names no process.
        if is_ours && let Err(error) = self.file.set_len(0) {
            let path = self.path.display();
            warn!("cannot empty the pid file {path}: {error}");
        }
    }
}

fn create(path: &OsStr, pid: u32) -> io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    let mut file = options.open(path)?;
    file.write_all(format!("{pid}\n").as_bytes())?;
    Ok(file)
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
    !is_ours && matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)) && !is_over(pid)
}

/// Whether it has ended and nobody has taken notice, as in a container whose first process is no
/// init.
fn is_over(pid: Pid) -> bool {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    // The state stands behind the name, in which anything may stand.
    let state = fs::read_to_string(path).ok();
    let state = state.and_then(|stat| stat.rsplit(") ").next()?.chars().next());
    matches!(state, Some('Z' | 'X'))
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

    /// As of a process that has become another user or is in a chroot.
    #[test]
    fn one_that_cannot_be_removed_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (dir.path().join("pid"), dir.path().join("elsewhere"));
        let held = PidFile::write(&path).unwrap();
        fs::rename(&path, &elsewhere).unwrap();

        drop(held);

        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
        assert!(PidFile::check(&elsewhere).is_ok());
    }

    #[test]
    fn one_of_a_process_that_has_ended_unnoticed_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let mut child = process::Command::new("true").spawn().unwrap();
        fs::write(&path, format!("{}\n", child.id())).unwrap();
        let pid = Pid::from_child(&child);
        // Until it is one, and no longer.
        while !is_over(pid) {
            std::thread::yield_now();
        }

        assert!(PidFile::write(&path).is_ok());

        child.wait().unwrap();
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
