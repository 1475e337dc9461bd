//! The server as a whole: bound, asked how it goes, stopped; how it runs is in `run`.

mod run;

use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Target;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use spread_logger::{Drain, Needs, RingOptions};
use tokio::sync::watch;

use crate::cgi::Cgi;
use crate::config::{Config, PORT};
use crate::counters::Counters;
use crate::listen::{self, Bound, BoundAddress, BoundPlace, ListenError, Listener};
use crate::logs::{LogRule, Logs};
use crate::rules::FallbackPage;
use crate::site::{
    HostOptions, LookupError, PasswordScope, Patience, Place, Resource, Site, Wishes,
};
use crate::throttle::{ThrottleRules, Throttles};
use crate::worker::{Live, Own, Phase};

/// A web server that has its sockets and its document root, and waits to be run.
#[derive(Debug)]
pub struct Server {
    config: Config,
    site: Arc<Site>,
    bound: Bound,
    addresses: Vec<SocketAddr>,
    logs: Vec<Logs>,
    /// What they ask for.
    needs: Needs,
    counters: Counters,
    phase: Arc<watch::Sender<Phase>>,
    live: Arc<watch::Sender<Live>>,
}

/// Stops a server, from any thread. A cheap clone.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<watch::Sender<Phase>>);

/// Changes what a server goes by, while it serves. A cheap clone.
#[derive(Clone, Debug)]
pub struct ReloadHandle {
    site: Arc<Site>,
    live: Arc<watch::Sender<Live>>,
    throttles: Option<Throttles>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The document root cannot be opened.
    #[error("cannot serve {}: {}", path.display(), explain(*source))]
    Root {
        /// What was to be served.
        path: PathBuf,
        /// What the system said.
        source: Errno,
    },
    /// The fallback page is not there.
    #[error("cannot fall back to {page} (--fallback): {reason}")]
    Fallback {
        /// The page, by its path beneath the document root.
        page: String,
        /// What is there instead, and what to do.
        reason: &'static str,
    },
    /// The host that stands in for others is not there.
    #[error(
        "cannot serve {name} to those who ask for unknown hosts (--default-host): the document root \
         has no directory of that name, in lower case and readable"
    )]
    DefaultHost {
        /// Its name.
        name: String,
    },
    /// The file that guards everything cannot be read.
    #[error("cannot read passwords from {} (--global-password)", path.display())]
    Passwords {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file that guards everything would be served.
    #[error(
        "cannot take passwords from {} (--global-password): it is in the document root, where \
         everybody could read it; keep it elsewhere, or give it a name that begins with a dot",
        path.display()
    )]
    PasswordsServed {
        /// Which file.
        path: PathBuf,
    },
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl StartError {
    /// Whether what the operator wrote is at fault, rather than the state of the machine.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Root { .. }
            | Self::Fallback { .. }
            | Self::DefaultHost { .. }
            | Self::Passwords { .. }
            | Self::PasswordsServed { .. } => true,
            Self::Listen(error) => error.is_usage(),
        }
    }
}

/// Why a server that was running has ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A worker could not be started.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
    /// A worker is gone, which is a defect of this program.
    #[error("a worker has panicked")]
    Panicked,
}

impl Server {
    /// Opens the document root and listens. Connections are accepted by the kernel from
    /// now on, and served once the server runs.
    ///
    /// # Errors
    ///
    /// When the root cannot be opened or the addresses cannot be listened on.
    pub fn bind(config: Config) -> Result<Self, StartError> {
        let site = open(&config)?;
        let workers = config.workers.get();
        let bound = if config.listeners.is_empty() {
            listen::bind(&[Listener::from((None, PORT))], workers)?
        } else {
            listen::bind(&config.listeners, workers)?
        };
        let addresses = bound.places.iter().filter_map(|place| match place.address {
            BoundAddress::Tcp(address) => Some(address),
            BoundAddress::Unix(_) => None,
        });
        Ok(Self {
            site: Arc::new(site),
            addresses: addresses.collect(),
            bound,
            logs: Vec::new(),
            needs: Needs::NOTHING,
            counters: Counters::new(workers),
            phase: Arc::new(watch::Sender::new(Phase::Serving)),
            live: Arc::new(watch::Sender::new(Live::new(&config))),
            config,
        })
    }

    /// Looks whether what is to be served is there, and listens nowhere.
    ///
    /// # Errors
    ///
    /// When the document root cannot be opened, or the fallback page not be served.
    pub fn check(config: &Config) -> Result<(), StartError> {
        open(config).map(drop)
    }

