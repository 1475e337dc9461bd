//! One `--log`: which exchanges, as which lines, where to.
//!
//! ```text
//! group=errors status=5xx format=json
//! ```
//!
//! Each key once, in any order; [`super::words`] says how they are quoted.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::str::FromStr;

use http::{Pattern, PatternError};
use spread::GroupName;
use spread::stream::{GroupTooLong, StreamGroup};
use spread_logger::bucket::BUCKETS_MAX;
use spread_logger::format::FormatError;
use spread_logger::{Facility, Format, LocalPlace, SyslogOptions, UnknownFacility};

use super::words::{Word, WordError, words};
use crate::logs::{ListError, LogRule, Methods, Selection, Statuses, VirtualHosts};

/// A `--log` as it was typed.
#[derive(Clone, Debug)]
pub(super) struct LogSpec {
    selection: Selection,
    /// That of `--log-format` without.
    format: Option<Format>,
    hosts: VirtualHosts,
    group: Option<GroupName>,
    places: Vec<LocalPlace>,
}

/// One log, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct PlannedLog {
    pub(crate) rule: LogRule,
    pub(crate) destination: LogDestination,
}

/// Where the lines of a log go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LogDestination {
    /// One group, or one for each bucket.
    Groups(Vec<GroupName>),
    /// A place on this machine.
    Local(LocalPlace),
}

impl LogDestination {
    /// The groups, if it is some.
    pub(crate) fn groups(&self) -> &[GroupName] {
        match self {
            Self::Groups(groups) => groups,
            Self::Local(_) => &[],
        }
    }

    /// What it is told from others by: the group's name, or the place.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Groups(groups) => groups.iter().map(GroupName::to_string).collect(),
            Self::Local(place) => vec![place.to_string()],
        }
    }
}

