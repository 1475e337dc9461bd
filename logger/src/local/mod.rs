//! Lines on their way from the rings to a file or the system's log of this machine.
//!
//! ```text
//! rings -> what is being written -> a file, standard output, /dev/log
//!   every 20 ms
//! ```
//!
//! One future, for a thread with a current-thread runtime of its own: it *does* wait for the disk,
//! and so must share its thread with nobody. Meanwhile the rings fill, and what finds no room there
//! is counted, as it is with a publisher. What cannot be written is kept and tried again every
//! second; a line is counted as written when its newline is.
//!
//! Nothing here numbers lines, keeps them over a restart or rotates files: that is `spreadlogd`'s.

mod counters;
mod file;
mod syslog;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use memchr::memchr_iter;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

pub use self::counters::{LocalBooks, LocalCounters, LocalLost};
use self::file::LogFile;
use self::syslog::Syslog;
pub use self::syslog::{Facility, SyslogOptions, UnknownFacility};
use crate::queue::{Drain, OffsetKeeper};

/// Where the lines of a local log go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LocalPlace {
    /// The end of a file, which is made if it is not there, mode 0640.
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// The system's log.
    Syslog(SyslogOptions),
}

/// Writes the lines of some rings on this machine.
#[derive(Debug)]
pub struct LocalWriter {
    name: String,
    sink: Sink,
    drains: Vec<Drain>,
    pending: Pending,
    counters: Arc<LocalCounters>,
    wake: Arc<Notify>,
    reopen: Arc<Notify>,
    offset: OffsetKeeper,
    /// Nothing is tried before.
    retry_at: Option<Instant>,
    warned: Warned,
}

/// Has a [`LocalWriter`] open its file again, from any thread. A cheap clone.
#[derive(Clone, Debug)]
pub struct Reopener(Arc<Notify>);

/// What has been taken from a ring: whole lines, of which those before `from` are written.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    from: usize,
}

#[derive(Debug)]
enum Sink {
    File(LogFile),
    Syslog(Syslog),
}

/// What the operator has been told.
#[derive(Debug, Default)]
struct Warned {
    is_failing: bool,
    queue_full: u64,
    at: Option<Instant>,
}

impl LocalWriter {
    /// Opens `place`.
    ///
    /// # Errors
    /// When its file cannot be opened. A system log that is not there yet is waited for.
    pub fn open(place: &LocalPlace, drains: Vec<Drain>) -> io::Result<Self> {
        let wake = Arc::new(Notify::new());
        let rings = drains.iter().map(|drain| drain.attach(&wake)).collect();
        let sink = match place {
            LocalPlace::File(path) => Sink::File(LogFile::open(path)?),
            LocalPlace::Stdout => Sink::File(LogFile::stdout()?),
            LocalPlace::Syslog(options) => Sink::Syslog(Syslog::new(options.clone())),
        };
        Ok(Self {
            name: place.to_string(),
            sink,
            drains,
            pending: Pending::default(),
            counters: Arc::new(LocalCounters::new(rings)),
            wake,
            reopen: Arc::default(),
            offset: OffsetKeeper::default(),
            retry_at: None,
            warned: Warned::default(),
        })
    }

    /// The books, readable while it runs.
    #[must_use]
    pub fn counters(&self) -> Arc<LocalCounters> {
        Arc::clone(&self.counters)
    }

    /// What has it open its file again.
    #[must_use]
    pub fn reopener(&self) -> Reopener {
        Reopener(Arc::clone(&self.reopen))
    }

