//! A Log at work: what it makes of a message, and where that goes.
//!
//! ```text
//! message -> steps: the lines that are wanted, finished -> pieces: what each file gets of them
//!                                                        -> feeds: commands, modules, functions
//! ```
//!
//! - `pieces`: a message is in a file once, though several Logs put lines of it there, so that the
//!   ledger has one entry for both.
//! - `named`: the files that lines name, by their virtual host or the time.
//! - `feeds`: programs that are fed.

mod feeds;
mod named;
mod pieces;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::child::{Child, Patience};
use crate::counters::FileCounters;
use crate::online::Online;
use crate::sink::{Lines, Shelf};
#[cfg(test)]
use crate::steps::Parts;
use crate::steps::{Message, Place, Steps};

pub(crate) use feeds::{Feed, Hooks};
pub(crate) use named::{Named, Pattern};
pub(crate) use pieces::{Pieces, Taken};

/// All Logs at work, and the programs that they feed.
#[derive(Debug, Default)]
pub(crate) struct Outlets {
    /// As those who receive number them.
    pub(crate) logs: Vec<Outlet>,
    /// Each once, however many Logs feed it.
    pub(crate) children: Vec<Arc<Child>>,
    /// The module that is built in runs as long as this is there.
    pub(crate) online: Option<Online>,
}

/// A Log at work.
#[derive(Debug)]
pub(crate) struct Outlet {
    steps: Steps,
    main: Main,
    named: Option<Named>,
    hooks: Hooks,
    counters: Arc<FileCounters>,
}

/// Where lines go that name no file.
#[derive(Debug)]
pub(crate) enum Main {
    /// To the hooks alone, or all of them name one.
    Nowhere,
    /// To the file of this index.
    File(usize),
    /// To a command.
    Feed(Feed),
}

/// When a message is taken apart, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) time: SystemTime,
}

impl Outlets {
    /// Without programs.
    #[cfg(test)]
    pub(crate) fn of(logs: Vec<Outlet>) -> Self {
        Self {
            logs,
            ..Self::default()
        }
    }

    /// HUP: programs open their files again.
    pub(crate) fn reopen(&self) {
        self.children.iter().for_each(|child| child.reopen());
    }

    /// Begins to end the programs, all at the same time: what they have not read by `deadline` is
    /// lost and counted.
    pub(crate) fn stop(&self, deadline: Instant) {
        let quarter = deadline.saturating_duration_since(Instant::now()) / 4;
        let patience = Patience {
            write: 2 * quarter,
            end: quarter,
            term: quarter,
        };
        self.children.iter().for_each(|child| child.stop(patience));
    }

    /// Waits until they have ended.
    pub(crate) fn join(self) {
        drop(self.logs);
        for child in self.children.into_iter().filter_map(Arc::into_inner) {
            child.join();
        }
    }
}

impl Outlet {
    /// All lines go to one file, which is open.
    #[cfg(test)]
    pub(crate) fn plain(sink: usize, counters: Arc<FileCounters>) -> Self {
        let steps = || Steps::new(Parts::default());
        let hooks = Hooks::new(steps(), Vec::new());
        Self::new(steps(), (Main::File(sink), None), hooks, counters)
    }

    /// What is left of a message by `steps` goes to `main`, or to the file that it names.
    pub(crate) fn new(
        steps: Steps,
        (main, named): (Main, Option<Named>),
        hooks: Hooks,
        counters: Arc<FileCounters>,
    ) -> Self {
        Self {
            steps,
            main,
            named,
            hooks,
            counters,
        }
    }

    /// Whether it makes no difference how lines of a source were divided into messages, and whose
    /// those were.
    pub(crate) fn takes_lines_alone(&self) -> bool {
        let is_fed = matches!(self.main, Main::Feed(_)) || !self.hooks.is_empty();
        let names_sender = self.named.as_ref().is_some_and(Named::names_sender);
        !is_fed && !names_sender && !self.steps.shows_sender()
    }

    /// Whether its lines name their files.
    pub(crate) const fn names_files(&self) -> bool {
        self.named.is_some()
    }

    /// The file that gets every message of a Log as it is, where nothing else is done with it.
    pub(crate) fn only_file(&self) -> Option<usize> {
        match self.main {
            Main::File(sink) if self.steps.is_plain() && self.hooks.is_empty() => {
                self.named.is_none().then_some(sink)
            }
            _ => None,
        }
    }

    /// Adds the pieces of a message, whose files are opened if they are not, and feeds the
    /// programs. Lines of a message that has no number and `is_alone` to be taken apart, for no
    /// other Log, need not be known as pieces: the files take them at once.
    pub(crate) fn add(
        &mut self,
        (lines, is_alone): (&Lines, bool),
        shelf: &mut Shelf,
        at: Moment,
        pieces: &mut Pieces,
    ) {
        if let (Main::File(sink), true) = (&self.main, self.steps.is_plain()) {
            pieces.add_whole(*sink, lines);
        } else if !matches!(self.main, Main::Nowhere) || self.named.is_some() {
            self.add_lines((lines, is_alone), shelf, at, pieces);
        }
        self.hooks.give(lines, at.time);
    }

    fn add_lines(
        &mut self,
        (lines, is_alone): (&Lines, bool),
        shelf: &mut Shelf,
        at: Moment,
        pieces: &mut Pieces,
    ) {
        let is_gathered = is_alone && lines.origin.number == 0;
        let source = shelf.tagged(lines.origin.source);
        let Self {
            steps,
            main,
            named,
            counters,
            ..
        } = self;
        let (sender, group) = (
            lines.sender.to_string(),
            lines.origin.source.group.to_string(),
        );
        let message = Message {
            body: &lines.body,
            group: &group,
            sender: &sender,
            now: at.time,
        };
        if let Some(named) = named {
            named.begin(&group, &sender, at);
        }
        let mut fed = Vec::new();
        let left_out = steps.apply(message, |place, line| {
            let host = match place {
                Place::Vhost(host) => Some(host),
                Place::Main | Place::CatchAll => None,
            };
            let file = match (named.as_mut(), &*main) {
                // A line that names no file goes to the one for all such lines.
                (Some(_), Main::File(sink)) if host.is_none() => Some(*sink),
                (Some(_), Main::Feed(_)) if host.is_none() => None,
                (Some(named), _) => named.file(host, shelf, at),
                (None, Main::File(sink)) => Some(*sink),
                (None, _) => None,
            };
            match (file, &*main) {
                (Some(sink), _) if is_gathered => shelf.gather(sink, source, line, at.now),
                (Some(sink), _) => pieces.add_line(sink, line, lines),
                (None, Main::Feed(_)) => fed.extend_from_slice(line),
                (None, _) => {
                    // Not even the one for all others could be opened. They are not asked for
                    // again: what keeps a file from being opened is there for days, and the
                    // publisher's store would be full of them.
                    counters.lines_lost.add(1);
                    pieces.refuse();
                }
            }
        });
        counters.lines_left_out.add(left_out);
        if let Main::Feed(feed) = main
            && !fed.is_empty()
        {
            feed.give(fed.into(), lines);
        }
    }
}
