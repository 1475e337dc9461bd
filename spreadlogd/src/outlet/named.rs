//! Files that lines name: one for each virtual host, each day, or whatever the path asks for.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use spread_logger::diagnostics::Chain;
use tracing::warn;

use super::Moment;
use crate::counters::FileCounters;
use crate::sink::{Care, Shelf, Stay};
use crate::steps::{Host, OTHER, PathTemplate};

/// Which files lines name.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// `VhostDir`: the file of a host is in this directory, by its name.
    Directory(PathBuf),
    /// A path with fields in it, from a directory on.
    Template(PathTemplate, PathBuf),
}

impl Pattern {
    /// As it is called in figures.
    pub(crate) fn described(&self) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.join("*"),
            Self::Template(template, base) => base.join(OsStr::from_bytes(template.as_bytes())),
        }
    }
}

/// The files of a Log that lines name.
#[derive(Debug)]
pub(crate) struct Named {
    pattern: Pattern,
    care: Arc<Care>,
    counters: Arc<FileCounters>,
    /// The open files by host, and by group and sender where the path says so.
    known: HashMap<String, Known, foldhash::fast::RandomState>,
    /// Those of hosts by their numbers, from `first` on, where the path has nothing else in it.
    hosts: Vec<Option<Known>>,
    first: u64,
    /// Until when they are right.
    until: Option<SystemTime>,
    group: String,
    sender: String,
    key: String,
    time: SystemTime,
    /// When it was last said that a file cannot be opened.
    told: Option<Instant>,
}

/// The open file for a name.
#[derive(Clone, Copy, Debug)]
struct Known {
    index: usize,
    /// Tells it from a later one at the same index.
    number: u64,
    /// It is the file for all others: its own is tried again then.
    until: Option<Instant>,
}

impl Known {
    /// Whether it is the host's file still; then the message at hand goes there.
    fn is_good(&self, shelf: &mut Shelf, at: Moment) -> bool {
        self.until.is_none_or(|until| at.now < until) && shelf.is_open(self.index, self.number)
    }
}

impl Named {
    pub(crate) fn new(pattern: Pattern, care: Arc<Care>, counters: Arc<FileCounters>) -> Self {
        Self {
            pattern,
            care,
            counters,
            known: HashMap::default(),
            hosts: Vec::new(),
            first: 0,
            until: None,
            group: String::new(),
            sender: String::new(),
            key: String::new(),
            time: SystemTime::UNIX_EPOCH,
            told: None,
        }
    }

    /// Whether the file of a line depends on whose message it came with.
    pub(super) fn names_sender(&self) -> bool {
        matches!(&self.pattern, Pattern::Template(template, _) if template.names_sender())
    }

    /// The next lines are of this message.
    pub(crate) fn begin(&mut self, group: &str, sender: &str, at: Moment) {
        if self.until.is_some_and(|until| until <= at.time) || self.time > at.time {
            self.known.clear();
        }
        if self.time != at.time {
            self.time = at.time;
            self.until = match &self.pattern {
                Pattern::Directory(_) => None,
                Pattern::Template(template, _) => template.same_until(at.time),
            };
        }
        replace(&mut self.group, group);
        replace(&mut self.sender, sender);
    }

    /// The file for a line of this host; `None` if neither that nor the one for all others can be
    /// opened.
    pub(crate) fn file(
        &mut self,
        host: Option<Host<'_>>,
        shelf: &mut Shelf,
        at: Moment,
    ) -> Option<usize> {
        match (&self.pattern, host) {
            (Pattern::Directory(_), Some(host)) => self.file_of_host(host, shelf, at),
            (_, host) => self.file_by_name(host.map_or(OTHER, |host| host.name), shelf, at),
        }
    }

