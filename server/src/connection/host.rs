//! Which host's files a request is for, where hosts have directories of their own.

use std::sync::Arc;

use http::Request;

use super::Connection;
use super::respond::{Found, Look};
use crate::clock;
use crate::site::HostList;
use crate::worker::State;

/// The hosts as a worker knows them.
#[derive(Debug)]
pub(crate) struct KnownHosts {
    list: Arc<HostList>,
    /// When the document root was last looked at, in seconds since 1970.
    checked: u64,
}

impl From<Arc<HostList>> for KnownHosts {
    fn from(list: Arc<HostList>) -> Self {
        let checked = 0;
        Self { list, checked }
    }
}

impl Connection {
    /// The host that `request` is served by: the name of its directory, which is what log lines
    /// have as the host too. `None` if there is none, or the document root is one site.
    #[inline]
    pub(super) fn host(&self, state: &State, request: &Request<'_>) -> Option<Arc<str>> {
        let list = &state.hosts.as_ref()?.list;
        // thttpd: who names no host gets that of the address it has connected to.
        let local = match request.host {
            Some(_) => None,
            None => self.stream.local_ip(),
        };
        list.find(request.host, local)
    }

    /// Sees to it that the hosts which the worker knows are those that are there; what has to be
    /// looked up for that, if it would have to be waited for.
    #[inline]
    pub(super) fn refresh_hosts(&mut self, state: &mut State) -> Option<Look> {
        let known = state.hosts.as_mut()?;
        self.refresh(known)
    }

    fn refresh(&mut self, known: &mut KnownHosts) -> Option<Look> {
        if matches!(self.found.as_deref(), Some(Found::Hosts(_))) {
            let found = self.found.take().map(|found| *found);
            if let Some(Found::Hosts(Some(list))) = found {
                known.list = list;
            }
            // Old or not: this is what there is for this second.
            known.checked = clock::unix();
            return None;
        }
        let now = clock::unix();
        // What has been found for this request is answered first.
        if known.checked != now && self.found.is_none() {
            if !self.worker.site.are_hosts(&known.list, now) {
                return Some(Look::Hosts);
            }
            known.checked = now;
        }
        None
    }
}
