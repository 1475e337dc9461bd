//! The program at work: one configuration after another, and the signals meanwhile.
//!
//! ```text
//! at work -- HUP, nothing new --> files opened again --> at work
//!         -- HUP, a new text ---> handed over: one ends, the next opens --> at work
//!         -- TERM --------------> everything is written --> the end
//! ```
//!
//! A new configuration is a restart within the process: everything delivered is written, files
//! and ledger are closed, and opened anew as the new text says. So nothing here has to know what
//! may change while it runs, and what is numbered and comes in between is asked for, as after any
//! restart. The hub, the status listener and module online go on.

use std::cell::Cell;
use std::convert::Infallible;
use std::future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use spread_logger::diagnostics::{Chain, Diagnostics};
use spreadlogd::online::Online;
use spreadlogd::{Command, Counters, Options, RunError, Spreadlogd, StartError, Summary};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::{error, info, warn};

use crate::conf::{Conf, Reread, tell_wrong};
use crate::signals::{Heard, Signals};
use crate::status::Shown;
use crate::systemd::{Manager, Standing};
use crate::tell_files;

/// What stays the same from one configuration to the next.
#[derive(Debug)]
pub(crate) struct Life<'a> {
    /// The file that is read again, if there is one.
    pub(crate) path: Option<PathBuf>,
    pub(crate) options: Options,
    pub(crate) diagnostics: &'a Diagnostics,
    pub(crate) manager: Manager,
    /// What the status listener tells of.
    pub(crate) shown: Shown,
    pub(crate) signals: Signals,
}

/// Why it is over before everything was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error(transparent)]
    Run(#[from] RunError),
    /// Neither the new configuration nor the one before can be put to work.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A second signal asked for it.
    #[error("told to stop a second time: ending at once")]
    AtOnce,
}

/// What comes after a configuration.
#[derive(Debug)]
enum Next {
    End,
    Conf(Box<Conf>),
}

/// Whether the configuration that was found last is the one at work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Found {
    AtWork,
    Wrong,
}

impl Life<'_> {
    /// Works until it is told to stop; whether everything was written.
    pub(crate) async fn live(
        mut self,
        mut spreadlogd: Spreadlogd,
        mut conf: Conf,
    ) -> Result<bool, Ended> {
        let (mut is_whole, mut found) = (true, Found::AtWork);
        loop {
            let before = (spreadlogd.online(), spreadlogd.counters());
            let (summary, next) = self.work(spreadlogd, &conf, found).await?;
            is_whole &= summary.lines_unwritten == 0;
            let Next::Conf(new) = next else {
                return Ok(is_whole);
            };
            (spreadlogd, conf, found) = self.change(before, conf, *new)?;
            self.shown.change(&spreadlogd);
        }
    }

    /// Works with one configuration, for as long as it lasts.
    async fn work(
        &mut self,
        spreadlogd: Spreadlogd,
        conf: &Conf,
        found: Found,
    ) -> Result<(Summary, Next), Ended> {
        let telling = Telling::new(&spreadlogd, found);
        let (commands, receiver) = mpsc::channel(1);
        let mut next = Next::End;
        let summary = {
            let work = pin!(spreadlogd.run(receiver));
            let told = pin!(telling.run(&self.manager));
            let obey = Obey {
                commands,
                conf,
                path: self.path.as_ref(),
                manager: &self.manager,
                diagnostics: self.diagnostics,
                telling: &telling,
                next: &mut next,
            };
            let obey = pin!(obey.run(&mut self.signals));
            tokio::select! {
                summary = work => summary?,
                AtOnce = obey => return Err(Ended::AtOnce),
                never = told => match never {},
            }
        };
        Ok((summary, next))
    }

    /// Puts the next configuration to work, or the one before where the next cannot be.
    fn change(
        &mut self,
        (online, counters): (Option<Online>, Arc<Counters>),
        before: Conf,
        new: Conf,
    ) -> Result<(Spreadlogd, Conf, Found), Ended> {
        // One that is not wanted as it is gives up its address to the next.
        self.options.online = online.filter(|online| online.is_wanted_by(&new.config));
        self.options.counters = Some(counters);
        let outcome = match Spreadlogd::open(&new.config, &self.options) {
            Ok(spreadlogd) => {
                new.say_warnings(self.diagnostics);
                info!("the new configuration is at work");
                tell_files(&spreadlogd.counters());
                Ok((spreadlogd, new, Found::AtWork))
            }
            Err(error) => {
                error!("{}", Chain(&error));
                warn!("the configuration of before stays");
                let again = Spreadlogd::open(&before.config, &self.options);
                again.map(|spreadlogd| (spreadlogd, before, Found::Wrong))
            }
        };
        self.options.online = None;
        self.options.counters = None;
        Ok(outcome?)
    }
}

