//! The flags of the log, and what they come to.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgGroup;
use spread::stream::StreamGroup;
use spread::{Address, Addresses, GroupName};
use spread_logger::realtime::Priority;
use spread_logger::{
    BUFFER_MIN, Format, LocalPlace, PublisherOptions, RingOptions, SPOOL_MIN, SpoolOptions,
};

use super::UsageError;
use super::logs::{LogDestination, LogSpec, PlannedLog};
use super::quantity::{Size, count};
use super::spread::{Destination, Order};
use crate::logs::{LogRule, OUTPUTS_MAX, ServerNames};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Log")]
#[command(group = ArgGroup::new("somewhere").args(["spread", "log"]).multiple(true))]
pub(super) struct LogArgs {
    /// Where the log goes: Spread daemons, tried in this order, or `embedded`, a hub and a
    /// spreadlogd in this process [default: nowhere]
    #[arg(long, value_name = "ADDRESSES|embedded[:PORT[@ADDRESS]]")]
    spread: Option<Destination>,

    /// A log of its own, instead of the one of everything; again for each further one. Where to:
    /// group=NAME (with --spread), file=PATH (- for standard output), syslog[=SOCKET]
    /// facility=NAME. What of it: path=PATTERN, host=PATTERN, status=5xx,404,!304, method=GET,POST.
    /// How: format=NAME or format="TEXT", vhost=prefix (the host in front of each line) or
    /// vhost=buckets:16 (groups NAME.0 to NAME.15, by host)
    #[arg(long, value_name = "'KEY=VALUE…'")]
    log: Vec<LogSpec>,

    /// What rthttpd says on standard error goes to this group too, but for what it says of the log
    #[arg(long, value_name = "NAME", requires = "spread")]
    error_group: Option<GroupName>,

    /// A name of this site, for logs that tell hosts apart; again, or with commas, for further
    /// ones. The first stands for any other [default: the name of this machine]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    server_name: Vec<String>,

    /// The group the lines are sent to, if no --log says otherwise [default: access_log]
    #[arg(long, value_name = "NAME", requires = "spread", conflicts_with = "log")]
    spread_group: Option<GroupName>,

    /// Memory for lines until a daemon has taken, and every logging host acknowledged them, shared
    /// out among the groups
    #[arg(
        long,
        value_name = "SIZE",
        default_value_t = Size(PublisherOptions::BUFFER_BYTES),
        requires = "spread"
    )]
    spread_buffer: Size,

    /// Keep messages in files here instead: they outlive the process, and the next start delivers
    /// what this one has left
    #[arg(long, value_name = "DIR", requires = "spread")]
    spool: Option<PathBuf>,

    /// Bytes of these files, shared out among the groups
    #[arg(
        long,
        value_name = "SIZE",
        default_value_t = Size(SpoolOptions::BYTES_MAX),
        requires = "spool"
    )]
    spool_max: Size,

    /// Lines in one message; 1 for readers that take a message for a line, as the original spreadlogd
    /// does for some of its directives [default: as many as fit]
    #[arg(
        long,
        value_name = "LINES",
        value_parser = count::<NonZeroU64>,
        requires = "spread"
    )]
    spread_batch: Option<NonZeroU64>,

    /// Bytes in one message; the original spreadlogd needs at most its BufferSize
    #[arg(
        long,
        value_name = "SIZE",
        default_value_t = Size(PublisherOptions::MESSAGE_BYTES),
        requires = "spread"
    )]
    spread_message_max: Size,

    /// The order in which messages are delivered
    #[arg(
        long,
        value_name = "SERVICE",
        value_enum,
        default_value_t = Order::Agreed,
        requires = "spread"
    )]
    spread_service: Order,

    /// Where the unix sockets of Spread daemons are
    #[arg(long, value_name = "DIR", default_value = "/tmp", requires = "spread")]
    spread_socket_dir: PathBuf,

    /// The layout of a line: common, combined, vhost_combined, json, logfmt, or a text of Apache's
    /// LogFormat such as '%h %>s "%r"'
    #[arg(
        long,
        value_name = "FORMAT",
        default_value_t = Format::Combined,
        requires = "somewhere"
    )]
    log_format: Format,

    /// Memory for lines on their way from the workers, shared out among these and the logs
    /// [default: 4MiB, or more where there are many]
    #[arg(long, value_name = "SIZE", requires = "somewhere")]
    log_ring: Option<Size>,

    /// Send under real-time scheduling (SCHED_FIFO), so that no other program keeps the log waiting
    /// [default priority: 10]
    #[arg(
        long,
        value_name = "PRIORITY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10",
        requires = "spread"
    )]
    realtime: Option<Priority>,

    /// Where `--spread embedded` writes the file access_log, or a file for each group of --log and
    /// --error-group [default: ./logs]
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
}

