//! One case, from an empty folder to a verdict.
//!
//! ```text
//! farm starts -> load -> the case breaks things -> load ends -> settle -> farm stops -> verdict
//! ```
//!
//! What is waited for is an event: responses that came, lines that are in the files, words that a
//! program said. To settle is to ask again, until all is where it belongs, or for longer than any
//! repair takes. The verdict is of the files as they are after everything has stopped.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use spread_logger::diagnostics::Chain;

use super::books::{self, Books};
use super::cases::Case;
use super::farm::{Binaries, Farm};
use super::load::{Answer, Load};
use super::oracle::{self, Held, Tally};
use super::{FaultError, Scale};

/// A case at work: what its story is told with.
pub(super) struct Run<'a> {
    pub(super) farm: Farm,
    pub(super) scale: Scale,
    pub(super) load: Load,
    /// What may be missing in the end.
    pub(super) allowed: Allowed,
    /// Lines that strangers have sent.
    pub(super) strangers: usize,
    /// Web servers that answer now.
    serving: usize,
    random: u64,
    say: &'a dyn Fn(&str),
}

/// What may be missing, and what must be the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    /// The programs have counted lines as lost: just as many are missing.
    pub(super) counted: bool,
    /// Responses of a publisher that came in these times (from, to; milliseconds).
    pub(super) windows: Vec<(usize, u64, u64)>,
    /// A logging host that came late, and how many requests had been sent to each publisher when
    /// it had joined: it must have all that came after.
    pub(super) late: Option<(usize, Vec<usize>)>,
    /// The files of all logging hosts are the same, byte for byte.
    pub(super) identical: bool,
    /// Instances that ended without a word and left nothing: of just as many, every audit says that
    /// nobody knows what they served last.
    pub(super) unknown_tails: Option<u64>,
}

/// How a case ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Every line is where it belongs, or counted.
    Good,
    /// What is wrong.
    Bad(String),
    /// Why it could not be tried.
    Skipped(String),
}

/// A case and what became of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the case.
    pub case: &'static str,
    /// Requests sent.
    pub requests: u64,
    /// Responses that came whole.
    pub responses: u64,
    /// For each file: lines, missing, double.
    pub files: Vec<(u64, u64, u64)>,
    /// For each file: lines that the programs know not to be in it.
    pub counted: Vec<u64>,
    /// How long it took, with its settling.
    pub took: Duration,
    /// Whether that is as it should be.
    pub verdict: Verdict,
}

/// Files are looked at so often while they settle: they tell nobody that they have grown.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Runs a case; `say` is told how it goes, `keep` is for looking at the files afterwards.
#[must_use]
pub fn run(
    case: &Case,
    scale: Scale,
    binaries: &Binaries,
    seed: u64,
    keep: bool,
    say: &dyn Fn(&str),
) -> Outcome {
    let began = Instant::now();
    let mut outcome = Outcome {
        case: case.name,
        requests: 0,
        responses: 0,
        files: Vec::new(),
        counted: Vec::new(),
        took: Duration::ZERO,
        verdict: Verdict::Good,
    };
    if let Err(error) = attempt(case, scale, binaries, seed, keep, say, &mut outcome) {
        let text = Chain(&error).to_string();
        outcome.verdict = match error {
            FaultError::Skipped(_) => Verdict::Skipped(text),
            _ => Verdict::Bad(text),
        };
    }
    outcome.took = began.elapsed();
    outcome
}

