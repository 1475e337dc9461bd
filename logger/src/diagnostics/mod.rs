//! What a program tells its operator: which words, in what form, and that nobody waits for them.
//!
//! ```text
//! tracing, panics, a last word -> Outlet (bounded) -> a thread of its own -> standard error
//!                 | if asked for
//!                 +-> Forwarding -> a ring of lines -> a publisher
//! ```
//!
//! A terminal that is stopped (Ctrl-S), or a pipe whose reader has stopped reading, takes nothing
//! for as long as it pleases. Whoever writes to it directly then waits, and here that would be a
//! thread that serves or receives. So the words are handed over, in [`Outlet`].
//!
//! This is for programs: it sets the process's subscriber and panic hook. The access log is
//! something else and never comes here.

mod chain;
mod forwarding;
mod outlet;
mod syslog;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use self::chain::Chain;
pub use self::forwarding::Forwarding;
pub use self::outlet::Outlet;
pub use self::syslog::StderrAndSyslog;

/// How long the last words may take at the end of the program. A reader that is there needs
/// no time at all; one that is not would need all there is.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Standard error, to which everything the program says goes from now on.
///
/// Dropping it says what is still to be said, within [`FLUSH_TIMEOUT`].
#[derive(Debug)]
pub struct Diagnostics {
    errors: Outlet,
    forwarding: Forwarding,
}

/// Whether a line says when it was said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stamps {
    /// It does: for a program that runs for months and whose lines may go to a plain file.
    Shown,
    /// It does not: journald, or a container's log, knows, and a person sees.
    Hidden,
}

impl Diagnostics {
    /// Has `tracing` write what `filter` lets through to standard error, and panics told there too.
    ///
    /// # Errors
    ///
    /// When the system refuses the thread that writes.
    pub fn start(filter: Targets, stamps: Stamps) -> io::Result<Self> {
        Self::start_on(io::stderr(), filter, stamps)
    }

    /// The same, with another stream in the place of standard error.
    ///
    /// # Errors
    ///
    /// When the system refuses the thread that writes.
    pub fn start_on(
        stream: impl Write + Send + 'static,
        filter: Targets,
        stamps: Stamps,
    ) -> io::Result<Self> {
        let errors = Outlet::open("stderr", stream)?;
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(Arc::new(errors.clone()))
            .with_ansi(is_coloured())
            .with_target(false);
        let forwarding = Forwarding::default();
        let registry = tracing_subscriber::registry()
            .with(filter)
            .with(forwarding.layer());
        match stamps {
            Stamps::Shown => registry.with(lines).init(),
            Stamps::Hidden => registry.with(lines.without_time()).init(),
        }
        // The hook there is by default writes to standard error itself, and waits.
        // It is nobody's own word, whose lines might be left out somewhere.
        let tell = |panic: &PanicHookInfo<'_>| tracing::error!(target: "panic", "{}", told(panic));
        panic::set_hook(Box::new(tell));
        Ok(Self { errors, forwarding })
    }

    /// Says `text` as it is.
    pub fn say(&self, text: &str) {
        self.errors.say(text.as_bytes());
    }

    /// Where it goes: to be asked how much has found no room.
    #[must_use]
    pub fn outlet(&self) -> Outlet {
        self.errors.clone()
    }

    /// What else it can go to, as lines.
    #[must_use]
    pub fn forwarding(&self) -> Forwarding {
        self.forwarding.clone()
    }

    /// Waits until everything has been said, or for [`FLUSH_TIMEOUT`]: for a program that is about
    /// to end otherwise than by returning from `main`.
    pub fn flush(&self) {
        // There is nobody to tell that nobody reads.
        let _ = self.errors.flush(FLUSH_TIMEOUT);
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Whether standard error is a terminal whose user wants colours (<https://no-color.org>).
#[must_use]
pub fn is_coloured() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !no_color
}

/// As the hook that Rust has by default tells of a panic.
fn told(panic: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let text = format!("thread '{name}' {panic}");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        format!("{text}\n{backtrace}")
    } else {
        text
    }
}
