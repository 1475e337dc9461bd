//! thttpd's spellings, rewritten to long options before they are parsed.
//!
//! `-dd`, `-nor` and their like are no flags that a parser of today's kind would take for one, and
//! a thttpd takes a flag back with another (`-v`, `-nov`) or replaces what it said before. So the
//! words are read once in their order, with the options that there are as a guide: what is taken
//! back is gone, what is thttpd's has its long name, and everything else stays as it is.
//!
//! A configuration file (`conf/`) stands in the place of the flags it is made of. No value is
//! looked at here.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::vec;

use clap::{Arg, Command};

use super::conf::{self, ConfError};

/// What a word of thttpd's comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// The option, with the value that follows.
    Value(&'static str),
    /// The option, which has no value.
    Set(&'static str),
    /// The option is taken back, if it was given before.
    Unset(&'static str),
    /// A log in the file that follows, and no other file; `/dev/null` for none.
    Log,
}

/// One thing that can be said to thttpd.
#[derive(Debug)]
pub(super) struct Spelling {
    /// On its command line; empty for what has to be said in its file.
    pub(super) flag: &'static str,
    /// In its file; none for what has to be said on its command line.
    pub(super) keywords: &'static [&'static str],
    pub(super) meaning: Meaning,
}

/// Why a command line cannot be rewritten.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpellingError {
    /// A flag of thttpd's has nothing to stand for.
    #[error("cannot take {said}: this rthttpd has no option --{option}, which would do that")]
    NotHere {
        said: &'static str,
        option: &'static str,
    },
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It is none.
    #[error("{} is no configuration: it is longer than {} bytes", path.display(), conf::LEN_MAX)]
    Long { path: PathBuf },
    /// Each is read whole.
    #[error("cannot take {}: there are {FILES_MAX} configuration files already", path.display())]
    Files { path: PathBuf },
}

/// 16: more than one is rare, and each may be read again at any time.
const FILES_MAX: usize = 16;

/// The words of a command line in the making: options, each with its values.
#[derive(Debug)]
pub(super) struct Words<'c> {
    command: &'c Command,
    said: Vec<Said>,
    /// A log has been named in thttpd's way, or none.
    is_log_said: bool,
}

/// An option and its values, or a word that is none.
#[derive(Debug)]
struct Said {
    option: Option<String>,
    words: Vec<OsString>,
    /// It is thttpd's log, in the place of which another may come.
    is_log: bool,
}

/// As of thttpd 2.29, and what its descendant sthttpd calls some of it.
pub(super) const SPELLINGS: &[Spelling] = &[
    spelling("-p", &["port"], Meaning::Value("port")),
    spelling("-d", &["dir"], Meaning::Value("dir")),
    spelling("-dd", &["data_dir"], Meaning::Value("data-dir")),
    spelling("-r", &["chroot"], Meaning::Set("chroot")),
    spelling("-nor", &["nochroot"], Meaning::Unset("chroot")),
    spelling(
        "-s",
        &["symlinkcheck", "symlink", "symlinks"],
        Meaning::Unset("no-symlink-check"),
    ),
    spelling(
        "-nos",
        &["nosymlinkcheck", "nosymlink", "nosymlinks"],
        Meaning::Set("no-symlink-check"),
    ),
    spelling("-v", &["vhost"], Meaning::Set("vhosts")),
    spelling("-nov", &["novhost"], Meaning::Unset("vhosts")),
    spelling("-g", &["globalpasswd"], Meaning::Set("global-password")),
    spelling(
        "-nog",
        &["noglobalpasswd"],
        Meaning::Unset("global-password"),
    ),
    spelling("-u", &["user"], Meaning::Value("user")),
    spelling("-c", &["cgipat"], Meaning::Value("cgi")),
    spelling("", &["cgilimit"], Meaning::Value("cgi-limit")),
    spelling("-t", &["throttles"], Meaning::Value("throttles")),
    spelling("-h", &["host"], Meaning::Value("host")),
    spelling("-l", &["logfile"], Meaning::Log),
    spelling("-i", &["pidfile"], Meaning::Value("pid-file")),
    spelling("-T", &["charset"], Meaning::Value("charset")),
    spelling("-P", &["p3p"], Meaning::Value("p3p")),
    spelling("-M", &["max_age"], Meaning::Value("max-age")),
    spelling("", &["urlpat"], Meaning::Value("referer-pattern")),
    spelling("", &["localpat"], Meaning::Value("local-pattern")),
    spelling(
        "",
        &["noemptyreferers", "noemptyreferrers"],
        Meaning::Set("no-empty-referers"),
    ),
    spelling("-V", &[], Meaning::Set("version")),
    spelling("-D", &["debug"], Meaning::Set("foreground")),
];

const fn spelling(
    flag: &'static str,
    keywords: &'static [&'static str],
    meaning: Meaning,
) -> Spelling {
    Spelling {
        flag,
        keywords,
        meaning,
    }
}

impl Meaning {
    /// The option that it is about.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::Value(option) | Self::Set(option) | Self::Unset(option) => option,
            Self::Log => LOG,
        }
    }
}

