//! What the program may still do with files, held by the kernel: Landlock.
//!
//! It reads what it serves and what it looks names and times up with, writes its logs, executes
//! nothing; whoever takes it over gets no further. Each thread that is started from now on is held
//! to it, and so is the one that starts them. Descriptors that are open stay what they are.
//!
//! What a place allows goes by the directory as it is now: one that is replaced has to be entered
//! anew, by a start. So directories are named here, and not the files in them that come and go.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
};

/// What is allowed, and where.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Places {
    /// Directories, and files, to be read.
    pub(crate) reads: Vec<PathBuf>,
    /// Directories to be read and written. Those that are not there yet are made in the nearest
    /// one above them.
    pub(crate) writes: Vec<PathBuf>,
    /// Directories from which files may be removed.
    pub(crate) removes: Vec<PathBuf>,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The kernel, or whoever has started us, does not allow it.
    #[error("cannot enter the sandbox (Landlock); go without one with --sandbox off")]
    Rules(#[from] RulesetError),
    /// There is no Landlock, and one was asked for.
    #[error(
        "this kernel has no sandbox (Landlock, since Linux 5.13, may be compiled out or left out of \
         lsm=); go without one with --sandbox off"
    )]
    Missing,
    /// A place cannot be named to the kernel.
    #[error("cannot look at a place for the sandbox; go without one with --sandbox off")]
    Place(#[from] PathFdError),
}

/// What is looked up where by the C library and the status page: addresses of hosts, local time,
/// who holds a lock, how many descriptors are open.
pub(crate) const LOOK_UPS: &[&str] = &[
    "/etc",
    "/lib",
    "/lib64",
    "/proc/locks",
    "/proc/self",
    "/proc/sys/kernel/random",
    "/run/systemd/resolve",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
];

/// The rights that are known here: of Linux 6.10. What older kernels do not know they do not hold.
const RIGHTS: ABI = ABI::V5;

/// Allows what is done in `places`, and nothing else any more; whether the kernel holds us to it.
///
/// # Errors
///
/// When there is a Landlock and it refuses.
pub(crate) fn enter(places: &Places) -> Result<bool, SandboxError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(RIGHTS)
        & !(AccessFs::Execute | AccessFs::MakeBlock | AccessFs::MakeChar);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .create()?;
    let reads = places.reads.iter().map(|path| (path.clone(), read));
    let writes = places.writes.iter().map(|path| (nearest(path), write));
    let removes = places.removes.iter();
    let removes = removes.map(|path| (path.clone(), AccessFs::RemoveFile.into()));
    for (path, rights) in reads.chain(writes).chain(removes) {
        if path.exists() {
            rules = rules.add_rule(PathBeneath::new(PathFd::new(&path)?, fit(&path, rights)))?;
        }
    }
    let held = rules.restrict_self()?;
    Ok(held.ruleset != RulesetStatus::NotEnforced)
}

/// Whether the kernel has what it takes.
pub(crate) fn is_there() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let rules = rules.handle_access(AccessFs::from_all(ABI::V1));
    rules.and_then(Ruleset::create).is_ok()
}

/// What can be allowed for a file is less than for a directory.
fn fit(path: &Path, rights: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    if path.is_dir() {
        rights
    } else {
        rights & AccessFs::from_file(RIGHTS)
    }
}

/// The directory, or the nearest one above it that there is.
fn nearest(path: &Path) -> PathBuf {
    let mut above = path.ancestors();
    let found = above.find(|path| path.exists() || path.as_os_str().is_empty());
    match found {
        Some(path) if !path.as_os_str().is_empty() => path.to_owned(),
        _ => ".".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// It is the thread that is held, so each has a test of its own.
    fn within(places: Places, test: impl FnOnce() + Send + 'static) {
        let outcome = thread::spawn(move || {
            // Where there is none there is nothing to be tested.
            if enter(&places).unwrap() {
                test();
            }
        });
        outcome.join().unwrap();
    }

    #[test]
    fn what_is_not_allowed_is_not_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["root", "logs", "run", "else"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("file"), name).unwrap();
        }
        let places = Places {
            reads: vec![path("root"), path("not there")],
            writes: vec![path("logs"), path("logs/to/be/made")],
            removes: vec![path("run")],
        };
        let [root, logs, run, other] = ["root", "logs", "run", "else"].map(path);

        within(places, move || {
            assert_eq!(fs::read(root.join("file")).unwrap(), b"root");
            assert!(fs::read_dir(&root).is_ok());
            assert!(fs::write(root.join("file"), "x").is_err());
            assert!(fs::write(root.join("new"), "x").is_err());
            assert!(fs::remove_file(root.join("file")).is_err());

            fs::create_dir_all(logs.join("to/be/made")).unwrap();
            fs::write(logs.join("new"), "x").unwrap();
            fs::rename(logs.join("new"), logs.join("to/old")).unwrap();
            fs::remove_file(logs.join("file")).unwrap();

            assert!(fs::read(run.join("file")).is_err());
            fs::remove_file(run.join("file")).unwrap();

            assert!(fs::read(other.join("file")).is_err());
            assert!(fs::read("/etc/passwd").is_err());
            assert!(std::process::Command::new("/bin/true").status().is_err());
        });
    }

    #[test]
    fn a_file_alone_may_be_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("file"), dir.path().join("other"));
        for path in [&file, &other] {
            fs::write(path, "x").unwrap();
        }
        let places = Places {
            reads: vec![file.clone()],
            ..Places::default()
        };

        within(places, move || {
            assert!(fs::read(file).is_ok());
            assert!(fs::read(other).is_err());
        });
    }

    #[test]
    fn what_is_to_be_made_is_made_in_the_nearest_directory() {
        let dir = tempfile::tempdir().unwrap();

        assert_eq!(nearest(&dir.path().join("a/b")), dir.path());
        assert_eq!(nearest(dir.path()), dir.path());
        assert_eq!(nearest(Path::new("no such directory/b")), Path::new("."));
        assert_eq!(nearest(Path::new("/no such directory/b")), Path::new("/"));
    }
}