/// A second signal to stop has come.
struct AtOnce;

/// Carries out what signals ask of a configuration at work.
struct Obey<'a> {
    commands: mpsc::Sender<Command>,
    conf: &'a Conf,
    path: Option<&'a PathBuf>,
    manager: &'a Manager,
    diagnostics: &'a Diagnostics,
    telling: &'a Telling,
    next: &'a mut Next,
}

impl Obey<'_> {
    async fn run(mut self, signals: &mut Signals) -> AtOnce {
        loop {
            match signals.next().await {
                Heard::HangUp => {
                    self.manager.reloading();
                    // Whoever ends it must not have to wait for a disk that does not answer.
                    let heard = tokio::select! {
                        is_over = self.reload() => {
                            if is_over {
                                break;
                            }
                            continue;
                        }
                        heard = signals.next_stop() => heard,
                    };
                    if heard == Heard::EndAtOnce {
                        return AtOnce;
                    }
                    *self.next = Next::End;
                    self.stop().await;
                    break;
                }
                Heard::Stop => {
                    self.stop().await;
                    break;
                }
                Heard::EndAtOnce => return AtOnce,
            }
        }
        // It ends, for good or for the next: a HUP waits for that one.
        loop {
            match signals.next_stop().await {
                Heard::EndAtOnce => return AtOnce,
                _ => {
                    self.manager.stopping();
                    *self.next = Next::End;
                }
            }
        }
    }

    async fn stop(&mut self) {
        self.manager.stopping();
        self.send(Command::Stop).await;
    }

    /// Does what a HUP asks for; whether this configuration is over.
    async fn reload(&mut self) -> bool {
        let reread = match self.path {
            Some(path) => self.conf.reread(path).await,
            None => Reread::Same,
        };
        let found = match reread {
            Reread::Same => Found::AtWork,
            Reread::Wrong(text) => {
                tell_wrong(&text, self.diagnostics);
                Found::Wrong
            }
            Reread::Changed(conf) => {
                info!("the configuration has changed");
                *self.next = Next::Conf(conf);
                self.send(Command::HandOver).await;
                return true;
            }
        };
        let mut reopened = self.telling.reopened.clone();
        let before = *reopened.borrow();
        self.send(Command::Reopen).await;
        // It ends with the writer, and then this does too.
        let _ = reopened.wait_for(|times| *times > before).await;
        self.telling.found.set(found);
        self.manager.ready(self.telling.standing());
        false
    }

    async fn send(&self, command: Command) {
        // While it stops it takes no more, and needs none.
        let _ = self.commands.send(command).await;
    }
}

/// What the service manager hears of the sessions.
#[derive(Debug)]
struct Telling {
    sessions: usize,
    files: usize,
    joined: watch::Receiver<usize>,
    tried: watch::Receiver<usize>,
    reopened: watch::Receiver<u64>,
    /// It changes with each HUP.
    found: Cell<Found>,
}

impl Telling {
    fn new(spreadlogd: &Spreadlogd, found: Found) -> Self {
        let counters = spreadlogd.counters();
        Self {
            sessions: counters.sessions().len(),
            files: counters.files().len(),
            joined: spreadlogd.joined(),
            tried: spreadlogd.tried(),
            reopened: spreadlogd.reopened(),
            found: Cell::new(found),
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            sessions: self.sessions,
            joined: *self.joined.borrow(),
            files: self.files,
            is_behind: self.found.get() == Found::Wrong,
        }
    }

    /// Says that it is ready when it is, and then what changes.
    async fn run(&self, manager: &Manager) -> Infallible {
        let (mut joined, mut tried) = (self.joined.clone(), self.tried.clone());
        let tried = tried.wait_for(|tried| *tried >= self.sessions);
        // Late or at its end, it is as ready as it gets.
        let _ = timeout(READY_WITHIN, tried).await;
        manager.ready(self.standing());
        while joined.changed().await.is_ok() {
            manager.status(self.standing());
        }
        future::pending().await
    }
}

/// 10 s: a daemon that does not answer is no reason for the services behind this one to wait
/// longer, as publishers keep their lines meanwhile.
const READY_WITHIN: Duration = Duration::from_secs(10);