/// What is wrong with a `--log`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum LogSpecError {
    #[error(transparent)]
    Words(#[from] WordError),
    #[error("`{key}` is no key: write one of {}", KEYS.join(" "))]
    Key { key: String },
    #[error("{key} stands there twice: write another --log for a second one")]
    Twice { key: String },
    #[error("{key} has no value: write {}", expected(.key))]
    NoValue { key: String },
    #[error("group `{value}`: {reason}")]
    Group { value: String, reason: String },
    #[error(transparent)]
    LongGroup(#[from] GroupTooLong),
    #[error("format: {0}")]
    Format(#[from] FormatError),
    #[error("{key}: {source}")]
    Pattern { key: String, source: PatternError },
    #[error("{key}: {source}")]
    List { key: String, source: ListError },
    #[error("vhost: `{value}` is none: write prefix, or buckets:N with N from 1 to {BUCKETS_MAX}")]
    VirtualHosts { value: String },
    #[error("facility: {0}")]
    Facility(#[from] UnknownFacility),
    #[error("facility is for syslog: write syslog as well, or leave it out")]
    FacilityWithoutSyslog,
    #[error("vhost=buckets:{buckets} is for group=NAME alone: its buckets are groups")]
    BucketsWithoutGroup { buckets: u8 },
    #[error("it goes nowhere: write group=NAME, file=PATH or syslog")]
    Nowhere,
}

const KEYS: [&str; 10] = [
    "group", "file", "syslog", "facility", "format", "path", "host", "status", "method", "vhost",
];

/// What a key wants for a value.
fn expected(key: &str) -> &'static str {
    match key {
        "group" => "group=NAME",
        "file" => "file=PATH, or file=- for standard output",
        "facility" => "facility=local7, or another facility of syslog",
        "format" => "format=combined, another name of a format, or its text in quotes",
        "path" => "path=PATTERN, as in path='downloads/**'",
        "host" => "host=PATTERN, as in host='*.example.org'",
        "status" => "status=LIST, as in status=5xx,404",
        "method" => "method=LIST, as in method=GET,HEAD",
        _ => "vhost=prefix or vhost=buckets:16",
    }
}

/// The words of a `--log`, each to be taken once.
struct Keys(Vec<Word>);

impl Keys {
    fn parse(text: &str) -> Result<Self, LogSpecError> {
        let words = words(text)?;
        for (number, word) in words.iter().enumerate() {
            if !KEYS.contains(&word.key.as_str()) {
                let key = word.key.clone();
                return Err(LogSpecError::Key { key });
            }
            let before = words.get(..number).unwrap_or_default();
            if before.iter().any(|other| other.key == word.key) {
                let key = word.key.clone();
                return Err(LogSpecError::Twice { key });
            }
        }
        Ok(Self(words))
    }

    /// The value of `key`, which must have one if it is there.
    fn value(&self, key: &str) -> Result<Option<&str>, LogSpecError> {
        let Some(word) = self.0.iter().find(|word| word.key == key) else {
            return Ok(None);
        };
        let value = word.value.as_deref().filter(|value| !value.is_empty());
        let key = key.to_owned();
        value.map(Some).ok_or(LogSpecError::NoValue { key })
    }

    fn pattern(&self, key: &str) -> Result<Option<Pattern>, LogSpecError> {
        let Some(text) = self.value(key)? else {
            return Ok(None);
        };
        // Hosts are in lower case; a path is as it is.
        let text = match key {
            "host" => text.to_ascii_lowercase(),
            _ => text.to_owned(),
        };
        let pattern = text.parse().map_err(|source| LogSpecError::Pattern {
            key: key.to_owned(),
            source,
        });
        pattern.map(Some)
    }

    fn list<T: FromStr<Err = ListError>>(&self, key: &str) -> Result<Option<T>, LogSpecError> {
        let parse = |text: &str| {
            text.parse().map_err(|source| LogSpecError::List {
                key: key.to_owned(),
                source,
            })
        };
        self.value(key)?.map(parse).transpose()
    }

    fn group(&self) -> Result<Option<GroupName>, LogSpecError> {
        let Some(text) = self.value("group")? else {
            return Ok(None);
        };
        let group = text.parse().map_err(|reason: spread::NameError| {
            let (value, reason) = (text.to_owned(), reason.to_string());
            LogSpecError::Group { value, reason }
        })?;
        StreamGroup::try_from(group)?;
        Ok(Some(group))
    }

    fn hosts(&self) -> Result<VirtualHosts, LogSpecError> {
        let Some(value) = self.value("vhost")? else {
            return Ok(VirtualHosts::Together);
        };
        if value == "prefix" {
            return Ok(VirtualHosts::Prefixed);
        }
        let number = value.strip_prefix("buckets:");
        let buckets = number.and_then(|number| number.parse::<NonZeroU8>().ok());
        match buckets {
            Some(buckets) if buckets.get() <= BUCKETS_MAX => Ok(VirtualHosts::Buckets(buckets)),
            _ => Err(LogSpecError::VirtualHosts {
                value: value.to_owned(),
            }),
        }
    }

    fn places(&self) -> Result<Vec<LocalPlace>, LogSpecError> {
        let file = self.value("file")?.map(|path| match path {
            "-" => LocalPlace::Stdout,
            path => LocalPlace::File(path.into()),
        });
        let facility = self.value("facility")?.map(str::parse).transpose()?;
        let syslog = self.0.iter().find(|word| word.key == "syslog");
        if syslog.is_none() && facility.is_some() {
            return Err(LogSpecError::FacilityWithoutSyslog);
        }
        let syslog = syslog.map(|word| {
            let path = word.value.as_deref().filter(|path| !path.is_empty());
            LocalPlace::Syslog(SyslogOptions {
                path: path.map_or_else(|| SyslogOptions::PATH.into(), PathBuf::from),
                facility: facility.unwrap_or(Facility::LOCAL7),
                tag: "rthttpd".to_owned(),
            })
        });
        Ok(file.into_iter().chain(syslog).collect())
    }
}

impl FromStr for LogSpec {
    type Err = LogSpecError;

    fn from_str(text: &str) -> Result<Self, LogSpecError> {
        let keys = Keys::parse(text)?;
        let spec = Self {
            selection: Selection {
                path: keys.pattern("path")?,
                host: keys.pattern("host")?,
                statuses: keys.list::<Statuses>("status")?,
                methods: keys.list::<Methods>("method")?,
            },
            format: keys.value("format")?.map(str::parse).transpose()?,
            hosts: keys.hosts()?,
            group: keys.group()?,
            places: keys.places()?,
        };
        if spec.group.is_none() && spec.places.is_empty() {
            return Err(LogSpecError::Nowhere);
        }
        if let VirtualHosts::Buckets(buckets) = spec.hosts {
            let buckets = buckets.get();
            if spec.group.is_none() || !spec.places.is_empty() {
                return Err(LogSpecError::BucketsWithoutGroup { buckets });
            }
            spec.group
                .map(|group| buckets_of(group, buckets))
                .transpose()?;
        }
        Ok(spec)
    }
}

impl LogSpec {
    /// A log for each place that it goes to; `format` is for those that name none.
    pub(super) fn planned(&self, format: &Format) -> Vec<PlannedLog> {
        let rule = LogRule {
            selection: self.selection.clone(),
            format: self.format.as_ref().unwrap_or(format).clone(),
            hosts: self.hosts,
        };
        let groups = self.group.map(|group| match self.hosts {
            VirtualHosts::Buckets(buckets) => buckets_of(group, buckets.get()).unwrap_or_default(),
            VirtualHosts::Together | VirtualHosts::Prefixed => vec![group],
        });
        let groups = groups.map(LogDestination::Groups);
        let places = self.places.iter().cloned().map(LogDestination::Local);
        let destinations = groups.into_iter().chain(places);
        let planned = destinations.map(|destination| PlannedLog {
            rule: rule.clone(),
            destination,
        });
        planned.collect()
    }
}

/// `NAME.0`, `NAME.1` and so on.
fn buckets_of(group: GroupName, buckets: u8) -> Result<Vec<GroupName>, LogSpecError> {
    let names = (0..buckets).map(|number| {
        let name = format!("{group}.{number}");
        let refused = |reason: spread::NameError| LogSpecError::Group {
            value: name.clone(),
            reason: reason.to_string(),
        };
        let bucket: GroupName = name.parse().map_err(refused)?;
        Ok(StreamGroup::try_from(bucket)?.name())
    });
    names.collect()
}

/// What holds for any text: what is taken goes somewhere, and each way has a ring and a name.
#[cfg(any(test, fuzzing))]
pub(crate) fn law(text: &str) {
    let Ok(spec) = text.parse::<LogSpec>() else {
        return;
    };
    let planned = spec.planned(&Format::default());
    let names = planned.iter().flat_map(|log| log.destination.names());
    let outputs: usize = planned.iter().map(|log| log.rule.outputs()).sum();
    assert!(outputs > 0 && outputs == names.count(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<LogSpec>().unwrap_err().to_string()
    }

    fn destinations(text: &str) -> Vec<LogDestination> {
        let spec: LogSpec = text.parse().unwrap();
        let planned = spec.planned(&Format::default()).into_iter();
        planned.map(|log| log.destination).collect()
    }

    #[test]
    fn a_log_goes_to_every_place_that_it_names() {
        let syslog = |path: &str, facility: &str| {
            LogDestination::Local(LocalPlace::Syslog(SyslogOptions {
                path: path.into(),
                facility: facility.parse().unwrap(),
                tag: "rthttpd".into(),
            }))
        };
        let group = |names: &[&str]| {
            LogDestination::Groups(names.iter().map(|name| name.parse().unwrap()).collect())
        };
        let file = LogDestination::Local(LocalPlace::File("/var/log/a b".into()));

        assert_eq!(destinations("group=a"), [group(&["a"])]);
        assert_eq!(
            destinations("syslog file='/var/log/a b' group=a"),
            [group(&["a"]), file, syslog("/dev/log", "local7")]
        );
        assert_eq!(
            destinations("syslog=/run/log facility=daemon"),
            [syslog("/run/log", "daemon")]
        );
        assert_eq!(
            destinations("file=-"),
            [LogDestination::Local(LocalPlace::Stdout)]
        );
        assert_eq!(
            destinations("group=site vhost=buckets:3"),
            [group(&["site.0", "site.1", "site.2"])]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_key_and_what_is_expected() {
        for (text, said) in [
            ("", "it goes nowhere: write group=NAME, file=PATH or syslog"),
            ("status=404", "it goes nowhere"),
            ("grop=a", "`grop` is no key: write one of group file syslog"),
            ("=a", "`` is no key"),
            (
                "group=a group=b",
                "group stands there twice: write another --log",
            ),
            ("group", "group has no value: write group=NAME"),
            ("file=", "file has no value: write file=PATH, or file=- for"),
            ("group=a_name_of_twenty_eight_bytes", "27"),
            (
                "group=a_name_of_27_bytes_as_it_is vhost=buckets:2",
                "a_name_of_27_bytes_as_it_is.0",
            ),
            ("group='a b'", "group `a b`: "),
            (
                "group=a status=6xx",
                "status: `6xx` is no status: write one from 100 to 599",
            ),
            ("group=a status=404,", "status: `` is no status"),
            ("group=a method=get", "method: `get` is no method"),
            (
                "group=a method=GET,!HEAD",
                "both what is wanted and what is not",
            ),
            (
                "group=a vhost=buckets",
                "vhost: `buckets` is none: write prefix, or buckets:N with N from 1 to 64",
            ),
            ("group=a vhost=buckets:65", "`buckets:65` is none"),
            ("group=a vhost=buckets:0", "`buckets:0` is none"),
            (
                "file=a vhost=buckets:2",
                "vhost=buckets:2 is for group=NAME alone",
            ),
            ("syslog facility=local8", "facility: no facility `local8`"),
            ("file=a facility=local0", "facility is for syslog"),
            (
                "group=a path='*******************'",
                "path: the pattern has",
            ),
            ("group=a format='%'", "format: "),
        ] {
            let error = refused(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn hosts_are_matched_in_lower_case_and_paths_as_they_are() {
        let spec: LogSpec = "group=a host=WWW.* path=A/**".parse().unwrap();

        assert!(spec.selection.host.unwrap().matches(b"www.example"));
        assert!(spec.selection.path.unwrap().matches(b"A/b"));
    }
}
