//! What a server is told about its document root.

/// How the document root is used; by default it is one site, as it lies there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SiteOptions {
    /// The document root holds a directory for each host, named as the host is.
    pub hosts: Option<HostOptions>,
}

/// How hosts that have directories are told apart.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostOptions {
    /// The host, by the name of its directory, that stands in for those that have none.
    pub default: Option<String>,
}
