//! Who the process is, and what it sees: another user, for good, and a root of its own.
//!
//! ```text
//! as root:  bind, pid file -> groups -> chroot -> user -> every thread is looked at -> serve
//! ```
//!
//! Everything that needs root is done before, once; nothing here goes back. The kernel knows
//! users of threads alone: the C library makes all of them change, and whether they have is read
//! from the kernel's own account of each.

mod files;
mod system;
mod threads;

use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{chdir, chroot, geteuid};

use self::threads::Threads;

/// Somebody who serves in root's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    name: CString,
    uid: u32,
    gid: u32,
}

/// Why the process stays who it is, and must not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The system knows nobody of that name.
    #[error("there is no user {name}; name one that there is with -u")]
    Unknown {
        /// As it was given.
        name: String,
    },
    /// Whether it does cannot be found out.
    #[error("cannot look up the user {name}")]
    LookUp {
        /// As it was given.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The document root cannot become the root of everything.
    #[error("cannot chroot to {}{}", path.display(), privilege(source))]
    Chroot {
        /// What was to be it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A log cannot be made where it was to be.
    #[error("cannot make the log {} for the user {name}", path.display())]
    HandOver {
        /// Where it was to be.
        path: PathBuf,
        /// Who was to write it.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses the change.
    #[error("cannot become the user {name}")]
    Become {
        /// Who was to serve.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread is not who it should be, so that whoever takes it over may be root again.
    #[error("not every thread has become the user {name}: {found}")]
    Kept {
        /// Who was to serve.
        name: String,
        /// What is left.
        found: String,
    },
}

impl IdentityError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

/// What is missing, if it is that.
fn privilege(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => " (start it as root, or leave -r and chroot out)",
        _ => "",
    }
}

impl User {
    /// The user of this name.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(name: &str) -> Result<Self, IdentityError> {
        let unknown = || IdentityError::Unknown { name: name.into() };
        let c_name = CString::new(name).map_err(|_| unknown())?;
        let found = system::user(&c_name).map_err(|source| IdentityError::LookUp {
            name: name.into(),
            source,
        })?;
        let (uid, gid) = found.ok_or_else(unknown)?;
        let name = c_name;
        Ok(Self { name, uid, gid })
    }

    /// Whether the process is this user already.
    pub(crate) fn is_us(&self) -> bool {
        geteuid().as_raw() == self.uid
    }

    /// Gives it a log file that it could not make itself.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn receive(&self, path: &Path) -> Result<(), IdentityError> {
        files::hand_over(path, self.uid, self.gid).map_err(|source| IdentityError::HandOver {
            path: path.to_owned(),
            name: self.name(),
            source,
        })
    }

    fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }
}

/// Whether the process may become anybody.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Becomes `user`, and sees nothing any more but what is beneath `root`; each if it is given.
///
/// # Errors
///
/// When the system refuses, or a thread is left behind. The process is then to end.
pub(crate) fn assume(user: Option<&User>, root: Option<&Path>) -> Result<(), IdentityError> {
    // While there is a /proc.
    let threads = Threads::open();
    let refused = |name: String| move |source| IdentityError::Become { name, source };
    if let Some(user) = user {
        // While the list of groups can be read, and before the user may not change them.
        system::set_groups(&user.name, user.gid).map_err(refused(user.name()))?;
    }
    if let Some(path) = root {
        let entered = chdir(path)
            .and_then(|()| chroot("."))
            .and_then(|()| chdir("/"));
        entered.map_err(|source| IdentityError::Chroot {
            path: path.to_owned(),
            source: source.into(),
        })?;
    }
    if let Some(user) = user {
        system::set_user(user.uid).map_err(refused(user.name()))?;
        let name = user.name();
        threads
            .check(user.uid, user.gid)
            .map_err(|found| IdentityError::Kept { name, found })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        let root = User::find("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(root.is_us(), is_root());

        for name in ["no such user", "", "a\0b"] {
            let error = User::find(name).unwrap_err();
            assert!(matches!(error, IdentityError::Unknown { .. }), "{error}");
        }
    }
}