fn attempt(
    case: &Case,
    scale: Scale,
    binaries: &Binaries,
    seed: u64,
    keep: bool,
    say: &dyn Fn(&str),
    outcome: &mut Outcome,
) -> Result<(), FaultError> {
    let farm = Farm::start(case.plan, binaries, scale)?;
    let load = Load::start(&farm.http_addresses(), scale.rate());
    let mut run = Run {
        farm,
        scale,
        load,
        allowed: Allowed::default(),
        strangers: 0,
        serving: scale.publishers(),
        random: seed | 1,
        say,
    };
    let told = run
        .serve(BEFORE)
        .and_then(|()| (case.story)(&mut run))
        .and_then(|()| run.serve(AFTER));
    if let Err(error) = told {
        if !matches!(error, FaultError::Skipped(_)) {
            say(&run.farm.said());
        }
        return Err(error);
    }
    let Run {
        mut farm,
        load,
        allowed,
        strangers,
        ..
    } = run;
    let answers = load.finish();
    outcome.requests = answers.iter().map(|answers| answers.len() as u64).sum();
    let whole = answers.iter().flatten().filter(|answer| answer.is_whole);
    outcome.responses = whole.count() as u64;
    let expected = Expected {
        answers,
        strangers,
        allowed,
    };
    say("the load has ended; waiting until everything is where it belongs");
    let mut counted = settle(&farm, &expected, scale.settling())?;
    let said = farm.said();
    let stopped = farm.stop();
    let files = expected.compare(&farm)?;
    counted.books = farm.audits()?;
    outcome.counted = (0..files.len()).map(|file| counted.of(file)).collect();
    outcome.files = files.iter().map(|file| file.tally.in_short()).collect();
    let judged = expected
        .judge(&files, &counted)
        .and_then(|()| expected.judge_tails(&counted));
    outcome.verdict = match (judged, &stopped) {
        (Err(why), _) => Verdict::Bad(why),
        (Ok(()), Err(error)) => Verdict::Bad(error.to_string()),
        (Ok(()), Ok(())) => match expected.allowed.identical {
            true => identical(&farm)?,
            false => Verdict::Good,
        },
    };
    if let Verdict::Bad(_) = outcome.verdict {
        say(&said);
    }
    if keep {
        say(&format!("its files are in {}", farm.keep().display()));
    }
    Ok(())
}

/// Seconds of the long run that everything is well, before anything is broken and after.
const BEFORE: u32 = 10;
const AFTER: u32 = 10;

impl Run<'_> {
    /// Goes on for so many seconds of the long run, under the load: until as many responses have
    /// come.
    pub(super) fn serve(&self, seconds: u32) -> Result<(), FaultError> {
        self.serve_for(self.scale.seconds(seconds))
    }

    /// The same for a time that is not scaled.
    pub(super) fn serve_for(&self, time: Duration) -> Result<(), FaultError> {
        self.load.await_answers(time, self.serving)
    }

    /// Tells how it goes.
    pub(super) fn say(&self, text: &str) {
        (self.say)(text);
    }

    /// A number below `end`: xorshift, so that a seed gives the same moments again.
    pub(super) fn random(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end.max(1)
    }

    /// A web server has gone: it is not waited for.
    pub(super) fn is_away(&mut self, publisher: usize) {
        self.load.move_to(publisher, None);
        self.serving -= 1;
    }

    /// It is back.
    pub(super) fn is_back(&mut self, publisher: usize) {
        let address = self.farm.http_addresses().get(publisher).copied().flatten();
        self.load.move_to(publisher, address);
        self.serving += 1;
    }
}

/// Waits until the files hold what they should, or for as long as that may take; gives what the
/// programs have counted as lost.
fn settle(farm: &Farm, expected: &Expected, at_most: Duration) -> Result<Counted, FaultError> {
    let deadline = Instant::now() + at_most;
    loop {
        let counted = Counted::now(farm)?;
        let files = expected.compare(farm)?;
        if expected.judge(&files, &counted).is_ok() || Instant::now() > deadline {
            return Ok(counted);
        }
        thread::sleep(ASK_EVERY);
    }
}

/// What must be in the files.
#[derive(Debug)]
struct Expected {
    answers: Vec<Vec<Answer>>,
    strangers: usize,
    allowed: Allowed,
}

/// A file, compared.
#[derive(Debug)]
struct File {
    host: usize,
    name: String,
    tally: Tally,
    firsts: Vec<Option<usize>>,
}

impl Expected {
    fn compare(&self, farm: &Farm) -> Result<Vec<File>, FaultError> {
        let mut files = Vec::new();
        for (host, folder, name) in farm.logs() {
            let held = Held::read(&folder, &name).map_err(FaultError::system("read a log file"))?;
            let is_late = matches!(self.allowed.late, Some((late, _)) if late == host);
            files.push(File {
                host,
                name,
                tally: oracle::compare(&held, &self.answers, self.strangers, is_late),
                firsts: held.firsts(self.answers.len()),
            });
        }
        Ok(files)
    }