    /// Runs until `stop` resolves, all `Log`s are dropped and everything is written, or until
    /// `stop_timeout` after the stop. What is not written then is counted as lost.
    pub async fn run(mut self, stop: impl Future<Output = ()>, stop_timeout: Duration) {
        let (wake, reopen) = (Arc::clone(&self.wake), Arc::clone(&self.reopen));
        let mut tick = interval(DRAIN_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = pin!(stop);
        let mut deadline = None;
        loop {
            tokio::select! {
                () = &mut stop, if deadline.is_none() => {
                    deadline = Some(Instant::now() + stop_timeout);
                }
                () = reopen.notified() => self.reopen(),
                _ = tick.tick() => {}
                () = wake.notified() => {}
            }
            let now = Instant::now();
            self.write(now);
            self.warn_of_losses(now);
            if deadline.is_some_and(|deadline| now >= deadline || self.is_done()) {
                return self.end();
            }
        }
    }

    /// Writes what waits, and then what is in the rings.
    fn write(&mut self, now: Instant) {
        self.offset.refresh(&self.drains);
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        let mut next = 0;
        loop {
            let outcome = self.sink.write(&mut self.pending, &self.counters);
            self.counters.set_waiting(self.pending.lines());
            match outcome {
                Err(error) => return self.failed(&error, now),
                // Whoever reads is busy, or has stopped.
                Ok(()) if !self.pending.is_empty() => return,
                Ok(()) => self.recovered(),
            }
            let Some(drain) = self.drains.get_mut(next) else {
                return;
            };
            next += 1;
            self.pending.fill(drain);
            self.counters.set_waiting(self.pending.lines());
        }
    }

    fn is_done(&self) -> bool {
        self.pending.is_empty() && self.drains.iter().all(Drain::is_finished)
    }

    fn end(mut self) {
        let mut unwritten = self.pending.lines();
        for drain in &mut self.drains {
            drain.drain(|piece| unwritten += lines(piece));
        }
        self.counters.give_up(unwritten);
        if unwritten > 0 {
            warn!(
                "stopped with {unwritten} log lines that could not be written to {}; they are lost",
                self.name
            );
        }
    }

    fn reopen(&mut self) {
        let Sink::File(file) = &mut self.sink else {
            return;
        };
        // What has been taken belongs to the file of before, if that takes it.
        let _ = file.write(&mut self.pending, &self.counters);
        match file.reopen() {
            Ok(()) => {
                self.pending.back_to_line_start();
                self.retry_at = None;
            }
            Err(error) => warn!(
                "cannot open {} again: {error}; lines still go to the file as it was",
                self.name
            ),
        }
    }

    fn failed(&mut self, error: &io::Error, now: Instant) {
        self.retry_at = Some(now + RETRY_EVERY);
        self.counters.set_failing(true);
        if !std::mem::replace(&mut self.warned.is_failing, true) {
            warn!(
                "cannot write log lines to {}: {error}; trying again every second, and dropping and \
                 counting what finds no room",
                self.name
            );
        }
    }

    fn recovered(&mut self) {
        self.retry_at = None;
        if std::mem::replace(&mut self.warned.is_failing, false) {
            self.counters.set_failing(false);
            info!("log lines are written to {} again", self.name);
        }
    }

    /// Says that lines are being lost, once a minute at most.
    fn warn_of_losses(&mut self, now: Instant) {
        let queue_full = self.counters.books().lost.queue_full;
        let due = self.warned.at.is_none_or(|at| now >= at + LOSSES_EVERY);
        if queue_full > self.warned.queue_full && due {
            let lost = queue_full - self.warned.queue_full;
            self.warned.queue_full = queue_full;
            self.warned.at = Some(now);
            warn!(
                "log lines lost: {lost} because {} takes them too slowly",
                self.name
            );
        }
    }
}

impl Reopener {
    /// Opens the file again by its name: it may have been moved away.
    pub fn reopen(&self) {
        self.0.notify_one();
    }
}

impl std::fmt::Display for LocalPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdout => f.write_str("standard output"),
            Self::Syslog(options) => write!(f, "syslog at {}", options.path.display()),
        }
    }
}

impl Sink {
    fn write(&mut self, pending: &mut Pending, counters: &LocalCounters) -> io::Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        match self {
            Self::File(file) => file.write(pending, counters),
            Self::Syslog(syslog) => syslog.write(pending, counters),
        }
    }
}

impl Pending {
    /// Takes all that is in a ring; what was here before is written.
    fn fill(&mut self, drain: &mut Drain) {
        self.bytes.clear();
        self.from = 0;
        drain.drain(|piece| self.bytes.extend_from_slice(piece));
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.from >= self.bytes.len()
    }

    /// Lines that are not wholly written.
    fn lines(&self) -> u64 {
        lines(self.rest())
    }

    /// So many bytes more are written; the lines that end among them.
    fn advance(&mut self, len: usize) -> u64 {
        let written = self.rest().get(..len).unwrap_or_default();
        let ends = lines(written);
        self.from += len;
        ends
    }

    /// A line of which a part is in a file that is no longer written to goes whole into the next.
    fn back_to_line_start(&mut self) {
        let before = self.bytes.get(..self.from).unwrap_or_default();
        if !self.is_empty() {
            self.from = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        }
    }
}

fn lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// 20 ms, as the publisher: a ring is for what comes meanwhile.
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);

/// A disk that was full is looked at so often.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// A minute: losses that go on are said again, but do not fill the log.
const LOSSES_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
