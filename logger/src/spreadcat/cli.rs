//! The command line, and what it comes to.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use spread::{AddressError, Addresses, GroupName, NameError, Service};

use super::follow::Orders;
use super::handover::{Form, Patience};
use super::source::Choice;
use super::syslog::{Keep, Place};
use super::vhost::Vhost;
use crate::format::LINE_LEN_MIN;
use crate::quantity::{QuantityError, Size, Time};
use crate::realtime::Priority;
use crate::{MESSAGE_MAX, PublisherOptions, SpoolOptions, WhenFull};

/// The flags as they were typed.
#[derive(Debug, Parser)]
#[command(
    name = "spreadcat",
    version,
    about = "Sends the log lines of other programs to a Spread group",
    after_help = EXAMPLES,
    max_term_width = 80
)]
pub struct Args {
    /// The group the lines are sent to
    #[arg(
        long,
        alias = "spread-group",
        value_name = "NAME",
        default_value = "access_log"
    )]
    group: GroupName,

    /// Spread daemons, tried in this order
    #[arg(long, value_name = "ADDRESSES", default_value = ADDRESSES, value_parser = addresses)]
    spread: Addresses,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    lines: LineArgs,

    #[command(flatten)]
    publisher: PublisherArgs,
}

/// Where lines come from; from standard input, if nothing else is said.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Instead of standard input")]
struct SourceArgs {
    /// Take syslog datagrams here (may be repeated): unix:/PATH[,mode=0666], udp:PORT for this
    /// machine, or udp:HOST:PORT; each is a line, without its header
    #[arg(long, value_name = "ADDRESS")]
    syslog: Vec<Place>,

    /// What of the header to keep in front of the line: <PRIORITY>, and the program, as in
    /// `nginx: `
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        value_delimiter = ',',
        requires = "syslog"
    )]
    syslog_keep: Vec<Kept>,

    /// Follow this file (may be repeated), over rotation and truncation
    #[arg(long, value_name = "FILE", conflicts_with = "syslog")]
    follow: Vec<PathBuf>,

    /// Remember here how far files are sent, and begin there; without it each begins at its end
    #[arg(long, value_name = "FILE", requires = "follow")]
    state: Option<PathBuf>,

    /// How long a file is read on that was renamed and is not written to
    #[arg(long, value_name = "TIME", default_value_t = Time(ROTATED_WAIT), requires = "follow")]
    rotated_wait: Time,
}

/// A part of a datagram's header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Kept {
    Priority,
    Tag,
}

/// What is done with a line before it is sent.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Lines")]
struct LineArgs {
    /// Each line begins with its virtual host, as %v writes it. It stays in front, in lower case;
    /// with buckets the groups are NAME.0 to NAME.N-1, a host's lines always in the same one [N: 16]
    #[arg(long, value_name = "prefix|buckets[:N]")]
    vhost: Option<Vhost>,

    /// Bytes of a line; a longer one is cut, and ends in `...` [default: as --spread-message-max]
    #[arg(long, value_name = "SIZE")]
    line_max: Option<Size>,

    /// How long whoever writes may be kept when all buffers are full; after that lines are dropped
    /// and counted
    #[arg(long, value_name = "TIME|forever", default_value = WAIT_MAX, value_parser = wait_max)]
    wait_max: Patience,

    /// How long after TERM standard input may stay open: Apache's children of before a restart
    /// finish their requests. For ErrorLog 100ms: Apache waits for the end of that logger
    #[arg(long, value_name = "TIME", default_value_t = Time(EOF_TIMEOUT))]
    eof_timeout: Time,
}

/// How lines are sent, as rthttpd spells it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sending")]
struct PublisherArgs {
    /// Memory for lines until a daemon has taken, and every logging host acknowledged them
    #[arg(long, value_name = "SIZE", default_value_t = Size(PublisherOptions::BUFFER_BYTES))]
    spread_buffer: Size,

    /// Keep messages in files here instead: they outlive the process, and the next one delivers
    /// what this one has left
    #[arg(long, value_name = "DIR")]
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
    #[arg(long, value_name = "LINES", value_parser = count)]
    spread_batch: Option<NonZeroU64>,

    /// Bytes in one message; the original spreadlogd needs at most its BufferSize
    #[arg(long, value_name = "SIZE", default_value_t = Size(PublisherOptions::MESSAGE_BYTES))]
    spread_message_max: Size,

    /// The order in which messages are delivered
    #[arg(long, value_name = "SERVICE", value_enum, default_value_t = Order::Agreed)]
    spread_service: Order,

    /// Where the unix sockets of Spread daemons are
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    spread_socket_dir: PathBuf,

    /// Memory for lines between reading and sending, shared out among the groups
    #[arg(long, value_name = "SIZE", default_value_t = Size(RING_BYTES))]
    log_ring: Size,

