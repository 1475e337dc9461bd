//! The command line: the original's letters, and what needs no configuration file.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Parser, Subcommand};
use http::serve::Place;
use spread::{Addresses, GroupName};
use spread_logger::realtime::Priority;

use crate::auditing::AuditArgs;
use crate::realtime::RealtimeArgs;
use crate::tailing::TailArgs;
use crate::tools::{DiffArgs, MergeArgs, ReplayArgs};

/// Writes the log lines of a whole web farm, received over Spread, to files.
///
/// Without --config it joins one group and writes it to one file. It stays in the foreground. HUP
/// opens the files again after they were moved, and reads the configuration again; TERM or INT
/// writes what has been received and ends, a second one ends at once.
#[derive(Debug, Parser)]
#[command(name = "spreadlogd", version, disable_version_flag = true, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) tool: Option<Tool>,

    /// What to subscribe to and where to write it: a spreadlogd.conf, in the original's language
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["group", "file", "spread"])]
    pub(crate) config: Option<PathBuf>,

    /// The group to write [default: access_log]
    #[arg(long, value_name = "NAME", requires = "file")]
    pub(crate) group: Option<GroupName>,

    /// The file to write it to [default: ./logs/access_log]
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,

    /// The Spread daemon: 4803@HOST (TCP), 4803 (its unix socket), the path of a socket, or several
    /// of these separated by commas [default: 4803@localhost, or the hub of --hub]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) spread: Option<Addresses>,

    /// Run the hub, a Spread daemon for a single machine, in this process: on this port of
    /// localhost, or of this address
    #[arg(long, value_name = "PORT[@ADDRESS]")]
    pub(crate) hub: Option<HubAddress>,

    /// Where Spread daemons have their unix sockets
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    pub(crate) spread_socket_dir: PathBuf,

    /// Where the ledger is kept, which knows what was received over restarts and crashes: a
    /// directory, made if it is missing [default: the one that the configuration names, or
    /// .spreadlogd/NAME beside the first log]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Tell the publishers at the end that this logging host does not come back: they then keep
    /// nothing for it
    #[arg(long)]
    pub(crate) farewell: bool,

    /// How many seconds stopping may take, for reading what the daemons have and for writing it
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) stop_timeout: u16,

    /// Where to write the number of this process, from when the files are open until the end
    #[arg(long, value_name = "PATH")]
    pub(crate) pid_file: Option<PathBuf>,

    /// Where the status page, and metrics for Prometheus at /metrics, are to be had: PORT of this
    /// machine alone, HOST:PORT, or none
    #[arg(long, value_name = "ADDRESS|none", default_value = "none")]
    pub(crate) status: Place,

    /// Read what the daemons deliver under real-time scheduling (SCHED_FIFO), so that no other
    /// program keeps it waiting until a daemon throws it out [default priority: 10]
    #[arg(
        long,
        value_name = "PRIORITY",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10"
    )]
    pub(crate) realtime: Option<Priority>,

    /// Check the options and the configuration, and exit
    #[arg(long)]
    pub(crate) check: bool,

    /// Do not lock the files against other writers
    #[arg(short = 's')]
    pub(crate) unlocked: bool,

    /// Say more: files opened, sessions, sums
    #[arg(short)]
    pub(crate) verbose: bool,

    /// Say why, each time, when a daemon cannot be reached
    #[arg(short = 'x')]
    pub(crate) receive_errors: bool,

    /// Accepted for the original's sake: messages of any length are received whole
    #[arg(short, value_name = "BYTES", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) buffer_size: Option<i32>,

    /// Accepted for the original's sake: it always stays in the foreground
    #[arg(short = 'D')]
    pub(crate) foreground: bool,

    /// Print the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: (),
}

const EXAMPLES: &str = "\
Examples:
  spreadlogd --hub 4803
      one machine: a hub for every web server on it, its log in ./logs/access_log
  spreadlogd --group access_log --file /var/log/access_log --spread 4803@spread1
      one group of a farm's Spread daemon into one file
  spreadlogd -c /etc/spreadlogd.conf
      many groups and files; check the file first with --check
  mv access_log access_log.1 && kill -HUP $(pidof spreadlogd)
      rotation: no line is lost or torn
  spreadlogd audit -c /etc/spreadlogd.conf
      is every line here that was served? Which are not, and why
  spreadlogd tail --where 'status >= 500' --spread 4803@spread1 access_log
      what goes wrong on any machine of the farm, as it does
  spreadlogd merge host1/access_log host2/access_log -o access_log
      the logs of two logging hosts in one; see also diff and replay";

