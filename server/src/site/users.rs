//! `/~user/`: directories of users, all in one of the document root (thttpd's `TILDE_MAP_1`).
//!
//! Home directories (`TILDE_MAP_2`) are outside of it; who wants those puts links to them there,
//! which may lead out where others may not. So there is one gate, a user who was not given a link
//! has nothing served, and whose home it is cannot lead further.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::walk;

/// The directory that has one for each user: a clean path beneath the document root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserDirs(Box<[u8]>);

/// The text is no [`UserDirs`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "give a directory of the document root by its path in it, such as users, none of whose names \
     begins with a dot or ~ (for home directories, put links to them there)"
)]
pub struct UserDirsError;

impl UserDirs {
    /// Of `path`, as a target has it, the user's directory and what follows; `None` if it is no
    /// user's.
    pub(crate) fn map<'a>(&self, path: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
        let rest = path.strip_prefix(b"~")?;
        let slash = rest.iter().position(|&byte| byte == b'/');
        let (user, rest) = rest.split_at_checked(slash.unwrap_or(rest.len()))?;
        // A name that begins with a dot would be a hidden one there, and here it is none.
        if user.is_empty() || user.starts_with(b".") {
            return None;
        }
        Some(([&self.0, &b"/"[..], user].concat(), rest))
    }
}

/// Where links of the document root may lead out: the directories of users.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    pub(super) users: UserDirs,
    /// They are in the directories of hosts.
    pub(super) has_hosts: bool,
}

/// More users than one machine has homes of are no reason to hold the kernel to each of them.
const GATES_MAX: usize = 1_000;

impl Gates {
    /// Of `path`, a gate that it goes through: its directory, its name there, and what is behind.
    pub(super) fn on<'a>(&self, path: &'a [u8]) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let host_len = match self.has_hosts {
            true => path.iter().position(|&byte| byte == b'/')? + 1,
            false => 0,
        };
        let users_len = host_len + self.users.0.len();
        let (directory, rest) = path.split_at_checked(users_len)?;
        if directory.get(host_len..) != Some(&*self.users.0) {
            return None;
        }
        let rest = rest.strip_prefix(b"/")?;
        let slash = rest.iter().position(|&byte| byte == b'/');
        let (name, rest) = rest.split_at_checked(slash.unwrap_or(rest.len()))?;
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        (!name.is_empty()).then_some((directory, name, rest))
    }

    /// Where the links that are in the document root at `root` now lead; everywhere, if there are
    /// very many.
    pub(super) fn lead_to(&self, root: &Path) -> Vec<PathBuf> {
        let users = Path::new(OsStr::from_bytes(&self.users.0));
        let tops = match self.has_hosts {
            true => entries(root),
            false => vec![root.to_owned()],
        };
        let users = tops.iter().flat_map(|top| entries(&top.join(users)));
        let links = users.filter(|path| path.is_symlink());
        let homes: Vec<_> = links.filter_map(|link| home_of(&link)).collect();
        match homes.len() {
            ..=GATES_MAX => homes,
            _ => vec!["/".into()],
        }
    }
}

/// Where `link` leads, if there is no other link on the way, as none is followed later.
fn home_of(link: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(link).ok()?;
    let directory = link.parent()?.canonicalize().ok()?;
    let base = File::open(&directory).ok()?;
    walk::open_without_links(base.as_fd(), target.as_os_str().as_bytes()).ok()?;
    directory.join(target).canonicalize().ok()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

impl FromStr for UserDirs {
    type Err = UserDirsError;

    fn from_str(text: &str) -> Result<Self, UserDirsError> {
        let path = text.trim_matches('/');
        let is_name =
            |name: &str| !name.is_empty() && !name.starts_with(['.', '~']) && !name.contains('\0');
        let is_absolute = text.starts_with('/');
        if is_absolute || !path.split('/').all(is_name) {
            return Err(UserDirsError);
        }
        Ok(Self(path.as_bytes().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_the_directory_of_a_user() {
        let users: UserDirs = "users".parse().unwrap();
        for (has_hosts, path, expected) in [
            (false, "users/anna", Some(("users", "anna", ""))),
            (false, "users/anna/x/y", Some(("users", "anna", "x/y"))),
            (false, "users", None),
            (false, "users/", None),
            (false, "usersx/anna", None),
            (false, "a/users/anna", None),
            (true, "a/users/anna/x", Some(("a/users", "anna", "x"))),
            (true, "users/anna", None),
            (true, "users", None),
        ] {
            let users = users.clone();
            let gate = Gates { users, has_hosts };
            let found = gate.on(path.as_bytes());
            let text = |bytes| str::from_utf8(bytes).unwrap();
            let found =
                found.map(|(directory, name, rest)| (text(directory), text(name), text(rest)));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn a_users_path_is_in_its_directory() {
        let users: UserDirs = "home/users/".parse().unwrap();
        for (path, expected) in [
            ("~anna", Some(("home/users/anna", ""))),
            ("~anna/x/y", Some(("home/users/anna", "/x/y"))),
            ("~a~b/x", Some(("home/users/a~b", "/x"))),
            ("~", None),
            ("~/x", None),
            ("~.ssh/x", None),
            ("~../x", None),
            ("x/~anna", None),
            ("", None),
        ] {
            let mapped = users.map(path.as_bytes());
            let expected =
                expected.map(|(directory, rest)| (directory.as_bytes().to_vec(), rest.as_bytes()));
            assert_eq!(mapped, expected, "{path}");
        }
        for text in [
            "",
            "/",
            "/home",
            "..",
            "a/../b",
            "a//b",
            ".users",
            "~/public_html",
            "a\0",
        ] {
            assert_eq!(text.parse::<UserDirs>(), Err(UserDirsError), "{text:?}");
        }
    }
}
