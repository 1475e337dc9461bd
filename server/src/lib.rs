//! A light static web server whose request path logs to a Spread group.
//!
//! ```text
//! Server::bind(Config) -> run: one worker per processor
//!   worker:     accept -> connection -> turn: bytes -> Request -> Response -> bytes
//!                                               |  Site: root, cache, listings
//!                                               v
//!                                       Record -> its own ring -> a publisher's thread
//! ```
//!
//! | question | where |
//! |---|---|
//! | what a path names, and its content | `site/` |
//! | which sockets are listened on | `listen/` |
//! | whose passwords are right, and setting them | [`passwords`], [`htpasswd`] |
//! | what is different for some paths | `rules/` |
//! | who asks, and what they may | `clients/` |
//! | how fast some paths are sent | `throttle/` |
//! | what one thread owns, accepting, stopping | `worker/` |
//! | reading, answering, writing, closing | `connection/`; when the runtime watches, `socket.rs` |
//! | flags, signals, what is said | `cli/`, [`program`], `banner.rs`, `systemd/` |
//! | what it says about itself while it runs | `status/` |
//! | which log wants an exchange | `logs/` |
//! | the logs beyond the rings | `logging/`, and `embedded.rs` for the hub in this process |
//!
//! The protocol itself is decided in the crate `http`, the text of log lines in
//! `spread_logger`. Nothing on the way of a request is shared between workers, waits for
//! a disk, or knows that there is a Spread.

pub mod background;
mod banner;
mod cgi;
mod cli;
mod clients;
mod clock;
mod config;
mod connection;
mod counters;
mod daemon;
#[cfg_attr(not(feature = "embedded"), path = "light.rs")]
mod embedded;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod htpasswd;
mod identity;
mod listen;
mod logging;
mod logs;
mod mapping;
mod operator;
pub mod passwords;
pub mod program;
mod reload;
mod rules;
mod sandbox;
mod server;
mod signals;
mod site;
mod statistics;
mod status;
mod systemd;
mod throttle;
mod worker;

pub use cgi::CgiOptions;
pub use cli::{Args, RuleError, UsageError};
pub use clients::{
    ClientOptions, Network, NetworkError, Period, ProxyField, Rate, RateError, TrustedProxy,
};
pub use config::{Config, Encodings, Limits, Timeouts};
pub use counters::{Counters, Totals};
pub use daemon::DaemonError;
pub use embedded::EmbeddedError;
pub use identity::IdentityError;
pub use listen::{Inherited, ListenError, Listener, ListenerError, Place};
pub use logging::{LogError, PlaceError};
pub use logs::{
    ListError, LogRule, Methods, OUTPUTS_MAX, Selection, ServerNameError, ServerNames, Statuses,
    VirtualHosts,
};
pub use rules::{
    Charset, FallbackPage, HeaderRule, HeaderRuleError, Headers, RedirectRule, RedirectRuleError,
    RefererRule, Rules, TemplateError,
};
pub use sandbox::SandboxError;
pub use server::{ReloadHandle, RunError, Server, StartError, StopHandle};
pub use site::{
    HostOptions, IndexName, IndexNameError, Links, PasswordScope, Permissions, SiteOptions,
    UserDirs, UserDirsError,
};
pub use systemd::ActivationError;
pub use throttle::{
    ThrottleFileError, ThrottleLineError, ThrottleReading, ThrottleRule, ThrottleRuleError,
    ThrottleRules, Throttles,
};
