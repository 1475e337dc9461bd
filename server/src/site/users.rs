//! `/~user/`: directories of users, all in one of the document root (thttpd's `TILDE_MAP_1`).
//!
//! Home directories (`TILDE_MAP_2`) are outside of it; who wants those puts links to them there and
//! says that links may lead out. So there is one gate, and a user who was not given a link has
//! nothing served.

use std::str::FromStr;

/// The directory that has one for each user: a clean path beneath the document root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserDirs(Box<[u8]>);

/// The text is no [`UserDirs`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "give a directory of the document root by its path in it, such as users, none of whose names \
     begins with a dot or ~ (for home directories, put links to them there, with \
     --no-symlink-check)"
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