    /// Logs every exchange into rings, one for each worker, whose other ends are returned.
    /// `options.bytes` are shared out among them.
    pub fn log_to(&mut self, options: &RingOptions) -> Vec<Drain> {
        let rules = [LogRule::all(options.format.clone())];
        let outputs = self.log_by(&rules, options.bytes, options.line_len_max);
        outputs.into_iter().flatten().collect()
    }

    /// Logs exchanges by `rules` into rings, one for each output of each rule and each worker;
    /// `bytes` are shared out among them. Returned are the other ends of the rings of each output,
    /// in the order of the rules.
    pub fn log_by(
        &mut self,
        rules: &[LogRule],
        bytes: usize,
        line_len_max: usize,
    ) -> Vec<Vec<Drain>> {
        let workers = self.config.workers.get();
        let made = (0..workers).map(|_| Logs::new(rules, bytes / workers, line_len_max));
        let (logs, of_workers): (Vec<_>, Vec<_>) = made.unzip();
        self.logs = logs;
        let needs = rules.iter().map(LogRule::needs);
        self.needs = needs.fold(Needs::NOTHING, Needs::or);
        let outputs = rules.iter().map(LogRule::outputs).sum();
        let mut of_outputs: Vec<_> = (0..outputs).map(|_| Vec::with_capacity(workers)).collect();
        for drains in of_workers {
            for (of_output, drain) in of_outputs.iter_mut().zip(drains) {
                of_output.push(drain);
            }
        }
        of_outputs
    }

    /// How many workers it has.
    pub(crate) const fn workers(&self) -> usize {
        self.config.workers.get()
    }

    /// What it serves, as it was named.
    pub(crate) fn root(&self) -> &Path {
        &self.config.root
    }

    /// Where it listens, as it is shown.
    pub(crate) fn places(&self) -> &[BoundPlace] {
        &self.bound.places
    }

    /// The addresses of TCP where it listens, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What it counts, to be read at any time.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// What stops it.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.phase))
    }

    /// What has it go by another configuration.
    #[must_use]
    pub fn reload_handle(&self) -> ReloadHandle {
        ReloadHandle {
            site: Arc::clone(&self.site),
            live: Arc::clone(&self.live),
            throttles: self.config.throttles.clone(),
        }
    }

    /// What it calls itself in the log.
    fn own(&self) -> Own {
        let root = self.absolute_root();
        let root = root.as_os_str().as_bytes();
        Own {
            names: Arc::new(self.config.names.clone()),
            port: self.addresses.first().map(SocketAddr::port),
            root: self
                .needs
                .file
                .then(|| root.strip_suffix(b"/").unwrap_or(root).into()),
        }
    }

    fn cgi(&self) -> Option<Arc<Cgi>> {
        let options = self.config.cgi.clone()?;
        Some(Arc::new(Cgi::new(options, self.absolute_root())))
    }

    /// A path that cannot be made absolute is told as it was given.
    fn absolute_root(&self) -> PathBuf {
        let root = std::path::absolute(&self.config.root);
        root.unwrap_or_else(|_| self.config.root.clone())
    }
}

impl ReloadHandle {
    /// Has the server go by the rules, clients, timeouts and, if it throttles at all, the
    /// throttling rules of `config`; all else in it is for another start. Connections keep what
    /// was found out about them when they came.
    ///
    /// # Errors
    ///
    /// When the fallback page cannot be served; nothing changes then.
    pub fn reload(&self, config: &Config) -> Result<(), StartError> {
        if let Some(page) = &config.rules.fallback {
            check_fallback(&self.site, page)?;
        }
        self.live.send_replace(Live::new(config));
        if let Some(throttles) = &self.throttles {
            throttles.replace(&rules_of(config));
        }
        Ok(())
    }

    /// Whether the server throttles at all; only then can it do so by other rules.
    pub(crate) const fn is_throttled(&self) -> bool {
        self.throttles.is_some()
    }

    /// Whether it throttles by other rules than those of `config`.
    pub(crate) fn throttles_otherwise(&self, config: &Config) -> bool {
        let throttles = self.throttles.as_ref();
        throttles.is_some_and(|throttles| throttles.rules() != rules_of(config))
    }
}

/// None, where it does not throttle.
fn rules_of(config: &Config) -> ThrottleRules {
    let throttles = config.throttles.as_ref();
    throttles.map(Throttles::rules).unwrap_or_default()
}

