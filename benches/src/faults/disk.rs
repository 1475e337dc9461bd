//! A small disk of a logging host's own: a file system in memory, which can be full.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::FaultError;

/// A file system at a folder. Dropped, it is gone, and everything in it.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    is_kept: bool,
}

impl Disk {
    /// Puts one at `folder`.
    ///
    /// # Errors
    /// The case is skipped where it may not be mounted.
    pub(super) fn mount(folder: &Path) -> Result<Self, FaultError> {
        let mut command = Command::new("mount");
        let options = format!("size={SIZE},mode=755");
        command.args(["-t", "tmpfs", "-o", &options, "small-disk"]);
        let output = command.arg(folder).output();
        let why = match output {
            Ok(output) if output.status.success() => {
                return Ok(Self {
                    folder: folder.to_owned(),
                    is_kept: false,
                });
            }
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let why = format!("a small disk cannot be mounted, which takes root: {why}");
        Err(FaultError::Skipped(why))
    }

    /// Takes all the room that is left on it, to the last page.
    ///
    /// # Errors
    /// When something else is in the way.
    pub(super) fn fill(&self) -> Result<(), FaultError> {
        let fill = || -> io::Result<()> {
            let mut file = File::create(self.filler())?;
            for len in [1 << 20, 1 << 12] {
                let part = vec![0; len];
                loop {
                    match file.write_all(&part) {
                        Ok(()) => {}
                        Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                        Err(error) => return Err(error),
                    }
                }
            }
            Ok(())
        };
        fill().map_err(FaultError::system("fill a small disk"))
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the system does not.
    pub(super) fn free(&self) -> Result<(), FaultError> {
        fs::remove_file(self.filler()).map_err(FaultError::system("make room on a small disk"))
    }

    /// It stays where it is, to be looked at.
    pub(super) const fn keep(&mut self) {
        self.is_kept = true;
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.is_kept {
            // Lazily, as the programs on it may not have ended; where it fails, it is left behind.
            let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
        }
    }
}

/// 128 MiB, all of them memory when it is full; a logging host writes some 30 of them in a long run.
const SIZE: &str = "128m";
