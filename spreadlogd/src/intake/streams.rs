//! Numbered messages and what publishers tell of them: what is new goes on to the writer, behind
//! what the ledger must know before, and what is missing is asked for.

use std::sync::Arc;

use bytes::Bytes;
use spread::stream::{self, Key, News, Notice, Number, Taken, announcements};
use spread::{Message, Name};
use tracing::{debug, info, warn};

use super::Intake;
use crate::journal::seconds;
use crate::ledger::{Event, Source, reason};
use crate::queue::Full;
use crate::sink::{Lines, Origin};
use crate::writer::Settled;

/// A message of a stream.
#[derive(Debug)]
pub(super) struct Arrived {
    body: Bytes,
    sender: Name,
    logs: Arc<[usize]>,
}

/// What the ledger knows of what a publisher says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    at: u64,
    lost: u64,
}

impl Intake {
    /// The writer has settled these.
    pub(crate) fn settle(&mut self, settled: &[Settled]) {
        let now = self.now();
        for message in settled {
            if message.is_written {
                self.receiver.safe(message.key, message.number, now);
            } else {
                self.receiver.dropped(message.key, message.number, now);
            }
        }
    }

    /// What is to be said now, and to whom; to be called until it has nothing.
    pub(crate) fn letter(&mut self) -> Option<(Name, Notice)> {
        let now = self.now();
        let letter = self.receiver.poll(now, &mut self.taken);
        self.pass_on();
        letter
    }

    /// It is time to stop: nothing is held back any more.
    pub(crate) fn hurry(&mut self) {
        let now = self.now();
        self.receiver.hurry(now, &mut self.taken);
        self.pass_on();
    }

    /// What publishers are told of all that has been written, before the session ends.
    pub(crate) fn last_acks(&mut self) -> Vec<(Name, Notice)> {
        let now = self.now();
        self.receiver.last_acks(now)
    }

    /// When there may be something to be said.
    pub(crate) fn deadline(&self) -> Option<tokio::time::Instant> {
        let at = self.began + self.receiver.deadline()?;
        Some(at.into())
    }

    /// What it says when it goes for good, to all publishers that it knows to be there.
    pub(crate) fn farewell(&self) -> Vec<(Name, Notice)> {
        self.receiver.farewell().collect()
    }

    /// Counts what is missing.
    pub(crate) fn publish(&self) {
        let (mut streams, mut missing) = (0, 0);
        for (_, stream) in self.receiver.streams() {
            streams += 1;
            missing += stream.missing_count();
        }
        self.session.set_streams(streams, missing);
    }

    pub(super) fn take_numbered(&mut self, key: Key, number: Number, message: &Message) {
        let Some(logs) = self.router.logs(key.group.name().into()) else {
            self.counters.unrouted.add(1);
            return;
        };
        if !self.queue.takes_notes() {
            // As if it had not come: it is asked for when that is known.
            self.overflow(0);
            return;
        }
        // A copy: the body is a part of the receive buffer, and the lines of a quiet group would
        // keep 64 KiB each from being freed while they wait.
        let body = Bytes::copy_from_slice(&message.body);
        let cost = body.len();
        let arrived = (
            Arrived {
                body,
                sender: message.sender,
                logs,
            },
            cost,
        );
        let (sender, now) = (message.sender, self.now());
        self.receiver
            .data((key, number), sender, arrived, now, &mut self.taken);
        self.pass_on();
    }

    /// Whether it is addressed as what publishers tell of their streams is.
    pub(super) fn is_of_control(&self, message: &Message, own: Name) -> bool {
        let first = message.groups.first();
        message.groups == [own]
            || first.is_some_and(|first| self.controls.contains(first))
            || self.router.has_default() && message.groups.contains(&announcements())
    }

