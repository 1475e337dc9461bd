//! Records on their way into a pipe, and which of them its reader has read: a value.
//!
//! ```text
//! front                                                                    back
//! | wholly in the pipe, perhaps not yet read | begun, not whole | not begun |
//!   sent                                       begun
//! ```
//!
//! A record is kept until it is known to be read. The kernel says how many bytes of the pipe are
//! not, also after the reader's death; so what it has not read whole is given to the next.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::record::Record;

/// The records that wait for one reader after the other.
#[derive(Debug, Default)]
pub(super) struct Flow {
    records: VecDeque<Record>,
    /// How many, from the front, are wholly in the pipe.
    sent: usize,
    /// Bytes of the next that are.
    begun: usize,
    /// Bytes of all that are, read or not.
    in_pipe: usize,
    /// Lines that wait.
    lines: u64,
    /// Lines of the last record that this reader has read whole.
    last_read: u64,
}

/// What is done with: read, or given up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Done {
    pub(super) lines: u64,
    /// Their [`Record::cost`].
    pub(super) cost: usize,
}

impl Flow {
    /// Takes a record to be sent after all others. A sign that waits already is not taken twice,
    /// so that a reader that does not read is no reason to grow.
    pub(super) fn push(&mut self, record: Record) {
        if record.is_sign() && self.records.back() == Some(&record) {
            return;
        }
        self.lines += record.count();
        self.records.push_back(record);
    }

    /// There is a new reader, with an empty pipe; `hello` is the first it gets.
    pub(super) fn begin(&mut self, hello: Option<Record>) {
        self.last_read = 0;
        if let Some(hello) = hello {
            self.records.push_front(hello);
        }
    }

    /// `unread` bytes are still in the pipe, and may be more when asked again.
    pub(super) fn read_all_but(&mut self, unread: u64) -> Done {
        let unread = usize::try_from(unread).unwrap_or(usize::MAX);
        let mut done = Done::default();
        while self.sent > 0 {
            let Some(first) = self.records.front() else {
                break;
            };
            let (len, lines, cost) = (first.len(), first.count(), first.cost());
            if len > self.in_pipe.saturating_sub(unread) {
                break;
            }
            done.cost += cost;
            done.lines += lines;
            if lines > 0 {
                self.last_read = lines;
            }
            self.lines -= lines;
            self.sent -= 1;
            self.in_pipe -= len;
            self.records.pop_front();
        }
        done
    }

    /// The reader is gone, and `unread` bytes of the pipe with it. What it has not read whole is
    /// to be sent again.
    pub(super) fn end(&mut self, unread: u64) -> Done {
        let done = self.read_all_but(unread);
        self.sent = 0;
        self.begun = 0;
        self.in_pipe = 0;
        if self.records.front().is_some_and(Record::is_hello) {
            self.records.pop_front();
        }
        done
    }

    /// Gives everything up.
    pub(super) fn abandon(&mut self) -> Done {
        let done = self
            .records
            .drain(..)
            .fold(Done::default(), |sum, record| Done {
                lines: sum.lines + record.count(),
                cost: sum.cost + record.cost(),
            });
        *self = Self::default();
        done
    }

    /// `len` of the bytes of [`slices`](Self::slices) are in the pipe now.
    pub(super) fn wrote(&mut self, mut len: usize) {
        self.in_pipe += len;
        while let Some(record) = self.records.get(self.sent) {
            let left = record.len() - self.begun;
            if len < left {
                self.begun += len;
                return;
            }
            len -= left;
            self.begun = 0;
            self.sent += 1;
        }
    }

    /// What to write next, as far as one call takes it.
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut skip = self.begun;
        let parts = self.records.range(self.sent..).flat_map(Record::parts);
        let rest = parts.filter_map(|part| {
            let rest = part.get(skip..).unwrap_or_default();
            skip -= part.len() - rest.len();
            (!rest.is_empty()).then(|| IoSlice::new(rest))
        });
        rest.take(SLICES_MAX).collect()
    }

    /// Whether some of it is not in the pipe.
    pub(super) fn has_more(&self) -> bool {
        self.sent < self.records.len()
    }

    /// Bytes in the pipe that are not known to be read.
    pub(super) const fn in_pipe(&self) -> usize {
        self.in_pipe
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Lines that are not known to be read.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }

    /// Lines of the last record that this reader has read whole; 0 if it has read none.
    pub(super) const fn last_read(&self) -> u64 {
        self.last_read
    }
}