    /// Send under real-time scheduling (SCHED_FIFO), so that no other program keeps the log waiting
    /// [default priority: 10]
    #[arg(
        long,
        value_name = "PRIORITY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10"
    )]
    realtime: Option<Priority>,

    /// How long, at the end, sending what is left may take
    #[arg(long, value_name = "TIME", default_value_t = Time(PublisherOptions::STOP_TIMEOUT))]
    stop_timeout: Time,
}

/// What the program is to do.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) source: Choice,
    pub(super) form: Form,
    pub(super) wait_max: Patience,
    pub(super) eof_timeout: Duration,
    /// Of each group; they share the bounds.
    pub(super) publishers: Vec<PublisherOptions>,
    /// Bytes of each group's ring.
    pub(super) ring_bytes: usize,
    pub(super) realtime: Option<Priority>,
}

/// Flags that contradict each other, or the names of groups that they come to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// A line does not fit into a message.
    #[error(
        "--line-max {refused}: choose from {LINE_LEN_MIN} to what a message holds, which is \
         {message_max} (--spread-message-max)"
    )]
    LineMax {
        /// What was asked for.
        refused: usize,
        /// What there may be.
        message_max: usize,
    },
    /// With the number of a bucket the name is too long.
    #[error("--group {group} is too long for --vhost buckets, which adds to it")]
    Group {
        /// The name without.
        group: GroupName,
        /// Why it is none.
        source: NameError,
    },
}

impl Args {
    /// The settings that the flags come to.
    ///
    /// # Errors
    /// When they contradict each other.
    pub(super) fn settings(&self) -> Result<Settings, UsageError> {
        let message_max = self.publisher.spread_message_max.0;
        let line_max = match self.lines.line_max {
            // What is wrong with the limit of messages is said where they are made.
            None => message_max.clamp(LINE_LEN_MIN, MESSAGE_MAX),
            Some(Size(size)) if (LINE_LEN_MIN..=message_max).contains(&size) => size,
            Some(Size(refused)) => {
                return Err(UsageError::LineMax {
                    refused,
                    message_max,
                });
            }
        };
        let groups = self.groups()?;
        let count = groups.len();
        Ok(Settings {
            source: self.source.choice(),
            form: Form {
                line_max,
                vhost: self.lines.vhost,
            },
            wait_max: self.lines.wait_max,
            eof_timeout: self.lines.eof_timeout.0,
            publishers: groups
                .into_iter()
                .enumerate()
                .map(|(index, group)| PublisherOptions {
                    // They have the same ones.
                    tells_of_daemons: index == 0,
                    ..self.publisher(group, count)
                })
                .collect(),
            ring_bytes: self.publisher.log_ring.0 / count,
            realtime: self.publisher.realtime,
        })
    }

    /// The groups, in the order of buckets.
    fn groups(&self) -> Result<Vec<GroupName>, UsageError> {
        let Some(Vhost::Buckets(count)) = self.lines.vhost else {
            return Ok(vec![self.group]);
        };
        let group = self.group;
        let named = |bucket| {
            GroupName::new(format!("{group}.{bucket}"))
                .map_err(|source| UsageError::Group { group, source })
        };
        (0..count.get()).map(named).collect()
    }

    /// The publisher of one of `count` groups, which share what there is.
    fn publisher(&self, group: GroupName, count: usize) -> PublisherOptions {
        let args = &self.publisher;
        PublisherOptions {
            socket_dir: args.spread_socket_dir.clone(),
            program: "spreadcat".to_owned(),
            service: args.spread_service.into(),
            message_max: args.spread_message_max.0,
            batch_lines: args.spread_batch,
            buffer_bytes: args.spread_buffer.0 / count,
            spool: args.spool.as_ref().map(|dir| SpoolOptions {
                dir: dir.clone(),
                bytes_max: args.spool_max.0 / count,
            }),
            when_full: WhenFull::Wait,
            stop_timeout: args.stop_timeout.0,
            ..PublisherOptions::new(self.spread.clone(), group)
        }
    }
}

impl SourceArgs {
    fn choice(&self) -> Choice {
        if !self.follow.is_empty() {
            return Choice::Follow(Orders {
                paths: self.follow.clone(),
                state: self.state.clone(),
                rotated_wait: self.rotated_wait.0,
            });
        }
        if self.syslog.is_empty() {
            return Choice::Stdin;
        }
        let keep = Keep {
            priority: self.syslog_keep.contains(&Kept::Priority),
            tag: self.syslog_keep.contains(&Kept::Tag),
        };
        Choice::Syslog(self.syslog.clone(), keep)
    }
}

/// How messages are ordered among all publishers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Order {
    /// The same order at every logging host
    Agreed,
    /// The same, delivered only once every daemon has it
    Safe,
    /// Each publisher's own order alone
    Fifo,
}

impl From<Order> for Service {
    fn from(order: Order) -> Self {
        match order {
            Order::Agreed => Self::Agreed,
            Order::Safe => Self::Safe,
            Order::Fifo => Self::Fifo,
        }
    }
}

