//! Virtual hosts: the directories of the document root, each the site of the host it is named
//! after.
//!
//! A request's host is looked up in a list of what is there, in memory; so a host that has no
//! directory costs no look at the disk, and no client can make the server look for names of its
//! own making. The list is read again when the root directory has changed, which is looked at
//! once a second by each worker.
//!
//! A directory is a host's if its name is one that [`host_name`] gives: in lower case, without a
//! dot at its beginning. Links count where they lead to a directory within the root, so
//! `192.0.2.7 -> www.example` serves the address as the name. `errors` is none: error pages are
//! there.

use std::collections::HashSet;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use http::host_name;
use rustix::fs::{Dir, FileType, OFlags};
use rustix::io::Errno;

use super::root::{Patience, READ, Root};
use super::{HostOptions, Stamp};
use crate::clock;

/// More hosts than one machine has; their names take some megabytes.
const HOSTS_MAX: usize = 65_536;

/// A directory that is no host's.
const ERRORS: &str = "errors";

/// The hosts of a document root.
#[derive(Debug)]
pub(super) struct Hosts {
    default: Option<Arc<str>>,
    /// What was read last, by whichever worker.
    kept: Mutex<Arc<HostList>>,
}

/// The hosts there were when the root directory was read.
#[derive(Debug)]
pub(crate) struct HostList {
    /// The directory's, before it was read.
    stamp: Stamp,
    second: u64,
    names: HashSet<Arc<str>>,
    default: Option<Arc<str>>,
}

impl Hosts {
    /// Reads the hosts of `root`.
    pub(super) fn open(root: &Root, options: &HostOptions) -> Result<Self, Errno> {
        let default: Option<Arc<str>> = options.default.as_deref().map(Arc::from);
        let list = HostList::read(root, default.clone())?;
        Ok(Self {
            default,
            kept: Mutex::new(Arc::new(list)),
        })
    }

    /// The hosts of `root`, read again if they may have changed.
    pub(super) fn read(&self, root: &Root) -> Result<Arc<HostList>, Errno> {
        // Held while the directory is read, so that one worker does it for all.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.is_current(root, clock::unix()) {
            *kept = Arc::new(HostList::read(root, self.default.clone())?);
        }
        Ok(Arc::clone(&kept))
    }

    /// Whether a host shall stand in for others.
    pub(super) const fn default_is_wanted(&self) -> bool {
        self.default.is_some()
    }

    /// What was read last.
    pub(super) fn last(&self) -> Arc<HostList> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&kept)
    }
}

impl HostList {
    fn read(root: &Root, default: Option<Arc<str>>) -> Result<Self, Errno> {
        let directory = root.open_beneath(b"", READ | OFlags::DIRECTORY, Patience::Waiting)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&directory)?);
        let second = clock::unix();
        let names = read_names(root, &directory)?;
        let list = Self {
            stamp,
            second,
            names,
            default: None,
        };
        let default = default.filter(|name| list.names.contains(name));
        Ok(Self { default, ..list })
    }

    /// Whether it still is what `root` holds `now`, as far as a look that waits for nothing can
    /// tell. A directory that had just been changed may have been changed once more with the same
    /// times.
    pub(super) fn is_current(&self, root: &Root, now: u64) -> bool {
        let stamp = root.status().map(|status| Stamp::of(&status));
        let is_settled = now == self.second || !self.stamp.is_fresh(self.second);
        is_settled && stamp == Ok(self.stamp)
    }

    /// The host that is served to who asks for `host`, or, asking for none, has connected to the
    /// address `local`.
    pub(crate) fn find(&self, host: Option<&[u8]>, local: Option<IpAddr>) -> Option<Arc<str>> {
        let found = match host {
            Some(host) => host_name(host).and_then(|name| self.names.get(&*name)),
            None => local.and_then(|address| {
                let name = address.to_canonical().to_string();
                self.names.get(&*name)
            }),
        };
        found.or(self.default.as_ref()).cloned()
    }

    /// Whether the host that stands in for others has a directory.
    pub(super) const fn has_default(&self) -> bool {
        self.default.is_some()
    }
}

