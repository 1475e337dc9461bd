//! What a request is for: its target, and where in the document root that is.
//!
//! Mostly both are the same path. Where hosts have directories of their own, the place begins with
//! the host's, and `/~user/` may be a place of its own; what rules and redirects are about stays
//! the target.

use std::borrow::Cow;

use http::Target;

use crate::site::{Place, UserDirs};

/// A target and its place.
#[derive(Clone, Debug)]
pub(super) struct Goal<'a> {
    target: &'a Target<'a>,
    path: Cow<'a, [u8]>,
    /// What the cache knows it by, if not by its path: a user's file has two targets, and for
    /// each the rules may say something else.
    key: Option<Vec<u8>>,
    host_len: usize,
    hidden_len: usize,
}

impl<'a> Goal<'a> {
    /// What `target` is at `host`, which has a directory of its own if it is one, where users have
    /// directories in `users`.
    #[inline]
    pub(super) fn of(target: &'a Target<'a>, host: Option<&str>, users: Option<&UserDirs>) -> Self {
        if host.is_some() || users.is_some() {
            return Self::elsewhere(target, host, users);
        }
        Self {
            target,
            path: target.path().into(),
            key: None,
            host_len: 0,
            hidden_len: 0,
        }
    }

    /// The same, where its place may be another than its path.
    fn elsewhere(target: &'a Target<'a>, host: Option<&str>, users: Option<&UserDirs>) -> Self {
        let asked = target.path();
        let host_len = host.map_or(0, str::len);
        if let Some((directory, rest)) = users.and_then(|users| users.map(asked)) {
            let within = joined(host, &directory);
            return Self {
                target,
                host_len,
                hidden_len: within.len(),
                path: [&within[..], rest].concat().into(),
                key: Some(joined(host, asked)),
            };
        }
        let path: Cow<'_, [u8]> = match host {
            None => asked.into(),
            Some(_) => joined(host, asked).into(),
        };
        Self {
            target,
            host_len,
            hidden_len: path.len() - asked.len(),
            path,
            key: None,
        }
    }

    /// What the cache knows it by.
    pub(super) fn key(&self) -> &[u8] {
        self.key.as_deref().unwrap_or(&self.path)
    }

    /// Where it is beneath the document root.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            path: &self.path,
            shown: self.target.path(),
            host_len: self.host_len,
            hidden_len: self.hidden_len,
            is_directory: self.is_directory(),
        }
    }

    pub(super) const fn is_directory(&self) -> bool {
        self.target.is_directory()
    }

    /// The target as the request has it.
    pub(super) const fn target(&self) -> &'a Target<'a> {
        self.target
    }
}

/// `path` in the directory of `host`, if it has one.
fn joined(host: Option<&str>, path: &[u8]) -> Vec<u8> {
    match host {
        None => path.to_vec(),
        Some(host) if path.is_empty() => host.as_bytes().to_vec(),
        Some(host) => [host.as_bytes(), b"/", path].concat(),
    }
}