    fn file_of_host(&mut self, host: Host<'_>, shelf: &mut Shelf, at: Moment) -> Option<usize> {
        let place = host.number.checked_sub(self.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        let place = place.filter(|place| *place < KNOWN_MAX).unwrap_or_else(|| {
            self.hosts.clear();
            self.first = host.number;
            0
        });
        if self.hosts.len() <= place {
            self.hosts.resize(place + 1, None);
        }
        if let Some(Some(known)) = self.hosts.get(place)
            && known.is_good(shelf, at)
        {
            return Some(known.index);
        }
        let known = self.look_up(host.name, shelf, at)?;
        if let Some(place) = self.hosts.get_mut(place) {
            *place = Some(known);
        }
        Some(known.index)
    }

    fn file_by_name(&mut self, host: &str, shelf: &mut Shelf, at: Moment) -> Option<usize> {
        let mut name = host;
        if let Pattern::Template(template, _) = &self.pattern {
            self.key.clear();
            self.key.push_str(host);
            // No name has a space in it.
            for (is_named, name) in [
                (template.names_group(), &self.group),
                (template.names_sender(), &self.sender),
            ] {
                if is_named {
                    self.key.push(' ');
                    self.key.push_str(name);
                }
            }
            name = &self.key;
        }
        if let Some(known) = self.known.get(name)
            && known.is_good(shelf, at)
        {
            return Some(known.index);
        }
        let name = name.to_owned();
        let known = self.look_up(host, shelf, at)?;
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(name, known);
        Some(known.index)
    }

    /// The file of a host, or the one for all others.
    fn look_up(&mut self, host: &str, shelf: &mut Shelf, at: Moment) -> Option<Known> {
        let own = self.open(host, shelf, at);
        let index = match own {
            None if host != OTHER => self.open(OTHER, shelf, at)?,
            own => own?,
        };
        Some(Known {
            index,
            number: shelf.number(index)?,
            until: own.is_none().then(|| at.now + TRY_EVERY),
        })
    }

    fn open(&mut self, host: &str, shelf: &mut Shelf, at: Moment) -> Option<usize> {
        let path = match &self.pattern {
            Pattern::Directory(directory) => directory.join(host),
            Pattern::Template(template, base) => {
                let host = Some(host.as_bytes());
                base.join(template.expand(at.time, host, &self.group, &self.sender))
            }
        };
        let stay = if host == OTHER {
            Stay::Fallback
        } else {
            Stay::WhileUsed
        };
        match shelf.open(&path, (&self.counters, &self.care), stay, at.now) {
            Ok(index) => Some(index),
            Err(error) => {
                let is_due = self.told.is_none_or(|told| at.now >= told + TELL_EVERY);
                if is_due {
                    self.told = Some(at.now);
                    warn!("{}: its lines go to the file for all others", Chain(&error));
                }
                None
            }
        }
    }
}

fn replace(text: &mut String, with: &str) {
    text.clear();
    text.push_str(with);
}

/// 65,536 names are remembered, four times as many as there may be open files.
const KNOWN_MAX: usize = 65_536;

/// One of many that fail for the same reason is enough, every so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A file that cannot be opened is tried again so often: what hinders it is seldom over sooner.
const TRY_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::room::Room;
    use crate::sink::Locking;

    /// What cannot be opened goes to the file for all others, and no longer than it must.
    #[test]
    fn a_host_whose_file_can_be_opened_again_has_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let hindrance = dir.path().join("a.example");
        fs::create_dir(&hindrance).unwrap();
        let mut shelf = Shelf::new(Locking::Exclusive, Arc::new(Room::new(1 << 20)), None);
        let pattern = Pattern::Directory(dir.path().to_owned());
        let counters = Arc::new(FileCounters::new(pattern.described()));
        let mut named = Named::new(pattern, Arc::default(), counters);
        let began = Instant::now();
        let mut name_at = |after: Duration| {
            let at = Moment {
                now: began + after,
                time: SystemTime::now(),
            };
            named.begin("g", "s", at);
            let host = Host {
                name: "a.example",
                number: 7,
            };
            let index = named.file(Some(host), &mut shelf, at).unwrap();
            let path = shelf.sink(index).unwrap().path().to_owned();
            path.file_name().unwrap().to_owned()
        };

        assert_eq!(name_at(Duration::ZERO), OTHER);
        fs::remove_dir(&hindrance).unwrap();
        assert_eq!(
            name_at(TRY_EVERY / 2),
            OTHER,
            "it is not tried for each line"
        );
        assert_eq!(name_at(TRY_EVERY), "a.example");
        assert_eq!(name_at(10 * TRY_EVERY), "a.example");
    }
}