/// What is to become of the logs.
#[derive(Debug)]
pub(crate) struct LogSettings {
    pub(crate) logs: Vec<PlannedLog>,
    /// There are or may be several, which are told apart by their names.
    pub(crate) are_named: bool,
    /// Of all rings together, if the operator has said.
    pub(crate) ring_bytes: Option<usize>,
    pub(crate) line_len_max: usize,
    pub(crate) spread: Option<SpreadSettings>,
    pub(crate) stop_timeout: Duration,
}

/// What is to become of lines that go to groups.
#[derive(Debug)]
pub(crate) struct SpreadSettings {
    /// What all groups have in common: of what is shared out, each one's part. In embedded mode
    /// its address is the hub's, once there is one.
    pub(crate) publisher: PublisherOptions,
    /// Where the program's own words go.
    pub(crate) error_group: Option<GroupName>,
    /// Of the publishers' thread.
    pub(crate) realtime: Option<Priority>,
    pub(crate) embedded: Option<EmbeddedOptions>,
}

/// How the hub and the spreadlogd in this process are set up.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "embedded"),
    expect(dead_code, reason = "only told why there is none")
)]
pub(crate) struct EmbeddedOptions {
    pub(crate) port: u16,
    pub(crate) address: Option<IpAddr>,
    pub(crate) socket_dir: PathBuf,
    pub(crate) log_dir: PathBuf,
    pub(crate) stop_timeout: Duration,
}

impl LogSettings {
    /// The directories that are written to.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let files = self.local_files().map(|path| match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        });
        let mut places: Vec<_> = files.collect();
        if let Some(spread) = &self.spread {
            let spool = spread.publisher.spool.as_ref();
            places.extend(spool.map(|spool| spool.dir.clone()));
            if let Some(embedded) = &spread.embedded {
                places.extend([embedded.socket_dir.clone(), embedded.log_dir.clone()]);
            }
        }
        places
    }

    /// The files that are written by the program itself, without a spreadlogd.
    pub(crate) fn local_files(&self) -> impl Iterator<Item = &Path> {
        self.logs.iter().filter_map(|log| match &log.destination {
            LogDestination::Local(LocalPlace::File(path)) => Some(&**path),
            LogDestination::Local(_) | LogDestination::Groups(_) => None,
        })
    }

    /// Gives every file and directory the path that `seen` has for it.
    pub(crate) fn relocate(&mut self, seen: impl Fn(&Path) -> PathBuf) {
        for log in &mut self.logs {
            match &mut log.destination {
                LogDestination::Local(LocalPlace::File(path)) => *path = seen(path),
                LogDestination::Local(LocalPlace::Syslog(options)) => {
                    options.path = seen(&options.path);
                }
                LogDestination::Local(LocalPlace::Stdout) | LogDestination::Groups(_) => {}
            }
        }
        let Some(spread) = &mut self.spread else {
            return;
        };
        let publisher = &mut spread.publisher;
        publisher.socket_dir = seen(&publisher.socket_dir);
        if let Some(spool) = &mut publisher.spool {
            spool.dir = seen(&spool.dir);
        }
        if let Some(embedded) = &mut spread.embedded {
            embedded.socket_dir = seen(&embedded.socket_dir);
            embedded.log_dir = seen(&embedded.log_dir);
        }
    }

    /// The priority of the publishers' thread, if it is to have one.
    pub(crate) fn realtime(&self) -> Option<Priority> {
        self.spread.as_ref()?.realtime
    }

    /// Half a second of lines at 40,000 requests a second; the publisher comes by every 20 ms.
    pub(crate) const RING_BYTES: usize = 4 * 1024 * 1024;

    /// Whether lines go to standard output.
    pub(crate) fn is_on_stdout(&self) -> bool {
        let is_stdout =
            |log: &PlannedLog| log.destination == LogDestination::Local(LocalPlace::Stdout);
        self.logs.iter().any(is_stdout)
    }

    /// The groups that lines go to, and the file that an embedded spreadlogd writes each to.
    pub(crate) fn files(&self) -> Vec<(GroupName, String)> {
        let error_group = self.spread.as_ref().and_then(|spread| spread.error_group);
        let groups = self.logs.iter().flat_map(|log| log.destination.groups());
        let groups = groups.copied().chain(error_group);
        groups.map(|group| (group, self.file_of(group))).collect()
    }

    /// The file that an embedded spreadlogd writes a group to.
    pub(crate) fn file_of(&self, group: GroupName) -> String {
        if self.are_named {
            group.to_string()
        } else {
            FILE.to_owned()
        }
    }
}