fn read_names(root: &Root, directory: &OwnedFd) -> Result<HashSet<Arc<str>>, Errno> {
    let mut names = HashSet::new();
    for item in Dir::read_from(directory)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        let Some(name) = name_of_directory(name) else {
            continue;
        };
        let is_directory = match item.file_type() {
            FileType::Directory => true,
            FileType::Symlink | FileType::Unknown => {
                let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let found = root.open_beneath(name.as_bytes(), look, Patience::Waiting);
                found.is_ok()
            }
            _ => false,
        };
        if !is_directory {
            continue;
        }
        if names.len() == HOSTS_MAX {
            tracing::warn!(
                "the document root has more than {HOSTS_MAX} directories; the hosts of the others \
                 are not served"
            );
            break;
        }
        names.insert(Arc::from(name));
    }
    Ok(names)
}

/// The host whose directory is called `name`.
fn name_of_directory(name: &[u8]) -> Option<&str> {
    let name = str::from_utf8(name).ok()?;
    if name == ERRORS {
        return None;
    }
    // An IPv6 address stands in brackets where a port could follow.
    let is_address = name.contains(':') && name.parse::<IpAddr>().is_ok();
    let bracketed = is_address.then(|| format!("[{name}]"));
    let host = bracketed.as_deref().unwrap_or(name);
    (host_name(host.as_bytes())? == name).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::site::Links;

    fn found(list: &HostList, host: &str) -> String {
        let found = list.find(Some(host.as_bytes()), None);
        found.as_deref().unwrap_or("-").to_owned()
    }

    #[test]
    fn a_directory_is_a_host_if_its_name_is_one() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        for name in [
            "www.example",
            "::1",
            "127.0.0.1",
            "Upper",
            ".hidden",
            "errors",
            "a b",
        ] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("file.example"), "").unwrap();
        symlink("www.example", root.join("alias.example")).unwrap();
        symlink("nowhere", root.join("dangling.example")).unwrap();
        symlink("..", root.join("out.example")).unwrap();
        let root = Root::open(&root, Links::Within, None).unwrap();

        let hosts = Hosts::open(&root, &HostOptions::default()).unwrap();

        let list = hosts.last();
        for (host, expected) in [
            ("www.example", "www.example"),
            ("WWW.EXAMPLE.:80", "www.example"),
            ("alias.example", "alias.example"),
            ("[::1]:80", "::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("upper", "-"),
            ("Upper", "-"),
            (".hidden", "-"),
            ("errors", "-"),
            ("a b", "-"),
            ("file.example", "-"),
            ("dangling.example", "-"),
            ("out.example", "-"),
            ("..", "-"),
            (".", "-"),
            ("", "-"),
        ] {
            assert_eq!(found(&list, host), expected, "{host}");
        }
        let mapped = "::ffff:127.0.0.1".parse().ok();
        assert_eq!(list.find(None, mapped).as_deref(), Some("127.0.0.1"));
        assert_eq!(list.find(None, "::1".parse().ok()).as_deref(), Some("::1"));
        assert_eq!(list.find(None, None), None);
    }

    #[test]
    fn the_list_follows_the_directory_and_the_default_stands_in() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path(), Links::Within, None).unwrap();
        let options = HostOptions {
            default: Some("main".into()),
        };
        let hosts = Hosts::open(&root, &options).unwrap();
        assert_eq!(found(&hosts.last(), "a"), "-");
        assert!(!hosts.last().has_default());

        fs::create_dir(place.path().join("main")).unwrap();
        let list = hosts.read(&root).unwrap();
        assert_eq!(found(&list, "a"), "main");
        assert_eq!(list.find(None, None).as_deref(), Some("main"));

        fs::create_dir(place.path().join("a")).unwrap();
        assert!(!list.is_current(&root, list.second));
        assert_eq!(found(&hosts.read(&root).unwrap(), "a"), "a");
    }
}
