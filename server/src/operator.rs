//! What the operator asks for while it serves, carried out: the other side of `signals.rs`.

use std::time::Instant;

use spread_logger::diagnostics::Chain;
use spread_logger::notify::Notifier;

use crate::counters::Counters;
use crate::logging::Logging;
use crate::reload::{ReloadError, Reloaded, Reloading};
use crate::server::StopHandle;
use crate::signals::Heard;
use crate::statistics::Statistics;

/// Everything that can be asked for something.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) manager: &'a Notifier,
    /// What the manager is told that it does.
    pub(crate) summary: &'a str,
    pub(crate) stop: StopHandle,
    pub(crate) counters: Counters,
    pub(crate) log: Option<&'a Logging>,
    /// `None` in a chroot, from which the configuration is not seen.
    pub(crate) reloading: Option<Reloading>,
    pub(crate) statistics: Statistics,
    pub(crate) began: Instant,
}

impl Desk<'_> {
    /// Does what was heard.
    pub(crate) fn heed(&mut self, heard: Heard) {
        match heard {
            Heard::Stop => {
                self.manager.stopping();
                self.stop.stop();
            }
            Heard::Finish => {
                self.manager.stopping();
                self.stop.finish();
            }
            Heard::HangUp => {
                self.manager.reloading(self.summary);
                if let Some(log) = self.log {
                    log.reopen();
                }
                match &mut self.reloading {
                    Some(reloading) => tell_reloaded(reloading.reload()),
                    None => tracing::info!("in a chroot the configuration is not read again"),
                }
                self.manager.ready(self.summary);
            }
            Heard::Tell => self.tell(),
        }
    }

    /// Says what was counted.
    pub(crate) fn tell(&mut self) {
        let (up, totals) = (self.began.elapsed(), self.counters.totals());
        let logged = self.log.map(Logging::logged);
        tracing::info!("{}", self.statistics.line(up, &totals, logged));
    }
}

/// Says what a HUP has come to; nothing where nothing has changed.
fn tell_reloaded(outcome: Result<Reloaded, ReloadError>) {
    let names = |options: Vec<String>| format!("--{}", options.join(", --"));
    match outcome {
        Ok(Reloaded { taken_up, left }) => {
            if !taken_up.is_empty() {
                tracing::info!("now as the configuration says: {}", names(taken_up));
            }
            if !left.is_empty() {
                tracing::warn!("changed for the next start alone: {}", names(left));
            }
        }
        Err(error) => tracing::error!("the configuration of before stays: {}", Chain(&error)),
    }
}
