//! The flags of the log, and what they come to.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spread::{Address, Addresses, GroupName};
use spread_logger::realtime::Priority;
use spread_logger::{Format, PublisherOptions, RingOptions, SpoolOptions};

use super::UsageError;
use super::quantity::{Size, count};
use super::spread::{Destination, Order};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub(super) struct LogArgs {
    /// Where the log goes: Spread daemons, tried in this order, or `embedded`, a hub and a
    /// spreadlogd in this process [default: nowhere]
    #[arg(long, value_name = "ADDRESSES|embedded[:PORT[@ADDRESS]]")]
    spread: Option<Destination>,

    /// The group the lines are sent to
    #[arg(
        long,
        value_name = "NAME",
        default_value = "access_log",
        requires = "spread"
    )]
    spread_group: GroupName,

    /// Memory for lines until a daemon has taken, and every logging host acknowledged them
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

    /// Bytes of these files
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
        requires = "spread"
    )]
    log_format: Format,

    /// Memory for lines on their way from the workers, shared out among them
    #[arg(
        long,
        value_name = "SIZE",
        default_value_t = Size(RING_BYTES),
        requires = "spread"
    )]
    log_ring: Size,

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

    /// Where `--spread embedded` writes the file access_log [default: ./logs]
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
}

/// What is to become of the log.
#[derive(Debug)]
pub(crate) struct LogSettings {
    pub(crate) ring: RingOptions,
    /// In embedded mode its address is the hub's, once there is one.
    pub(crate) publisher: PublisherOptions,
    /// Of the publisher's thread.
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
        let spool = self.publisher.spool.as_ref().map(|spool| &spool.dir);
        let embedded = self.embedded.as_ref();
        let embedded = embedded.map(|embedded| [&embedded.socket_dir, &embedded.log_dir]);
        let places = spool.into_iter().chain(embedded.into_iter().flatten());
        places.cloned().collect()
    }

    /// Gives every file and directory the path that `seen` has for it.
    pub(crate) fn relocate(&mut self, seen: impl Fn(&Path) -> PathBuf) {
        self.publisher.socket_dir = seen(&self.publisher.socket_dir);
        if let Some(spool) = &mut self.publisher.spool {
            spool.dir = seen(&spool.dir);
        }
        if let Some(embedded) = &mut self.embedded {
            embedded.socket_dir = seen(&embedded.socket_dir);
            embedded.log_dir = seen(&embedded.log_dir);
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
        let (addresses, embedded) = match &self.spread {
            None => return Ok(None),
            Some(Destination::Daemons(addresses)) => (addresses.clone(), None),
            Some(Destination::Embedded { port, address }) => {
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
        let message_max = self.spread_message_max.0;
        let defaults = PublisherOptions::new(addresses, self.spread_group);
        let seal_after = match embedded {
            Some(_) => EMBEDDED_SEAL_AFTER,
            None => defaults.seal_after,
        };
        let publisher = PublisherOptions {
            socket_dir: self.spread_socket_dir.clone(),
            program: "rthttpd".to_owned(),
            service: self.spread_service.into(),
            message_max,
            batch_lines: self.spread_batch,
            seal_after,
            buffer_bytes: self.spread_buffer.0,
            spool: self.spool.as_ref().map(|dir| SpoolOptions {
                dir: dir.clone(),
                bytes_max: self.spool_max.0,
            }),
            stop_timeout,
            ..defaults
        };
        let ring = RingOptions::default();
        let ring = RingOptions {
            bytes: self.log_ring.0,
            format: self.log_format.clone(),
            // A line longer than a message would go alone, and be dropped by readers
            // that have no room for it.
            line_len_max: ring.line_len_max.min(message_max),
        };
        Ok(Some(LogSettings {
            ring,
            publisher,
            realtime: self.realtime,
            embedded,
        }))
    }
}

/// Half a second of lines at 40,000 requests a second; the publisher comes by every 20 ms.
const RING_BYTES: usize = 4 * 1024 * 1024;

const LOG_DIR: &str = "./logs";

/// Towards a hub in the same process there is nothing to save by waiting, and who tails
/// the file wants to see it grow.
const EMBEDDED_SEAL_AFTER: Duration = Duration::from_millis(20);
