//! Lines on their way from where they are read to the publishers' rings.
//!
//! ```text
//! Raw -> clean -> host -> the ring of its group
//!                           full: wait, so long as the writer may be kept, then drop and count
//! ```
//!
//! A web server that writes into a pipe stops when the pipe is full, all of it, within seconds. So
//! whoever reads it waits for room only for so long, once; after that what finds none is dropped at
//! once, until something has found room again.

use std::time::{Duration, Instant};

use super::stop::Stopping;
use super::text::{Raw, clean};
use super::vhost::Vhost;
use crate::queue::{LineLog, LineRefused};

/// How long a writer may be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Patience {
    /// Nobody is kept, and who reads has other things to do: what finds no room is refused, and read
    /// again.
    None,
    /// Nobody is kept: what is read stays where it is.
    Endless,
    /// So long.
    Within(Duration),
}

/// What is done with lines before they go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Bytes of a line with its newline.
    pub(super) line_max: usize,
    pub(super) vhost: Option<Vhost>,
}

/// The way from a reader to the publishers.
#[derive(Debug)]
pub(super) struct Handover {
    form: Form,
    /// One for each group.
    logs: Vec<LineLog>,
    /// Lines that each has taken.
    given: Vec<u64>,
    patience: Patience,
    /// It has waited, and nothing has found room since.
    has_waited: bool,
    stopping: Stopping,
    tally: Tally,
    scratch: Vec<u8>,
    line: Vec<u8>,
}

/// What became of what was read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// Lines handed over.
    pub(super) given: u64,
    /// Lines dropped, as there was no room.
    pub(super) lost: u64,
    /// Of those handed over: too long, and cut.
    pub(super) cut: u64,
    /// With control bytes, which were written as `\xHH`.
    pub(super) escaped: u64,
    /// Without a newline at the end.
    pub(super) unended: u64,
    /// Without a virtual host in front, where one is expected.
    pub(super) hostless: u64,
}

/// The line was not handed over, since there is no room and its reader can read it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotNow;

impl Handover {
    /// To `logs`, one for each group; `stopping` ends any wait.
    pub(super) fn new(form: Form, logs: Vec<LineLog>, stopping: Stopping) -> Self {
        Self {
            form,
            given: vec![0; logs.len()],
            logs,
            patience: Patience::Endless,
            has_waited: false,
            stopping,
            tally: Tally::default(),
            scratch: Vec::new(),
            line: Vec::new(),
        }
    }

    /// How long whoever writes may be kept.
    pub(super) const fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Hands a line over, or drops and counts it when there is no room for too long.
    ///
    /// # Errors
    /// Without patience, when there is no room; with endless patience, when it is to stop before
    /// there is.
    pub(super) fn give(&mut self, raw: Raw<'_>) -> Result<(), NotNow> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let given = self.give_clean(raw, &mut scratch);
        self.scratch = scratch;
        given
    }

    fn give_clean(&mut self, raw: Raw<'_>, scratch: &mut Vec<u8>) -> Result<(), NotNow> {
        // Its newline, and what a host may add.
        let added = self.form.vhost.map_or(0, |_| Vhost::LEN_ADDED);
        let clean = clean(raw, self.form.line_max - 1 - added, scratch);
        let (mut group, mut has_host) = (0, true);
        let mut line = std::mem::take(&mut self.line);
        match self.form.vhost {
            Some(vhost) => (group, has_host) = vhost.route(clean.text, &mut line),
            None => {
                line.clear();
                line.extend_from_slice(clean.text);
            }
        }
        line.push(b'\n');
        let offered = self.offer(group, &line);
        self.line = line;
        if !offered? {
            return Ok(());
        }
        let tally = &mut self.tally;
        tally.cut += u64::from(clean.is_cut);
        tally.escaped += u64::from(clean.is_escaped);
        tally.unended += u64::from(!raw.is_ended);
        tally.hostless += u64::from(!has_host);
        if clean.is_cut
            && let Some(log) = self.logs.get(group)
        {
            log.note_cut();
        }
        Ok(())
    }

    /// Whether the line was taken, and not dropped.
    fn offer(&mut self, group: usize, line: &[u8]) -> Result<bool, NotNow> {
        let mut began = None;
        let Some(log) = self.logs.get_mut(group) else {
            return Ok(false);
        };
        loop {
            match log.offer(line) {
                Ok(()) => {
                    self.has_waited = false;
                    self.tally.given += 1;
                    if let Some(given) = self.given.get_mut(group) {
                        *given += 1;
                    }
                    return Ok(true);
                }
                // The form lets none be longer.
                Err(LineRefused::TooLong { .. }) => break,
                Err(LineRefused::Full) => {}
            }
            let began = *began.get_or_insert_with(Instant::now);
            let may_wait = match self.patience {
                Patience::None => return Err(NotNow),
                Patience::Endless => true,
                Patience::Within(max) => !self.has_waited && began.elapsed() < max,
            };
            if !may_wait {
                break;
            }
            if self.stopping.wait(RETRY_AFTER) {
                if self.patience == Patience::Endless {
                    return Err(NotNow);
                }
                break;
            }
        }
        self.has_waited = true;
        self.tally.lost += 1;
        log.lose(1);
        Ok(false)
    }