/// Why there is no such address.
#[derive(Debug, thiserror::Error)]
#[error("{0}; write PORT@HOST, PORT alone for its unix socket, or a path, with commas between")]
struct WrongAddress(AddressError);

fn addresses(text: &str) -> Result<Addresses, WrongAddress> {
    text.parse().map_err(WrongAddress)
}

fn wait_max(text: &str) -> Result<Patience, QuantityError> {
    if text == "forever" {
        return Ok(Patience::Endless);
    }
    Ok(Patience::Within(Time::from_str(text)?.0))
}

/// No number, or none that means something here.
#[derive(Debug, thiserror::Error)]
#[error("write a whole number from 1")]
struct NoCount;

fn count(text: &str) -> Result<NonZeroU64, NoCount> {
    text.parse().map_err(|_| NoCount)
}

/// The port every Spread client expects, of this machine.
const ADDRESSES: &str = "4803@localhost";

/// 1 s, once, when a daemon or the logging hosts have been away for longer than the buffer lasts: a
/// visitor may wait so long, and a daemon that is started again is back.
const WAIT_MAX: &str = "1s";

/// An hour: the longest downloads, whose lines come at their end. An error log is another thing:
/// there Apache stands still until its logger has ended, and kills it after 3 s.
const EOF_TIMEOUT: Duration = Duration::from_secs(3600);

/// 10 minutes: Apache's children of before a restart write to it until their requests are done, and
/// a file that was removed takes its room until then.
const ROTATED_WAIT: Duration = Duration::from_secs(600);

/// 1 MiB: the publisher empties it every 20 ms.
const RING_BYTES: usize = 1024 * 1024;

const EXAMPLES: &str = "\
Lines come from standard input, to its end, unless told otherwise.

Apache:
  CustomLog \"|spreadcat --group access_log\" combined
  CustomLog \"|spreadcat --group access_log --vhost prefix\" \"%v %h %l ...\"
  ErrorLog \"|spreadcat --group error_log --eof-timeout 100ms\"
nginx:
  spreadcat --syslog unix:/run/spreadcat/nginx.sock --group access_log
  access_log syslog:server=unix:/run/spreadcat/nginx.sock,nohostname combined;
  spreadcat --follow /var/log/nginx/access.log --state /var/lib/spreadcat/nginx
Others:
  zcat old.gz | spreadcat --group access_log --wait-max forever

Signals: TERM and INT end the reading; then what is there is sent, and a second
one ends at once. But standard input is read to its end after TERM, which Apache
sends at a restart. HUP and USR1 change nothing.
Exit status: 0 all was handed over, 1 a failure while running, or lines were
lost, 2 a mistake in the flags.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn settings(args: &[&str]) -> Result<Settings, UsageError> {
        let args = [&["spreadcat"], args].concat();
        Args::try_parse_from(args).unwrap().settings()
    }

    #[test]
    fn the_flags_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn help_fits_eighty_columns() {
        let help = Args::command().render_help().to_string();

        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn without_flags_lines_go_to_this_machines_daemon() {
        let settings = settings(&[]).unwrap();

        assert_eq!(settings.publishers.len(), 1);
        let publisher = &settings.publishers[0];
        assert_eq!(publisher.addresses.to_string(), "4803@localhost");
        assert_eq!(publisher.group.to_string(), "access_log");
        assert_eq!(publisher.when_full, WhenFull::Wait);
        assert_eq!(settings.form.line_max, publisher.message_max);
        assert_eq!(settings.wait_max, Patience::Within(Duration::from_secs(1)));
    }

    #[test]
    fn buckets_share_what_there_is() {
        let args = ["--group", "www", "--vhost", "buckets:4", "--spool", "/s"];
        let settings = settings(&args).unwrap();

        let groups = settings.publishers.iter().map(|p| p.group.to_string());
        assert!(groups.eq(["www.0", "www.1", "www.2", "www.3"]));
        assert_eq!(settings.publishers[3].buffer_bytes, 16 << 20);
        let spool = settings.publishers[3].spool.as_ref().unwrap();
        assert_eq!(spool.bytes_max, 256 << 20);
        assert_eq!(settings.ring_bytes, 256 << 10);
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_its_remedy() {
        for (args, said) in [
            (&["--line-max", "100"][..], "from 512 to what"),
            (&["--line-max", "33K"], "--spread-message-max"),
            (
                &[
                    "--group",
                    "g234567890123456789012345678901",
                    "--vhost",
                    "buckets",
                ],
                "too long for --vhost buckets",
            ),
        ] {
            let error = settings(args).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        for args in [
            ["--spread", "embedded"],
            ["--vhost", "hash"],
            ["--wait-max", "10"],
            ["--group", "#x"],
            ["--spread-batch", "0"],
            ["--syslog", "/run/s"],
            ["--syslog-keep", "tag"],
        ] {
            let error = Args::try_parse_from(["spreadcat", args[0], args[1]]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{args:?}");
            assert!(error.to_string().contains(args[0]), "{error}");
        }
    }
}
