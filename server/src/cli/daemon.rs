//! The flags of a program that nobody watches.

use std::env;
use std::path::{Path, PathBuf};

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "As a daemon")]
pub(super) struct DaemonArgs {
    /// Whom to become when started as root, as soon as it listens [default: nobody with
    /// --thttpd-defaults]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,

    /// See nothing outside the directory that is served, by chroot(2): names of files that are
    /// opened later are looked up there; needs root
    #[arg(short = 'r', long)]
    chroot: bool,

    /// Serve this directory beneath the other: with --chroot that one is all that is seen
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// A file that names the process while it serves; a start is refused while the process that it
    /// names is running
    #[arg(short = 'i', long, value_name = "FILE")]
    pid_file: Option<PathBuf>,

    /// Whether the kernel is to hold it to reading what it serves and writing its logs (Landlock)
    /// [default: on where it becomes another user and the kernel can]
    #[arg(long, value_name = "on|off", value_enum)]
    sandbox: Option<Switch>,

    /// Serve in the background, and end when that is under way; warnings and errors go to the
    /// system's log from then on
    #[arg(long, overrides_with = "foreground")]
    daemon: bool,

    /// Stay in the foreground, with --thttpd-defaults too
    #[arg(short = 'D', long, overrides_with = "daemon")]
    foreground: bool,

    /// For the process that serves in the background, from the one that it leaves
    #[arg(long, hide = true)]
    detached: bool,
}

/// A choice that has a default of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Switch {
    /// It is wanted, and nothing is done without
    On,
    /// It is not wanted
    Off,
}

/// What the program is to the system around it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DaemonSettings {
    /// Whom root is to become.
    pub(crate) user: Option<String>,
    /// Nobody has said who.
    pub(crate) is_user_default: bool,
    /// What is to be seen alone.
    pub(crate) chroot: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    /// Whether the kernel is to hold it to what it does.
    pub(crate) sandbox: Option<Switch>,
    /// Files that may be read again.
    pub(crate) configs: Vec<PathBuf>,
    /// It serves in the background, where another process has started it.
    pub(crate) is_detached: bool,
}

impl DaemonArgs {
    /// The document root where `dir` is asked for.
    pub(super) fn root(&self, dir: &Path) -> PathBuf {
        match &self.data_dir {
            None => dir.to_owned(),
            // It is named as it is seen.
            Some(data) if self.chroot => dir.join(data.strip_prefix("/").unwrap_or(data)),
            Some(data) => dir.join(data),
        }
    }

    /// What they come to, with `dir` as it was asked for.
    pub(super) fn settings(
        self,
        dir: &Path,
        configs: Vec<PathBuf>,
        is_as_thttpd: bool,
    ) -> DaemonSettings {
        let nobody = is_as_thttpd.then(|| NOBODY.to_owned());
        DaemonSettings {
            is_user_default: self.user.is_none(),
            user: self.user.or(nobody),
            chroot: self.chroot.then(|| dir.to_owned()),
            pid_file: self.pid_file,
            sandbox: self.sandbox,
            configs,
            is_detached: self.detached,
        }
    }

    pub(super) fn goes_into_background(&self, is_as_thttpd: bool) -> bool {
        let is_wanted = self.daemon || (is_as_thttpd && !self.foreground && !is_watched());
        is_wanted && !self.detached
    }

    pub(super) const fn is_detached(&self) -> bool {
        self.detached
    }
}

/// Whether somebody would take the process that starts the one in the background for the service:
/// a container, which ends with its first process, or a manager that has it tell how it is.
fn is_watched() -> bool {
    let is_told = ["NOTIFY_SOCKET", "LISTEN_FDS"].map(|name| env::var_os(name).is_some());
    std::process::id() == 1 || is_told.contains(&true)
}

/// thttpd's `DEFAULT_USER`.
const NOBODY: &str = "nobody";
