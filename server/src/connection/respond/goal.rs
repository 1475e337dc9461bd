//! What a request is for: its target, and where in the document root that is.
//!
//! Mostly both are the same path. Where hosts have directories of their own, the place begins with
//! the host's; what rules and redirects are about stays the target.

use std::borrow::Cow;

use http::Target;

use crate::site::Place;

/// A target and its place.
#[derive(Clone, Debug)]
pub(super) struct Goal<'a> {
    target: &'a Target<'a>,
    path: Cow<'a, [u8]>,
}

impl<'a> Goal<'a> {
    /// What `target` is at `host`, which has a directory of its own if it is one.
    pub(super) fn of(target: &'a Target<'a>, host: Option<&str>) -> Self {
        let path = match host {
            None => target.path().into(),
            Some(host) if target.path().is_empty() => host.as_bytes().to_vec().into(),
            Some(host) => [host.as_bytes(), b"/", target.path()].concat().into(),
        };
        Self { target, path }
    }

    /// The path beneath the document root: what the cache knows it by.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The same, as it is looked up.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            path: &self.path,
            shown: self.target.path(),
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
