//! The logs of a server: which exchanges each of them wants, and a worker's rings for them.
//!
//! ```text
//! Record -> which logs want it (selection) -> each log's own ring -> its publisher or writer
//!                                              or that of the host's bucket
//! ```
//!
//! A server with one log that wants everything pays for nothing here. With several, each line is
//! formatted once for each log that wants it, straight into that log's ring: what one log's lines
//! wait for is nothing to the others.
//!
//! Where the lines go from the rings is not known here: that is `logging/`.

mod host;
mod selection;

use std::num::NonZeroU8;

use http::Target;
use spread_logger::bucket::bucket;
use spread_logger::{Drain, Format, HOST_LEN_MAX, Log, Needs, Record, RingOptions, ring};

pub use self::host::{ServerNameError, ServerNames};
pub use self::selection::{ListError, Methods, Selection, Statuses};

/// 64: outputs of all logs together. Each is a ring in every worker, and a session with a daemon or
/// a thread.
pub const OUTPUTS_MAX: usize = 64;

/// A log: of which exchanges, as which lines.
#[derive(Clone, Debug)]
pub struct LogRule {
    /// The exchanges.
    pub selection: Selection,
    /// The layout of a line.
    pub format: Format,
    /// What becomes of virtual hosts.
    pub hosts: VirtualHosts,
}

/// How a log keeps virtual hosts apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum VirtualHosts {
    /// It does not.
    #[default]
    Together,
    /// The host stands in front of each line, with one space behind it, as `VhostDir` of spreadlogd
    /// reads it.
    Prefixed,
    /// The lines of each host go to one of so many outputs, by [`bucket`].
    Buckets(NonZeroU8),
}

impl LogRule {
    /// All exchanges.
    #[must_use]
    pub fn all(format: Format) -> Self {
        Self {
            selection: Selection::default(),
            format,
            hosts: VirtualHosts::Together,
        }
    }

    /// What comes on top of a format's own limit of a line.
    const fn prefix_len(&self) -> usize {
        match self.hosts {
            VirtualHosts::Prefixed => HOST_LEN_MAX + 1,
            VirtualHosts::Together | VirtualHosts::Buckets(_) => 0,
        }
    }

    /// The least that the limit of its lines can be.
    #[must_use]
    pub fn line_len_min(&self) -> usize {
        self.prefix_len() + self.format.line_len_min()
    }

    /// How many rings each worker has for it.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self.hosts {
            VirtualHosts::Together | VirtualHosts::Prefixed => 1,
            VirtualHosts::Buckets(buckets) => buckets.get().into(),
        }
    }

    /// What it has to know beyond a bare record.
    pub(crate) fn needs(&self) -> Needs {
        let is_about_hosts = self.hosts != VirtualHosts::Together || self.selection.host.is_some();
        self.format.needs().or(Needs {
            details: is_about_hosts,
            host: is_about_hosts,
            ..Needs::NOTHING
        })
    }
}

/// A worker's end of all logs.
#[derive(Debug)]
pub(crate) enum Logs {
    /// One that wants everything.
    One(Log),
    /// Any others.
    Several(Vec<Selected>),
}

/// A worker's end of a log that does not want everything, or is not alone.
#[derive(Debug)]
pub(crate) struct Selected {
    selection: Selection,
    hosts: VirtualHosts,
    /// One, or one for each bucket.
    logs: Vec<Log>,
}

impl Logs {
    /// A worker's rings for `rules`, and their other ends: one for each output, in the order of the
    /// rules. The `bytes` are shared out among them.
    pub(crate) fn new(rules: &[LogRule], bytes: usize, line_len_max: usize) -> (Self, Vec<Drain>) {
        let outputs: usize = rules.iter().map(LogRule::outputs).sum();
        let mut drains = Vec::with_capacity(outputs);
        let mut several = Vec::with_capacity(rules.len());
        for rule in rules {
            let options = RingOptions {
                bytes: bytes / outputs.max(1),
                format: rule.format.clone(),
                line_len_max: line_len_max.saturating_sub(rule.prefix_len()),
            };
            let (logs, ends): (_, Vec<_>) = (0..rule.outputs()).map(|_| ring(&options)).unzip();
            drains.extend(ends);
            several.push(Selected {
                selection: rule.selection.clone(),
                hosts: rule.hosts,
                logs,
            });
        }
        (Self::of(several), drains)
    }

    fn of(mut several: Vec<Selected>) -> Self {
        let is_one = match &*several {
            [one] => one.selection.is_all() && one.hosts == VirtualHosts::Together,
            _ => false,
        };
        let only = several.first_mut().filter(|_| is_one);
        match only.and_then(|one| one.logs.pop()) {
            Some(log) => Self::One(log),
            None => Self::Several(several),
        }
    }

    /// Hands the line of `record` to every log that wants it.
    #[inline]
    pub(crate) fn log(&mut self, record: &Record<'_>) {
        match self {
            Self::One(log) => log.log(record),
            Self::Several(logs) => several(logs, record),
        }
    }
}

/// Apart, so that a server with one log has no more in its way than a branch.
#[inline(never)]
fn several(logs: &mut [Selected], record: &Record<'_>) {
    let mut exchange = Exchange::of(record);
    for selected in logs {
        if !selected.selection.wants(&mut exchange) {
            continue;
        }
        let number = match selected.hosts {
            VirtualHosts::Buckets(buckets) => bucket(exchange.host, buckets),
            VirtualHosts::Together | VirtualHosts::Prefixed => 0,
        };
        let Some(log) = selected.logs.get_mut(number) else {
            continue;
        };
        if selected.hosts == VirtualHosts::Prefixed {
            log.log_of_host(exchange.host, record);
        } else {
            log.log(record);
        }
    }
}

/// What selections ask about an exchange.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    record: &'a Record<'a>,
    /// The virtual host, by its own name.
    host: &'a [u8],
    /// The target, once somebody has asked; `None` in it where there is none that is clean.
    target: Option<Option<Target<'a>>>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn of(record: &'a Record<'a>) -> Self {
        let host = record.details.and_then(|details| details.host);
        Self {
            record,
            host: host.unwrap_or_default(),
            target: None,
        }
    }

    /// The path as rules match it; a request that was refused for its target has none.
    fn path(&mut self) -> Option<&[u8]> {
        let path = self.record.path();
        let parse = || Target::parse(path?).ok();
        let target = self.target.get_or_insert_with(parse);
        target.as_ref().map(Target::rule_path)
    }
}

#[cfg(test)]
mod tests;
