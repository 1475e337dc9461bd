//! Which Logs a message is for, by the groups in its address.
//!
//! All Logs of a group apply, and a message to several groups is for the Logs of each, for each
//! once. The original went by the first group alone, and died of a message whose
//! first group it did not know (config.c: config_get_lf).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use spread::{GroupName, Name};

use crate::counters::GroupCounters;

/// The routes of one Spread block.
#[derive(Debug)]
pub(crate) struct Router {
    routes: HashMap<Name, Route>,
    /// For groups that no Log names.
    default: Option<Default>,
}

/// What is done with groups that no Log names.
#[derive(Debug)]
struct Default {
    counters: Arc<GroupCounters>,
    logs: Arc<[usize]>,
    /// How many there are.
    announced: usize,
}

/// Where the messages of a group go.
#[derive(Debug)]
struct Route {
    group: GroupName,
    counters: Arc<GroupCounters>,
    /// Indices of the Logs, each once.
    logs: Arc<[usize]>,
}

impl Router {
    /// From the groups of a Spread block, each with its Logs.
    pub(crate) fn new(groups: impl IntoIterator<Item = (Arc<GroupCounters>, Vec<usize>)>) -> Self {
        let routes = groups.into_iter().map(|(counters, logs)| {
            let name = Name::from(counters.group);
            let route = Route {
                group: counters.group,
                counters,
                logs: logs.into(),
            };
            (name, route)
        });
        Self {
            routes: routes.collect(),
            default: None,
        }
    }

    /// Messages to groups that are announced are for this Log, and counted together.
    pub(crate) fn set_default(&mut self, counters: Arc<GroupCounters>, log: usize) {
        self.default = Some(Default {
            counters,
            logs: Arc::new([log]),
            announced: 0,
        });
    }

    /// Whether groups that no Log names are wanted.
    pub(crate) const fn has_default(&self) -> bool {
        self.default.is_some()
    }

    /// A publisher tells of a group; whether that is a new one and wanted.
    pub(crate) fn announce(&mut self, group: GroupName) -> bool {
        let name = Name::from(group);
        let Some(default) = &mut self.default else {
            return false;
        };
        if default.announced >= ANNOUNCED_MAX || self.routes.contains_key(&name) {
            return false;
        }
        default.announced += 1;
        let route = Route {
            group,
            counters: Arc::clone(&default.counters),
            logs: Arc::clone(&default.logs),
        };
        self.routes.insert(name, route);
        true
    }

    /// The groups to join.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupName> {
        self.routes.values().map(|route| route.group)
    }

    /// The Logs of messages to `group`; `None` if no Log asks for them.
    pub(crate) fn logs(&self, group: Name) -> Option<Arc<[usize]>> {
        let route = self.routes.get(&group)?;
        Some(Arc::clone(&route.logs))
    }

    /// The first group of an address that some Log asks for.
    pub(crate) fn first(&self, groups: &[Name]) -> Option<GroupName> {
        let route = groups.iter().find_map(|group| self.routes.get(group))?;
        Some(route.group)
    }

    /// The Logs of a message to `groups`, which each of them counts once, however often it is
    /// named; `None` if no Log asks for it.
    pub(crate) fn route(
        &self,
        groups: &[Name],
        (lines, bytes): (u64, usize),
        is_numbered: bool,
    ) -> Option<Arc<[usize]>> {
        let mut found: Option<Arc<[usize]>> = None;
        for (at, group) in groups.iter().enumerate() {
            let Some(route) = self.routes.get(group) else {
                continue;
            };
            if groups.iter().take(at).any(|before| before == group) {
                continue;
            }
            let counters = &route.counters;
            counters.messages.add(1);
            counters.numbered.add(u64::from(is_numbered));
            counters.lines.add(lines);
            counters.bytes.add(bytes as u64);
            found = Some(match found {
                None => Arc::clone(&route.logs),
                Some(logs) => union(&logs, &route.logs),
            });
        }
        found
    }
}

impl fmt::Display for Router {
    /// The groups, the first few by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<GroupName> = self.groups().collect();
        names.sort_unstable();
        for (n, name) in names.iter().take(NAMED_MAX).enumerate() {
            let separator = if n == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        match names.len() {
            0 if self.has_default() => f.write_str("what is announced"),
            0 => f.write_str("no group"),
            len if len > NAMED_MAX => write!(f, " and {} more", len - NAMED_MAX),
            _ => Ok(()),
        }
    }
}

/// 1,000 groups that nobody has named: each is two joins, a file and its place in the ledger, and
/// whoever reaches a daemon can announce more.
const ANNOUNCED_MAX: usize = 1_000;

/// Groups named in a line for the operator; more would hide the rest of it.
const NAMED_MAX: usize = 8;

fn union(a: &[usize], b: &[usize]) -> Arc<[usize]> {
    let more = b.iter().filter(|log| !a.contains(log));
    a.iter().chain(more).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Arc<GroupCounters> {
        Arc::new(GroupCounters::new(GroupName::new(name).unwrap()))
    }

    fn name(text: &str) -> Name {
        let mut field = [0; Name::FIELD_LEN];
        field[..text.len()].copy_from_slice(text.as_bytes());
        Name::from_field(&field)
    }

    /// The original's bugs 1: both ended it.
    #[test]
    fn a_message_goes_where_any_of_its_groups_leads() {
        const CASES: &[(&[&str], Option<&[usize]>)] = &[
            (&["a"], Some(&[0, 1])),
            (&["a", "+17"], Some(&[0, 1])),
            (&["zzz-other", "b"], Some(&[1, 2])),
            (&["a", "b"], Some(&[0, 1, 2])),
            (&["b", "a", "b"], Some(&[1, 2, 0])),
            (&["#name#daemon"], None),
            (&["other"], None),
            (&[], None),
        ];
        let router = Router::new([(group("a"), vec![0, 1]), (group("b"), vec![1, 2])]);
        for (groups, expected) in CASES {
            let names: Vec<Name> = groups.iter().map(|group| name(group)).collect();

            let logs = router.route(&names, (1, 2), false);

            assert_eq!(logs.as_deref(), *expected, "{groups:?}");
        }
    }

    #[test]
    fn every_group_of_a_message_counts_it() {
        let (a, b) = (group("a"), group("b"));
        let router = Router::new([(Arc::clone(&a), vec![0]), (Arc::clone(&b), vec![0])]);

        router.route(&[name("a"), name("b")], (2, 3), false);
        router.route(&[name("b"), name("+1"), name("b")], (2, 3), true);

        let counts = |group: &GroupCounters| {
            [&group.messages, &group.numbered, &group.lines, &group.bytes].map(|count| count.now())
        };
        assert_eq!(counts(&a), [1, 0, 2, 3]);
        assert_eq!(counts(&b), [2, 1, 4, 6]);
    }
}
