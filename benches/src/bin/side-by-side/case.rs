//! What the servers are asked for: each case is a value.

use std::ops::Range;

use benches::load::{Content, Question, Shape, Wanted};

use crate::site::{File, LISTED, MODIFIED, SIDE, SIDE_CONTENT, Site, listed};

/// What is asked for, how, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// As `--case` has it.
    pub(crate) name: &'static str,
    /// For the reader of the table.
    pub(crate) what: String,
    pub(crate) question: Question,
    pub(crate) answer: Answer,
    pub(crate) shape: Shape,
    /// One of so many requests of a round of small files is sent: large answers take their time.
    pub(crate) thinned: u64,
    /// How the floor answers, where it can.
    pub(crate) floor: Option<Floor>,
    /// What servers need to be told for it.
    pub(crate) special: Option<Special>,
}

/// What not every server does, or not unasked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Special {
    /// A compressed file beside the file.
    Sides,
    /// A rule about everything that is never reached: what looking at it costs.
    Throttled,
}

/// The answer that is right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// A file of the site, whole.
    File(File),
    /// 304, as the date asked about is the file's.
    Unmodified,
    /// 404, with each server's own page.
    Missing,
    /// 206, a part of the small file.
    Part,
    /// A directory, with each server's own page.
    Listing,
    /// The file beside the file.
    Side,
}

/// What the floor does beside one `recv` and one `send`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Floor {
    Plain,
    /// Answers as many requests as came.
    Pipelined,
    /// Closes behind the answer.
    Closing,
}

const CONNECTIONS: usize = 64;

/// What the case of ranges asks for.
const PART: Range<usize> = 100..200;

/// What the pipelined case sends in one write.
const PIPELINED: usize = 16;

impl Case {
    /// All of them, in the order of the table.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases: Vec<Self> = File::ALL.into_iter().map(Self::of).collect();
        cases.extend([
            Self::small("pipelined", "16 in one write", |case| {
                case.shape.pipelined = PIPELINED;
                case.floor = Some(Floor::Pipelined);
            }),
            Self::small("closing", "a connection for each request", |case| {
                case.question.is_persistent = false;
                case.thinned = 4;
                case.floor = Some(Floor::Closing);
            }),
            Self::small("one", "one connection", |case| {
                case.shape.connections = 1;
                case.thinned = 4;
            }),
            Self::small("thousand", "1,000 connections", |case| {
                case.shape.connections = 1000;
            }),
            Self::small("304", "not modified", |case| {
                let since = format!("If-Modified-Since: {MODIFIED}");
                case.question.fields.push(since);
                case.answer = Answer::Unmodified;
                case.floor = None;
            }),
            Self::small("404", "no such file", |case| {
                case.question = Question::about("/missing.txt");
                case.answer = Answer::Missing;
                case.floor = None;
            }),
            Self::small("range", "a part of 100 bytes", |case| {
                let (first, last) = (PART.start, PART.end - 1);
                case.question
                    .fields
                    .push(format!("Range: bytes={first}-{last}"));
                case.answer = Answer::Part;
                case.floor = None;
            }),
            Self::small("listing", "a directory of 100 files", |case| {
                case.question = Question::about(&format!("/{LISTED}/"));
                case.answer = Answer::Listing;
                case.thinned = 10;
                case.floor = None;
            }),
            Self::small("sides", "a file compressed beforehand", |case| {
                case.question = Question::about(&format!("/{SIDE}"));
                case.question
                    .fields
                    .push("Accept-Encoding: gzip".to_owned());
                case.answer = Answer::Side;
                case.floor = None;
                case.special = Some(Special::Sides);
            }),
            Self::small("throttled", "under a rule that is not reached", |case| {
                case.special = Some(Special::Throttled);
            }),
        ]);
        cases
    }

    /// The one of the first target, which is measured where none is named.
    pub(crate) const DEFAULT: &str = "1k";

    /// A file over connections that last.
    fn of(file: File) -> Self {
        let len = file.len();
        Self {
            name: file.case(),
            what: format!("{len} bytes, {CONNECTIONS} connections"),
            question: Question::about(&format!("/{}", file.name())),
            answer: Answer::File(file),
            shape: Shape {
                connections: CONNECTIONS,
                pipelined: 1,
            },
            thinned: file.thinned(),
            floor: (len <= FLOOR_MAX).then_some(Floor::Plain),
            special: None,
        }
    }

    /// The small file, asked for in another way.
    fn small(name: &'static str, what: &str, change: impl FnOnce(&mut Self)) -> Self {
        let mut case = Self::of(File::Small);
        change(&mut case);
        let len = File::Small.len();
        let connections = case.shape.connections;
        case.name = name;
        case.what = match case.answer {
            Answer::File(_) => format!("{len} bytes, {connections} connections, {what}"),
            _ => format!("{what}, {connections} connections"),
        };
        case
    }

    /// The request and its answer, now that the files are there.
    pub(crate) fn wanted(&self, site: &Site) -> Wanted {
        match self.answer {
            Answer::File(file) => Wanted::file(&site.content(file)),
            Answer::Unmodified => Wanted {
                status: 304,
                content: Content::Is(Vec::new()),
            },
            Answer::Missing => Wanted {
                status: 404,
                content: Content::Contains(Vec::new()),
            },
            Answer::Part => Wanted {
                status: 206,
                content: Content::Is(
                    site.content(File::Small)
                        .get(PART)
                        .unwrap_or_default()
                        .to_vec(),
                ),
            },
            Answer::Listing => Wanted {
                status: 200,
                content: Content::Contains(listed().collect()),
            },
            Answer::Side => Wanted::file(SIDE_CONTENT),
        }
    }

    /// Requests of one round, where a small file has `requests`.
    pub(crate) fn requests(&self, requests: u64) -> u64 {
        (requests / self.thinned).max(1)
    }

    /// Requests a second to measure delays at, where a small file has `rate`; none where so few would say nothing,
    /// or where one request does not wait for the one before it.
    pub(crate) fn rate(&self, rate: u64) -> Option<u64> {
        let is_single = self.question.is_persistent && self.shape.pipelined == 1;
        let rate = rate / self.thinned;
        (is_single && rate >= RATE_MIN).then_some(rate)
    }

    /// The file that the floor has in its memory.
    pub(crate) fn file(&self) -> File {
        match self.answer {
            Answer::File(file) => file,
            _ => File::Small,
        }
    }
}

/// Of fewer in two seconds, not even one in a hundred can be told.
const RATE_MIN: u64 = 100;

/// Beyond, one `send` of bytes in memory is no floor any more: `sendfile` is cheaper.
const FLOOR_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own_and_asks_at_least_once() {
        let cases = Case::all();
        let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();

        assert_eq!(names.len(), cases.len());
        assert!(names.contains(Case::DEFAULT));
        assert!(cases.iter().all(|case| case.requests(1) == 1));
    }

    #[test]
    fn only_connections_that_last_are_asked_ahead() {
        for case in Case::all() {
            assert!(case.question.is_persistent || case.shape.pipelined == 1);
        }
    }
}
