//! The logs' side of the program: who empties the workers' rings, and where the lines go.
//!
//! ```text
//! workers' rings -> publishers -> a Spread daemon
//!                              -> the hub and the spreadlogd in this process (embedded.rs)
//!                -> writers    -> files, standard output, syslog of this machine
//! diagnostics    -> a ring     -> the publisher of --error-group
//! ```
//!
//! Which lines a ring holds is decided in `logs/`. It ends in the order in which lines travel.

mod error;
mod place;
mod publishing;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spread::{Addresses, GroupName};
use spread_logger::diagnostics::{Forwarding, Outlet};
use spread_logger::{
    Counters, Drain, LocalCounters, LocalPlace, LocalWriter, Publisher, PublisherOptions, line_ring,
};

pub use self::error::LogError;
pub use self::place::PlaceError;
pub(crate) use self::place::check_outside;
use self::publishing::Publishing;
use self::writing::Writing;
use crate::cli::{LogDestination, LogSettings, SpreadSettings};
use crate::embedded::{Embedded, Report};
use crate::logs::LogRule;
use crate::server::Server;
use crate::statistics::Logged;

/// The logs of a program at work.
#[derive(Debug)]
pub(crate) struct Logging {
    outputs: Arc<[Output]>,
    publishing: Option<Publishing>,
    writing: Vec<Writing>,
    forwarding: Forwarding,
    embedded: Option<Embedded>,
}

/// One way that lines go.
#[derive(Debug)]
pub(crate) struct Output {
    /// The group, the file, or what else it is, if there are or may be others; no two have the
    /// same.
    pub(crate) name: Option<String>,
    /// Where the lines are sent or written, in words.
    pub(crate) destination: String,
    /// The file that this process writes a group to.
    pub(crate) file: Option<PathBuf>,
    pub(crate) counters: OutputCounters,
}

/// Its books.
#[derive(Debug)]
pub(crate) enum OutputCounters {
    Spread(Arc<Counters>),
    Local(Arc<LocalCounters>),
}

impl Logging {
    /// Starts what the settings ask for, and has `server`, which serves `root`, log to it; what the
    /// program says itself goes there by `forwarding`, if that is asked for.
    pub(crate) async fn start(
        server: &mut Server,
        mut settings: LogSettings,
        root: &Path,
        (shown_on, forwarding): (Option<Outlet>, Forwarding),
    ) -> Result<Self, LogError> {
        check_places(&settings, root)?;
        let drains = rings(server, &settings)?;
        let files = settings.files();
        let mut embedded = None;
        if let Some(spread) = &mut settings.spread
            && let Some(options) = &spread.embedded
        {
            let started = Embedded::start(options, &files, root, shown_on).await?;
            spread.publisher.addresses = started.address().clone().into();
            embedded = Some(started);
        }
        let mut parts = Parts::new(&settings, drains)?;
        if let Some(spread) = &settings.spread
            && let Some(group) = spread.error_group
        {
            let (log, drain) = line_ring(0);
            parts.publish(spread, group, vec![drain])?;
            forwarding.start("rthttpd", log);
        }
        let publishing = match &settings.spread {
            Some(spread) => Some(Publishing::start(parts.publishers, spread.realtime)?),
            None => None,
        };
        let writers = parts.writers.into_iter();
        let writing =
            writers.map(|(place, writer)| Writing::start(&place, writer, settings.stop_timeout));
        Ok(Self {
            outputs: parts.outputs.into(),
            publishing,
            writing: writing.collect::<Result<_, _>>()?,
            forwarding,
            embedded,
        })
    }

    /// Looks whether it could be started so, and starts nothing.
    pub(crate) fn check(settings: &LogSettings, root: &Path) -> Result<(), LogError> {
        check_places(settings, root)?;
        if let Some(spread) = &settings.spread {
            for (group, _) in settings.files() {
                Publisher::new(spread.of_group(group), Vec::new())?;
            }
        }
        Ok(())
    }

    /// All ways that lines go.
    pub(crate) const fn outputs(&self) -> &Arc<[Output]> {
        &self.outputs
    }

    /// What became of the lines of all logs together.
    pub(crate) fn logged(&self) -> Logged {
        let each = self.outputs.iter().map(Output::logged);
        each.fold(Logged::default(), |all, one| Logged {
            lines: all.lines + one.lines,
            lost: all.lost + one.lost,
        })
    }

    /// What tells how the hub and the spreadlogd in this process are.
    pub(crate) fn report(&self) -> Option<&Report> {
        self.embedded.as_ref().map(Embedded::report)
    }

    /// Opens the log files again by their names.
    pub(crate) fn reopen(&self) {
        if let Some(embedded) = &self.embedded {
            embedded.reopen();
        }
        for writing in &self.writing {
            writing.reopen();
        }
    }

