//! The configuration file: thttpd's, in which every long option of ours is a word too.
//!
//! A file stands in the place of the flags it is made of: what is said after it on the command
//! line replaces what it says. So it comes to the same words as the flags, and has no meaning of
//! its own; every mistake in it is told with its line.

mod words;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, Command};

use self::words::{Word, WordError, words};
use super::spelling::{Meaning, SPELLINGS, Words, values_of};

/// 256 KiB: two thousand times the configuration of a usual site.
pub(super) const LEN_MAX: usize = 256 * 1024;

/// Mistakes told at a time: a file of another kind would have as many as it has words.
const PROBLEMS_MAX: usize = 20;

/// Characters of a word that are shown with its mistake.
const SHOWN_MAX: usize = 80;

/// What is to be done once, or about files themselves, is said on the command line.
const NOT_IN_FILES: &[&str] = &[
    "check",
    "config",
    "detached",
    "help",
    "thttpd-defaults",
    "version",
];

/// A configuration file that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) struct ConfError {
    path: PathBuf,
    problems: Vec<Problem>,
}

/// A mistake in a line.
#[derive(Debug)]
struct Problem {
    line: usize,
    /// The word as it was read, if it was.
    word: Option<Word>,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Word(#[from] WordError),
    #[error("this rthttpd has no option --{0}, which would do that")]
    NotHere(&'static str),
    #[error("there is no such setting{}", meant(nearest.as_ref()))]
    Unknown { nearest: Option<String> },
    #[error("a value is missing: write {name}=VALUE, with no blanks around the sign")]
    NoValue { name: String },
    #[error(
        "it needs {needed} values: write {name}=VALUE and the others behind it, in quotation marks where they have blanks"
    )]
    FewValues { name: String, needed: usize },
    #[error("it takes no value: write {name} alone")]
    Unwanted { name: String },
    #[error("it is for the command line alone")]
    NotInFiles,
    #[error("{0}")]
    Refused(String),
}

