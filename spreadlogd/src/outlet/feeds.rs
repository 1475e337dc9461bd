//! Programs that a Log feeds: a command, modules, functions of interpreters.
//!
//! Modules and functions see all lines of the group, as the original's did: `Match` and the like
//! are about files. They see them with their time rewritten, and with their virtual host's word.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::child::{Child, Record};
use crate::online::OnlineHandle;
use crate::sink::Lines;
use crate::steps::{Message, Steps};

/// A program, and how it is handed lines.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    /// The lines, as they are.
    Command(Arc<Child>),
    /// A frame with the message.
    Module(Arc<Child>),
    /// The same, with the function that is to be called.
    Call(Arc<Child>, String),
    /// The module that is built in.
    Online(OnlineHandle),
}

impl Feed {
    /// Hands over what is left or made of a message; never waits. What finds no room is counted
    /// there.
    pub(crate) fn give(&self, body: Bytes, of: &Lines) {
        let names = || (of.sender.to_string(), of.origin.source.group.to_string());
        let (child, record) = match self {
            Self::Online(online) => return online.offer(&body),
            Self::Command(child) => (child, Record::lines(body)),
            Self::Module(child) => {
                let (sender, group) = names();
                (child, Record::message(&sender, &group, body))
            }
            Self::Call(child, function) => {
                let (sender, group) = names();
                (child, Record::call(function, &sender, &group, body))
            }
        };
        // Counted as lost, and said.
        let _ = child.push(record);
    }
}

/// The modules and functions of a Log.
#[derive(Debug)]
pub(crate) struct Hooks {
    /// What is done to the lines before: their time.
    steps: Steps,
    feeds: Vec<Feed>,
}

impl Hooks {
    pub(crate) const fn new(steps: Steps, feeds: Vec<Feed>) -> Self {
        Self { steps, feeds }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// Hands a message to all of them.
    pub(crate) fn give(&mut self, lines: &Lines, time: SystemTime) {
        if self.feeds.is_empty() {
            return;
        }
        let body = if self.steps.is_plain() {
            lines.body.clone()
        } else {
            self.finished(lines, time)
        };
        for feed in &self.feeds {
            feed.give(body.clone(), lines);
        }
    }

    fn finished(&mut self, lines: &Lines, time: SystemTime) -> Bytes {
        let mut finished = Vec::with_capacity(lines.body.len());
        let message = Message {
            body: &lines.body,
            group: "",
            sender: "",
            now: time,
        };
        self.steps
            .apply(message, |_, line| finished.extend_from_slice(line));
        finished.into()
    }
}