/// Rewrites a whole command line, the program's name first, for `command`, which is built; what
/// the files say that it names, read from `system`, stands in their places.
///
/// What does not begin with a flag is left alone: then it is a command that has flags of its own.
pub(super) fn respell(
    args: Vec<OsString>,
    command: &Command,
    system: &mut System<'_>,
) -> Result<Vec<OsString>, SpellingError> {
    let mut words = Words::new(command);
    let mut args = args.into_iter();
    let name = args.next();
    let is_thttpd = name
        .as_ref()
        .is_some_and(|name| Path::new(name).ends_with("thttpd"));
    if is_thttpd {
        words.say(DEFAULTS, Vec::new());
    }
    let mut files = 0;
    let is_flag = |arg: &OsString| arg.as_bytes().starts_with(b"-");
    if args.as_slice().first().is_some_and(is_flag) {
        while let Some(arg) = args.next() {
            if arg == "--" {
                words.push(None, vec![arg]);
                break;
            }
            let Some(path) = words.read(arg, &mut args)? else {
                continue;
            };
            if files == FILES_MAX {
                return Err(SpellingError::Files { path });
            }
            files += 1;
            let text = match (system.open)(&path) {
                Ok(text) if text.len() > conf::LEN_MAX => return Err(SpellingError::Long { path }),
                Ok(text) => text,
                Err(source) => return Err(SpellingError::Read { path, source }),
            };
            conf::read(&text, &path, &mut words)?;
        }
    }
    if system.has_log {
        words.log_as_thttpd();
    }
    words.log_hosts_as_thttpd();
    Ok(name.into_iter().chain(words.finish()).chain(args).collect())
}

/// What there is around the program.
pub(super) struct System<'s> {
    /// Reads a file; more than [`conf::LEN_MAX`] bytes are not wanted.
    pub(super) open: &'s mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    /// Whether anybody takes what is sent to the system's log.
    pub(super) has_log: bool,
}

/// The option that stands for being as thttpd is where nothing is said.
const DEFAULTS: &str = "thttpd-defaults";

impl<'c> Words<'c> {
    /// None yet; `command` is built.
    pub(super) const fn new(command: &'c Command) -> Self {
        Self {
            command,
            said: Vec::new(),
            is_log_said: false,
        }
    }

    /// Takes one flag, with the values it needs from `rest`; gives the file that it names, if it
    /// names one to be read.
    fn read(
        &mut self,
        arg: OsString,
        rest: &mut vec::IntoIter<OsString>,
    ) -> Result<Option<PathBuf>, SpellingError> {
        let (name, whole) = parts(&arg);
        if arg == "-C" {
            self.say(DEFAULTS, Vec::new());
        }
        if arg == "-C" || name == Some(CONFIG) {
            let path = whole.map(ToOwned::to_owned).or_else(|| rest.next());
            self.say(CONFIG, path.iter().cloned().collect());
            return Ok(path.map(PathBuf::from));
        }
        let spelling = SPELLINGS
            .iter()
            .find(|spelling| !spelling.flag.is_empty() && arg == spelling.flag);
        if let Some(spelling) = spelling {
            let meaning = spelling.meaning;
            let has_value = matches!(meaning, Meaning::Value(_) | Meaning::Log);
            let value = has_value.then(|| rest.next());
            let said = spelling.flag;
            let not_here = |option| SpellingError::NotHere { said, option };
            return self
                .mean(meaning, value.flatten())
                .map_err(not_here)
                .map(|()| None);
        }
        let values = match name.and_then(|name| self.option(name)) {
            Some(option) if whole.is_none() => values_of(option).max(offered(option, rest)),
            _ => 0,
        };
        let option = name.map(str::to_owned);
        let mut words = vec![arg];
        words.extend(rest.by_ref().take(values));
        self.push(option, words);
        Ok(None)
    }

