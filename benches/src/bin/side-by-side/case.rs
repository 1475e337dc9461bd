//! What the servers are asked for: each case is a value.

use std::ops::Range;

use benches::load::{Content, Names, Question, Shape, Wanted};
use benches::zipf::Zipf;

use crate::site::{
    self, File, LISTED, MANY, MANY_TARGET, MODIFIED, SIDE, SIDE_CONTENT, Site, listed,
};

/// What is asked for, how, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// As `--case` has it.
    pub(crate) name: &'static str,
    /// The same for a reader who has not seen the program.
    pub(crate) label: String,
    /// For the reader of the table.
    pub(crate) what: String,
    pub(crate) question: Question,
    pub(crate) answer: Answer,
    pub(crate) shape: Shape,
    /// One of so many requests of a round of small files is sent: large answers take their time.
    pub(crate) thinned: u64,
    /// Parts these are sent in, if not as many as in other cases.
    pub(crate) slices: Option<u64>,
    /// Requests before it is measured; none says a share of those that are.
    pub(crate) warm_up: Option<u64>,
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
    /// Room for all files where open ones are kept.
    Many,
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
    /// One of many files, each in its turn.
    Many,
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

/// The first case is measured best; so many others would take hours as well as that.
const OTHERS_THINNED: u64 = 4;

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
            Self::small("files-1000", "1,000 files with Zipf access", |case| {
                case.ask_for_many(1000);
            }),
            Self::small("files", "100,000 files with Zipf access", |case| {
                case.ask_for_many(MANY);
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
            label: file.label().to_owned(),
            what: format!("{len} bytes, {CONNECTIONS} connections"),
            question: Question::about(&format!("/{}", file.name())),
            answer: Answer::File(file),
            shape: Shape {
                connections: CONNECTIONS,
                pipelined: 1,
            },
            thinned: file.thinned(),
            slices: None,
            warm_up: None,
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
        what.clone_into(&mut case.label);
        case.what = match case.answer {
            Answer::File(_) => format!("{len} bytes, {connections} connections, {what}"),
            _ => format!("{what}, {connections} connections"),
        };
        case
    }

    fn ask_for_many(&mut self, count: u32) {
        self.question = Question::about_many(MANY_TARGET, popular(count));
        self.answer = Answer::Many;
        self.slices = Some(SECONDS);
        self.warm_up = Some(u64::from(count) + u64::from(MANY) / 5);
        self.floor = None;
        self.special = Some(Special::Many);
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
            Answer::Many => Wanted::file(&site.content(File::Small)),
        }
    }

    /// Whether it is that of the first target.
    pub(crate) fn is_first(&self) -> bool {
        self.name == Self::DEFAULT
    }

    /// Requests of one round, where the first case has `requests`.
    pub(crate) fn requests(&self, requests: u64) -> u64 {
        let is_whole = self.is_first() || self.slices.is_some();
        let share = if is_whole { 1 } else { OTHERS_THINNED };
        (requests / share / self.thinned).max(1)
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

/// All files once, those last that are asked for most, so that each server has in its memory what it will; then by
/// Zipf, for ever: more than a round has, and the same for all.
fn popular(count: u32) -> Names {
    let rising = (0..count).rev();
    let ranks = Zipf::new(count, 0x5eed).filter_map(|rank| u32::try_from(rank).ok());
    let order = rising.chain(ranks.take(ZIPF_DRAWS)).map(site::of_rank);
    Names {
        order: order.map(site::name).collect(),
        repeated_from: count as usize,
    }
}

/// What a server remembers of a file it looks at again after some time, rthttpd after a second: slices of a tenth of
/// one would have it look at each file ten times as often, by what it answers.
const SECONDS: u64 = 4;

const ZIPF_DRAWS: usize = 1 << 18;

/// Of fewer in two seconds, not even one in a hundred can be told.
const RATE_MIN: u64 = 100;

/// Beyond, one `send` of all of it is no floor any more: in pieces it is cheaper, and much of it by `sendfile`.
const FLOOR_MAX: usize = 128 * 1024;

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

    /// What is first by Zipf is asked for last of the first round, and a twelfth of all requests are for it.
    #[test]
    fn popular_files_are_each_asked_for_once_and_then_by_zipf() {
        let names = popular(MANY);
        let (once, drawn) = names.order.split_at(names.repeated_from);
        let first = site::name(site::of_rank(0));

        assert_eq!(once.iter().collect::<BTreeSet<_>>().len(), once.len());
        assert_eq!(once.last(), Some(&first));
        let count = drawn.iter().filter(|name| **name == first).count();
        let share = drawn.len() as f64 / count as f64;
        assert!((11.0..13.0).contains(&share), "one in {share}");
    }

    #[test]
    fn only_connections_that_last_are_asked_ahead() {
        for case in Case::all() {
            assert!(case.question.is_persistent || case.shape.pipelined == 1);
        }
    }
}
