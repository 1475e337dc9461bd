//! What a server is told about its document root.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::UserDirs;
use super::users::Gates;

/// How the document root is used; by default it is one site, as it lies there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SiteOptions {
    /// The document root holds a directory for each host, named as the host is.
    pub hosts: Option<HostOptions>,
    /// Which password files guard what is in it.
    pub passwords: PasswordScope,
    /// The files that a directory stands for, the first that it has.
    pub index: Vec<IndexName>,
    /// Which files are not served, readable though they are.
    pub permissions: Permissions,
    /// Where symbolic links may lead.
    pub links: Links,
    /// Whether `errors/err404.html` and the like are the pages for errors.
    pub error_pages: bool,
    /// Where `/~user/` leads; it is a directory of that name, if nowhere.
    pub users: Option<UserDirs>,
}

/// The name of an index file: one component of a path, and not hidden.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexName(Box<[u8]>);

/// The text is no [`IndexName`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("give the name of a file, without a slash and without a dot at its beginning")]
pub struct IndexNameError;

/// What the permissions of a file, or of a directory to be listed, must be; by default it is
/// enough that the server can read it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Permissions {
    /// All users of the machine can read it.
    pub world_readable: bool,
    /// It is no program, as far as its permissions say: not all users can execute it.
    pub not_executable: bool,
}

/// Where symbolic links may lead.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Links {
    /// Nowhere but in the document root.
    #[default]
    Within,
    /// Anywhere.
    Anywhere,
}

impl SiteOptions {
    /// Where it reads besides the document root: a password file may be replaced by another in its
    /// directory, and links lead anywhere, if they may, or to the homes of users.
    pub(crate) fn reads_elsewhere(&self, root: &Path) -> Vec<PathBuf> {
        let gates = self.gates().map(|gates| gates.lead_to(root));
        let mut places = gates.unwrap_or_default();
        if let PasswordScope::File(path) = &self.passwords {
            let above = path.parent().filter(|above| *above != Path::new(""));
            places.push(above.unwrap_or_else(|| Path::new(".")).to_owned());
        }
        if self.links == Links::Anywhere {
            places.push("/".into());
        }
        places
    }

    pub(super) fn gates(&self) -> Option<Gates> {
        Some(Gates {
            users: self.users.clone()?,
            has_hosts: self.hosts.is_some(),
        })
    }
}

impl IndexName {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for IndexName {
    type Err = IndexNameError;

    fn from_str(text: &str) -> Result<Self, IndexNameError> {
        if text.is_empty() || text.starts_with('.') || text.contains(['/', '\0']) {
            return Err(IndexNameError);
        }
        Ok(Self(text.as_bytes().into()))
    }
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            hosts: None,
            passwords: PasswordScope::default(),
            index: vec![IndexName(INDEX.into())],
            permissions: Permissions::default(),
            links: Links::default(),
            error_pages: true,
            users: None,
        }
    }
}

/// What a directory stands for, when nothing else is said.
const INDEX: &[u8] = b"index.html";

/// Which password file is asked about a path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum PasswordScope {
    /// None: all may see everything.
    Nobody,
    /// `.htpasswd` of its directory, or of the nearest one above that has one.
    #[default]
    Nearest,
    /// That of the document root, or of the host's directory, if there is one; else the nearest.
    Topmost,
    /// This one, and no other.
    File(PathBuf),
}

/// How hosts that have directories are told apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostOptions {
    /// The host, by the name of its directory, that stands in for those that have none.
    pub default: Option<String>,
}