    /// The error says what is wrong.
    fn judge(&self, files: &[File], counted: &Counted) -> Result<(), String> {
        let mut wrong = String::new();
        for (number, file) in files.iter().enumerate() {
            let before = wrong.len();
            self.judge_file(file, counted.of(number), &mut wrong);
            let books = counted.books.get(number).copied().unwrap_or_default();
            if books.contradictions > 0 {
                wrong.push_str("its audit contradicts itself; ");
            }
            if wrong.len() > before {
                let of = format!("host {} {}: ", file.host, file.name);
                wrong.insert_str(before, &of);
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(wrong.trim_end_matches("; ").to_owned())
    }

    /// Only when everything has stopped: a publisher that runs, or may be back, has no tail yet.
    fn judge_tails(&self, counted: &Counted) -> Result<(), String> {
        let Some(expected) = self.allowed.unknown_tails else {
            return Ok(());
        };
        let tails: Vec<u64> = counted.books.iter().map(|b| b.tails_unknown).collect();
        if tails.iter().all(|tails| *tails == expected) {
            return Ok(());
        }
        Err(format!(
            "{expected} instances left nothing, and the audits say \"tail unknown\" of {tails:?}"
        ))
    }

    fn judge_file(&self, file: &File, counted: u64, wrong: &mut String) {
        let tally = &file.tally;
        let missing: Vec<_> = tally
            .missing
            .iter()
            .filter(|at| !self.is_forgiven(at))
            .collect();
        let may_be_missing = if self.allowed.counted { counted } else { 0 };
        let mut say = |text: String| {
            // Writing to a string does not fail.
            let _ = write!(wrong, "{text}; ");
        };
        if missing.len() as u64 != may_be_missing {
            let examples: Vec<_> = missing
                .iter()
                .take(3)
                .map(|(p, n)| format!("{p}-{n}"))
                .collect();
            say(format!(
                "{} missing and {may_be_missing} counted (such as {})",
                missing.len(),
                examples.join(", ")
            ));
        }
        if tally.strangers_missing > 0 {
            say(format!(
                "{} lines of strangers missing",
                tally.strangers_missing
            ));
        }
        if tally.double + tally.wrong > 0 {
            let example = tally.example.as_deref().unwrap_or_default();
            say(format!(
                "{} double, {} wrong ({example})",
                tally.double, tally.wrong
            ));
        }
        if let Some((late, asked)) = &self.allowed.late
            && *late == file.host
        {
            for (publisher, (first, asked)) in file.firsts.iter().zip(asked).enumerate() {
                if first.is_none_or(|first| first > *asked) {
                    say(format!(
                        "begins at {first:?} of publisher {publisher}, which had sent {asked} when it joined"
                    ));
                }
            }
        }
    }

    fn is_forgiven(&self, (publisher, number): &(usize, usize)) -> bool {
        let answers = self.answers.get(*publisher);
        let Some(answer) = answers.and_then(|answers| answers.get(*number)) else {
            return false;
        };
        let windows = self.allowed.windows.iter();
        windows
            .filter(|(of, ..)| of == publisher)
            .any(|(_, from, to)| (*from..=*to).contains(&answer.at))
    }
}

/// Whether the files of all hosts are the same.
fn identical(farm: &Farm) -> Result<Verdict, FaultError> {
    let mut texts = Vec::new();
    for (_, folder, name) in farm.logs() {
        let text = oracle::texts(&folder, &name).map_err(FaultError::system("read a log file"))?;
        texts.push(text.concat());
    }
    let differ = texts.windows(2).any(|two| two.first() != two.last());
    Ok(if differ {
        Verdict::Bad("the files of the logging hosts differ".to_owned())
    } else {
        Verdict::Good
    })
}

/// What the programs say of lines that are not in the files.
#[derive(Debug)]
struct Counted {
    /// Lost by the web servers.
    lost: u64,
    /// Of each file, by its logging host.
    books: Vec<Books>,
}

impl Counted {
    fn now(farm: &Farm) -> Result<Self, FaultError> {
        let mut lost = 0;
        for (name, page) in farm.publisher_pages() {
            lost += books::metric(&name, page, "rthttpd_log_lost_lines_total")?;
        }
        let books = farm.audits()?;
        Ok(Self { lost, books })
    }

    fn of(&self, file: usize) -> u64 {
        self.lost + self.books.get(file).map_or(0, |books| books.absent)
    }
}
