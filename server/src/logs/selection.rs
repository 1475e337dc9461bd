//! Which exchanges a log wants: by path, by host, by status, by method.
//!
//! Pure, and decided on what the log is given anyway. A condition that is not there lets everything
//! through; those that are there must all hold.

use std::str::FromStr;

use http::Pattern;

use super::Exchange;

/// The conditions of one log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selection {
    /// The path beneath the document root, as rules for some paths match it.
    pub path: Option<Pattern>,
    /// The virtual host, in lower case.
    pub host: Option<Pattern>,
    /// The status of the response.
    pub statuses: Option<Statuses>,
    /// The method of the request.
    pub methods: Option<Methods>,
}

impl Selection {
    /// Whether it wants everything.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it wants this; the quick questions first.
    pub(crate) fn wants(&self, exchange: &mut Exchange<'_>) -> bool {
        let status = exchange.record.status;
        if self.statuses.is_some_and(|wanted| !wanted.has(status)) {
            return false;
        }
        if let Some(methods) = &self.methods
            && !methods.has(exchange.record.method().unwrap_or_default())
        {
            return false;
        }
        if let Some(host) = &self.host
            && !host.matches(exchange.host)
        {
            return false;
        }
        match &self.path {
            Some(pattern) => exchange.path().is_some_and(|path| pattern.matches(path)),
            None => true,
        }
    }
}

/// Statuses, as a list that is written `5xx,404,!304`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statuses {
    /// A bit for each; the first is 100.
    bits: [u64; 8],
}

/// Methods, as a list that is written `GET,POST` or `!HEAD,!OPTIONS`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Methods {
    names: Vec<String>,
    /// These, or all others.
    are_wanted: bool,
}

/// A text is no list of statuses, or of methods.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// What stands between two commas is no status.
    #[error(
        "`{0}` is no status: write one from 100 to 599 or a class such as 5xx, with commas between, \
         and ! before what is not wanted"
    )]
    Status(String),
    /// What stands between two commas is no method.
    #[error(
        "`{0}` is no method: write names such as GET, in capitals as they are sent, with commas \
         between"
    )]
    Method(String),
    /// Some methods are wanted and others are not.
    #[error(
        "`{0}` says both what is wanted and what is not: write either GET,POST or !GET,!POST, as \
         either says it all"
    )]
    Mixed(String),
}

impl Statuses {
    /// Whether `status` is one of them.
    #[must_use]
    pub fn has(&self, status: u16) -> bool {
        place(status)
            .is_some_and(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }

    fn set(&mut self, status: u16, is_in: bool) {
        if let Some((word, bit)) = place(status)
            && let Some(bits) = self.bits.get_mut(word)
        {
            *bits = if is_in { *bits | bit } else { *bits & !bit };
        }
    }
}

/// Where the bit of a status is.
fn place(status: u16) -> Option<(usize, u64)> {
    let index = status.checked_sub(STATUS_MIN)?;
    Some((usize::from(index / 64), 1 << (index % 64)))
}

impl FromStr for Statuses {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, ListError> {
        let items = || text.split(',').map(|item| unless_negated(item.trim()));
        let mut statuses = Self { bits: [0; 8] };
        // A list of exceptions alone is one from everything.
        if items().all(|(_, is_wanted)| !is_wanted) {
            statuses.bits = [u64::MAX; 8];
        }
        // What is not wanted is not, wherever it stands.
        for round in [true, false] {
            for (item, is_wanted) in items().filter(|(_, is_wanted)| *is_wanted == round) {
                let range = range(item).ok_or_else(|| ListError::Status(item.to_owned()))?;
                for status in range {
                    statuses.set(status, is_wanted);
                }
            }
        }
        Ok(statuses)
    }
}

/// The statuses that an item means.
fn range(item: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let number = |text: &str| {
        let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_digits)
    };
    let (first, last) = match item.strip_suffix("xx").or_else(|| item.strip_suffix("XX")) {
        Some(class) => {
            let class = number(class).filter(|class| *class < 10)?;
            (class * 100, class * 100 + 99)
        }
        None => (number(item)?, number(item)?),
    };
    (first >= STATUS_MIN && last <= STATUS_MAX).then_some(first..=last)
}

impl Methods {
    fn has(&self, method: &[u8]) -> bool {
        let is_named = self.names.iter().any(|name| name.as_bytes() == method);
        is_named == self.are_wanted
    }
}

impl FromStr for Methods {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, ListError> {
        let items = || text.split(',').map(|item| unless_negated(item.trim()));
        let are_wanted = items().all(|(_, is_wanted)| is_wanted);
        if !are_wanted && items().any(|(_, is_wanted)| is_wanted) {
            return Err(ListError::Mixed(text.to_owned()));
        }
        let names = items().map(|(name, _)| {
            // RFC 9110 §9.1: a method is a token, and its case counts. None has small letters.
            let is_method = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
            if is_method {
                Ok(name.to_owned())
            } else {
                Err(ListError::Method(name.to_owned()))
            }
        });
        Ok(Self {
            names: names.collect::<Result<_, _>>()?,
            are_wanted,
        })
    }
}

/// An item, and whether it is wanted.
fn unless_negated(item: &str) -> (&str, bool) {
    match item.strip_prefix('!') {
        Some(item) => (item, false),
        None => (item, true),
    }
}

/// RFC 9110 §15: a status has three digits, the first of which is 1 to 5.
const STATUS_MIN: u16 = 100;
const STATUS_MAX: u16 = 599;
