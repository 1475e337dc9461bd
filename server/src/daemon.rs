//! The steps from a program that was started to one that serves: named, chrooted, nobody.
//!
//! ```text
//! prepare -> (everything that needs root: sockets) -> settle -> (everything else: logs, threads)
//! ```
//!
//! What is opened after [`settle`](Daemon::settle) is opened as the user that serves and as it is
//! seen from within a chroot, so what could not be opened again at a HUP is refused at the start.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, setrlimit};
use spread_logger::diagnostics::{Chain, FLUSH_TIMEOUT, Outlet};
use spread_logger::pid_file::{PidFile, PidFileError};

use crate::background::Second;
use crate::cli::{DaemonSettings, LogSettings, Switch};
use crate::identity::{self, IdentityError, User};
use crate::sandbox::{self, LOOK_UPS, Places, SandboxError};

/// A program on its way to be a daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    settings: DaemonSettings,
    /// Whom to become, if that is to be done.
    user: Option<User>,
    second: Option<Second>,
}

/// One that has arrived. The pid file goes with it.
#[derive(Debug)]
pub(crate) struct Settled {
    _pid_file: Option<PidFile>,
    second: Option<Second>,
}

impl Settled {
    /// Leaves whoever has started it, if that is to be done; to be called when it serves.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn let_go(&mut self, output: &Outlet) -> io::Result<()> {
        let Some(second) = self.second.take() else {
            return Ok(());
        };
        // Where it serves is what the other one waits for.
        let _ = output.flush(FLUSH_TIMEOUT);
        second.let_go()
    }
}

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The process cannot be named where it was to be.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    /// It cannot become whom it should.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The kernel does not hold it to what it does.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The system refuses what a process in the background needs.
    #[error("cannot go into the background")]
    Background(#[source] io::Error),
}

impl DaemonError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    pub(crate) const fn is_usage(&self) -> bool {
        match self {
            Self::PidFile(_) | Self::Sandbox(_) | Self::Background(_) => false,
            Self::Identity(error) => error.is_usage(),
        }
    }
}

impl Daemon {
    /// Finds out whether all of it can be meant; another may be running meanwhile.
    ///
    /// # Errors
    ///
    /// When there is no such user, or no sandbox.
    pub(crate) fn check(settings: &DaemonSettings) -> Result<(), DaemonError> {
        Self::user(settings)?;
        if settings.sandbox == Some(Switch::On) && !sandbox::is_there() {
            return Err(SandboxError::Missing.into());
        }
        Ok(())
    }

    /// Finds out whether all of it can be done, and leaves the terminal's session if it is to.
    ///
    /// # Errors
    ///
    /// When it cannot be meant, or another process is running in its place.
    pub(crate) fn prepare(settings: DaemonSettings) -> Result<Self, DaemonError> {
        Self::check(&settings)?;
        if let Some(path) = &settings.pid_file {
            PidFile::check(path)?;
        }
        let user = Self::user(&settings)?;
        if let (Some(user), false) = (&user, identity::is_root())
            && !user.is_us()
        {
            tracing::warn!("-u is for root alone: serving as the user that started it");
        }
        let second = settings.is_detached.then(Second::begin).transpose();
        let second = second.map_err(DaemonError::Background)?;
        Ok(Self {
            settings,
            user: user.filter(|_| identity::is_root()),
            second,
        })
    }

    /// Whom it is to become, if anybody is asked for.
    fn user(settings: &DaemonSettings) -> Result<Option<User>, IdentityError> {
        let is_root = identity::is_root();
        match &settings.user {
            // thttpd too asks for its user, and does without, when it is not root's to choose.
            Some(_) if !is_root && settings.is_user_default => Ok(None),
            Some(name) => User::find(name).map(Some),
            None => Ok(None),
        }
    }