    /// Sends and writes everything the server has logged. To be called when the server is gone.
    pub(crate) async fn finish(self) -> Result<(), LogError> {
        self.forwarding.stop();
        // All at once, as each has the whole of the stop timeout.
        let published = self.publishing.map(Publishing::stop);
        let written: Vec<_> = self.writing.into_iter().map(Writing::stop).collect();
        let has_ended = match published {
            Some(published) => published.await,
            None => true,
        };
        for written in written {
            written.await;
        }
        if !has_ended {
            return Err(LogError::Panicked);
        }
        for output in &*self.outputs {
            output.tell_of_losses();
        }
        if let Some(embedded) = self.embedded {
            embedded.finish().await?;
        }
        Ok(())
    }
}

impl Output {
    /// The books of its publisher, if it goes to a group.
    pub(crate) const fn publisher(&self) -> Option<&Arc<Counters>> {
        match &self.counters {
            OutputCounters::Spread(counters) => Some(counters),
            OutputCounters::Local(_) => None,
        }
    }

    fn logged(&self) -> Logged {
        let (lines, lost) = match &self.counters {
            OutputCounters::Spread(counters) => {
                let books = counters.books();
                (books.lines, books.lost.total())
            }
            OutputCounters::Local(counters) => {
                let books = counters.books();
                (books.lines, books.lost.total())
            }
        };
        Logged { lines, lost }
    }

    fn tell_of_losses(&self) {
        let Logged { lines, lost } = self.logged();
        if lost > 0 {
            let to = self.name.as_ref().map(|name| format!(" to {name}"));
            let (all, to) = (lines + lost, to.unwrap_or_default());
            tracing::warn!("{all} lines logged{to}, {lost} lost");
        }
    }
}

/// What is made before any thread is started.
struct Parts<'s> {
    settings: &'s LogSettings,
    outputs: Vec<Output>,
    publishers: Vec<Publisher>,
    writers: Vec<(LocalPlace, LocalWriter)>,
}

impl<'s> Parts<'s> {
    /// For the logs of `settings`, whose rings end in `drains`: those of each output together.
    fn new(settings: &'s LogSettings, drains: Vec<Vec<Drain>>) -> Result<Self, LogError> {
        let mut parts = Self {
            settings,
            outputs: Vec::new(),
            publishers: Vec::new(),
            writers: Vec::new(),
        };
        let mut drains = drains.into_iter();
        for log in &settings.logs {
            match (&log.destination, &settings.spread) {
                (LogDestination::Local(place), _) => {
                    parts.write(place, drains.next().unwrap_or_default())?;
                }
                (LogDestination::Groups(groups), Some(spread)) => {
                    for (group, drains) in groups.iter().zip(drains.by_ref()) {
                        parts.publish(spread, *group, drains)?;
                    }
                }
                // The flags have seen to it that there is a Spread where there is a group.
                (LogDestination::Groups(_), None) => {}
            }
        }
        Ok(parts)
    }

    fn publish(
        &mut self,
        spread: &SpreadSettings,
        group: GroupName,
        drains: Vec<Drain>,
    ) -> Result<(), LogError> {
        let options = PublisherOptions {
            tells_of_daemons: self.publishers.is_empty(),
            ..spread.of_group(group)
        };
        let addresses: &Addresses = &options.addresses;
        let destination = format!("group {group} at {addresses}");
        let publisher = Publisher::new(options, drains)?;
        let file = spread.embedded.as_ref().map(|options| {
            let file = self.settings.file_of(group);
            options.log_dir.join(file)
        });
        self.outputs.push(Output {
            name: self.settings.are_named.then(|| group.to_string()),
            destination,
            file,
            counters: OutputCounters::Spread(publisher.counters()),
        });
        self.publishers.push(publisher);
        Ok(())
    }

    fn write(&mut self, place: &LocalPlace, drains: Vec<Drain>) -> Result<(), LogError> {
        let writer = LocalWriter::open(place, drains).map_err(|source| LogError::Open {
            name: place.to_string(),
            source,
        })?;
        self.outputs.push(Output {
            name: Some(place.to_string()),
            destination: place.to_string(),
            file: None,
            counters: OutputCounters::Local(writer.counters()),
        });
        self.writers.push((place.clone(), writer));
        Ok(())
    }
}

/// Whether all log files are where nobody is served them.
fn check_places(settings: &LogSettings, root: &Path) -> Result<(), LogError> {
    for log in &settings.logs {
        if let LogDestination::Local(LocalPlace::File(path)) = &log.destination {
            check_outside(path, root).map_err(|source| LogError::Place {
                path: path.clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// The other ends of the workers' rings: those of each output together.
fn rings(server: &mut Server, settings: &LogSettings) -> Result<Vec<Vec<Drain>>, LogError> {
    let rules: Vec<_> = settings.logs.iter().map(|log| log.rule.clone()).collect();
    let outputs: usize = rules.iter().map(LogRule::outputs).sum();
    let rings = outputs * server.workers();
    // Two of the longest lines in each, as `ring` has it.
    let least = rings * 2 * settings.line_len_max;
    let bytes = match settings.ring_bytes {
        // As ever, one log takes more than it was given rather than nothing.
        Some(bytes) if bytes < least && settings.are_named => {
            return Err(LogError::Rings {
                bytes,
                rings,
                least,
            });
        }
        Some(bytes) => bytes,
        None => LogSettings::RING_BYTES.max(least),
    };
    Ok(server.log_by(&rules, bytes, settings.line_len_max))
}