/// Adds what `text`, the content of the file at `path`, says to `said`.
pub(super) fn read(text: &[u8], path: &Path, said: &mut Words<'_>) -> Result<(), ConfError> {
    let mut problems = Vec::new();
    let mut rest = words(text).peekable();
    while let Some((line, word)) = rest.next() {
        let word = match word {
            Ok(word) => word,
            Err(error) => {
                problems.push(Problem {
                    line,
                    word: None,
                    why: error.into(),
                });
                continue;
            }
        };
        let further = std::iter::from_fn(|| match rest.peek() {
            Some((_, Ok(word))) if word.equals.is_none() => rest.next()?.1.ok(),
            _ => None,
        });
        if let Err(why) = take(&word, further, said) {
            problems.push(Problem {
                line,
                word: Some(word),
                why,
            });
        }
        if problems.len() == PROBLEMS_MAX {
            break;
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let path = path.to_owned();
    Err(ConfError { path, problems })
}

/// Adds what one word says, with the values that it takes from `further`.
fn take(
    word: &Word,
    mut further: impl Iterator<Item = Word>,
    said: &mut Words<'_>,
) -> Result<(), Why> {
    let name = shape(word.name());
    let value = word
        .value()
        .map(|value| OsString::from_vec(value.to_owned()));
    let meaning = SPELLINGS.iter().find_map(|spelling| {
        let mut keywords = spelling.keywords.iter();
        keywords
            .any(|word| shape(word.as_bytes()) == name)
            .then_some(spelling.meaning)
    });
    let option: &str = match meaning {
        Some(meaning) => meaning.option(),
        None => &name,
    };
    if NOT_IN_FILES.contains(&option) {
        return Err(Why::NotInFiles);
    }
    let Some(arg) = said.option(option) else {
        return match meaning {
            Some(meaning) => said.mean(meaning, value).map_err(Why::NotHere),
            None => Err(Why::Unknown {
                nearest: nearest(&name, said.command()),
            }),
        };
    };
    let shown_name = || String::from_utf8_lossy(word.name()).into_owned();
    let takes_value = match meaning {
        Some(Meaning::Set(_) | Meaning::Unset(_)) => false,
        Some(Meaning::Value(_) | Meaning::Log) => true,
        None => arg.get_action().takes_values(),
    };
    if value.is_some() && !takes_value {
        return Err(Why::Unwanted { name: shown_name() });
    }
    let needed = values_of(arg);
    if takes_value && value.is_none() && needed > 0 {
        return Err(if needed == 1 {
            Why::NoValue { name: shown_name() }
        } else {
            Why::FewValues {
                name: shown_name(),
                needed,
            }
        });
    }
    if let Some(meaning) = meaning {
        if matches!(meaning, Meaning::Value(_)) {
            check(arg, value.as_slice(), said.command())?;
        }
        return said.mean(meaning, value).map_err(Why::NotHere);
    }
    let mut values: Vec<_> = value.into_iter().collect();
    while values.len() < needed {
        let missing = || Why::FewValues {
            name: shown_name(),
            needed,
        };
        values.push(OsString::from_vec(further.next().ok_or_else(missing)?.text));
    }
    check(arg, &values, said.command())?;
    said.say(option, values);
    Ok(())
}

/// Has the parser look at a value now, while its line is known.
fn check(arg: &Arg, values: &[OsString], command: &Command) -> Result<(), Why> {
    let mut alone = Words::new(command);
    alone.say(arg.get_long().unwrap_or_default(), values.to_vec());
    let words = [OsString::from("rthttpd")]
        .into_iter()
        .chain(alone.finish());
    let Err(error) = command.clone().try_get_matches_from(words) else {
        return Ok(());
    };
    let is_its_own = matches!(
        error.kind(),
        ErrorKind::InvalidUtf8
            | ErrorKind::InvalidValue
            | ErrorKind::NoEquals
            | ErrorKind::TooFewValues
            | ErrorKind::ValueValidation
            | ErrorKind::WrongNumberOfValues
    );
    if !is_its_own {
        // What it needs besides may stand elsewhere, and is asked for in the end.
        return Ok(());
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.lines().take_while(|line| !line.is_empty());
    let first: Vec<_> = first.map(str::trim).collect();
    Err(Why::Refused(first.join(" ")))
}

/// A name as ours are written: small letters, and hyphens where thttpd has underscores.
fn shape(name: &[u8]) -> Cow<'_, str> {
    let name = String::from_utf8_lossy(name);
    let is_in_shape = |c: char| !c.is_ascii_uppercase() && c != '_';
    if name.chars().all(is_in_shape) {
        return name;
    }
    name.to_ascii_lowercase().replace('_', "-").into()
}

/// What a misspelt name most likely is.
fn nearest(name: &str, command: &Command) -> Option<String> {
    if name.len() > SHOWN_MAX {
        // Nobody's slip, and the work would grow with it.
        return None;
    }
    let options = command
        .get_arguments()
        .filter(|option| !option.is_hide_set());
    let options = options.filter_map(Arg::get_long);
    let options = options.filter(|option| !NOT_IN_FILES.contains(option));
    let keywords = SPELLINGS.iter().flat_map(|spelling| spelling.keywords);
    let names = keywords.copied().chain(options);
    let near = names.map(|known| (strsim::osa_distance(name, &shape(known.as_bytes())), known));
    let (distance, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.len().div_ceil(3)).then(|| nearest.to_owned())
}

fn meant(nearest: Option<&String>) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => ": every long option is one, without its hyphens, as in `port=80`".into(),
    }
}

/// A word for people, without what a terminal would obey.
fn shown(word: &Word) -> String {
    let text = String::from_utf8_lossy(&word.text);
    let is_long = text.chars().count() > SHOWN_MAX;
    let fit = |c: char| if c.is_control() { '?' } else { c };
    let text = text.chars().map(fit).take(SHOWN_MAX);
    text.chain(is_long.then_some('…')).collect()
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_char('\n')?;
            }
            write!(f, "{}:{}: ", self.path.display(), problem.line)?;
            if let Some(word) = &problem.word {
                write!(f, "{}: ", shown(word))?;
            }
            let why = problem.why.to_string();
            let fit = |c: char| if c.is_control() { '?' } else { c };
            f.write_str(&why.chars().map(fit).collect::<String>())?;
        }
        if self.problems.len() == PROBLEMS_MAX {
            f.write_str("\nand perhaps more")?;
        }
        Ok(())
    }
}

/// The law of any text: it comes to flags, or to mistakes, each with a line that there is; and
/// nothing of it gives orders to a terminal.
#[cfg(any(test, fuzzing))]
pub(crate) fn law(text: &[u8], command: &Command) {
    let Err(error) = read(text, Path::new("t.conf"), &mut Words::new(command)) else {
        return;
    };
    let lines = text.split(|byte| *byte == b'\n').count();
    for problem in &error.problems {
        assert!((1..=lines).contains(&problem.line), "{problem:?}");
    }
    let told = error.to_string();
    assert!(told.starts_with("t.conf:"), "{told}");
    assert!(
        !told.contains(|c: char| c != '\n' && c.is_control()),
        "{told:?}"
    );
}

#[cfg(test)]
mod tests;
