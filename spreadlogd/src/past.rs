//! The counters of the configuration before, from which those of the next go on.
//!
//! Whoever watches them sees numbers that only grow until the program starts again. What the next
//! configuration names as well goes on under that name; what it no longer names is told no more.

use std::path::Path;
use std::sync::Arc;

use spread::{Addresses, GroupName};

use crate::child::ChildCounters;
use crate::counters::{Counters, FileCounters, GroupCounters, SessionCounters};

/// Counters that nobody counts with any more, each until it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Past {
    sessions: Vec<Arc<SessionCounters>>,
    groups: Vec<Arc<GroupCounters>>,
    files: Vec<Arc<FileCounters>>,
    children: Vec<Arc<ChildCounters>>,
}

impl Past {
    /// Of `counters`, whose [`Spreadlogd`](crate::Spreadlogd) has ended.
    pub(crate) fn of(counters: &Counters) -> Self {
        Self {
            sessions: counters.sessions.clone(),
            groups: counters.groups.clone(),
            files: counters.files.clone(),
            children: counters.children.clone(),
        }
    }

    /// Of a Spread block with these daemons.
    pub(crate) fn session(&mut self, addresses: &Addresses) -> Arc<SessionCounters> {
        let session = take(&mut self.sessions, |session| {
            session.addresses == *addresses
        });
        let session = session.inspect(|session| {
            session.set_joined_at(None);
            session.set_streams(0, 0);
        });
        session.unwrap_or_else(|| Arc::new(SessionCounters::new(addresses.clone())))
    }

    /// Of a group.
    pub(crate) fn group(&mut self, name: GroupName) -> Arc<GroupCounters> {
        let group = take(&mut self.groups, |group| group.group == name);
        group.unwrap_or_else(|| Arc::new(GroupCounters::new(name)))
    }

    /// Of what a Log writes to.
    pub(crate) fn file(&mut self, path: &Path) -> Arc<FileCounters> {
        let file = take(&mut self.files, |file| file.path == path);
        let file = file.inspect(|file| file.set_failing(false));
        file.unwrap_or_else(|| Arc::new(FileCounters::new(path.to_owned())))
    }

    /// Of a command, module or interpreter.
    pub(crate) fn child(&mut self, name: &str) -> Arc<ChildCounters> {
        let child = take(&mut self.children, |child| child.name == name);
        child.unwrap_or_else(|| Arc::new(ChildCounters::new(name.to_owned())))
    }
}

/// The first such one. Several may be alike, as the counters of a command that two Logs name; the
/// order is that of the configuration.
fn take<T>(all: &mut Vec<Arc<T>>, is_it: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let index = all.iter().position(|one| is_it(one))?;
    Some(all.remove(index))
}
