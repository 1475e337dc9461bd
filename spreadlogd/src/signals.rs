//! The signals that ask something of the program.

use std::io;
use std::time::Instant;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

use crate::stops::{Stops, Wish};

/// Those that are caught. One that comes while nobody asks is not lost: it is told of when
/// somebody does, several of one kind as one.
#[derive(Debug)]
pub(crate) struct Signals {
    hup: unix::Signal,
    term: unix::Signal,
    int: unix::Signal,
    stops: Stops,
    began: Instant,
}

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// HUP: to open the files again, and to read the configuration again.
    HangUp,
    /// TERM or INT: to finish and to end.
    Stop,
    /// One of these again: to end at once.
    EndAtOnce,
}

impl Signals {
    /// Catches them from now on, in the current runtime.
    pub(crate) fn catch() -> io::Result<Self> {
        // Caught, and no more: a limit on the size of files is a failed write and not the end.
        let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            stops: Stops::default(),
            began: Instant::now(),
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            let stop = tokio::select! {
                _ = self.hup.recv() => return Heard::HangUp,
                _ = self.term.recv() => SignalKind::terminate(),
                _ = self.int.recv() => SignalKind::interrupt(),
            };
            if let Some(heard) = self.on_stop(stop) {
                return heard;
            }
        }
    }

    /// The next one that is no HUP: those wait.
    pub(crate) async fn next_stop(&mut self) -> Heard {
        loop {
            let stop = tokio::select! {
                _ = self.term.recv() => SignalKind::terminate(),
                _ = self.int.recv() => SignalKind::interrupt(),
            };
            if let Some(heard) = self.on_stop(stop) {
                return heard;
            }
        }
    }

    fn on_stop(&mut self, signal: SignalKind) -> Option<Heard> {
        match self.stops.on(signal, self.began.elapsed()) {
            Wish::Stop => Some(Heard::Stop),
            Wish::Same => None,
            Wish::EndAtOnce => Some(Heard::EndAtOnce),
        }
    }
}