impl SpreadSettings {
    /// What the publisher to `group` is told.
    pub(crate) fn of_group(&self, group: GroupName) -> PublisherOptions {
        PublisherOptions {
            group,
            ..self.publisher.clone()
        }
    }
}

impl LogArgs {
    /// What they come to; `stop_timeout` is for sending what is left at the end.
    ///
    /// # Errors
    ///
    /// When they contradict each other.
    pub(super) fn settings(
        &self,
        stop_timeout: Duration,
    ) -> Result<Option<LogSettings>, UsageError> {
        let is_embedded = matches!(self.spread, Some(Destination::Embedded { .. }));
        if self.log_dir.is_some() && !is_embedded {
            return Err(UsageError::LogDir);
        }
        if self.spread.is_none() && self.log.is_empty() {
            return Ok(None);
        }
        let ring = RingOptions::default();
        let mut settings = LogSettings {
            logs: self.planned(),
            are_named: !self.log.is_empty() || self.error_group.is_some(),
            ring_bytes: self.log_ring.map(|size| size.0),
            // A line longer than a message would go alone, and be dropped by readers
            // that have no room for it.
            line_len_max: ring.line_len_max.min(self.spread_message_max.0),
            spread: None,
            stop_timeout,
        };
        let outputs = settings.logs.iter().map(|log| log.rule.outputs()).sum();
        check(&settings, &self.log, self.error_group, outputs)?;
        let groups = settings
            .logs
            .iter()
            .flat_map(|log| log.destination.groups());
        let groups = groups.count() + usize::from(self.error_group.is_some());
        match &self.spread {
            Some(destination) => {
                settings.spread = Some(self.spread(destination, groups, stop_timeout)?);
            }
            None if groups > 0 => return Err(UsageError::GroupWithoutSpread),
            None => {}
        }
        if is_embedded {
            check_files(&settings.files())?;
        }
        Ok(Some(settings))
    }

    /// What the server is called.
    pub(super) fn names(&self) -> Result<ServerNames, UsageError> {
        Ok(ServerNames::new(&self.server_name)?)
    }

    /// The logs that are asked for, or the one of everything.
    fn planned(&self) -> Vec<PlannedLog> {
        if self.log.is_empty() {
            let group = self.spread_group.unwrap_or_else(group_default);
            return vec![PlannedLog {
                rule: LogRule::all(self.log_format.clone()),
                destination: LogDestination::Groups(vec![group]),
            }];
        }
        let logs = self.log.iter();
        logs.flat_map(|log| log.planned(&self.log_format)).collect()
    }