    pub(super) fn take_control(&mut self, message: &Message) {
        let control = match Notice::parse(&message.body) {
            Ok(Notice::Control(control)) => control,
            // Acks and questions are for publishers.
            Ok(_) => return,
            Err(error) => {
                self.session.refused_notices.add(1);
                debug!("{} says what is none: {error}", message.sender);
                return;
            }
        };
        let is_its = stream::Instance::of_sender(message.sender) == Some(control.instance);
        if is_its && self.router.announce(control.group.name()) {
            info!(
                "group {} is announced: its lines are written too",
                control.group.name()
            );
            self.controls.insert(control.group.control());
            self.announced.push(control.group.name());
        }
        if !is_its || self.router.logs(control.group.name().into()).is_none() {
            self.session.refused_notices.add(1);
            debug!("{} speaks for a stream that is not its own", message.sender);
            return;
        }
        if !self.queue.takes_notes() {
            // It says so again.
            return;
        }
        let now = self.now();
        self.receiver
            .control(&control, message.sender, now, &mut self.taken);
        self.pass_on();
        self.tell_ledger(&control);
    }

    /// The ledger keeps what a publisher says for its books, not with every control.
    fn tell_ledger(&mut self, control: &stream::Control) {
        let key = Key {
            instance: control.instance,
            group: control.group,
        };
        let told = Told {
            at: seconds(),
            lost: control.lost.queue_full + control.lost.buffer_full,
        };
        let before = self.told.get(&key);
        let is_news = before.is_none_or(|before| {
            control.leaving || before.lost != told.lost || told.at >= before.at + TELL_LEDGER_EVERY
        });
        if is_news {
            self.told.insert(key, told);
            self.queue.note(Event::Heard {
                source: Source::of_stream(self.block, key),
                control: Notice::Control(control.clone()).write(),
            });
        }
    }

    /// Hands what is new to the writer, behind what the ledger must know before.
    pub(super) fn pass_on(&mut self) {
        self.pass_news_on();
        if !self.taken.is_empty() {
            self.hand_on();
        }
        for message in std::mem::take(&mut self.taken) {
            let Taken {
                key,
                number,
                payload: Arrived { body, sender, logs },
            } = message;
            let source = Source::of_stream(self.block, key);
            let origin = Origin {
                source,
                number: number.get(),
                files: 1,
                whole: None,
            };
            let lines = Lines::new(body, sender, origin);
            let amount = (lines.count, lines.body.len());
            self.router.route(&[source.name()], amount, true);
            if lines.count == 0 {
                self.queue.note(Event::LeftOut {
                    source,
                    number: number.get(),
                    lines: 0,
                    len: 0,
                });
                let now = self.now();
                self.receiver.safe(key, number, now);
                continue;
            }
            let count = lines.count;
            match self.queue.push(lines, Arc::clone(&logs)) {
                Ok(()) => self.recover(),
                Err(Full) => self.put_back(key, number, count, &logs),
            }
        }
    }

    fn pass_news_on(&mut self) {
        let block = self.block;
        for news in self.receiver.news() {
            let event = match news {
                News::Begun(key, base) => Event::Begun {
                    source: Source::of_stream(block, key),
                    base,
                },
                News::Missing(key, range) => {
                    self.session.missing.add(range.end() - range.start() + 1);
                    Event::Missing {
                        source: Source::of_stream(block, key),
                        range,
                    }
                }
                News::Lost(key, range, cause) => {
                    let count = (range.end() - range.start()).saturating_add(1);
                    self.session.lost.add(count);
                    warn!(
                        "{count} messages of {} to {} are lost: {}",
                        key.instance,
                        key.group,
                        reason(cause)
                    );
                    Event::Lost {
                        source: Source::of_stream(block, key),
                        range,
                        cause,
                    }
                }
                News::Forgotten(key) => {
                    self.told.remove(&key);
                    self.session.forgotten.add(1);
                    Event::Forgotten {
                        source: Source::of_stream(block, key),
                    }
                }
            };
            self.queue.note(event);
        }
    }

    /// There is no room for a message that its publisher still has.
    fn put_back(&mut self, key: Key, number: Number, lines: u64, logs: &[usize]) {
        for file in self.counters.of_logs(logs) {
            file.lines_returned.add(lines);
        }
        self.overflow(0);
        let now = self.now();
        self.receiver.dropped(key, number, now);
    }
}

/// A minute: the ledger is for books, and what changes in between is in its numbers.
const TELL_LEDGER_EVERY: u64 = 60;
