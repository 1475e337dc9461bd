//! The signals that the program knows, and the hour that it counts.
//!
//! PIPE is ignored by Rust's own start-up.

use std::future::{self, Future};
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// What is asked for from outside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// TERM, INT: stop, within the time there is for it.
    Stop,
    /// USR1: stop, and take all the time that is needed, as thttpd does.
    Finish,
    /// HUP: open files again, and read again what can be read again.
    HangUp,
    /// USR2, or the hour: say what has been counted.
    Tell,
}

/// A second signal to stop.
#[derive(Debug)]
pub(crate) struct AtOnce;

/// The signals, from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    finish: Signal,
    tell: Signal,
    /// Caught, so that a limit on the size of files is a failed write and not the end.
    _too_large: Signal,
    hours: Option<Interval>,
    stopped_at: Option<Instant>,
}

impl Signals {
    /// Catches them, and has something told each time that `period` has passed, if there is one.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn new(period: Option<Duration>) -> io::Result<Self> {
        let hours = period.map(|period| {
            let mut hours = interval_at(tokio::time::Instant::now() + period, period);
            // After a sleep of the machine one line is enough.
            hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
            hours
        });
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            finish: signal(SignalKind::user_defined1())?,
            tell: signal(SignalKind::user_defined2())?,
            _too_large: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
            hours,
            stopped_at: None,
        })
    }

    /// Waits for `work`, and passes on to `heed` what is heard meanwhile; a second stop
    /// ends the wait.
    pub(crate) async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        mut heed: impl FnMut(Heard),
    ) -> Result<T, AtOnce> {
        let mut work = pin!(work);
        loop {
            let heard = tokio::select! {
                done = &mut work => return Ok(done),
                heard = self.next() => heard,
            };
            if heard == Heard::Stop {
                let stopped_at = *self.stopped_at.get_or_insert_with(Instant::now);
                if stopped_at.elapsed() > SAME_SIGNAL {
                    return Err(AtOnce);
                }
            }
            heed(heard);
        }
    }

    async fn next(&mut self) -> Heard {
        let hour = async {
            match &mut self.hours {
                Some(hours) => drop(hours.tick().await),
                None => future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Heard::Stop,
            _ = self.interrupt.recv() => Heard::Stop,
            _ = self.finish.recv() => Heard::Finish,
            _ = self.hang_up.recv() => Heard::HangUp,
            _ = self.tell.recv() => Heard::Tell,
            () = hour => Heard::Tell,
        }
    }
}

/// `timeout` of coreutils sends its signal twice, to the process and to its group; nobody
/// has changed their mind in so short a time.
const SAME_SIGNAL: Duration = Duration::from_millis(100);