    /// What `groups` groups have in common.
    fn spread(
        &self,
        destination: &Destination,
        groups: usize,
        stop_timeout: Duration,
    ) -> Result<SpreadSettings, UsageError> {
        if groups == 0 {
            return Err(UsageError::SpreadWithoutGroup);
        }
        let (addresses, embedded) = match destination {
            Destination::Daemons(addresses) => (addresses.clone(), None),
            Destination::Embedded { port, address } => {
                let embedded = EmbeddedOptions {
                    port: *port,
                    address: *address,
                    socket_dir: self.spread_socket_dir.clone(),
                    log_dir: self.log_dir.clone().unwrap_or_else(|| LOG_DIR.into()),
                    stop_timeout,
                };
                (Addresses::from(Address::Port(*port)), Some(embedded))
            }
        };
        // Each publisher is given its own.
        let defaults = PublisherOptions::new(addresses, group_default());
        let seal_after = match embedded {
            Some(_) => EMBEDDED_SEAL_AFTER,
            None => defaults.seal_after,
        };
        let buffer = ("--spread-buffer", self.spread_buffer.0, BUFFER_MIN);
        let buffer_bytes = share(buffer, groups)?;
        let spool_bytes = match self.spool {
            Some(_) => share(("--spool-max", self.spool_max.0, SPOOL_MIN), groups)?,
            None => 0,
        };
        let publisher = PublisherOptions {
            socket_dir: self.spread_socket_dir.clone(),
            program: "rthttpd".to_owned(),
            service: self.spread_service.into(),
            message_max: self.spread_message_max.0,
            batch_lines: self.spread_batch,
            seal_after,
            buffer_bytes,
            spool: self.spool.as_ref().map(|dir| SpoolOptions {
                dir: dir.clone(),
                bytes_max: spool_bytes,
            }),
            stop_timeout,
            ..defaults
        };
        Ok(SpreadSettings {
            publisher,
            error_group: self.error_group,
            realtime: self.realtime,
            embedded,
        })
    }
}

/// What each of so many groups has of a total.
fn share(
    (flag, total, least): (&'static str, usize, usize),
    groups: usize,
) -> Result<usize, UsageError> {
    let share = total / groups.max(1);
    // Of one group the publisher says it itself.
    if groups > 1 && share < least {
        return Err(UsageError::Share {
            flag,
            total,
            groups,
            least: least * groups,
        });
    }
    // Whole KiB are easier to read where they are told of.
    Ok(if groups > 1 { share & !1023 } else { share })
}

/// Whether all logs can be, together.
fn check(
    settings: &LogSettings,
    typed: &[LogSpec],
    error_group: Option<GroupName>,
    outputs: usize,
) -> Result<(), UsageError> {
    if let Some(group) = error_group {
        StreamGroup::try_from(group)?;
    }
    let outputs = outputs + usize::from(error_group.is_some());
    if outputs > OUTPUTS_MAX {
        let logs = typed.len();
        return Err(UsageError::Outputs { logs, outputs });
    }
    let has_room = |log: &&PlannedLog| {
        let is_local = log.destination.groups().is_empty();
        is_local || log.rule.line_len_min() <= settings.line_len_max
    };
    if let Some(log) = settings.logs.iter().find(|log| !has_room(log)) {
        return Err(UsageError::Format {
            format: log.rule.format.to_string(),
            least: log.rule.line_len_min(),
            most: settings.line_len_max,
        });
    }
    let mut names: Vec<_> = settings
        .logs
        .iter()
        .flat_map(|log| log.destination.names())
        .collect();
    names.extend(error_group.map(|group| group.to_string()));
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some([name, ..]) => Err(UsageError::SameLog { name: name.clone() }),
        _ => Ok(()),
    }
}

/// Whether every group can be a file in the log directory.
fn check_files(files: &[(GroupName, String)]) -> Result<(), UsageError> {
    let is_file = |name: &str| !name.contains('/') && !name.starts_with('.');
    match files.iter().find(|(_, file)| !is_file(file)) {
        Some((group, _)) => Err(UsageError::GroupFile { group: *group }),
        None => Ok(()),
    }
}

/// The group that publishers and spreadlogd agree on when nobody says otherwise.
#[expect(clippy::expect_used, reason = "the name is a constant that tests read")]
fn group_default() -> GroupName {
    GroupName::new("access_log").expect("it is a name")
}

/// The file in the log directory, where there is one log; the group's name is the same by default.
const FILE: &str = "access_log";

const LOG_DIR: &str = "./logs";

/// Towards a hub in the same process there is nothing to save by waiting, and who tails
/// the file wants to see it grow.
const EMBEDDED_SEAL_AFTER: Duration = Duration::from_millis(20);