    /// Adds what a word of thttpd's means, or gives the option that there is not.
    pub(super) fn mean(
        &mut self,
        meaning: Meaning,
        value: Option<OsString>,
    ) -> Result<(), &'static str> {
        let option = meaning.option();
        match meaning {
            // Nothing has to be there for its absence.
            Meaning::Unset(_) => self.take_back(option),
            Meaning::Log if value.as_deref() == Some(OsStr::new("/dev/null")) => self.log_nowhere(),
            _ if self.option(option).is_none() => return Err(option),
            Meaning::Value(_) | Meaning::Set(_) => {
                self.say(option, value.into_iter().collect());
            }
            Meaning::Log => self.log(value),
        }
        Ok(())
    }

    /// Takes thttpd's log back.
    fn log_nowhere(&mut self) {
        self.is_log_said = true;
        self.said.retain(|said| !said.is_log);
    }

    /// Adds thttpd's log, in the place of the one before.
    fn log(&mut self, path: Option<OsString>) {
        self.log_nowhere();
        let value = path.map(|path| in_file(&path));
        self.say(LOG, value.into_iter().collect());
        self.mark_log();
    }

    /// What was said last is thttpd's log.
    fn mark_log(&mut self) {
        if let Some(said) = self.said.last_mut() {
            said.is_log = true;
        }
    }

    /// Where thttpd would be asked for and no log has been named, adds the system's.
    fn log_as_thttpd(&mut self) {
        let is_named = self.is_log_said || self.is_said(LOG) || self.is_said("spread");
        if self.is_said(DEFAULTS) && !is_named && self.option(LOG).is_some() {
            self.say(LOG, vec![SYSLOG.into()]);
            self.mark_log();
        }
    }

    /// Where hosts have directories, has thttpd's log begin its paths with them, as it did.
    fn log_hosts_as_thttpd(&mut self) {
        if !(self.is_said(DEFAULTS) && self.is_said("vhosts")) {
            return;
        }
        for said in self.said.iter_mut().filter(|said| said.is_log) {
            for word in &mut said.words {
                *word = of_hosts(word);
            }
        }
    }

    fn is_said(&self, option: &str) -> bool {
        let mut said = self.said.iter();
        said.any(|said| said.option.as_deref() == Some(option))
    }

    /// Adds an option that there is, with its values.
    pub(super) fn say(&mut self, option: &str, values: Vec<OsString>) {
        let mut first = OsString::from(format!("--{option}"));
        let words = match <[OsString; 1]>::try_from(values) {
            // In one word, so that a value may begin with `-`, as thttpd's may.
            Ok([value]) => {
                first.push("=");
                first.push(value);
                vec![first]
            }
            Err(mut values) => {
                values.insert(0, first);
                values
            }
        };
        self.push(Some(option.to_owned()), words);
    }

    fn push(&mut self, option: Option<String>, words: Vec<OsString>) {
        self.said.push(Said {
            option,
            words,
            is_log: false,
        });
    }

    fn take_back(&mut self, option: &str) {
        self.said
            .retain(|said| said.option.as_deref() != Some(option));
    }

    /// What the words are for.
    pub(super) const fn command(&self) -> &'c Command {
        self.command
    }

    /// The option of this long name.
    pub(super) fn option(&self, name: &str) -> Option<&'c Arg> {
        let mut options = self.command.get_arguments();
        options.find(|option| option.get_long() == Some(name))
    }

    /// All of them, in order.
    pub(super) fn finish(self) -> impl Iterator<Item = OsString> {
        self.said.into_iter().flat_map(|said| said.words)
    }
}

/// How many words an option must have behind it.
pub(super) fn values_of(option: &Arg) -> usize {
    let is_alone = !option.get_action().takes_values();
    let range = option.get_num_args();
    match range {
        _ if is_alone => 0,
        Some(range) => range.min_values(),
        None => 1,
    }
}

/// 1 if the option may have a value and `rest` begins with what could be it.
fn offered(option: &Arg, rest: &vec::IntoIter<OsString>) -> usize {
    let range = option.get_num_args();
    let may_have = range.is_some_and(|range| range.max_values() > 0);
    let is_value = |word: &OsString| !word.as_bytes().starts_with(b"-");
    let is_offered = rest.as_slice().first().is_some_and(is_value);
    usize::from(may_have && is_offered && !option.is_require_equals_set())
}

/// What `--log` takes for a log in the file at `path`, in quotes, as it may hold blanks.
fn in_file(path: &OsStr) -> OsString {
    let mut value = b"format=combined file=\"".to_vec();
    for byte in path.as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(*byte);
    }
    value.push(b'"');
    OsString::from_vec(value)
}

/// The words of thttpd's log, with the host before the path in place of the request line.
fn of_hosts(word: &OsStr) -> OsString {
    let bytes = word.as_bytes();
    let replaced = |from: &str, to: &str| {
        let from = from.as_bytes();
        let at = bytes.windows(from.len()).position(|part| part == from)?;
        let (before, rest) = bytes.split_at_checked(at)?;
        let rest = rest.get(from.len()..)?;
        Some(OsString::from_vec([before, to.as_bytes(), rest].concat()))
    };
    replaced("format=combined", &format!("format='{OF_HOSTS}'"))
        .or_else(|| replaced("%r", "%m /%V%{raw}U%q %H"))
        .unwrap_or_else(|| word.to_owned())
}

/// Combined Log Format, with the host.
const OF_HOSTS: &str = r#"%h %l %u %t "%m /%V%{raw}U%q %H" %>s %b "%{Referer}i" "%{User-Agent}i""#;

/// The option by which a log is named.
const LOG: &str = "log";

/// thttpd's log where it is told of none: what it has in a file, but for the time, which syslog
/// has.
const SYSLOG: &str =
    r#"syslog facility=daemon format='%h - %u "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'"#;

/// The option that names a file.
const CONFIG: &str = "config";

/// `name` of `--name`, and of `--name=value` both.
fn parts(arg: &OsStr) -> (Option<&str>, Option<&OsStr>) {
    let Some(long) = arg.as_bytes().strip_prefix(b"--") else {
        return (None, None);
    };
    let mut parts = long.splitn(2, |byte| *byte == b'=');
    let name = parts.next().and_then(|name| str::from_utf8(name).ok());
    (name, parts.next().map(OsStr::from_bytes))
}

#[cfg(test)]
mod tests;
