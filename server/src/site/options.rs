//! What a server is told about its document root.

use std::path::PathBuf;

/// How the document root is used; by default it is one site, as it lies there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SiteOptions {
    /// The document root holds a directory for each host, named as the host is.
    pub hosts: Option<HostOptions>,
    /// Which password files guard what is in it.
    pub passwords: PasswordScope,
}

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