/// What it does instead of logging.
#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Put a running process, with all its threads, under real-time scheduling (SCHED_FIFO)
    Realtime(RealtimeArgs),

    /// Print the books of a ledger, both sides: what publishers served, and what of it is here
    Audit(AuditArgs),

    /// Print the lines of groups as they come, of the whole farm, from any machine that reaches a
    /// daemon
    Tail(TailArgs),
    /// Write several log files as one: each line as often as in the file that has it most
    Merge(MergeArgs),

    /// Print the lines that one log file has and another has not
    Diff(DiffArgs),

    /// Send the lines of log files to a Spread group, as a web server would
    Replay(ReplayArgs),
}

/// `PORT[@ADDRESS]`: where the hub listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HubAddress {
    /// 0: one that the system chooses.
    pub(crate) port: u16,
    /// None: localhost.
    pub(crate) ip: Option<IpAddr>,
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    fn from_str(text: &str) -> Result<Self, HubAddressError> {
        let refused = || HubAddressError(text.to_owned());
        let (port, ip) = match text.split_once('@') {
            Some((port, ip)) => (port, Some(ip)),
            None => (text, None),
        };
        let ip = match ip.map(|ip| ip.trim_start_matches('[').trim_end_matches(']')) {
            None | Some("localhost") => None,
            Some(ip) => Some(ip.parse().map_err(|_| refused())?),
        };
        Ok(Self {
            port: port.parse().map_err(|_| refused())?,
            ip,
        })
    }
}

/// A `--hub` that is no place to listen at.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not PORT or PORT@ADDRESS with an IP address of this machine")]
pub(crate) struct HubAddressError(String);

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_table_of_options_is_consistent() {
        Args::command().debug_assert();
    }

    /// The original's letters, and its `-b` that swallowed the name of the configuration
    /// (spreadlogd.c: main, a missing break).
    #[test]
    fn the_letters_of_the_original_are_accepted() {
        let line = [
            "spreadlogd",
            "-c",
            "x.conf",
            "-b",
            "65536",
            "-s",
            "-v",
            "-x",
            "-D",
        ];

        let args = Args::try_parse_from(line).unwrap();

        assert_eq!(args.config, Some(PathBuf::from("x.conf")));
        assert_eq!(args.buffer_size, Some(65_536));
        assert!(args.unlocked && args.verbose && args.receive_errors && args.foreground);
    }

    #[test]
    fn contradictions_are_refused() {
        const CASES: &[&[&str]] = &[
            &["-c", "x", "--group", "a", "--file", "b"],
            &["-c", "x", "--spread", "4803"],
            &["--group", "a"],
            &["--group", "a b", "--file", "x"],
            &["--group", "abcdefghijklmnopqrstuvwxyz012345", "--file", "x"],
            &["--hub", "65536"],
            &["--hub", "4803@example.net"],
            &["--status", "here"],
            &["-b", "0"],
            &["-b", "many"],
            &["stray"],
            &["--realtime", "10"],
            &["--realtime=0"],
            &["realtime"],
            &["realtime", "0"],
            &["realtime", "1", "100"],
            &["realtime", "1", "10", "--off"],
            &["--check", "realtime", "1"],
            &["audit", "-c", "x", "--file", "y"],
            &["audit", "stray"],
            &["--check", "audit"],
            &["tail"],
            &["tail", "a b"],
            &["tail", "g", "--where", "status is 5"],
            &["tail", "g", "--spread", "x"],
            &["--check", "tail", "g"],
            &["merge"],
            &["merge", "a", "b", "--memory", "1"],
            &["diff", "a"],
            &["diff", "a", "b", "c"],
            &["replay", "a"],
            &["replay", "--spread", "4803"],
            &["replay", "a", "--spread", "4803", "--rate", "0"],
            &["replay", "a", "--spread", "4803", "--from", "end"],
        ];
        for case in CASES {
            let line = ["spreadlogd"].iter().chain(*case);

            assert!(Args::try_parse_from(line).is_err(), "{case:?}");
        }
    }

    #[test]
    fn a_priority_is_what_is_said_or_the_default() {
        for (line, expected) in [
            (&["spreadlogd"][..], None),
            (&["spreadlogd", "--realtime"], Some(Priority::DEFAULT)),
            (
                &["spreadlogd", "--realtime=42"],
                Some("42".parse().unwrap()),
            ),
        ] {
            assert_eq!(Args::try_parse_from(line).unwrap().realtime, expected);
        }
    }

    #[test]
    fn a_hub_address_is_read_in_all_its_forms() {
        const CASES: &[(&str, u16, Option<&str>)] = &[
            ("4803", 4803, None),
            ("4803@localhost", 4803, None),
            ("1@10.0.0.1", 1, Some("10.0.0.1")),
            ("1@[::1]", 1, Some("::1")),
            ("1@::", 1, Some("::")),
        ];
        for (text, port, ip) in CASES {
            let ip = ip.map(|ip| ip.parse().unwrap());

            assert_eq!(text.parse(), Ok(HubAddress { port: *port, ip }), "{text}");
        }
    }
}