    /// Lines were lost before they could be read.
    pub(super) fn lose(&mut self, lines: u64) {
        self.tally.lost += lines;
        if let Some(log) = self.logs.first() {
            log.lose(lines);
        }
    }

    /// The most of a line that is worth keeping until its end comes.
    pub(super) const fn len_max(&self) -> usize {
        self.form.line_max
    }

    /// How many lines each group has taken.
    pub(super) fn given(&self) -> &[u64] {
        &self.given
    }

    /// What became of what was read.
    pub(super) const fn tally(&self) -> Tally {
        self.tally
    }

    /// Who says when to stop.
    pub(super) const fn stopping(&self) -> &Stopping {
        &self.stopping
    }
}

/// 5 ms: a publisher empties its ring every 20 ms.
const RETRY_AFTER: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::super::stop::{Stop, stop};
    use super::*;
    use crate::queue::{Drain, line_ring};

    const FORM: Form = Form {
        line_max: 65_536,
        vhost: None,
    };

    fn handover(form: Form, groups: usize) -> (Handover, Vec<Drain>, Stop) {
        let (stop, stopping) = stop().unwrap();
        let (logs, drains) = (0..groups).map(|_| line_ring(0)).unzip();
        (Handover::new(form, logs, stopping), drains, stop)
    }

    fn taken(drain: &mut Drain) -> String {
        let mut text = Vec::new();
        drain.drain(|piece| text.extend_from_slice(piece));
        String::from_utf8(text).unwrap()
    }

    fn raw(text: &[u8]) -> Raw<'_> {
        Raw::new(text, FORM.line_max)
    }

    /// Fills the ring.
    fn fill(handover: &mut Handover) {
        for _ in 0..2 {
            handover.give(raw(&[b'x'; 65_535])).unwrap();
        }
    }

    #[test]
    fn what_finds_no_room_in_time_is_dropped_and_counted_until_there_is_room() {
        let (mut handover, mut drains, _stop) = handover(FORM, 1);
        handover.set_patience(Patience::Within(Duration::from_millis(10)));
        fill(&mut handover);

        let began = Instant::now();
        handover.give(raw(b"a")).unwrap();
        let waited = began.elapsed();
        for _ in 0..1000 {
            handover.give(raw(b"b")).unwrap();
        }
        taken(&mut drains[0]);
        handover.give(raw(b"c")).unwrap();

        assert!(waited >= Duration::from_millis(10));
        assert_eq!(taken(&mut drains[0]), "c\n");
        assert_eq!((handover.tally().given, handover.tally().lost), (3, 1001));
        assert_eq!(handover.given(), [3]);
    }

    #[test]
    fn who_can_read_it_again_keeps_what_finds_no_room() {
        let (mut handover, _drains, stop) = handover(FORM, 1);
        fill(&mut handover);

        drop(stop);

        assert!(handover.give(raw(b"a")).is_err());
        assert_eq!((handover.tally().given, handover.tally().lost), (2, 0));
    }

    #[test]
    fn what_is_wrong_with_lines_is_counted() {
        let form = Form {
            line_max: 20,
            vhost: Some("buckets:2".parse().unwrap()),
        };
        let (mut handover, mut drains, _stop) = handover(form, 2);
        let unended = Raw {
            is_ended: false,
            ..raw(b"a.b 1")
        };
        let lines = [raw(b"a.b 1"), raw(b"a.b \x01"), raw(b"../.. 1"), unended];

        for line in lines {
            handover.give(line).unwrap();
        }
        handover.give(raw(b"a.b 12345678901234567890")).unwrap();

        let expected = Tally {
            given: 5,
            lost: 0,
            cut: 1,
            escaped: 1,
            unended: 1,
            hostless: 1,
        };
        assert_eq!(handover.tally(), expected);
        let all = drains.iter_mut().map(taken).collect::<String>();
        let mut all: Vec<&str> = all.lines().collect();
        all.sort_unstable();
        let expected = [
            "- ../.. 1",
            "a.b 1",
            "a.b 1",
            "a.b 1234567890...",
            "a.b \\x01",
        ];
        assert_eq!(all, expected);
    }
}
