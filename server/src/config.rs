//! What a server is told when it is made.
//!
//! A [`Config`] is plain data with defaults; the command line is one way to fill it in
//! (`cli.rs`), an embedding program another. Each default is a constant with its reason.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::cgi::CgiOptions;
use crate::clients::ClientOptions;
use crate::listen::Listener;
use crate::logs::ServerNames;
use crate::rules::Rules;
use crate::site::SiteOptions;
use crate::throttle::Throttles;

/// Everything a [`Server`](crate::Server) needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory that is served.
    pub root: PathBuf,
    /// How it is used.
    pub site: SiteOptions,
    /// Where connections come in: port 8080 of all addresses when there is none.
    pub listeners: Vec<Listener>,
    /// Threads that serve.
    pub workers: NonZeroUsize,
    /// What a client may use.
    pub limits: Limits,
    /// What a client may take its time for.
    pub timeouts: Timeouts,
    /// Bytes of small files kept in memory, by all workers together.
    pub cache_bytes: usize,
    /// Who is let in, and how often; all and without limit by default.
    pub clients: ClientOptions,
    /// How files are encoded on their way.
    pub encodings: Encodings,
    /// What is different for some paths.
    pub rules: Rules,
    /// What the server is called; its logs know virtual hosts by these names.
    pub names: ServerNames,
    /// How fast some paths are sent; as fast as they are taken by default.
    pub throttles: Option<Throttles>,
    /// Which paths are programs; none by default.
    pub cgi: Option<CgiOptions>,
}

/// How files are encoded, besides as what lies beside them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Encodings {
    /// Text without a gzip side file is compressed, for clients that want it so.
    pub gzip: bool,
}

/// What clients may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections at a time, in all workers together; more wait to be accepted.
    pub connections_max: NonZeroUsize,
    /// The sizes of a request.
    pub request: http::Limits,
}

/// What clients may take their time for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// Between two requests of one connection.
    pub idle: Duration,
    /// For a whole request, from its first byte, and for the first to begin.
    pub request: Duration,
    /// Without taking a byte of the response; a client is looked at once in this time, so that it
    /// has at least this and at most twice as long.
    pub send: Duration,
    /// For the exchanges that are under way when the server is stopped.
    pub stop: Duration,
}

impl Config {
    /// Serves `root` on port 8080 of all addresses, with everything else as
    /// `rthttpd` has it by default.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            site: SiteOptions::default(),
            listeners: Vec::new(),
            workers: workers(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            cache_bytes: CACHE_BYTES,
            clients: ClientOptions::default(),
            encodings: Encodings::default(),
            rules: Rules::default(),
            names: ServerNames::default(),
            throttles: None,
            cgi: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            request: http::Limits::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: IDLE_TIMEOUT,
            request: REQUEST_TIMEOUT,
            send: SEND_TIMEOUT,
            stop: STOP_TIMEOUT,
        }
    }
}

/// Processors this process may use: its affinity, and the CPU quota of its cgroup.
fn workers() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Needs no privilege, unlike 80.
pub(crate) const PORT: u16 = 8080;

/// Where thttpd is.
pub(crate) const THTTPD_PORT: u16 = 80;

/// An idle connection costs a quarter of a kilobyte here and two in the kernel.
pub(crate) const CONNECTIONS_MAX: NonZeroUsize = match NonZeroUsize::new(65_536) {
    Some(connections) => connections,
    None => NonZeroUsize::MIN,
};

/// Holds the small files of most sites whole.
pub(crate) const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// As thttpd's `IDLE_READ_TIMELIMIT`; browsers keep idle connections for longer
/// than that and open a new one without complaint.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Long enough for a head over a bad mobile network, and the most that a client which
/// sends a byte now and then can hold a connection.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// As nginx's `send_timeout`.
pub(crate) const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// What `docker stop` waits before it kills.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
