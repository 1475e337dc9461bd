//! The rows of the table: what each writer is told to do, and what must be in its files then.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lines::{HOSTS, Hosts, SLICE_LINES, Slice};

/// A row of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Row {
    /// No log writer: one read and one write for 64 KiB, what none can go below
    Bare,
    /// The program that `--tcp` names
    Tcp,
    /// One file, messages of 32 KiB
    Plain,
    /// One file, each line a message
    OneLine,
    /// A file for each of 5,000 hosts (VhostDir), which are asked for as often as each other
    Vhost,
    /// The same hosts, the n-th asked for 1/n times as often as the first
    VhostZipf,
    /// The same, each line a message
    VhostOneLine,
    /// One file, messages of 32 KiB, numbered
    Numbered,
    /// A file for each of 5,000 hosts evenly, messages of 32 KiB, numbered
    VhostNumbered,
    /// One line in eight is wanted (Match)
    Match,
    /// Each line gets the time of its arrival (RewriteTimestamp)
    Rewrite,
    /// One file, messages of 32 KiB, the program that `--before` names
    BeforePlain,
    /// One file, each line a message, the program that `--before` names
    BeforeOneLine,
    /// 5,000 hosts evenly, the program that `--before` names
    BeforeVhost,
    /// 5,000 hosts by Zipf, the program that `--before` names
    BeforeVhostZipf,
}

/// Batches of rthttpd and of what it came from are as long.
const MESSAGE_LEN: usize = 32 * 1024;

impl Row {
    pub(crate) const ALL: [Self; 15] = [
        Self::Bare,
        Self::Tcp,
        Self::Plain,
        Self::OneLine,
        Self::Vhost,
        Self::VhostZipf,
        Self::VhostOneLine,
        Self::Numbered,
        Self::VhostNumbered,
        Self::Match,
        Self::Rewrite,
        Self::BeforePlain,
        Self::BeforeOneLine,
        Self::BeforeVhost,
        Self::BeforeVhostZipf,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Tcp => "tcp",
            Self::Plain => "plain",
            Self::OneLine => "one-line",
            Self::Vhost => "vhost",
            Self::VhostZipf => "vhost-zipf",
            Self::VhostOneLine => "vhost-one-line",
            Self::Numbered => "numbered",
            Self::VhostNumbered => "vhost-numbered",
            Self::Match => "match",
            Self::Rewrite => "rewrite",
            Self::BeforePlain => "before-plain",
            Self::BeforeOneLine => "before-one-line",
            Self::BeforeVhost => "before-vhost",
            Self::BeforeVhostZipf => "before-vhost-zipf",
        }
    }

    pub(crate) const fn is_before(self) -> bool {
        matches!(
            self,
            Self::BeforePlain | Self::BeforeOneLine | Self::BeforeVhost | Self::BeforeVhostZipf
        )
    }

    /// Whether its messages are numbered.
    pub(crate) const fn is_numbered(self) -> bool {
        matches!(self, Self::Numbered | Self::VhostNumbered)
    }

    /// Whether it is fed over TCP alone, without Spread.
    pub(crate) const fn is_tcp(self) -> bool {
        matches!(self, Self::Bare | Self::Tcp)
    }

    /// The row of one file with messages as long, which tells what the rest costs.
    pub(crate) const fn plain(self) -> Option<Self> {
        match self {
            Self::Vhost | Self::VhostZipf | Self::Match | Self::Rewrite => Some(Self::Plain),
            Self::VhostOneLine => Some(Self::OneLine),
            Self::Numbered => Some(Self::Plain),
            Self::VhostNumbered => Some(Self::Numbered),
            Self::BeforePlain | Self::BeforeVhost | Self::BeforeVhostZipf => Some(Self::Plain),
            Self::BeforeOneLine => Some(Self::OneLine),
            Self::Bare | Self::Tcp | Self::Plain | Self::OneLine => None,
        }
    }

    pub(crate) const fn hosts(self) -> Hosts {
        match self {
            Self::Vhost | Self::VhostOneLine | Self::VhostNumbered | Self::BeforeVhost => {
                Hosts::Even
            }
            Self::VhostZipf | Self::BeforeVhostZipf => Hosts::Zipf,
            _ => Hosts::None,
        }
    }

    pub(crate) const fn message_len(self) -> usize {
        match self {
            Self::OneLine | Self::VhostOneLine | Self::BeforeOneLine => 1,
            _ => MESSAGE_LEN,
        }
    }

    /// Lines and bytes that a slice leaves in the files.
    pub(crate) fn written(self, slice: &Slice) -> (u64, u64) {
        match self {
            Self::Match => {
                let line = slice.bytes.len() as u64 / SLICE_LINES;
                (slice.errors, slice.errors * line)
            }
            _ if self.hosts() != Hosts::None => (SLICE_LINES, slice.bare_len),
            _ => (SLICE_LINES, slice.bytes.len() as u64),
        }
    }

    /// As many hosts as a warm-up must have opened files for.
    pub(crate) fn files(self) -> usize {
        if self.hosts() == Hosts::None {
            1
        } else {
            HOSTS
        }
    }

    /// The command of a writer on `port`: of the bare loop its own, else that of the hub or daemon.
    pub(crate) fn command(self, program: &Path, port: u16, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory);
        match self {
            Self::Bare | Self::Tcp => {
                command
                    .arg(port.to_string())
                    .arg(directory.join(LOGS).join(FILE));
            }
            // What the original knows, too.
            _ => {
                command.args(["-D", "-c"]).arg(directory.join(CONFIG));
            }
        }
        command
    }

    /// The configuration, in the original's words alone: its programs read it as well.
    pub(crate) fn config(self, port: u16, directory: &Path) -> String {
        let logs = directory.join(LOGS);
        let logs = logs.display();
        let does = match self {
            _ if self.hosts() != Hosts::None => format!("VhostDir = {logs}"),
            Self::Match => {
                format!("File = {logs}/{FILE}\n        Match = 'HTTP/1\\.[01]. [45][0-9][0-9] '")
            }
            Self::Rewrite => {
                format!("File = {logs}/{FILE}\n        RewriteTimestamp = CommonLogFormat")
            }
            _ => format!("File = {logs}/{FILE}"),
        };
        format!(
            "BufferSize = 65536\n\
             Spread {{\n    Port = {port}\n    Host = 127.0.0.1\n    Log {{\n        Group = {}\n        {does}\n    }}\n}}\n",
            self.name()
        )
    }
}

/// The configuration in a row's directory.
pub(crate) const CONFIG: &str = "spreadlogd.conf";

/// Where its files are in it.
pub(crate) const LOGS: &str = "logs";

/// Their name where there is but one.
pub(crate) const FILE: &str = "access_log";

/// A program that is running already: where it takes lines, who it is, and the file that it writes.
#[derive(Clone, Debug)]
pub(crate) struct TcpWriter {
    pub(crate) port: u16,
    pub(crate) process: u32,
    pub(crate) file: PathBuf,
}

impl std::str::FromStr for TcpWriter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is not PORT,PID,FILE");
        let mut parts = text.splitn(3, ',');
        let mut part = || parts.next().ok_or_else(refused);
        let (port, process, file) = (part()?, part()?, part()?);
        Ok(Self {
            port: port.parse().map_err(|_| refused())?,
            process: process.parse().map_err(|_| refused())?,
            file: file.into(),
        })
    }
}
