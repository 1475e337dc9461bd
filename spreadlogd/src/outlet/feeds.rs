//! Programs that a Log feeds: a command, modules, functions of interpreters.
//!
//! Modules and functions see all lines of the group, as the original's did: `Match` and the like
//! are about files. They see them with their time rewritten, and with their virtual host's word.
//!
//! A function is called once for each line. The original called it once for each message, which
//! with mod_log_spread was a line; the messages of today's publishers have many, and functions
//! that are still there know nothing of that.

use std::iter;
use std::mem;
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
    /// A frame for each line, with the function that is to be called.
    Call(Arc<Child>, String),
    /// The module that is built in.
    Online(OnlineHandle),
}

impl Feed {
    /// Hands over what is left or made of a message; never waits. What finds no room is counted
    /// there.
    pub(crate) fn give(&self, body: Bytes, of: &Lines) {
        let names = || (of.sender.to_string(), of.origin.source.group.to_string());
        // What there is no room for is counted as lost, and said.
        match self {
            Self::Online(online) => online.offer(&body),
            Self::Command(child) => {
                let _ = child.push(Record::lines(body));
            }
            Self::Module(child) => {
                let (sender, group) = names();
                let _ = child.push(Record::message(&sender, &group, body));
            }
            Self::Call(child, function) => {
                let (sender, group) = names();
                for line in each(body) {
                    let _ = child.push(Record::call(function, &sender, &group, line));
                }
            }
        }
    }
}

/// The lines of a message; of an empty one, that.
fn each(mut body: Bytes) -> impl Iterator<Item = Bytes> {
    let mut is_first = true;
    iter::from_fn(move || {
        if body.is_empty() && !mem::take(&mut is_first) {
            return None;
        }
        is_first = false;
        let len = memchr::memchr(b'\n', &body).map_or(body.len(), |at| at + 1);
        Some(body.split_to(len))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_lines() {
        for (body, expected) in [
            ("a\nb\n", &["a\n", "b\n"][..]),
            ("a\n\nb", &["a\n", "\n", "b"]),
            ("a", &["a"]),
            ("", &[""]),
        ] {
            let lines: Vec<Bytes> = each(Bytes::from_static(body.as_bytes())).collect();

            assert_eq!(lines, expected, "{body:?}");
        }
    }
}
