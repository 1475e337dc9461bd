//! One group: its members in the order in which memberships list them.

use crate::name::Name;

use super::SessionId;

/// The members of a group, sorted by name, and how often they changed.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: Vec<(Name, SessionId)>,
    changes: i32,
}

impl Group {
    /// Adds a member; `false` when it is one already.
    pub(super) fn insert(&mut self, name: Name, session: SessionId) -> bool {
        let Err(at) = self.position(&name) else {
            return false;
        };
        self.members.insert(at, (name, session));
        self.count_change();
        true
    }

    /// Removes a member; `false` when it is none.
    pub(super) fn remove(&mut self, name: &Name) -> bool {
        let Ok(at) = self.position(name) else {
            return false;
        };
        self.members.remove(at);
        self.count_change();
        true
    }

    /// Whether nobody is left.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The sessions of all members.
    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.members.iter().map(|(_, session)| *session)
    }

    /// The names of all members, sorted bytewise, which is the order of `strcmp`.
    pub(super) fn names(&self) -> Vec<Name> {
        self.members.iter().map(|(name, _)| *name).collect()
    }

    /// How often the members have changed since the group was made: 1 with its first member.
    pub(super) fn changes(&self) -> i32 {
        self.changes
    }

    fn position(&self, name: &Name) -> Result<usize, usize> {
        self.members
            .binary_search_by(|(member, _)| member.cmp(name))
    }

    fn count_change(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }
}