/// 256: one call fills a pipe of 64 KiB with lines of 256 bytes, and it is below `IOV_MAX`
/// everywhere.
const SLICES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// What a reader does next, in bytes.
    #[derive(Clone, Debug)]
    enum Step {
        Write(usize),
        Read(usize),
        Ask,
        Die,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..200_usize).prop_map(Step::Write),
            4 => (0..200_usize).prop_map(Step::Read),
            1 => Just(Step::Ask),
            1 => Just(Step::Die),
        ]
    }

    fn take(flow: &Flow, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = flow
            .slices()
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect();
        bytes.truncate(len);
        bytes
    }

    proptest! {
        /// Whatever is written and read between deaths: the records that readers have read whole
        /// are all, once and in order; and each reader's bytes begin with a whole record.
        #[test]
        fn readers_read_every_record_whole_once_and_in_order(
            lens in prop::collection::vec(0..60_usize, 1..20),
            steps in prop::collection::vec(step(), 0..60),
            is_framed: bool,
        ) {
            let mut flow = Flow::default();
            let records = lens.iter().enumerate().map(|(index, &len)| {
                let line = format!("{index}:{}", "x".repeat(len));
                Record::lines(Bytes::from(line))
            });
            let records: Vec<Record> = records.collect();
            let hello = || is_framed.then(Record::hello);
            records.iter().cloned().for_each(|record| flow.push(record));
            flow.begin(hello());
            let (mut pipe, mut read, mut whole) = (Vec::new(), Vec::new(), Vec::new());
            let mut done = Done::default();
            let mut add = |more: Done| {
                done.lines += more.lines;
                done.cost += more.cost;
            };
            // In the end everything is written and read.
            let last = [Step::Write(usize::MAX), Step::Read(usize::MAX), Step::Die];
            for step in steps.into_iter().chain(last) {
                match step {
                    Step::Write(len) => {
                        let bytes = take(&flow, len);
                        flow.wrote(bytes.len());
                        pipe.extend(bytes);
                    }
                    Step::Read(len) => read.extend(pipe.drain(..len.min(pipe.len()))),
                    Step::Ask => add(flow.read_all_but(pipe.len() as u64)),
                    Step::Die => {
                        add(flow.end(pipe.len() as u64));
                        let greeting = hello().map_or(0, |hello| hello.len());
                        let lines = read.get(greeting..).unwrap_or_default();
                        let ends = lines.iter().rposition(|&byte| byte == b'\n');
                        whole.extend_from_slice(&lines[..ends.map_or(0, |end| end + 1)]);
                        pipe.clear();
                        read.clear();
                        flow.begin(hello());
                    }
                }
            }

            let all: Vec<u8> = records.iter().flat_map(|record| record.parts().concat()).collect();
            prop_assert_eq!(String::from_utf8(whole), String::from_utf8(all));
            prop_assert_eq!(done.lines, records.len() as u64);
            prop_assert_eq!(done.cost, records.iter().map(Record::cost).sum::<usize>());
            prop_assert_eq!(flow.lines(), 0);
        }
    }

    #[test]
    fn what_is_given_up_is_what_no_reader_has_read_whole() {
        let mut flow = Flow::default();
        for line in ["one\n", "two\n", "three\n"] {
            flow.push(Record::lines(Bytes::from(line)));
        }
        flow.wrote(10);

        assert_eq!(flow.end(3).lines, 1);
        assert_eq!(flow.abandon().lines, 2);
        assert!(flow.is_empty());
    }

    #[test]
    fn a_sign_that_waits_is_not_taken_again() {
        let mut flow = Flow::default();
        (0..1_000).for_each(|_| flow.push(Record::hup()));
        let len = Record::hup().len();
        assert_eq!(flow.slices().len(), 1);

        flow.wrote(len);
        flow.read_all_but(0);
        flow.push(Record::hup());

        assert!(flow.has_more());
    }
}