    /// Makes files that the user could not, and gives them to it. To be called before it settles.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn hand_over(&self, files: &[&Path]) -> Result<(), DaemonError> {
        if let Some(user) = &self.user {
            files.iter().try_for_each(|path| user.receive(path))?;
        }
        Ok(())
    }

    /// Becomes what it is to be, for good, to serve `root`, read what is in the `further`
    /// places too, and keep `log`. To be called when everything that needs root is done.
    ///
    /// # Errors
    ///
    /// When the system refuses; the process is then to end.
    pub(crate) fn settle(
        self,
        root: &Path,
        further: &[PathBuf],
        log: Option<&LogSettings>,
    ) -> Result<Settled, DaemonError> {
        let pid_file = self.settings.pid_file.as_deref();
        let pid_file = pid_file.map(PidFile::write).transpose()?;
        if self.user.is_some()
            && let Some(priority) = log.and_then(LogSettings::realtime)
        {
            // Root's to give, while there is one; where it cannot, whoever asks for it says so.
            let limit = Some(u64::from(priority.number()));
            let limit = Rlimit {
                current: limit,
                maximum: limit,
            };
            let _ = setrlimit(Resource::Rtprio, limit);
        }
        identity::assume(self.user.as_ref(), self.settings.chroot.as_deref())?;
        self.enter_sandbox(root, further, log)?;
        Ok(Settled {
            _pid_file: pid_file,
            second: self.second,
        })
    }

    fn enter_sandbox(
        &self,
        root: &Path,
        further: &[PathBuf],
        log: Option<&LogSettings>,
    ) -> Result<(), SandboxError> {
        let wish = self.settings.sandbox;
        let is_wanted = wish.map_or(self.user.is_some(), |wish| wish == Switch::On);
        if !is_wanted {
            return Ok(());
        }
        let above = |path: &PathBuf| match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut places = Places {
            reads: vec![root.to_owned()],
            removes: self.settings.pid_file.iter().map(above).collect(),
            ..Places::default()
        };
        places.reads.extend(further.iter().cloned());
        places.reads.extend(LOOK_UPS.iter().map(PathBuf::from));
        places.reads.extend(self.settings.configs.iter().map(above));
        if let Some(log) = log {
            places.writes.extend(log.places());
        }
        match sandbox::enter(&places) {
            Ok(false) if wish.is_some() => Err(SandboxError::Missing),
            Err(error) if wish.is_none() => {
                tracing::warn!("serving without a sandbox: {}", Chain(&error));
                Ok(())
            }
            outcome => outcome.map(drop),
        }
    }

    /// `path` as it is seen once it has settled: what is beneath the chroot, from there.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        match &self.settings.chroot {
            Some(root) => match path.strip_prefix(root) {
                Ok(beneath) => Path::new("/").join(beneath),
                Err(_) => path.to_owned(),
            },
            None => path.to_owned(),
        }
    }

    /// Whether files are looked up where they are not seen from outside.
    pub(crate) const fn is_chrooted(&self) -> bool {
        self.settings.chroot.is_some()
    }

    /// Whether what could be opened before may be out of reach once it has settled.
    pub(crate) fn changes(&self) -> bool {
        let sandbox = self.settings.sandbox == Some(Switch::On);
        self.user.is_some() || self.settings.chroot.is_some() || sandbox
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beneath_a_chroot_is_seen_from_there() {
        let daemon = |chroot: Option<&str>| Daemon {
            settings: DaemonSettings {
                chroot: chroot.map(Into::into),
                ..DaemonSettings::default()
            },
            user: None,
            second: None,
        };
        const CASES: &[(Option<&str>, &str, &str)] = &[
            (None, "/srv/www", "/srv/www"),
            (Some("/srv"), "/srv", "/"),
            (Some("/srv/"), "/srv/www", "/www"),
            (Some("/srv"), "/srv2/www", "/srv2/www"),
            (Some("srv"), "srv/logs", "/logs"),
            (Some("."), "./www", "/www"),
            (Some("/srv"), "logs", "logs"),
        ];
        for (chroot, path, seen) in CASES {
            assert_eq!(
                daemon(*chroot).seen(Path::new(path)),
                Path::new(seen),
                "{path}"
            );
        }
    }
}