impl StopHandle {
    /// Stops accepting, and ends when the exchanges under way are finished or the stop
    /// timeout has passed.
    pub fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    /// Stops accepting, and ends when the exchanges under way are finished, however long that
    /// takes; [`stop`](Self::stop) may still be called.
    pub fn finish(&self) {
        self.advance(Phase::Finishing);
    }

    /// Ends at once, cutting off what is under way.
    pub fn end(&self) {
        self.advance(Phase::Ending);
    }

    fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let is_news = *phase < to;
            *phase = to.max(*phase);
            is_news
        });
    }
}

/// Opens what is served.
fn open(config: &Config) -> Result<Site, StartError> {
    let refused = |source| StartError::Root {
        path: config.root.clone(),
        source,
    };
    let site = Site::open(&config.root, &config.site).map_err(refused)?;
    let site = site.with_programs(config.cgi.as_ref().map(|cgi| cgi.pattern.clone()));
    // Opening it shows that it is there; this, that anything in it may be opened.
    access(&config.root, Access::EXEC_OK).map_err(refused)?;
    check_passwords(&site, config)?;
    check_default_host(&site, config.site.hosts.as_ref())?;
    if let Some(page) = &config.rules.fallback {
        check_fallback(&site, page)?;
    }
    Ok(site)
}

/// Refuses a file that would guard everything and cannot, or not be kept from anybody.
fn check_passwords(site: &Site, config: &Config) -> Result<(), StartError> {
    let PasswordScope::File(path) = &config.site.passwords else {
        return Ok(());
    };
    let path = path.clone();
    if let Err(source) = site.read_passwords() {
        return Err(StartError::Passwords { path, source });
    }
    let real = path.canonicalize().ok();
    let root = config.root.canonicalize().ok();
    let within = real.zip(root);
    let within = within.and_then(|(real, root)| real.strip_prefix(root).ok().map(PathBuf::from));
    let is_served = within.is_some_and(|within| {
        let mut names = within.components();
        !names.any(|name| name.as_os_str().as_bytes().starts_with(b"."))
    });
    if is_served {
        return Err(StartError::PasswordsServed { path });
    }
    Ok(())
}

/// Refuses a host to stand in for others that is not there now; it may come and go later.
fn check_default_host(site: &Site, hosts: Option<&HostOptions>) -> Result<(), StartError> {
    match hosts.and_then(|hosts| hosts.default.as_ref()) {
        Some(name) if site.lacks_default_host() => {
            let name = name.clone();
            Err(StartError::DefaultHost { name })
        }
        _ => Ok(()),
    }
}

/// Refuses a fallback page that cannot be served now; it may change or go later.
fn check_fallback(site: &Site, page: &FallbackPage) -> Result<(), StartError> {
    // Each host has its own.
    if site.has_hosts() {
        return Ok(());
    }
    let wishes = Wishes::default();
    let target = page.target();
    let is_script = |page: &Target<'_>| site.is_script(None, page.path());
    if target.as_ref().is_ok_and(is_script) {
        return Err(StartError::Fallback {
            page: page.to_string(),
            reason: "it is a program's (--cgi); name a page",
        });
    }
    let found = target.map(|page| {
        let place = Place {
            path: page.path(),
            shown: page.path(),
            host_len: 0,
            hidden_len: 0,
            is_directory: page.is_directory(),
        };
        site.load(place, &wishes, Patience::Waiting)
    });
    let reason = match found {
        Ok(Ok(Resource::File(_))) => return Ok(()),
        Ok(Ok(Resource::SlashMissing | Resource::Listing(_) | Resource::Program)) => {
            "it is a directory; name a file in it"
        }
        Ok(Err(LookupError::Forbidden(_))) => {
            "it is not readable, not a regular file, or a link out of the document root"
        }
        Ok(Err(LookupError::NotFound)) | Err(_) => {
            "there is no such file beneath the document root; give its path from there"
        }
        Ok(Err(_)) => "it cannot be read",
    };
    Err(StartError::Fallback {
        page: page.to_string(),
        reason,
    })
}

fn explain(source: Errno) -> String {
    match source {
        Errno::NOENT => "there is no such directory; give one with -d".into(),
        Errno::NOTDIR => "it is not a directory; give one with -d".into(),
        Errno::ACCESS => {
            "permission denied; it must be readable for the user that serves it".into()
        }
        other => other.to_string(),
    }
}
