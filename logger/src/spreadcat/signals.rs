//! The signals the program knows, and what each means here. PIPE is ignored by Rust's own start-up.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::stop::Stop;

/// A second one asked to end at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndAtOnce;

/// Those that are caught.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Caught, and no more: Apache sends them to all its processes, and a limit on the size of
    /// files is a failed write and not the end.
    _others: Vec<Signal>,
    /// TERM is no reason to stop before the end of the input.
    input_outlives_stop: bool,
    eof_timeout: Duration,
    /// Reading ends when it is dropped.
    stop: Option<Stop>,
    /// When the first stop was heard that is one.
    stopped_at: Option<Instant>,
    /// When it is dropped at last.
    deadline: Option<Instant>,
}

impl Signals {
    /// Catches them from now on, in the current runtime; `stop` ends the reading.
    pub(super) fn catch(
        stop: Stop,
        input_outlives_stop: bool,
        eof_timeout: Duration,
    ) -> io::Result<Self> {
        let others = [
            SignalKind::hangup(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()),
        ];
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _others: others.map(signal).into_iter().collect::<io::Result<_>>()?,
            input_outlives_stop,
            eof_timeout,
            stop: Some(stop),
            stopped_at: None,
            deadline: None,
        })
    }

    /// Waits for `work`, heeding what is heard meanwhile; a second stop ends the wait.
    pub(super) async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, EndAtOnce> {
        let mut work = pin!(work);
        loop {
            let is_stop = tokio::select! {
                done = &mut work => return Ok(done),
                _ = self.terminate.recv() => !self.input_outlives_stop,
                _ = self.interrupt.recv() => true,
                () = until(self.deadline) => {
                    info!("standard input is still open after --eof-timeout: no more is read");
                    self.deadline = None;
                    self.stop = None;
                    continue;
                }
            };
            if !is_stop {
                // Apache sends it twice; the first counts.
                let after = Instant::now() + self.eof_timeout;
                if self.stop.is_some() {
                    self.deadline.get_or_insert(after);
                }
                continue;
            }
            self.stop = None;
            let stopped_at = *self.stopped_at.get_or_insert_with(Instant::now);
            if stopped_at.elapsed() > SAME_SIGNAL {
                return Err(EndAtOnce);
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// `timeout` of coreutils sends its signal twice, to the process and to its group; nobody
/// has changed their mind in so short a time.
const SAME_SIGNAL: Duration = Duration::from_millis(100);
